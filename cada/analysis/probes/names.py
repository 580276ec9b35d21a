"""The columns of a table of choices: what the probe step writes and the tables read."""

from __future__ import annotations

GROUP = ("chosen", "kind", "slots")  # what is chosen, how the wrong one differs, and in what; a changed caption names no slots
CHOICE = (*GROUP, "image", "caption", "person")
SCORES, SIDES = ("cosine", "match"), ("right", "wrong")
SCORED = tuple(f"{score}_{side}" for score in SCORES for side in SIDES)

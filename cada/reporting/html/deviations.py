"""Where a run's choices are not those of the paper's code: the switches that differ, each with a sentence on what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cada.config import Switches

SWITCHES = {
    "batches": "Which captions meet in a training batch",
    "hard_negatives": "Which wrong pictures and captions ATP learns to tell from the right ones",
    "local_groups": "What the groups of tokens are that ATP matches beside the whole caption",
    "group_count": "How many such groups there are",
    "padding": "To which length captions are filled up",
    "ara_masking": "What ARA hides of a caption and predicts from the picture",
    "ara_rate": "Which share of it is hidden",
    "ara_mean": "Over which tokens ARA's loss is averaged",
    "fusion": "How cosine and match score make one score in re-ranking",
    "selection": "Which split chooses the checkpoint",
    "absent_val": "Where val comes from if the data set has none",
    "queries": "Which captions are asked",
}
VALUES = {
    "batches": {"random": "any", "lookalikes": "those of persons whose captions share the most words, among others"},
    "hard_negatives": {
        "published": "argmax of the softmax of raw products; where it underflows, the first of the batch, right or wrong",
        "hardest": "the most similar one of another person",
        "sampled": "one of another person, by lot, similar ones more often",
    },
    "local_groups": {"fixed": "fixed positions, padding included", "parts": "equal parts of the caption's own tokens"},
    "padding": {"fixed": "the longest that is allowed", "batch": "the longest of the batch"},
    "ara_masking": {"words": "single words: nouns and adjectives, and the mark of the caption's end", "phrases": "whole attribute phrases"},
    "ara_mean": {"process": "those of each process, then over processes", "batch": "all of the batch"},
    "fusion": {
        "published": "match logit + cosine",
        "calibrated": "log-softmax of the match + w cosine, w chosen on val; the published sum is reported beside it",
    },
    "selection": {"test": "test, which then is no test any more", "val": "val, by mAP"},
    "absent_val": {"test": "it is test", "held_out": "train persons held out by a fixed rule"},
    "queries": {"first_two": "the first two of each picture", "all": "all"},
}
ALWAYS = (
    "at least one phrase of a batch is hidden for ARA, whose loss is not a number in the paper's code where none is;",
    "of equal scores the earlier picture comes first, in all metrics; the paper's code has one order for R@K and another for mAP;",
    "only variants trained with ATP re-rank; in the paper's code all would.",
)


@dataclass(frozen=True)
class Deviation:
    """One switch: what it decides, what the paper's code does, what the variants do instead, and why that changes nothing, if so."""

    switch: str
    decides: str
    published: str
    here: str
    idle: str


def deviations(switches: Mapping[str, Switches], published: Switches, idle: Mapping[str, str]) -> list[Deviation]:
    """The switches in which at least one variant, by name, is not as published. idle: why a switch changes nothing in this run."""
    found = []
    for switch, theirs in published:
        values = {variant: getattr(own, switch) for variant, own in switches.items()}
        if any(value != theirs for value in values.values()):
            said = {value: _said(switch, value) for value in values.values()}
            owners = {value: ", ".join(name for name, own in values.items() if own == value) for value in said}
            here = "; ".join(text + (f" ({owners[value]})" if len(said) > 1 else "") for value, text in said.items())
            found.append(Deviation(switch, SWITCHES[switch], _said(switch, theirs), here, idle.get(switch, "")))
    return found


def _said(switch: str, value: str | float) -> str:
    return VALUES[switch][value] if isinstance(value, str) else f"{value:g}"

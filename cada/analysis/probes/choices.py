"""Choices of the right one of two: of two images for a sentence, or of two sentences for an image. By chance half of them are right.

On a drawn set an image is drawn again as look-alikes (`cada.synthpedes.lookalikes`). A sentence that states what differs must prefer its
own image, and the image its own sentence to the look-alike's where that one is false of it. On any set a caption is compared with its
false version (`cada.analysis.probes.text`), on its own image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from PIL import Image

from cada.analysis.probes.names import CHOICE, SCORES, SIDES
from cada.analysis.probes.outcomes import Outcome, PairScores
from cada.analysis.probes.running import pair_scores
from cada.config import Synthesis
from cada.datasets.loading import Split
from cada.model.cada import Cada
from cada.retrieval.encoding import Engine
from cada.retrieval.search import Search, Target
from cada.synthpedes.generate import Task, tasks
from cada.synthpedes.lookalikes import LookAlike, look_alikes
from cada.synthpedes.randomness import Stream


@dataclass(frozen=True)
class Shown:
    """An image of a drawn set with caption `number`, and behind it its look-alikes."""

    task: Task
    number: int
    images: Sequence[LookAlike]


def shown_images(synthesis: Synthesis, persons: Sequence[int], *, seed: int) -> list[Shown]:
    """A random image of each of these test persons and its look-alikes, drawn from the seeds of the set and of the probe."""
    own: dict[int, list[Task]] = {}
    for task in tasks(synthesis, "test"):
        own.setdefault(task.identity, []).append(task)
    chosen = [Stream(seed, "look-alike", person).choice(own[person]) for person in persons]
    return [Shown(task, *look_alikes(task, synthesis, seed=seed)) for task in chosen]


def look_alike_choices(model: Cada, shown: Sequence[Shown], engine: Engine) -> pd.DataFrame:
    """Every choice between an image and a look-alike, and between their captions: CHOICE and scores, see `_table`."""
    rows: list[tuple[object, ...]] = []
    pairs: list[tuple[int, int, int]] = []  # the image with its caption, and the caption and the image of the other pair
    first = 0
    for own in shown:
        for other, one in enumerate(own.images[1:], start=first + 1):
            assert one.change, "all but the first differ"
            named = (one.change.kind, " ".join(one.change.slots), own.task.path, own.number, own.task.identity)
            rows.append(("image", *named))
            pairs.append((first, first, other))
            if one.distinct:
                rows.append(("sentence", *named))
                pairs.append((first, other, first))
        first += len(own.images)
    if not pairs:
        return _table([], {}, {})
    drawn = [one for own in shown for one in own.images]
    height, width = model.architecture.image_size
    pixels = [np.asarray(one.image.resize((width, height), Image.Resampling.BILINEAR)) for one in drawn]
    persons = np.repeat([own.task.identity for own in shown], [len(own.images) for own in shown])
    images = torch.from_numpy(np.stack(pixels).transpose(0, 3, 1, 2).copy())
    captions = model.tokenizer([one.caption for one in drawn])
    search = Search.of(model, Target(images, persons, captions, persons), engine)
    right, caption, image = np.array(pairs).T
    return _table(rows, pair_scores(search, right, right), pair_scores(search, caption, image))


def caption_choices(outcomes: Mapping[str, Outcome], split: Split) -> pd.DataFrame:
    """Every choice between a caption of `split` and a false version, for the kinds of change that make one: CHOICE and scores."""
    tables = []
    for kind, outcome in outcomes.items():
        if outcome.changed is not None and outcome.pairs:
            changed = np.flatnonzero(outcome.changed)
            images = [split.image_names[row] for row in split.caption_image[changed]]
            named = zip(images, split.caption_number[changed], split.caption_persons[changed], strict=True)
            true, false = ({score: values[:, side] for score, values in outcome.pairs.items()} for side in (0, 1))
            tables.append(_table([("caption", kind, "", *own) for own in named], true, false))
    return pd.concat(tables, ignore_index=True) if tables else _table([], {}, {})


def _table(named: Sequence[tuple[object, ...]], right: PairScores, wrong: PairScores) -> pd.DataFrame:
    """A row for each choice: its names, and under each score what the right one and the wrong one have."""
    table = pd.DataFrame(named, columns=CHOICE).astype({"caption": np.int32, "person": np.int64})
    return table.assign(
        **{f"{score}_{side}": of.get(score, np.nan) for score in SCORES for side, of in zip(SIDES, (right, wrong), strict=True)}
    )

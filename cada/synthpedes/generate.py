"""Draws the whole set: images and annotation in CUHK-PEDES' own layout.

`imgs/<split>/<id>_<n>.jpg` and `reid_raw.json` (train, val, test), whose records hold, beyond CUHK-PEDES' fields, the gold phrases and the
stated facts of each caption and the person's attributes. Pre-training persons, where there are any, are in `pretrain.json`, with
CUHK-PEDES' fields only: public code for CUHK-PEDES would take any other split for val. `synthesis.json` says how the set was drawn; it
is written last.
"""

from __future__ import annotations

import json
import multiprocessing
import string
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cada.config import Synthesis
from cada.runtime.parent_process import end_with_parent
from cada.storage import files
from cada.synthpedes.attributes import PRETRAIN, Person, families
from cada.synthpedes.captions import DrawnCaption, write_caption
from cada.synthpedes.drawing import draw_image, encode
from cada.synthpedes.randomness import Stream
from cada.synthpedes.scene import Shot, draw_shot, hidden_slots

GENERATOR = 2  # raised whenever the same parameters give other bytes
ANNOTATION, PRETRAINING, SYNTHESIS = "reid_raw.json", "pretrain.json", "synthesis.json"
CAPTIONS_PER_IMAGE = 2
_STRENGTH = {PRETRAIN: 30, "train": 100, "val": 100, "test": 100}  # per cent of the nuisance
_ORDER = ("train", "val", "test", PRETRAIN)  # of the persons' ids
_CHUNK = 64  # images that a process draws at a time
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True)
class Task:
    """One image to draw."""

    split: str
    person: Person
    index: int  # of the person within the split
    identity: int  # of the person within the set, from 1
    number: int  # of the image among the person's

    @property
    def path(self) -> str:
        return f"{self.split}/{self.identity:05d}_{self.number}.jpg"


def description(synthesis: Synthesis) -> dict[str, Any]:
    """What synthesis.json holds."""
    return {"generator": GENERATOR, **synthesis.model_dump(mode="json")}


def tasks(synthesis: Synthesis, split: str) -> Iterator[Task]:
    """The images of one split, in order."""
    counts = synthesis.persons
    first = 1 + sum(getattr(counts, earlier) for earlier in _ORDER[: _ORDER.index(split)])
    for index, person in enumerate(families(synthesis.seed, split, getattr(counts, split))):
        images = 1 if split == PRETRAIN else Stream(synthesis.seed, split, index, "pictures").between(*synthesis.images_per_person)
        for number in range(images):
            yield Task(split, person, index, first + index, number)


def draw(task: Task, synthesis: Synthesis) -> tuple[bytes, dict[str, Any]]:
    """The JPEG and the annotation record of one image: the same whatever else is drawn."""
    shot, random = shot_of(task, synthesis)
    image = encode(draw_image(task.person, shot, synthesis.size, random))
    captions = captions_of(task, synthesis, shot)
    record = {
        "split": task.split,
        "captions": [caption.text for caption in captions],
        "file_path": task.path,
        "processed_tokens": [caption.text.lower().translate(_NO_PUNCTUATION).split() for caption in captions],
        "id": task.identity,
    }
    gold = {
        "phrases": [[phrase._asdict() for phrase in caption.phrases] for caption in captions],
        "facts": [caption.facts for caption in captions],
        "attributes": task.person.attributes.present(),
    }
    return image, record if task.split == PRETRAIN else record | gold


def shot_of(task: Task, synthesis: Synthesis) -> tuple[Shot, Stream]:
    """The circumstances of one image, and the random stream that the rest of it is drawn from."""
    random = Stream(*_name(task, synthesis), "picture")
    return draw_shot(random, _STRENGTH[task.split]), random


def captions_of(task: Task, synthesis: Synthesis, shot: Shot) -> list[DrawnCaption]:
    """The captions of one image, in order."""
    attributes, name = task.person.attributes, _name(task, synthesis)
    hidden = hidden_slots(attributes, shot)
    return [write_caption(attributes, shot.pose.view, hidden, Stream(*name, "caption", i)) for i in range(CAPTIONS_PER_IMAGE)]


def _name(task: Task, synthesis: Synthesis) -> tuple[int, str, int, int]:
    return synthesis.seed, task.split, task.index, task.number


def draw_set(root: Path, synthesis: Synthesis, *, processes: int = 1) -> None:
    """Draw all images and write all annotation into `root`, which must not be there yet: the same bytes in any number of processes."""
    with _pool(processes) as pool:
        for name, splits in ((ANNOTATION, _ORDER[:3]), (PRETRAINING, _ORDER[3:])):
            if not (todo := [task for split in splits for task in tasks(synthesis, split)]):
                continue
            for split in splits:
                (root / "imgs" / split).mkdir(parents=True)
            own = partial(_draw_file, root, synthesis)
            drawn = pool.map(own, todo, chunksize=_CHUNK) if pool else map(own, todo)
            records = list(tqdm(drawn, desc=f"drawing {', '.join(splits)}", total=len(todo), unit="image", disable=None))
            lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
            files.write_text(root / name, f"[\n{lines}\n]\n")
    files.write_json(root / SYNTHESIS, description(synthesis))


def _pool(processes: int) -> AbstractContextManager[ProcessPoolExecutor | None]:
    """Processes that draw, and end with this one however it ends; none where this one draws alone."""
    if processes == 1:
        return nullcontext()
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"), initializer=end_with_parent)


def _draw_file(root: Path, synthesis: Synthesis, task: Task) -> dict[str, Any]:
    image, record = draw(task, synthesis)
    (root / "imgs" / task.path).write_bytes(image)
    return record

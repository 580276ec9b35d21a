"""Replicas of the three public sets: their layouts, fields and known defects, with painted persons that a small model can tell apart.

The same arguments give the same files. Each writer gives the records as they stand in the annotation.
"""

from __future__ import annotations

import itertools
import json
import random
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

Records = list[dict[str, Any]]
Writer = Callable[..., Records]

COLOURS = {
    "red": (200, 40, 40),
    "blue": (40, 70, 200),
    "green": (40, 150, 60),
    "yellow": (230, 210, 60),
    "black": (25, 25, 25),
    "white": (245, 245, 245),
    "purple": (130, 50, 160),
    "orange": (235, 130, 30),
}
BAGS = ("red", "blue", "white")
LEAST_PERSONS, LEAST_IMAGES = 4, 2  # of a split and of a person, so that every defect has its place
CUHK_FOLDERS = {
    "cam_a": "bmp",
    "cam_b": "bmp",
    "CUHK01": "png",
    "CUHK03": "png",
    "Market": "jpg",
    "test_query": "jpg",
    "train_query": "jpg",
}
SMALLEST, LARGEST = (13, 34), (374, 800)  # width, height


@dataclass(frozen=True)
class Look:
    """What tells a person from the others: two colours of clothes and one of a bag."""

    upper: str
    lower: str
    bag: str

    def captions(self) -> tuple[str, str]:
        """Two sentences that name all three."""
        return (
            f"A person in a {self.upper} shirt and {self.lower} trousers, with a {self.bag} bag.",
            f"The pedestrian carries a {self.bag} bag, and wears {self.lower} pants and a {self.upper} top.",
        )

    def long_caption(self) -> str:
        """One text of 37 words."""
        return (
            f"A young person with short black hair is walking slowly along the road. The person is wearing a {self.upper} "
            f"shirt with long sleeves, a pair of long {self.lower} trousers and dark shoes, and carries a {self.bag} bag."
        )


def write_cuhk_pedes(root: Path, *, persons: Mapping[str, int], images_per_person: int = 3, seed: int = 0) -> Records:
    """`persons` says how many persons train, val and test have. Ids count from 1."""
    draw = random.Random(seed)
    records: Records = []
    for person, (split, look, last) in enumerate(_persons(persons, draw), start=1):
        for number in range(1 if last else images_per_person):  # the last person of each split has one image
            folder, ending = draw.choice(list(CUHK_FOLDERS.items()))
            name = f"{folder}/{person:04d}_{number}.{ending}"
            _save(_painted(look, _size(draw), draw), root, name)
            records.append({"split": split, "captions": list(look.captions()), "file_path": name, "id": person})
    train, val, test = ([record for record in records if record["split"] == split] for split in ("train", "val", "test"))
    for record, count in ((train[0], 4), (train[1], 3), (val[0], 4), (test[0], 10)):
        record["captions"] = [f"{record['captions'][place % 2]} Seen {place + 1} times." for place in range(count)]
    train[2]["captions"][0] = train[2]["captions"][0].replace(" and ", "\nand\r\n")
    test[1]["captions"][1] = test[1]["captions"][1].replace(", ", ",\n") + "\n"
    for record, mode in zip(train[3:7], ("L", "P", "RGBA", "LA"), strict=True):
        _change(root, record, "CUHK03", lambda image, mode=mode: image.convert(mode))
    _change(root, test[2], "CUHK01", lambda image: image.resize(SMALLEST))
    _change(root, test[3], "Market", lambda image: image.resize(LARGEST))
    return _annotate(root / "reid_raw.json", records, with_tokens=True)


def write_icfg_pedes(
    root: Path, *, persons: Mapping[str, int], images_per_person: int = 3, seed: int = 0, name: str = "ICFG-PEDES.json"
) -> Records:
    """`persons` has train and test: there is no val. The folders train/ and test/ are the source's, so they mix the splits."""
    draw = random.Random(seed)
    records: Records = []
    for person, (split, look, _) in enumerate(_persons(persons, draw)):
        folder = draw.choice(("train", "test"))
        for number in range(images_per_person):
            path = f"{folder}/{person:04d}/{person:04d}_{number:03d}_morning.jpg"
            _save(_painted(look, _size(draw), draw), root, path)
            records.append({"split": split, "captions": [look.long_caption()], "file_path": path, "id": person})
    _change(root, records[0], None, lambda image: image.convert("L"))
    return _annotate(root / name, records, with_tokens=True)


def write_rstpreid(root: Path, *, persons: Mapping[str, int], images_per_person: int = 5, seed: int = 0) -> Records:
    """All images in one folder, under the key img_path; no processed tokens."""
    draw = random.Random(seed)
    records: Records = []
    for person, (split, look, _) in enumerate(_persons(persons, draw)):
        for number in range(images_per_person):
            name = f"{person:04d}_c{number + 1}_{draw.randrange(1000):04d}.jpg"
            _save(_painted(look, _size(draw), draw), root, name)
            records.append({"id": person, "img_path": name, "captions": list(look.captions()), "split": split})
    first, second = records[0], records[1]
    first["captions"][0] = first["captions"][0].replace(" and ", ".His ").replace("trousers, ", "trousers.He walks ")  # "shirt.His ..."
    first["captions"][1] += " 他背着一个包。"
    second["captions"][0] = '<p class="caption">' + second["captions"][0] + "</p>&nbsp;{{text}};"
    for number in range(3):  # one caption on three ids
        records[(number + 1) * images_per_person]["captions"][1] = "A person walks along the road."
    _change(root, records[2], None, lambda image: image.convert("L"))
    return _annotate(root / "data_captions.json", records, with_tokens=False)


WRITERS: dict[str, Writer] = {"cuhk_pedes": write_cuhk_pedes, "icfg_pedes": write_icfg_pedes, "rstpreid": write_rstpreid}


def expected_counts(records: Records) -> dict[str, dict[str, int]]:
    """What data.yaml of a replica expects of it."""
    counts: dict[str, dict[str, int]] = {}
    persons: set[tuple[str, int]] = set()
    for record in records:
        mine = counts.setdefault(record["split"], {"persons": 0, "images": 0, "captions": 0})
        mine["persons"] += (record["split"], record["id"]) not in persons
        mine["images"] += 1
        mine["captions"] += len(record["captions"])
        persons.add((record["split"], record["id"]))
    return counts


def _persons(persons: Mapping[str, int], draw: random.Random) -> list[tuple[str, Look, bool]]:
    """Split, look and whether it is the split's last, for every person; no two look alike while there are looks left."""
    assert min(persons.values()) >= LEAST_PERSONS, f"{LEAST_PERSONS} persons in each split, so that every defect has its place"
    looks = [Look(upper, lower, bag) for upper, lower, bag in itertools.product(COLOURS, COLOURS, BAGS) if upper != lower]
    draw.shuffle(looks)
    order = itertools.cycle(looks)
    return [(split, next(order), place == count - 1) for split, count in persons.items() for place in range(count)]


def _size(draw: random.Random) -> tuple[int, int]:
    """Width and height of a usual image."""
    height = draw.randrange(60, 130)
    return round(height * draw.uniform(0.38, 0.55)), height


def _painted(look: Look, size: tuple[int, int], draw: random.Random) -> Image.Image:
    """A person of coloured blocks on a grey ground, not always in the middle and in the same light."""
    light = draw.uniform(0.8, 1.1)
    ground = draw.randrange(90, 200)
    image = Image.new("RGB", (40, 80), (ground, ground, ground + draw.randrange(-10, 10)))
    pen, left = ImageDraw.Draw(image), draw.randrange(6, 12)

    def block(box: tuple[int, int, int, int], colour: tuple[int, int, int]) -> None:
        pen.rectangle((box[0] + left, box[1], box[2] + left, box[3]), fill=tuple(min(255, round(value * light)) for value in colour))

    block((8, 4, 15, 15), (225, 180, 150))
    block((2, 16, 21, 42), COLOURS[look.upper])
    block((5, 43, 18, 76), COLOURS[look.lower])
    block((18, 30, 25, 46), COLOURS[look.bag])
    return image.resize(size, Image.Resampling.BILINEAR)


def _save(image: Image.Image, root: Path, name: str) -> None:
    path = root / "imgs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def _change(root: Path, record: dict[str, Any], folder: str | None, change: Callable[[Image.Image], Image.Image]) -> None:
    """Change a record's image, and move it to one of CUHK-PEDES' folders, whose kind of file can hold what it becomes."""
    key = "img_path" if "img_path" in record else "file_path"
    path = root / "imgs" / record[key]
    with Image.open(path) as image:
        changed = change(image)
    if folder:
        path.unlink()
        record[key] = f"{folder}/{path.stem}.{CUHK_FOLDERS[folder]}"
    _save(changed, root, record[key])


def _annotate(path: Path, records: Records, *, with_tokens: bool) -> Records:
    if with_tokens:
        for record in records:
            record["processed_tokens"] = [_tokens(caption) for caption in record["captions"]]
    path.write_text(json.dumps(records))
    return records


def _tokens(caption: str) -> list[str]:
    return caption.lower().translate(str.maketrans("", "", string.punctuation)).split()

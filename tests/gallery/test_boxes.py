"""Boxes of a detector, as CSV and as COCO has them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from cada.errors import CadaError
from cada.gallery import Index
from cada.gallery.boxes import read_boxes
from tests.gallery.conftest import START


@pytest.fixture
def street(photos: Path, tmp_path: Path) -> Path:
    """One photograph with three persons side by side."""
    folder = tmp_path / "street"
    folder.mkdir()
    scene = Image.new("RGB", (300, 200), "grey")
    for place, path in enumerate(sorted(photos.glob("*.jpg"))[:6:2]):
        with Image.open(path) as image:
            scene.paste(image, (20 + 90 * place, 50))
    scene.save(folder / "frame.png")
    Image.new("RGB", (300, 200), "grey").save(folder / "nobody.png")
    return folder.resolve()


def rows(*lines: str) -> str:
    return "image,x,y,width,height,time\n" + "\n".join(lines) + "\n"


def test_each_box_is_an_image_of_its_own(street: Path, photos: Path, tmp_path: Path) -> None:
    boxes = street / "boxes.csv"
    boxes.write_text(rows(*(f"frame.png,{20 + 90 * place},50,48,96,2026-11-29T12:00:0{place}+00:00" for place in range(3))))
    index = Index.create(tmp_path / "gallery", START)
    assert index.add(street, boxes=boxes).added == 3
    for place, path in enumerate(sorted(photos.glob("*.jpg"))[:6:2]):
        (hit,) = index.search(path, k=1)
        assert (Path(hit.path).name, hit.box) == ("frame.png", f"{20 + 90 * place},50,48,96")
        assert hit.cosine > 0.98
        assert hit.time == 1795953600.0 + place
    boxes.write_text(rows("frame.png,20,50,48,96,0", "frame.png,250,150,400,400,0", "frame.png,900,900,10,10,0"))
    report = index.add(street, boxes=boxes)
    assert (report.added, report.removed, len(report.skipped)) == (2, 2, 1)
    assert "900,900,10,10" in report.skipped[0][1]


def test_coco_counts_persons_alone(street: Path) -> None:
    coco = {
        "images": [{"id": 7, "file_name": "frame.png", "date_captured": "2026-11-29 12:00:00"}],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"image_id": 7, "category_id": 1, "bbox": [1, 2, 30.5, 40]},
            {"image_id": 7, "category_id": 2, "bbox": [5, 5, 10, 10]},
            {"image_id": 7, "category_id": 1, "bbox": [1, 2, 30.5, 40]},
        ],
    }
    path = street / "boxes.json"
    path.write_text(json.dumps(coco))
    assert {image.name: [(box.text, box.time) for box in boxes] for image, boxes in read_boxes(path).items()} == {
        "frame.png": [("1,2,30.5,40", 1795953600.0)]
    }


@pytest.mark.parametrize(
    ("name", "content", "facts"),
    [
        ("a.csv", "image,x,y\nframe.png,1,2\n", ("width", "height")),
        ("a.csv", rows("frame.png,1,2,3,four,0"), ("line 2", "four")),
        ("a.csv", rows("frame.png,1,2,0,5,0"), ("line 2", "area")),
        ("a.csv", rows("frame.png,1,2,3,4,yesterday"), ("line 2", "yesterday")),
        ("a.csv", rows("frame.png,nan,2,3,4,0"), ("line 2",)),
        ("a.csv", rows(), ("no box",)),
        ("a.json", "{}", ("COCO",)),
        ("a.json", '{"images": [], "annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4]}]}', ("COCO", "1")),
        ("a.json", "[]", ("COCO",)),
        ("a.json", "{", ("JSON",)),
    ],
)
def test_wrong_boxes_are_named(street: Path, name: str, content: str, facts: tuple[str, ...]) -> None:
    path = street / name
    path.write_text(content)
    with pytest.raises(CadaError) as error:
        read_boxes(path)
    assert all(fact in str(error.value) for fact in (name, *facts))

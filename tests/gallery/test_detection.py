"""OpenCV's detector of people: what it finds goes into an index."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cada.gallery.detection import detect, write_boxes


def silhouette() -> Image.Image:
    """A plain upright figure on a light ground, in the proportions that the classifier was trained with."""
    scene = Image.new("RGB", (320, 320), (200, 200, 200))
    pen, left, top = ImageDraw.Draw(scene), 128, 64
    pen.ellipse((left + 23, top + 8, left + 41, top + 28), fill=(40, 40, 40))
    pen.polygon([(left + 16, top + 32), (left + 48, top + 32), (left + 50, top + 78), (left + 14, top + 78)], fill=(40, 40, 40))
    pen.rectangle((left + 17, top + 76, left + 30, top + 148), fill=(40, 40, 40))
    pen.rectangle((left + 34, top + 76, left + 47, top + 148), fill=(40, 40, 40))
    return scene


def test_a_figure_is_found_where_it_is_and_an_empty_scene_is_empty() -> None:
    found = list(detect(np.asarray(silhouette()), threshold=0.0))
    assert found
    x, y, width, height, _ = max(found, key=lambda box: box[4])
    assert x < 160 < x + width
    assert y < 140 < y + height
    assert list(detect(np.full((200, 200, 3), 128, np.uint8))) == []


@pytest.mark.parametrize("size", [(100, 100), (64, 96), (48, 96), (640, 100), (1, 1), (63, 127)])
def test_an_image_below_the_detectors_window_is_looked_at(size: tuple[int, int]) -> None:
    for x, y, width, height, _ in detect(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8), threshold=0.0):
        assert x < size[0] and y < size[1] and width > 0 and height > 0


def test_boxes_of_large_photographs_are_in_their_own_pixels(tmp_path: Path) -> None:
    small, large = silhouette(), silhouette().resize((1920, 1920))
    (wide,) = (max(detect(np.asarray(image), threshold=0.0), key=lambda box: box[4])[:4] for image in [large])
    assert 640 < wide[0] + wide[2] / 2 < 1280
    folder = tmp_path / "photos"
    folder.mkdir()
    small.save(folder / "one.png")
    (folder / "broken.png").write_text("no image")
    persons, images, skipped = write_boxes(folder, tmp_path / "boxes.csv", threshold=0.0)
    with (tmp_path / "boxes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert (len(rows), images, [Path(path).name for path, _ in skipped]) == (persons, 1, ["broken.png"])
    assert {row["image"] for row in rows} == {str(folder / "one.png")}

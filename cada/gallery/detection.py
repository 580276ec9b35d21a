"""Persons in whole photographs by OpenCV's bundled detector, for those who have no better one.

It is the histogram of oriented gradients with a linear classifier of 2005 (Dalal and Triggs): it finds upright, whole pedestrians of
at least 128 pixels' height, misses many others, and takes lamp posts for people. Any detector's boxes go into an index the same way.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cada.gallery.boxes import COLUMNS
from cada.gallery.sources import Unreadable, find_images, open_image
from cada.storage.files import write_text

LARGEST = 1280  # pixels of the longer side: larger photographs are searched at this size
STRIDE, SCALE = (8, 8), 1.05  # of the window, and from one size of the photograph to the next
OVERLAP = 0.65  # boxes that share more of their area are one person's


def write_boxes(folder: Path, output: Path, *, threshold: float = 0.5) -> tuple[int, int, list[tuple[str, str]]]:
    """Write the boxes of all images under `folder` as CSV for `cada index --boxes`; says how many persons and images, and what was skipped.

    threshold: the least score of the classifier; higher ones find fewer lamp posts and fewer persons.
    """
    text, persons, images = io.StringIO(), 0, 0
    skipped: list[tuple[str, str]] = []
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, "score"])
    for file in find_images(folder.resolve(), without=output.resolve()):
        try:
            image = np.asarray(open_image(file.path))
        except Unreadable as error:
            skipped.append((str(file.path), str(error)))
            continue
        found = list(detect(image, threshold=threshold))
        writer.writerows([file.path, *box] for box in found)
        persons, images = persons + len(found), images + 1
    write_text(output, text.getvalue())
    return persons, images, skipped


def detect(image: np.ndarray, *, threshold: float = 0.5) -> Iterator[tuple[int, int, int, int, float]]:
    """Persons in an RGB image (height, width, 3): x, y, width, height in pixels, and the classifier's score."""
    import cv2

    shrink = min(1.0, LARGEST / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA) if shrink < 1 else image
    height, width = small.shape[:2]
    detector = cv2.HOGDescriptor()
    least = detector.winSize  # (width, height): OpenCV reads beyond the memory of an image that is smaller
    right, below = max(0, least[0] - width), max(0, least[1] - height)
    small = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_REPLICATE)
    detector.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())
    found, scored = detector.detectMultiScale(small, hitThreshold=0, winStride=STRIDE, scale=SCALE)
    boxes, scores = np.asarray(found).reshape(-1, 4), np.asarray(scored, np.float64).ravel()
    for place in sorted(np.asarray(cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), threshold, OVERLAP), int).ravel().tolist()):
        left, top, wide, tall = boxes[place].tolist()
        if left < width and top < height:  # not in the border alone
            yield *(round(value / shrink) for value in (left, top, wide, tall)), round(float(scores[place]), 3)

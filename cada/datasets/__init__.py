"""Data sets of images with captions: `read` gives the records of one, in any of the formats of `cada.datasets.formats`."""

from cada.datasets.reading import AnnotationError, read
from cada.datasets.records import Record, Records, image_path, split_counts

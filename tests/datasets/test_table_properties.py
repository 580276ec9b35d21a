"""A table of captions gives back what was written, in both kinds of file; a damaged one is never read in silence."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cada.datasets.table import read_table
from cada.errors import CadaError
from tests.messages import carries

CAPTION = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\x00"), min_size=1, max_size=40)
ROWS = st.lists(st.tuples(st.integers(0, 20), CAPTION), min_size=1, max_size=12)  # an image and a caption of it


def expected(rows: list[tuple[int, str]]) -> dict[str, tuple[int, tuple[str, ...]]]:
    images: dict[str, tuple[int, tuple[str, ...]]] = {}
    for image, caption in rows:
        images[f"a/{image}.jpg"] = image // 2, (*images.get(f"a/{image}.jpg", (0, ()))[1], caption)
    return images


@given(ROWS)
def test_what_is_written_is_read(rows: list[tuple[int, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table, lines = Path(folder, "captions.csv"), Path(folder, "captions.jsonl")
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("caption", "image", "person", "remark"))
            writer.writerows((caption, f"a/{image}.jpg", image // 2, "x") for image, caption in rows)
        objects = ({"image": f"a/{image}.jpg", "person": image // 2, "caption": caption} for image, caption in rows)
        lines.write_text("\n".join(map(json.dumps, objects)), encoding="utf-8")
        for path in (table, lines):
            assert {record.image: (record.person, record.captions) for record in read_table(path)} == expected(rows)


@given(st.binary(max_size=200), st.sampled_from(["captions.csv", "captions.jsonl"]))
def test_any_bytes_are_records_or_an_error_that_names_the_file(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(b"image,person,caption\n" + content if name.endswith("csv") else content)
        try:
            assert read_table(path)
        except CadaError as error:
            assert carries(str(error), path)

"""Hits for people and for programs: lines, paths, JSON, CSV, TREC run files, and a sheet of images."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image

from cada.datasets.sheet import COLUMNS, stacked, strip
from cada.errors import CadaError, printable
from cada.gallery.options import Format
from cada.gallery.query import Query
from cada.gallery.searching import Hit
from cada.gallery.sources import Unreadable, open_image
from cada.gallery.times import as_text
from cada.storage.files import read_text

Answers = Mapping[str, Sequence[Hit]]  # by the query's id
_CSV = ("id", "query", "rank", "path", "box", "score", "cosine", "match", "confidence", "time")


def rendered(answers: Answers, form: Format, sentences: Mapping[str, str] | None = None) -> str:
    """Hits in one of the formats; all end with a line end. sentences: the query of each id; without them ids are queries.

    trec: query id, Q0, the path with its spaces and other reserved characters as %20 and so on, rank, score, and the name of the run, as
    trec_eval and ir-measures read them. Its scores fall with the rank, which is what these programs sort by: 1 / rank.
    """
    if form in ("json", "csv"):
        return (_json if form == "json" else _csv)(answers, sentences or {name: name for name in answers})
    return {"text": _text, "paths": _paths, "trec": _trec}[form](answers)


def _text(answers: Answers) -> str:
    lines: list[str] = []
    for query, hits in answers.items():
        lines += [query] if len(answers) > 1 else []
        if not hits:
            lines.append("Nothing was found: no image is in this part of the index.")
        for rank, hit in enumerate(hits, start=1):
            match = "      " if hit.match is None else f"{100 * hit.match:4.0f} %"
            copies = f" (+{len(hit.copies)} {'copy' if len(hit.copies) == 1 else 'copies'})" if hit.copies else ""
            name = f"{hit.path}{hit.box and ' '}{hit.box}{copies}"
            lines.append(f"{rank:3}  {match}  {hit.cosine:+.3f}  {hit.confidence or '':<9}  {name}".rstrip())
            lines += [f"       {text}: {100 * value:.0f} %" for text, value in hit.phrases.items()]
    return "".join(f"{printable(line)}\n" for line in lines)


def _paths(answers: Answers) -> str:
    return "".join(f"{path}\n" for path in dict.fromkeys(hit.path for hits in answers.values() for hit in hits))


def _json(answers: Answers, sentences: Mapping[str, str]) -> str:
    lists = [{"id": query, "query": sentences[query], "hits": [as_json(hit) for hit in hits]} for query, hits in answers.items()]
    return json.dumps(lists[0] if len(lists) == 1 else lists, indent=1, ensure_ascii=False) + "\n"


def as_json(hit: Hit) -> dict[str, Any]:
    """A hit as JSON has it: its time in ISO 8601, its box as four numbers or null."""
    box = [float(value) for value in hit.box.split(",")] if hit.box else None
    return asdict(hit) | {"time": as_text(hit.time), "box": box, "copies": list(hit.copies)}


def _csv(answers: Answers, sentences: Mapping[str, str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, _CSV, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for query, hits in answers.items():
        for rank, hit in enumerate(hits, start=1):
            writer.writerow(asdict(hit) | {"id": query, "query": sentences[query], "rank": rank, "time": as_text(hit.time)})
    return text.getvalue()


def _trec(answers: Answers) -> str:
    return "".join(
        f"{quote(query)} Q0 {quote(hit.path + (hit.box and '#') + hit.box, safe='/')} {rank} {1 / rank:.6f} cada\n"
        for query, hits in answers.items()
        for rank, hit in enumerate(hits, start=1)
    )


def read_queries(path: Path) -> dict[str, Query]:
    """The queries of a CSV file by their ids: a column `query`, and possibly `id`; without it the query itself is its id."""
    text = read_text(path).removeprefix("\ufeff")  # as Excel begins a file, and in some countries it parts cells by semicolons
    head = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text), delimiter=";" if ";" in head and "," not in head else ",")
    if "query" not in (rows.fieldnames or ()):
        raise CadaError(f"{path}: has no column named query, only {head.strip()!r}. Write one sentence a line under this heading.")
    queries: dict[str, Query] = {}
    for number, row in enumerate(rows, start=2):
        try:
            query = Query.of(row["query"] or "")
        except ValueError as error:
            raise CadaError(f"{path}: line {number}: {error}") from error
        name = row.get("id") or row["query"]
        if name in queries:
            raise CadaError(f"{path}: line {number}: the id {name!r} has been there before. Give each query its own.")
        queries[name] = query
    if not queries:
        raise CadaError(f"{path}: there is no query in it.")
    return queries


def sheet_of(answers: Answers) -> Image.Image | None:
    """The hits' images as a contact sheet, each with its rank, match and name. None without any image; one that is gone is left out."""
    strips = []
    for query, hits in answers.items():
        shown = []
        for rank, hit in enumerate(hits, start=1):
            match = "" if hit.match is None else f"  {100 * hit.match:.0f} %"
            try:
                shown.append((open_image(Path(hit.path), hit.box), f"{rank}{match}  {hit.confidence or ''} {Path(hit.path).name}"))
            except Unreadable:
                continue
        for start in range(0, len(shown), COLUMNS):
            images, texts = zip(*shown[start : start + COLUMNS], strict=True)
            strips.append(strip("" if start else query, images, texts))
    return stacked(strips) if strips else None

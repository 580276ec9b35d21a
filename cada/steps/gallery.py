"""An index made and searched from the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cada.datasets.sheet import save_sheet
from cada.datasets.text import MAX_WORDS
from cada.errors import CadaError, about, printable
from cada.gallery.index import Index
from cada.gallery.indexing import Indexed
from cada.gallery.options import Format, Stored
from cada.gallery.output import read_queries, rendered, sheet_of
from cada.gallery.query import Query
from cada.gallery.settings import NAME
from cada.gallery.terminal import drawn, protocol_of
from cada.gallery.times import parsed
from cada.storage.files import write_text
from cada.storage.paths import Layout

SHIPPED = Path("weights") / "synthpedes-start"  # knows drawn persons only, and lies in the repository
SHOWN = 10  # skipped images that are listed


def index_images(
    source: Path,
    output: Path,
    *,
    model: Path | None,
    boxes: Path | None,
    tokens: Stored | None,
    part: str | None = None,
    watch: bool = False,
) -> None:
    """Make the index `output` of the images under `source`, or bring it up to date; with `watch`, until it is interrupted."""
    share = _part(part)
    if not source.exists():
        raise CadaError(f"{source}: there is no such folder or image. Check the name.")
    index = Index.open(output) if (output / NAME).exists() else Index.create(output, model or default_model(), tokens=tokens)
    if model is not None and Path(index.settings.model) != model.resolve():
        raise CadaError(f"{output}: this index is of {index.settings.model}. Choose another folder for {model}.")
    if tokens is not None and tokens != index.settings.tokens:
        raise CadaError(f"{output}: this index keeps tokens as {index.settings.tokens}. Choose another folder for --tokens {tokens}.")
    with about("index"):
        _print(index, index.add(source, boxes=boxes, part=share))
    if watch:
        from watchfiles import watch as changes

        print(f"watching {source}; end with Ctrl-C", file=sys.stderr)
        for _ in changes(source, raise_interrupt=False):
            _print(index, index.add(source, boxes=boxes, part=share))


def approximate_index(folder: Path) -> None:
    """Make the approximate index of all that is in `folder` now."""
    index = Index.open(folder)
    index.approximate()
    print(f"{folder}: {len(index):,} images have an approximate index")


def merge_indexes(output: Path, parts: list[Path]) -> None:
    """Write all that is in `parts` into the index `output`, which is made where it is missing."""
    opened = [Index.open(part) for part in parts]
    settings = opened[0].settings
    index = Index.open(output) if (output / NAME).exists() else Index.create(output, settings.model, tokens=settings.tokens)
    for part in opened:
        with about("merge"):
            index.merge(part)
    print(f"{index.folder}: {len(index):,} images")


def detect_persons(images: Path, output: Path, *, threshold: float) -> None:
    """Write the boxes of persons in photographs, and say how many there are."""
    from cada.gallery.detection import write_boxes

    persons, count, skipped = write_boxes(images, output, threshold=threshold)
    print(f"{output}: {persons:,} persons in {count:,} images, skipped {len(skipped):,}")
    _print_skipped(dict(skipped))


def _part(told: str | None) -> tuple[int, int] | None:
    if told is None:
        return None
    number, slash, of = told.partition("/")
    if not (slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise CadaError(f"--part {told}: write it as 3/8, the third of eight parts.")
    return int(number), int(of)


def default_model() -> Path:
    """The release of the default data set where it was made here, else the weights that lie in the repository."""
    release = Layout("synthpedes").release()
    places = (release, SHIPPED, Path(__file__).parents[2] / SHIPPED)  # the last: called from elsewhere, with a clone's own package
    found = next((folder for folder in places if folder.is_dir()), None)
    if found is None:
        raise CadaError(f"no model: neither {release} nor {SHIPPED} is in {Path.cwd()}. Name a release, or imported weights, by --model.")
    print(
        f"model: {found}, which has seen drawn persons only and ranks photographs badly. For these import BLIP's or CADA's weights "
        "(cada weights import) and name them by --model.",
        file=sys.stderr,
    )
    return found


def _print(index: Index, report: Indexed) -> None:
    skipped = dict(report.skipped)
    print(
        f"{index.folder}: {len(index):,} images; added {report.added:,}, unchanged {report.unchanged:,}, moved {report.moved:,}, "
        f"removed {report.removed:,}, skipped {len(skipped):,}"
    )
    _print_skipped(skipped)


def _print_skipped(skipped: Mapping[str, str]) -> None:
    for path, problem in list(skipped.items())[:SHOWN]:
        print(printable(f"skipped {path}: {problem}"), file=sys.stderr)
    if len(skipped) > SHOWN:
        print(f"and {len(skipped) - SHOWN:,} more", file=sys.stderr)


def search_index(
    folder: Path,
    query: str | None,
    *,
    image: Path | None,
    plus: list[str],
    minus: list[str],
    queries: Path | None,
    output: Path | None,
    form: Format,
    sheet: Path | None,
    thumbnails: bool = True,
    since: str | None,
    until: str | None,
    **options: Any,
) -> None:
    """Search the index in `folder`; print the hits, or write them to `output`, and draw them as `sheet`. `options` go to `Index.search`.

    thumbnails: whether a terminal that can shows the images, too.
    """
    if (query is not None) + (image is not None) + (queries is not None) != 1:
        raise CadaError("search: give a sentence, or --image FILE, or --queries FILE. One of these, and --plus and --minus beside it.")
    index = Index.open(folder)
    if not len(index):
        raise CadaError(f"{folder}: there is no image in this index. Add some: cada index IMAGES -o {folder}")
    with about("search"):
        one = query if image is None else image
        searched = {str(one): Query.of(one)} if one is not None else read_queries(Path(str(queries)))
        searched = {name: Query.of(own, plus=plus, minus=minus) for name, own in searched.items()}
        if options["phrases"] and not any(own.texts for own in searched.values()):
            raise CadaError("--phrases: an image has no phrases. Search with a sentence.")
        _warn_of_long(searched.values())
        if unknown := index.unknown_words(searched.values()):
            print(printable(f"the model does not know, and guesses at: {', '.join(unknown)}"), file=sys.stderr)
        found = index.search_many(list(searched.values()), since=_time(since), until=_time(until), **options)
    answers = dict(zip(searched, found, strict=True))
    text = rendered(answers, form, {name: str(own.parts[0].source) for name, own in searched.items()})
    if output is None:
        print(text, end="")
    else:
        write_text(output, text)
    protocol = protocol_of(os.environ) if thumbnails and form == "text" and output is None and sys.stdout.isatty() else None
    drawing = sheet_of(answers) if sheet is not None or protocol else None
    if protocol and drawing is not None:
        print(drawn(drawing, protocol), end="")
    if sheet is not None:
        if drawing is None:
            raise CadaError(f"{sheet}: there is nothing to draw: no image was found.")
        save_sheet(drawing, sheet)


def _warn_of_long(queries: Iterable[Query]) -> None:
    """Say it where a sentence is cut, as those of the training were."""
    for text in dict.fromkeys(text for query in queries for text, _ in query.texts):
        if (count := len(text.split())) > MAX_WORDS:
            print(printable(f"the model reads the first {MAX_WORDS} of these {count} words: {text}"), file=sys.stderr)


def _time(told: str | None) -> float | None:
    if told is None:
        return None
    try:
        return parsed(told)
    except ValueError as error:
        raise CadaError(f"{told!r}: not a time in ISO 8601, such as 2026-11-29 or 2026-11-29T14:30:00+01:00.") from error

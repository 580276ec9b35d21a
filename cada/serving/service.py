"""What the endpoints do with an index. Nothing that a client gets has a path in it, unless paths are shown."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TextIO

import numpy as np

from cada.analysis.explanation import explain
from cada.datasets.text import normalise_caption
from cada.errors import ArgumentError
from cada.gallery.backend import TorchBackend
from cada.gallery.entries import Entry
from cada.gallery.index import Index
from cada.gallery.output import as_json
from cada.gallery.query import Part, Query
from cada.gallery.searching import UNLIKELY, Hit
from cada.gallery.sources import Unreadable, open_image, opened
from cada.gallery.times import as_text, posix
from cada.model.cada import Cada
from cada.model.folder import load_model
from cada.phrases.chunking import parse
from cada.serving import messages
from cada.serving.limits import UPLOAD_PIXELS
from cada.serving.problems import Problem
from cada.serving.thumbnails import Thumbnails


@dataclass
class Service:
    """show_paths: whether clients are told where below their common folder the images lie. log: a file for all queries, or None."""

    index: Index
    show_paths: bool = False
    log: Path | None = None
    thumbnails: Thumbnails = field(default_factory=Thumbnails)
    _logging: threading.Lock = field(default_factory=threading.Lock)

    def info(self) -> messages.Info:
        """What is served."""
        release = self.index.release
        named = " ".join(str(release.origin[key]) for key in ("dataset", "variant") if key in release.origin)
        return messages.Info(
            images=len(self.index),
            model=named or release.folder.name,
            top_k=(release.top_k or 0) if self._matches else 0,
            thresholds=self.index.thresholds(),
            limits=messages.Limits(),
        )

    def search(self, asked: messages.SearchAsked) -> messages.Answer:
        """The images that fit best."""
        start = time.monotonic()
        root = self.index.root()
        pattern = None if asked.path is None else f"{_escaped(str(root))}/{asked.path}"
        try:
            query = Query(tuple(self._part(part) for part in asked.parts))
        except ValueError as error:
            raise Problem(422, f"parts: {error}") from error
        try:
            hits = self.index.search(
                query,
                k=asked.k,
                rerank=asked.rerank,
                path=pattern,
                since=None if asked.since is None else posix(asked.since),
                until=None if asked.until is None else posix(asked.until),
                phrases=asked.phrases,
            )
        except ArgumentError as error:
            raise Problem(422, f"parts: {error}") from error
        known = [hit.confidence for hit in hits if hit.confidence is not None]
        answer = messages.Answer(
            hits=[self._found(hit, root) for hit in hits],
            nobody=all(confidence == UNLIKELY for confidence in known) if known else None,
            unknown=self.index.unknown_words([query]),
            milliseconds=round(1000 * (time.monotonic() - start)),
        )
        self._write(asked, answer)
        return answer

    def phrases(self, text: str) -> messages.Phrases:
        """The phrases of a text."""
        found = [messages.PhraseFound(text=phrase.text, start=phrase.start, end=phrase.end) for phrase in parse(text)]
        return messages.Phrases(text=normalise_caption(text), phrases=found)

    def entry(self, row: int) -> Entry:
        """The first image of a row."""
        found = self.index.images_of(row)
        if not found:
            raise Problem(404, f"There is no image {row} in the index.")
        return found[0]

    def image(self, entry: Entry, width: int) -> bytes:
        """An image as JPEG."""
        try:
            return self.thumbnails.get(entry, width)
        except Unreadable as error:
            raise _gone() from error

    def explain(self, asked: messages.ExplainAsked) -> messages.Explained:
        """What the model makes of an image and a sentence."""
        if not self._matches:
            raise Problem(422, "This index's model has no match head, so no words attend to an image.")
        entry = self.entry(asked.image)
        try:
            image = open_image(Path(entry.path), entry.box)
        except Unreadable as error:
            raise _gone() from error
        spans = [(phrase.start, phrase.end) for phrase in parse(asked.text)]
        told = explain(self._model, image, asked.text, spans=spans, decodes=self.index.release.decodes)
        shares = {
            reader: (maps / maps.max(axis=(1, 2), keepdims=True).clip(min=1e-12)).astype(np.float64).round(3)
            for reader, maps in told.maps.items()
        }
        return messages.Explained(
            match=told.match,
            phrases=[
                messages.PhraseExplained(
                    text=text,
                    match=told.matches[place],
                    maps={reader: maps[place].tolist() for reader, maps in shares.items()},
                    words=[
                        messages.MaskedWord(
                            word=masked.piece,
                            expected=[messages.Word(word=word, probability=probability) for word, probability in masked.instead],
                        )
                        for masked in told.expected[place]
                    ],
                )
                for place, text in enumerate(told.phrases)
            ],
        )

    @property
    def _matches(self) -> bool:
        return self.index.release.fusion != "cosine"

    @cached_property
    def _model(self) -> Cada:
        backend = self.index.backend
        return backend.model if isinstance(backend, TorchBackend) else load_model(self.index.settings.model)

    def _part(self, part: messages.PartAsked) -> Part:
        if part.image is not None:
            return Part(row=self.entry(part.image).row, weight=part.weight)
        if part.upload is not None:
            return Part(image=_checked(part.upload), weight=part.weight)
        return Part(text=part.text, weight=part.weight)

    def _found(self, hit: Hit, root: Path) -> messages.Found:
        path = Path(hit.path)
        shown = str(path.relative_to(root)) if self.show_paths and path.is_relative_to(root) else None
        told = as_json(hit) | {"id": hit.row, "name": path.name, "path": shown, "copies": len(hit.copies)}
        return messages.Found.model_validate(told)

    def _write(self, asked: messages.SearchAsked, answer: messages.Answer) -> None:
        if self.log is not None:
            query = asked.model_dump(mode="json", exclude={"parts": {"__all__": {"upload"}}}, exclude_none=True)
            line = {"time": as_text(time.time()), **query}
            line |= {"found": [hit.id for hit in answer.hits], "milliseconds": answer.milliseconds}
            with self._logging, open_log(self.log) as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


def open_log(path: Path) -> TextIO:
    """To add queries, which describe people: a new file, as there is one whenever somebody has taken the old one, is its owner's alone."""
    return open(path, "a", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600))


def _escaped(folder: str) -> str:
    """A folder's name as a pattern of itself."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in folder)


def _checked(content: bytes) -> bytes:
    """An image that was sent, unless it is no image or has too many pixels: its size stands at its beginning."""
    try:
        with opened(content, UPLOAD_PIXELS):
            return content
    except Unreadable as error:
        raise Problem(422, f"upload: not an image in JPEG, PNG, BMP, TIFF or WebP, or too large: {error}.") from error


def _gone() -> Problem:
    return Problem(410, "The image's file is gone or cannot be read.")

"""An index of one's own images: a folder that remembers what a model sees in them, and is searched by sentences.

    index = Index.create("gallery", "results/synthpedes/release")
    index.add("photos")
    hits = index.search("a woman in a red coat with a black backpack", k=10)

It holds index.json, images.sqlite and the features; the images stay where they are.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np

from cada.errors import ArgumentError, CadaError
from cada.gallery.approximate import Approximate, build, opened
from cada.gallery.backend import Backend, open_backend
from cada.gallery.boxes import read_boxes
from cada.gallery.entries import WHOLE, Entries, Entry
from cada.gallery.features import STORED, Column, Features, Tokens
from cada.gallery.indexing import Indexed, Indexing, Store, in_part, merge
from cada.gallery.options import Runtime, Stored
from cada.gallery.query import Part, Query
from cada.gallery.release import Release
from cada.gallery.searching import Gallery, Hit, as_hits, with_phrases
from cada.gallery.settings import NAME, Settings
from cada.gallery.sources import find_images, read_image
from cada.storage.files import exclusive

SMALL = 32_768  # bytes: image tokens up to this size are kept, larger ones are made again for the images that are re-ranked


class Index:
    """An open index. Any number of threads and processes may search while one adds or removes.

    A search sees what was stored when it began. Errors of all methods: `CadaError` about files, `ValueError` about arguments.
    """

    def __init__(self, folder: Path, settings: Settings, backend: Backend) -> None:
        """Use `create` or `open`."""
        self.folder, self.settings, self.backend = folder, settings, backend
        self.release = Release.read(settings.model)
        self._entries, self._lock, self._seen = Entries(folder), threading.Lock(), -1
        self._rows, self._all = np.empty(0, np.int64), Features(np.empty((0, 0), np.float32))
        self._near: Approximate | None = None

    @classmethod
    def create(cls, folder: Path | str, model: Path | str, *, tokens: Stored | None = None, runtime: Runtime | None = None) -> Self:
        """Make an empty index in `folder` for a release, or any other model folder.

        tokens: what of an image is kept for re-ranking. float16; int8, half the size at a small loss; none, so that images are read and
        encoded again when they are re-ranked. Without it: float16 for tokens up to 32 kB an image, which small models have, else none.
        runtime: torch or onnx; without it onnx where the model was exported (`cada export`). Errors: `CadaError` where there is an
        index already.
        """
        folder, place = Path(folder), Path(model).resolve()
        if (folder / NAME).exists():
            raise CadaError(f"{folder}: there is an index already. Open it, or choose another folder.")
        if tokens is not None and tokens not in STORED:
            raise ValueError(f"tokens: {tokens!r} is none of {', '.join(STORED)}.")
        settings = Settings.of(place, tokens or "float16")
        backend = open_backend(place, settings.sha256, runtime=runtime)
        if tokens is None and Tokens(folder, backend.token_shape, "float16").row_bytes > SMALL:
            settings = replace(settings, tokens="none")
        folder.mkdir(parents=True, exist_ok=True)
        Entries(folder).create()
        settings.write(folder)
        return cls(folder, settings, backend)

    @classmethod
    def open(cls, folder: Path | str, *, model: Path | str | None = None, runtime: Runtime | None = None) -> Self:
        """The index in `folder`; `runtime` as in `create`. model: where its model is now, if it was moved.

        Errors: `CadaError` where there is no index, or its model has changed or is gone.
        """
        settings = Settings.read(Path(folder), model=None if model is None else Path(model))
        return cls(Path(folder), settings, open_backend(Path(settings.model), settings.sha256, runtime=runtime))

    def __len__(self) -> int:
        """How many different images can be found."""
        return len(self._gallery().rows)

    def add(self, source: Path | str, *, boxes: Path | str | None = None, part: tuple[int, int] | None = None) -> Indexed:
        """Bring the images of a folder, or one image, into the index, as they are now.

        Only files that are new or have changed are read; files with the bytes of one that is gone have been moved and are not encoded
        again; images under `source` that are gone are removed. One that cannot be read is skipped, with the reason. An interrupted call
        is finished by the next one.

        boxes: a CSV or COCO file with the persons in each image; images without one are left out. part: (i, n) takes the i-th of n
        parts of the files, for machines that share the work (`merge`).
        """
        root = Path(source).resolve()
        with exclusive(self.folder / "lock", "indexing"):
            known = self._entries.under(str(root))
            indexing = Indexing(self._store, self.backend, known)
            files = find_images(root, without=self.folder.resolve())
            indexing.add(in_part(files, root, part) if part else files, read_boxes(Path(boxes)) if boxes else None)
            return indexing.finish()

    def merge(self, part: Index) -> None:
        """Bring the images of another index of the same model into this one. Errors: `ValueError` for another model or other tokens."""
        if (part.settings.sha256, part.settings.tokens) != (self.settings.sha256, self.settings.tokens):
            raise ValueError(f"part: {part.folder} is of another model, or keeps other tokens, than {self.folder}.")
        with exclusive(self.folder / "lock", "indexing"):
            merge(self._store, part._store)

    def remove(self, source: Path | str) -> int:
        """Forget the images of a folder, or one image; says how many. The files stay."""
        with exclusive(self.folder / "lock", "indexing"):
            known = self._entries.under(str(Path(source).resolve()))
            self._entries.change(remove=known)
        return len(known)

    def approximate(self) -> None:
        """Make an approximate index of what is stored now, for millions of images: searches without a filter look into a part of them.

        Images that are added later are compared exactly, until it is made again. Errors: `CadaError` for fewer than 10,000.
        """
        with exclusive(self.folder / "lock", "indexing"):
            build(self.folder, self._gallery().features)
            self._entries.change()

    def problems(self) -> list[tuple[str, str]]:
        """The images that were skipped: path and reason."""
        return self._entries.problems()

    def copy_to(self, folder: Path) -> Path:
        """Copy the index as it is now into a new folder, which is returned; its model and its images stay where they are."""
        with exclusive(self.folder / "lock", "indexing"):
            self._entries.fold()
            shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("lock", "*-wal", "*-shm"))
        return folder

    def search(
        self,
        query: str | Path | Query,
        *,
        k: int = 10,
        rerank: int | None = None,
        plus: Sequence[str | Path | Part] = (),
        minus: Sequence[str | Path | Part] = (),
        path: str | None = None,
        since: float | None = None,
        until: float | None = None,
        phrases: bool = False,
    ) -> list[Hit]:
        """The `k` images that fit best, best first.

        query: a sentence (`str`), an image file (`Path`), or a `Query` of weighted parts; `plus` and `minus` add to it and exclude from it.
        rerank: how many images the match head looks at, without it as many as the release says; 0 for none. path: a pattern that paths
        fit, * and ? for any characters; since, until: POSIX times. phrases: say for each phrase of the query how well it matches alone.
        """
        asked = Query.of(query, plus=plus, minus=minus)
        return self.search_many([asked], k=k, rerank=rerank, path=path, since=since, until=until, phrases=phrases)[0]

    def search_many(
        self,
        queries: Sequence[str | Path | Query],
        *,
        k: int = 10,
        rerank: int | None = None,
        path: str | None = None,
        since: float | None = None,
        until: float | None = None,
        phrases: bool = False,
    ) -> list[list[Hit]]:
        """The hits of each query, as `search` gives them; what queries share is computed once."""
        if k < 1 or (rerank is not None and rerank < 0):
            raise ValueError(f"k: {k} and rerank: {rerank} must be positive, or rerank 0.")
        found = [query if isinstance(query, Query) else Query.of(query) for query in queries]
        stored = gallery = self._gallery()
        if path is not None or since is not None or until is not None:
            within = self._entries.rows(path=path, since=since, until=until)
            gallery = replace(gallery, rows=within[within < len(gallery.features.values)], near=None)
        if not len(gallery.rows) or not found:
            return [[] for _ in found]
        matched = (self.release.top_k or 0) if rerank is None else rerank
        ranked = gallery.rank(found, self._encoded(found, stored), k=k, rerank=0 if self.release.fusion == "cosine" else matched)
        images = self._entries.of_rows(sorted({int(row) for own in ranked for row in own.rows}))
        hits = [as_hits(own, images, gallery.confidences(query, own)) for query, own in zip(found, ranked, strict=True)]
        return [with_phrases(query, own, gallery) for query, own in zip(found, hits, strict=True)] if phrases else hits

    def unknown_words(self, queries: Iterable[Query]) -> list[str]:
        """Words of the queries' texts that are none to the model, which guesses at them from their letters."""
        texts = dict.fromkeys(text for query in queries for text, _ in query.texts)
        return list(dict.fromkeys(word for text in texts for word in self.backend.tokenizer.unknown_words(text)))

    def images_of(self, row: int) -> list[Entry]:
        """The images of a hit's `row`, which may be gone meanwhile."""
        return self._entries.of_rows([row])[row]

    def thresholds(self) -> dict[str, float] | None:
        """The lowest score of a hit of each confidence at the size of now, or None where none is known."""
        return self._gallery().thresholds()

    def root(self) -> Path:
        """The folder that all images lie in."""
        first, last = self._entries.ends()
        return Path(first).parent if first == last else Path(os.path.commonpath([first, last]))

    def _encoded(self, queries: Sequence[Query], stored: Gallery) -> list[np.ndarray]:
        """The unit features (parts, E) of each query's parts; each text and each image is encoded once."""
        sources = dict.fromkeys(part.source for query in queries for part in query.parts)
        texts = [source for source in sources if isinstance(source, str)]
        known: dict[str | Path | bytes | int, np.ndarray] = dict(zip(texts, self.backend.encode_texts(texts), strict=True)) if texts else {}
        for source in sources:
            if isinstance(source, int):
                if source not in stored.rows:
                    raise ArgumentError("row", f"{source} is none of the index's.")
                known[source] = stored.features.values[source].astype(np.float32)
            elif not isinstance(source, str):
                known[source] = self.backend.encode_images(read_image(source, WHOLE, self.backend.image_size)[None])[0][0]
        return [np.stack([known[part.source] for part in query.parts]) for query in queries]

    def _gallery(self) -> Gallery:
        """What is stored now."""
        with self._lock:
            version = self._entries.version()
            if version != self._seen:
                self._rows = self._entries.rows()
                self._all = Features.of(self._store.features.read(self._entries.count()))
                self._near = opened(self.folder)
                self._seen = version
            return Gallery(self.backend, self.release, self._all, self._rows, self._tokens, self._near)

    @cached_property
    def _store(self) -> Store:
        features = Column(self.folder / "features.bin", (self.backend.width,), np.float16)
        return Store(self._entries, features, Tokens(self.folder, self.backend.token_shape, self.settings.tokens))

    def _tokens(self, rows: np.ndarray) -> np.ndarray:
        if self.settings.tokens != "none":
            return self._store.tokens.read(rows)
        images = self._entries.of_rows(rows.tolist())
        pixels = np.zeros((len(rows), 3, *self.backend.image_size), np.uint8)
        for place, row in enumerate(rows.tolist()):
            with suppress(IndexError):  # removed meanwhile: no hit is made of it
                pixels[place] = read_image(Path(images[row][0].path), images[row][0].box, self.backend.image_size)
        return self.backend.encode_images(pixels)[1]

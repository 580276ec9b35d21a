"""Archives of third parties to their place."""

from __future__ import annotations

from pathlib import Path

import nltk
from nltk.downloader import Downloader

from cada import config
from cada.datasets.catalogue import PUBLIC_SETS, TAGGER
from cada.datasets.fetch import fetch_resource, fetch_set
from cada.datasets.reading import annotation_names
from cada.errors import CadaError


def fetch(name: str, *, archive: str | None, sha256: str | None) -> None:
    """Unpack an archive to the root of the data set `name`; or NLTK's tagger, which needs none, to NLTK's own folder.

    A tagger that NLTK finds already is only checked.
    """
    digest = sha256.lower() if sha256 else None
    if name == "nltk-tagger":
        found = _found_by_nltk()
        target = found or Path(Downloader().default_download_dir()) / "taggers" / TAGGER.folder
        fetch_resource(TAGGER, archive, target, sha256=digest)
        print(f"{target}: {TAGGER.title}" + (" is there already." if found else ""))
        return
    data = config.load_dataset(name).data
    if data.synthesis:
        raise CadaError(f"{name}: this set is drawn, not fetched. Run `cada data prepare {name}`.")
    if archive is None:
        origin = f"given on request: {PUBLIC_SETS[name].ask}" if name in PUBLIC_SETS else "user-supplied"
        raise CadaError(f"{name} is {origin}. Call again with --archive FILE.")
    fetch_set(archive, data.root, sha256=digest, annotations=annotation_names(data.format, data.annotation))
    print(f"{data.root}: unpacked. Next: `cada data prepare {name}`.")


def _found_by_nltk() -> Path | None:
    try:
        return Path(nltk.data.find(f"taggers/{TAGGER.folder}"))
    except LookupError:
        return None

"""Zip and tar archives to a folder: plain files and folders only, and nothing outside of it."""

from __future__ import annotations

import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from tqdm import tqdm

from cada.errors import CadaError, of_file

# A member: its name, and how to open it; None for a folder.
Member = tuple[str, IO[bytes] | None]


def unpack(archive: Path, target: Path) -> None:
    """Unpack into `target`, which must not exist yet.

    Errors: `CadaError` for what is no zip or tar archive, a damaged or locked one, and one with a link, a device, a path
    that leads out of the folder, or two members of one name. What was unpacked until then is left in `target`.
    """
    target.mkdir(parents=True)
    try:
        for name, content in tqdm(_members(archive), "unpacking", unit="file", disable=None):
            path = target / _inside(name, archive)
            if content is None:
                path.mkdir(parents=True, exist_ok=True)
                continue
            if path.exists():
                raise CadaError(f"{archive}: two members have the name {name}. {_REFUSED}")
            path.parent.mkdir(parents=True, exist_ok=True)
            with content, path.open("wb") as file:
                shutil.copyfileobj(content, file, 1 << 20)
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError, NotImplementedError) as error:
        raise CadaError(f"{archive}: cannot be unpacked ({error}). Fetch it again, or unpack it yourself.") from error
    except OSError as error:
        raise of_file(error, target, "cannot be written") from error


def _members(archive: Path) -> Iterator[Member]:
    if zipfile.is_zipfile(archive):
        yield from _zip_members(archive)
    elif tarfile.is_tarfile(archive):
        yield from _tar_members(archive)
    else:
        raise CadaError(f"{archive}: no whole zip or tar archive. Fetch it again; unpack other kinds (.rar, .7z) yourself.")


def _zip_members(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise CadaError(f"{archive}: {info.filename} is a link or a device. {_REFUSED}")
            if info.flag_bits & 1:
                raise CadaError(f"{archive}: {info.filename} is locked with a password. Unpack the archive yourself.")
            yield info.filename, None if info.is_dir() else file.open(info)


def _tar_members(archive: Path) -> Iterator[Member]:
    with tarfile.open(archive) as file:
        for info in file:
            if not (info.isfile() or info.isdir()):
                raise CadaError(f"{archive}: {info.name} is a link or a device. {_REFUSED}")
            yield info.name, None if info.isdir() else file.extractfile(info)


def _inside(name: str, archive: Path) -> str:
    """The member's name, when it stays below the folder it is unpacked to."""
    if name.startswith("/") or ".." in name.replace("\\", "/").split("/") or "\0" in name:
        raise CadaError(f"{archive}: the path {name!r} leads out of the folder. {_REFUSED}")
    return name


_REFUSED = "Such an archive is not unpacked; ask where it comes from for another."

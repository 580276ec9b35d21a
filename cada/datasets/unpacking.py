"""Zip and tar archives to a folder: plain files and folders only, and nothing outside of it."""

from __future__ import annotations

import shutil
import stat
import tarfile
import zipfile
import zlib
from gzip import BadGzipFile
from lzma import LZMAError
from pathlib import Path

from tqdm import tqdm

from cada.errors import CadaError, of_file

_REFUSED = "Such an archive is not unpacked; ask where it comes from for another."
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    BadGzipFile,
    EOFError,
    zlib.error,
    LZMAError,
    NotImplementedError,
    LookupError,
    OverflowError,
)


def unpack(archive: Path, target: Path) -> None:
    """Unpack into `target`, which must not exist yet.

    Errors: `CadaError` for what is no zip or tar archive, a damaged or locked one, and one with a link, a device, a path
    that leads out of the folder, or two members of one name. What was unpacked until then is left in `target`.
    """
    target.mkdir(parents=True)
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, target)
        elif tarfile.is_tarfile(archive):
            _unpack_tar(archive, target)
        else:
            raise CadaError(f"{archive}: no whole zip or tar archive. Fetch it again; unpack other kinds (.rar, .7z) yourself.")
    except _DAMAGED as error:
        raise CadaError(f"{archive}: cannot be unpacked ({error}). Fetch it again, or unpack it yourself.") from error
    except OSError as error:
        raise of_file(error, target, "cannot be written") from error


def _unpack_zip(archive: Path, target: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        for info in tqdm(file.infolist(), "unpacking", unit="file", disable=None):
            if not info.filename:
                raise CadaError(f"{archive}: a member has no name. {_REFUSED}")
            kind = stat.S_IFMT(info.external_attr >> 16)
            plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
            _check(archive, info.filename, info.file_size, target, is_folder=info.is_dir(), is_plain=plain)
            if info.flag_bits & 1:
                raise CadaError(f"{archive}: {info.filename} is locked with a password. Unpack the archive yourself.")
            file.extract(info, target)


def _unpack_tar(archive: Path, target: Path) -> None:
    """Contents alone are written, no owners and modes: tarfile's filter for that came with Python 3.11.4, and Debian 12 has 3.11.2."""
    with tarfile.open(archive) as file:
        for info in tqdm(file, "unpacking", unit="file", disable=None):
            _check(archive, info.name, info.size, target, is_folder=info.isdir(), is_plain=info.isfile() or info.isdir())
            path, content = target / info.name, file.extractfile(info)
            (path.parent if content else path).mkdir(parents=True, exist_ok=True)
            if content:
                with content, path.open("wb") as copy:
                    shutil.copyfileobj(content, copy)


def _check(archive: Path, name: str, size: int, target: Path, *, is_folder: bool, is_plain: bool) -> None:
    """Refuse what the libraries would change or overwrite in silence, and what the disk cannot hold, before any of it is written."""
    if not is_plain:
        raise CadaError(f"{archive}: {name} is a link or a device. {_REFUSED}")
    if name.startswith("/") or ".." in name.replace("\\", "/").split("/") or "\0" in name:
        raise CadaError(f"{archive}: the path {name!r} leads out of the folder. {_REFUSED}")
    if not is_folder and (target / name).exists():
        raise CadaError(f"{archive}: two members have the name {name}. {_REFUSED}")
    if size > (free := shutil.disk_usage(target).free):
        raise CadaError(f"{archive}: {name} has {size / 1e9:,.1f} GB, and {target} has room for {free / 1e9:,.1f} GB. {_REFUSED}")

"""Archives of third parties to their place: checked, unpacked beside it and renamed, so that what bears the final name is whole."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pooch

from cada.datasets.catalogue import Resource
from cada.datasets.unpacking import unpack
from cada.errors import CadaError
from cada.storage import files
from cada.storage.addresses import public, scrubbed
from cada.storage.paths import STATE, set_lock


def fetch_set(archive: str, root: Path, *, sha256: str | None, annotations: Sequence[str]) -> None:
    """Unpack an archive (a file or an address) with this SHA-256 to `root`, which must hold nothing yet.

    The folder that holds one of `annotations` becomes `root`: the archive's top, or the one folder there.
    """
    with _alone(root):
        if root.is_symlink() or root.is_file() or (root.is_dir() and any(root.iterdir())):
            raise CadaError(f"{root}: there is something already, and it is left alone. Move it away, then call again.")
        with _at_hand(archive, sha256) as path, _unpacked(path, root) as folder:
            _move(_holder(folder, annotations, archive), root)


def fetch_resource(resource: Resource, archive: str | None, target: Path, *, sha256: str | None) -> None:
    """Unpack `resource`, from its home or from `archive`, to `target`, once each file in it was seen to be the known one."""
    with _alone(target):
        if target.exists():
            _check_contents(target, resource, f"{target} (move it away, then call again)")
            return
        with _at_hand(archive or resource.url, sha256, known=True) as path, _unpacked(path, target) as folder:
            _check_contents(folder / resource.folder, resource, public(archive or resource.url))
            _move(folder / resource.folder, target)


def _alone(target: Path) -> contextlib.AbstractContextManager[None]:
    return files.exclusive(set_lock(target), f"fetching {target}")


@contextlib.contextmanager
def _at_hand(archive: str, sha256: str | None, *, known: bool = False) -> Iterator[Path]:
    """The archive as a file with this digest; `known` if its contents are checked instead. A download is deleted at the end."""
    if archive.startswith(("http://", "https://")):
        if sha256 is None and not known:
            raise CadaError(f"{public(archive)}: give its --sha256, as its owner states it, or fetch it yourself and give the file.")
        path = _download(archive, sha256)
        try:
            yield path
        finally:
            path.unlink()
        return
    path = Path(archive)
    if not path.is_file():
        raise CadaError(f"{public(archive)}: there is no such file. Give the archive that you were sent, or an http(s) address.")
    found = None if known and sha256 is None else files.digest(path)
    if found and sha256 is None:
        raise CadaError(f"{path}: its SHA-256 is {found}. Compare it with what its owner states, then add --sha256 {found}.")
    if found != sha256:
        raise CadaError(f"{path}: its SHA-256 is {found}, not {sha256}. Fetch the archive again, or fix --sha256.")
    yield path


def _download(url: str, sha256: str | None) -> Path:
    print(f"{public(url)}: fetching", file=sys.stderr)
    pooch.get_logger().setLevel("WARNING")  # below it, pooch prints the whole address, with what signs it
    try:
        return Path(pooch.retrieve(url, sha256 and f"sha256:{sha256}", path=STATE / "downloads", progressbar=True))
    except OSError as error:  # requests' errors too
        raise CadaError(
            f"{public(url)}: cannot be fetched ({_reason(error, url)}). Fetch it on another machine and give the file with --archive."
        ) from error
    except ValueError as error:
        raise CadaError(f"{public(url)}: its SHA-256 is not {sha256}. Fix --sha256, or ask its owner for the right one.") from error


def _reason(error: BaseException, url: str) -> str:
    """The first cause in a few words: the libraries wrap it several times, each with all of the address."""
    while error.__context__:
        error = error.__context__
    text = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
    return scrubbed(text.splitlines()[0].partition(" for url:")[0], url)


@contextlib.contextmanager
def _unpacked(archive: Path, target: Path) -> Iterator[Path]:
    """The archive's contents in a folder beside `target`, which is gone at the end."""
    partial = target.with_name(f".{target.name}.partial")
    try:
        if partial.exists():
            shutil.rmtree(partial)
        unpack(archive, partial)
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _holder(folder: Path, annotations: Sequence[str], archive: str) -> Path:
    """The folder that has one of the `annotations`."""
    top = sorted(path for path in folder.iterdir() if path.name != "__MACOSX")
    places = [folder, *(top if len(top) == 1 else [])]
    for place in places:
        if any((place / name).is_file() for name in annotations):
            return place
    if any((place / "caption_all.json").is_file() for place in places):
        raise CadaError(f"{public(archive)}: has only caption_all.json, an older annotation without splits. Ask for reid_raw.json.")
    names = ", ".join(path.name for path in top[:5])
    raise CadaError(
        f"{public(archive)}: has no {' or '.join(annotations)} at its top or in the one folder there, but {names}. Give another archive."
    )


def _check_contents(folder: Path, resource: Resource, where: str) -> None:
    for name, sha256 in resource.contents.items():
        if not (folder / name).is_file():
            raise CadaError(f"{where}: has no {resource.folder}/{name}, so it is not {resource.title}.")
        if files.digest(folder / name) != sha256:
            raise CadaError(f"{where}: {name} is not the file of {resource.title} that is known here. Fetch it again.")


def _move(folder: Path, target: Path) -> None:
    if target.exists():
        target.rmdir()
    folder.rename(target)

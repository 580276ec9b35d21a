"""Indexing: what is new, changed, moved, gone, broken or doubled; two processes; interruptions."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cada.errors import CadaError
from cada.gallery import Index
from cada.gallery.backend import TorchBackend
from cada.gallery.entries import _SCHEMA, NAME
from cada.gallery.indexing import Indexed
from cada.gallery.options import Stored
from tests.gallery.conftest import START


def images_of(folder: Path) -> list[Path]:
    return sorted(folder.glob("**/*.jpg"))


def counts(report: Indexed) -> tuple[int, int, int, int, int]:
    return report.added, report.unchanged, report.moved, report.removed, len(report.skipped)


def test_all_images_are_added_once(index: Index, photos: Path) -> None:
    count = len(images_of(photos))
    assert len(index) == count == 24
    assert counts(index.add(photos)) == (0, count, 0, 0, 0)


def test_an_index_whose_making_was_killed_is_made(tmp_path: Path, photos: Path) -> None:
    statement = next(line for line in _SCHEMA.splitlines() if "contents" in line)
    (tmp_path / "gallery").mkdir()
    with closing(sqlite3.connect(tmp_path / "gallery" / NAME)) as table:
        table.execute(statement)
    assert counts(Index.create(tmp_path / "gallery", START).add(photos)) == (24, 0, 0, 0, 0)


def test_unchanged_files_are_not_read(index: Index, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("a file was read"))
    index.add(photos)


def test_moved_changed_and_removed_files(index: Index, photos: Path) -> None:
    first, second, third, *_ = images_of(photos)
    (photos / "deep" / "er").mkdir(parents=True)
    first.rename(photos / "deep" / "er" / "moved.jpg")
    shutil.copyfile(third, second)
    third.unlink()
    before = index.search("a man", k=1, path="*moved.jpg")
    assert not before
    report = index.add(photos)
    assert (report.moved, report.added, report.removed) == (2, 0, 0)  # the second has the bytes of the third now
    assert len(index) == 23
    assert index.search("a man", k=1, path="*moved.jpg")[0].path == str(photos / "deep" / "er" / "moved.jpg")


def test_moved_images_are_not_encoded_again(index: Index, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images_of(photos)[0].rename(photos / "other.jpg")
    monkeypatch.setattr(TorchBackend, "encode_images", lambda *_: pytest.fail("an image was encoded"))
    assert index.add(photos).moved == 1


def test_an_image_that_was_there_before_comes_back_without_being_encoded(
    index: Index, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = images_of(photos)[0]
    content = path.read_bytes()
    path.unlink()
    assert index.add(photos).removed == 1
    monkeypatch.setattr(TorchBackend, "encode_images", lambda *_: pytest.fail("an image was encoded"))
    path.write_bytes(content)
    assert index.add(photos).added == 1
    assert len(index) == 24


def test_copies_are_one_hit(index: Index, photos: Path) -> None:
    path = images_of(photos)[0]
    shutil.copyfile(path, photos / "zzz.jpg")
    assert index.add(photos).added == 1
    assert len(index) == 24
    (hit,) = index.search(path, k=1)
    assert (hit.path, hit.copies) == (str(path), (str(photos / "zzz.jpg"),))


def test_what_cannot_be_read_is_skipped_and_said_once_it_is_fixed_it_is_added(index: Index, photos: Path) -> None:
    whole = images_of(photos)[0].read_bytes()
    (photos / "broken.jpg").write_bytes(whole[:200])
    (photos / "text.png").write_text("not an image")
    (photos / "empty.jpg").touch()
    (photos / "to_nothing.jpg").symlink_to("nowhere.jpg")
    (photos / "notes.txt").write_text("not looked at")
    (photos / ".hidden.jpg").write_bytes(whole)
    report = index.add(photos)
    assert sorted(Path(path).name for path, _ in report.skipped) == ["broken.jpg", "empty.jpg", "text.png"]
    Image.new("RGB", (1, 1), "red").save(photos / "dot.png")
    assert dict(index.add(photos).skipped)[str(photos / "dot.png")].startswith("it has 1 x 1 pixels")
    (photos / "dot.png").unlink()
    assert all(why for _, why in report.skipped)
    assert report.added == 0
    assert all("object" not in reason and "memory" not in reason for _, reason in report.skipped)
    assert len(index.add(photos).skipped) == 3, "they are said again while they are broken"
    assert [path for path, _ in index.problems()] == sorted(path for path, _ in report.skipped)
    os.utime(photos / "broken.jpg")
    (photos / "broken.jpg").write_bytes(images_of(photos)[3].read_bytes() + b"\0")  # bytes behind the end do not matter
    assert index.add(photos).added == 1


def test_images_of_more_pixels_than_the_limit_are_skipped(index: Index, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cada.gallery.sources.MAX_PIXELS", 10_000)
    Image.new("RGB", (101, 100)).save(photos / "large.png")
    ((path, why),) = index.add(photos).skipped
    assert Path(path).name == "large.png"
    assert "101 x 100" in why


def test_a_file_that_may_not_be_read_is_skipped(index: Index, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (photos / "secret.jpg").write_bytes(images_of(photos)[0].read_bytes())
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "secret.jpg":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)  # root may read everything
    assert [(Path(path).name, why) for path, why in index.add(photos).skipped] == [("secret.jpg", "Permission denied")]


def test_a_photograph_that_was_turned_is_read_upright(index: Index, photos: Path) -> None:
    path = images_of(photos)[0]
    with Image.open(path) as image:
        exif = Image.Exif()
        exif[0x0112] = 6  # the camera was held sideways
        exif.get_ifd(0x8769)[0x9003] = "2021:03:04 05:06:07"
        image.rotate(90, expand=True).save(photos / "turned.png", exif=exif)
    index.add(photos)
    hits = index.search(path, k=2)
    assert {Path(hit.path).name for hit in hits} == {path.name, "turned.png"}
    assert next(hit.time for hit in hits if hit.path.endswith("turned.png")) == 1614834367.0
    assert min(hit.cosine for hit in hits) > 0.99


def test_removing_forgets_and_leaves_the_files(index: Index, photos: Path) -> None:
    path = images_of(photos)[0]
    assert index.remove(path) == 1
    assert len(index) == 23
    assert path.exists()
    assert index.remove(photos) == 23
    assert index.search("a man") == []


def test_several_folders_are_kept_apart(index: Index, photos: Path, tmp_path: Path) -> None:
    other = tmp_path / "photos-of-others"  # its name begins like the first one's
    other.mkdir()
    Image.new("RGB", (48, 96), "red").save(other / "red.png")
    assert counts(index.add(other)) == (1, 0, 0, 0, 0)
    assert index.add(photos).removed == 0
    assert len(index) == 25


def test_an_interrupted_indexing_goes_on(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cada.gallery.indexing.COMMIT", 8)
    monkeypatch.setattr("cada.gallery.indexing.BATCH", 4)
    index, encode, calls = Index.create(tmp_path / "gallery", START), TorchBackend.encode_images, []

    def interrupted(backend: TorchBackend, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        calls.append(len(images))
        if len(calls) == 4:  # the second half of the second batch: its first half's features are on the disk
            raise KeyboardInterrupt
        return encode(backend, images)

    monkeypatch.setattr(TorchBackend, "encode_images", interrupted)
    with pytest.raises(KeyboardInterrupt):
        index.add(photos)
    assert len(index) == 8
    report = Index.open(tmp_path / "gallery").add(photos)
    assert counts(report) == (16, 8, 0, 0, 0)
    monkeypatch.setattr(TorchBackend, "encode_images", encode)
    whole = Index.create(tmp_path / "whole", START)
    whole.add(photos)
    for query in ("a man in a red jacket", "a woman with a bag"):
        found, wanted = Index.open(tmp_path / "gallery").search(query), whole.search(query)
        assert [hit.path for hit in found] == [hit.path for hit in wanted]
        assert [hit.score for hit in found] == pytest.approx([hit.score for hit in wanted], abs=1e-4)


def test_two_writers_refuse_each_other(index: Index, photos: Path) -> None:
    inside, go_on, read = threading.Event(), threading.Event(), index.backend.encode_images

    def slow(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        inside.set()
        go_on.wait(30)
        return read(images)

    index.backend.encode_images = slow  # type: ignore[method-assign]
    Image.new("RGB", (48, 96), "red").save(photos / "red.png")
    writer = threading.Thread(target=index.add, args=[photos])
    writer.start()
    assert inside.wait(30)
    try:
        with pytest.raises(CadaError, match="lock"):
            Index.open(index.folder).add(photos)
        assert len(Index.open(index.folder)) == 24  # readers are not held up
    finally:
        go_on.set()
        writer.join()
    assert len(index) == 25


def test_readers_see_what_is_stored_while_a_writer_adds(index: Index, photos: Path) -> None:
    """No reader fails, and each sees a number of images that there was."""
    other = photos.parent / "more"
    other.mkdir()
    for number in range(12):
        Image.new("RGB", (48, 96), (20 * number, 0, 0)).save(other / f"{number:02}.png")
    reader, seen, ended = Index.open(index.folder), set(), threading.Event()
    failures: list[Exception] = []

    def read() -> None:
        try:
            while not ended.is_set():
                seen.add(len(reader.search("a man in red", k=100)))
        except Exception as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in readers:
        thread.start()
    for path in sorted(other.iterdir()):
        index.add(path)
    ended.set()
    for thread in readers:
        thread.join()
    assert not failures
    assert seen <= set(range(24, 37))
    assert len(reader) == 36


@pytest.mark.parametrize("tokens", ["int8", "none"])
def test_tokens_may_be_kept_smaller_or_not_at_all(index: Index, photos: Path, tmp_path: Path, tokens: Stored) -> None:
    """The order of the first stage is the same, and matches are near."""
    other = Index.create(tmp_path / tokens, START, tokens=tokens)
    other.add(photos)
    query = "A woman in a red jacket and black trousers."
    wanted, found = ({hit.path: hit.match for hit in made.search(query, k=24, rerank=24)} for made in (index, other))
    assert wanted.keys() == found.keys()
    assert [found[path] for path in wanted] == pytest.approx(list(wanted.values()), abs=0.03 if tokens == "int8" else 0.002)
    sizes = {path.name: path.stat().st_size for path in other.folder.iterdir()}
    assert ("tokens.bin" in sizes) == (tokens == "int8")


def test_an_index_says_what_is_wrong_with_it(index: Index, tmp_path: Path) -> None:
    with pytest.raises(CadaError, match="gallery"):
        Index.create(index.folder, START)
    with pytest.raises(CadaError, match="nothing"):
        Index.open(tmp_path / "nothing")
    with pytest.raises(CadaError, match="missing_folder"):
        index.add(tmp_path / "missing_folder")
    with pytest.raises(CadaError, match="safetensors"):
        Index.create(tmp_path / "new", tmp_path)
    assert not (tmp_path / "new").exists()
    with pytest.raises(ValueError, match="tokens"):
        Index.create(tmp_path / "new", START, tokens="float8")  # type: ignore[arg-type]


def test_an_index_refuses_a_model_that_has_changed(photos: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(START, tmp_path / "model"))
    Index.create(tmp_path / "gallery", model).add(photos)
    os.utime(model / "model.safetensors")  # another time alone is no other model
    assert len(Index.open(tmp_path / "gallery")) == 24
    content = bytearray((model / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (model / "model.safetensors").write_bytes(content)
    with pytest.raises(CadaError, match="model"):
        Index.open(tmp_path / "gallery")
    shutil.rmtree(model)
    with pytest.raises(CadaError, match="model"):
        Index.open(tmp_path / "gallery")


def test_the_same_folder_is_not_indexed_into_itself(photos: Path) -> None:
    index = Index.create(photos / "gallery", START)
    Image.new("RGB", (48, 96), "red").save(photos / "gallery" / "sheet.png")
    index.add(photos)
    assert len(index) == 24


@pytest.mark.parametrize("tokens", ["float16", "int8", "none"])
def test_parts_that_several_machines_have_indexed_are_merged(photos: Path, tmp_path: Path, tokens: Stored) -> None:
    """As if one had indexed all, but for the order of rows; an image in two parts comes once."""
    whole = Index.create(tmp_path / "whole", START, tokens=tokens)
    whole.add(photos)
    (photos / "broken.jpg").write_bytes(b"no image")
    merged, added = Index.create(tmp_path / "merged", START, tokens=tokens), 0
    for number in (1, 2, 3):
        part = Index.create(tmp_path / f"part{number}", START, tokens=tokens)
        added += part.add(photos, part=(number, 3)).added
        part.add(images_of(photos)[0])
        merged.merge(part)
    assert added == 24
    assert len(merged) == 24
    assert [Path(path).name for path, _ in merged.problems()] == ["broken.jpg"]
    for query in ("a man in a red jacket", "a woman with a bag"):
        wanted, found = ({hit.path: hit.score for hit in index.search(query, k=24, rerank=24)} for index in (whole, merged))
        assert found == pytest.approx(wanted, abs=1e-4)
    assert merged.add(photos).unchanged == 24
    with pytest.raises(ValueError, match="tokens"):
        merged.merge(Index.create(tmp_path / "other", START, tokens="int8" if tokens == "none" else "none"))

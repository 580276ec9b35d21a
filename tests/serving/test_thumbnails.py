from pathlib import Path

import pytest
from PIL import Image

from cada.gallery.entries import WHOLE, Entry
from cada.gallery.sources import Unreadable
from cada.serving.thumbnails import Thumbnails, tag_of


def entry(path: Path, sha256: str = "abc", box: str = WHOLE) -> Entry:
    return Entry(str(path), box, 1, 1, sha256, 0, None, 0.0)


def photo(path: Path) -> Path:
    Image.effect_noise((200, 100), 80).convert("RGB").save(path)
    return path


def test_the_last_images_are_kept_and_no_more(tmp_path: Path) -> None:
    path = photo(tmp_path / "a.jpg")
    size = len(Thumbnails().get(entry(path), 64))
    kept = Thumbnails(kept=int(2.5 * size))
    for digest in ("first", "second", "first", "third"):
        kept.get(entry(path, digest), 64)
    path.unlink()
    assert len(kept.get(entry(path, "first"), 64)) == len(kept.get(entry(path, "third"), 64)) == size
    with pytest.raises(Unreadable):
        kept.get(entry(path, "second"), 64)


def test_a_tag_is_of_content_box_and_width(tmp_path: Path) -> None:
    known = entry(tmp_path / "a.jpg")
    assert tag_of(known, 64) == tag_of(entry(tmp_path / "moved.jpg"), 64)
    assert len({tag_of(known, 64), tag_of(known, 65), tag_of(entry(tmp_path, "abd"), 64), tag_of(entry(tmp_path, box="0,0,6,4"), 64)}) == 4

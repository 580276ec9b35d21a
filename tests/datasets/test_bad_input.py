"""What people, machines and attackers write into a data set: each entry is refused in one line with the file and the record, or is used.

The tables of test_formats, test_table, test_validation, test_images and test_fetch have the other entries.
"""

from __future__ import annotations

import os
import unicodedata
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from cada.datasets.decoding import decode_rgb, read_rgb
from cada.datasets.prepare import prepare
from cada.datasets.reading import read
from cada.errors import MOST, CadaError
from tests.datasets.conftest import MakeSet, write_annotation
from tests.messages import Fact, carries

FILE = "reid_raw.json"
LONG = "x" * 10**6
WRONG = [None, 1.0, "1", [], {}, True, 2**63, -(2**63) - 1, 10**400]
NO_PATH = [None, 1, [], {}, "", ".", "..", "/", "/etc/passwd", "a/../b.jpg", "./a.jpg", "a//b.jpg", "a/", "a.jpg\x00.png", "\ud800.jpg"]
NO_CAPTIONS = [
    None,
    "A man.",
    {},
    [],
    [None],
    [1],
    [["A man."]],
    [""],
    [" \t\n"],
    ["..."],
    ["\ud800 man"],
    ["word " * 300],
]
NO_SPLIT = [None, 1, [], {}, "", "Train", "query", "gallery", "val ", LONG]


def said(data: Any) -> str:
    """What is said of a set, or nothing."""
    try:
        prepare("mine", data, output=Path("manifest.json"))
    except CadaError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (name, value)
        for name, values in {"id": WRONG, "file_path": NO_PATH, "captions": NO_CAPTIONS, "split": NO_SPLIT}.items()
        for value in values
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_wrong_value_is_named_with_its_record(make_set: MakeSet, field: str, value: Any) -> None:
    data, records = make_set()
    records[1][field] = value
    write_annotation(data, records)
    message = said(data)
    assert carries(message, FILE) or carries(message, "imgs/")
    assert all(len(line) <= MOST for line in message.splitlines())
    assert "record 1" in message or "train/1.jpg" in message or field == "file_path"


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_what_json_has_no_number_for_is_named(make_set: MakeSet, name: str) -> None:
    data, records = make_set()
    records[1]["id"] = float(name)
    write_annotation(data, records)
    assert carries(said(data), FILE, name)


@pytest.mark.parametrize(
    "caption",
    [
        "<script>alert(1)</script> a man",
        "=1+1 a man",
        "رجل يرتدي معطفا أحمر a man",
        "红色外套的人 a man",
        "A man \x1b[2J.",
        "a\x00man",
        "\u202ea man",
        "ﬁne man",
        "word " * 200,
    ],
)
def test_captions_of_any_writing_are_used(make_set: MakeSet, caption: str) -> None:
    data, records = make_set()
    records[1]["captions"] = [caption]
    write_annotation(data, records)
    assert said(data) == ""
    assert read("cuhk_pedes", data.root)[1].captions == (caption,)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"null", b"3", b'"text"', b"{}", b"[]", b"[[]]", b"[null]", b"[{}]", b"[" * 100_000, b'[{"id": 1', b"[1,]",
        b"\xff\xfe[\x00]\x00",
        "[]".encode("utf-16"), b"[{'id': 1}]", b'[{"id": ' + b"9" * 5000 + b"}]", b"\x1f\x8b\x08", b"version https://git-lfs.github.com/spec/v1",
        b"<html>log in</html>", '[{"file_path": "Mädchen.jpg"}]'.encode("latin-1"), bytes(100),
    ],
    ids=lambda content: repr(content[:20]),
)  # fmt: skip
def test_a_file_that_is_no_annotation_is_named(make_set: MakeSet, content: bytes) -> None:
    data, _ = make_set()
    (data.root / FILE).write_bytes(content)
    assert carries(said(data), data.root / FILE)


def _link(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


PLACES: dict[str, Callable[[Path], object]] = {
    "a link to nothing": lambda path: _link(path, "nowhere.jpg"),
    "a link to itself": lambda path: _link(path, path.name),
    "a link to a text": lambda path: _link(path, "/etc/passwd"),
    "a folder": _folder,
    "a pipe": _pipe,
    "another case": lambda path: path.rename(path.with_name(path.name.upper())),
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(1000)),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "a page": lambda path: path.write_text("<html>log in</html>"),
    "a PNG header": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"),
}


@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_image_is_named(make_set: MakeSet, place: str) -> None:
    data, _ = make_set()
    path = data.root / "imgs/train/1.jpg"
    PLACES[place](path)
    assert carries(said(data), path.parent, "1.jpg")


def test_a_person_in_two_splits_is_named(make_set: MakeSet) -> None:
    data, records = make_set()
    write_annotation(data, [*records[:3], records[3] | {"id": 0}])
    assert carries(said(data), data.root / FILE, 0, "train", "test")


JSONL = '{"image": "train/0.jpg", "person": 1, "caption": "A man."}\n'


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000, '{"image": ' + "9" * 5000 + "}", JSONL.replace("train/0", "\\ud800"), JSONL.replace("A man", "\\udfff"),
        "null", "{", "3",
        JSONL.replace("train/0", "a\\u0000"), JSONL.replace("train/0.jpg", "/etc/passwd"), JSONL.replace("1,", "NaN,"),
        JSONL.replace("1,", "1e3,"),
        JSONL.replace("1,", '"\\ud800",'), JSONL.replace("1,", "9223372036854775808,"), JSONL.replace('"A man."', "{}"),
    ],
    ids=range(14),
)  # fmt: skip
def test_a_wrong_line_of_a_table_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "c.jsonl").write_text(JSONL + line)
    with pytest.raises(CadaError) as caught:
        read("table", tmp_path, annotation="c.jsonl", test_persons=1)
    assert carries(str(caught.value), tmp_path / "c.jsonl", "line 2")


@pytest.mark.parametrize(
    "content", [b"\x00", b'image,person,caption\na.jpg,1,"' + b"x" * 200_000 + b'"\n"', b"\xff\xfei\x00"], ids=range(3)
)
def test_a_table_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.csv").write_bytes(content)
    with pytest.raises(CadaError) as caught:
        read("table", tmp_path, annotation="c.csv", test_persons=1)
    assert carries(str(caught.value), tmp_path / "c.csv")


def test_names_in_two_unicode_forms_are_two_images(make_set: MakeSet) -> None:
    data, records = make_set()
    for record, form in zip(records[:2], ("NFC", "NFD"), strict=True):
        name = unicodedata.normalize(form, "train/é.jpg")
        (data.root / "imgs" / record["file_path"]).rename(data.root / "imgs" / name)
        record["file_path"] = name
    write_annotation(data, records)
    assert said(data) == ""


GREY = Image.fromarray(np.arange(60, dtype=np.uint8).reshape(10, 6) * 4)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
TURNED = Image.Exif()
TURNED[0x0112] = 6
USED: dict[str, tuple[Image.Image, str, dict[str, Any]]] = {
    "CMYK": (GREY.convert("CMYK"), "JPEG", {}),
    "YCbCr": (GREY.convert("YCbCr"), "JPEG", {}),
    "a palette with transparency": (GREY.convert("P"), "PNG", {"transparency": 0}),
    "an animation": (GREY, "WEBP", {"save_all": True, "append_images": [GREY]}),
    "a profile": (GREY.convert("RGB"), "JPEG", {"icc_profile": PROFILE}),
    "turned by EXIF": (GREY.convert("RGB"), "JPEG", {"exif": TURNED}),
    "one pixel": (GREY.resize((1, 1)), "PNG", {}),
    "20,000 by 10": (GREY.resize((20_000, 10)), "PNG", {}),
}  # fmt: skip


@pytest.mark.parametrize("kind", USED)
def test_images_of_any_kind_are_used(tmp_path: Path, kind: str) -> None:
    image, form, how = USED[kind]
    image.save(tmp_path / "image.png", form, **how)
    found = read_rgb(tmp_path / "image.png")
    assert (found.mode, found.size) == ("RGB", image.size)


def _bomb(side: int) -> bytes:
    """A PNG that says it has side x side pixels, of which it holds a few."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    head = side.to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (_bomb(20_000), "400000000"), (_bomb(2**31 - 1), ""), (_bomb(0), ""), (b"GIF89a" + bytes(20), "JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "JPEG"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG"), (b"\x00\x00\x00\x1cftypavif" + bytes(20), "JPEG"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(20), "JPEG"),
        (b"%PDF-1.7", "JPEG"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "JPEG"), (b"II*\x00" + b"\xff" * 60, ""),
        (b"BM" + bytes(100), ""),
        (b"RIFF\xff\xff\xff\xffWEBPVP8 ", ""), (b"\xff\xd8\xff\xe0", ""),
    ],
    ids=range(14),
)  # fmt: skip
def test_bombs_and_other_formats_are_refused(content: bytes, fact: Fact) -> None:
    with pytest.raises(ValueError) as caught:
        decode_rgb(content)
    assert str(fact) in str(caught.value)

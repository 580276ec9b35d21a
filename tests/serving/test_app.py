"""The API beside the index itself, and what clients are told where they ask for what is not there."""

from __future__ import annotations

import base64
import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from cada.analysis.explanation import explain
from cada.gallery import Index, Part, Query
from cada.gallery.release import Release
from cada.gallery.sources import open_image
from cada.model.folder import load_model
from cada.phrases import parse
from cada.serving.limits import BODY, LETTERS, RERANK, K
from cada.serving.service import Service
from tests.gallery.conftest import START
from tests.serving.conftest import EVEN, Connect, index_with_thresholds

SENTENCE = "a woman in a red coat with a black backpack"


def search(client: TestClient, **asked: Any) -> dict[str, Any]:
    answer = client.post("/api/search", json={"parts": [{"text": SENTENCE}]} | asked)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def problem(answer: Any, status: int) -> str:
    """The sentence of a problem."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    told = answer.json()
    assert told.keys() == {"title", "status", "detail"} and told["status"] == status and told["detail"].endswith(".")
    assert "\n" not in told["detail"] and "Traceback" not in told["detail"]
    return str(told["detail"])


def jpeg(size: tuple[int, int] = (20, 40)) -> bytes:
    content = io.BytesIO()
    Image.effect_noise(size, 80).convert("RGB").save(content, "JPEG")
    return content.getvalue()


def upload(content: bytes) -> dict[str, str]:
    return {"upload": base64.b64encode(content).decode()}


def test_hits_are_those_of_the_index(client: TestClient, shared: Index) -> None:
    hits = shared.search(SENTENCE, k=5, rerank=7, phrases=True)
    told = search(client, k=5, rerank=7, phrases=True)
    assert [hit["id"] for hit in told["hits"]] == [hit.row for hit in hits]
    for found, hit in zip(told["hits"], hits, strict=True):
        assert found["name"] == Path(hit.path).name and found["path"] is None and found["box"] is None
        assert (found["cosine"], found["match"], found["score"]) == pytest.approx((hit.cosine, hit.match, hit.score), abs=1e-5)
        assert found["confidence"] == hit.confidence and found["phrases"] == pytest.approx(hit.phrases, abs=1e-5)
        assert datetime.fromisoformat(found["time"]).timestamp() == pytest.approx(hit.time, abs=1)


def test_weights_images_and_uploads_are_parts(client: TestClient, shared: Index) -> None:
    content = Path(shared.images_of(3)[0].path).read_bytes()
    asked = [{"text": SENTENCE, "weight": 1.5}, {"text": "a hat", "weight": -0.5}, {"image": 4, "weight": 0.5}, upload(content)]
    parts = (Part(SENTENCE, weight=1.5), Part("a hat", weight=-0.5), Part(row=4, weight=0.5), Part(image=content))
    hits = shared.search(Query(parts), k=24)
    assert [hit["id"] for hit in search(client, parts=asked)["hits"]] == [hit.row for hit in hits]
    assert search(client, parts=[{"image": 4}])["hits"][0]["id"] == search(client, parts=[upload(content)])["hits"][0]["id"] + 1 == 4


def test_paths_and_times_narrow_the_search(client: TestClient, shared: Index) -> None:
    names = {hit["name"] for hit in search(client, path="0000[45]*")["hits"]}
    assert names and all(name.startswith(("00004", "00005")) for name in names)
    assert search(client, path=f"{shared.root()}/*")["hits"] == [], "a pattern begins below the common folder"
    now = datetime.now(UTC)
    assert search(client, since=(now + timedelta(days=1)).isoformat())["hits"] == []
    assert len(search(client, until=(now + timedelta(days=1)).replace(tzinfo=None).isoformat())["hits"]) == 24


def test_nobody_is_said_where_all_hits_are_unlikely(client: TestClient) -> None:
    told = search(client, parts=[{"text": "a green wall with nobody"}])
    assert {hit["confidence"] for hit in told["hits"]} == {"unlikely"} and told["nobody"] is True
    assert search(client, parts=[{"text": "a hat"}, {"text": "a coat"}])["nobody"] is None


def test_words_that_the_model_does_not_know_are_said(client: TestClient) -> None:
    assert search(client, parts=[{"text": "a man with an accordion"}, {"text": "a parrot", "weight": -1}])["unknown"] == [
        "accordion",
        "parrot",
    ]
    assert search(client, parts=[{"text": "a hat"}])["unknown"] == []


def test_info_says_what_can_be_asked(client: TestClient, connect: Connect, tmp_path: Path) -> None:
    told = client.get("/api/info").json()
    assert (told["images"], told["model"], told["top_k"], told["limits"]["k"]) == (24, "synthpedes dual", 32, K)
    assert told["thresholds"] == pytest.approx({"confident": 6 * 0.99, "possible": EVEN}, abs=0.01)
    plain = Index.create(tmp_path / "gallery", START)
    told = connect(Service(plain)).get("/api/info").json()
    assert (told["images"], told["model"], told["thresholds"]) == (0, "synthpedes-start", None)
    assert search(connect(Service(plain)))["hits"] == []


def test_phrases_stand_in_the_text_as_the_model_reads_it(client: TestClient) -> None:
    told = client.post("/api/phrases", json={"text": "A man: red coat, HAT!"}).json()
    assert [told["text"][phrase["start"] : phrase["end"]] for phrase in told["phrases"]] == ["red coat", "hat"]
    assert [phrase["text"] for phrase in told["phrases"]] == ["red coat", "hat"]


def test_an_image_is_sent_once_and_without_metadata(client: TestClient) -> None:
    answer = client.get("/api/images/5", params={"width": 32})
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.size == (32, 64) and not image.getexif()
    known = {"If-None-Match": answer.headers["etag"]}
    again = client.get("/api/images/5", params={"width": 32}, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/api/images/5", params={"width": 40}, headers=known).status_code == 200
    assert client.get("/api/images/6", params={"width": 32}, headers=known).status_code == 200
    assert "no-cache" in answer.headers["cache-control"] and "private" in answer.headers["cache-control"]


def test_a_box_is_sent_and_searched_as_a_box(connect: Connect, drawn: Path, tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.csv"
    boxes.write_text(f"image,x,y,width,height\n{drawn}/imgs/test/00005_0.jpg,4,8,32,64\n")
    index = Index.create(tmp_path / "gallery", START)
    index.add(drawn / "imgs" / "test", boxes=boxes)
    client = connect(Service(index))
    (hit,) = search(client, parts=[{"image": 0}])["hits"]
    assert hit["box"] == [4, 8, 32, 64] and hit["cosine"] == pytest.approx(1, abs=1e-3)
    with Image.open(io.BytesIO(client.get("/api/images/0").content)) as image:
        assert image.size == (32, 64)


def test_an_explanation_is_that_of_the_one_function(client: TestClient, shared: Index) -> None:
    told = client.post("/api/explain", json={"image": 2, "text": SENTENCE}).json()
    spans = [(phrase.start, phrase.end) for phrase in parse(SENTENCE)]
    expected = explain(load_model(START), open_image(Path(shared.images_of(2)[0].path)), SENTENCE, spans=spans)
    assert told["match"] == pytest.approx(expected.match, abs=1e-5)
    for place, phrase in enumerate(told["phrases"]):
        assert (phrase["text"], phrase["match"]) == (expected.phrases[place], pytest.approx(expected.matches[place], abs=1e-5))
        for reader, maps in expected.maps.items():
            assert np.abs(np.array(phrase["maps"][reader]) - maps[place] / maps[place].max()).max() < 1e-3
        for word, masked in zip(phrase["words"], expected.expected[place], strict=True):
            assert word["word"] == masked.piece
            assert [(found["word"], pytest.approx(found["probability"], abs=1e-5)) for found in word["expected"]] == list(masked.instead)


def test_a_decoder_that_was_not_trained_says_no_words(connect: Connect, drawn: Path, tmp_path: Path) -> None:
    release = Path(shutil.copytree(START, tmp_path / "release"))
    Release(release, decodes=False).write()
    index = Index.create(tmp_path / "gallery", release)
    index.add(drawn / "imgs" / "test")
    told = connect(Service(index)).post("/api/explain", json={"image": 2, "text": SENTENCE}).json()
    assert told["phrases"] and all(list(phrase["maps"]) == ["match"] and phrase["words"] == [] for phrase in told["phrases"])


def test_a_model_without_a_match_head_explains_nothing(connect: Connect, drawn: Path, tmp_path: Path) -> None:
    release = Path(shutil.copytree(START, tmp_path / "release"))
    Release(release, "cosine").write()
    index = Index.create(tmp_path / "gallery", release)
    index.add(drawn / "imgs" / "test")
    client = connect(Service(index))
    assert client.get("/api/info").json()["top_k"] == 0
    assert "match head" in problem(client.post("/api/explain", json={"image": 2, "text": SENTENCE}), 422)


@pytest.mark.parametrize(
    ("asked", "fact"),
    [
        ({"parts": []}, "parts: "),
        ({"parts": [{"text": "a hat"}] * 17}, "16"),
        ({"parts": [{"text": "x" * (LETTERS + 1)}]}, str(LETTERS)),
        ({"parts": [{"text": "hat " * 73}]}, "72 words"),
        ({"parts": [{"text": "  "}]}, "parts[0].text"),
        ({"parts": [{"text": "\ud800"}]}, "parts[0].text"),
        ({"parts": [{"text": "a hat", "weight": 11}]}, "parts[0].weight"),
        ({"parts": [{"text": "a hat", "weight": 0}]}, "weight"),
        ({"parts": [{"text": "a hat", "weight": -1}]}, "searched for"),
        ({"parts": [{"text": "a hat", "image": 3}]}, "a text, an image or an upload"),
        ({"parts": [{"image": -1}]}, "parts[0].image"),
        ({"parts": [{"path": "/etc/passwd"}]}, "parts[0].path"),
        ({"parts": [{"upload": "abc"}]}, "parts[0].upload"),
        ({"parts": [upload(b"no image")]}, "JPEG"),
        ({"parts": [upload(jpeg()[:-200])]}, "image: cannot be read"),
        ({"parts": [{"text": "a hat"}], "k": K + 1}, str(K)),
        ({"parts": [{"text": "a hat"}], "k": 0}, "k: "),
        ({"parts": [{"text": "a hat"}], "rerank": RERANK + 1}, str(RERANK)),
        ({"parts": [{"text": "a hat"}], "path": "*a*b*c*d*"}, "path"),
        ({"parts": [{"text": "a hat"}], "path": "x" * 201}, "200"),
        ({"parts": [{"text": "a hat"}], "since": "yesterday"}, "since"),
        ({"parts": [{"text": "a hat"}], "reranked": 3}, "reranked"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_searched_is_said_in_a_sentence(client: TestClient, asked: dict[str, Any], fact: str) -> None:
    assert fact in problem(client.post("/api/search", content=json.dumps(asked), headers={"Content-Type": "application/json"}), 422)


def test_an_upload_of_too_many_pixels_is_not_decoded(client: TestClient) -> None:
    content = io.BytesIO()
    Image.new("1", (8000, 6000)).save(content, "PNG")
    found = problem(client.post("/api/search", json={"parts": [upload(content.getvalue())]}), 422)
    assert "8000 x 6000" in found and "40 million" in found


@pytest.mark.parametrize("content", [b"{", b"[" * 100_000, b"\xff\xfe", b"3"])
def test_what_is_no_json_is_refused(client: TestClient, content: bytes) -> None:
    answer = client.post("/api/search", content=content, headers={"Content-Type": "application/json"})
    problem(answer, answer.status_code)
    assert answer.status_code in (400, 422)


def test_a_body_is_limited_whether_or_not_its_length_is_said(client: TestClient) -> None:
    assert "8 MB" in problem(client.post("/api/search", content=b" " * (BODY + 1)), 413)
    assert "8 MB" in problem(client.post("/api/search", content=(b" " * 1_000_000 for _ in range(9))), 413)


def test_unknown_images_and_addresses(client: TestClient) -> None:
    for answer in (
        client.get("/api/images/999"),
        client.post("/api/explain", json={"image": 999, "text": "a hat"}),
        client.post("/api/search", json={"parts": [{"image": 999}]}),
    ):
        assert "999" in problem(answer, 404)
    for address in ("/nothing", "/api/nothing", "/page/app.js", "/../app.py", "/%2e%2e/app.py", "/docs", "/redoc"):
        problem(client.get(address), 404)
    for address in ("/api/images/..%2f..%2fapp.py", "/api/images/x", "/api/images/3?width=31", "/api/images/3?width=1601"):
        assert client.get(address).status_code in (404, 422)
    assert client.delete("/api/info").status_code == 405


def test_an_image_that_is_gone_is_said_to_be_gone(connect: Connect, drawn: Path, tmp_path: Path) -> None:
    photos = Path(shutil.copytree(drawn / "imgs" / "test", tmp_path / "photos"))
    client = connect(Service(index_with_thresholds(photos, tmp_path)))
    (photos / search(client)["hits"][0]["name"]).unlink()
    row = search(client)["hits"][0]["id"]
    problem(client.get(f"/api/images/{row}"), 410)
    problem(client.post("/api/explain", json={"image": row, "text": SENTENCE}), 410)


def test_no_answer_has_a_path_in_it(connect: Connect, drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where the index breaks: the server's owner alone reads which file."""
    photos = tmp_path / "photos"
    shutil.copytree(drawn / "imgs" / "test", photos / "door")
    index = index_with_thresholds(photos, tmp_path)
    client = connect(Service(index))
    told = [client.get("/api/info").text, client.get("/openapi.json").text, json.dumps(search(client))]
    told.append(client.post("/api/explain", json={"image": 2, "text": SENTENCE}).text)
    (index.folder / "images.sqlite").write_bytes(b"no database" * 1000)
    broken = client.post("/api/search", json={"parts": [{"text": "a hat"}]})
    problem(broken, 500)
    assert "images.sqlite" in capsys.readouterr().err
    for text in (*told, broken.text):
        assert str(tmp_path) not in text and "door" not in text and "sqlite" not in text


def test_paths_are_shown_below_the_common_folder_if_wanted(connect: Connect, drawn: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos[1]"  # a pattern's signs
    for name in ("door", "yard"):
        shutil.copytree(drawn / "imgs" / "test", photos / name)
    (photos / "yard" / "00005_0.jpg").write_bytes(jpeg())
    client = connect(Service(index_with_thresholds(photos, tmp_path), show_paths=True))
    assert {hit["path"].split("/")[0] for hit in search(client)["hits"]} <= {"door", "yard"}
    (only,) = search(client, path="yard/00005_0*")["hits"]
    assert only["path"] == "yard/00005_0.jpg"


def test_queries_are_kept_only_if_wanted(connect: Connect, shared: Index, tmp_path: Path) -> None:
    log = tmp_path / "queries.jsonl"
    client = connect(Service(shared, log=log))
    first = search(client)
    search(client, parts=[{"text": "a hat", "weight": 2}, upload(jpeg())], k=1)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["parts"][0]["text"] for line in lines] == [SENTENCE, "a hat"] and "upload" not in log.read_text()
    assert lines[0]["found"] == [hit["id"] for hit in first["hits"]] and len(lines[1]["found"]) == 1
    search(connect(Service(shared)))
    assert len(log.read_text().splitlines()) == 2
    log.unlink()  # as who keeps logs for a day does
    search(client)
    assert len(log.read_text().splitlines()) == 1 and log.stat().st_mode & 0o777 == 0o600


def test_a_fault_of_the_server_shows_nothing_of_its_code(connect: Connect, shared: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(shared)
    monkeypatch.setattr(service, "info", lambda: 1 / 0)
    answer = connect(service).get("/api/info")
    assert "division" not in problem(answer, 500) and answer.headers["x-content-type-options"] == "nosniff"

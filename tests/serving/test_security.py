"""Who may ask, from where, and how often."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from cada.serving.limits import Rate
from cada.serving.security import Access
from tests.serving.conftest import Connect
from tests.serving.test_app import problem

TOKEN = "a-long-random-word"
SEARCH = {"parts": [{"text": "a hat"}], "k": 1}


@pytest.mark.parametrize("name", ["localhost", "localhost:8765", "127.0.0.1:8765", "[::1]:8765", "[::1]"])
def test_this_machines_names_are_answered(client: TestClient, name: str) -> None:
    assert client.get("/api/info", headers={"Host": name}).status_code == 200


@pytest.mark.parametrize(
    "name", ["evil.example", "evil.example:8765", "localhost.evil.example", "127.0.0.1.evil.example", "", "localhost:x"]
)
def test_other_names_are_not(client: TestClient, connect: Connect, name: str) -> None:
    """A page elsewhere may let its own name lead to this machine."""
    for address in ("/", "/api/info", "/api/images/0"):
        problem(client.get(address, headers={"Host": name}), 400)
    assert connect(access=Access(names=None)).get("/api/info", headers={"Host": name}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_other_pages_cannot_search(client: TestClient, headers: dict[str, str]) -> None:
    problem(client.post("/api/search", json=SEARCH, headers=headers), 403)


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://localhost:8765", "Sec-Fetch-Site": "same-origin"}])
def test_the_own_page_and_programs_can(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/api/search", json=SEARCH, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "given", [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer \xfc"]
)
def test_without_the_token_there_is_only_the_page(connect: Connect, given: str | None) -> None:
    client = connect(access=Access(TOKEN, None))
    headers = {} if given is None else {"Authorization": given.encode("latin-1")}
    for address in ("/api/info", "/api/images/0", "/openapi.json", "/api/nothing"):
        answer = client.get(address, headers=headers)
        problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
    problem(client.post("/api/search", json=SEARCH, headers=headers), 401)
    assert client.get("/", headers=headers).status_code == client.get("/app.js").status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_with_the_token_there_is_everything(connect: Connect, scheme: str) -> None:
    client = connect(access=Access(TOKEN, None))
    headers = {"Authorization": f"{scheme} {TOKEN}"}
    assert client.get("/api/info", headers=headers).status_code == 200
    assert client.post("/api/search", json=SEARCH, headers=headers).status_code == 200


def test_a_token_is_not_shown() -> None:
    assert TOKEN not in repr(Access(TOKEN))


@pytest.mark.parametrize("address", ["/", "/app.js", "/api/info", "/api/images/0", "/api/images/999", "/nothing"])
def test_every_answer_has_the_headers(client: TestClient, address: str) -> None:
    headers = client.get(address).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] and "access-control-allow-origin" not in headers


def test_a_client_asks_so_many_times_a_minute(connect: Connect) -> None:
    client = connect(access=Access(per_minute=3))
    assert [client.get("/api/info").status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = client.get("/")
    assert "3 times" in problem(answer, 429) and 1 <= int(answer.headers["retry-after"]) <= 60


def test_minutes_and_clients_are_counted_alone() -> None:
    now = 30.0
    rate = Rate(2, clock=lambda: now)
    assert [rate.wait("a"), rate.wait("a"), rate.wait("a"), rate.wait("b")] == [0, 0, 30, 0]
    now = 60.0
    assert [rate.wait("a"), rate.wait("a"), rate.wait("a")] == [0, 0, 60]

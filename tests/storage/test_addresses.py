"""What messages show of an address: never what may be a secret."""

from __future__ import annotations

from urllib.parse import quote, unquote

import pytest

from cada.storage.addresses import public, scrubbed

SECRET = "s3cret-word"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        (f"http://someone:{SECRET}@host:5000/mlflow/", "http://host:5000/mlflow/"),
        (f"https://{SECRET}@host/set.zip", "https://host/set.zip"),
        (f"http://host/?token={SECRET}", "http://host/"),
        (f"https://host/set.zip?email=a@b&X-Amz-Signature={SECRET}#top", "https://host/set.zip"),
        (f"https://host/#token={SECRET}", "https://host/"),
        (f"https://user:{SECRET}@[::1]:5000/?sig={SECRET}", "https://[::1]:5000/"),
        (f"postgresql://user:{SECRET}/with@and?@host/mlflow?password={SECRET}", "postgresql://host/mlflow"),
        (f"mysql+pymysql://user:{SECRET}@host/mlflow", "mysql+pymysql://host/mlflow"),
        ("http://[::1", "http://[::1"),
        (f"http:///user:{SECRET}@host", "http://host"),
        (f"http:/user:{SECRET}@host", "http:host"),
        (f"user:{SECRET}@host:5000", "user:host:5000"),
        (f"sqlite:////home/me@work/#1/mlflow.db?key={SECRET}", "sqlite:////home/me@work/#1/mlflow.db"),
        (f"sqlite+pysqlcipher://:{SECRET}@/mlflow.db", "sqlite+pysqlcipher:///mlflow.db"),
        ("/home/me@work/set?.zip", "/home/me@work/set?.zip"),
        ("set@2024.zip", "set@2024.zip"),
        ("", ""),
    ],
)
def test_user_info_and_query_are_dropped(address: str, shown: str) -> None:
    assert public(address) == shown


@pytest.mark.parametrize("secret", [SECRET, "pass%2Fword", "pass/word", "p@ssword", "with space", "pass?word"])
@pytest.mark.parametrize(
    "form", ["http://user:{}@host:5000", "http://{}@host", "http://host/?a=1&token={}", "postgresql://user:{}@host/db"]
)
def test_a_secret_is_nowhere_in_what_a_library_says(form: str, secret: str) -> None:
    address = form.format(secret)
    for message in (
        f"API request to {address}/api/2.0 failed with url: /?token={secret}/api (Caused by X)",
        f"cannot parse '{address}'",
        f"no access for user with {secret!r}, that is {unquote(secret)} or {quote(secret)}",
    ):
        text = scrubbed(message, address)
        assert not any(word in text for form in (secret, unquote(secret), quote(secret)) for word in form.split())


def test_a_secret_of_an_address_that_was_not_given() -> None:
    message = f"redirected to https://other:{SECRET}@host/x?sig={SECRET}, with url: /x?sig={SECRET} (failed), given {SECRET}"
    assert scrubbed(message, secrets=[f"{SECRET}\n"]) == "redirected to https://host/x with url: /x (failed), given ***"


def test_what_is_no_secret_stays() -> None:
    message = "HTTPConnectionPool(host='127.0.0.1', port=9): Max retries exceeded (see https://sqlalche.me/e/20/e3q8)"
    assert scrubbed(message, "http://mlflow:1@127.0.0.1:9/?a=1") == message

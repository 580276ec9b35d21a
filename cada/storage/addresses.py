"""Addresses as messages show them: without user info and query, where passwords, tokens and signatures are.

Both are dropped whole. A list of the names that secrets have (`token`, `sig`, `X-Amz-Signature`) is never complete.
The URL classes of SQLAlchemy and yarl hide the password of an address that they can parse, not that of one in a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote

_LOCAL = ("sqlite:///", "file:///")  # a path follows, in which "@" and "#" are letters like others
_SCHEME = re.compile(r"[A-Za-z][\w+.-]*:(?://)?")
_NO_USER = re.compile(r"(?:\[[^]@]*\]|[^:@/]*)(?::\d*)?(?:/[^@]*)?")  # host, port, path
_IN_TEXT = re.compile(r"[A-Za-z][\w+.-]*://[^\s'\"<>]+")
_QUERY_IN_TEXT = re.compile(r"\?[^\s=?]+=[^\s'\"<>]*")  # of an address without its server: "url: /files?sig=..."
_SHORTEST = 4  # shorter secrets are found inside of addresses only: "1" alone is in every other message


def public(address: str) -> str:
    """`address` without user info, query and fragment; a path stays as it is.

    Where an "@" is behind the server's name, all before it may be a password with a "/" in it, and is dropped too.
    """
    return _divide(address)[0]


def scrubbed(text: str, *addresses: str, secrets: Iterable[str] = ()) -> str:
    """A library's message about `addresses`: every address in it is public, and what was dropped occurs nowhere else.

    secrets: others that the library was given.
    """
    for address in addresses:
        for form in (address, address.rstrip("/")):
            text = text.replace(form, public(form)) if form else text
    text = _IN_TEXT.sub(lambda found: public(found[0]), text)
    text = _QUERY_IN_TEXT.sub("", text)
    words = {word for secret in (*secrets, *(part for address in addresses for part in _dropped(address))) for word in secret.split()}
    forms = {form for word in words for form in (word, unquote(word), quote(word, safe=""), quote(unquote(word), safe=""))}
    for form in sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True):
        text = text.replace(form, "***")
    return text


def _divide(address: str) -> tuple[str, str, str]:
    """What may be shown, the user info, and all behind the path."""
    if address.startswith(_LOCAL):
        shown, _, query = address.partition("?")
        return shown, "", query
    if (scheme := _SCHEME.match(address)) is None:
        return address, "", ""
    rest = address[scheme.end() :]
    head, tail = _before(rest, "[?#]")
    if _NO_USER.fullmatch(head) and ("@" not in tail or "/" in head):
        return scheme[0] + head, "", tail
    # SQLAlchemy takes "/" and "?" in a password for what they are, requests does not: the user info ends at the last "@".
    user, _, rest = rest.rpartition("@")
    head, tail = _before(rest, "[?#&]")
    return scheme[0] + head, user, tail


def _before(text: str, ends: str) -> tuple[str, str]:
    found = re.search(ends, text)
    return (text[: found.start()], text[found.start() :]) if found else (text, "")


def _dropped(address: str) -> Iterator[str]:
    """The secrets of an address: the password, or a user without one, and the values of the query."""
    _, user, query = _divide(address)
    name, _, password = user.partition(":")
    yield password or name
    yield from re.split("[@/?#&]", password)
    for pair in re.split("[?#&;]", query):
        yield pair.partition("=")[2] or pair

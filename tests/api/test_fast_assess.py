"""The fast path of POST /assess: it answers as the application does, and takes no request that is odd."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from copy import copy
from io import BytesIO
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wsgi import ClosingIterator

from finetune_advisor.api.fast_assess import MAX_FAST_BODY_BYTES, FastAssess
from finetune_advisor.app import create_app
from finetune_advisor.engine.model.inputs import Value
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.schemas.plain_requests import PlainRequestSchema
from finetune_advisor.settings import Settings
from finetune_advisor.trees import catalog
from tests.api import guide
from tests.api.conftest import TYPED

SETTINGS = Settings(log_level="error", trees_dir=TYPED.parent)
CATALOG = catalog.load_catalog(TYPED.parent)
Answer = tuple[str, list[tuple[str, str]], bytes]


def fast_path(application: Any) -> FastAssess:
    """The fast path within an application's middleware."""
    while not isinstance(application, FastAssess):
        application = application._application
    return application


DOOR = fast_path(create_app(SETTINGS).wsgi_app)
PLAIN = {"profile": dict.fromkeys(guide.INPUTS, False), "tree_version": "1.0.0"}


def environ(body: bytes, **changes: Any) -> dict[str, Any]:
    """What gunicorn makes of a request with a body; None takes a variable out."""
    made = EnvironBuilder(
        "/assess", method="POST", data=body, content_type="application/json"
    ).get_environ()
    found = {**made, "wsgi.input": BytesIO(body), **changes}
    return {name: value for name, value in found.items() if value is not None}


def answer(application: Callable[..., Iterable[bytes]], request: dict[str, Any]) -> Answer:
    """The status, the headers and the body of an application's answer."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    content = application(request, lambda status, headers, *_: started.append((status, headers)))
    body = b"".join(ClosingIterator(content))
    [(status, headers)] = started
    return status, headers, body


def is_taken(request: dict[str, Any]) -> bool:
    """Whether the fast path answers a request by itself."""
    passed_on: list[Any] = []

    def application(environ: Any, _: Any) -> list[bytes]:
        passed_on.append(environ)
        return []

    door = copy(DOOR)
    door._application = application
    door(request, lambda *_: None)  # type: ignore[arg-type,return-value]
    return not passed_on


def telling_values(tree: Tree) -> dict[str, list[Value]]:
    """For each input the ends of every span that the tree's tests tell apart."""
    return {
        name: [input_.value(end) for cell in tree.partition[name] for end in (cell.least, cell.greatest)]
        for name, input_ in tree.inputs.items()
    }


@pytest.mark.exhaustive
@given(st.data())
@settings(max_examples=300, deadline=None)
def test_what_it_takes_is_answered_as_the_application_does(data: st.DataObject) -> None:
    """Byte for byte, headers included, for profiles of every tree, complete and partial, however written."""
    tree = data.draw(st.sampled_from(list(CATALOG.trees.values())))
    complete = {name: st.sampled_from(values) for name, values in telling_values(tree).items()}
    profile = data.draw(st.fixed_dictionaries(complete) | st.fixed_dictionaries({}, optional=complete))
    request: dict[str, Any] = {"profile": profile}
    if tree is not CATALOG.default or data.draw(st.booleans()):
        request["tree_version"] = tree.version
    if data.draw(st.booleans()):
        request = dict(reversed(request.items()))
    separators = data.draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]))
    body = json.dumps(request, separators=separators).encode()
    accept = data.draw(st.sampled_from([None, "*/*", "application/json"]))

    assert is_taken(environ(body, HTTP_ACCEPT=accept))
    with patch.object(PlainRequestSchema, "decode", return_value=None):  # marshmallow reads it
        expected = answer(DOOR._application, environ(body, HTTP_ACCEPT=accept))
    assert expected == answer(DOOR, environ(body, HTTP_ACCEPT=accept))
    assert expected[0] == "200 OK"


TEXT = json.dumps(PLAIN).encode()
NAME = next(iter(guide.INPUTS))
ODD_BODIES = {
    "a name twice": TEXT.replace(b'{"profile": {', b'{"profile": {"%b": false, ' % NAME.encode()),
    "a member twice": TEXT[:-1] + b', "tree_version": "1.0.0"}',
    "an escape": TEXT.replace(b"tree_version", b"tree\\u005fversion"),
    "a byte order mark": b"\xef\xbb\xbf" + TEXT,
    "no JSON": TEXT[:-1],
    "nothing": b"",
    "not UTF-8": TEXT.replace(b"1.0.0", b"1.0.\xff"),
    "an array": b"[" + TEXT + b"]",
    "an unknown member": TEXT[:-1] + b', "more": 1}',
    "an unknown input": TEXT.replace(b'{"profile": {', b'{"profile": {"nobody_knows": true, '),
    "null": TEXT.replace(b"false", b"null", 1),
    "a value of another type": TEXT.replace(b"false", b"0", 1),
    "an unknown version": TEXT.replace(b"1.0.0", b"0.0.1"),
    "no profile": b'{"tree_version": "1.0.0"}',
    "too much space": TEXT + b" " * MAX_FAST_BODY_BYTES,
}
ODD_HEADERS: dict[str, dict[str, Any]] = {
    "another method": {"REQUEST_METHOD": "PUT"},
    "another path": {"PATH_INFO": "/assess/"},
    "a query": {"QUERY_STRING": "a=1"},
    "a prefix": {"SCRIPT_NAME": "/advisor"},
    "no type": {"CONTENT_TYPE": None},
    "a type with a charset": {"CONTENT_TYPE": "application/json; charset=utf-8"},
    "another type": {"CONTENT_TYPE": "text/plain"},
    "a coding": {"HTTP_CONTENT_ENCODING": "gzip"},
    "chunks": {"HTTP_TRANSFER_ENCODING": "chunked"},
    "another Accept": {"HTTP_ACCEPT": "text/html"},
    "an Accept with weights": {"HTTP_ACCEPT": "application/json;q=0.5"},
    "no Host": {"HTTP_HOST": None},
    "an invalid Host": {"HTTP_HOST": "a b"},
    "no length": {"CONTENT_LENGTH": None},
    "an empty length": {"CONTENT_LENGTH": ""},
    "a length that is no number": {"CONTENT_LENGTH": "\u0663"},
    "a negative length": {"CONTENT_LENGTH": "-1"},
    "a length with a sign": {"CONTENT_LENGTH": "+9"},
    "a huge length": {"CONTENT_LENGTH": "9" * 30},
    "a shorter length": {"CONTENT_LENGTH": str(len(TEXT) - 1)},
    "a longer length": {"CONTENT_LENGTH": str(len(TEXT) + 1)},
}


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES)
def test_an_odd_body_goes_on_to_the_application(body: bytes) -> None:
    """It gets there whole: the answer is the one that the application gives alone."""
    assert not is_taken(environ(body))
    assert answer(DOOR._application, environ(body)) == answer(DOOR, environ(body))


@pytest.mark.parametrize("changes", ODD_HEADERS.values(), ids=ODD_HEADERS)
def test_an_odd_request_goes_on_to_the_application(changes: dict[str, Any]) -> None:
    """Whatever is odd about it."""
    assert is_taken(environ(TEXT))
    assert not is_taken(environ(TEXT, **changes))
    if "HTTP_TRANSFER_ENCODING" not in changes:  # the server takes chunks apart
        expected = answer(DOOR._application, environ(TEXT, **changes))
        assert expected == answer(DOOR, environ(TEXT, **changes))


@pytest.mark.exhaustive
@given(st.binary(max_size=40), st.integers(0, len(TEXT)), st.integers(0, 12))
@settings(max_examples=500, deadline=None)
def test_a_damaged_request_is_answered_as_the_application_does(
    inserted: bytes, place: int, removed: int
) -> None:
    """Whether the fast path takes it or not."""
    body = TEXT[:place] + inserted + TEXT[place + removed :]
    assert answer(DOOR._application, environ(body)) == answer(DOOR, environ(body))


def test_a_body_over_the_limit_of_the_settings_goes_on_to_the_application() -> None:
    """However little larger than that limit it is, it is refused as it is without the fast path."""
    door = fast_path(create_app(Settings(log_level="error", max_body_bytes=1024)).wsgi_app)
    at_limit, over = (TEXT + b" " * (size - len(TEXT)) for size in (1024, 1025))

    assert answer(door, environ(at_limit))[0] == "200 OK"
    assert answer(door, environ(over))[0].startswith("413 ")
    assert answer(door._application, environ(over)) == answer(door, environ(over))

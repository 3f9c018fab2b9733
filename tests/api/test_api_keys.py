"""API keys over HTTP: who is let in, what others get, and which paths need no key."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from finetune_advisor.access.key_file import make_key, render_line
from finetune_advisor.access.key_ring import KeyRing
from finetune_advisor.app import create_app
from finetune_advisor.settings import Settings, SettingsError
from finetune_advisor.telemetry import deferred
from tests.conftest import server_logging

ALICE, BOB = make_key(), make_key()
ORIGIN = "https://app.example.com"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
MakeClient = Callable[..., FlaskClient]


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> MakeClient:
    """Make clients of applications that ask for Alice's or Bob's key."""
    path = tmp_path_factory.mktemp("keys") / "keys"
    path.write_text(f"{render_line('alice', ALICE)}\n{render_line('bob', BOB)}\n")

    def make_client(**settings: Any) -> FlaskClient:
        chosen: dict[str, Any] = {"log_level": "error", "api_keys_file": path, **settings}
        return create_app(Settings(**chosen)).test_client()

    return make_client


@pytest.fixture(scope="module")
def client(keyed: MakeClient) -> FlaskClient:
    """A client of an application with the other settings' defaults."""
    return keyed()


def assess(client: FlaskClient, **headers: str) -> Any:
    """Send an assessment with headers, whose names have `_` for `-`."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/assess", json={"profile": {}}, headers=sent)


def status_of(client: FlaskClient, path: str) -> int:
    """The status of a path without a key."""
    return client.get(path, buffered=True).status_code  # so that files are closed


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {ALICE}"},
        {"Authorization": f"bEARER   {ALICE} "},
        {"X_API_Key": BOB},
        {"Authorization": f"Bearer {ALICE}", "X_API_Key": ALICE},
        {"Authorization": "Basic dXNlcjpwYXNz", "X_API_Key": ALICE},
    ],
)
def test_a_right_key_lets_in(client: FlaskClient, headers: dict[str, str]) -> None:
    """In either header or in both; the scheme in any case; a gateway's own Authorization is left alone."""
    assert 200 == assess(client, **headers).status_code


WRONG = {
    "another key": {"X_API_Key": make_key()},
    "another bearer": {"Authorization": f"Bearer {make_key()}"},
    "truncated": {"X_API_Key": ALICE[:-1]},
    "longer": {"X_API_Key": f"{ALICE}a"},
    "other case": {"X_API_Key": ALICE.swapcase()},
    "empty": {"X_API_Key": ""},
    "empty bearer": {"Authorization": "Bearer"},
    "twice": {"X_API_Key": f"{ALICE},{ALICE}"},
    "a list": {"Authorization": f"Bearer {ALICE}, Bearer {ALICE}"},
    "two right keys": {"Authorization": f"Bearer {ALICE}", "X_API_Key": BOB},
    "one right, one wrong": {"Authorization": f"Bearer {make_key()}", "X_API_Key": ALICE},
    "one right, one empty": {"Authorization": "Bearer ", "X_API_Key": ALICE},
    "huge": {"X_API_Key": "a" * 1_000_000},
    "not ASCII": {"X_API_Key": "clé\x80"},
    "a NUL": {"X_API_Key": f"{ALICE}\0"},
    "the line": {"X_API_Key": render_line("alice", ALICE)},
    "the hash": {"X_API_Key": render_line("alice", ALICE)[7:]},
    "the name": {"X_API_Key": "alice"},
}
ABSENT = {
    "none": {},
    "no scheme": {"Authorization": ALICE},
    "another scheme": {"Authorization": f"Basic {ALICE}"},
    "a scheme like it": {"Authorization": f"Bearerx {ALICE}"},
    "in a cookie": {"Cookie": f"X-API-Key={ALICE}"},
}


def test_all_wrong_keys_get_one_answer(client: FlaskClient) -> None:
    """A problem with a challenge, whose body says nothing of the key."""
    answers = [assess(client, **headers) for headers in WRONG.values()]
    challenges = {answer.headers["WWW-Authenticate"] for answer in answers}

    assert {(401, "application/problem+json")} == {(a.status_code, a.content_type) for a in answers}
    assert {'Bearer realm="finetune-advisor", error="invalid_token"'} == challenges
    assert {"no-store"} == {answer.headers["Cache-Control"] for answer in answers}
    assert 1 == len({answer.data for answer in answers})
    assert {
        "type": "problems/unauthorized",
        "title": "A valid API key is needed",
        "status": 401,
        "detail": "the API key is not valid; ask the operator for a valid one",
    } == answers[0].json


@pytest.mark.parametrize("case", ABSENT)
def test_a_request_without_a_key_is_told_how_to_send_one(client: FlaskClient, case: str) -> None:
    """Its challenge has no error code (RFC 6750, 3.1)."""
    answer = assess(client, **ABSENT[case])

    assert 401 == answer.status_code
    assert 'Bearer realm="finetune-advisor"' == answer.headers["WWW-Authenticate"]
    assert answer.json["detail"].startswith(
        "send an API key, as Authorization: Bearer KEY or as X-API-Key"
    )


OPEN = ["/healthz", "/readyz", "/problems/unauthorized", "/static/pages.css", "/docs/swagger-ui.css"]
FOR_PEOPLE = ["/", "/interview", "/trees/1.0.0", "/docs", "/openapi.json"]
CLOSED = [
    *("/tree", "/tree/versions", "/tree/versions/1.0.0", "/tree/versions/1.0.0/diagram", "/metrics"),
    *("/tree/versions/2.0.0/changes?since=1.0.0", "/nope", "/static/", "/healthz/", "/assess"),
    *("/static/../tree", "/healthz/../tree", "/%74ree", "/TREE", "/trees/", "/interview/nope"),
]


def test_few_paths_need_no_key(client: FlaskClient) -> None:
    """Probes, explanations of errors and files of pages; whoever has no key learns of no other path."""
    statuses = {path: status_of(client, path) for path in (*OPEN, *FOR_PEOPLE, *CLOSED)}

    assert dict.fromkeys(OPEN, 200) == {path: statuses[path] for path in OPEN}
    closed = {path: statuses[path] for path in (*FOR_PEOPLE, *CLOSED)}
    assert dict.fromkeys(closed, 401) | {"/static/../tree": 404} == closed


def test_every_route_is_known_here(client: FlaskClient) -> None:
    """A new endpoint is closed unless it is put into the list of open ones."""
    routes = [rule for rule in client.application.url_map.iter_rules() if "<" not in rule.rule]
    named = {*OPEN, *FOR_PEOPLE, *CLOSED, *("/assess/batch", "/assess/explain", "/interview/worksheet")}
    assert set() == {rule.rule for rule in routes} - named


def test_pages_can_be_exempt(keyed: MakeClient) -> None:
    """With them the reference page and the contract, which it shows; the API stays closed."""
    client = keyed(api_keys_exempt_pages=True)

    assert dict.fromkeys(FOR_PEOPLE, 200) == {path: status_of(client, path) for path in FOR_PEOPLE}
    assert {401} == {status_of(client, path) for path in ("/tree", "/metrics", "/nope", "/trees/")}
    assert 401 == assess(client).status_code


@pytest.mark.parametrize("path", [*FOR_PEOPLE, "/tree", "/nope"])
def test_a_browser_gets_a_page(client: FlaskClient, path: str) -> None:
    """It says what is needed, with a style sheet that needs no key, and leads to the explanation."""
    answer = client.get(path, headers=HTML)

    assert (401, "text/html; charset=utf-8") == (answer.status_code, answer.content_type)
    assert "A valid API key is needed" in answer.text
    assert "send an API key" in answer.text
    assert answer.headers["WWW-Authenticate"]


def test_without_pages_a_browser_gets_the_problem(keyed: MakeClient) -> None:
    """There is nothing to show it with."""
    answer = keyed(pages=False).get("/tree", headers=HTML)
    assert (401, "application/problem+json") == (answer.status_code, answer.content_type)


def test_the_port_of_operations_needs_no_key(keyed: MakeClient) -> None:
    """Prometheus and probes have none; the same paths say nothing on the API's port."""
    client = keyed(metrics_port=9090)

    for path in ("/healthz", "/readyz", "/metrics"):
        assert 200 == client.get(path, base_url="http://127.0.0.1:9090").status_code
    assert 404 == client.get("/tree", base_url="http://127.0.0.1:9090").status_code
    assert [404, 404, 401] == [status_of(client, p) for p in ("/healthz", "/readyz", "/metrics")]


def test_pages_of_other_origins_can_read_the_refusal(keyed: MakeClient) -> None:
    """A preflight needs no key, and the 401 and its challenge can be read."""
    client = keyed(cors_origins=(ORIGIN,))
    preflight = client.options("/assess", headers=PREFLIGHT)
    refusal = assess(client, Origin=ORIGIN)

    assert (204, b"") == (preflight.status_code, preflight.data)
    assert ORIGIN == preflight.headers["Access-Control-Allow-Origin"]
    assert (401, ORIGIN) == (refusal.status_code, refusal.headers["Access-Control-Allow-Origin"])
    assert "WWW-Authenticate" in refusal.headers["Access-Control-Expose-Headers"]


def test_other_options_need_a_key(keyed: MakeClient, client: FlaskClient) -> None:
    """Without CORS there are no preflights; and a plain OPTIONS is none."""
    assert 401 == client.options("/assess", headers=PREFLIGHT).status_code
    shared = keyed(cors_origins=(ORIGIN,))
    assert 401 == shared.options("/assess", headers={"Origin": ORIGIN}).status_code


def test_only_options_is_a_preflight(keyed: MakeClient) -> None:
    """The headers of one open no other method."""
    shared = keyed(cors_origins=(ORIGIN,))
    answers = [
        assess(shared, **{name.replace("-", "_"): value for name, value in PREFLIGHT.items()}),
        shared.get("/tree", headers=PREFLIGHT),
        shared.head("/tree", headers=PREFLIGHT),
    ]
    assert [401, 401, 401] == [answer.status_code for answer in answers]


def test_a_shared_cache_keeps_no_answer(client: FlaskClient) -> None:
    """It would give it to those without a key. Open answers stay public."""
    answer = client.get("/tree", headers={"X-API-Key": ALICE})

    assert "max-age=60, private" == answer.headers["Cache-Control"]
    assert answer.headers["ETag"]


@server_logging()
def test_the_name_is_counted_and_logged(keyed: MakeClient, capsys: pytest.CaptureFixture[str]) -> None:
    """Of each request with a key, and `refused` for a 401; what needs no key has no name."""
    client = keyed(log_level="info")
    for headers in ({"X_API_Key": ALICE}, {"X_API_Key": ALICE}, {"X_API_Key": BOB}, {}, WRONG["huge"]):
        assess(client, **headers)
    client.get("/healthz")
    metrics = client.get("/metrics", headers={"X-API-Key": BOB}).text
    deferred.flush()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    requests = [(line["status"], line.get("api_key")) for line in lines if "route" in line]

    counted = [line for line in metrics.splitlines() if line.startswith("finetune_advisor_api_key_")]
    assert {
        'finetune_advisor_api_key_requests_total{key="alice"} 2.0',
        'finetune_advisor_api_key_requests_total{key="bob"} 1.0',
        'finetune_advisor_api_key_requests_total{key="refused"} 2.0',
    } == set(counted)
    assert [
        *((200, name) for name in ("alice", "alice", "bob")),
        *((401, "refused"), (401, "refused"), (200, None), (200, "bob")),
    ] == requests
    assert not {ALICE, BOB} & set(json.dumps(lines).split('"'))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "can't be read"), ("", "has no key"), ("alice", "is no line `name: hash`")],
)
def test_a_wrong_file_stops_the_start(tmp_path: Path, content: str | None, reason: str) -> None:
    """The message names the setting, the file and what to do."""
    path = tmp_path / "keys"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SettingsError) as caught:
        create_app(Settings(api_keys_file=path))

    assert str(caught.value).startswith(f"FINETUNE_ADVISOR_API_KEYS_FILE: {path}:")
    assert reason in str(caught.value)


def test_an_application_takes_over_the_keys_of_the_one_before(tmp_path: Path) -> None:
    """Its start doesn't read the file, which may be wrong by now."""
    path = tmp_path / "keys"
    path.write_text(render_line("alice", ALICE))
    settings = Settings(log_level="error", api_keys_file=path)
    keys = create_app(settings).extensions["api_keys"]
    assert isinstance(keys, KeyRing)
    path.unlink()
    app = create_app(settings, keys=keys)

    assert keys is app.extensions["api_keys"]
    assert 200 == assess(app.test_client(), X_API_Key=ALICE).status_code


def test_the_contract_describes_keys(client: FlaskClient) -> None:
    """Either scheme opens each operation, which documents the 401; an explanation of errors needs none."""
    contract = client.get("/openapi.json", headers={"X-API-Key": ALICE}).json
    validate(contract)
    operations = {
        operation["operationId"]: operation
        for path in contract["paths"].values()
        for operation in path.values()
        if "operationId" in operation
    }
    open_operation = operations.pop("explainProblem")

    assert [{"bearerKey": []}, {"apiKey": []}] == contract["security"]
    schemes = contract["components"]["securitySchemes"]
    assert ("http", "bearer") == (schemes["bearerKey"]["type"], schemes["bearerKey"]["scheme"])
    assert ("header", "X-API-Key") == (schemes["apiKey"]["in"], schemes["apiKey"]["name"])
    assert {"#/components/responses/Unauthorized"} == {
        operation["responses"]["401"]["$ref"] for operation in operations.values()
    }
    assert [] == open_operation["security"]
    assert "401" not in open_operation["responses"]


def test_without_keys_nothing_changes() -> None:
    """The contract has no scheme and no 401, keys are ignored, and no series counts them."""
    client = create_app(Settings(log_level="error")).test_client()
    contract = client.get("/openapi.json").json

    assert [] == contract["security"]
    assert "securitySchemes" not in contract["components"]
    assert "Unauthorized" not in contract["components"]["responses"]
    assert 200 == assess(client, **WRONG["huge"]).status_code
    assert "public" in client.get("/tree", headers={"X-API-Key": ALICE}).headers["Cache-Control"]
    assert "api_key_requests_total{" not in client.get("/metrics").text

"""Client addresses in log lines: none unless asked for, and never one that a client made up."""

from __future__ import annotations

import json

import pytest
import requests

from finetune_advisor.telemetry.client_addresses import MAX_HOPS, make_client_lookup
from tests.conftest import StartServer

PROXIES = ["10.0.0.0/8", "192.0.2.7", "fd00::/8"]
FORGED = "6.6.6.6"
FORWARDED = [
    ("203.0.113.9", "", "203.0.113.9"),
    ("203.0.113.9", FORGED, "203.0.113.9"),
    ("10.1.2.3", "203.0.113.9", "203.0.113.9"),
    ("10.1.2.3", f"{FORGED}, 203.0.113.9", "203.0.113.9"),
    ("10.1.2.3", f"{FORGED}, 203.0.113.9, 10.9.9.9,192.0.2.7", "203.0.113.9"),
    ("10.1.2.3", f"10.0.0.1, {FORGED}, 192.0.2.8, 10.0.0.2", "192.0.2.8"),
    ("10.1.2.3", "", "10.1.2.3"),
    ("10.1.2.3", "10.0.0.5", "10.0.0.5"),
    ("10.1.2.3", "203.0.113.9:4711", "203.0.113.9"),
    ("10.1.2.3", "[2001:db8::1]:4711", "2001:db8::1"),
    ("fd00::1", f"{FORGED}, 2001:DB8::1", "2001:db8::1"),
    ("::ffff:10.1.2.3", "::ffff:203.0.113.9", "203.0.113.9"),
    ("10.1.2.3", f"{FORGED}, unknown", "10.1.2.3"),
    ("10.1.2.3", f"{FORGED},", "10.1.2.3"),
    ("10.1.2.3", f"{FORGED}, 1.2.3.4.5", "10.1.2.3"),
    ("10.1.2.3", f"{FORGED}, fe80::1%evil\u2028name", "10.1.2.3"),
    ("10.1.2.3", ",".join([FORGED, *["10.0.0.1"] * 5 * MAX_HOPS]), "10.0.0.1"),
    ("", FORGED, "unknown"),
]


@pytest.mark.parametrize(("peer", "header", "expected"), FORWARDED)
def test_the_nearest_address_that_is_no_proxy_s_is_the_client(
    peer: str, header: str, expected: str
) -> None:
    """Nothing before it is believed, and neither is anything from a peer that isn't trusted."""
    lookup = make_client_lookup("forwarded", PROXIES)

    assert lookup
    assert expected == lookup({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": header})


def test_the_peer_is_known_without_any_header() -> None:
    """`peer` reads no header, whoever is trusted; `none` isn't asked at all."""
    lookup = make_client_lookup("peer", PROXIES)

    assert lookup
    assert lookup({"REMOTE_ADDR": "10.1.2.3", "HTTP_X_FORWARDED_FOR": FORGED}) == "10.1.2.3"
    assert make_client_lookup("none", PROXIES) is None


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, None),
        ({"LOG_CLIENT": "peer"}, "127.0.0.1"),
        ({"LOG_CLIENT": "forwarded", "TRUSTED_PROXIES": "127.0.0.1"}, "203.0.113.9"),
        ({"LOG_CLIENT": "forwarded", "TRUSTED_PROXIES": "10.0.0.0/8"}, "127.0.0.1"),
    ],
)
def test_log_lines_have_the_client_that_was_asked_for(
    start_server: StartServer, settings: dict[str, str], expected: str | None
) -> None:
    """A real server, with a header that has a made-up part."""
    server = start_server(**settings)
    header = {"X-Forwarded-For": f"{FORGED}, 203.0.113.9"}
    requests.post(f"{server.url}/assess", json={"profile": {}}, headers=header, timeout=20)
    server.stop()
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    [line] = [one for one in lines if one.get("route") == "/assess"]

    assert expected == line.get("client")
    assert FORGED not in server.log.read_text()

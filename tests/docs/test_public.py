"""docs/public.md, followed as it stands. Its site for nginx runs in tests/public."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import requests
import yaml

from finetune_advisor.access.key_ring import KeyRing
from finetune_advisor.api.http.api_keys import OPEN_ENDPOINTS
from finetune_advisor.app import create_app
from tests.conftest import StartServer
from tests.docs import pages

PAGE = pages.read(str(Path("docs") / "public.md"))
NAME = "public.md"


def test_keys_are_made_and_used_as_shown(tmp_path: Path, start_server: StartServer) -> None:
    """The commands print what is shown, and the keys open the instance by either command with curl."""
    [session] = pages.blocks(PAGE, "console")
    commands = [line.removeprefix("$ ") for line in session.splitlines() if line.startswith("$ ")]
    shown = "".join(line + "\n" for line in session.splitlines() if not line.startswith("$ "))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", "\n".join(commands)],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    keys = [line for line in done.stdout.splitlines() if line.startswith("fta_")]

    assert pages.printed_as_shown(done.stdout, shown), done.stdout + done.stderr
    ring = KeyRing(tmp_path / "keys")
    assert ["web-app", "nightly-batch"] == [ring.find_name(key) for key in keys]

    server = start_server(API_KEYS_FILE=str(tmp_path / "keys"))
    calls = re.findall(r"^curl .*$", PAGE, re.MULTILINE)
    assert 2 == len(calls)
    for call, key in zip(calls, keys, strict=True):
        words = shlex.split(call.replace("$KEY", key).replace(pages.SERVED_AT, server.url))
        name, _, value = words[-1].partition(": ")
        assert 200 == requests.get(words[2], headers={name: value}, timeout=10).status_code
        assert 401 == requests.get(words[2], timeout=10).status_code


def test_what_needs_no_key_is_listed() -> None:
    """Each endpoint that is open has its path in a row that says no."""
    rows = "".join(re.findall(r"^\| .* \| no.*$", PAGE, re.MULTILINE))
    rules = {rule.endpoint: rule.rule for rule in create_app().url_map.iter_rules()}
    listed = {"/docs/<name>": "style sheet and script of `/docs`"}

    assert [] == [
        rules[endpoint]
        for endpoint in OPEN_ENDPOINTS
        if listed.get(rules[endpoint], re.sub("<.*>", "…", rules[endpoint])) not in rows
    ]


def test_the_policy_is_for_the_route_of_the_chart() -> None:
    """It is YAML, and names the release and the namespace of the guide."""
    [policy] = [yaml.safe_load(block) for block in pages.blocks(PAGE, "yaml")]
    [target] = policy["spec"]["targetRefs"]

    assert ("HTTPRoute", "advisor-finetune-advisor") == (target["kind"], target["name"])
    assert "advice" == policy["metadata"]["namespace"]
    assert "Nobody has run it here" in PAGE

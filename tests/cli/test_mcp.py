"""`mcp`, before it serves."""

from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

from finetune_advisor.cli import main


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK is an extra."""
    monkeypatch.setitem(sys.modules, "mcp", None)
    for name in ("server", "transports"):
        monkeypatch.delitem(sys.modules, f"finetune_advisor.agents.{name}", raising=False)
    for name in [name for name in sys.modules if name.startswith("mcp.")]:
        monkeypatch.delitem(sys.modules, name)
    result = CliRunner().invoke(main, ["mcp"])

    assert 1 == result.exit_code
    assert "Error: mcp needs the extra of that name" in result.stderr
    assert "pip install 'finetune-advisor[mcp]'\n" in result.stderr
    assert 1 == len(result.stderr.splitlines())


def test_a_host_that_others_reach_needs_a_name() -> None:
    """Otherwise the check of Host and Origin would refuse everybody, or be off."""
    result = CliRunner().invoke(main, ["mcp", "--http", "--host", "0.0.0.0"])

    assert 2 == result.exit_code
    assert "name this server with --allowed-host, as clients do" in result.stderr


def test_wrong_settings_are_one_line() -> None:
    """As for every command."""
    wrong = {"FINETUNE_ADVISOR_DEFAULT_TREE_VERSION": "9.9.9"}
    result = CliRunner().invoke(main, ["mcp"], env=wrong)

    assert 1 == result.exit_code
    assert "the default version 9.9.9 isn't served" in result.stderr


@pytest.mark.parametrize("option", ["--host=::1", "--port=8000", "--allowed-host=example.com"])
def test_options_of_http_need_it(option: str) -> None:
    """Whoever gives a port expects that the command listens there."""
    result = CliRunner().invoke(main, ["mcp", option])

    assert 2 == result.exit_code
    assert "need --http" in result.stderr

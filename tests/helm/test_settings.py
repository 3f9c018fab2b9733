"""Every setting of the service can be set by a value, and means there what it means here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from finetune_advisor.settings import VARIABLE_PREFIX, Settings, SettingsError
from tests.helm import chart
from tests.helm.chart import Values

ELSEWHERE = {"port", "metrics_port", "trees_dir", "api_keys_file"}
"""Settings that follow from `ports`, `trees` and `apiKeys`."""


def settings(values: Values, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings that the server of a release reads from its environment."""
    [container] = chart.server(values)["containers"]
    for name, value in chart.environment(container).items():
        if name.startswith(VARIABLE_PREFIX):
            monkeypatch.setenv(name, value)
    return Settings.from_environment()


def test_every_setting_has_a_value() -> None:
    """Neither more nor less than the service has."""
    known = {one.name for one in fields(Settings)}
    named = {"".join("_" * c.isupper() + c.lower() for c in key) for key in chart.DEFAULTS["settings"]}
    assert known - ELSEWHERE == named


def test_the_defaults_are_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that sets nothing differs from the service in where it listens alone."""
    assert Settings(host="0.0.0.0", metrics_port=9090) == settings({}, monkeypatch)


def test_every_setting_reaches_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numbers beyond a million, booleans and texts come through as they are."""
    expected = Settings(
        host="0.0.0.0",
        port=8000,
        metrics_port=8001,
        workers=4,
        threads=64,
        drain_seconds=5,
        graceful_timeout=60,
        trees_dir=Path("/trees/current/trees"),
        tree_digests=(f"sha256:{'0' * 64}", f"sha256:{'a' * 64}"),
        trees_watch_seconds=10,
        default_tree_version="2.0.0",
        shadow_tree_version="3.0.0",
        max_batch=500,
        max_body_bytes=1_048_576,
        log_level="debug",
        log_format="text",
        path_prefix="/advisor",
        cors_origins=("https://app.example.com", "http://localhost:3000"),
        decision_log=True,
        decision_log_mask=("kb_tokens", "running_cost"),
        decision_log_sample=0.05,
        traces="otlp",
        log_client="forwarded",
        trusted_proxies="10.0.0.0/8, fd00::/8",
    )
    assert expected == settings(chart.case("workers"), monkeypatch)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("pathPrefix", one)
            for one in ("", "/a", "/a/b.c", "/.well-known", "/...", "/a..b", "/a~_-.")
        ),
        *(
            ("pathPrefix", one)
            for one in ("/", "a", "/a/", "//a", "/a/../b", "/.", "/a/..", "/a b", "/%2e")
        ),
        *(
            ("corsOrigins", one)
            for one in ("", "*", "https://a.example:443 , HTTP://[::1]:80,", "app://a")
        ),
        *(
            ("corsOrigins", one)
            for one in ("a.example", "*.a.example", "https://a/", "null", "https://*.a")
        ),
        *(("corsOrigins", one) for one in ("https://a https://b", "https://a:123456", "https://a,b")),
        *(
            ("trustedProxies", one)
            for one in ("", "10.0.0.0/8 , ::1,", "10.0.0.0/255.0.0.0", "fd00::/8")
        ),
        *(
            ("trustedProxies", one)
            for one in ("proxy.example", "10.0.0.1,a", "10.0.0.0-10.0.0.9", "10.0")
        ),
    ],
)
def test_what_the_service_refuses_fails_the_render(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A text that would keep pods from starting is refused before, and one that is right is not."""
    variable = VARIABLE_PREFIX + "".join("_" * c.isupper() + c.upper() for c in name)
    with monkeypatch.context() as alone:
        alone.setenv(variable, value)
        taken = _is_taken(Settings.from_environment)

    assert taken == _is_taken(lambda: chart.render({"settings": {name: value}}))


def _is_taken(read: Callable[[], object]) -> bool:
    try:
        read()
    except (SettingsError, chart.RefusedError):
        return False
    return True


def test_more_environment_comes_last() -> None:
    """Variables of other software go with the settings, in whatever form Kubernetes has for them."""
    [container] = chart.server(chart.case("workers"))["containers"]
    assert chart.case("workers")["extraEnv"] == container["env"][-2:]

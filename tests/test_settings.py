"""Settings: typed, from one prefix, wrong ones refused by name."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from finetune_advisor.settings import Settings, SettingsError, get_variable_name

DIGEST = f"sha256:{'0a' * 32}"


def test_an_empty_environment_gives_the_defaults() -> None:
    """Nothing needs to be set, and an empty value is one that isn't set."""
    assert Settings.from_environment() == Settings()


def test_every_setting_is_read_and_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable ends up in its field, with its type."""
    given = {
        "host": ("0.0.0.0", "0.0.0.0"),
        "port": ("9000", 9000),
        "metrics_port": ("9001", 9001),
        "workers": ("4", 4),
        "threads": ("8", 8),
        "drain_seconds": ("3", 3),
        "graceful_timeout": ("5", 5),
        "trees_dir": ("/trees", Path("/trees")),
        "default_tree_version": ("2.0.0", "2.0.0"),
        "tree_digests": (f" {DIGEST},,{DIGEST}, ", (DIGEST,)),
        "trees_watch_seconds": ("10", 10),
        "shadow_tree_version": ("3.0.0", "3.0.0"),
        "max_batch": ("20000", 20_000),
        "max_body_bytes": ("2048", 2048),
        "log_level": ("debug", "debug"),
        "log_format": ("text", "text"),
        "path_prefix": ("/a/dvi.sor", "/a/dvi.sor"),
        "cors_origins": (
            "https://App.example.com, http://localhost:3000,https://app.example.com,",
            ("https://app.example.com", "http://localhost:3000"),
        ),
        "pages": ("false", False),
        "decision_log": ("true", True),
        "decision_log_mask": ("b, a,,b ", ("b", "a")),
        "decision_log_sample": ("0.25", 0.25),
        "traces": ("OTLP", "otlp"),
        "api_keys_file": ("/keys/file", Path("/keys/file")),
        "api_keys_exempt_pages": ("true", True),
        "log_client": ("forwarded", "forwarded"),
        "trusted_proxies": ("10.0.0.0/8,::1", "10.0.0.0/8,::1"),
    }
    for one in fields(Settings):
        monkeypatch.setenv(get_variable_name(one), given[one.name][0])

    assert Settings.from_environment() == Settings(**{name: value for name, (_, value) in given.items()})


def test_an_empty_value_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts and compose files set variables to nothing; that means the default."""
    monkeypatch.setenv("FINETUNE_ADVISOR_PORT", "")
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", "")

    assert Settings.from_environment() == Settings()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("PORT", "http", "Not a valid integer."),
        ("PORT", "65536", "Out of range; give a value from 0 to 65535."),
        ("WORKERS", "0", "Out of range; give a value from 1 to 1024."),
        ("MAX_BODY_BYTES", "10", "Out of range; give a value from 1024 to 1073741824."),
        ("LOG_LEVEL", "loud", "Must be one of: debug, info, warning, error."),
        ("DECISION_LOG", "perhaps", "Not a valid boolean."),
        ("DECISION_LOG_SAMPLE", "1.01", "Out of range; give a value from 0 to 1."),
        ("DECISION_LOG_SAMPLE", "-0.1", "Out of range; give a value from 0 to 1."),
        ("DECISION_LOG_SAMPLE", "10%", "Not a valid number."),
        ("DECISION_LOG_SAMPLE", "nan", "Special numeric values (nan or infinity) are not permitted."),
        ("PATH_PREFIX", "advisor", "Not a path such as /advisor, without a slash at its end."),
        ("PATH_PREFIX", "/", "Not a path such as /advisor, without a slash at its end."),
        ("PATH_PREFIX", "/advisor/", "Not a path such as /advisor, without a slash at its end."),
        ("PATH_PREFIX", "//advisor", "Not a path such as /advisor, without a slash at its end."),
        ("PATH_PREFIX", "/a/../b", "Not a path such as /advisor, without a slash at its end."),
        ("PATH_PREFIX", "/a\n", "Not a path such as /advisor, without a slash at its end."),
        ("PATH_PREFIX", "/%2e", "Not a path such as /advisor, without a slash at its end."),
        ("CORS_ORIGINS", "app.example.com", "'app.example.com' is no origin such as"),
        ("CORS_ORIGINS", "*, https://a.example/", "'https://a.example/' is no origin such as"),
        ("CORS_ORIGINS", "https://*.example.com", "'https://*.example.com' is no origin such as"),
        ("CORS_ORIGINS", "null", "'null' is no origin such as"),
        ("TREE_DIGESTS", f"{DIGEST}, 1.0.0", "'1.0.0' is no digest: sha256: and 64 digits or letters"),
        ("TREES_WATCH_SECONDS", "3601", "Out of range; give a value from 0 to 3600."),
        (
            "TREES_WATCH_SECONDS",
            "10",
            "there is no directory of own trees; name it in FINETUNE_ADVISOR_TREES_DIR",
        ),
        (
            "TREE_DIGESTS",
            DIGEST,
            "there is no directory of own trees; name it in FINETUNE_ADVISOR_TREES_DIR",
        ),
        ("LOG_CLIENT", "all", "Must be one of: none, peer, forwarded."),
        ("API_KEYS_EXEMPT_PAGES", "true", "name their file in FINETUNE_ADVISOR_API_KEYS_FILE"),
        ("LOG_CLIENT", "forwarded", "name them in FINETUNE_ADVISOR_TRUSTED_PROXIES"),
        ("TRUSTED_PROXIES", "10.0.0.1,proxy.example", "Not an address or a network such as 10.0.0.0/8"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "has host bits set"),
    ],
)
def test_a_wrong_value_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    """The message is one line that names the variable, the reason and what it is for."""
    monkeypatch.setenv(f"FINETUNE_ADVISOR_{name}", value)
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment()

    message = str(refused.value)
    assert message.startswith(f"FINETUNE_ADVISOR_{name}: ")
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize("proxies", [",", " , ", " "])
def test_a_list_without_a_proxy_names_none(monkeypatch: pytest.MonkeyPatch, proxies: str) -> None:
    """LOG_CLIENT=forwarded never trusts nobody."""
    monkeypatch.setenv("FINETUNE_ADVISOR_LOG_CLIENT", "forwarded")
    monkeypatch.setenv("FINETUNE_ADVISOR_TRUSTED_PROXIES", proxies)
    with pytest.raises(SettingsError, match="name them in FINETUNE_ADVISOR_TRUSTED_PROXIES"):
        Settings.from_environment()


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ("https://app.example.com:443", ("https://app.example.com",)),
        ("http://localhost:80,HTTP://LOCALHOST", ("http://localhost",)),
        ("https://[::443]:443,https://[::443]", ("https://[::443]",)),
        ("http://a.example:443,https://a.example:80", ("http://a.example:443", "https://a.example:80")),
        ("https://a.example:8443,app://a:443", ("https://a.example:8443", "app://a:443")),
        ("*,https://a.example:443", ("*", "https://a.example")),
    ],
)
def test_origins_are_those_that_browsers_send(
    monkeypatch: pytest.MonkeyPatch, given: str, origins: tuple[str, ...]
) -> None:
    """A browser leaves out the default port of http and of https, and of nothing else."""
    monkeypatch.setenv("FINETUNE_ADVISOR_CORS_ORIGINS", given)

    assert origins == Settings.from_environment().cors_origins


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("FINETUNE_ADVISOR_PROT", "did you mean FINETUNE_ADVISOR_PORT?"),
        ("FINETUNE_ADVISOR_ZZZZZZZZZZZZZZZZ", "see: finetune-advisor settings"),
    ],
)
def test_an_unknown_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, hint: str) -> None:
    """A misspelt setting is never silently ignored."""
    monkeypatch.setenv(name, "1")
    with pytest.raises(SettingsError, match="there is no such setting") as refused:
        Settings.from_environment()

    assert str(refused.value) == f"{name}: there is no such setting; {hint}"


@pytest.mark.parametrize("service", ["", "METRICS_", "TREES_", "LOG_FORMAT_", "MAX_BATCH_2_"])
def test_what_kubernetes_says_of_services_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    """A Service whose name begins with finetune-advisor sets variables in each pod; none is a setting."""
    given = {
        "SERVICE_HOST": "10.0.0.1",
        "SERVICE_PORT": "80",
        "SERVICE_PORT_HTTP": "80",
        "SERVICE_PORT_HTTP_METRICS": "9090",
        "PORT": "tcp://10.0.0.1:80",
        "PORT_80_TCP": "tcp://10.0.0.1:80",
        "PORT_80_TCP_PROTO": "tcp",
        "PORT_80_TCP_PORT": "80",
        "PORT_80_TCP_ADDR": "10.0.0.1",
        "PORT_53_UDP": "udp://[fd00::1]:53",
        "PORT_53_UDP_PROTO": "udp",
        "PORT_53_UDP_ADDR": "fd00::1",
        "PORT_7_SCTP": "sctp://10.0.0.1:7",
        "PORT_7_SCTP_PROTO": "sctp",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"FINETUNE_ADVISOR_{service}{name}", value)

    assert Settings() == Settings.from_environment()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("SERVICE_HOST", "example.com", "there is no such setting"),
        ("SERVICE_PORTS", "80", "there is no such setting"),
        ("METRICS_SERVICE_PORT", "http", "there is no such setting"),
        ("PORT_80_TCP", "10.0.0.1:80", "there is no such setting"),
        ("PORT_80_TCP_ADDRESS", "10.0.0.1", "there is no such setting"),
        ("PORT", "http://10.0.0.1:80", "Not a valid integer"),
        ("THREADS", "tcp://10.0.0.1:80", "Not a valid integer"),
    ],
)
def test_what_only_resembles_it_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, reason: str
) -> None:
    """Name and value have to have the form; a mistake in a setting is none of Kubernetes' variables."""
    monkeypatch.setenv(f"FINETUNE_ADVISOR_{name}", value)
    with pytest.raises(SettingsError, match=f"^FINETUNE_ADVISOR_{name}: {reason}"):
        Settings.from_environment()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("LOG_LEVEL", "INFO", Settings(log_level="info")),
        ("LOG_LEVEL", "Warning", Settings(log_level="warning")),
        ("LOG_FORMAT", "JSON", Settings(log_format="json")),
        ("LOG_FORMAT", " Text ", Settings(log_format="text")),
        ("DECISION_LOG", "tRUE", Settings(decision_log=True)),
        ("DECISION_LOG", "Yes", Settings(decision_log=True)),
        ("DECISION_LOG", "fALSE", Settings(decision_log=False)),
    ],
)
def test_words_are_read_in_any_case(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: Settings
) -> None:
    """Where a setting takes one of a few words, upper and lower case are the same."""
    monkeypatch.setenv(f"FINETUNE_ADVISOR_{name}", value)

    assert expected == Settings.from_environment()


def test_each_setting_of_few_words_names_them_all() -> None:
    """The meaning of a setting, which the README repeats, lists the values that it takes."""
    for setting in fields(Settings):
        words = getattr(setting.metadata["check"], "choices", ())
        words = ["true", "false"] if setting.type == "bool" else words

        assert [] == [word for word in words if word not in setting.metadata["help"]]


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("a", "/a"),
        ("/a", "/a"),
        ("/a/", "/a"),
        ("//a", "/a"),
        ("/a/b/", "/a/b"),
        ("", None),
        ("/", None),
    ],
)
def test_a_prefix_may_be_named_as_for_other_servers(
    monkeypatch: pytest.MonkeyPatch, name: str, prefix: str | None
) -> None:
    """SCRIPT_NAME is the prefix, with a slash before it and none behind; PATH_PREFIX goes before it."""
    monkeypatch.setenv("SCRIPT_NAME", name)
    assert prefix == Settings.from_environment().path_prefix

    monkeypatch.setenv("FINETUNE_ADVISOR_PATH_PREFIX", "")
    assert prefix == Settings.from_environment().path_prefix

    monkeypatch.setenv("FINETUNE_ADVISOR_PATH_PREFIX", "/advisor")
    assert "/advisor" == Settings.from_environment().path_prefix


@pytest.mark.parametrize("name", ["/a//b", "/..", "a b", "/%61", "/a?b", "/a\n", "/ä"])
def test_a_prefix_of_other_servers_that_is_none_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Unless it isn't read, as PATH_PREFIX is set."""
    monkeypatch.setenv("SCRIPT_NAME", name)
    with pytest.raises(SettingsError, match=r"^SCRIPT_NAME: Not a path such as /advisor\."):
        Settings.from_environment()

    monkeypatch.setenv("FINETUNE_ADVISOR_PATH_PREFIX", "/advisor")
    assert "/advisor" == Settings.from_environment().path_prefix


def test_settings_are_frozen() -> None:
    """They are read once and stay."""
    with pytest.raises(FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]  # that is the point

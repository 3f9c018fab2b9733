"""Settings: read from the environment, typed and frozen."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from environs import Env, EnvValidationError
from marshmallow import ValidationError, validate
from marshmallow import fields as ma_fields

from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.telemetry.client_addresses import split_proxies

VARIABLE_PREFIX = "FINETUNE_ADVISOR_"

_PROTOCOL, _ADDRESS = "(?:tcp|udp|sctp)", r"(?:[\d.]+|[\da-f:.]*:[\da-f:.]*)"
_SERVICE_URL = rf"{_PROTOCOL}://(?:[\d.]+|\[[\da-f:.]+\]):\d+"
_SERVICE_VARIABLE = re.compile(
    rf"(?:\w+_)?(?:SERVICE_HOST={_ADDRESS}|SERVICE_PORT(?:_\w+)?=\d+|PORT={_SERVICE_URL}"
    rf"|PORT_\d+_(?:TCP|UDP|SCTP)(?:={_SERVICE_URL}|_PROTO={_PROTOCOL}|_PORT=\d+|_ADDR={_ADDRESS}))"
)
"""Matches the variables that Kubernetes sets in each pod for each Service: `name=value`, without the prefix.

Variables of a Service called `finetune-advisor` or `finetune-advisor-metrics` have the prefix of settings.
https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
"""


class SettingsError(FinetuneAdvisorError):
    """A setting is wrong or unknown; the message names the variable and says what it takes."""


class _CaseInsensitiveChoice(ma_fields.String):
    """A word out of a list, in upper or lower case."""

    def _deserialize(self, value: str, *args: Any, **kwargs: Any) -> str:
        return super()._deserialize(value.strip().lower(), *args, **kwargs)


class _CaseInsensitiveBoolean(ma_fields.Boolean):
    """A boolean in upper or lower case: true, t, yes, y, on or 1, and false, f, no, n, off or 0."""

    def _deserialize(self, value: str, *args: Any, **kwargs: Any) -> bool:
        return super()._deserialize(value.strip().lower(), *args, **kwargs)


def _setting(default: Any, kind: str, help_: str, check: Callable[[Any], Any] | None = None) -> Any:
    """Define a setting: its default, the parser of environs that reads it, its help and its validator."""
    return field(default=default, metadata={"kind": kind, "help": help_, "check": check})


SCRIPT_NAME_VARIABLE = "SCRIPT_NAME"
"""The variable that other WSGI servers take a path prefix from. It is read if PATH_PREFIX is unset."""
PATH_PREFIX_PATTERN = re.compile(r"(/(?!\.{1,2}(/|\Z))[A-Za-z0-9._~-]+)+\Z")
ANY_ORIGIN = "*"
ORIGIN_PATTERN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?P<port>:[0-9]{1,5})?"
)
"""An origin (RFC 6454, 6.2)."""
DIGEST_PATTERN = re.compile(r"sha256:[0-9a-f]{64}")
DEFAULT_PORTS = {"http": ":80", "https": ":443"}
"""The default port of each scheme, which browsers leave out of an origin."""


def _require_proxies(value: str) -> None:
    """Raise ValidationError if an entry of a list is neither an address nor a network."""
    try:
        split_proxies(value)
    except ValueError as error:
        reason = f"Not an address or a network such as 10.0.0.0/8: {error}."
        raise ValidationError(reason) from None


def _make_range(low: int, high: int) -> validate.Range:
    return validate.Range(low, high, error=f"Out of range; give a value from {low} to {high}.")


_PORT_RANGE = _make_range(0, 65535)
_COUNT_RANGE = _make_range(1, 1024)
_LARGE_COUNT_RANGE = _make_range(1, 1_000_000)


@dataclass(frozen=True)
class Settings:
    """Every setting, named as its environment variable without the prefix FINETUNE_ADVISOR_."""

    host: str = _setting("127.0.0.1", "str", "Address to listen on; 0.0.0.0 in a container.")
    port: int = _setting(8080, "int", "Port to listen on; 0 takes a free one.", _PORT_RANGE)
    metrics_port: int | None = _setting(
        None,
        "int",
        "Port that /healthz, /readyz and /metrics move to; unset, they stay on PORT.",
        _make_range(1, 65535),
    )
    workers: int = _setting(1, "int", "Worker processes.", _COUNT_RANGE)
    threads: int = _setting(64, "int", "Threads of each worker.", _COUNT_RANGE)
    drain_seconds: int = _setting(
        0,
        "int",
        "Seconds after SIGTERM in which /readyz answers 503 and everything else is still served.",
        _make_range(0, 3600),
    )
    graceful_timeout: int = _setting(
        30,
        "int",
        "Seconds that running requests get to finish after the instance stops accepting new ones.",
        _make_range(0, 3600),
    )
    trees_dir: Path | None = _setting(
        None, "path", "Directory of own tree documents, served beside the bundled ones."
    )
    tree_digests: tuple[str, ...] | None = _setting(
        None,
        "digests",
        "Digests (sha256:…), with commas; a document in TREES_DIR must have one of them. Unset, any may.",
    )
    trees_watch_seconds: int = _setting(
        0,
        "int",
        "Seconds between looks at TREES_DIR; changed trees are then served without a restart. 0 never looks.",
        _make_range(0, 3600),
    )
    default_tree_version: str | None = _setting(
        None,
        "str",
        "Version that answers when a request names none; unset, the newest current one, own trees first.",
    )
    shadow_tree_version: str | None = _setting(
        None,
        "str",
        "Version that repeats each assessment after its answer, to count what it changes; unset, none does.",
    )
    max_batch: int = _setting(
        10_000, "int", "Maximum number of profiles in a batch.", _LARGE_COUNT_RANGE
    )
    max_body_bytes: int = _setting(
        8_388_608, "int", "Maximum size of a request body, in bytes.", _make_range(1024, 1 << 30)
    )
    log_level: str = _setting(
        "info",
        "choice",
        "Minimum log level: debug, info, warning or error.",
        validate.OneOf(["debug", "info", "warning", "error"]),
    )
    log_format: str = _setting(
        "json",
        "choice",
        "Format of log lines: json for machines, or text for people.",
        validate.OneOf(["json", "text"]),
    )
    path_prefix: str | None = _setting(
        None,
        "str",
        "Prefix that a proxy leaves on paths, such as /advisor; paths without it are answered, too.",
        validate.Regexp(
            PATH_PREFIX_PATTERN, error="Not a path such as /advisor, without a slash at its end."
        ),
    )
    cors_origins: tuple[str, ...] | None = _setting(
        None,
        "origins",
        "Origins whose pages may call the API from a browser, separated by commas; * is any.",
    )
    pages: bool = _setting(
        default=True,
        kind="flag",
        help_="Serve the pages for people: /, /interview and /trees/{version}. true or false.",
    )
    decision_log: bool = _setting(
        default=False,
        kind="flag",
        help_="Log every assessment with the answers on its path: true or false.",
    )
    decision_log_mask: tuple[str, ...] | None = _setting(
        None,
        "names",
        "Inputs whose answers the decision log leaves out, separated by commas.",
    )
    decision_log_sample: float = _setting(
        1.0,
        "float",
        "Share of the assessments that the decision log has, from 0 to 1.",
        _make_range(0, 1),
    )
    traces: str = _setting(
        "none",
        "choice",
        "Where spans of requests go: none, or otlp (the collector that OTEL_ variables name).",
        validate.OneOf(["none", "otlp"]),
    )
    api_keys_file: Path | None = _setting(
        None,
        "path",
        "File with a line `name: SHA-256` for each API key; every request then needs one. Unset, none does.",
    )
    api_keys_exempt_pages: bool = _setting(
        default=False,
        kind="flag",
        help_="Serve pages, /docs and the contract without an API key: true or false.",
    )
    log_client: str = _setting(
        "none",
        "choice",
        "Client address in each request's log line: none, peer (the connection's) or forwarded (by proxies).",
        validate.OneOf(["none", "peer", "forwarded"]),
    )
    trusted_proxies: str | None = _setting(
        None,
        "str",
        "Proxies whose X-Forwarded-For LOG_CLIENT=forwarded believes: addresses or networks, with commas.",
        _require_proxies,
    )

    @classmethod
    def from_environment(cls) -> Settings:
        """Read the settings of this process. Raises SettingsError if one is wrong or unknown."""
        _refuse_unknown()
        env = Env(expand_vars=False)  # a `$` in a value is a `$`
        env.add_parser("names", _parse_names)
        env.add_parser("origins", _parse_origins)
        env.add_parser("digests", _parse_digests)
        env.add_parser_from_field("choice", _CaseInsensitiveChoice)
        env.add_parser_from_field("flag", _CaseInsensitiveBoolean)
        given = [setting for setting in fields(cls) if _is_given(get_variable_name(setting))]
        settings = cls(**{setting.name: _read_setting(env, setting) for setting in given})
        if settings.path_prefix is None:
            settings = replace(settings, path_prefix=_read_script_name())
        if settings.metrics_port == settings.port:
            raise SettingsError(
                f"{VARIABLE_PREFIX}METRICS_PORT: is the same as PORT; take another or leave it out"
            )
        # Otherwise, an operator who thinks of keys would serve without any.
        if settings.api_keys_exempt_pages and settings.api_keys_file is None:
            raise SettingsError(
                f"{VARIABLE_PREFIX}API_KEYS_EXEMPT_PAGES: there are no keys to exempt pages from; name their "
                f"file in {VARIABLE_PREFIX}API_KEYS_FILE"
            )
        for name in ("trees_watch_seconds", "tree_digests"):
            if getattr(settings, name) and not settings.trees_dir:
                raise SettingsError(
                    f"{VARIABLE_PREFIX}{name.upper()}: there is no directory of own trees; name it in "
                    f"{VARIABLE_PREFIX}TREES_DIR"
                )
        # Without any proxy, `forwarded` would log the addresses of proxies as those of clients.
        if settings.log_client == "forwarded" and not split_proxies(settings.trusted_proxies or ""):
            raise SettingsError(
                f"{VARIABLE_PREFIX}LOG_CLIENT: forwarded believes proxies; name them in "
                f"{VARIABLE_PREFIX}TRUSTED_PROXIES"
            )
        return settings


def _read_script_name() -> str | None:
    """Read the prefix in SCRIPT_NAME, with one slash before and none after it. Raises SettingsError."""
    name = os.environ.get(SCRIPT_NAME_VARIABLE, "").strip("/")
    if not name:
        return None
    if not PATH_PREFIX_PATTERN.match(f"/{name}"):
        raise SettingsError(
            f"{SCRIPT_NAME_VARIABLE}: Not a path such as /advisor. It is read where "
            f"{VARIABLE_PREFIX}PATH_PREFIX is unset."
        )
    return f"/{name}"


def _parse_names(value: str, **_: Any) -> tuple[str, ...]:
    """Split a list of names at its commas, and leave out empty ones."""
    return tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))


def _parse_origins(value: str, **_: Any) -> tuple[str, ...]:
    """Split a list of origins, and write each as browsers do. Raises ValidationError."""
    origins = (origin.strip().lower() for origin in value.split(",") if origin.strip())
    return tuple(dict.fromkeys(map(_without_default_port, origins)))


def _parse_digests(value: str, **_: Any) -> tuple[str, ...]:
    """Split a list of digests. Raises ValidationError if one isn't in the form of a tree's."""
    digests = _parse_names(value)
    for digest in digests:
        if not DIGEST_PATTERN.fullmatch(digest):
            reason = "sha256: and 64 digits or letters from a to f"
            raise ValidationError(f"{digest!r} is no digest: {reason}.")
    return digests


def _without_default_port(origin: str) -> str:
    """Remove the default port of an origin's scheme. Raises ValidationError if it is no origin."""
    if origin == ANY_ORIGIN:
        return origin
    parts = ORIGIN_PATTERN.fullmatch(origin)
    if not parts:
        raise ValidationError(
            f"{origin!r} is no origin such as https://app.example.com, without a path."
        )
    default = DEFAULT_PORTS.get(parts["scheme"])
    return origin.removesuffix(default) if default and parts["port"] == default else origin


def get_variable_name(setting: Field[Any]) -> str:
    """Return the name of a setting's environment variable."""
    return VARIABLE_PREFIX + setting.name.upper()


def _is_given(name: str) -> bool:
    """Whether a variable sets something. Charts and compose files set variables to nothing."""
    return bool(os.environ.get(name)) and not _describes_service(name)


def _describes_service(name: str) -> bool:
    """Whether Kubernetes has set a variable for a Service, judging by its name and value."""
    return bool(_SERVICE_VARIABLE.fullmatch(f"{name.removeprefix(VARIABLE_PREFIX)}={os.environ[name]}"))


def _refuse_unknown() -> None:
    """Raise SettingsError if a variable has the prefix and is no setting, as it may be a typing error."""
    known = [setting.name.upper() for setting in fields(Settings)]
    for name in sorted(os.environ):
        if name.startswith(VARIABLE_PREFIX) and name.removeprefix(VARIABLE_PREFIX) not in known:
            if _describes_service(name):
                continue
            close = get_close_matches(name.removeprefix(VARIABLE_PREFIX), known, 1)
            hint = (
                f"did you mean {VARIABLE_PREFIX}{close[0]}?"
                if close
                else "see: finetune-advisor settings"
            )
            raise SettingsError(f"{name}: there is no such setting; {hint}")


def _read_setting(env: Env, setting: Field[Any]) -> Any:
    """Read and validate the value of a setting. Raises SettingsError."""
    parse = getattr(env, setting.metadata["kind"])
    check = setting.metadata["check"]
    try:
        return parse(get_variable_name(setting), validate=[check] if check else None)
    except EnvValidationError as error:
        reasons = " ".join(error.error_messages)
        raise SettingsError(
            f"{get_variable_name(setting)}: {reasons} It is: {setting.metadata['help']}"
        ) from error

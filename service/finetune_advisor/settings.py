"""Settings: read once from the environment, typed and frozen."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from environs import Env, EnvValidationError
from marshmallow import validate

from finetune_advisor.engine.errors import FinetuneAdvisorError

PREFIX = "FINETUNE_ADVISOR_"


class SettingsError(FinetuneAdvisorError):
    """A setting has a wrong value or doesn't exist; the message names the variable and what it takes."""


def _setting(default: Any, kind: str, help_: str, check: Callable[[Any], Any] | None = None) -> Any:
    return field(default=default, metadata={"kind": kind, "help": help_, "check": check})


_PORT = validate.Range(0, 65535)
_COUNT = validate.Range(1, 1024)
_MANY = validate.Range(1, 1_000_000)


@dataclass(frozen=True)
class Settings:
    """Every setting, named as its environment variable without the prefix FINETUNE_ADVISOR_."""

    host: str = _setting("127.0.0.1", "str", "Address to listen on; 0.0.0.0 in a container.")
    port: int = _setting(8080, "int", "Port to listen on; 0 takes a free one.", _PORT)
    metrics_port: int | None = _setting(
        None,
        "int",
        "Port that /healthz, /readyz and /metrics move to; unset, they stay on PORT.",
        validate.Range(1, 65535),
    )
    workers: int = _setting(1, "int", "Worker processes.", _COUNT)
    threads: int = _setting(64, "int", "Threads of each worker.", _COUNT)
    drain_seconds: int = _setting(
        0,
        "int",
        "Seconds after SIGTERM in which /readyz already answers 503 and all else is served.",
        validate.Range(0, 3600),
    )
    graceful_timeout: int = _setting(
        30,
        "int",
        "Seconds that requests in flight get to finish, once nothing new is accepted.",
        validate.Range(0, 3600),
    )
    trees_dir: Path | None = _setting(
        None, "path", "Directory of own tree documents, served beside the bundled ones."
    )
    default_tree_version: str | None = _setting(
        None,
        "str",
        "Version that answers when a request names none; unset, the newest current one, own trees first.",
    )
    max_batch: int = _setting(10_000, "int", "Most profiles in one batch.", _MANY)
    max_body_bytes: int = _setting(
        8_388_608, "int", "Largest request body, in bytes.", validate.Range(1024, 1 << 30)
    )
    log_level: str = _setting(
        "info",
        "str",
        "Least level that is logged.",
        validate.OneOf(["debug", "info", "warning", "error"]),
    )
    log_format: str = _setting(
        "json", "str", "Log lines for machines or for people.", validate.OneOf(["json", "text"])
    )
    decision_log: bool = _setting(
        default=False, kind="bool", help_="Log every assessment with the answers on its path."
    )

    @classmethod
    def from_environment(cls) -> Settings:
        """The settings of this process. Raises SettingsError."""
        _refuse_unknown()
        env = Env(expand_vars=False)
        given = [one for one in fields(cls) if os.environ.get(variable(one))]
        settings = cls(**{one.name: _read(env, one) for one in given})
        if settings.metrics_port == settings.port:
            raise SettingsError(f"{PREFIX}METRICS_PORT: is PORT's too; take another or leave it out")
        return settings


def variable(setting: Field[Any]) -> str:
    """The environment variable of a setting."""
    return PREFIX + setting.name.upper()


def _refuse_unknown() -> None:
    known = [one.name.upper() for one in fields(Settings)]
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in known:
            close = get_close_matches(name.removeprefix(PREFIX), known, 1)
            hint = f"did you mean {PREFIX}{close[0]}?" if close else "see: finetune-advisor settings"
            raise SettingsError(f"{name}: there is no such setting; {hint}")


def _read(env: Env, setting: Field[Any]) -> Any:
    parse = getattr(env, setting.metadata["kind"])
    check = setting.metadata["check"]
    try:
        return parse(variable(setting), validate=[check] if check else None)
    except EnvValidationError as error:
        reasons = " ".join(error.error_messages)
        raise SettingsError(
            f"{variable(setting)}: {reasons} It is: {setting.metadata['help']}"
        ) from error

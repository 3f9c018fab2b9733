"""Profiles that a command reads from files or standard input, in JSON or YAML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any

import click
from marshmallow import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError

from finetune_advisor.api.parsing import invalid
from finetune_advisor.api.schemas.requests import profile_schema
from finetune_advisor.catalog import Catalog
from finetune_advisor.engine.inputs import Profile

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_profile(file: IO[bytes], catalog: Catalog) -> Profile:
    """The profile in a file, with inputs of the catalog's trees. Raises ClickException with every fault."""
    name = str(getattr(file, "name", "<stdin>"))
    schema = profile_schema(catalog)()
    given = _parse(_utf8(file.read(), name), name)
    try:
        profile: Profile = schema.load(given)
    except ValidationError as error:
        faults = [*_describe(invalid(error.messages_dict, schema, in_body=True))]
        if isinstance(given, dict) and "profile" in given:
            faults.append("give the profile alone, not inside of profile")
        raise click.ClickException("\n".join(f"{name}: {fault}" for fault in faults)) from error
    return profile


def _parse(text: bytes, name: str) -> Any:
    if not text.removeprefix(BYTE_ORDER_MARK).strip():
        raise click.ClickException(
            f"{name}: the input is empty; give a profile in JSON or YAML, or {{}}"
        )
    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problem = str(error.problem).partition(" with value ")[0]
        raise click.ClickException(f"{name}:{line}: neither JSON nor YAML: {problem}") from error
    except Exception as error:  # the parser fails in many ways on odd tags
        raise click.ClickException(f"{name}: neither JSON nor YAML in UTF-8") from error


def _describe(errors: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """A line for each fault of a profile; the known names once, at the end."""
    known = ""
    for error in errors:
        problem, _, names = error["detail"].partition("; known are: ")
        known = names or known
        yield f"{error['pointer'].removeprefix('#/')}: {problem}"
    if known:
        yield f"known are: {known}"


def _utf8(content: bytes, name: str) -> bytes:
    """The content of a file, if it is UTF-8. Raises ClickException if it isn't, whatever its mark says."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{name}: not UTF-8: {error.reason}; encode it so") from error
    return content

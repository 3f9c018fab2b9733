"""Read profiles in JSON or YAML from files or standard input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import click
from marshmallow import ValidationError

from finetune_advisor.assessing.file_formats import FORMAT_BY_SUFFIX
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.schemas.error_details import iter_error_details
from finetune_advisor.schemas.requests import profile_schema
from finetune_advisor.trees import yaml_reader
from finetune_advisor.trees.catalog import Catalog
from finetune_advisor.trees.yaml_document import YamlDocument
from finetune_advisor.trees.yaml_reader import YamlSyntaxError


def read_profile(file: IO[bytes], catalog: Catalog) -> Profile:
    """Read a profile, with inputs of the catalog's trees.

    Raises ClickException or DocumentError with all faults of the file.
    """
    name = str(getattr(file, "name", "<stdin>"))
    schema = profile_schema(catalog)()
    content = _parse(_require_utf8(file.read(), name), name)
    try:
        profile: Profile = schema.load(content)
    except ValidationError as error:
        faults = [*_describe_errors(iter_error_details(error.messages_dict, schema, in_body=True))]
        # Users try the body of a request, which has the profile inside.
        if isinstance(content, dict) and "profile" in content:
            faults.append("give the profile alone, not inside of profile")
        faults += _batch_hint(name)
        raise click.ClickException("\n".join(f"{name}: {fault}" for fault in faults)) from error
    return profile


def _parse(content: bytes, name: str) -> Any:
    """Parse JSON or YAML. Raises ClickException, or DocumentError for faults as in tree documents."""
    try:
        text = content.decode("utf-8-sig")  # editors on Windows put a mark at the start
        if not text.strip():
            raise click.ClickException(
                f"{name}: the input is empty; give a profile in JSON or YAML, or {{}}"
            )
        parsed = yaml_reader.parse_yaml(text)
    except YamlSyntaxError as error:
        problem = f"{name}:{error.line}: neither JSON nor YAML: {error.problem}; {error.remedy}"
        hints = [f"{name}: {hint}" for hint in _batch_hint(name)]
        raise click.ClickException("\n".join([problem, *hints])) from error
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{name}: not UTF-8: {error.reason}; encode it so") from error
    except RecursionError as error:
        raise click.ClickException(f"{name}: nested too deeply to be read; make it flatter") from error
    if parsed.faults:
        raise YamlDocument(Path(name), text, parsed).build_error(parsed.faults)
    return parsed.value


def _batch_hint(name: str) -> list[str]:
    """Say how to assess a file that holds a profile a line, by its suffix."""
    is_batch = Path(name).suffix.lower() in FORMAT_BY_SUFFIX
    return ["a file with a profile a line needs: assess --batch"] if is_batch else []


def _describe_errors(errors: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Describe each fault of a profile in a line. The known names come once, at the end."""
    known = ""
    for error in errors:
        problem, _, names = error["detail"].partition("; known are: ")
        known = names or known
        yield f"{error['pointer'].removeprefix('#/')}: {problem}"
    if known:
        yield f"known are: {known}"


def _require_utf8(content: bytes, name: str) -> bytes:
    """Return the content of a file unchanged. Raises ClickException if it isn't UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{name}: not UTF-8: {error.reason}; encode it so") from error
    return content

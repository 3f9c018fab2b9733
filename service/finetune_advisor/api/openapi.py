"""The contract: flask-smorest's Api, adapted to describe exactly what this API does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from flask import Flask, request
from flask_smorest import Api
from marshmallow import EXCLUDE, Schema
from marshmallow.fields import Field, Float, Integer
from werkzeug import Response
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import NotFound as HTTPNotFound

from finetune_advisor import __version__
from finetune_advisor.api.http.api_keys import KeySecurity
from finetune_advisor.api.http.path_suggestions import unknown_path
from finetune_advisor.api.http.problems import PROBLEM_MEDIA_TYPE, Problem, to_problem
from finetune_advisor.schemas.fields import EnumField, ScalarField
from finetune_advisor.schemas.problems import ProblemSchema

API_TITLE = "Finetune Advisor"
PROJECT_URL = "https://github.com/finetune-advisor/finetune-advisor"
BOOLEAN_SCHEMA, STRING_SCHEMA = {"type": "boolean"}, {"type": "string"}
NUMBER_SCHEMA = {"type": "number", "format": "double"}
MAX_INT32 = 2**31 - 1
API_DESCRIPTION = """\
Should this team fine-tune an LLM, or do something cheaper first? Post a profile of the situation to
`/assess`. The service evaluates it against a versioned decision tree and answers with a recommendation, the
path that led to it, and the reasons.

Requests are strict. An unknown field or query parameter, a repeated name, a null, or a value of another type
is refused with a problem that says where it is and what to do. Responses may get new fields.

A body may have up to 8 MiB, unless the operator sets another limit; a larger body gets a 413. JSON that is
nested more than about 900 levels deep gets a 400. So does a large body that opens more than 41,000 arrays and
objects, unless the operator allows larger batches.

Answers from a deprecated tree version carry the headers Deprecation, Sunset, and Link to the successor. A
retired version is no longer served: it gets a 410 in a path, and a 422 in a body or a query. Both name the
successor.

Every answer carries X-Request-ID. With that id, the operator finds the request in the logs.

A request that is not valid HTTP gets a 400 malformed-request, and the connection is closed. A request that
takes longer than 30 seconds to arrive is cut off.
"""
API_SERVERS = [
    {
        "url": ".",
        "x-internal": False,
        "description": "The folder that this contract is served from. A client that is generated from a "
        "file needs the base URL of an instance, such as http://127.0.0.1:8080.",
    }
]


class Converter(OpenAPIConverter):
    """apispec's converter, which also describes schemas by their docstrings, and gives their examples.

    A schema that refuses unknown fields gets `additionalProperties: false`.
    """

    def init_attribute_functions(self) -> None:
        super().init_attribute_functions()  # type: ignore[no-untyped-call]
        for function in (refer_to_component, add_number_format):
            self.add_attribute_function(function)  # type: ignore[no-untyped-call]

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        json_schema: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        instance = schema() if isinstance(schema, type) else schema
        if instance.unknown != EXCLUDE:
            json_schema["additionalProperties"] = False
        docstring = type(instance).__doc__
        if docstring and "description" not in json_schema:
            json_schema["description"] = " ".join(docstring.split())
        if examples := getattr(instance.Meta, "examples", ()):
            json_schema["examples"] = list(examples)
        return json_schema


class Plugin(MarshmallowPlugin):
    """apispec's plugin for marshmallow with this contract's converter and component names."""

    Converter = Converter

    def __init__(self) -> None:
        super().__init__(schema_name_resolver=_component_name)


def _component_name(schema: Schema | type[Schema]) -> str:
    schema_class = schema if isinstance(schema, type) else type(schema)
    return schema_class.__name__.removesuffix("Schema")


def refer_to_component(self: Converter, field: Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """Replace the type of an enum or a scalar by a reference to a component, as apispec's attribute function.

    Generated clients get one named type for it, rather than one for each field.
    """
    if isinstance(field, EnumField):
        name = field.component
        component = {"type": "string", "enum": field.choices, **_enum_member_names(field)}
    elif isinstance(field, ScalarField):
        name, component = "Answer", {"oneOf": [BOOLEAN_SCHEMA, STRING_SCHEMA, NUMBER_SCHEMA]}
    else:
        return {}
    if self.spec.components.schemas.setdefault(name, component) != component:
        raise AssertionError(f"two components are called {name}")
    # apispec has put these into the field already.
    for replaced in ("type", "enum"):
        ret.pop(replaced, None)
    return {"$ref": f"#/components/schemas/{name}"}


def _enum_member_names(field: EnumField) -> dict[str, Any]:
    """Return names for the choices of an enum if some begin with a digit, such as V1_0_0 for 1.0.0.

    Without them, generators number such choices, so that a new version would rename the others.
    """
    if not any(choice[:1].isdigit() for choice in field.choices):
        return {}
    names = [f"V{re.sub('[^0-9A-Za-z]', '_', choice)}" for choice in field.choices]
    return {"x-enum-varnames": names}


def add_number_format(_: Converter, field: Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """Return the format of a number, for languages with several widths, as apispec's attribute function."""
    if isinstance(field, Float):
        return {"format": "double"}
    # A count of profiles has a format of its own: it may exceed 32 bits without a documented maximum.
    if isinstance(field, Integer) and "format" not in field.metadata:
        return {"format": "int64" if ret.get("maximum", 0) > MAX_INT32 else "int32"}
    return {}


class Contract(Api):
    """flask-smorest's Api, which answers every error with a problem, and documents each problem by name."""

    # With a name, flask-smorest adds a catch-all response to every operation.
    DEFAULT_ERROR_RESPONSE_NAME = None
    ERROR_SCHEMA = ProblemSchema

    def __init__(self, app: Flask, *, has_keys: bool = False) -> None:
        self.show_problem: Callable[[Response], Response] = lambda response: response
        """Gives the form in which the current request gets a problem: pages have another one."""
        app.config |= {
            "API_TITLE": API_TITLE,
            "API_VERSION": __version__,
            "OPENAPI_VERSION": "3.1.0",
            "OPENAPI_URL_PREFIX": "/",
            "OPENAPI_JSON_PATH": "openapi.json",
        }
        info = {
            "description": API_DESCRIPTION,
            "contact": {"name": API_TITLE, "url": PROJECT_URL},
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        }
        options = {
            "marshmallow_plugin": Plugin(),
            "info": info,
            "servers": API_SERVERS,
            # Without keys it is public: a gateway decides who may call it.
            "security": list(KeySecurity.REQUIREMENTS) if has_keys else [],
            "extra_plugins": [KeySecurity()] if has_keys else [],
        }
        super().__init__(app, spec_kwargs=options)
        slugs = {"type": "string", "enum": list(Problem.types_by_slug)}
        self.spec.components.schema("ProblemSlug", slugs)
        for problem_type in Problem.types_by_slug.values():
            response: dict[str, Any] = {
                "description": problem_type.title,
                "content": {PROBLEM_MEDIA_TYPE: {"schema": ProblemSchema}},
            }
            if problem_type.documented_headers:
                response["headers"] = problem_type.documented_headers
            # Lazy: only those that an operation documents go into the contract.
            self.spec.components.response(problem_type.__name__, response, lazy=True)

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Answer an error with the problem that it is or stands for."""
        # A path that no route matches; a 404 that a view raises is about something else.
        if isinstance(error, HTTPNotFound) and error is request.routing_exception:
            error = unknown_path()
        return self.show_problem(to_problem(error).get_response(request.environ))

    def _register_pagination_header(self) -> None:
        """Do nothing: pagination isn't used, and flask-smorest would put its schema into the contract."""


SECTION_ORDER = ("openapi", "info", "servers", "security", "tags", "paths", "components")


def export_openapi(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI document of an application as plain data, with its sections in SECTION_ORDER."""
    document: dict[str, Any] = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    # The served document has "." as its server, the folder that it is served from. A file has no such folder,
    # and generators warn of ".".
    document["servers"] = [{**server, "url": "/"} for server in document["servers"]]
    for path_item in document["paths"].values():
        for operation in path_item.values():
            # A path item's `parameters` are no operation.
            if "responses" in operation:
                operation["responses"] = dict(sorted(operation["responses"].items()))
    return {section: document[section] for section in SECTION_ORDER}

"""The contract: flask-smorest's Api, set up to describe and to answer exactly what this API does."""

from __future__ import annotations

import re
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

from finetune_advisor.api.http.path_suggestions import unknown_path
from finetune_advisor.api.http.problems import PROBLEM_MEDIA_TYPE, Problem, to_problem
from finetune_advisor.schemas.fields import EnumField, ScalarField
from finetune_advisor.schemas.problems import ProblemSchema

API_TITLE = "Finetune Advisor"
API_VERSION = "1.0.0"
PROJECT_URL = "https://github.com/finetune-advisor/finetune-advisor"
BOOLEAN_SCHEMA, STRING_SCHEMA = {"type": "boolean"}, {"type": "string"}
NUMBER_SCHEMA = {"type": "number", "format": "double"}
MAX_INT32 = 2**31 - 1
API_DESCRIPTION = """\
Should this team fine-tune an LLM, or do something cheaper first? Post a profile of the situation to
`/assess`; it is evaluated against a versioned decision tree, and the answer is a recommendation with the
path that led there and the reasons.

Requests are strict: unknown fields and query parameters, repeated names, nulls and values of another type
are refused with a problem that says where and what to do. Responses may grow fields.

A body may have up to 8 MiB, unless the operator set another limit; a larger one is a 413. JSON that is
nested deeper than some 900 levels isn't read, and a large body that opens more than 41,000 arrays and
objects isn't either, unless the operator takes larger batches; both are a 400.

Every answer from a deprecated tree version carries Deprecation, Sunset and a Link to its successor. A
retired version answers no more: it is a 410 in a path, and a 422 in a body or a query, and both name the
successor.

Every answer carries X-Request-ID: tell the operator that id, and they find the request in their logs.

A request that isn't HTTP as it should be is a 400 malformed-request, too, after which the connection is
closed. One that takes longer than 30 seconds to come is cut off.
"""
API_SERVERS = [
    {
        "url": ".",
        "x-internal": False,
        "description": "The folder that this contract is served from. A client generated from a file has "
        "to be given the base URL of an instance, such as http://127.0.0.1:8080.",
    }
]


class Converter(OpenAPIConverter):
    """apispec's converter; a described schema keeps its `additionalProperties: false`, and its examples."""

    def init_attribute_functions(self) -> None:
        super().init_attribute_functions()  # type: ignore[no-untyped-call]
        for function in (refer_to_component, add_number_format):
            self.add_attribute_function(function)  # type: ignore[no-untyped-call]

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        form: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        instance = schema() if isinstance(schema, type) else schema
        if instance.unknown != EXCLUDE:
            form["additionalProperties"] = False
        text = type(instance).__doc__
        if text and "description" not in form and not text.startswith("The base"):
            form["description"] = " ".join(text.split())
        if examples := getattr(instance.Meta, "examples", ()):
            form["examples"] = list(examples)
        return form


class Plugin(MarshmallowPlugin):
    """apispec's plugin, with this contract's converter and component names."""

    Converter = Converter

    def __init__(self) -> None:
        super().__init__(schema_name_resolver=_component_name)


def _component_name(schema: Schema | type[Schema]) -> str:
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.__name__.removesuffix("Schema")


def refer_to_component(self: Converter, field: Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """An attribute function: choices and answers refer to one component that says what they may be."""
    if isinstance(field, EnumField):
        name, form = field.component, {"type": "string", "enum": field.choices, **_member_names(field)}
    elif isinstance(field, ScalarField):
        name, form = "Answer", {"oneOf": [BOOLEAN_SCHEMA, STRING_SCHEMA, NUMBER_SCHEMA]}
    else:
        return {}
    if self.spec.components.schemas.setdefault(name, form) != form:
        raise AssertionError(f"two components are called {name}")
    for replaced in ("type", "enum"):
        ret.pop(replaced, None)
    return {"$ref": f"#/components/schemas/{name}"}


def _member_names(choice: EnumField) -> dict[str, Any]:
    """Names for choices that begin with a digit, which generators would number as they come."""
    if not any(one[:1].isdigit() for one in choice.choices):
        return {}
    return {"x-enum-varnames": [f"V{re.sub('[^0-9A-Za-z]', '_', one)}" for one in choice.choices]}


def add_number_format(_: Converter, field: Field[Any], ret: dict[str, Any]) -> dict[str, Any]:
    """An attribute function: the width that numbers take in languages that have several."""
    if isinstance(field, Float):
        return {"format": "double"}
    if isinstance(field, Integer) and "format" not in field.metadata:
        return {"format": "int64" if ret.get("maximum", 0) > MAX_INT32 else "int32"}
    return {}


class Contract(Api):
    """flask-smorest's Api, with problem details for every error and no catch-all responses."""

    DEFAULT_ERROR_RESPONSE_NAME = None
    ERROR_SCHEMA = ProblemSchema

    def __init__(self, app: Flask) -> None:
        app.config |= {
            "API_TITLE": API_TITLE,
            "API_VERSION": API_VERSION,
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
            "security": [],  # public: who may ask is for the gateway to say
        }
        super().__init__(app, spec_kwargs=options)
        slugs = {"type": "string", "enum": list(Problem.types_by_slug)}
        self.spec.components.schema("ProblemSlug", slugs)
        for kind in Problem.types_by_slug.values():
            form = {
                "description": kind.title,
                "content": {PROBLEM_MEDIA_TYPE: {"schema": ProblemSchema}},
            }
            headers = {"headers": kind.documented_headers} if kind.documented_headers else {}
            self.spec.components.response(kind.__name__, form | headers, lazy=True)

    def handle_http_exception(self, error: HTTPException) -> Response:
        """Every error as problem details, with the headers that belong to it."""
        if isinstance(error, HTTPNotFound) and error is request.routing_exception:
            error = unknown_path()
        return to_problem(error).get_response(request.environ)

    def _register_pagination_header(self) -> None:
        """Leave out pagination, which isn't used: its schema would be in the contract all the same."""


SECTION_ORDER = ("openapi", "info", "servers", "security", "tags", "paths", "components")


def export_openapi(app: Flask) -> dict[str, Any]:
    """The OpenAPI description of an application as a file, in the order that people read it.

    Served, its server is the folder that it is served from. A file has none: generators warn of ".".
    """
    form: dict[str, Any] = app.extensions["flask-smorest"]["apis"][""]["ext_obj"].spec.to_dict()
    form["servers"] = [{**server, "url": "/"} for server in form["servers"]]
    for path in form["paths"].values():
        for operation in path.values():
            if "responses" in operation:
                operation["responses"] = dict(sorted(operation["responses"].items()))
    return {section: form[section] for section in SECTION_ORDER}

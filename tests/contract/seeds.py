"""Bugs to seed into the application before it is made: each function puts in one, by its name."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import flask
import marshmallow
import orjson
from flask import Request, Response
from marshmallow import EXCLUDE, RAISE, ValidationError, fields, validate
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from finetune_advisor import app
from finetune_advisor.api import openapi
from finetune_advisor.api.http import blueprint, deprecation, problems, request_parser
from finetune_advisor.api.http.problems import BodyTooLarge, Problem, UnsupportedMediaType
from finetune_advisor.api.resources import assess, tree
from finetune_advisor.assessing import assessor
from finetune_advisor.schemas import error_details, requests, strict_json
from finetune_advisor.schemas import fields as strict


def answering(change: Callable[[Request, Response], Any]) -> None:
    """Change every answer, after all else has been done to it."""
    middleware = app.TelemetryMiddleware

    def changed(*parts: Any, **options: Any) -> Any:
        inner = middleware(*parts, **options)

        def answer(environ: dict[str, Any], start_response: Any) -> Any:
            response = Response.from_app(inner, environ)
            change(Request(environ, populate_request=False), response)
            return response(environ, start_response)

        return answer

    app.TelemetryMiddleware = changed


def without(header: str, **where: Any) -> None:
    """Lose a header of the answers that have these attributes."""

    def lose(_: Request, response: Response) -> None:
        if all(getattr(response, name) == value for name, value in where.items()):
            response.headers.pop(header, None)

    answering(lose)


def _assessed(request: Request, response: Response) -> bool:
    return (request.method, request.path, response.status_code) == ("POST", "/assess", 200)


def rewriting(change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the body of every assessment."""

    def rewrite(request: Request, response: Response) -> None:
        if _assessed(request, response):
            body = orjson.loads(response.data)
            change(body)
            response.data = orjson.dumps(body)

    answering(rewrite)


def reading(loads: Callable[[bytes], Any], wrong: type[Exception] = ValueError) -> None:
    """Read JSON in another way, and take only some errors for the caller's."""
    strict_json.orjson = SimpleNamespace(
        loads=loads, dumps=orjson.dumps, JSONDecodeError=wrong, JSONEncodeError=orjson.JSONEncodeError
    )


def undocumented_status() -> None:
    def create(request: Request, response: Response) -> None:
        if _assessed(request, response):
            response.status_code = 201

    answering(create)


def boolean_from_words() -> None:
    strict.StrictBoolean._deserialize = fields.Boolean._deserialize


def boolean_from_numbers() -> None:
    def equal(self: Any, value: Any, *_: Any, **__: Any) -> bool:
        if value in (True, False):
            return bool(value)
        raise self.make_error("invalid")

    strict.StrictBoolean._deserialize = equal


def integer_with_a_fraction() -> None:
    def cut(self: Any, value: Any, *_: Any, **__: Any) -> int:
        if isinstance(value, int | float):
            return int(value)
        raise self.make_error("invalid")

    strict.StrictInteger._deserialize = cut


def range_not_enforced() -> None:
    validate.Range.__call__ = lambda _, value: value


def range_widened() -> None:
    requests.MAX_COUNTERFACTUALS = 10_000


def unknown_field_accepted() -> None:
    def load(self: Any, data: Any, **options: Any) -> Any:
        return marshmallow.Schema.load(self, data, **{**options, "unknown": EXCLUDE})

    strict.RequestSchema.load = load


def unknown_parameter_accepted() -> None:
    request_parser.StrictParser.DEFAULT_UNKNOWN_BY_LOCATION = {"json": RAISE, "query": EXCLUDE}


def repeated_parameter_accepted() -> None:
    request_parser.StrictParser.load_querystring = FlaskParser.load_querystring


def repeated_name_accepted() -> None:
    strict_json._object_from_pairs = dict


def nan_accepted() -> None:
    reading(lambda text: json.loads(text) if b"NaN" in text else orjson.loads(text))


def utf16_accepted() -> None:
    reading(lambda text: json.loads(text) if b"\0" in text else orjson.loads(text))


def digits_crash() -> None:
    reading(json.loads, json.JSONDecodeError)


def nesting_crashes() -> None:
    reading(json.loads)


def media_type_not_enforced() -> None:
    request_parser._require_plain_json = lambda _: None


def content_coding_not_enforced() -> None:
    def require(req: Any) -> None:
        if req.mimetype != "application/json" or req.mimetype_params.get("charset", "utf-8") != "utf-8":
            raise UnsupportedMediaType("send JSON", headers={"Accept-Post": "application/json"})

    request_parser._require_plain_json = require


def accept_not_enforced() -> None:
    blueprint._require_acceptable = lambda _: None


def size_not_enforced() -> None:
    def body(req: Any, _: int) -> Any:
        req.max_content_length = None
        return req.get_data()

    request_parser._read_body = body


def chunks_silently_cut() -> None:
    def body(req: Any, _: int) -> Any:
        req.max_content_length -= 1
        try:
            return req.get_data()
        except RequestEntityTooLarge:
            raise BodyTooLarge("the body is too large") from None

    request_parser._read_body = body


def host_not_required() -> None:
    app.require_host = lambda: None


def slash_forgiven() -> None:
    create = app.Application.__init__

    def forgiving(self: Any, *args: Any, **options: Any) -> None:
        create(self, *args, **options)
        self.url_map.strict_slashes = False

    app.Application.__init__ = forgiving


def allow_lost() -> None:
    without("Allow", status_code=405)


def etag_lost() -> None:
    without("ETag", status_code=200)


def etag_lost_on_304() -> None:
    without("ETag", status_code=304)


def etag_weakened() -> None:
    def weaken(_: Request, response: Response) -> None:
        if "ETag" in response.headers:
            response.headers["ETag"] = f"W/{response.headers['ETag']}"

    answering(weaken)


def never_unchanged() -> None:
    flask.Response.make_conditional = lambda self, *_: self


def match_ignored() -> None:
    tree._require_match = lambda _: None


def caching_forgotten() -> None:
    without("Cache-Control", status_code=200)


def answers_stored() -> None:
    assess.no_store_headers = lambda _: {}


def vary_lost() -> None:
    without("Vary")


def sniffing_allowed() -> None:
    without("X-Content-Type-Options")


def policy_lost() -> None:
    without("Content-Security-Policy", status_code=405)


def traceback_leaked() -> None:
    def explain(error: HTTPException) -> Problem:
        found = problems.to_problem(error)
        found.description = f"{found.description}: {traceback.format_exc()}"
        return found

    openapi.to_problem = explain


def problem_without_type() -> None:
    whole = Problem.get_body

    def body(self: Problem, *_: Any) -> str:
        members = orjson.loads(whole(self))
        del members["type"]
        return orjson.dumps(members).decode()

    Problem.get_body = body


def problem_as_plain_json() -> None:
    problems.PROBLEM_MEDIA_TYPE = "application/json"


def pointer_not_escaped() -> None:
    error_details.quote = lambda part, **_: part


def field_missing() -> None:
    rewriting(lambda body: body.pop("receipt"))


def field_of_another_type() -> None:
    rewriting(lambda body: body.update(candidates=",".join(body["candidates"])))


def field_of_another_kind() -> None:
    rewriting(lambda body: body.update(status="maybe"))


def null_on_the_wire() -> None:
    rewriting(lambda body: body.update(not_needed=None))


def crash_on_a_rare_value() -> None:
    assess = assessor.Assessor.assess

    def picky(self: Any, profile: Any, endpoint: str) -> Any:
        if self.tree.version == "2.0.0":
            raise KeyError(self.tree.version)
        return assess(self, profile, endpoint)

    assessor.Assessor.assess = picky


def bad_item_fails_the_batch() -> None:
    result = assessor.Assessor.assess_batch_item

    def failing(self: Any, profile: Any) -> Any:
        try:
            return result(self, profile)
        except ValidationError as error:
            raise problems.InvalidRequest("an item is wrong", self.list_errors(error)) from error

    assessor.Assessor.assess_batch_item = failing


def deprecation_as_a_date() -> None:
    headers = deprecation.build_deprecation_headers

    def dated(one: Any) -> dict[str, str]:
        found = headers(one)
        return {**found, "Deprecation": found["Sunset"]} if found else {}

    deprecation.build_deprecation_headers = dated


def successor_lost() -> None:
    deprecation.build_successor_link = lambda _: {}


def request_schemas_open() -> None:
    form = openapi.Converter.schema2jsonschema

    def opened(self: Any, schema: Any) -> dict[str, Any]:
        found = form(self, schema)
        found.pop("additionalProperties", None)
        return found

    openapi.Converter.schema2jsonschema = opened


def response_schemas_closed() -> None:
    form = openapi.Converter.schema2jsonschema
    openapi.Converter.schema2jsonschema = lambda self, schema: {
        **form(self, schema),
        "additionalProperties": False,
    }


def default_response() -> None:
    openapi.Contract.DEFAULT_ERROR_RESPONSE_NAME = "InternalError"


def operation_renamed() -> None:
    doc = blueprint.Blueprint.doc

    def renamed(**described: Any) -> Any:
        if described.get("operationId") == "getTree":
            described["operationId"] = "readTree"
        return doc(**described)

    blueprint.Blueprint.doc = staticmethod(renamed)


def slug_removed() -> None:
    del Problem.types_by_slug["internal-error"]


def slug_renamed() -> None:
    kind = Problem.types_by_slug.pop("malformed-request")
    kind.slug = "bad-request"
    Problem.types_by_slug["bad-request"] = kind


def status_not_documented() -> None:
    document = blueprint.Blueprint.document_problems

    def forgetful(self: Any, *kinds: type[Problem]) -> Any:
        return document(self, *(kind for kind in kinds if kind is not UnsupportedMediaType))

    blueprint.Blueprint.document_problems = forgetful


def validators_not_documented() -> None:
    tree.TREE_HEADERS = {}


def examples_lost() -> None:
    arguments = blueprint.Blueprint.arguments
    blueprint.Blueprint.arguments = lambda self, schema, **options: arguments(
        self, schema, **{key: value for key, value in options.items() if key != "examples"}
    )


def field_may_be_null() -> None:
    form = openapi.Converter.schema2jsonschema

    def nullable(self: Any, schema: Any) -> dict[str, Any]:
        found = form(self, schema)
        if "receipt" in found["properties"]:
            found["properties"]["receipt"]["type"] = ["string", "null"]
        return found

    openapi.Converter.schema2jsonschema = nullable

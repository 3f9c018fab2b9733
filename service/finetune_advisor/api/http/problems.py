"""The errors of the API as RFC 9457 problem details.

The docstring of a problem is the explanation that GET /problems/{slug} gives for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from finetune_advisor.api.http import deprecation
from finetune_advisor.api.http.relative_links import relative_link

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

PROBLEM_MEDIA_TYPE = "application/problem+json"


class Problem(HTTPException):
    """The base of all problems: an exception that is its own response.

    `detail` says what is wrong and what to do, and `errors` lists the parts of the request that are wrong.
    `headers` are those of the response; `header` names a header of the request that is wrong.
    """

    slug: ClassVar[str]
    title: ClassVar[str]
    types_by_slug: ClassVar[dict[str, type[Problem]]] = {}
    documented_headers: ClassVar[Mapping[str, Any]] = {}
    """The response headers that the contract describes."""

    def __init__(
        self,
        detail: str,
        errors: Iterable[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        header: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.errors = [*errors, *([{"header": header, "detail": detail}] if header else [])]
        self.headers = dict(headers or {})

    def __init_subclass__(cls) -> None:
        # The contract and GET /problems/{slug} list every problem.
        cls.types_by_slug[cls.slug] = cls

    def get_body(self, environ: WSGIEnvironment | None = None, *_: Any, prefix: str = "") -> str:
        body: dict[str, Any] = {
            "type": self.type_for(environ, prefix),
            "title": self.title,
            "status": self.code,
            "detail": self.description,
        }
        if self.errors:
            body["errors"] = self.errors
        return orjson.dumps(body).decode()

    def get_headers(self, *_: Any) -> list[tuple[str, str]]:
        return [("Content-Type", PROBLEM_MEDIA_TYPE), *self.headers.items()]

    @classmethod
    def type_for(cls, environ: WSGIEnvironment | None, prefix: str = "") -> str:
        """Return the reference to the explanation of this type, relative to a request's URL.

        A request that can't be parsed has no URL: without `environ`, the reference is absolute, below the
        `prefix` of the service.
        """
        path = f"/problems/{cls.slug}"
        return prefix + path if environ is None else relative_link(path, environ)

    @classmethod
    def explain(cls, environ: WSGIEnvironment) -> dict[str, Any]:
        """Return the body of GET /problems/{slug}, with the docstring as the explanation."""
        return {
            "type": cls.type_for(environ),
            "title": cls.title,
            "status": cls.code,
            "explanation": " ".join(cleandoc(cls.__doc__ or "").split()),
        }


class MalformedRequest(Problem):
    """The request can't be read: it is not valid HTTP, its body is not valid JSON in UTF-8, an object in it
    repeats a name, a number is too large for JSON, it opens too many arrays and objects, or it was cut off.
    The detail says which. Correct it and send the request again.
    """

    code, slug, title = 400, "malformed-request", "The request can't be read"


class Unauthorized(Problem):
    """The request has no valid API key, and this instance asks for one. Send it as Authorization: Bearer KEY
    or as X-API-Key: KEY. If you send both, send the same key. The operator of the instance gives keys.
    """

    code, slug, title = 401, "unauthorized", "A valid API key is needed"
    documented_headers = {
        "WWW-Authenticate": {
            "description": 'The scheme Bearer, with error="invalid_token" if the request had a key.',
            "required": True,
            "schema": {"type": "string"},
        }
    }


class NotFound(Problem):
    """There is nothing at this path. GET /openapi.json lists every path of the API."""

    code, slug, title = 404, "not-found", "There is nothing at this path"


class UnknownVersion(Problem):
    """No tree of this version is served. GET /tree/versions lists the versions that are."""

    code, slug, title = 404, "unknown-version", "No tree of this version is served"


class UnknownWorksheet(Problem):
    """The input that the path names has no worksheet in this version of the tree. The detail lists the inputs
    that have one.
    """

    code, slug, title = 404, "unknown-worksheet", "There is no such worksheet"


class WrongMethod(Problem):
    """The path exists but doesn't allow this method. The Allow header lists the methods that it allows."""

    code, slug, title = 405, "method-not-allowed", "The path doesn't allow this method"


class NotAcceptable(Problem):
    """The Accept header excludes every media type that this path answers with. The detail lists them. Send
    one of them in Accept, or leave the header out.
    """

    code, slug, title = 406, "not-acceptable", "No acceptable media type"


class RetiredVersion(Problem):
    """The tree of this version was served once and is retired. The detail names its successor, and the Link
    header leads to it. GET /tree/versions lists the versions that are served.
    """

    code, slug, title = 410, "retired-version", "The tree of this version is retired"
    documented_headers = {"Link": deprecation.SUCCESSOR_LINK_HEADER}


class PreconditionFailed(Problem):
    """The ETag of the answer is not in If-Match, so the caller knows another state of this path. Leave the
    header out, or read the path again and send the ETag of that answer.
    """

    code, slug, title = 412, "precondition-failed", "The ETag is not in If-Match"


class BodyTooLarge(Problem):
    """The body is larger than the limit that the detail gives. Split the request, or ask the operator to
    raise FINETUNE_ADVISOR_MAX_BODY_BYTES.
    """

    code, slug, title = 413, "body-too-large", "The body is too large"


class UriTooLong(Problem):
    """The request line (method, path and query) is longer than the limit that the detail gives. Shorten the
    part that the detail names.
    """

    code, slug, title = 414, "uri-too-long", "The request line is too long"


class UnsupportedMediaType(Problem):
    """The body is not sent as plain JSON. Send it in UTF-8 with Content-Type: application/json and without
    Content-Encoding.
    """

    code, slug, title = 415, "unsupported-media-type", "The body is not sent as JSON"


class InvalidRequest(Problem):
    """The request can be read but does not follow the contract. Each entry of errors has a detail that says
    what to correct, and a pointer into the body (a JSON pointer) or a parameter of the query that says where.
    Unknown fields and parameters are refused, so that a misspelled one is never silently ignored. Null is
    refused, too: leave out what you don't know.
    """

    code, slug, title = 422, "invalid-request", "The request is invalid"


class InternalError(Problem):
    """The server failed; the request is not at fault. The failure is logged with the id in the X-Request-ID
    header. Tell the operator that id.
    """

    code, slug, title = 500, "internal-error", "The server failed"


BODY_PROBLEMS = (MalformedRequest, NotAcceptable, BodyTooLarge, UnsupportedMediaType)
"""The problems of every operation that takes a body."""
VERSION_PROBLEMS = (UnknownVersion, NotAcceptable, RetiredVersion, PreconditionFailed)
"""The problems of every operation on the version that its path names."""

PROBLEM_BY_STATUS: dict[int, tuple[type[Problem], str]] = {
    400: (MalformedRequest, "the request can't be read"),
    404: (
        NotFound,
        "there is nothing at this path; see /docs or /openapi.json for the paths that exist",
    ),
    405: (WrongMethod, "the path doesn't allow this method"),
    413: (BodyTooLarge, "the body is too large"),
    415: (UnsupportedMediaType, "send the body as application/json"),
    500: (InternalError, "the server failed"),
}


def to_problem(error: HTTPException) -> Problem:
    """Return an error that is a problem as it is, and for any other the problem of its status."""
    if isinstance(error, Problem):
        return error
    code = error.code or 500
    # RFC 9110, 15: an unknown status counts as the first of its class, such as 400.
    default = PROBLEM_BY_STATUS[400 if 400 <= code < 500 else 500]
    problem_type, detail = PROBLEM_BY_STATUS.get(code, default)
    allowed = sorted(error.valid_methods or ()) if isinstance(error, MethodNotAllowed) else []
    if not allowed:
        return problem_type(detail)
    methods = " or ".join(method for method in allowed if method != "OPTIONS")
    return problem_type(f"{detail}; send {methods}", headers={"Allow": ", ".join(allowed)})

"""Every error that the API answers, as RFC 9457 problem details.

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
    """The base of all problems."""

    slug: ClassVar[str]
    title: ClassVar[str]
    types_by_slug: ClassVar[dict[str, type[Problem]]] = {}
    documented_headers: ClassVar[Mapping[str, Any]] = {}
    """The headers that the contract describes."""

    def __init__(
        self,
        detail: str,
        errors: Iterable[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        header: str | None = None,
    ) -> None:
        """`headers` are the answer's; `header` names the request's header that is at fault."""
        super().__init__(detail)
        self.errors = [*errors, *([{"header": header, "detail": detail}] if header else [])]
        self.headers = dict(headers or {})

    def __init_subclass__(cls) -> None:
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
        """The reference to the explanation from a request's URL.

        If nobody can read that, the reference is from the host's root, where the service is below `prefix`.
        """
        path = f"/problems/{cls.slug}"
        return prefix + path if environ is None else relative_link(path, environ)

    @classmethod
    def explain(cls, environ: WSGIEnvironment) -> dict[str, Any]:
        """What this kind of problem means, for people."""
        return {
            "type": cls.type_for(environ),
            "title": cls.title,
            "status": cls.code,
            "explanation": " ".join(cleandoc(cls.__doc__ or "").split()),
        }


class MalformedRequest(Problem):
    """The request can't be read: it isn't HTTP as it should be, its body is no valid JSON text in UTF-8, an
    object in it names a member twice, a number in it is too large for JSON to carry, the body opens too many
    arrays and objects, or it was cut off. Correct what the detail names and send it again.
    """

    code, slug, title = 400, "malformed-request", "The request can't be read"


class NotFound(Problem):
    """There is nothing at this path. GET /openapi.json lists every path of the API."""

    code, slug, title = 404, "not-found", "There is nothing at this path"


class UnknownVersion(Problem):
    """No tree of this version is served here. GET /tree/versions lists those that are."""

    code, slug, title = 404, "unknown-version", "No tree of this version is served"


class WrongMethod(Problem):
    """The path exists but doesn't take this method. The Allow header lists those that it takes."""

    code, slug, title = 405, "method-not-allowed", "The path doesn't take this method"


class NotAcceptable(Problem):
    """The Accept header rules out every media type that this path can answer with. The detail names them;
    send one of them in Accept, or leave the header out.
    """

    code, slug, title = 406, "not-acceptable", "No acceptable media type"


class RetiredVersion(Problem):
    """The tree of this version was served once and is retired. The detail names its successor, and the
    Link header leads there; GET /tree/versions lists every version that is served.
    """

    code, slug, title = 410, "retired-version", "The tree of this version is retired"
    documented_headers = {"Link": deprecation.SUCCESSOR_LINK_HEADER}


class PreconditionFailed(Problem):
    """If-Match names none of the ETags that the answer would have, so what the caller knows isn't what is
    here now. Leave the header out, or read the path anew and send the ETag that it answers with.
    """

    code, slug, title = 412, "precondition-failed", "What is here isn't what If-Match names"


class BodyTooLarge(Problem):
    """The body is larger than this server takes. The detail gives the limit, which its operator can raise
    with FINETUNE_ADVISOR_MAX_BODY_BYTES; split the request, or ask them.
    """

    code, slug, title = 413, "body-too-large", "The body is too large"


class UriTooLong(Problem):
    """The request line, which is the method with the path and its query, is longer than this server reads.
    The detail gives the limit. Leave out what the query doesn't need.
    """

    code, slug, title = 414, "uri-too-long", "The request line is too long"


class UnsupportedMediaType(Problem):
    """The body isn't sent as plain JSON. Send Content-Type: application/json, in UTF-8, and no
    Content-Encoding.
    """

    code, slug, title = 415, "unsupported-media-type", "The body isn't sent as JSON"


class InvalidRequest(Problem):
    """The request can be read but breaks the contract. Each entry of errors has a detail that says what to
    correct, and says where: pointer is a JSON pointer into the body, parameter names a query parameter.
    Unknown fields and parameters are refused, so that a misspelt one is never silently ignored, and null
    is too: leave out what isn't known.
    """

    code, slug, title = 422, "invalid-request", "The request breaks the contract"


class InternalError(Problem):
    """Something failed here, not in the request. It is logged under the id in the X-Request-ID header;
    tell the operator that id.
    """

    code, slug, title = 500, "internal-error", "Something failed here"


PROBLEM_BY_STATUS: dict[int, tuple[type[Problem], str]] = {
    400: (MalformedRequest, "the request can't be read"),
    404: (NotFound, "there is nothing at this path; see /docs or /openapi.json for those there are"),
    405: (WrongMethod, "the path doesn't take this method"),
    413: (BodyTooLarge, "the body is too large"),
    415: (UnsupportedMediaType, "send the body as application/json"),
    500: (InternalError, "something failed here"),
}


def to_problem(error: HTTPException) -> Problem:
    """The problem for any error: itself, or the one for the status that the framework raised."""
    if isinstance(error, Problem):
        return error
    code = error.code or 500
    # RFC 9110, 15: an error of the client's that isn't known is a 400.
    kind, detail = PROBLEM_BY_STATUS.get(code) or PROBLEM_BY_STATUS[400 if 400 <= code < 500 else 500]
    allowed = sorted(error.valid_methods or ()) if isinstance(error, MethodNotAllowed) else []
    if not allowed:
        return kind(detail)
    methods = " or ".join(method for method in allowed if method != "OPTIONS")
    return kind(f"{detail}; send {methods}", headers={"Allow": ", ".join(allowed)})

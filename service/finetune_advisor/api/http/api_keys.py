"""API keys: each request needs one, in Authorization or in X-API-Key, where the operator asks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from apispec import APISpec, BasePlugin
from flask import Response, request

from finetune_advisor.access.key_file import REFUSED_NAME
from finetune_advisor.access.key_ring import KeyRing
from finetune_advisor.api.http.problems import Unauthorized
from finetune_advisor.telemetry.middleware import KEY_NAME_ENVIRON_KEY

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

BEARER_CHALLENGE = 'Bearer realm="finetune-advisor"'
INVALID_KEY_CHALLENGE = f'{BEARER_CHALLENGE}, error="invalid_token"'
"""RFC 6750, 3.1: a request without any key gets no error code."""
NO_KEY_DETAIL = (
    "send an API key, as Authorization: Bearer KEY or as X-API-Key: KEY; ask the operator for one"
)
INVALID_KEY_DETAIL = "the API key is not valid; ask the operator for a valid one"
PREFLIGHT_HEADER = "Access-Control-Request-Method"
OPEN_ENDPOINTS = frozenset(
    {
        # Kubernetes' probes have no key.
        *("operations.healthz", "operations.readyz"),
        # What an error means, and what its page loads: the same for every instance, and public anyway.
        *("problems.explain_problem", "reference.static", "reference.asset"),
    }
)
"""The endpoints that need no key."""
OPEN_OPERATIONS = frozenset({"explainProblem"})
"""Those of them that are in the contract."""
REFERENCE_ENDPOINTS = frozenset({"reference.docs", "api-docs.openapi_json"})
"""The reference page and the contract, which it loads: exempt where pages are."""
PAGE_BLUEPRINT = "pages"


class ApiKeyGate:
    """A WSGI middleware that finds the name of each request's key, and leaves it in the environment.

    A request with a valid key goes to `application`. Any other goes to `closed`, which answers it with
    a 401 unless its path needs no key.
    """

    def __init__(self, application: WSGIApplication, closed: WSGIApplication, keys: KeyRing) -> None:
        self._application, self._closed, self._keys = application, closed, keys

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        given = read_given_keys(environ)
        # Two different keys are as good as a wrong one: whose request would it be?
        name = self._keys.find_name(given[0]) if len(given) == 1 else None
        if name is None:
            return self._closed(environ, start_response)
        environ[KEY_NAME_ENVIRON_KEY] = name
        return self._application(environ, start_response)


def read_given_keys(environ: WSGIEnvironment) -> list[str]:
    """Return the keys that a request gives, each once: none, one, or two different ones.

    An Authorization of another scheme is no key; a gateway may need it for itself.
    """
    keys = []
    scheme, _, credentials = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        keys.append(credentials.strip())
    if "HTTP_X_API_KEY" in environ:
        keys.append(environ["HTTP_X_API_KEY"].strip())
    return list(dict.fromkeys(keys))


def make_key_check(
    *, metrics_port: int | None, exempt_pages: bool, allow_preflights: bool
) -> Callable[[], None]:
    """Return a function that raises Unauthorized if the current request needs a valid key and has none."""

    def require_key() -> None:
        environ = request.environ
        if KEY_NAME_ENVIRON_KEY in environ or environ["SERVER_PORT"] == str(metrics_port):
            return
        if request.endpoint in OPEN_ENDPOINTS or (exempt_pages and _is_for_people()):
            return
        # Browsers send preflights without any key. No view answers one.
        if allow_preflights and request.method == "OPTIONS" and PREFLIGHT_HEADER in request.headers:
            return
        environ[KEY_NAME_ENVIRON_KEY] = REFUSED_NAME
        raise _make_refusal(environ)

    return require_key


def _is_for_people() -> bool:
    return request.blueprint == PAGE_BLUEPRINT or request.endpoint in REFERENCE_ENDPOINTS


def _make_refusal(environ: WSGIEnvironment) -> Unauthorized:
    """Make the problem of a request without a valid key: the same for every wrong key."""
    is_given = bool(read_given_keys(environ))
    challenge = INVALID_KEY_CHALLENGE if is_given else BEARER_CHALLENGE
    return Unauthorized(
        INVALID_KEY_DETAIL if is_given else NO_KEY_DETAIL,
        headers={"WWW-Authenticate": challenge, "Cache-Control": "no-store"},
    )


def keep_from_shared_caches(response: Response) -> Response:
    """Mark an answer that needed a key as private. A shared cache would give it to those without one.

    Caches know this of Authorization (RFC 9111, 3.5), but not of X-API-Key.
    """
    if KEY_NAME_ENVIRON_KEY in request.environ and response.cache_control.public:
        response.cache_control.public = False
        response.cache_control.private = True
    return response


class KeySecurity(BasePlugin):
    """apispec's plugin that describes the keys in the contract, and the 401 of each operation."""

    REQUIREMENTS: ClassVar[tuple[dict[str, list[str]], ...]] = ({"bearerKey": []}, {"apiKey": []})
    """The `security` of the contract: one of the two."""

    def init_spec(self, spec: APISpec) -> None:
        """Describe how keys are sent."""
        spec.components.security_scheme(
            "bearerKey",
            {"type": "http", "scheme": "bearer", "description": "An API key, which the operator gives."},
        )
        spec.components.security_scheme(
            "apiKey",
            {
                "type": "apiKey",
                "in": "header",
                "name": "X-API-Key",
                "description": "The same key, for clients that can't set Authorization.",
            },
        )

    def operation_helper(
        self, path: str | None = None, operations: dict[Any, Any] | None = None, **_: Any
    ) -> None:
        """Document the 401 of each operation, or that it needs no key."""
        for operation in (operations or {}).values():
            if operation.get("operationId") in OPEN_OPERATIONS:
                operation["security"] = []
            else:
                operation["responses"]["401"] = Unauthorized.__name__

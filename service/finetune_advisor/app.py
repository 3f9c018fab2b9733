"""Builds the application: the only module that wires the parts together."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask

from finetune_advisor import __version__
from finetune_advisor.access.key_file import KeyFileError
from finetune_advisor.access.key_ring import KeyRing
from finetune_advisor.api.fast_assess import FastAssess
from finetune_advisor.api.http import admission
from finetune_advisor.api.http.api_keys import ApiKeyGate, keep_from_shared_caches, make_key_check
from finetune_advisor.api.http.cors import CrossOriginSharing
from finetune_advisor.api.http.flask_app import Application
from finetune_advisor.api.http.headers import (
    common_headers,
    explain_precondition,
    ignore_range,
    require_host,
    restore_entity_tags,
)
from finetune_advisor.api.http.path_prefix import serve_below_prefix
from finetune_advisor.api.http.relative_links import relative_link
from finetune_advisor.api.openapi import Contract, export_openapi
from finetune_advisor.api.resources import (
    assess,
    explain,
    operations,
    problem_types,
    tree,
    tree_changes,
    tree_diagram,
    worksheets,
)
from finetune_advisor.api.traced_assessor import TracedAssessor
from finetune_advisor.assessing import rendering
from finetune_advisor.assessing.advisor import Advisor
from finetune_advisor.assessing.assessor import Assessor
from finetune_advisor.assessing.tree_comparisons import TreeComparisons
from finetune_advisor.formats.svg import Picture
from finetune_advisor.pages import reference, site
from finetune_advisor.pages.error_pages import problem_renderer, refusal_renderer
from finetune_advisor.pages.interview import Interviews
from finetune_advisor.schemas.requests import profile_schema
from finetune_advisor.settings import VARIABLE_PREFIX, Settings, SettingsError
from finetune_advisor.telemetry import client_addresses
from finetune_advisor.telemetry.decision_log import DecisionLog, describe_unknown_inputs
from finetune_advisor.telemetry.decisions import TelemetryRecorder
from finetune_advisor.telemetry.metrics import Metrics
from finetune_advisor.telemetry.middleware import TelemetryMiddleware
from finetune_advisor.telemetry.shadow import ShadowTree
from finetune_advisor.telemetry.tracing import make_active_span_lookup
from finetune_advisor.trees import catalog
from finetune_advisor.trees.catalog import Catalog

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from finetune_advisor.telemetry.spans import SpanTracer


def create_app(
    settings: Settings | None = None, metrics: Metrics | None = None, keys: KeyRing | None = None
) -> Flask:
    """Build the application with `settings`, or with the settings of the environment.

    `metrics` and `keys` are those of an application that this one replaces: the metrics go on counting and
    name its trees until `publish_trees`, and the last good keys hold.
    It doesn't configure logging: `finetune-advisor serve` does, or the program that embeds the application.
    Raises FinetuneAdvisorError if a setting or a tree document is invalid.
    """
    settings = settings or Settings.from_environment()
    served = catalog.load_catalog(
        settings.trees_dir, settings.default_tree_version, settings.tree_digests
    )
    tracer = _make_tracer() if settings.traces == "otlp" else None
    is_first = metrics is None
    metrics = metrics or Metrics()
    shadow = served.pick_shadow(settings.shadow_tree_version) if settings.shadow_tree_version else None

    # Without a static folder, Flask adds no route of its own.
    app = Application(__name__, static_folder=None)
    app.extensions |= {
        "metrics": metrics,
        "catalog": served,
        "shadow": shadow,
        "api_keys": keys or _load_keys(settings),
    }
    _configure(app, settings)
    assessors = _make_assessors(app, settings, tracer)
    pictures = {version: Picture(served_tree) for version, served_tree in served.trees.items()}
    comparisons = TreeComparisons()
    contract = Contract(app, has_keys=settings.api_keys_file is not None)
    for resource in (
        assess.blueprint(served, assessors, settings.max_batch),
        explain.blueprint(served, assessors),
        tree.blueprint(served),
        tree_changes.blueprint(served, comparisons),
        tree_diagram.blueprint(served, pictures),
        worksheets.blueprint(served),
        problem_types.blueprint(),
    ):
        contract.register_blueprint(resource)
    app.register_blueprint(operations.blueprint(served, metrics))
    _register_pages(app, reference.blueprint())
    if settings.pages:
        pick_tree = partial(tree.tree_or_404, served)
        interviews = Interviews(served, assessors, pictures)
        _register_pages(app, site.blueprint(interviews, comparisons, pick_tree, relative_link))
        contract.show_problem = problem_renderer(app, relative_link)
        app.extensions["problem_page"] = refusal_renderer(app, relative_link, settings.path_prefix or "")
    app.wsgi_app = _with_middleware(app, served, assessors, settings, tracer)  # type: ignore[method-assign,assignment]
    if is_first:
        if key_ring := app.extensions["api_keys"]:
            metrics.show_api_keys(key_ring.is_up_to_date)
        publish_trees(app)
    return app


def publish_trees(app: Flask) -> None:
    """Name the trees that an application serves in its metrics, in place of those before.

    Raises MetricsUnavailableError if there is no room for their metrics.
    """
    served: Catalog = app.extensions["catalog"]
    metrics: Metrics = app.extensions["metrics"]
    metrics.set_info(__version__, served.trees.values(), served.default, app.extensions["shadow"])


def free_replaced_applications() -> None:
    """Free what caches of this process keep of applications that nothing else keeps."""
    profile_schema.cache_clear()
    rendering.clear_templates()
    gc.collect()


def describe_api() -> dict[str, Any]:
    """Return the contract as `openapi/openapi.yaml` has it, for the settings of the environment.

    Raises FinetuneAdvisorError, as `create_app` does.
    """
    return export_openapi(create_app())


def _make_tracer() -> SpanTracer:
    """Make the tracer. Raises SettingsError if OpenTelemetry is missing, or misconfigured."""
    try:
        from finetune_advisor.telemetry.spans import SpanTracer  # noqa: PLC0415  # an extra, and slow to import
    except ModuleNotFoundError as error:
        remedy = "pip install 'finetune-advisor[otel]'"
        raise SettingsError(f"{VARIABLE_PREFIX}TRACES: otlp needs {error.name}: {remedy}") from error
    try:
        return SpanTracer(__version__)
    except ValueError as error:
        raise SettingsError(f"{VARIABLE_PREFIX}TRACES: a variable of OpenTelemetry: {error}") from error


def _load_keys(settings: Settings) -> KeyRing | None:
    """Read the API keys if requests need one. Raises SettingsError if their file is wrong."""
    if settings.api_keys_file is None:
        return None
    try:
        return KeyRing(settings.api_keys_file)
    except KeyFileError as error:
        raise SettingsError(f"{VARIABLE_PREFIX}API_KEYS_FILE: {error}") from error


def _make_assessors(app: Flask, settings: Settings, tracer: SpanTracer | None) -> dict[str, Assessor]:
    """Make an assessor for each served version. They share what records their decisions."""
    served: Catalog = app.extensions["catalog"]
    metrics, shadow = app.extensions["metrics"], app.extensions["shadow"]
    advisors = {version: Advisor(served_tree, served) for version, served_tree in served.trees.items()}
    decision_log = _make_decision_log(settings, served)
    shadow_tree = (
        ShadowTree(advisors[shadow.version].compiled, metrics, decision_log) if shadow else None
    )
    decisions = TelemetryRecorder(metrics, decision_log, shadow_tree, tracer)
    return {
        version: TracedAssessor(advisor, decisions, tracer) if tracer else Assessor(advisor, decisions)
        for version, advisor in advisors.items()
    }


def _make_decision_log(settings: Settings, served: Catalog) -> DecisionLog | None:
    """Make the decision log if it is on. Raises SettingsError if no tree has an input that it should mask."""
    masked = settings.decision_log_mask or ()
    if problem := describe_unknown_inputs(masked, served):
        raise SettingsError(f"{VARIABLE_PREFIX}DECISION_LOG_MASK: {problem}")
    return (
        DecisionLog(frozenset(masked), settings.decision_log_sample) if settings.decision_log else None
    )


def _configure(app: Flask, settings: Settings) -> None:
    """Set what holds for all requests: limits, and what runs before and after each."""
    # A path with doubled slashes is a 404 that suggests the right path, not an undocumented redirect.
    app.url_map.merge_slashes = False
    # One byte more than the limit, so that the parser notices that a chunked body was cut.
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_bytes + 1
    # The most arrays and objects that a body may have: four for each profile, although a valid profile
    # is a single object, and 1,000 for the rest of the request.
    app.config["MAX_CONTAINERS"] = 4 * settings.max_batch + 1000
    app.config["METRICS_PORT"] = settings.metrics_port
    app.before_request(require_host)
    if settings.api_keys_file is not None:
        check = make_key_check(
            metrics_port=settings.metrics_port,
            exempt_pages=settings.api_keys_exempt_pages,
            allow_preflights=settings.cors_origins is not None,
        )
        app.before_request(check)
        app.after_request(keep_from_shared_caches)
    app.teardown_request(admission.release_after_request)
    if settings.metrics_port is not None:
        app.before_request(partial(operations.restrict_metrics_port, settings.metrics_port))


def _register_pages(app: Flask, pages: Blueprint) -> None:
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    # Flask answers conditions and ranges of files by itself; only pages have files.
    pages.before_request(restore_entity_tags)
    pages.before_request(ignore_range)
    pages.after_request(explain_precondition)
    app.register_blueprint(pages)


def _with_middleware(
    app: Flask,
    served: Catalog,
    assessors: Mapping[str, Assessor],
    settings: Settings,
    tracer: SpanTracer | None,
) -> WSGIApplication:
    """Wrap the application in its middleware, the innermost first."""
    application: WSGIApplication = app.wsgi_app
    # The tracer of another program instruments Flask: with one, every request has to go through Flask.
    if tracer or make_active_span_lookup() is None:
        limits = settings.metrics_port, settings.max_body_bytes
        application = FastAssess(application, served, assessors, *limits)
    keys: KeyRing | None = app.extensions["api_keys"]
    if keys:
        application = ApiKeyGate(application, closed=app.wsgi_app, keys=keys)
    client = client_addresses.make_client_lookup(
        settings.log_client, client_addresses.split_proxies(settings.trusted_proxies or "")
    )
    # Around the fast path, so that its requests are counted and logged, too.
    application = TelemetryMiddleware(
        application, app.extensions["metrics"], common_headers, client, has_keys=keys is not None
    )
    # Around that, so that log lines and answers name the span.
    if tracer:
        application = tracer.trace_requests(application)
    # Around the answers to failures, so that pages of other origins can read them.
    if settings.cors_origins:
        application = CrossOriginSharing(application, settings.cors_origins)
    if settings.path_prefix:
        application = serve_below_prefix(settings.path_prefix, application)
    return application

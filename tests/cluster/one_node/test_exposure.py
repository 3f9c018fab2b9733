"""What callers from outside meet at the Service of a release: docs/deploy.md, "Expose it"."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.guide import values_after
from tests.cluster.kubectl import Manifest, get_object, wait_until
from tests.cluster.release import SHORT_DRAIN, Release, ask, merge_values, pod_url, temporary_release
from tests.conftest import free_port
from tests.nginx import running_nginx

ORIGIN = "https://app.example.com"
MEBIBYTE = 1024 * 1024
SETTINGS = {"corsOrigins": f"{ORIGIN},http://localhost:3000", "pathPrefix": "/advisor", "pages": False}
HTML = {"Accept": "text/html"}
HEALTH_CHECK = "alb.ingress.kubernetes.io/healthcheck"
INGRESS_SITE = """
    server {{ listen 127.0.0.1:{port} default_server; return 404; }}
    server {{ listen 127.0.0.1:{port}; server_name {host}; location {path} {{ proxy_pass {url}; }} }}
"""


@pytest.fixture(scope="module")
def exposed() -> Iterator[Release]:
    """A release for pages of two origins, below a prefix, and without pages of its own."""
    with temporary_release("exposed") as it:
        it.upgrade(merge_values(SHORT_DRAIN, {"settings": SETTINGS}))
        yield it


@pytest.fixture(scope="module")
def open_to_all() -> Iterator[Release]:
    """A release that pages of any origin may call."""
    with temporary_release("open") as it:
        it.upgrade(merge_values(SHORT_DRAIN, {"replicas": 1, "settings": {"corsOrigins": "*"}}))
        yield it


def allowed_origin(release: Release, path: str, origin: str) -> str | None:
    """The origin that an answer lets its caller be a page of."""
    return release.ask(path, headers={"Origin": origin}).headers.get("Access-Control-Allow-Origin")


@contextmanager
def ingress_controller(ingress: Manifest) -> Iterator[str]:
    """nginx as a controller configures it for an Ingress with one path, and its URL."""
    [rule] = ingress["spec"]["rules"]
    [path] = rule["http"]["paths"]
    backend = path["backend"]["service"]
    service = get_object("service", backend["name"], ingress["metadata"]["namespace"])["spec"]
    [target] = [one["port"] for one in service["ports"] if one["name"] == backend["port"]["name"]]
    url = f"http://{service['clusterIP']}:{target}"
    port = free_port()
    site = INGRESS_SITE.format(port=port, host=rule["host"], path=path["path"], url=url)
    with running_nginx(lambda _: site):
        yield f"http://127.0.0.1:{port}"


def send_malformed(release: Release) -> str:
    """The answer to a line that isn't HTTP."""
    with socket.create_connection(release.service_address(), timeout=10) as connection:
        connection.sendall(b"not HTTP at all\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def test_the_first_path_says_nothing_of_readiness(installed: Release) -> None:
    """deploy.md: "Load balancers that check pods themselves ask for `/` … by default … That is a page"."""
    answer = installed.ask("/", headers=HTML)
    assert (200, "text/html") == (answer.status_code, answer.headers["Content-Type"].partition(";")[0])


def test_nothing_is_at_the_first_path_without_pages(exposed: Release) -> None:
    """deploy.md: "It is a 404 if `settings.pages` is `false`"."""
    assert 404 == exposed.ask("/").status_code


def test_named_origins_alone_may_read_answers(exposed: Release) -> None:
    """deploy.md: "name these origins exactly as browsers send them"."""
    assert ORIGIN == allowed_origin(exposed, "/tree/versions", ORIGIN)
    assert allowed_origin(exposed, "/tree/versions", "https://evil.example.com") is None


@pytest.mark.parametrize("origin", [ORIGIN, "https://evil.example.com", "null"])
def test_a_star_lets_any_origin_read_answers(open_to_all: Release, origin: str) -> None:
    """deploy.md: "`*` lets any page call it", even one of a file, whose origin is `null`."""
    assert "*" == allowed_origin(open_to_all, "/tree/versions", origin)


def test_no_other_origin_may_read_answers_by_default(installed: Release) -> None:
    """deploy.md: "By default no page of another origin may"."""
    assert allowed_origin(installed, "/tree/versions", ORIGIN) is None


def test_operations_never_answer_to_pages(exposed: Release) -> None:
    """deploy.md: "Health, readiness and metrics never answer to pages of other origins"."""
    [pod, _] = exposed.ready_pods()
    answers = [
        ask(pod_url(pod, path), headers={"Origin": ORIGIN})
        for path in ("/healthz", "/readyz", "/metrics")
    ]
    assert [] == [one.url for one in answers if "Access-Control-Allow-Origin" in one.headers]


def test_the_largest_body_has_eight_mebibytes(installed: Release) -> None:
    """deploy.md: "the service takes up to `settings.maxBodyBytes`, which is 8 MiB", and not a byte more."""
    sizes = [8 * MEBIBYTE, 8 * MEBIBYTE + 1]
    answers = [
        installed.ask("/assess", b'{"profile": {}}'.ljust(size), timeout_seconds=30) for size in sizes
    ]
    assert [200, 413] == [one.status_code for one in answers]


def test_an_ingress_controller_finds_the_service(release: Release) -> None:
    """deploy.md: "By an Ingress": nginx in place of a controller does as the guide's Ingress says."""
    release.upgrade(merge_values(SHORT_DRAIN, values_after("By an Ingress:")))
    with ingress_controller(get_object("ingress", release.full_name, release.namespace)) as url:
        statuses = {
            host: ask(f"{url}/tree/versions", headers={"Host": host}).status_code
            for host in ("advisor.example.com", "other.example.com")
        }
    assert {"advisor.example.com": 200, "other.example.com": 404} == statuses


def test_a_load_balancer_finds_readiness_by_annotations(release: Release) -> None:
    """deploy.md: "AWS load balancer controller, with targets by IP:
    `alb.ingress.kubernetes.io/healthcheck-path: /readyz` and `alb.ingress.kubernetes.io/healthcheck-port:
    '9090'` in `ingress.annotations`", which a stand-in follows here; "Point them to `/readyz` on the
    operations port, 9090".
    """
    annotations = {f"{HEALTH_CHECK}-path": "/readyz", f"{HEALTH_CHECK}-port": "9090"}
    ingress = {"enabled": True, "hosts": [{"host": "a.example.com"}], "annotations": annotations}
    release.upgrade(merge_values(SHORT_DRAIN, {"ingress": ingress}))
    found = get_object("ingress", release.full_name, release.namespace)["metadata"]["annotations"]
    path, port = found[f"{HEALTH_CHECK}-path"], int(found[f"{HEALTH_CHECK}-port"])
    assert [200, 200] == [ask(pod_url(pod, path, port)).status_code for pod in release.ready_pods()]


def test_no_answer_sets_a_cookie(installed: Release) -> None:
    """deploy.md: "cookies are never used"."""
    paths = ("/", "/interview?tree=1.0.0", "/docs", "/tree/versions", "/missing")
    assert [] == [path for path in paths if "Set-Cookie" in installed.ask(path).headers]


def test_headers_that_name_the_prefix_are_ignored(installed: Release) -> None:
    """deploy.md: "The service ignores headers that name the prefix, since anybody could send them"."""
    forged = {"X-Forwarded-Prefix": "/evil", "X-Script-Name": "/evil", "Script-Name": "/evil"}
    assert "evil" not in installed.ask("/", headers=forged).text


def test_what_is_no_http_gets_a_problem_from_the_root(installed: Release) -> None:
    """deploy.md: "If the service can't read a request as HTTP, it doesn't know the request's URL. The `type`
    of the answer, a 400 or 414, is then a URL path from the host's root".
    """
    answer = send_malformed(installed)
    assert " 400 " in answer.splitlines()[0]
    assert '"type":"/problems/' in answer.replace('": "', '":"')


def test_what_is_no_http_gets_a_problem_from_the_prefix(exposed: Release) -> None:
    """deploy.md: "It begins with `pathPrefix` if that is set"."""
    assert '"type":"/advisor/problems/' in send_malformed(exposed).replace('": "', '":"')


@pytest.mark.parametrize("path", ["/interview?tree=1.0.0", "/trees/1.0.0"])
def test_pages_can_be_turned_off(exposed: Release, path: str) -> None:
    """deploy.md: "They are on unless `settings.pages` is `false`"."""
    assert 404 == exposed.ask(path).status_code


def test_the_api_and_its_reference_are_served_without_pages(exposed: Release) -> None:
    """deploy.md: "the API and `/docs` are served either way"."""
    assert {200} == {
        exposed.ask(path).status_code for path in ("/docs", "/openapi.json", "/tree/versions")
    }


def test_interviews_are_neither_indexed_nor_kept(installed: Release) -> None:
    """deploy.md: "they carry `X-Robots-Tag: noindex` and `Cache-Control: no-store`"."""
    headers = installed.ask("/interview?tree=1.0.0").headers
    assert ("noindex", "no-store") == (headers["X-Robots-Tag"], headers["Cache-Control"])


@pytest.mark.parametrize("path", ["/", "/trees/1.0.0"])
def test_pages_of_trees_may_be_kept_for_a_minute(installed: Release, path: str) -> None:
    """deploy.md: "`/` and `/trees/…` carry an ETag and may be kept for a minute"."""
    headers = installed.ask(path).headers
    assert headers["ETag"]
    assert "max-age=60" in headers["Cache-Control"]


def test_a_shown_plan_is_counted(installed: Release) -> None:
    """deploy.md: "Decided results are counted … with `endpoint='interview'`"."""
    assert 200 == installed.ask("/interview?tree=1.0.0&prompt_engineering_sufficient=true").status_code
    counted = re.compile(
        r'^finetune_advisor_assessments_total\{.*endpoint="interview".*\} 1\.0$', re.MULTILINE
    )

    def count() -> int:
        return sum(
            bool(counted.search(ask(pod_url(pod, "/metrics")).text)) for pod in installed.ready_pods()
        )

    assert 1 == wait_until("the count", count, 10)


def test_the_log_has_no_query(installed: Release) -> None:
    """deploy.md: "The service logs the route without the query"."""
    installed.ask("/interview?tree=1.0.0&prompt_engineering_sufficient=true")

    def lines() -> list[str]:
        logs = [line for pod in installed.ready_pods() for line in installed.read_logs(pod).splitlines()]
        return [line for line in logs if '"/interview"' in line]

    assert [] == [line for line in wait_until("a line", lines, 10) if "prompt_engineering" in line]


def test_an_unknown_url_is_a_page_for_browsers_alone(installed: Release) -> None:
    """deploy.md: "A browser that asks for an unknown URL gets its 404 as a page, every other client as a
    problem in JSON".
    """
    types = [
        installed.ask("/missing", headers=headers).headers["Content-Type"] for headers in (HTML, {})
    ]
    assert ["text/html", "application/problem+json"] == [one.partition(";")[0] for one in types]

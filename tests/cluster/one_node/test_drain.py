"""How a pod ends: docs/deploy.md, "Drain", and operations.md, "Stopping"."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests

from tests.cluster.guide import values_after
from tests.cluster.kubectl import Manifest, wait_until
from tests.cluster.release import HTTP_PORT, Release, ask, half_a_request, pod_url

MAX_SECONDS = 90
CONTROLLER_SECONDS = 20
"""How late a controller outside the cluster may be: longer than the default pause."""


@dataclass
class End:
    """What was seen of a pod from the start of its end, in seconds after that."""

    answered_until: float = 0
    gone_after: float = 0
    readiness: list[int] = field(default_factory=list)
    """The statuses of `/readyz`, each once in a row."""


def watch_end(release: Release, pod: Manifest) -> End:
    """Have a pod end, and ask it itself until it is gone."""
    began, end = time.monotonic(), End()
    release.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
    while _exists(release, pod) and time.monotonic() - began < MAX_SECONDS:
        if _status(pod_url(pod, "/assess", HTTP_PORT), {"profile": {}}) == 200:
            end.answered_until = time.monotonic() - began
        readiness = _status(pod_url(pod, "/readyz"))
        if readiness and [readiness] != end.readiness[-1:]:
            end.readiness.append(readiness)
        time.sleep(0.2)
    end.gone_after = time.monotonic() - began
    return end


@contextmanager
def kept_after_its_end(release: Release, pod: Manifest) -> Iterator[None]:
    """A pod that stays, with the status of its containers, until the block has ended."""
    patch = ("patch", "pod", pod["metadata"]["name"], "--type", "merge", "--patch")
    release.kubectl(*patch, '{"metadata": {"finalizers": ["example.com/kept"]}}')
    try:
        yield
    finally:
        release.kubectl(*patch, '{"metadata": {"finalizers": null}}')


def _exists(release: Release, pod: Manifest) -> bool:
    return not release.kubectl("get", "pod", pod["metadata"]["name"], must_succeed=False).returncode


def _status(url: str, body: object = None) -> int:
    try:
        return ask(url, body, timeout_seconds=2).status_code
    except requests.RequestException:
        return 0


def test_a_pod_that_ends_answers_during_the_pause(release: Release) -> None:
    """deploy.md: "Meanwhile it waits for `drain.preStopSeconds` and still answers": 10 seconds by
    default.
    """
    release.upgrade()
    end = watch_end(release, release.ready_pods()[0])
    assert 9 <= end.answered_until <= 13


def test_a_pod_without_requests_is_gone_soon_after_the_pause(release: Release) -> None:
    """deploy.md: "Then it gets SIGTERM, and has `settings.gracefulTimeout` seconds for requests in
    flight"; none is.
    """
    release.upgrade({"drain": {"preStopSeconds": 5}})
    assert 5 <= watch_end(release, release.ready_pods()[0]).gone_after <= 5 + 8


def test_readiness_stays_until_sigterm(release: Release) -> None:
    """deploy.md: "`/readyz` answers 200 until SIGTERM"."""
    release.upgrade({"drain": {"preStopSeconds": 5}})
    assert [200] == watch_end(release, release.ready_pods()[0]).readiness


def test_drain_seconds_tell_those_who_only_ask_for_readiness(release: Release) -> None:
    """deploy.md: "If the load balancer only asks `/readyz` … set `settings.drainSeconds` for it"."""
    release.upgrade({"settings": {"drainSeconds": 6}, "drain": {"preStopSeconds": 2}})
    end = watch_end(release, release.ready_pods()[0])
    assert [200, 503] == end.readiness
    assert end.answered_until >= 7


def test_a_pod_that_ends_leaves_the_service_first(release: Release) -> None:
    """deploy.md: "A pod that ends is taken out of the Service first": long before its pause is over."""
    release.upgrade()
    [pod, _] = release.ready_pods()
    release.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
    time.sleep(3)
    assert pod["status"]["podIP"] not in release.endpoints()
    assert 200 == ask(pod_url(pod, "/assess", HTTP_PORT), {"profile": {}}).status_code


def test_a_pod_that_ends_is_replaced(release: Release) -> None:
    """operations.md: "A stop loses no request": by the time that one is gone, another is ready."""
    release.upgrade()
    watch_end(release, release.ready_pods()[0])
    assert 2 == len(release.ready_pods())


def test_the_first_path_answers_while_readiness_does_not(release: Release) -> None:
    """deploy.md: "It never tells whether a pod is ready": `/` is still a page when `/readyz` is a 503."""
    release.upgrade({"settings": {"drainSeconds": 8}, "drain": {"preStopSeconds": 1}})
    [pod, _] = release.ready_pods()
    release.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
    wait_until("it isn't ready", lambda: _status(pod_url(pod, "/readyz")) == 503, 10)
    assert 200 == _status(pod_url(pod, "/", HTTP_PORT))
    assert 503 == _status(pod_url(pod, "/readyz"))


def test_a_controller_that_follows_the_endpoints_has_the_longer_pause(release: Release) -> None:
    """deploy.md: "A load balancer outside the cluster learns of the end in one of two ways"; "If a controller
    takes a pod out of its targets when the pod leaves the endpoints, a longer pause is enough": with the
    guide's "A longer pause", for a controller that is late.
    """
    release.upgrade(values_after("A longer pause:"))
    [pod, _] = release.ready_pods()
    release.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
    address = pod["status"]["podIP"]
    wait_until("the pod leaves the endpoints", lambda: address not in release.endpoints(), 10)
    deadline, statuses = time.monotonic() + CONTROLLER_SECONDS, list[int]()
    while time.monotonic() < deadline:
        statuses.append(_status(pod_url(pod, "/assess", HTTP_PORT), {"profile": {}}))
        time.sleep(0.1)
    assert {200} == set(statuses)


def test_all_that_a_pod_waits_for_fits_into_its_grace_period(release: Release) -> None:
    """deploy.md: "These two, `settings.drainSeconds` … and five seconds must fit into the grace period": a
    pod that uses all of them ends by itself, and isn't killed.
    """
    settings = {"drainSeconds": 6, "gracefulTimeout": 4}
    drain = {"preStopSeconds": 5, "terminationGracePeriodSeconds": 5 + 6 + 4 + 5}
    release.upgrade({"settings": settings, "drain": drain})
    [pod, _] = release.ready_pods()
    address = (pod["status"]["podIP"], HTTP_PORT)
    with kept_after_its_end(release, pod), half_a_request(address):
        began = time.monotonic()
        release.kubectl("delete", "pod", pod["metadata"]["name"], "--wait=false")
        end = wait_until("its end", lambda: release.container_status(pod)["state"]["terminated"], 40)
        assert time.monotonic() - began >= 5 + 6 + 4
    assert 0 == end["exitCode"]

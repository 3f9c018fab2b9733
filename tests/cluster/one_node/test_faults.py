"""Processes that are killed, and the largest requests: docs/operations.md."""

from __future__ import annotations

import os
import signal
import threading
import time

import requests

from tests.cluster.kubectl import Manifest, get_object, wait_until
from tests.cluster.processes import server_processes
from tests.cluster.release import SHORT_DRAIN, Release, merge_values
from tests.load import running_load

LARGE_BODIES = 15
ROUNDS = 3
PROFILE = b'{"prompt_engineering_sufficient": false' + b" " * 790 + b"}"
LARGE_BODY = b'{"profiles": [' + b",".join([PROFILE] * 10_000) + b"]}"


def container_status(release: Release, pod: Manifest) -> Manifest:
    """What the kubelet says of the server's container."""
    found = get_object("pod", pod["metadata"]["name"], release.namespace)
    status: Manifest = found["status"]["containerStatuses"][0]
    return status


def wait_for_restart(release: Release, pod: Manifest) -> None:
    """Wait until the kubelet has restarted a pod's server, and takes it for ready."""

    def restarted() -> bool:
        status = container_status(release, pod)
        return bool(status["restartCount"] == 1 and status["ready"])

    wait_until("the container was restarted and is ready", restarted, 60)


def test_a_killed_worker_is_replaced_within_its_container(release: Release) -> None:
    """deploy.md: "a first process that only starts and watches workers"."""
    memory = {"settings": {"workers": 2}, "resources": {"limits": {"memory": "1Gi"}}}
    release.upgrade(merge_values(SHORT_DRAIN, memory))
    pod = release.ready_pods()[0]
    before = server_processes(pod)
    os.kill(before.workers[-1], signal.SIGKILL)

    def replaced() -> bool:
        now = server_processes(pod)
        return now.workers != before.workers and len(now.workers) == len(before.workers)

    wait_until("as many workers as before", replaced, 20)
    assert before.first == server_processes(pod).first
    assert 0 == container_status(release, pod)["restartCount"]


def test_a_killed_first_process_is_restarted_by_the_kubelet(release: Release) -> None:
    """operations.md: "A process has restarted": a pod whose server dies serves again by itself."""
    release.upgrade({**SHORT_DRAIN, "replicas": 1})
    [pod] = release.ready_pods()
    os.kill(server_processes(pod).first, signal.SIGKILL)

    wait_for_restart(release, pod)
    wait_until("it answers", lambda: release.ask("/assess", {"profile": {}}).ok, 20)


def test_other_pods_answer_while_one_is_restarted(release: Release) -> None:
    """operations.md: "One instance hasn't answered …; the others serve": callers lose what it had."""
    release.upgrade(SHORT_DRAIN)
    pod = release.ready_pods()[0]
    with running_load(release.url()) as load:
        time.sleep(1)
        os.kill(server_processes(pod).first, signal.SIGKILL)
        wait_for_restart(release, pod)
        time.sleep(2)
        lost = len(load.failures)
        time.sleep(5)
    assert lost == len(load.failures)
    assert lost < sum(load.answered.values()) / 2


def test_the_largest_requests_fit_into_the_memory(release: Release) -> None:
    """operations.md: "512 MiB are enough for a worker with 15 of the largest requests at once"."""
    release.upgrade({**SHORT_DRAIN, "replicas": 1})
    url, statuses = release.url("/assess/batch"), list[int]()

    def post() -> None:
        with requests.Session() as session:
            session.trust_env = False
            headers = {"Content-Type": "application/json"}
            statuses.append(session.post(url, LARGE_BODY, headers=headers, timeout=180).status_code)

    for _ in range(ROUNDS):
        threads = [threading.Thread(target=post) for _ in range(LARGE_BODIES)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [200] * LARGE_BODIES * ROUNDS == statuses
    [pod] = release.ready_pods()
    assert 0 == container_status(release, pod)["restartCount"]

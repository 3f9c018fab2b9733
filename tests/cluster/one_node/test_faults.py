"""Processes that are killed: docs/operations.md."""

from __future__ import annotations

import os
import signal
import time

from tests.cluster.kubectl import Manifest, wait_until
from tests.cluster.processes import server_processes
from tests.cluster.release import SHORT_DRAIN, Release, merge_values
from tests.load import running_load


def wait_for_restart(release: Release, pod: Manifest) -> None:
    """Wait until the kubelet has restarted a pod's server, and takes it for ready."""

    def restarted() -> bool:
        status = release.container_status(pod)
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
    assert 0 == release.container_status(pod)["restartCount"]


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

"""What an installation gives, as docs/deploy.md says under "Install"."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.cluster.kubectl import get_object, helm, kubectl, list_objects, wait_until
from tests.cluster.release import HTTP_PORT, METRICS_PORT, Release, ask, pod_url

OPERATIONS = ("/healthz", "/readyz", "/metrics")
LISTEN = "0A"


@pytest.fixture(scope="module")
def commands(installed: Release) -> list[str]:
    """The commands that Helm prints after an installation."""
    notes = helm("get", "notes", installed.name, "--namespace", installed.namespace).stdout
    return re.findall(r"^  (\S.*)$", notes, re.MULTILINE)


@pytest.fixture
def forwarded(commands: list[str]) -> Iterator[None]:
    """The port of the notes, forwarded."""
    [command] = [line.removesuffix("&").split() for line in commands if line.endswith("&")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def test_wait_ends_when_two_pods_are_ready(release: Release) -> None:
    """deploy.md: "helm upgrade --install advisor … --wait … two pods"; "You get - two pods". The nodes have
    the image, as kind's have, and so it "needs no registry, and the chart no value".
    """
    release.upgrade()
    assert 2 == len(release.ready_pods())


def test_helm_and_the_api_server_warn_of_nothing(release: Release) -> None:
    """deploy.md: "By default pods meet Pod Security's "restricted" standard", which warns and is
    enforced here.
    """
    assert "" == release.upgrade().stderr


def test_the_service_answers_on_port_80(installed: Release) -> None:
    """deploy.md: "a Service `advisor-finetune-advisor` on port 80"."""
    host, port = installed.service_address()
    assert 80 == port
    assert 200 == ask(f"http://{host}/assess", {"profile": {}}).status_code


@pytest.mark.parametrize("path", OPERATIONS)
def test_operations_are_not_on_the_service_of_the_api(installed: Release, path: str) -> None:
    """deploy.md: "No Ingress or route leads there": the API's Service knows neither probes nor
    metrics.
    """
    assert 404 == installed.ask(path).status_code


@pytest.mark.parametrize("path", OPERATIONS)
def test_operations_are_on_the_service_for_metrics(installed: Release, path: str) -> None:
    """deploy.md: "a second Service, `…-metrics`, for probes and metrics", on 9090."""
    service = f"{installed.full_name}-metrics"
    [port] = get_object("service", service, installed.namespace)["spec"]["ports"]
    addresses = installed.endpoints(service)
    assert (9090, 2) == (port["port"], len(addresses))
    assert {200} == {ask(f"http://{address}:9090{path}").status_code for address in addresses}


def test_the_operations_port_knows_nothing_else(installed: Release) -> None:
    """deploy.md: "It leads to the operations port of the pods, 9090", which doesn't serve the API."""
    [pod, _] = installed.ready_pods()
    assert 404 == ask(pod_url(pod, "/assess"), {"profile": {}}).status_code


def test_pods_listen_on_two_ports_alone(installed: Release) -> None:
    """deploy.md: "a NetworkPolicy that lets pods answer on these two ports": there is no third, even
    inside the pod.
    """
    [pod, _] = installed.ready_pods()
    sockets = installed.execute(pod, "cat", "/proc/net/tcp", "/proc/net/tcp6", must_succeed=False).stdout
    fields = [line.split() for line in sockets.splitlines()]
    listening = {
        int(address.rpartition(":")[2], 16) for _, address, _, state, *_ in fields if state == LISTEN
    }
    assert {HTTP_PORT, METRICS_PORT} == listening


def test_probes_never_fail_once_a_pod_has_started(installed: Release) -> None:
    """operations.md: "`/healthz` answers 200 as long as the instance accepts connections"."""
    probes = installed.get_deployment()["spec"]["template"]["spec"]["containers"][0]
    time.sleep(2 * probes["livenessProbe"]["periodSeconds"] + 2)
    unhealthy = [
        one["message"]
        for one in list_objects("events", installed.namespace)
        if one["reason"] == "Unhealthy"
    ]
    assert [] == [message for message in unhealthy if not message.startswith("Startup probe failed")]
    assert {0} == {
        pod["status"]["containerStatuses"][0]["restartCount"] for pod in installed.ready_pods()
    }


def test_the_notes_wait_for_the_pods(installed: Release, commands: list[str]) -> None:
    """NOTES.txt: "Wait until the pods are ready"."""
    [command] = [line for line in commands if "rollout status" in line]
    assert "successfully rolled out" in subprocess.check_output(command.split(), text=True)


@pytest.mark.usefixtures("forwarded")
def test_the_notes_lead_to_an_answer(commands: list[str]) -> None:
    """NOTES.txt: "Send a request": the forwarded port and the request as printed."""
    [command] = [line for line in commands if line.startswith("curl")]

    def answer() -> str:
        return subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=20).stdout

    assert '"status"' in wait_until("an answer at the forwarded port", answer, 20)


def test_helm_test_runs_two_jobs_that_pass(installed: Release) -> None:
    """deploy.md: "`helm test` runs two jobs with the same image"."""
    assert 2 == installed.run_tests().stdout.count("Succeeded")


def test_helm_test_finds_metrics_on_the_port_of_the_api(release: Release) -> None:
    """deploy.md: "The other checks that probes and metrics answer on their port alone": here the API's
    Service leads to them, too.
    """
    release.upgrade({"replicas": 1})
    patch = '[{"op": "replace", "path": "/spec/ports/0/targetPort", "value": "metrics"}]'
    release.kubectl("patch", "service", release.full_name, "--type", "json", "--patch", patch)
    wait_until("the node knows", lambda: release.ask("/metrics").ok, 20)
    only = ("--filter", f"name={release.full_name}-test-ports")
    assert release.run_tests(*only, must_succeed=False).returncode
    [job] = release.list_objects("jobs")
    log = release.kubectl("logs", f"job/{job['metadata']['name']}").stdout
    assert f"http://{release.full_name}:80/metrics: 200\n" in log


def test_jobs_that_pass_are_removed(installed: Release) -> None:
    """deploy.md: "A job that fails stays, with its log": one that passes doesn't."""
    installed.run_tests()
    assert [] == installed.list_objects("jobs")


def test_a_job_that_fails_stays_with_its_log(release: Release) -> None:
    """deploy.md: "A job that fails stays, with its log": here one that checks pods which aren't there."""
    release.upgrade({"replicas": 0})
    assert release.run_tests(must_succeed=False).returncode
    [job] = release.list_objects("jobs")
    log = kubectl("logs", f"job/{job['metadata']['name']}", namespace=release.namespace).stdout
    assert release.full_name in log

"""Who reaches whom, where policies are enforced: docs/deploy.md, "Install" and "Harden"."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest

from tests.cluster.client_pod import ClientPod, start_client
from tests.cluster.kubectl import list_objects, temporary_namespace, wait_until
from tests.cluster.release import SHORT_DRAIN, Release, Values, merge_values, pod_url, temporary_release

ENFORCEMENT_SECONDS = 5
"""How long a changed policy may take to hold everywhere."""
HELM_TESTS = 10
Senders = Mapping[str, ClientPod]


@pytest.fixture(scope="module")
def senders() -> Iterator[Senders]:
    """A pod each in three namespaces."""
    with ExitStack() as namespaces:
        names = ("gateway", "monitoring", "elsewhere")
        yield {name: start_client(namespaces.enter_context(temporary_namespace(name))) for name in names}


@pytest.fixture(scope="module")
def opened(senders: Senders) -> Iterator[Release]:
    """A release with the default policy."""
    with temporary_release("opened") as release:
        release.upgrade(SHORT_DRAIN)
        start_client(release.namespace)
        time.sleep(ENFORCEMENT_SECONDS)
        yield release


@pytest.fixture(scope="module")
def hardened(senders: Senders) -> Iterator[Release]:
    """A release that admits requests from one namespace, and scrapes from another."""
    with temporary_release("hardened") as release:
        release.upgrade(merge_values(SHORT_DRAIN, {"networkPolicy": hardened_policy(senders)}))
        start_client(release.namespace)
        time.sleep(ENFORCEMENT_SECONDS)
        yield release


def hardened_policy(senders: Senders) -> Values:
    """The values of "Harden" for these senders."""
    return {"httpFrom": [_from(senders["gateway"])], "metricsFrom": [_from(senders["monitoring"])]}


def _from(sender: ClientPod) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": sender.namespace}}}


def reached(sender: ClientPod, release: Release) -> tuple[bool, bool]:
    """Whether a pod reaches the API, and the operations port."""
    api = f"http://{release.full_name}.{release.namespace}/tree/versions"
    metrics = f"http://{release.full_name}-metrics.{release.namespace}:9090/metrics"
    return sender.can_reach(api), sender.can_reach(metrics)


def server_of(release: Release) -> ClientPod:
    """One of the release's own pods, which have Python, too."""
    return ClientPod(release.namespace, release.ready_pods()[0]["metadata"]["name"], "server")


def other_service() -> str:
    """A URL of a pod that isn't the release's."""
    [dns] = list_objects("pods", "kube-system", "k8s-app=kube-dns")
    return f"http://{dns['status']['podIP']}:8181/ready"


@pytest.mark.parametrize("name", ["gateway", "monitoring", "elsewhere"])
def test_anybody_may_ask_by_default(opened: Release, senders: Senders, name: str) -> None:
    """deploy.md: "Until you name the senders … anybody who reaches the pods may ask on both ports"."""
    assert (True, True) == reached(senders[name], opened)


def test_pods_of_the_namespace_may_ask_by_default(opened: Release) -> None:
    """deploy.md: "anybody who reaches the pods may ask on both ports": neighbours, too."""
    assert (True, True) == reached(ClientPod(opened.namespace), opened)


def test_pods_connect_to_nobody(opened: Release, senders: Senders) -> None:
    """deploy.md: "a NetworkPolicy that lets pods … connect to nobody", where others may."""
    assert senders["elsewhere"].can_reach(other_service())
    assert not server_of(opened).can_reach(other_service())


def test_pods_do_not_even_ask_for_names(opened: Release, senders: Senders) -> None:
    """deploy.md: "a NetworkPolicy that lets pods … connect to nobody": not to the DNS either."""
    name = f"{opened.full_name}.{opened.namespace}.svc.cluster.local"
    assert senders["elsewhere"].can_resolve(name)
    assert not server_of(opened).can_resolve(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("gateway", (True, False)), ("monitoring", (False, True)), ("elsewhere", (False, False))],
)
def test_named_senders_alone_get_in(
    hardened: Release, senders: Senders, name: str, expected: tuple[bool, bool]
) -> None:
    """deploy.md: "the senders that the network policy admits": each on its port alone, others on none."""
    assert expected == reached(senders[name], hardened)


@pytest.mark.parametrize(("name", "expected"), [("monitoring", True), ("gateway", False)])
def test_load_balancers_are_to_be_allowed_as_well(
    hardened: Release, senders: Senders, name: str, expected: bool
) -> None:
    """deploy.md: "Point them to `/readyz` on the operations port, 9090. If you set
    `networkPolicy.metricsFrom`, allow them there": those who may ask the API alone never learn that a pod is
    ready.
    """
    urls = [pod_url(pod, "/readyz") for pod in hardened.ready_pods()]
    assert [expected] * 2 == [senders[name].can_reach(url) for url in urls]


def test_neighbours_stay_outside_if_others_are_named(hardened: Release) -> None:
    """deploy.md: "the senders that the network policy admits": the release's own namespace isn't one
    of them.
    """
    assert (False, False) == reached(ClientPod(hardened.namespace), hardened)


def test_the_kubelet_may_probe_whoever_is_named(hardened: Release) -> None:
    """operations.md, "Probes": a policy that names senders doesn't shut out the node."""
    time.sleep(12)
    assert 2 == len(hardened.ready_pods())


def test_helm_test_passes_where_senders_are_named(hardened: Release) -> None:
    """deploy.md: "`helm test` runs two jobs": ten times, as a permitted pod's first connection may be
    refused.
    """
    passed = [
        hardened.run_tests(must_succeed=False).stdout.count("Succeeded") for _ in range(HELM_TESTS)
    ]
    assert [2] * HELM_TESTS == passed


def test_dns_can_be_allowed(release: Release) -> None:
    """values.yaml: "Allow pods to query the cluster's DNS", and nothing else."""
    release.upgrade(merge_values(SHORT_DRAIN, {"networkPolicy": {"allowDNS": True}}))
    name = f"{release.full_name}.{release.namespace}.svc.cluster.local"
    wait_until("the name's address", lambda: server_of(release).can_resolve(name), 20)
    assert not server_of(release).can_reach(other_service())


def test_a_port_can_be_let_out(release: Release) -> None:
    """values.yaml: "Additional egress rules", as for a collector's port."""
    rule = {"ports": [{"port": 8181, "protocol": "TCP"}]}
    release.upgrade(merge_values(SHORT_DRAIN, {"networkPolicy": {"egress": [rule]}}))
    wait_until("the port is open", lambda: server_of(release).can_reach(other_service()), 20)


def test_a_release_without_a_policy_is_open(release: Release, senders: Senders) -> None:
    """values.yaml: "Create a NetworkPolicy": without it, pods may ask others."""
    release.upgrade(merge_values(SHORT_DRAIN, {"networkPolicy": {"enabled": False}}))
    wait_until("the pods may ask", lambda: server_of(release).can_reach(other_service()), 20)

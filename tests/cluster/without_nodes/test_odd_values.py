"""Values that are odd but allowed: the API server takes what comes of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.kubectl import get_object
from tests.cluster.release import Release

TAKEN: dict[str, dict[str, Any]] = {
    "close endpoints": {"service": {"trafficDistribution": "PreferSameZone"}},
    "no pods": {"replicas": 0},
    "a percentage": {"podDisruptionBudget": {"maxUnavailable": "50%"}},
    "a port on every node": {"service": {"type": "NodePort"}},
    "no pause": {"drain": {"preStopSeconds": 0}},
    "name service": {"networkPolicy": {"allowDNS": True}},
    "no tests": {"tests": {"enabled": False}},
    "no resources": {"resources": None},
    "the default account": {"serviceAccount": {"create": False}},
    "an outer scaler": {"autoscaling": {"mode": "external"}},
    "a low port": {"ports": {"http": 80}},
    "swapped ports": {"ports": {"http": 9090, "metrics": 8080}},
    "IPv6": {"settings": {"host": "::"}},
    "a number as a variable": {"extraEnv": [{"name": "A", "value": "1"}]},
    "a tag with a plus": {"image": {"tag": "1.0_build"}},
    "a context of the cluster's": {"podSecurityContext": None},
}


LONG_END = {
    "drain": {"preStopSeconds": 10, "terminationGracePeriodSeconds": 64},
    "settings": {"drainSeconds": 20, "gracefulTimeout": 30},
}


@pytest.mark.parametrize("values", TAKEN.values(), ids=TAKEN.keys())
def test_the_server_takes_it_without_a_warning(values: dict[str, Any], release: Release) -> None:
    """deploy.md: "It refuses values that it doesn't know": what others make, the API server takes."""
    assert "" == release.upgrade(values, wait=False).stderr
    release.uninstall()


def test_a_grace_period_that_is_too_short_is_refused(release: Release) -> None:
    """deploy.md: "These two, `settings.drainSeconds` … and five seconds must fit into the grace period, or
    the chart fails to render": nothing reaches the server.
    """
    refused = release.upgrade(LONG_END, wait=False, must_succeed=False)
    assert "need 65" in refused.stderr
    assert [] == release.list_objects("deployments")


def test_a_backend_config_is_named_in_the_service(release: Release) -> None:
    """deploy.md: "GKE with container-native load balancing: a BackendConfig … named in
    `service.annotations`".
    """
    named = {"cloud.google.com/backend-config": '{"default": "advisor"}'}
    release.upgrade({"service": {"annotations": named}}, wait=False)
    assert (
        named.items()
        <= get_object("service", release.full_name, release.namespace)["metadata"]["annotations"].items()
    )

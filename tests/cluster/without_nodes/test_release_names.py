"""Names of releases that look like something else."""

from __future__ import annotations

import pytest

from tests.cluster.kubectl import temporary_namespace, wait_until
from tests.cluster.release import Release

NAMES = ("123", "true", "1e3", "0x1f", "null", "a", "my.rel.ease", "x" * 53, "finetune-advisor")
EVERYTHING = {
    "dashboard": {"enabled": True},
    "metrics": {"monitor": {"kind": "ServiceMonitor"}},
    "prometheusRule": {"enabled": True},
    "trees": {"documents": {"a.yaml": "a"}},
}


@pytest.mark.parametrize("name", NAMES)
def test_any_name_that_helm_takes_will_do(name: str) -> None:
    """deploy.md: "helm upgrade --install advisor": numbers, words of YAML and 53 letters are names, too."""
    with temporary_namespace("names") as namespace:
        release = Release(namespace, name=name)
        assert "" == release.upgrade(EVERYTHING, wait=False).stderr
        wait_until("its pods", lambda: len(release.list_pods()) == 2, 30)
        release.uninstall()

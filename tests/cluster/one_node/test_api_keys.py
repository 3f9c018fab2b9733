"""API keys from a Secret: docs/public.md, "API keys" and "Rotation"."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.kubectl import helm, kubectl, wait_until
from tests.cluster.release import (
    KUBELET_SECONDS,
    SHORT_DRAIN,
    Release,
    ask,
    merge_values,
    pod_url,
    temporary_release,
)
from tests.load import assert_nothing_lost, running_load

KEYED = {"apiKeys": {"existingSecret": "advisor-keys"}}


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A file of API keys, which doesn't exist yet."""
    return tmp_path / "keys"


@pytest.fixture
def keyed(keys: Path) -> Iterator[tuple[Release, str]]:
    """A release whose requests need a key, and a key called web-app."""
    with temporary_release("keyed") as release:
        key = make_key("web-app", keys)
        apply_secret(release, keys)
        release.upgrade(KEYED)
        yield release, key


def make_key(name: str, keys: Path) -> str:
    """`finetune-advisor keys new NAME --file FILE`."""
    command = [sys.executable, "-m", "finetune_advisor", "keys", "new", name, "--file", str(keys)]
    return subprocess.check_output(command, text=True).strip()


def apply_secret(release: Release, keys: Path) -> None:
    """The guide's command, which makes the Secret or replaces it when it has changed."""
    create = ("create", "secret", "generic", "advisor-keys", f"--from-file=keys={keys}")
    written = release.kubectl(*create, "--dry-run=client", "--output", "yaml")
    kubectl("apply", "--filename", "-", namespace=release.namespace, stdin=written.stdout)


def bearer(key: str) -> dict[str, str]:
    """The header that sends a key."""
    return {"Authorization": f"Bearer {key}"}


def statuses(release: Release, key: str) -> set[int]:
    """The statuses of twelve requests with a key."""
    return {release.ask("/tree/versions", headers=bearer(key)).status_code for _ in range(12)}


def requests_by_key(release: Release) -> dict[str, float]:
    """The number of requests that all pods have counted by the name of the key."""
    counted: dict[str, float] = {}
    for pod in release.ready_pods():
        text = ask(pod_url(pod, "/metrics")).text
        for name, value in re.findall(
            r'^finetune_advisor_api_key_requests_total\{key="(.*?)"\} (\S+)$', text, re.M
        ):
            counted[name] = counted.get(name, 0) + float(value)
    return counted


def test_requests_need_a_key(keyed: tuple[Release, str]) -> None:
    """public.md: "From then on every request needs a key, in either header"; deploy.md: "give callers API
    keys by `apiKeys.existingSecret`".
    """
    release, key = keyed
    assert 401 == release.ask("/assess", {"profile": {}}).status_code
    assert 200 == release.ask("/assess", {"profile": {}}, headers=bearer(key)).status_code
    assert 200 == release.ask("/assess", {"profile": {}}, headers={"X-API-Key": key}).status_code


def test_probes_and_metrics_need_none_on_their_port(keyed: tuple[Release, str]) -> None:
    """public.md: "yes; on `METRICS_PORT`, no"; "no, as the kubelet has none"."""
    release, _ = keyed
    [pod, _] = release.ready_pods()
    assert {200} == {ask(pod_url(pod, path)).status_code for path in ("/metrics", "/healthz", "/readyz")}


def test_pods_get_a_rotated_secret_without_a_restart(keyed: tuple[Release, str], keys: Path) -> None:
    """public.md: "No restart is needed": a second key, its callers, then without the old one; no
    request is lost.
    """
    release, old = keyed
    pods = [pod["metadata"]["uid"] for pod in release.ready_pods()]
    new = make_key("web-app-2", keys)
    with running_load(release.url(), headers=bearer(old)) as before:
        apply_secret(release, keys)
        wait_until("all pods take the new key", lambda: statuses(release, new) == {200}, KUBELET_SECONDS)
    with running_load(release.url(), headers=bearer(new)) as after:
        lines = keys.read_text().splitlines(keepends=True)
        keys.write_text("".join(line for line in lines if not line.startswith("web-app:")))
        apply_secret(release, keys)
        wait_until("no pod takes the old key", lambda: statuses(release, old) == {401}, KUBELET_SECONDS)
    assert_nothing_lost(before)
    assert_nothing_lost(after)
    assert pods == [pod["metadata"]["uid"] for pod in release.ready_pods()]


def test_an_emptied_secret_shuts_nobody_out(keyed: tuple[Release, str], keys: Path) -> None:
    """public.md: "If the file turns wrong, is emptied or goes missing, the last good keys hold"."""
    release, key = keyed
    keys.write_text("")
    apply_secret(release, keys)

    def complaints() -> int:
        logs = [release.read_logs(pod) for pod in release.ready_pods()]
        return sum("finetune_advisor.api_keys" in log and '"ERROR"' in log for log in logs)

    wait_until("both pods have seen the empty file", lambda: complaints() == 2, KUBELET_SECONDS)
    assert {200} == statuses(release, key)


def test_requests_are_counted_by_the_name_of_the_key(keyed: tuple[Release, str]) -> None:
    """public.md: "`finetune_advisor_api_key_requests_total{key}` counts requests by the name of the
    key".
    """
    release, key = keyed
    for _ in range(5):
        release.ask("/tree/versions", headers=bearer(key))
    assert 401 == release.ask("/tree/versions").status_code
    time.sleep(0.5)
    assert {"web-app": 5, "refused": 1} == {
        name: count for name, count in requests_by_key(release).items() if count
    }


def test_keys_can_be_turned_on_by_the_command_of_the_guide(release: Release, keys: Path) -> None:
    """public.md: "helm upgrade advisor … --reuse-values --set apiKeys.existingSecret=advisor-keys"."""
    release.upgrade(SHORT_DRAIN)
    key = make_key("web-app", keys)
    apply_secret(release, keys)
    helm(
        *("upgrade", release.name, release.chart, "--namespace", release.namespace, "--wait"),
        *("--reuse-values", "--set", "apiKeys.existingSecret=advisor-keys"),
    )
    release.wait_for_pods()
    assert {200} == statuses(release, key)
    assert 401 == release.ask("/tree/versions").status_code


def test_helm_test_leaves_out_the_first_job_without_a_key(keyed: tuple[Release, str]) -> None:
    """deploy.md: "the first job … is left out without it"."""
    release, _ = keyed
    output = release.run_tests().stdout
    assert "ports" in output
    assert "conformance" not in output


def test_helm_test_takes_a_key_from_a_secret(release: Release, keys: Path) -> None:
    """deploy.md: "the first job takes one from the Secret that `tests.apiKey.existingSecret` names"."""
    key = make_key("helm-test", keys)
    apply_secret(release, keys)
    release.kubectl("create", "secret", "generic", "test-key", f"--from-literal=key={key}")
    release.upgrade(
        merge_values(SHORT_DRAIN, KEYED, {"tests": {"apiKey": {"existingSecret": "test-key"}}})
    )
    assert 2 == release.run_tests().stdout.count("Succeeded")

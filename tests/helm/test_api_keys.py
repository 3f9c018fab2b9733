"""API keys of a release: the Secret is mounted so that its changes arrive, and probes and jobs go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from finetune_advisor.access.key_file import make_key, render_line
from tests.helm import chart
from tests.helm.chart import Manifest, Values
from tests.helm.test_pod import Pod, local, mount, serving, status

KEY = make_key()
CASE = chart.case("api-keys")
JOBS = ("-test-conformance", "-test-ports")


@dataclass
class KeyedPod(Pod):
    """A release's containers with their Secrets in folders of this machine."""

    def command(self, container: Manifest) -> list[str]:
        return [
            word.replace("/api-key/", f"{self.trees}/api-key/") for word in super().command(container)
        ]

    def environment(self, container: Manifest) -> dict[str, str]:
        given = super().environment(container)
        name = "FINETUNE_ADVISOR_API_KEYS_FILE"
        return given | ({name: f"{self.trees}{given[name]}"} if name in given else {})


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyedPod]:
    """A running server of a release with keys."""
    folder = tmp_path_factory.mktemp("pod")
    mount(folder / "api-keys", {"keys.txt": render_line("test", KEY)})
    mount(folder / "api-key", {"key": KEY})
    one = KeyedPod(chart.merged(CASE, local()), folder)
    with serving(one, folder / "log"):
        yield one


def job_names(values: Values) -> list[str]:
    """The jobs of `helm test`."""
    return [one["metadata"]["name"] for one in chart.render(values) if one["kind"] == "Job"]


def test_the_secret_is_a_folder_of_the_server_alone() -> None:
    """A subPath would never change; only the file is mounted, read only, and in no other container."""
    spec = chart.server(chart.merged(CASE, chart.case("trees")))
    [container], [check] = spec["containers"], spec["initContainers"]
    [volume] = [one for one in spec["volumes"] if one["name"] == "api-keys"]
    [mounted] = [one for one in container["volumeMounts"] if one["name"] == "api-keys"]

    items = [{"key": "keys.txt", "path": "keys.txt"}]
    assert {"secretName": "our-keys", "items": items} == volume["secret"]
    assert {"name": "api-keys", "mountPath": "/api-keys", "readOnly": True} == mounted
    assert "/api-keys/keys.txt" == chart.environment(container)["FINETUNE_ADVISOR_API_KEYS_FILE"]
    assert "api-keys" not in [one["name"] for one in check["volumeMounts"]]


def test_without_a_secret_nothing_is_mounted() -> None:
    """And no request needs a key."""
    spec = chart.server()
    assert "api-keys" not in [one["name"] for one in spec["volumes"]]
    assert "FINETUNE_ADVISOR_API_KEYS_FILE" not in chart.environment(spec["containers"][0])


def test_probes_need_no_key(pod: KeyedPod) -> None:
    """The API does, and takes the key of the Secret."""
    ports = pod.values["ports"]
    api = f"http://127.0.0.1:{ports['http']}"

    assert 200 == status(f"http://127.0.0.1:{ports['metrics']}/readyz")
    assert [401, 200] == [status(f"{api}/tree"), status(f"{api}/")]
    assert 200 == requests.get(f"{api}/tree", headers={"X-API-Key": KEY}, timeout=10).status_code


@pytest.mark.parametrize("job", JOBS)
def test_the_jobs_of_helm_test_pass(pod: KeyedPod, job: str) -> None:
    """The one that assesses sends the key of its own Secret; the other one sees that keys are asked for."""
    done = pod.run(pod.container("Job", job))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1.0.0: conforms" in done.stdout or "/tree: 401" in done.stdout


def test_an_api_without_keys_is_found(pod: KeyedPod) -> None:
    """Where none is asked for, but should be, the job of ports fails; and so it does the other way round."""
    without = KeyedPod({**pod.values, "apiKeys": {}, "tests": {}, "settings": {}}, pod.trees)
    assert 0 != pod.run(without.container("Job", "-test-ports")).returncode


def test_without_a_key_of_its_own_no_job_assesses() -> None:
    """It would only fail. The notes say what is missing."""
    without = {**CASE, "tests": {}}

    assert ["demo-finetune-advisor-test-ports"] == job_names(without)
    assert "until tests.apiKey.existingSecret names a Secret" in chart.notes(without)
    assert "leaves out" not in chart.notes(CASE)


def test_the_notes_send_a_key() -> None:
    """The request that they show would be refused otherwise."""
    assert "Authorization: Bearer $KEY" in chart.notes(CASE)
    assert "Authorization" not in chart.notes()

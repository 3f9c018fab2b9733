"""Every pod, those of `helm test` included, runs with as few rights as there are."""

from __future__ import annotations

from collections.abc import Iterator

from tests.helm import chart, tools
from tests.helm.chart import Manifest, Values


def containers(pod: Manifest) -> Iterator[Manifest]:
    """All containers of a pod."""
    yield from pod["spec"].get("initContainers", [])
    yield from pod["spec"]["containers"]


def test_every_container_is_locked_up(example: Values) -> None:
    """No escalation, no capability, nothing to write to but what is mounted."""
    expected = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for pod in chart.pods(chart.render(example)):
        for container in containers(pod):
            assert expected == container["securityContext"]
            assert {"memory", "ephemeral-storage"} <= {
                *container["resources"]["limits"],
                "ephemeral-storage",
            }


def test_every_pod_is_nobody(example: Values) -> None:
    """A numeric user and group from 10000, or the platform's choice; no token, no service links."""
    for pod in chart.pods(chart.render(example)):
        context = pod["spec"]["securityContext"]
        assert context["runAsNonRoot"] is True
        assert {"type": "RuntimeDefault"} == context["seccompProfile"]
        assert min(context.get("runAsUser", 10000), context.get("runAsGroup", 10000)) >= 10000
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["enableServiceLinks"] is False


def test_the_platform_may_choose_the_user() -> None:
    """Null takes the numbers away, and nothing else."""
    spec = chart.server(chart.case("openshift"))
    assert {"runAsNonRoot", "seccompProfile"} == spec["securityContext"].keys()


def test_service_accounts_have_no_token() -> None:
    """Neither the account nor the pod asks for one."""
    account = chart.one("ServiceAccount", chart.render())
    assert account["automountServiceAccountToken"] is False
    assert account["metadata"]["name"] == chart.server()["serviceAccountName"]
    assert "default" == chart.server({"serviceAccount": {"create": False}})["serviceAccountName"]


def test_memory_is_all_that_can_be_written_to(example: Values) -> None:
    """Volumes are the trees and API keys, read only, and a /tmp in memory with a bound."""
    for pod in chart.pods(chart.render(example)):
        for volume in pod["spec"].get("volumes", []):
            if volume["name"] == "tmp":
                assert "Memory" == volume["emptyDir"]["medium"]
                assert volume["emptyDir"]["sizeLimit"]
            else:
                assert volume.keys() in ({"name", "configMap"}, {"name", "secret"})


def test_an_image_can_be_named_in_every_way() -> None:
    """By tag, by digest, by both, from a registry of its own or one for all charts."""
    digest = "sha256:" + "0" * 64
    ours = {"registry": "registry.example.com", "repository": "a/b"}
    everybody = {"imageRegistry": "mirror.example.com"}
    tag = chart.ABOUT["appVersion"]
    images = {
        f"finetune-advisor:{tag}": {},
        "finetune-advisor:2": {"image": {"tag": "2"}},
        f"finetune-advisor@{digest}": {"image": {"digest": digest}},
        f"finetune-advisor:2@{digest}": {"image": {"tag": "2", "digest": digest}},
        f"registry.example.com/a/b:{tag}": {"image": ours},
        f"mirror.example.com/a/b:{tag}": {"image": ours, "global": everybody},
    }
    for image, values in images.items():
        for pod in chart.pods(chart.render(values)):
            assert {image} == {container["image"] for container in containers(pod)}


def test_pull_secrets_are_those_of_all_charts_and_of_this_one() -> None:
    """Each once."""
    values = {"global": {"imagePullSecrets": ["a", "b"]}, "imagePullSecrets": ["b", "c"]}
    for pod in chart.pods(chart.render(values)):
        assert [{"name": "a"}, {"name": "b"}, {"name": "c"}] == pod["spec"]["imagePullSecrets"]


def test_kubernetes_own_admission_takes_every_pod(example: Values) -> None:
    """Pod Security "restricted" has nothing against any pod, with the code that API servers run."""
    pods = list(chart.pods(chart.render(example)))
    assert [[]] * len(pods) == tools.violations(pods)


def test_admission_has_teeth() -> None:
    """Root and a privilege more are found, and named."""
    values = {
        "podSecurityContext": {"runAsNonRoot": None},
        "securityContext": {"capabilities": {"add": ["SYS_TIME"]}},
    }
    found = tools.violations(chart.pods(chart.render(values)))
    assert len(found) == 3
    for reasons in found:
        assert any("runAsNonRoot" in one for one in reasons)
        assert any("SYS_TIME" in one for one in reasons)

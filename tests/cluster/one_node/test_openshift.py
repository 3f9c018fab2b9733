"""A namespace whose pods run as users that the platform chooses: docs/deploy.md, "Harden"."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cluster.client_pod import client_manifest
from tests.cluster.guide import values_after
from tests.cluster.kubectl import Manifest, apply_objects, kubectl, wait_until
from tests.cluster.release import SHORT_DRAIN, Release, merge_values, temporary_release

USER = 1_000_680_000
REFUSAL = f"runAsUser: must be in the ranges: [{USER}, {USER + 9999}]"
ADMISSION = "admissionregistration.k8s.io/v1"
HAS_USER = "has(object.spec.securityContext) && has(object.spec.securityContext.runAsUser)"
CHOOSE = f"""
Object{{spec: Object.spec{{
  securityContext: Object.spec.securityContext{{runAsUser: {USER}, fsGroup: {USER}}}
}}}}
"""
PODS = {
    "resourceRules": [
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    ]
}


def admission_of(namespace: str) -> list[Manifest]:
    """Policies that do as OpenShift's "restricted-v2": choose a user for pods that have none, and refuse
    others.
    """
    chooses = {
        "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": CHOOSE}}],
        "matchConditions": [{"name": "no-user", "expression": f"!({HAS_USER})"}],
        "reinvocationPolicy": "Never",
    }
    refuses = {
        "validations": [
            {"expression": f"object.spec.securityContext.runAsUser == {USER}", "message": REFUSAL}
        ]
    }
    return [
        *_bound("MutatingAdmissionPolicy", namespace, chooses),
        *_bound("ValidatingAdmissionPolicy", namespace, refuses, validationActions=["Deny"]),
    ]


def _bound(kind: str, namespace: str, policy: dict[str, Any], **binding: Any) -> list[Manifest]:
    """A policy for the pods of a namespace, by its name."""
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    specs = {
        kind: {"failurePolicy": "Fail", "matchConstraints": PODS, **policy},
        f"{kind}Binding": {
            "policyName": namespace,
            "matchResources": {"namespaceSelector": selector},
            **binding,
        },
    }
    return [
        {"apiVersion": ADMISSION, "kind": name, "metadata": {"name": namespace}, "spec": spec}
        for name, spec in specs.items()
    ]


@contextmanager
def chosen_users(namespace: str) -> Iterator[None]:
    """A namespace in which the platform chooses the users, from the moment on that it does."""
    policies = admission_of(namespace)
    apply_objects(*policies)
    try:
        wait_until("the policies hold", lambda: user_of_new_pod(namespace) == str(USER), 30)
        yield
    finally:
        kinds = ",".join(policy["kind"] for policy in policies)
        kubectl("delete", "--ignore-not-found", kinds, namespace)


def user_of_new_pod(namespace: str) -> str:
    """The user that a pod which names none would get."""
    command = ("create", "--dry-run=server", "--filename", "-", "--output")
    user = "jsonpath={.spec.securityContext.runAsUser}"
    return kubectl(*command, user, namespace=namespace, stdin=json.dumps(client_manifest())).stdout


@pytest.fixture
def openshift() -> Iterator[Release]:
    """A release in such a namespace, not yet installed."""
    with temporary_release("openshift") as release, chosen_users(release.namespace):
        yield release


def test_the_platform_refuses_users_of_its_guests(openshift: Release) -> None:
    """deploy.md: "OpenShift chooses the users itself", as two admission policies do here: no pod of the
    default release gets in.
    """
    openshift.upgrade(SHORT_DRAIN, wait=False)
    wait_until("a refusal", lambda: REFUSAL in openshift.kubectl("describe", "replicasets").stdout, 30)
    assert [] == openshift.list_pods()


def test_without_numbers_pods_run_as_users_of_the_platform(openshift: Release) -> None:
    """deploy.md: "OpenShift chooses the users itself. Remove the numbers there": with the guide's values,
    pods and the jobs of `helm test` run as a user that isn't in the image, and as group 0.
    """
    openshift.upgrade(merge_values(SHORT_DRAIN, values_after("Remove the numbers there:")))
    [pod, _] = openshift.ready_pods()
    lines = openshift.execute(pod, "cat", "/proc/1/status").stdout.splitlines()
    status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    assert ({str(USER)}, {"0"}) == ({*status["Uid"].split()}, {*status["Gid"].split()})
    assert 2 == openshift.run_tests().stdout.count("Succeeded")

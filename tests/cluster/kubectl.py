"""kubectl and Helm against the cluster that the tests run in, and what it says of its objects."""

from __future__ import annotations

import json
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

Manifest = dict[str, Any]
Completed = subprocess.CompletedProcess[str]
T = TypeVar("T")
POD_SECURITY = {
    f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")
}
POLL_SECONDS = 0.3


class CommandError(AssertionError):
    """A command failed; the message has what it printed."""


def run_command(
    *words: str | Path, stdin: str = "", must_succeed: bool = True, timeout_seconds: float = 600
) -> Completed:
    """Run a command to its end. Raises CommandError if it fails, unless it may."""
    command = [str(word) for word in words]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout_seconds)
    if must_succeed and done.returncode:
        printed = f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        raise CommandError(f"{' '.join(command)}: exit code {done.returncode}\n{printed}")
    return done


def kubectl(*words: str | Path, namespace: str = "", **options: Any) -> Completed:
    """Run kubectl, in a namespace if one is named; `options` are those of `run_command`."""
    within = ["--namespace", namespace] if namespace else []
    return run_command("kubectl", *within, *words, **options)


def helm(*words: str | Path, program: str = "helm", **options: Any) -> Completed:
    """Run Helm, or another version of it by the name of its program."""
    return run_command(program, *words, **options)


def list_objects(kinds: str, namespace: str = "", selector: str = "") -> list[Manifest]:
    """The objects of some kinds (`pods` or `pods,jobs`) that a selector of labels takes."""
    selected = ["--selector", selector] if selector else []
    found = kubectl("get", kinds, *selected, "--output", "json", namespace=namespace)
    return list(json.loads(found.stdout)["items"])


def get_object(kind: str, name: str, namespace: str = "") -> Manifest:
    """One object. Raises CommandError if there is none."""
    found: Manifest = json.loads(
        kubectl("get", kind, name, "--output", "json", namespace=namespace).stdout
    )
    return found


def apply_objects(*manifests: Manifest, namespace: str = "") -> None:
    """Make objects, or change them to what their manifests say."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
    kubectl(
        *("apply", "--server-side", "--force-conflicts", "--filename", "-"),
        namespace=namespace,
        stdin=text,
    )


def list_nodes() -> list[str]:
    """The names of the cluster's nodes."""
    return [node["metadata"]["name"] for node in list_objects("nodes")]


def wait_until(promise: str, condition: Callable[[], T], seconds: float = 60) -> T:
    """The first true value of a condition. Raises AssertionError with the last one if none comes in time.

    A condition that raises counts as false, as objects may be missing for a moment.
    """
    deadline = time.monotonic() + seconds
    while True:
        last: Any
        try:
            last = found = condition()
            if found:
                return found
        except (AssertionError, LookupError, OSError, ValueError) as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {promise}; the last look found {last!r}")
        time.sleep(POLL_SECONDS)


def create_namespace(name: str, *, restricted: bool = True) -> str:
    """Make a namespace in which Pod Security's "restricted" standard is enforced, unless told otherwise."""
    labels = POD_SECURITY if restricted else {}
    apply_objects(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}
    )
    return name


def delete_namespace(name: str) -> None:
    """End all pods of a namespace at once, and have it removed meanwhile."""
    kubectl(
        *("delete", "deployments,statefulsets,jobs", "--all", "--cascade=orphan"),
        namespace=name,
        must_succeed=False,
    )
    kubectl(
        "delete",
        "replicasets,pods",
        "--all",
        "--grace-period=0",
        "--force",
        namespace=name,
        must_succeed=False,
    )
    kubectl("delete", "namespace", name, "--wait=false", must_succeed=False)


@contextmanager
def temporary_namespace(name: str, *, restricted: bool = True) -> Iterator[str]:
    """A namespace with a name of its own that begins so, for as long as the block takes."""
    unique = f"{name}-{secrets.token_hex(2)}"
    create_namespace(unique, restricted=restricted)
    try:
        yield unique
    finally:
        delete_namespace(unique)


@contextmanager
def sampled(look: Callable[[], T]) -> Iterator[list[T]]:
    """What a function gives, again and again, for as long as the block takes."""
    seen: list[T] = []
    stopped = threading.Event()

    def watch() -> None:
        while not stopped.wait(POLL_SECONDS):
            with suppress(AssertionError):  # the API server may be too busy for a moment
                seen.append(look())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stopped.set()
        thread.join()

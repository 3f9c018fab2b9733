"""What the pods run, run here: the rendered commands and environments, with a real server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Timer
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from tests.helm import chart
from tests.helm.chart import Manifest, Values

COMMANDS = {
    "finetune-advisor": [sys.executable, "-m", "finetune_advisor.cli"],
    "python": [sys.executable],
}
TREE = chart.case("trees")["trees"]["documents"]["acme.yaml"]


def mount(folder: Path, documents: dict[str, str]) -> Path:
    """Lay files out as the kubelet does: links to links, and a folder whose name starts with dots."""
    content = folder / "..2026_11_22_10_00_00.1"
    content.mkdir(parents=True)
    (folder / "..data").symlink_to(content.name)
    for name, text in documents.items():
        (content / name).write_text(text, encoding="utf-8")
        (folder / name).symlink_to(f"..data/{name}")
    return folder


@dataclass
class Pod:
    """A release's containers, run on this machine on free ports."""

    values: Values
    trees: Path

    def command(self, container: Manifest) -> list[str]:
        """What a container runs, with the addresses of Services as they are here."""
        line = [*container["command"], *container.get("args", [])]
        line = [
            word.replace("http://demo-finetune-advisor-metrics:", "http://127.0.0.1:") for word in line
        ]
        api = f"http://127.0.0.1:{self.values['ports']['http']}"
        return [
            *COMMANDS[line[0]],
            *(word.replace("http://demo-finetune-advisor:80", api) for word in line[1:]),
        ]

    def environment(self, container: Manifest) -> dict[str, str]:
        """A container's environment, with the trees where they are mounted here."""
        given = chart.environment(container) if "env" in container else {}
        here = {name: value.replace("/trees", str(self.trees)) for name, value in given.items()}
        return {"PATH": os.environ["PATH"], **here}

    def run(self, container: Manifest) -> subprocess.CompletedProcess[str]:
        """Run a container that ends by itself."""
        command, environment = self.command(container), self.environment(container)
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    def container(self, kind: str, name: str = "") -> Manifest:
        """The container of the server or of a job of `helm test`."""
        spec = chart.one(kind, chart.render(self.values), name)["spec"]["template"]["spec"]
        return spec["containers"][0]


def free_ports() -> dict[str, int]:
    """Two ports that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return {"http": one.getsockname()[1], "metrics": other.getsockname()[1]}


def status(url: str) -> int:
    """How a URL answers; 0 if nobody is there."""
    try:
        return urlopen(url, timeout=10).status
    except (URLError, OSError) as error:
        return getattr(error, "code", 0)


def local() -> Values:
    """Values for a server on this machine."""
    return {"ports": free_ports(), "settings": {"host": "127.0.0.1", "gracefulTimeout": 10}}


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    """A running server of a release with an own tree."""
    folder = tmp_path_factory.mktemp("pod")
    trees = mount(folder / "trees", {"acme.yaml": TREE})
    with serving(Pod(chart.merged(chart.case("trees"), local()), trees), folder / "log") as one:
        yield one


@contextmanager
def serving(one: Pod, log_file: Path) -> Iterator[Pod]:
    """Run the server of a release while the block takes."""
    serve = one.container("Deployment")
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            one.command(serve), env=one.environment(serve), stdout=log, stderr=log
        )
    deadline = time.monotonic() + 60
    ready = f"http://127.0.0.1:{one.values['ports']['metrics']}/readyz"
    while status(ready) != 200 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
    yield one
    process.send_signal(signal.SIGTERM)
    assert 0 == process.wait(30), log_file.read_text()


def test_every_probe_is_answered(pod: Pod) -> None:
    """On the port and the path that the kubelet asks."""
    container = pod.container("Deployment")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container[probe]["httpGet"]
        assert 200 == status(f"http://127.0.0.1:{ports[asked['port']]}{asked['path']}")


def test_the_own_tree_is_served(pod: Pod) -> None:
    """As the default, for the values say so."""
    request = Request(
        f"http://127.0.0.1:{pod.values['ports']['http']}/assess",
        json.dumps({"profile": {"labelled_examples": 12}}).encode(),
        {"Content-Type": "application/json"},
    )
    answer = json.load(urlopen(request, timeout=10))
    assert ("1.0.0-acme.1", "collect") == (answer["tree"]["version"], answer["recommendation"]["id"])


@pytest.mark.parametrize("job", ["-test-conformance", "-test-ports"])
def test_the_jobs_of_helm_test_pass(pod: Pod, job: str) -> None:
    """They end with 0 and say what they looked at."""
    done = pod.run(pod.container("Job", job))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1.0.0-acme.1: conforms" in done.stdout or "/metrics: 404" in done.stdout


class LateForwarder(ThreadingTCPServer):
    """Passes what comes to a port on to another one, from one second on."""

    daemon_threads = allow_reuse_address = True

    def __init__(self, port: int, target: int) -> None:
        super().__init__(("127.0.0.1", port), Exchange, bind_and_activate=False)
        self.target = target
        Timer(1, self._begin).start()

    def _begin(self) -> None:
        self.server_bind()
        self.server_activate()
        self.serve_forever(0.1)


class Exchange(StreamRequestHandler):
    """One request without a body, and its answer."""

    def handle(self) -> None:
        request = b"".join(iter(self.rfile.readline, b"\r\n")) + b"\r\n"
        with socket.create_connection(("127.0.0.1", self.server.target)) as server:
            server.sendall(request)
            while data := server.recv(4096):
                self.wfile.write(data)


def test_the_ports_job_waits_for_its_network_policy(pod: Pod) -> None:
    """A policy refuses the first connections of a permitted pod: the job asks again."""
    late, ports = free_ports(), pod.values["ports"]
    forwarders = [LateForwarder(late[name], ports[name]) for name in ports]
    refused_at_first = Pod({**pod.values, "ports": late}, pod.trees)
    done = refused_at_first.run(refused_at_first.container("Job", "-test-ports"))
    for forwarder in forwarders:
        forwarder.shutdown()
        forwarder.server_close()
    assert 0 == done.returncode, done.stdout + done.stderr


def test_the_jobs_of_helm_test_have_teeth(pod: Pod) -> None:
    """Operations on the API's port, and a tree that isn't served as it was given, are found."""
    exposed = Pod(
        {**pod.values, "ports": {"http": pod.values["ports"]["metrics"], "metrics": 1}}, pod.trees
    )
    assert 0 != exposed.run(exposed.container("Job", "-test-ports")).returncode
    reworded = pod.trees.parent / "reworded"
    mount(reworded, {"acme.yaml": TREE.replace("There is enough to try.", "Enough.")})
    done = Pod(pod.values, reworded).run(pod.container("Job", "-test-conformance"))
    assert (1, True) == (done.returncode, "1.0.0-acme.1" in done.stdout + done.stderr)


def test_the_init_container_lets_sound_trees_through(pod: Pod) -> None:
    """It says which trees would be served."""
    [check] = chart.server(pod.values)["initContainers"]
    done = pod.run(check)
    assert (0, True) == (done.returncode, "1.0.0-acme.1 (candidate): sound" in done.stdout)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TREE.replace("gte: 50", "gte: 60"), "acme.yaml"),
        (TREE.replace("1.0.0-acme.1", "1.0.0"), "1.0.0 is taken"),
        ("", "acme.yaml"),
    ],
    ids=["gap", "taken", "empty"],
)
def test_the_init_container_stops_a_broken_tree(pod: Pod, tmp_path: Path, text: str, said: str) -> None:
    """It ends with 1 and names the document, so that the pods of before go on serving."""
    broken = Pod(pod.values, mount(tmp_path / "trees", {"acme.yaml": text}))
    [check] = chart.server(broken.values)["initContainers"]
    done = broken.run(check)
    assert 1 == done.returncode
    assert said in done.stderr

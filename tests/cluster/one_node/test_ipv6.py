"""Pods at their IPv6 addresses: docs/deploy.md, "Install"."""

from __future__ import annotations

import socket
from http.client import HTTPConnection
from ipaddress import IPv6Address

from tests.cluster.guide import values_after
from tests.cluster.kubectl import Manifest
from tests.cluster.release import HTTP_PORT, METRICS_PORT, SHORT_DRAIN, Release, merge_values


def link_local_address(release: Release, pod: Manifest) -> str:
    """The address that the kernel gives each pod, with the node's interface that leads there."""
    lines = release.execute(pod, "cat", "/proc/net/if_inet6").stdout.splitlines()
    [digits] = [line.split()[0] for line in lines if line.split()[-1] == "eth0"]
    interface = int(release.execute(pod, "cat", "/sys/class/net/eth0/iflink").stdout)
    return f"{IPv6Address(bytes.fromhex(digits))}%{socket.if_indextoname(interface)}"


def status(address: str, port: int, path: str) -> int:
    """The status of an answer, or 0 if nobody listens."""
    connection = HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": "advisor"})
        return connection.getresponse().status
    except ConnectionRefusedError:
        return 0
    finally:
        connection.close()


def statuses(release: Release) -> list[int]:
    """Those of a pod's API and of its operations, at its IPv6 address."""
    address = link_local_address(release, release.ready_pods()[0])
    return [status(address, HTTP_PORT, "/tree/versions"), status(address, METRICS_PORT, "/readyz")]


def test_pods_listen_on_ipv6_if_told_to(release: Release) -> None:
    """deploy.md: "If pods have IPv6 addresses, listen on those": with the guide's value they answer there, as
    well as at their IPv4 addresses. By default they don't.
    """
    release.upgrade(SHORT_DRAIN)
    assert [0, 0] == statuses(release)
    release.upgrade(
        merge_values(SHORT_DRAIN, values_after("If pods have IPv6 addresses, listen on those:"))
    )
    release.wait_for_pods()
    assert [200, 200] == statuses(release)
    assert 200 == release.ask("/tree/versions").status_code

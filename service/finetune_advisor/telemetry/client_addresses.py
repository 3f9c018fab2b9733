"""Client addresses: whom a request comes from, as far as the operator trusts the proxies in between."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

MAX_HOPS = 32
"""Proxies that are followed back at most, as each costs a little and a client can claim any number."""
ADDRESS_PATTERN = re.compile(r"([0-9.]+)(?::[0-9]+)?|\[([0-9a-fA-F:.]+)\](?::[0-9]+)?|([0-9a-fA-F:.]+)")
"""An address, with a port or not, as proxies write it; what is in brackets is IPv6."""


def make_client_lookup(
    source: str, trusted_proxies: Iterable[str]
) -> Callable[[WSGIEnvironment], str] | None:
    """A function that gives the client's address of a request; None if `source` is `none`.

    `peer` is the other end of the connection. `forwarded` is the nearest address that isn't one of a trusted
    proxy: each trusted proxy adds to X-Forwarded-For whom it got the request from, so what lies before the
    first address that isn't trusted is a claim of that client's, and isn't looked at.
    """
    if source == "none":
        return None
    networks = [ip_network(proxy) for proxy in trusted_proxies] if source == "forwarded" else []
    return partial(_nearest_untrusted, networks)


def split_proxies(text: str) -> list[str]:
    """The addresses and networks of a comma-separated list. Raises ValueError if one isn't any."""
    proxies = [part.strip() for part in text.split(",") if part.strip()]
    for proxy in proxies:
        ip_network(proxy)
    return proxies


def _nearest_untrusted(networks: Sequence[IpNetwork], environ: WSGIEnvironment) -> str:
    client: IpAddress | None = _parse_address(environ.get("REMOTE_ADDR", ""))
    if client is None:
        return "unknown"  # the connection has no address, as a Unix socket's
    hops = environ.get("HTTP_X_FORWARDED_FOR", "").rsplit(",", MAX_HOPS) if networks else []
    while hops and any(client in network for network in networks):
        before = _parse_address(hops.pop().strip())
        if before is None:
            break
        client = before
    return str(client)


def _parse_address(text: str) -> IpAddress | None:
    """The address in a text, without its port; an IPv4 address that is written as IPv6 is IPv4."""
    match = ADDRESS_PATTERN.fullmatch(text)
    try:
        address = ip_address(match[1] or match[2] or match[3]) if match else None
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address

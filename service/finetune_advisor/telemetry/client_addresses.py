"""Client addresses: find the client of a request behind the proxies that the operator trusts."""

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
"""Addresses of X-Forwarded-For that are looked at, from its end. A client can send any number of them."""
ADDRESS_PATTERN = re.compile(r"([0-9.]+)(?::[0-9]+)?|\[([0-9a-fA-F:.]+)\](?::[0-9]+)?|([0-9a-fA-F:.]+)")
"""An address as proxies write it, with or without a port. Brackets mean IPv6."""


def make_client_lookup(
    source: str, trusted_proxies: Iterable[str]
) -> Callable[[WSGIEnvironment], str] | None:
    """Return a function that finds the client's address of a request, or None if `source` is `none`.

    With `peer`, the address is the other end of the connection. With `forwarded`, it is the nearest address
    that doesn't belong to a trusted proxy. Each trusted proxy appends to X-Forwarded-For the address from
    which it got the request. Anything before the first untrusted address was sent by that client, who could
    have made it up, and is ignored.
    """
    if source == "none":
        return None
    networks = [ip_network(proxy) for proxy in trusted_proxies] if source == "forwarded" else []
    return partial(_nearest_untrusted, networks)


def split_proxies(text: str) -> list[str]:
    """Split a comma-separated list of addresses and networks. Raises ValueError if one is invalid."""
    proxies = [part.strip() for part in text.split(",") if part.strip()]
    for proxy in proxies:
        ip_network(proxy)  # an address is a network of one
    return proxies


def _nearest_untrusted(networks: Sequence[IpNetwork], environ: WSGIEnvironment) -> str:
    client: IpAddress | None = _parse_address(environ.get("REMOTE_ADDR", ""))
    if client is None:
        return "unknown"  # a connection by a Unix socket has no address
    hops = environ.get("HTTP_X_FORWARDED_FOR", "").rsplit(",", MAX_HOPS) if networks else []
    while hops and any(client in network for network in networks):
        previous_hop = _parse_address(hops.pop().strip())
        if previous_hop is None:
            break  # an unreadable entry hides who is behind it: the last known address stands
        client = previous_hop
    return str(client)


def _parse_address(text: str) -> IpAddress | None:
    """Read an address without its port. An IPv4 address in IPv6 notation becomes IPv4. None if invalid."""
    match = ADDRESS_PATTERN.fullmatch(text)
    try:
        address = ip_address(match[1] or match[2] or match[3]) if match else None
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address

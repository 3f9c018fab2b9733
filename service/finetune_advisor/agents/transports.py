"""Serves the MCP server: over standard input and output, or over streamable HTTP."""

from __future__ import annotations

import logging
import signal
import socket
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

import anyio
import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.routing import Route

MAX_REQUEST_BYTES = 262_144
"""The largest body of a request over HTTP. A call with an answer to each input takes a few kilobytes."""
MAX_CONCURRENT_REQUESTS = 100
"""The requests over HTTP that are answered at once; further ones get 503."""
SHUTDOWN_SECONDS = 10
MCP_PATH = "/mcp"
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "[::1]")


def serve_stdio(server: Server[Any]) -> None:
    """Serve until standard input ends."""
    _keep_profiles_out_of_logs()
    # Python would wait for the thread that reads standard input.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    anyio.run(_serve_stdio, server)


async def _serve_stdio(server: Server[Any]) -> None:
    async with stdio_server() as (read_stream, write_stream):
        await server.run(read_stream, write_stream, server.create_initialization_options())


def bind(host: str, port: int) -> socket.socket:
    """Bind a socket to an address; port 0 is any free one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def describe_url(listening: socket.socket) -> str:
    """Return the URL that clients on this machine use."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{MCP_PATH}"


def serve_http(server: Server[Any], listening: socket.socket, allowed_hosts: Sequence[str]) -> None:
    """Serve on a bound socket until SIGTERM or SIGINT.

    A request must name this machine or one of `allowed_hosts` in its Host header, and in its Origin header if
    it has one. Otherwise a web page could have its visitor's browser send requests (DNS rebinding).
    """
    _keep_profiles_out_of_logs()
    config = uvicorn.Config(
        build_application(server, allowed_hosts),
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONCURRENT_REQUESTS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listening])


def build_application(server: Server[Any], allowed_hosts: Sequence[str]) -> Starlette:
    """Build the ASGI application that answers POST requests to MCP_PATH."""
    hosts = [host for name in (*LOOPBACK_HOSTS, *allowed_hosts) for host in (name, f"{name}:*")]
    manager = StreamableHTTPSessionManager(
        server,
        json_response=True,
        stateless=True,  # any instance can answer any request, and no session takes memory
        max_request_body_size=MAX_REQUEST_BYTES,
        security_settings=TransportSecuritySettings(
            allowed_hosts=hosts,
            allowed_origins=[f"{scheme}://{host}" for scheme in ("http", "https") for host in hosts],
        ),
    )
    # GET would open a stream for messages that this server never sends, and keep a connection for it.
    route = Route(MCP_PATH, StreamableHTTPASGIApp(manager), methods=["POST"])
    return Starlette(routes=[route], lifespan=lambda _: manager.run())


def _keep_profiles_out_of_logs() -> None:
    """Silence the SDK's loggers, whose messages and tracebacks may have arguments of calls.

    Refused Host and Origin headers are still logged: an operator needs them, and they have no answers.
    """
    logging.getLogger("mcp").setLevel(logging.CRITICAL + 1)
    logging.getLogger("mcp.server.transport_security").setLevel(logging.WARNING)

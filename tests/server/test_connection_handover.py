"""Connections pass from one process to another, and stay open on their way."""

from __future__ import annotations

import os
import selectors
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from gunicorn.config import Config

from finetune_advisor.server.connection_handover import ConnectionHandover
from finetune_advisor.server.connection_worker import ConnectionWorker
from tests.server.test_worker import LOG, no_file_left


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Where clients connect to."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


@pytest.fixture
def handover(listener: socket.socket) -> Iterator[ConnectionHandover]:
    """The channel for its connections."""
    made = ConnectionHandover(listener)
    with made._receiver.dup():  # as in other processes
        yield made
    made.close()
    made._sender.close()


def test_a_connection_arrives_as_it_was_sent(
    listener: socket.socket, handover: ConnectionHandover
) -> None:
    """With what the client has sent meanwhile, its address, and one connection for each call."""
    with socket.create_connection(listener.getsockname()) as client:
        server, address = listener.accept()
        handover.send(server)
        server.close()
        client.sendall(b"GET")
        received, came_from = handover.accept()
        with received:
            assert address == came_from
            assert b"GET" == received.recv(10)
            received.sendall(b"200")
            assert b"200" == client.recv(10)
        with pytest.raises(BlockingIOError):
            handover.accept()


def test_a_client_that_has_gone_is_passed_over(
    listener: socket.socket, handover: ConnectionHandover
) -> None:
    """The worker goes on with the next one, as after a client that leaves the queue of a listener."""
    client = socket.create_connection(listener.getsockname())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    server, _ = listener.accept()
    handover.send(server)
    client.close()
    server.close()

    with pytest.raises(ConnectionAbortedError):
        handover.accept()


def test_without_a_file_left_the_connection_is_given_up(
    listener: socket.socket, handover: ConnectionHandover
) -> None:
    """The system drops it; nothing else fails."""
    with socket.create_connection(listener.getsockname()):
        server, _ = listener.accept()
        handover.send(server)
        server.close()
        with no_file_left(), pytest.raises(ConnectionAbortedError):
            handover.accept()


class StoppingWorker:
    """A worker with a connection that waits, which is told to stop."""

    def __init__(self, stack: ExitStack, listener: socket.socket, handover: ConnectionHandover) -> None:
        config = Config()
        self.worker = ConnectionWorker(1, os.getpid(), [listener], None, 30, config, LOG)
        stack.callback(self.worker.tmp.close)
        self.worker.poller = stack.enter_context(selectors.DefaultSelector())
        self.worker.take_over_connections([handover])
        self.worker.set_accept_enabled(True)
        self.client = stack.enter_context(socket.create_connection(listener.getsockname()))
        self.worker.accept(listener)
        self.worker.alive = False


@pytest.mark.parametrize("is_replaced", [True, False])
def test_only_a_replaced_worker_hands_over(
    listener: socket.socket, handover: ConnectionHandover, is_replaced: bool
) -> None:
    """Where nobody takes them, connections get their time as at any stop."""
    with ExitStack() as stack:
        stopping = StoppingWorker(stack, listener, handover)
        worker: Any = stopping.worker
        worker.is_replaced = is_replaced
        worker.set_accept_enabled(False)

        assert (0 if is_replaced else 1) == worker.nr_conns == len(worker.pending_conns)
        for conn in worker.pending_conns:
            conn.close()


@pytest.mark.parametrize("obstacle", ["nobody receives", "encrypted"])
def test_a_connection_that_can_not_be_handed_over_stays(
    listener: socket.socket, handover: ConnectionHandover, obstacle: str, tmp_path: object
) -> None:
    """It is served by the worker that has it, as at any stop."""
    with ExitStack() as stack:
        stopping = StoppingWorker(stack, listener, handover)
        worker: Any = stopping.worker
        worker.is_replaced = True
        if obstacle == "encrypted":
            worker.cfg.set("ssl_version", ssl.PROTOCOL_TLS_SERVER)
            worker.cfg.set("certfile", "certificate.pem")
            worker.pending_conns[0].initialized = True
        else:
            handover._sender.close()
        worker.set_accept_enabled(False)

        assert 1 == worker.nr_conns == len(worker.pending_conns)
        worker.pending_conns[0].close()

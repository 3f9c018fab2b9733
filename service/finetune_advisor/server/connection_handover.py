"""Passes open connections from a worker that ends to one that replaces it."""

from __future__ import annotations

import errno
import socket

SENDING_SECONDS = 1.0
"""Time that a worker waits for room if more connections are under way than the system takes at once."""


class ConnectionHandover:
    """A channel for the open connections of one listener, which all workers of the instance share.

    To the worker that takes connections it is another listener: `accept` returns the next one.
    """

    def __init__(self, listener: socket.socket) -> None:
        self._address = listener.getsockname()
        self._receiver, self._sender = socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.settimeout(SENDING_SECONDS)

    def send(self, client: socket.socket) -> None:
        """Send a connection of which no byte has been read since its last answer. Raises OSError.

        Whoever sends it closes it afterwards, which doesn't end it.
        """
        # A file travels with at least one byte.
        socket.send_fds(self._sender, [b"\0"], [client.fileno()])

    def accept(self) -> tuple[socket.socket, object]:
        """Receive a connection. Returns it with the client's address. Raises OSError if there is none."""
        # One byte at a time, so that each call takes exactly one file.
        _, descriptors, _, _ = socket.recv_fds(self._receiver, 1, 1)
        if not descriptors:  # no file could be opened for it
            raise ConnectionAbortedError(errno.ECONNABORTED, "the connection was lost on its way")
        client = socket.socket(fileno=descriptors[0])
        try:
            return client, client.getpeername()
        except OSError as error:
            client.close()
            raise ConnectionAbortedError(errno.ECONNABORTED, "the client has gone") from error

    def getsockname(self) -> object:
        """Return the address of the listener that the connections came from."""
        return self._address

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when a connection has been sent."""
        return self._receiver.fileno()

    def setblocking(self, flag: bool) -> None:
        """Do nothing: receiving never blocks."""

    def close(self) -> None:
        """Receive no more connections in this process. It can still send."""
        self._receiver.close()

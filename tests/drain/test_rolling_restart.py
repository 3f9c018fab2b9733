"""Two instances behind a real balancer are replaced one after the other, under load."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import Server, start
from tests.drain import balancer
from tests.drain.balancer import Balancer
from tests.load import Load, assert_nothing_lost, running_load

SPREAD = 0.5
PRE_STOP = 2.0

Stop = Callable[[Balancer, str, Server], None]
connections = pytest.mark.parametrize("keep_alive", [True, False], ids=["kept", "new"])


def on_sigterm(_: Balancer, __: str, server: Server) -> None:
    """Nobody tells the balancer; it has its health checks."""
    assert server.stop() == 0


def after_pre_stop(pool: Balancer, name: str, server: Server) -> None:
    """As a pod ends: its removal from the endpoints spreads while preStop sleeps; then comes SIGTERM."""
    time.sleep(SPREAD)
    pool.remove(name)
    time.sleep(PRE_STOP - SPREAD)
    assert server.stop() == 0


def without_pre_stop(pool: Balancer, name: str, server: Server) -> None:
    """As a pod ends that has no preStop: SIGTERM comes before its removal has spread."""
    server.process.terminate()
    time.sleep(SPREAD)
    pool.remove(name)
    assert server.process.wait(60) == 0


def rolling_restart(place: Path, stop: Stop, *, keep_alive: bool, drain: int, rounds: int = 2) -> Load:
    """What callers hear while each instance is stopped and started anew, round after round."""
    checks = stop is on_sigterm  # the others tell the balancer
    with ExitStack() as ended, balancer.running(checks=checks, keep_alive=keep_alive) as pool:

        def start_one(name: str) -> Server:
            log = place / f"{name}.log"
            address = {"HOST": balancer.HOST, "PORT": str(pool.ports[name])}
            server = start(log, **address, DRAIN_SECONDS=str(drain))
            ended.callback(server.stop)
            pool.add(name)
            pool.await_up(name)
            return server

        servers = {name: start_one(name) for name in pool.ports}
        with running_load(pool.url) as load:
            for name in list(servers) * rounds:
                stop(pool, name, servers[name])
                servers[name] = start_one(name)
    return load


@connections
def test_none_fails_with_drain_seconds_and_health_checks(tmp_path: Path, keep_alive: bool) -> None:
    """A balancer that asks /readyz sends nothing more by the time that nothing more is accepted."""
    load = rolling_restart(tmp_path, on_sigterm, keep_alive=keep_alive, drain=3)

    assert_nothing_lost(load)


@connections
def test_none_fails_with_pre_stop(tmp_path: Path, keep_alive: bool) -> None:
    """A pause before SIGTERM that is longer than the removal takes to spread is enough in a cluster."""
    load = rolling_restart(tmp_path, after_pre_stop, keep_alive=keep_alive, drain=0)

    assert_nothing_lost(load)


@pytest.mark.parametrize("stop", [on_sigterm, without_pre_stop])
def test_some_fail_without_a_pause(tmp_path: Path, stop: Stop) -> None:
    """What the tests above promise isn't given by the balancer: with no pause of any kind, requests fail."""
    load = rolling_restart(tmp_path, stop, keep_alive=False, drain=0, rounds=1)

    assert load.failures

"""The applications that the benchmark compares with the service are the service without a part."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bench.apps import silent, unmetered
from flask import Flask

from finetune_advisor.app import create_app
from finetune_advisor.telemetry.metrics import Metrics
from tests.api import guide

COMPLETE = {"profile": dict.fromkeys(guide.INPUTS, False), "tree_version": "1.0.0"}


@pytest.mark.parametrize("make_app", [silent.create_app, unmetered.create_app])
def test_an_application_without_a_part_answers_as_the_service_does(
    make_app: Callable[[], Flask],
) -> None:
    """A benchmark takes minutes, and would only then fail at what it leaves out."""
    answers = [app.test_client().post("/assess", json=COMPLETE) for app in (create_app(), make_app())]

    assert [200, 200] == [answer.status_code for answer in answers]
    assert answers[0].data == answers[1].data


def test_metrics_that_count_nothing_override_what_counts() -> None:
    """A method of another name would go on counting."""
    overridden = {name for name in vars(unmetered.Unmetered) if not name.startswith("_")}

    assert overridden <= vars(Metrics).keys()

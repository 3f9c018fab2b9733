"""The dashboard: every panel shows something about a real instance under load."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.helm.chart import CHART
from tests.monitoring.prometheus import Prometheus

DASHBOARD: dict[str, Any] = json.loads((CHART / "files" / "dashboard.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
VARIABLES: dict[str, dict[str, Any]] = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
BUILT_IN = {"__rate_interval": "5s", "__range": "1m"}
LABEL_VALUES = re.compile(r"label_values\((.*), (\w+)\)")


def substituted(text: str) -> str:
    """A text of the dashboard with All chosen for each variable."""
    chosen = BUILT_IN | {name: one.get("allValue", "") for name, one in VARIABLES.items()}
    return re.sub(r"\$(\w+)", lambda match: chosen[match[1]], text)


def test_the_data_source_is_a_variable() -> None:
    """Nothing in the dashboard knows the name of a data source."""
    sources = [part["datasource"] for panel in PANELS for part in (panel, *panel["targets"])]
    sources += [one["datasource"] for one in VARIABLES.values() if one["type"] == "query"]

    assert VARIABLES["datasource"]["type"] == "datasource"
    assert [
        source for source in sources if source != {"type": "prometheus", "uid": "${datasource}"}
    ] == []


def test_panels_have_names_and_places_of_their_own() -> None:
    """No two panels share an id, a title or a place, and each says what it shows."""
    taken = [
        (x, y)
        for at in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(taken) == len(set(taken))
    assert all(x < 24 for x, _ in taken)
    for field in ("id", "title"):
        assert len({panel[field] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert [panel["title"] for panel in PANELS if not panel["description"]] == []


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_each_panel_shows_data(observed: Prometheus, panel: dict[str, Any]) -> None:
    """Each of its queries, with the variables substituted, has a value."""
    for target in panel["targets"]:
        assert observed.query(substituted(target["expr"])), target["expr"]


@pytest.mark.parametrize("name", [name for name, one in VARIABLES.items() if one["type"] == "query"])
def test_each_variable_has_values(observed: Prometheus, name: str) -> None:
    """What a variable is chosen from is found in the instance's metrics, if its targets have the label."""
    found = LABEL_VALUES.fullmatch(VARIABLES[name]["definition"])
    assert found
    selector, label = substituted(found[1]), found[2]

    values = observed.get(f"label/{label}/values", **{"match[]": selector})
    labelled = "namespace" in observed.get("labels")
    assert (label != "namespace" or labelled) == bool(values)

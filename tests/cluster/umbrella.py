"""A chart of somebody else's that has this one as a dependency: docs/deploy.md, "As a dependency"."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.cluster.kubectl import helm
from tests.cluster.release import chart_under_test


def write_umbrella(folder: Path) -> Path:
    """Write the chart into a folder, and have Helm fetch its dependency; returns the chart's folder."""
    version = yaml.safe_load((chart_under_test() / "Chart.yaml").read_text(encoding="utf-8"))["version"]
    dependency = {
        "name": "finetune-advisor",
        "version": version,
        "repository": f"file://{chart_under_test()}",
        "condition": "finetune-advisor.enabled",
    }
    about = {"apiVersion": "v2", "name": "umbrella", "version": "0.1.0", "dependencies": [dependency]}
    (chart := folder / "umbrella").mkdir()
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")
    helm("dependency", "build", chart)
    return chart

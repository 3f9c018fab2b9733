"""What Helm writes, as it stands, is what Kubernetes and the operators take: by kubeconform, strictly."""

from __future__ import annotations

import json
from pathlib import Path

import kubernetes_validate
import pytest

from tests.helm import chart, tools
from tests.helm.chart import Values
from tests.helm.test_manifests import SUPPORTED, native
from tests.helm.test_operators import kind_of, validator

NATIVE = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
DEFINITIONS = "/api/_definitions.json#/"


def write(folder: Path, name: str, values: Values, version: str) -> None:
    """Write what Helm makes of some values."""
    found = chart.texts(values, kubernetes=f"{version}.0")
    objects = [text for template, text in found.items() if template.endswith(".yaml")]
    (folder / f"{name}.yaml").write_text("\n---\n".join(objects))


@pytest.fixture(params=[SUPPORTED[0], SUPPORTED[-1]], scope="module")
def version(request: pytest.FixtureRequest) -> str:
    """The oldest version of Kubernetes that the chart runs on, and the newest."""
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def schemas(version: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a schema that needs no other, for each kind of object in the examples."""
    folder, at = tmp_path_factory.mktemp("schemas"), NATIVE / f"v{version}.0-local-strict"
    shared = json.loads((at / "_definitions.json").read_text())["$defs"]
    rendered = [
        one
        for name in chart.cases()
        for one in chart.render(chart.case(name), kubernetes=f"{version}.0")
    ]
    for manifest in {kind_of(one): one for one in rendered}.values():
        group, _, number = f"/{manifest['apiVersion']}".rpartition("/")
        parts = (manifest["kind"].lower(), group.strip("/").partition(".")[0], number)
        name = "-".join(filter(None, parts)) + ".json"
        if native([manifest]):
            text = (at / name).read_text().replace(DEFINITIONS, "#/")
            schema = {**json.loads(text), "$defs": shared, "$id": f"file://{folder}/{name}"}
        else:
            schema = validator(kind_of(manifest)).schema
        (folder / name).write_text(json.dumps(schema))
    return folder


def test_kubeconform_takes_every_object(version: str, schemas: Path, tmp_path: Path) -> None:
    """No unknown field, no wrong type, no key twice, in any example."""
    for name in chart.cases():
        write(tmp_path, name, chart.case(name), version)
    assert [] == tools.conform(tmp_path, schemas)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("imagePullPolicy:", "imagePullPolice:"),
        ("replicas: 2", "replicas: two"),
        ("replicas: 2", "replicas: 2\n  replicas: 2"),
        ("interval: 30s", "tpyo: 30s"),
    ],
)
def test_kubeconform_has_teeth(
    version: str, schemas: Path, tmp_path: Path, right: str, wrong: str
) -> None:
    """A field that nobody knows, a word for a number, a key twice, an operator's field."""
    write(tmp_path, "broken", chart.case("service-monitor"), version)
    path = tmp_path / "broken.yaml"
    whole = path.read_text()
    assert right in whole
    path.write_text(whole.replace(right, wrong, 1))
    assert len(tools.conform(tmp_path, schemas)) == 1

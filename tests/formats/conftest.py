"""What the tests of notations share: a typed tree, a tree of awkward names and texts, and the oracles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import dmn, jdm, rego
from finetune_advisor.trees import loader
from tests.formats import oracles
from tests.formats.notation import Notation, short_decimals
from tests.formats.oracles import Oracle

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def typed() -> Tree:
    """A tree with every type of input and every test of a branch."""
    return loader.load_tree(HERE / "typed.yaml")


@pytest.fixture(scope="session")
def awkward() -> Tree:
    """A tree whose names are keywords elsewhere and whose texts are full of marks."""
    return loader.load_tree(HERE / "awkward.yaml")


@pytest.fixture(scope="session")
def rego_oracle() -> Iterator[Oracle]:
    """A running Open Policy Agent."""
    with oracles.rego() as oracle:
        yield oracle


@pytest.fixture(scope="session")
def dmn_oracle() -> Iterator[Oracle]:
    """A running Drools."""
    with oracles.dmn("drools") as oracle:
        yield oracle


@pytest.fixture(scope="session")
def mermaid_oracle() -> Iterator[Oracle]:
    """A running Mermaid parser."""
    with oracles.mermaid() as oracle:
        yield oracle


@pytest.fixture(scope="session", params=["jdm", "dmn", "rego"])
def notation(request: pytest.FixtureRequest) -> Notation:
    """Each notation that can be run, with an engine that others wrote."""
    if request.param == "jdm":
        return Notation(jdm.render_jdm, oracles.Zen(), _own_names, carries=short_decimals)
    if request.param == "dmn":
        return Notation(
            dmn.render_dmn, request.getfixturevalue("dmn_oracle"), dmn.choose_input_names, nulls=True
        )
    return Notation(rego.render_rego, request.getfixturevalue("rego_oracle"), _own_names)


@pytest.fixture(scope="session", params=["camunda7", "camunda8"])
def camunda(request: pytest.FixtureRequest) -> Iterator[Notation]:
    """DMN in each engine of Camunda, which take some 20 ms for a profile."""
    with oracles.dmn(request.param) as oracle:
        yield Notation(dmn.render_dmn, oracle, dmn.choose_input_names, nulls=True)


def _own_names(tree: Tree) -> Mapping[str, str]:
    return {name: name for name in tree.inputs}

"""A tiny country for OpenFisca: an input for each of the tree's, and a formula that is the tree."""

import json
import os
from pathlib import Path
from typing import Any

import numpy
from openfisca_core.entities import build_entity
from openfisca_core.indexed_enums import Enum
from openfisca_core.parameters import ParameterNode
from openfisca_core.periods import DateUnit
from openfisca_core.taxbenefitsystems import TaxBenefitSystem
from openfisca_core.variables import Variable
from openfisca_web_api.app import create_app

TREE = json.loads(Path(os.environ["BENCH_TREE"]).read_text())
Person = build_entity(key="person", plural="persons", label="A team with its profile", is_person=True)
Recommendation = Enum("Recommendation", {name: name for name in ["undecided", *TREE["recommendations"]]})


def decide(person: Any, period: Any, node: str) -> Any:
    """The recommendations of all persons from a node of the tree on."""
    if node in TREE["recommendations"]:
        return Recommendation[node].index
    question = TREE["questions"][node]
    ways = {branch["is"]: decide(person, period, branch["to"]) for branch in question["branches"]}
    return numpy.where(person(question["input"], period), ways[True], ways[False])


def formula(person: Any, period: Any) -> Any:
    return numpy.asarray(decide(person, period, TREE["root"]), dtype=numpy.int16)


def variable(name: str, **members: Any) -> type:
    common = {"entity": Person, "definition_period": DateUnit.MONTH, "label": name}
    return type(name, (Variable,), {**common, **members})


system = TaxBenefitSystem([Person])
# The web API wants one parameter to show as an example.
system.parameters = ParameterNode(data={"example": {"values": {"2026-01-01": {"value": 1}}}})
for one in TREE["inputs"]:
    system.add_variable(variable(one, value_type=bool))
outcome = {
    "value_type": Enum,
    "possible_values": Recommendation,
    "default_value": Recommendation["undecided"],
    "formula": formula,
}
system.add_variable(variable("recommendation", **outcome))
application = create_app(system)

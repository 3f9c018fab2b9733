"""A round trip with the generated client: every operation that answers JSON, and each kind of error."""

import json
from http import HTTPStatus
from typing import Any

import httpx
from advisor import Client
from advisor.api.assessments import assess, assess_batch
from advisor.api.changes import get_changes
from advisor.api.explanations import explain
from advisor.api.problems import explain_problem
from advisor.api.trees import get_tree, get_version, list_versions
from advisor.models import (
    Assessment,
    AssessRequest,
    Batch,
    BatchRequest,
    Changes,
    ExplainRequest,
    Explanation,
    InputName,
    Problem,
    ProblemSlug,
    ProblemType,
    Profile,
    RecommendationId,
    Tree,
    TreeVersion,
    VersionList,
)
from advisor.types import Response

URL = "http://127.0.0.1:8080"
client = Client(base_url=URL)
seen: dict[str, Any] = {}

known = Profile(prompt_engineering_sufficient=False, knowledge_retrieval_problem=True)
current = Profile(
    prompt_engineering_sufficient=False, knowledge_retrieval_problem=True, real_time_data_needed=True
)

decided = assess.sync(client=client, body=AssessRequest(profile=current))
assert isinstance(decided, Assessment)
assert decided.recommendation
seen["decided"] = decided.to_dict()

undecided = assess.sync(client=client, body=AssessRequest(profile=known))
assert isinstance(undecided, Assessment)
assert undecided.next_question
seen["undecided"] = undecided.to_dict()

large = AssessRequest(profile=Profile(kb_tokens=10**12), tree_version=TreeVersion.V2_0_0)
wide = assess.sync(client=client, body=large)
assert isinstance(wide, Assessment)
seen["wide"] = wide.to_dict()

profiles = [Profile(real_time_data_needed=True).to_dict(), {}, {"real_time_data_needed": "yes"}]
batch = assess_batch.sync(client=client, body=BatchRequest(profiles=profiles, defaults=known))
assert isinstance(batch, Batch)
assert batch.results[2].errors
seen["batch"] = batch.to_dict()

why = ExplainRequest(
    profile=current,
    target=RecommendationId.USE_PROMPT_ENGINEERING,
    frozen=[InputName.KNOWLEDGE_RETRIEVAL_PROBLEM],
    limit=3,
)
explanation = explain.sync(client=client, body=why)
assert isinstance(explanation, Explanation)
assert explanation.counterfactuals[0].changes[0].to is True
seen["explanation"] = explanation.to_dict()

first = get_tree.sync_detailed(client=client)
assert isinstance(first.parsed, Tree)
seen["tree"] = first.parsed.to_dict()
again = get_tree.sync_detailed(client=client, if_none_match=first.headers["ETag"])
assert again.parsed is None
seen["unchanged"] = again.status_code

listed = list_versions.sync(client=client)
assert isinstance(listed, VersionList)
seen["versions"] = listed.to_dict()
newest = TreeVersion(listed.versions[-1].version)
newer = get_version.sync(version=newest, client=client)
assert isinstance(newer, Tree)
seen["version"] = newer.to_dict()

changes = get_changes.sync(version=newest, client=client, since=TreeVersion(decided.tree.version))
assert isinstance(changes, Changes)
seen["changes"] = changes.to_dict()

meaning = explain_problem.sync(slug=ProblemSlug.INVALID_REQUEST, client=client)
assert isinstance(meaning, ProblemType)
seen["meaning"] = meaning.to_dict()


def cut(request: httpx.Request) -> None:
    """Leave the last byte of a body out."""
    request.stream = httpx.ByteStream(request.read()[:-1])
    request.headers["Content-Length"] = str(len(request.content) - 1)


def refused(name: str, answer: Response[Any]) -> None:
    assert isinstance(answer.parsed, Problem)
    assert answer.status_code == HTTPStatus(answer.parsed.status)
    seen[name] = answer.parsed.to_dict()


body = AssessRequest(profile=known)
cutting = Client(base_url=URL, httpx_args={"event_hooks": {"request": [cut]}})
refused("400", assess.sync_detailed(client=cutting, body=body))
elsewhere = Client(base_url=f"{URL}/elsewhere")
refused("404", get_version.sync_detailed(version=newest, client=elsewhere))
picky = Client(base_url=URL, headers={"Accept": "text/html"})
refused("406", assess.sync_detailed(client=picky, body=body))
outdated = Client(base_url=URL, headers={"If-Match": '"another"'})
refused("412", get_tree.sync_detailed(client=outdated))
huge = BatchRequest(profiles=["x" * 9_000_000])
refused("413", assess_batch.sync_detailed(client=client, body=huge))
packed = Client(base_url=URL, headers={"Content-Encoding": "gzip"})
refused("415", assess.sync_detailed(client=packed, body=body))
negative = AssessRequest(profile=Profile(eval_examples=-1))
invalid = assess.sync_detailed(client=client, body=negative)
assert isinstance(invalid.parsed, Problem)
assert invalid.parsed.errors
assert invalid.parsed.errors[0].pointer == "#/profile/eval_examples"
refused("422", invalid)

print(json.dumps(seen))

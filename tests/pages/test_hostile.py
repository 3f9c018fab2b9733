"""Whatever a query holds, the pages answer, and never with a failure or with markup of the query's own."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pages.test_interview import TYPED_TREE

NAMES = st.one_of(
    st.sampled_from(
        [
            *("tree", "skip", "question", "change", "team", "corpus_length", "best_score"),
            *("needed_score", "drift", "api_usable", "eval_examples", "skip.", "", "input"),
            *("quantity.documents", "quantity.length", "quantity.", "quantity.tree"),
        ]
    ),
    st.text(max_size=12),
)
VALUES = st.one_of(
    st.sampled_from(
        [
            *(TYPED_TREE, "1.0.0", "2.0.0", "true", "false", "solo", "small", "0.5", "1000", "-0"),
            *("1e308", "1e309", "NaN", "quality", "size", "drift", "team", "api_usable", "٣", "9" * 400),
            *("corpus_length", "corpus_length"),
            *("<img src=x onerror=alert(1)>", '"><script>alert(1)</script>', "{{ 7*7 }}", "%00"),
        ]
    ),
    st.text(max_size=12),
)
QUERIES = st.lists(st.tuples(NAMES, VALUES), max_size=8)
ENDINGS = st.sampled_from(["", "/plan.md", "/plan.json", "/worksheet", "/worksheet"])


@pytest.mark.exhaustive
@given(query=QUERIES, ending=ENDINGS)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_query_is_answered(own: FlaskClient, query: list[tuple[str, str]], ending: str) -> None:
    """By a question, a plan, a worksheet, a redirect, or a page that says what is wrong."""
    answer = own.get(f"/interview{ending}?{urlencode(query)}")

    assert answer.status_code in (200, 303, 422)
    if answer.mimetype == "text/html":
        assert "<script" not in answer.text
        assert "<img src=x" not in answer.text


@given(query=QUERIES)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_redirect_leads_to_a_page(own: FlaskClient, query: list[tuple[str, str]]) -> None:
    """The one form of a query that can be read can be read itself, and is shown at once."""
    for question in ("staffing", "quality", "prompt_engineering"):
        answer = own.get(f"/interview?{urlencode([*query, ('question', question)])}")
        if answer.status_code == 303:
            assert 200 == own.get(f"/{answer.headers['Location']}").status_code

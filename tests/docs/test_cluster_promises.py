"""Tests on a cluster quote the guides, and the guides still say that."""

from __future__ import annotations

import pytest

from tests.cluster import promises
from tests.cluster.promises import Promise

PROMISES = list(promises.read_promises())


def test_every_test_names_a_page() -> None:
    """A test on a cluster says what it holds."""
    assert [] == [promise.test for promise in PROMISES if not (promise.page and promise.words)]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.test)
def test_what_a_test_quotes_is_in_the_page(promise: Promise) -> None:
    """Whoever changes a sentence finds the test that holds it, and the other way round."""
    page = promises.read_page(promise.page) if promise.page else ""
    assert [] == [words for words in promise.words if words not in page]

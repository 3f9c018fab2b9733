"""Tests on a cluster quote the guides, and the guides still say that."""

from __future__ import annotations

import pytest

from tests.cluster import promises
from tests.cluster.promises import Promise


@pytest.mark.parametrize("promise", list(promises.read_promises()), ids=lambda promise: promise.test)
def test_what_a_test_quotes_is_in_the_page(promise: Promise) -> None:
    """Whoever changes a sentence finds the test that holds it, and the other way round."""
    page = promises.read_page(promise.page)
    assert promise.words
    assert [] == [words for words in promise.words if words not in page]

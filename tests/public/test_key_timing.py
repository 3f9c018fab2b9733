"""Nobody finds a key by the time that its refusal takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import pytest

from finetune_advisor.access.key_file import make_key, render_line
from finetune_advisor.access.key_ring import KeyRing
from tests.public.key_timing import Timing, exceeds_noise, time_keys

SAMPLES = 2_000
KEYS = [make_key() for _ in range(100)]
KEY = KEYS[0]
CONTROL = "far"


def wrong_keys() -> dict[str, Sequence[str]]:
    """Kinds of wrong keys: near ones begin with all but two characters of a right one."""
    random = Random(1)
    return {
        "near the first line": [KEY[:-2] + make_key()[-2:] for _ in range(500)],
        "near the last line": [KEYS[-1][:-2] + make_key()[-2:] for _ in range(500)],
        "of its letters": ["".join(random.sample(KEY, len(KEY))) for _ in range(500)],
        **{f"{CONTROL} {number}": [make_key() for _ in range(500)] for number in range(1, 6)},
    }


def find_suspects(timings: Mapping[str, Timing]) -> list[str]:
    """The kinds of keys whose time tells more than that of random ones."""
    controls = [timing for kind, timing in timings.items() if kind.startswith(CONTROL)]
    return [kind for kind, timing in timings.items() if exceeds_noise(timing, controls)]


def test_near_and_far_keys_take_as_long(tmp_path: Path) -> None:
    """Of a file with 100 keys, the medians of near keys lie where those of random ones do."""
    path = tmp_path / "keys"
    path.write_text("".join(f"{render_line(f'k{number}', key)}\n" for number, key in enumerate(KEYS)))

    assert [] == find_suspects(time_keys(KeyRing(path).find_name, wrong_keys(), SAMPLES))


def compares_characters(key: str) -> bool:
    """What must not be: a comparison that ends at the first difference."""
    return all(given == known for given, known in zip(key, KEY, strict=False))


def test_a_comparison_that_ends_early_is_noticed() -> None:
    """The measurement has teeth."""
    timings = time_keys(compares_characters, wrong_keys(), SAMPLES // 10)

    assert "near the first line" in find_suspects(timings)


@pytest.mark.parametrize("number", [0, 50, 99])
def test_every_line_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Wherever the right one is: the comparisons are counted."""
    path = tmp_path / "keys"
    path.write_text("".join(f"{render_line(f'k{i}', key)}\n" for i, key in enumerate(KEYS)))
    ring, compared = KeyRing(path), list[bytes]()

    def compare(given: bytes, known: bytes) -> bool:
        compared.append(known)
        return given == known

    monkeypatch.setattr("finetune_advisor.access.key_ring.compare_digest", compare)
    assert f"k{number}" == ring.find_name(KEYS[number])
    assert len(KEYS) == len(compared)

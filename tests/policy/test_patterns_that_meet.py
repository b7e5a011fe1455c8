"""Whether two patterns match a common text, compared with every short text."""

from itertools import product

import pytest

from vpc_cni_iam.policy.wildcard import matches, meet

_LETTERS = "ab"
_TEXTS = ["".join(t) for size in range(7) for t in product(_LETTERS, repeat=size)]
_PATTERNS = ["".join(p) for size in range(4) for p in product(f"{_LETTERS}*?", repeat=size)]


@pytest.mark.parametrize("left", _PATTERNS[::3])
def test_patterns_meet_if_a_text_matches_both(left: str) -> None:
    own = [text for text in _TEXTS if matches(left, text)]
    for right in _PATTERNS:
        assert meet(left, right) == any(matches(right, text) for text in own), right


def test_long_patterns_take_no_time() -> None:
    assert not meet("*a" * 1000, "*b" * 1000)

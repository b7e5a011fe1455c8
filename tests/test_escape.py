"""Text that somebody else wrote, on a terminal: what is hidden in it is seen."""

import pytest

from vpc_cni_iam.texts.escape import escape_control

UNSEEN = "\u00a0\u00ad\u034f\u115f\u1160\u180b\u2009\u200b\u200d\u202e\u202f\u2060\u2800\u3000"
UNSEEN += "\u3164\ufe0f\ufeff\uffa0\U0001d159\U000e0041\U000e0100\x1b\x7f\x9b\ud800\u2028"


@pytest.mark.parametrize("character", UNSEEN, ids=lambda c: f"{ord(c):x}")
def test_what_is_not_seen_is_spelled(character: str) -> None:
    """IAM takes some of these in a policy, such as the space that does not break."""
    assert escape_control(f"a{character}b") == f"a\\u{ord(character):04x}b"


@pytest.mark.parametrize(
    "text", ["a b ~", "Gr\u00fc\u00dfe", "\u65e5\u672c", "e\u0301", "\u0915\u093f", "\U0001f600"]
)
def test_what_is_seen_stays(text: str) -> None:
    assert escape_control(text) == text

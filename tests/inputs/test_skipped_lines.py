"""What was not read is told to people: the first parts by name, all others counted."""

from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.inputs.report import skipped_lines


def test_the_first_parts_are_named_and_the_others_counted() -> None:
    parts = [NotKnown(f"role-{n}", Reason.not_read, "why") for n in range(25)]
    *named, more = skipped_lines(parts)
    assert named == [str(part) for part in parts[: len(named)]] and named
    assert more == f"{25 - len(named)} more like these; --format json prints all"
    assert list(skipped_lines(parts[:2])) == [str(part) for part in parts[:2]]

"""What was not read is told to people: the first parts by name, all others counted."""

from vpc_cni_iam.account.doubts import NotKnown, Reason
from vpc_cni_iam.inputs.report import incomplete_text, skipped_lines


def test_the_first_parts_are_named_and_the_others_counted() -> None:
    parts = [NotKnown(f"role-{n}", Reason.not_read, "why") for n in range(25)]
    *named, more = skipped_lines(parts)
    assert named == [str(part) for part in parts[: len(named)]] and named
    assert more == f"{25 - len(named)} more like these; --format json prints all"
    assert list(skipped_lines(parts[:2])) == [str(part) for part in parts[:2]]


def test_each_reason_has_its_own_next_step() -> None:
    parts = [NotKnown(reason.name, reason, "why") for reason in Reason if reason.counts]
    assert incomplete_text(parts) == (
        "not read: not_read; read, and may not exist: may_be_absent; "
        "name the policies to look at with --document; "
        "setting not read: setting_not_read; may change what was read: overrides; "
        "not applied: not_applied; give it with --boundary; "
        "may not be assumed: may_be_refused; give an input that shows that it may"
    )

"""Compares the two sides of what a plan does to a policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.addresses import module_of, without_keys
from vpc_cni_iam.policy import quotas
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review.account.binding import PolicyChange
from vpc_cni_iam.review.account.locate import Locator
from vpc_cni_iam.review.account.plugin_policy import concerns_plugin
from vpc_cni_iam.review.account.policy_state import judged_policies, with_stand_ins
from vpc_cni_iam.review.account.references import References
from vpc_cni_iam.review.diff import semantic
from vpc_cni_iam.review.diff.changes import Action, Attachment, Change, Place
from vpc_cni_iam.review.diff.coverage import ReviewTarget, coverage_change
from vpc_cni_iam.review.diff.nearest import nearest
from vpc_cni_iam.review.diff.proofs import (
    DENY_REMOVED,
    deny_removed,
    new_access,
    proven,
    without_example,
)
from vpc_cni_iam.review.diff.same_shape import Names
from vpc_cni_iam.review.diff.verdicts import Access, CoverageChange, Line, Nearest, Size
from vpc_cni_iam.review.renamed import are_told_apart, other_text

_DOCUMENT = "data.aws_iam_policy_document."


class _Verdict(Struct, frozen=True):
    """What is said of a change, whatever its resource is called."""

    lines: tuple[Line, ...]
    access: Access | None
    coverage: CoverageChange | None
    nearest: Nearest | None
    concerns_plugin: bool


def policy_change(
    item: PolicyChange,
    references: References,
    locator: Locator,
    target: ReviewTarget,
    budget: Budget,
    *,
    stand_ins: bool,
) -> tuple[Change, Names] | None:
    """Return what the plan does to a policy, and the names that it has stand-ins for.

    None for drift that is not about the policy. `stand_ins` is whether there may be any.
    """
    slot, resource = item.slot, item.slot.resource
    if item.action == "drift" and not _differs(item):
        return None
    document = _document(item, references)
    asked, names = _with_stand_ins(item) if stand_ins else (item, ())
    own_budget = budget.answer()
    verdict, text = _verdict(asked, target, own_budget, named=bool(names))
    if not are_told_apart(names, text):
        asked, names = item, ()
        verdict, _ = _verdict(asked, target, own_budget, named=False)
    change = Change(
        address=resource.address,
        type=resource.type,
        attribute=slot.attribute,
        kind=slot.kind,
        action=_action(item),
        imported=resource.imported,
        moved_from=resource.moved_from,
        before=asked.before.read.state_for(item.before.read),
        after=asked.after.read.state_for(item.after.read),
        lines=verdict.lines,
        access=verdict.access,
        coverage=verdict.coverage,
        nearest=verdict.nearest,
        sizes=tuple(_sizes(item)),
        attachment=_attachment(item),
        principals=tuple(
            dict.fromkeys(o.name for h in (item.before, item.after) for o in h.owners)
        ),
        document=document,
        place=locator.place(resource.module, resource.block),
        document_place=_place_of(document, locator),
        concerns_plugin=verdict.concerns_plugin,
    )
    return change, names


def _with_stand_ins(item: PolicyChange) -> tuple[PolicyChange, Names]:
    (before, after), names = with_stand_ins((item.before.read, item.after.read))
    if not names:
        return item, ()
    old, new = replace(item.before, read=before), replace(item.after, read=after)
    return replace(item, before=old, after=new), names


def _verdict(
    item: PolicyChange, target: ReviewTarget, budget: Budget, *, named: bool
) -> tuple[_Verdict, str]:
    """Return what is said of a change, asked once of those that differ in their resource alone.

    `named` is whether to return the text of the verdict beside stand-ins, too.
    """

    def judge() -> tuple[_Verdict, str]:
        verdict = _judge(item, target, budget)
        return verdict, other_text(verdict if of_policy else verdict.access) if named else ""

    of_policy = item.slot.kind in ("permissions", "trust")
    if not of_policy:
        return judge()  # whose lines name who has it
    reads = item.before.read, item.after.read
    question = (item.slot.kind, item.action, _owners_change(item), *reads, target)
    return budget.remember(("change", question), judge)


def _judge(item: PolicyChange, target: ReviewTarget, budget: Budget) -> _Verdict:
    kind, differs = item.slot.kind, _differs(item)
    before, after = item.before.read.state, item.after.read.state
    known = [s.policy for s in (after, before) if s.policy]
    policies = judged_policies(item.after.read, item.before.read)
    # First, since the lines ask the same, and want no example.
    access = _access(item, budget) if differs else None
    concerns = kind in ("permissions", "attachment") and any(map(concerns_plugin, policies))
    return _Verdict(
        lines=_lines(item, budget) if differs else (),
        access=access,
        coverage=_coverage(item, target) if concerns and differs else None,
        nearest=nearest(known[0], target.version) if concerns and known else None,
        concerns_plugin=concerns,
    )


def _coverage(item: PolicyChange, target: ReviewTarget) -> CoverageChange | None:
    before, after = item.before.read, item.after.read
    if item.slot.kind == "attachment" or not (before.in_full and after.in_full):
        return None  # what is attached and detached counts for those that it is attached to
    return coverage_change(judged_policies(before), judged_policies(after), target)


def _document(item: PolicyChange, references: References) -> str:
    """Return the address of the data source that renders a policy."""
    if item.slot.kind not in ("permissions", "trust"):
        return ""
    if item.after.read.document:
        return item.after.read.document
    resource = item.slot.resource
    resolution = references.resolve(resource, item.slot.path)
    documents = [r for r in resolution.resources if r[1].startswith(_DOCUMENT)]
    if len(documents) != 1:
        return ""
    instance = references.find(resource, documents[0], resolution)
    return instance.address if instance else f"{documents[0][0]}.{documents[0][1]}".lstrip(".")


def _place_of(document: str, locator: Locator) -> Place | None:
    if not document:
        return None
    module = module_of(document)
    block = without_keys(document.removeprefix(module).lstrip("."))
    return locator.place(module, block)


def _differs(item: PolicyChange) -> bool:
    """Say whether the two sides differ, or may."""
    before, after = item.before, item.after
    if item.action in ("forget", "no-op", "import", "move", "read"):
        return False
    if before.read.known == after.read.known in ("sensitive", "unreadable"):
        return bool(item.slot.before.value != item.slot.after.value)
    return (before.read, before.policy, before.arn, before.owners) != (
        after.read,
        after.policy,
        after.arn,
        after.owners,
    )


def _action(item: PolicyChange) -> Action:
    """Return what the plan does to the policy, which may be less than to its resource."""
    if item.action != "update":
        return item.action
    differs = _differs(item)
    if item.before.read.known == "absent" and differs and not item.before.policy:
        return "create"
    if item.after.read.known == "absent" and differs and not item.after.policy:
        return "delete"
    if differs:
        return "update"
    resource = item.slot.resource
    return "import" if resource.imported else "move" if resource.moved_from else "no-op"


def _access(item: PolicyChange, budget: Budget) -> Access | None:
    access = None if _action(item) == "delete" else _granted(item, budget)
    if access in (None, _NONE) and _undenied(item, budget):
        return Access("not proven", reason=DENY_REMOVED)
    return access


def _granted(item: PolicyChange, budget: Budget) -> Access:
    before, after = item.before.read, item.after.read
    if item.slot.kind in ("exclusive", "boundary"):
        gains = any(line.effect == "gain" for line in _lines(item, budget))
        return Access("unknown", reason="what the boundary held back") if gains else _NONE
    pairs = _pairs(item)
    if item.slot.kind == "membership":
        joined = bool(pairs[1] - pairs[0])
        return Access("unknown", reason="what the group has") if joined else _NONE
    if item.slot.kind == "attachment" and not pairs[1] - pairs[0]:
        return _NONE
    compared = (after,) if item.slot.kind == "attachment" else (after, before)
    for read in compared:
        if not read.in_full:
            return Access("unknown", reason="; ".join(read.state.why))
    old = [] if item.slot.kind == "attachment" or _reaches_others(item) else judged_policies(before)
    access = new_access(old, judged_policies(after), budget)
    return without_example(access) if any(read.has_secrets for read in compared) else access


def _undenied(item: PolicyChange, budget: Budget) -> bool:
    """Say whether somebody loses a Deny, which may have held back what other policies allow."""
    before, after = item.before.read, item.after.read
    old = judged_policies(before)
    if item.slot.kind == "attachment":
        pairs = _pairs(item)
        return bool(pairs[0] - pairs[1]) and deny_removed(old, [], budget)
    if item.slot.kind != "permissions":
        return False
    _, leaves = _owners_change(item)
    return deny_removed(old, [] if leaves else judged_policies(after), budget)


def _owners_change(item: PolicyChange) -> tuple[bool, bool]:
    """Say whether a policy comes to others than those who had it, and whether it leaves any."""
    old, new = ({owner.name for owner in h.owners} for h in (item.before, item.after))
    return bool(old and new - old), bool(old - new)


def _reaches_others(item: PolicyChange) -> bool:
    """Say whether an inline policy comes to somebody who did not have it."""
    return item.slot.kind == "permissions" and _owners_change(item)[0]


_NONE = Access("no new access")


def _lines(item: PolicyChange, budget: Budget) -> tuple[Line, ...]:
    if item.slot.kind in ("permissions", "trust"):
        before, after = item.before.read, item.after.read
        exact = {before.state.known, after.state.known} <= {"known", "absent"}
        if not exact and None in (before.state.policy, after.state.policy):
            # Against what is not known at all, everything would look gained, or lost.
            one_absent = "absent" in (before.state.known, after.state.known)
            if not one_absent or not (before.state.policy or after.state.policy):
                return ()
        if _reaches_others(item):
            half = budget.part(budget.steps // 2)
            lost = semantic.lines(before.state.policy, None, half, exact=exact, alone=False)
            gained = semantic.lines(None, after.state.policy, budget, exact=exact, alone=False)
            return (*gained, *lost)
        texts, alone = (before.text, after.text), item.slot.kind == "trust"
        return semantic.lines(
            before.state.policy, after.state.policy, budget, texts, exact=exact, alone=alone
        )
    return tuple(_attached(item, budget))


def _pairs(item: PolicyChange) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    old, new = (
        {(binding.policy, owner.name) for owner in binding.owners if binding.policy}
        for binding in (item.before, item.after)
    )
    return old, new


def _attached(item: PolicyChange, budget: Budget) -> Iterator[Line]:
    """Yield lines for what is attached, bounded, joined or named instead of written there."""
    if item.slot.kind == "boundary":
        yield from _bounding(item, budget)
        return
    old, new = _pairs(item)
    come, go = sorted(new - old), sorted(old - new)
    if item.slot.kind == "exclusive":
        yield from (
            Line("loss", "excluded", f"inline policy {policy!r} of {owner} is removed")
            for policy, owner in go
        )
        listed = [] if item.slot.whole else come
        yield from (Line("no-op", "kept", f"inline policy {p!r} of {o}") for p, o in listed)
        return
    if item.slot.kind == "membership":
        yield from (Line("gain", "joined", f"{owner} to {group}") for group, owner in come)
        yield from (Line("loss", "left", f"{owner} from {group}") for group, owner in go)
        return
    denies = deny_removed(judged_policies(item.before.read), [], budget)
    yield from (Line("gain", "attached", f"{policy} to {owner}") for policy, owner in come)
    for policy, owner in go:
        yield Line("loss", "detached", f"{policy} from {owner}")
        if denies:
            yield Line("gain", "no longer denied", f"what {policy} denies to {owner}")
    for policy, owner in sorted(old & new):
        yield Line("no-op", "attached anew", f"{policy} to {owner}")


def _bounding(item: PolicyChange, budget: Budget) -> Iterator[Line]:
    """Yield lines for a boundary, which takes away, so that its going gives."""
    old, new = _pairs(item)
    before, after = item.before.read, item.after.read
    known = before.exact is not None and after.exact is not None
    for policy, owner in sorted(new - old):
        if not (known and proven(judged_policies(after), judged_policies(before), budget)):
            yield Line("loss", "bounded", f"{owner} by {policy}")
    for policy, owner in sorted(old - new):
        if not (known and proven(judged_policies(before), judged_policies(after), budget)):
            yield Line("gain", "unbounded", f"{owner}, which {policy} bounded")


def _sizes(item: PolicyChange) -> Iterable[Size]:
    size = item.after.read.size
    if size is None:
        return
    if item.slot.resource.type == "aws_iam_policy":
        yield Size("managed policy", size, quotas.MANAGED)
    elif item.slot.kind == "trust":
        yield Size("trust policy", size, quotas.TRUST)


def _attachment(item: PolicyChange) -> Attachment | None:
    if item.slot.kind not in ("attachment", "boundary", "membership"):
        return None
    binding = item.after if item.after.policy else item.before
    principal = ", ".join(o.name for o in binding.owners)
    return Attachment(binding.policy, binding.arn, principal)

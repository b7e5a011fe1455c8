"""Reviews a plan: the one function that reports are made from."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from vpc_cni_iam.inputs.plan.reader import Plan
from vpc_cni_iam.names import resolve
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.review import ignoring
from vpc_cni_iam.review.changes import Change, Document, Place
from vpc_cni_iam.review.comparing import Comparer
from vpc_cni_iam.review.findings import LEVELS, MEANINGS, Finding, Ignored, Review
from vpc_cni_iam.review.gathering import Gatherer, without_echoes
from vpc_cni_iam.review.held import Item
from vpc_cni_iam.review.holding import Holding
from vpc_cni_iam.review.judging import of_change
from vpc_cni_iam.review.locating import Locator
from vpc_cni_iam.review.needs import Wanted
from vpc_cni_iam.review.principals import principal
from vpc_cni_iam.review.roles import Roles
from vpc_cni_iam.review.rules import RULES
from vpc_cni_iam.review.sides import side
from vpc_cni_iam.review.slots import Slot, may_have_inline
from vpc_cni_iam.review.states import from_rebuilt, read_side
from vpc_cni_iam.review.stating import finding

# In HCL, and in JSON.
_DYNAMIC = r'(?m)^\s*dynamic\s+"?inline_policy\b|"dynamic"\s*:[\s\S]*"inline_policy"\s*:'
DEFAULT_LEVEL = "warning"
OTHERS = "others that the plan does not hold"


@dataclass(frozen=True, slots=True)
class Ignoring:
    """What to ignore.

    Args:
        entries: The entries of the ignore file.
        source: Its name.
        today: The day of the review.
    """

    entries: tuple[ignoring.Entry, ...]
    source: str
    today: datetime.date


def check_fail_on(value: str) -> str:
    """Return a value of ``--fail-on`` that is one.

    Args:
        value: As the user wrote it.

    Raises:
        UsageError: It is none.
    """
    return resolve(value, (*MEANINGS, *LEVELS), "--fail-on")


def review(
    plan: Plan,
    wanted: Wanted,
    *,
    locator: Locator | None = None,
    fail_on: str = DEFAULT_LEVEL,
    ignored: Ignoring | None = None,
    passed: Callable[[int, int], None] | None = None,
) -> Review:
    """Review a plan.

    Args:
        plan: The plan.
        wanted: The plugin's release and IP family.
        locator: Says where resources are written; None to say it of none.
        fail_on: A level or a meaning, from which on findings fail the review.
        ignored: What to ignore.
        passed: Called now and then with how many policies of how many are judged.

    """
    locator = locator or Locator(None, plan.configuration)
    dynamic, unseen = _dynamic(plan, locator)
    gatherer = Gatherer(plan, dynamic)
    items = without_echoes(tuple(gatherer.items()))
    budget = Budget.of_review(_policies(items))
    comparer = Comparer(gatherer, locator, wanted, budget)
    echoes = tuple(gatherer.echoes())
    holding = Holding(items, echoes, gatherer.replaced)
    labels = _labels(plan)
    principals = {
        n: principal(n, h, labels.get(n, ""), wanted, budget)
        for n, h in sorted(holding.found.items())
    }
    holders = _holders((*items, *echoes), plan)
    changes = tuple(
        sorted(
            (
                _held(c, holders)
                for c in map(comparer.change, _counted(items, passed))
                if c is not None
            ),
            key=lambda c: (c.address, c.attribute, c.action),
        )
    )
    places = _places(plan, locator)
    staying = {(c.address, c.attribute): c.after for c in changes if c.action != "drift"}
    found = [f for change in changes for f in of_change(change, principals, staying)]
    if unseen:
        many = f"{unseen} new roles have" if unseen > 1 else "a new role has"
        message = f"The plan does not say whether {many} inline policies of a dynamic block"
        found.append(finding("unseen", f"{message}; --source does"))
    if not plan.complete:
        found.append(finding("incomplete", "The plan leaves something out, or puts it off"))
    found += Roles(gatherer, holding, principals, places, budget).findings(changes)
    left: tuple[Finding, ...] = tuple(found)
    put_aside: tuple[Ignored, ...] = ()
    if ignored is not None:
        left, put_aside = ignoring.apply(ignored.entries, found, ignored.source, ignored.today)
    return Review(
        plan.source,
        plan.version,
        str(wanted.release),
        (wanted.mode,) if wanted.mode else ("ipv4", "ipv6"),
        changes,
        tuple(principals.values()),
        tuple(_documents(gatherer, locator)),
        tuple(sorted(left, key=_order)),
        put_aside,
        RULES,
        fail_on,
        any(fails(f, fail_on) for f in left),
    )


def _policies(items: Iterable[Item]) -> Iterator[Policy]:
    for item in items:
        for held in (item.before, item.after):
            if held.read.state.policy:
                yield held.read.state.policy


def _counted(items: tuple[Item, ...], passed: Callable[[int, int], None] | None) -> Iterator[Item]:
    for number, item in enumerate(items):
        if passed:
            passed(number, len(items))
        yield item


def fails(finding: Finding, fail_on: str) -> bool:
    """Say whether a finding fails a review.

    Args:
        finding: The finding.
        fail_on: A level or a meaning.
    """
    if fail_on in finding.means:
        return True
    return fail_on in LEVELS and LEVELS.index(finding.level) >= [*LEVELS].index(fail_on)


def _dynamic(plan: Plan, locator: Locator) -> tuple[frozenset[str], int]:
    """Return the roles with inline policies of a dynamic block, and of how many none can tell."""
    found = {
        role.address: locator.says(role.module, role.block, _DYNAMIC)
        for role in plan.resources
        if may_have_inline(role, plan)
    }
    return frozenset(a for a, said in found.items() if said), [*found.values()].count(None)


def _order(finding: Finding) -> tuple[int, str, str, str, str]:
    level = -LEVELS.index(finding.level)
    return level, finding.address, finding.attribute, finding.rule, finding.message


def _labels(plan: Plan) -> dict[str, str]:
    """Return the IAM names of roles, users and groups by address."""
    return {
        resource.address: str(values["name"])
        for resource in plan.resources
        if resource.type in ("aws_iam_role", "aws_iam_user", "aws_iam_group")
        for values in (resource.after, resource.before)
        if values and values.get("name") and not side(resource, "name", after=True).hidden
    }


def _holders(items: Iterable[Item], plan: Plan) -> dict[str, list[str]]:
    """Return who has each managed policy of the plan, by the policy's address."""
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for item in items:
        if item.slot.kind == "attachment" and item.action != "drift":
            for held, found in ((item.before, before), (item.after, after)):
                found.setdefault(held.policy, []).extend(o.name for o in held.owners)
    for resource in plan.resources:
        # Newer providers say how often a policy is attached, by whomever.
        count = (resource.before or {}).get("attachment_count")
        known = before.setdefault(resource.address, [])
        if isinstance(count, int) and count > len(set(known)):
            known.append(OTHERS)
    policies = dict.fromkeys([*before, *after])
    return {p: list(dict.fromkeys([*before.get(p, ()), *after.get(p, ())])) for p in policies}


def _held(change: Change, holders: Mapping[str, list[str]]) -> Change:
    if change.type != "aws_iam_policy":
        return change
    return replace(change, principals=tuple(holders.get(change.address, ())))


def _places(plan: Plan, locator: Locator) -> dict[str, Place | None]:
    return {r.address: locator.place(r.module, r.block) for r in plan.resources}


def _documents(gatherer: Gatherer, locator: Locator) -> list[Document]:
    plan = gatherer.plan
    deferred = [r for r in plan.resources if r.block.startswith("data.aws_iam_policy_document.")]
    found = []
    for resource in (*plan.documents, *deferred):
        text = side(resource, "json", after=True)
        if text.unknown:
            read = from_rebuilt(gatherer.rebuilder.document(resource))
        else:
            slot = Slot(resource, "permissions", "json", ("json",), text, text)
            read = read_side(text, slot, gatherer.rebuilder, plan.secrets)
        place = locator.place(resource.module, resource.block)
        found.append(Document(resource.address, read.state, "read" in resource.actions, place))
    return sorted(found, key=lambda d: d.address)

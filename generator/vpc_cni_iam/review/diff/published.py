"""Published documents that a policy equals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import product

from msgspec.structs import replace

from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts.calls import features
from vpc_cni_iam.catalog.facts.plugin_version import LATEST
from vpc_cni_iam.catalog.known_documents import KnownDocument, may_be_known, recognise
from vpc_cni_iam.catalog.parameters import PARAMETERS, fill
from vpc_cni_iam.catalog.selection import Additions, select
from vpc_cni_iam.catalog.variants import every
from vpc_cni_iam.coverage.names import names_in
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan.account.grants import PlanGrant, known_policies
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NoNewAccess
from vpc_cni_iam.review.diff.harm import GainedPart, needed_by_plugin
from vpc_cni_iam.review.diff.principals import GrantChange


def documents_of(grant: PlanGrant | None) -> tuple[KnownDocument, ...]:
    """Return the published documents that a policy equals, the newest first."""
    return next(map(_documents_of, known_policies([grant] if grant else [])), ())


@lru_cache(4096)  # several changes have the same policy
def _documents_of(policy: Policy) -> tuple[KnownDocument, ...]:
    return recognise(policy, names_in([policy])) if may_be_known(policy) else ()


def _of_plugin(grant: PlanGrant | None) -> list[KnownDocument]:
    """Return the documents of the plugin that a policy equals."""
    return [d for d in documents_of(grant) if "upstream" in d.name or "AmazonEKS_CNI" in d.name]


def published_by(change: GrantChange) -> KnownDocument | None:
    """Return the document of upstream or AWS that a changed policy newly equals."""
    before, after = _of_plugin(change.before), _of_plugin(change.after)
    old, new = (known_policies([g] if g else []) for g in (change.before, change.after))
    if not (after and old):
        return after[0] if after else None
    names = names_in(new)
    if any(names.get(parameter, name) != name for parameter, name in names_in(old).items()):
        return None  # the policy is for another cluster or VPC
    for newer, older in product(after, before):
        if older.name.split()[0] == newer.name.split()[0] and older.date < newer.date:
            return newer if newer not in before else None
    return None


def is_within(grant: PlanGrant) -> bool:
    """Return whether a policy allows no more than the documents of the catalog for aws-node."""
    policies = list(known_policies([grant]))
    return len(policies) == 1 and _is_within(policies[0])


def wider_parts(parts: Iterable[GainedPart]) -> Iterator[GainedPart]:
    """Yield parts about calls of the plugin where no document of the catalog allows them."""
    for part in parts:
        needed = tuple(a for a in part.allowed.actions if str(a).lower() in needed_by_plugin())
        if needed and not _is_within(Policy((replace(part.allowed, actions=needed),))):
            yield replace(part, actions=needed)


@lru_cache(4096)  # several changes have the same policy
def _is_within(policy: Policy) -> bool:
    if any(policy.holes()):
        return False
    try:
        return isinstance(no_new_access(_generated(), [policy]), NoNewAccess)
    except InputError:  # a mark stands for a sensitive number
        return False


@cache
def _generated() -> tuple[Policy, ...]:
    """Return the widest documents that the catalog has for aws-node, for any cluster."""
    selection = select(cni_version=LATEST, features=features(), additions=Additions.all)
    widest = [v for v in every() if not (v.cluster_scoped or v.program)]
    anything = dict.fromkeys((parameter.name for parameter in PARAMETERS), "*")
    return tuple(fill(compose(variant, selection).policy, anything) for variant in widest)

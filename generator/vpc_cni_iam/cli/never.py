"""What ``vpc-cni-iam compare --never`` and ``--disjoint`` do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.cli import options
from vpc_cni_iam.cli.expand import flag, value

if TYPE_CHECKING:
    from vpc_cni_iam.coverage.subject import Opener
    from vpc_cni_iam.review.never import Never, SharedChange

_SHOWN = 4  # actions
# What is known of the same resource and two roles.
_SHARED = {
    "never": "no {} can be changed by both roles (proven)",
    "allowed": "both roles can change the same {}",
    "not_proven": "not proven: both roles may be able to change the same {}",
}


class NeverOptions(Struct, frozen=True):
    """The options about what roles can never do."""

    never: list[str] | None = value(
        "ACTION[@RESOURCE]", "Prove that the policies of a role never allow this; repeat for more."
    )
    disjoint: bool = flag(
        "Prove that two roles never change the same network interface or instance."
    )
    clusters: tuple[str, str] | None = value(
        "A B", "With --disjoint: names of the two clusters, for modules and session tags."
    )


def answered(
    asked: NeverOptions,
    policies: Sequence[str],
    limits: options.LimitOptions,
    documents: Sequence[str],
    opener: Opener,
) -> Never:
    """Return the answer about policies; raises `UsageError` for options that exclude each other."""
    from vpc_cni_iam.coverage.subject import limited, of_files
    from vpc_cni_iam.errors import UsageError
    from vpc_cni_iam.inputs.skipped import without_boundaries
    from vpc_cni_iam.inputs.variables import check_used
    from vpc_cni_iam.review import never

    if asked.never and asked.disjoint:
        raise UsageError("--never asks about one role and --disjoint about two; give one of them")
    if asked.never:
        subject = of_files(policies, documents, opener)
        subject = limited(subject, limits.boundary, limits.scp or (), opener)
        check_used(opener.user_values, (*policies, *limits.files))
        return never.never(subject, asked.never)
    if len(policies) != 2:  # noqa: PLR2004
        raise UsageError("--disjoint compares two roles: name the policy of each")
    subjects = (
        of_files([policy], documents, replace(opener, user_names={**opener.user_names, **own}))
        for policy, own in zip(policies, _cluster_names(asked.clusters), strict=True)
    )
    # What two roles cannot both do without their boundaries, they cannot do with them.
    first, second = (replace(s, skipped=without_boundaries(s.skipped)) for s in subjects)
    check_used(opener.user_values, policies)
    return never.disjoint(first, second, asked.clusters)


def _cluster_names(clusters: tuple[str, str] | None) -> Sequence[Mapping[str, str]]:
    """Return the name of each cluster, as a value of its parameter."""
    from vpc_cni_iam.catalog.parameters import CLUSTER_NAME
    from vpc_cni_iam.errors import UsageError

    if clusters is None:
        return ({}, {})
    if len(set(clusters)) == 1:
        raise UsageError("--clusters names the same cluster twice")
    for cluster in clusters:
        CLUSTER_NAME.check(cluster)
    return [{CLUSTER_NAME.name: cluster} for cluster in clusters]


def lines(result: Never) -> Iterator[str]:
    """Yield the lines of an answer."""
    from vpc_cni_iam.inputs import skipped

    for action in result.actions:
        on = "any resource" if action.resource == "*" else action.resource
        why = f": {action.reason}" if action.reason else ""
        example = f", for instance {action.example}" if action.example else ""
        yield f"{action.action} on {on}: {action.answer}{why}{example}"
    for kind in result.kinds:
        yield _SHARED[kind.answer.name].format(kind.kind.replace("-", " "))
        yield from _shared(result.policies, kind.shared)
    yield from skipped.lines(result.unread)


def _shared(policies: Sequence[str], changes: Sequence[SharedChange]) -> Iterator[str]:
    """Yield what roles can change of the same resource, each resource once."""
    from vpc_cni_iam.errors import first_of
    from vpc_cni_iam.review.never import with_context

    places: dict[str, dict[tuple[int, str], dict[str, None]]] = {}
    for change in changes:
        requests = [r for r in (change.first, change.second) if r is not None]
        contexts = [r.context for r in requests] or [{}]
        same = {key: v for key, v in contexts[0].items() if all(c.get(key) == v for c in contexts)}
        where = f"not proven: {change.reason}"
        if requests:
            where = with_context(f"on {requests[0].resource}", same)
        roles = places.setdefault(where, {})
        for number, (actions, request) in enumerate(
            ((change.first_actions, change.first), (change.second_actions, change.second))
        ):
            own = {k: v for k, v in request.context.items() if k not in same} if request else {}
            roles.setdefault((number, with_context("", own)), {}).update(dict.fromkeys(actions))
    for where, roles in places.items():
        yield f"  {where}"
        for (number, own_context), named in sorted(roles.items()):
            yield f"    {policies[number]}: {first_of([*named], _SHOWN)}{own_context}"

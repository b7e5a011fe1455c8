"""The policies of one role from several files, with its boundary and service control policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from vpc_cni_iam.coverage.subject import Subject, Taken, of_taken, open_filled, take
from vpc_cni_iam.inputs.policies import NamedPolicy
from vpc_cni_iam.inputs.variables import GivenVariables
from vpc_cni_iam.policy.document import Policy, Statement

# AWS Organizations attaches it to each level until somebody takes it away.
_FULL_ACCESS = Policy((Statement(actions=("*",), resources=("*",), sid="FullAWSAccess"),))


def of_files(
    files: Sequence[str],
    stdin: Callable[[], str],
    documents: Sequence[str],
    options: Mapping[str, str | None],
    user_values: GivenVariables | None = None,
) -> Subject:
    """Return the inline and attached policies of a role; ``-`` is standard input.

    `documents` has the names of the policies to take of each file; none if each has a single one.
    `options` has the names that the user chose, by parameter; None for the others. Raises
    `UsageError` for a bad name, or a file with several policies and no name.
    """
    taken = [take(open_filled(file, stdin, options, user_values), documents) for file in files]
    if len(taken) == 1:
        return of_taken(taken[0], options)
    together = Taken(
        ", ".join(part.title for part in taken),
        tuple(named for part in taken for named in _named_by_file(part.opened)),
        tuple(skipped for part in taken for skipped in part.skipped),
    )
    return of_taken(together, options)


def limited(
    subject: Subject,
    boundary: str | None,
    scps: Sequence[str],
    stdin: Callable[[], str],
    options: Mapping[str, str | None],
    user_values: GivenVariables | None = None,
) -> Subject:
    """Return policies of a role with what else must allow a request; see `of_files`.

    The boundary and each of `scps`, those of one level of the organization, are files. A level
    whose service control policies only deny has FullAWSAccess beside them.
    """
    for file in [boundary] if boundary is not None else []:
        taken = take(open_filled(file, stdin, options, user_values), ())
        subject = _with(subject, taken, "boundary", _named_by_file(taken.opened))
    for file in scps:
        opened = open_filled(file, stdin, options, user_values)
        taken = take(opened, [p.name for p in opened.policies if p.name])
        policies = _named_by_file(taken.opened)
        if not any(s.effect == "Allow" for n in policies for s in n.policy.statements):
            policies = (*policies, NamedPolicy("FullAWSAccess", _FULL_ACCESS, "AWS Organizations"))
        taken = replace(taken, skipped=opened.skipped)
        subject = _with(subject, taken, "service control policy", policies)
    return subject


def _with(subject: Subject, taken: Taken, kind: str, policies: tuple[NamedPolicy, ...]) -> Subject:
    return replace(
        subject,
        title=f"{subject.title}, with the {kind} {taken.title}",
        skipped=(*subject.skipped, *taken.skipped),
        limits=(*subject.limits, policies),
    )


def _named_by_file(opened: Sequence[NamedPolicy]) -> tuple[NamedPolicy, ...]:
    """Return policies whose names begin with their files."""
    return tuple(replace(n, name=f"{n.source}:{n.name}" if n.name else n.source) for n in opened)

"""The subject of a coverage report: policies of one role, and the names in its requests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import get_args

from msgspec import Struct, field
from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.partitions import partition_of
from vpc_cni_iam.catalog.facts.plugin_version import LATEST
from vpc_cni_iam.catalog.known_documents import KnownDocument, recognise
from vpc_cni_iam.catalog.selection import Selection
from vpc_cni_iam.coverage.analysis.cover import Coverage, cover
from vpc_cni_iam.coverage.names import (
    CheckedRegion,
    known_names,
    mode_of,
    names_in,
    names_of,
    names_of_role,
    regions_to_check,
)
from vpc_cni_iam.coverage.simulate.send import Limits
from vpc_cni_iam.coverage.simulate.settings import EXAMPLE, Names, RequestSetting
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.inputs.policies import InputPolicies, NamedPolicy, choose
from vpc_cni_iam.inputs.skipped import Reason, Skipped, is_complete
from vpc_cni_iam.inputs.variables import GivenVariables
from vpc_cni_iam.names import unknown_name
from vpc_cni_iam.policy.document import Policy, Statement, to_json
from vpc_cni_iam.policy.evaluate import Decision, compile_policies
from vpc_cni_iam.policy.quotas import INLINE, MANAGED

# The size of a role's policies, as IAM counts it. Source: IAM User Guide, "IAM and AWS STS quotas".
_LIMIT = "20 managed policies of 6,144, and inline policies of 10,240 together"
_MOST_CHARACTERS = 20 * MANAGED + INLINE["role"]
# AWS Organizations attaches it to each level by default.
_FULL_ACCESS = Policy((Statement(actions=("*",), resources=("*",), sid="FullAWSAccess"),))


class Subject(Struct, frozen=True):
    """Policies of one role."""

    title: str  # a description in one line
    opened: tuple[NamedPolicy, ...]
    names: Names
    own_names: Mapping[str, str]  # the names that come from the policies, by parameter
    skipped: tuple[Skipped, ...]  # parts of the input that were not read
    # The permissions boundary of the role, and service control policies by level.
    limits: tuple[tuple[NamedPolicy, ...], ...] = ()
    # The Regions to check, if the plugin's Region is not known.
    regions: tuple[CheckedRegion, ...] = ()
    # The feature whose program has the role; None for ``aws-node``.
    program: str | None = None
    # The policies of an input that equal documents of upstream or AWS, with these documents.
    equal_to: tuple[tuple[NamedPolicy, tuple[KnownDocument, ...]], ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether all of the input was read."""
        return is_complete(self.skipped)

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies without their names."""
        return tuple(o.policy for o in self.opened)

    @property
    def limiting(self) -> Limits:
        """The policies of the limits without their names."""
        return tuple(tuple(o.policy for o in limit) for limit in self.limits)

    @property
    def mode(self) -> Mode:
        """The IP family of the policies; see `mode_of`."""
        return mode_of(self.policies)

    def statement(self, decision: Decision) -> str:
        """Return the Sid or number (from 1) of the deciding statement; empty if there is none."""
        if decision.policy is None or decision.statement is None:
            return ""
        every = self._every()
        named = every[decision.policy]
        text = str(named.policy.statements[decision.statement].sid or decision.statement + 1)
        return f"{named.name}.{text}" if named.name and len(every) > 1 else text

    def limit(self, decision: Decision) -> str:
        """Return the name of a limit that has no Allow for a request; empty if there is none."""
        if decision.policy is None or decision.statement is not None:
            return ""
        return self._every()[decision.policy].name

    def _every(self) -> tuple[NamedPolicy, ...]:
        return (*self.opened, *(named for limit in self.limits for named in limit))


class Opener(Struct, frozen=True):
    """Opens inputs."""

    stdin: Callable[[], str]  # reads standard input, for ``-``
    # The parameters' values that the user chose; None, or missing, for the others.
    user_names: Mapping[str, str | None] = {}
    # The values of a module's variables that the user gave.
    user_values: GivenVariables = field(default_factory=GivenVariables)

    def policies_of(self, target: str) -> InputPolicies:
        """Return the policies of a path, or ``-``, with examples for parameters without a value."""
        # A review of a plan opens no other input.
        from vpc_cni_iam.inputs.identify import open_policies  # noqa: PLC0415

        parameters.values(self.user_names)
        values = {name: value for name, value in _or_examples(self.user_names).items() if value}
        named = frozenset(name for name, value in self.user_names.items() if value)
        return open_policies(target, self.stdin, values, replace(self.user_values, named=named))

    def check_used(self, targets: Iterable[str]) -> None:
        """Raise `UsageError` for values of variables, or an engine, that no input uses."""
        if self.user_values.names or self.user_values.renderer:
            from vpc_cni_iam.inputs import identify  # noqa: PLC0415 - see above

            identify.check_used(self.user_values, targets)


def of_variant(name: str, selection: Selection, user_names: Mapping[str, str | None]) -> Subject:
    """Return a variant of the catalog, filled with the user's names, by parameter."""
    (variant,) = variants.find((name,))
    policy = compose(variant, selection).policy
    chosen = parameters.values(_or_examples(user_names))
    filled = parameters.substitute(policy, chosen)
    document = " ".join(selection.arguments())
    opened = (NamedPolicy(variant.identifier, filled, f"variant {name}"),)
    subject = _subject(Taken(f"variant {name} ({document})", opened, ()), user_names)
    return replace(subject, program=variant.program)


def of_taken(chosen: Taken, user_names: Mapping[str, str | None]) -> Subject:
    """Return policies that were chosen from inputs, with the user's names, by parameter."""
    known = ((o, recognise(o.policy, names_in([o.policy]))) for o in chosen.opened)
    equal_to = tuple((opened, documents) for opened, documents in known if documents)
    return replace(_subject(chosen, user_names), equal_to=equal_to)


class Taken(Struct, frozen=True):
    """Policies selected from an input."""

    title: str  # a description in one line
    opened: tuple[NamedPolicy, ...]
    skipped: tuple[Skipped, ...]  # parts of the input that were not read and not left out by name


def take(policies: InputPolicies, documents: Iterable[str]) -> Taken:
    """Return the policies of an input with these names, or its only one, after checking each."""
    chosen = choose(policies, documents)
    size = sum(characters(named.policy) for named in chosen.policies)
    if size > _MOST_CHARACTERS:
        raise InputError(
            policies.source,
            "",
            f"has {size:,} characters without white space; the policies of a role can have "
            f"{_MOST_CHARACTERS:,}: {_LIMIT}"
            + ("; name fewer of them with --document" if len(chosen.policies) > 1 else ""),
        )
    for opened in chosen.policies:
        _check(opened)
    named = ", ".join(o.name for o in chosen.policies if o.name)
    title = f"{policies.source} ({named})" if named else policies.source
    return Taken(title, chosen.policies, chosen.skipped)


def of_files(files: Sequence[str], documents: Sequence[str], opener: Opener) -> Subject:
    """Return the inline and attached policies of a role, in files and modules.

    `documents` has the names of the policies to select; empty if each file has a single one.
    Raises `UsageError` for a bad name, or a file with several policies and no name.
    """
    taken = [take(opener.policies_of(file), documents) for file in files]
    if len(taken) == 1:
        return of_taken(taken[0], opener.user_names)
    together = Taken(
        ", ".join(part.title for part in taken),
        tuple(named for part in taken for named in _named_by_file(part.opened)),
        tuple(skipped for part in taken for skipped in part.skipped),
    )
    return of_taken(together, opener.user_names)


def limited(subject: Subject, boundary: str | None, scps: Sequence[str], opener: Opener) -> Subject:
    """Return policies of a role with the limits that must allow a request, too.

    `boundary` and each of `scps` (one level of the organization) are files. A level that only
    denies also has FullAWSAccess. These files give names that the policies do not have.
    """
    if boundary is not None:
        taken = take(opener.policies_of(boundary), ())
        skipped = tuple(s for s in subject.skipped if s.reason is not Reason.not_applied)
        bounded = replace(subject, skipped=skipped)
        subject = _with(bounded, taken, "boundary", _named_by_file(taken.opened))
    for file in scps:
        opened = opener.policies_of(file)
        taken = take(opened, [p.name for p in opened.policies if p.name])
        policies = _named_by_file(taken.opened)
        if not any(s.effect == "Allow" for n in policies for s in n.policy.statements):
            policies = (*policies, NamedPolicy("FullAWSAccess", _FULL_ACCESS, "AWS Organizations"))
        taken = replace(taken, skipped=opened.skipped)
        subject = _with(subject, taken, "service control policy", policies)
    return _named(subject, opener.user_names)


def _with(subject: Subject, taken: Taken, kind: str, policies: tuple[NamedPolicy, ...]) -> Subject:
    return replace(
        subject,
        title=f"{subject.title}, with the {kind} {taken.title}",
        skipped=(*subject.skipped, *taken.skipped),
        limits=(*subject.limits, policies),
    )


def _named_by_file(opened: Sequence[NamedPolicy]) -> tuple[NamedPolicy, ...]:
    """Return policies whose names start with their files."""
    return tuple(replace(n, name=f"{n.source}:{n.name}" if n.name else n.source) for n in opened)


def characters(policy: Policy) -> int:
    """Return the size of a policy in its shortest form, without white space, as IAM counts it."""
    text = json.dumps(to_json(policy), ensure_ascii=False, separators=(",", ":"))
    return sum(map(len, text.split()))


def _check(opened: NamedPolicy) -> None:
    """Raise `InputError` for a policy that IAM or the evaluator refuses.

    IAM User Guide, "IAM JSON policy elements: Sid": a Sid is unique in a policy.
    """
    sids = Counter(str(s.sid) for s in opened.policy.statements if s.sid)
    for sid, number in sids.items():
        if number > 1:
            problem = (
                f"{number} statements have the Sid {sid[:80]!r}; IAM accepts a Sid once in a policy"
            )
            raise InputError(opened.source, opened.name, problem)
    try:
        compile_policies([opened.policy])
    except InputError as error:
        place = f"{opened.name}{error.place[1:]}" if opened.name else error.place
        raise InputError(opened.source, place, error.problem) from None


def check_coverage(
    policies: Sequence[Policy], *, cni_version: str = LATEST, mode: Mode | None = None
) -> Coverage:
    """Return which calls of a plugin version policies allow, and the effect of each denial.

    The requests have the cluster, VPC, account and Region that the Allow statements name, or
    examples. If they name no Region, it is the worst coverage of all Regions that the policies
    name, and one that they do not name.

    Args:
        policies: The policies of the plugin's role, taken together.
        cni_version: A plugin version such as ``v1.23.0``, or ``latest``.
        mode: The cluster's IP family; None for that of the policies.

    Raises:
        InputError: A policy that the evaluator refuses.
        UsageError: An unknown version or mode, or a version without that mode.
    """
    if mode is not None and mode not in (modes := get_args(Mode)):
        raise UsageError(unknown_name(mode, modes, "IP family"))
    names = known_names(names_in(policies))
    setting = RequestSetting(
        known_versions.find(cni_version),
        mode or mode_of(policies),
        names=names_of(names, policies),
    )
    return cover(policies, setting, regions=regions_to_check(policies, names))


def _or_examples(user_names: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the names that a user chose, and examples for the others."""
    chosen = {name: value for name, value in user_names.items() if value is not None}
    if (region := chosen.get("region", "*")) != "*":
        chosen.setdefault("partition", partition_of(region))
    return {**{p.name: EXAMPLE[p.name] for p in parameters.NAMES}, **chosen}


def _subject(policies: Taken, user_names: Mapping[str, str | None]) -> Subject:
    subject = Subject(policies.title, policies.opened, Names(), {}, policies.skipped)
    return _named(subject, user_names)


def _named(subject: Subject, user_names: Mapping[str, str | None]) -> Subject:
    """Return a subject with the names that the user chose, else those in its policies.

    The limits give names that the policies do not have.
    """
    chosen = {name: value for name, value in user_names.items() if value and value != "*"}
    limiting = [policy for limit in subject.limiting for policy in limit]
    known = known_names(chosen, names_of_role(subject.policies, limiting))
    own_names = {k: v for k, v in known.items() if k not in chosen and v != EXAMPLE.get(k)}
    if "region" in known:  # the Region decides the partition
        own_names.pop("partition", None)
    regions = regions_to_check([*subject.policies, *limiting], known)
    names = names_of(known, subject.policies)
    return replace(subject, names=names, own_names=own_names, regions=regions)

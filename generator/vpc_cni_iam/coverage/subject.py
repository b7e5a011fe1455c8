"""The subject of a coverage report: policies of one role, and the names in its requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from vpc_cni_iam.account.access import RoleAccess
from vpc_cni_iam.account.account import Account
from vpc_cni_iam.account.choice import choose_policies, choose_role
from vpc_cni_iam.account.doubts import NotKnown, Reason, is_complete
from vpc_cni_iam.account.grants import UNKNOWN, ClusterSettings, Document, characters
from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.partitions import partition_of
from vpc_cni_iam.catalog.known_documents import KnownDocument, recognise
from vpc_cni_iam.catalog.selection import Selection
from vpc_cni_iam.coverage.judge.nodes import NodeDenial, node_denials
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
from vpc_cni_iam.coverage.simulate.settings import EXAMPLE, Names
from vpc_cni_iam.errors import InputError, first_of
from vpc_cni_iam.inputs.variables import GivenVariables
from vpc_cni_iam.policy.document import Policy, Statement
from vpc_cni_iam.policy.evaluate import Decision, compile_policies
from vpc_cni_iam.policy.quotas import INLINE, MANAGED

# The size of a role's policies, as IAM counts it. Source: IAM User Guide, "IAM and AWS STS quotas".
_LIMIT = "20 managed policies of 6,144, and inline policies of 10,240 together"
_MOST_CHARACTERS = 20 * MANAGED + INLINE["role"]
# AWS Organizations attaches it to each level by default.
_FULL_ACCESS = Policy((Statement(actions=("*",), resources=("*",), sid="FullAWSAccess"),))


class Subject(Struct, frozen=True):
    """What one role has, and the names in its requests."""

    title: str  # a description in one line
    access: RoleAccess  # its policies, its boundary and service control policies by level
    names: Names = Names()
    own_names: Mapping[str, str] = {}  # the names that come from the policies, by parameter
    # The Regions to check, if the plugin's Region is not known.
    regions: tuple[CheckedRegion, ...] = ()
    # The feature whose program has the role; None for ``aws-node``.
    program: str | None = None
    # The policies of an input that equal documents of upstream or AWS, with these documents.
    equal_to: tuple[tuple[Document, tuple[KnownDocument, ...]], ...] = ()
    plugin: ClusterSettings | None = None  # aws-node in the cluster, as the input has it

    @property
    def opened(self) -> tuple[Document, ...]:
        """The policies with their names."""
        return self.access.policies

    @property
    def skipped(self) -> tuple[NotKnown, ...]:
        """What is not known about the role, and notes."""
        return self.access.not_known

    def doubting(self, doubts: Iterable[NotKnown]) -> Subject:
        """Return the subject with these doubts."""
        return replace(self, access=replace(self.access, not_known=tuple(doubts)))

    @property
    def nodes(self) -> tuple[NodeDenial, ...]:
        """What nodes cannot do with the role, if it is theirs."""
        is_of_eks = self.access.is_of_node_group
        return node_denials(self.access, is_of_eks=is_of_eks) if self.access.is_of_nodes else ()

    @property
    def is_complete(self) -> bool:
        """Whether all of the input was read."""
        return is_complete(self.skipped)

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies without their names."""
        return self.access.known

    @property
    def limiting(self) -> Limits:
        """The policies of the limits without their names."""
        return self.access.limiting

    @property
    def mode(self) -> Mode:
        """The IP family of the policies; see `mode_of`."""
        return mode_of(self.policies)

    def statement(self, decision: Decision) -> str:
        """Return the Sid or number (from 1) of the deciding statement; empty if there is none."""
        if decision.policy is None or decision.statement is None:
            return ""
        every = self.access.every
        named = every[decision.policy]
        text = str(named.policy.statements[decision.statement].sid or decision.statement + 1)
        return f"{named.name}.{text}" if named.name and len(every) > 1 else text

    def limit(self, decision: Decision) -> str:
        """Return the name of a limit that has no Allow for a request; empty if there is none."""
        if decision.policy is None or decision.statement is not None:
            return ""
        return self.access.every[decision.policy].name


class Opener(Struct, frozen=True):
    """Opens inputs."""

    stdin: Callable[[], str]  # reads standard input, for ``-``
    # The parameters' values that the user chose; None, or missing, for the others.
    user_names: Mapping[str, str | None] = {}
    # The values of a module's variables that the user gave.
    user_values: GivenVariables = field(default_factory=GivenVariables)

    def account(self, target: str) -> Account:
        """Return the account of a path, or ``-``, with examples for parameters without a value."""
        # A review of a plan opens no other input.
        from vpc_cni_iam.inputs.identify import open_account  # noqa: PLC0415

        parameters.values(self.user_names)
        values = {name: value for name, value in _or_examples(self.user_names).items() if value}
        named = frozenset(name for name, value in self.user_names.items() if value)
        return open_account(target, self.stdin, values, replace(self.user_values, named=named))

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
    opened = (Document(variant.identifier, filled, f"variant {name}"),)
    title = f"variant {name} ({document})"
    subject = _named(Subject(title, RoleAccess("", opened)), user_names)
    return replace(subject, program=variant.program)


def of_taken(taken: Subject, user_names: Mapping[str, str | None]) -> Subject:
    """Return policies that were chosen from inputs, with the user's names, by parameter."""
    known = ((o, recognise(o.policy, names_in([o.policy]))) for o in taken.opened)
    return replace(_named(taken, user_names), equal_to=tuple(each for each in known if each[1]))


def of_policies(policies: Sequence[Policy]) -> Subject:
    """Return policies without a file."""
    opened = tuple(Document("", policy, "policy") for policy in policies)
    return _named(Subject("policy", RoleAccess("", opened)), {})


def take(account: Account, access: RoleAccess) -> Subject:
    """Return what a role of an input has, after checking each policy."""
    size = sum(characters(document.policy) for document in access.policies)
    if size > _MOST_CHARACTERS:
        raise InputError(
            account.source,
            "",
            f"has {size:,} characters without white space; the policies of a role can have "
            f"{_MOST_CHARACTERS:,}: {_LIMIT}"
            + ("; name fewer of them with --document" if len(access.policies) > 1 else ""),
        )
    for opened in access.every:
        _check(opened)
    named = ", ".join(o.name for o in access.policies if o.name)
    whose = f": {access.principal}" if access.principal not in ("", account.source) else ""
    title = f"{account.source}{whose}" + (f" ({named})" if named else "")
    return Subject(title, access)


def of_files(
    files: Sequence[str], documents: Sequence[str], opener: Opener, role: str = ""
) -> Subject:
    """Return what aws-node's role has, in files and modules.

    `documents` has the names of policies to select, and `role` that of the role; without both, each
    file has one role that aws-node can assume. Raises `UsageError` if it has not.
    """
    accounts = [opener.account(file) for file in files]
    cluster = opener.user_names.get("cluster_name") or ""
    taken = [
        take(a, choose_policies(a, documents) if documents else choose_role(a, role, cluster))
        for a in accounts
    ]
    if len(taken) == 1:
        plugin, doubts = _plugin(accounts[0], cluster)
        whole = replace(taken[0], plugin=plugin).doubting((*taken[0].skipped, *doubts))
        return of_taken(whole, opener.user_names)
    together = RoleAccess(
        "",
        tuple(named for part in taken for named in _named_by_file(part.opened)),
        tuple(limit for part in taken for limit in part.access.limits),
        tuple(doubt for part in taken for doubt in part.skipped),
    )
    return of_taken(Subject(", ".join(part.title for part in taken), together), opener.user_names)


def _plugin(account: Account, cluster: str) -> tuple[ClusterSettings | None, tuple[NotKnown, ...]]:
    """Return aws-node in the only cluster of an input or in a named one, or a doubt about it."""
    every = [p for p in account.plugins if not cluster or p.names.get("cluster_name") == cluster]
    if len(every) < 2:  # noqa: PLR2004 - none, or the only one
        return next(iter(every), None), ()
    names = first_of([p.names.get("cluster_name", UNKNOWN) for p in every])
    detail = f"aws-node is in several clusters, {names}; choose with --set cluster-name=NAME"
    return None, (NotKnown("its version and settings", Reason.setting_not_read, detail),)


def limited(subject: Subject, boundary: str | None, scps: Sequence[str], opener: Opener) -> Subject:
    """Return policies of a role with the limits that must allow a request, too.

    `boundary` and each of `scps` (one level of the organization) are files. A level that only
    denies also has FullAWSAccess. These files give names that the policies do not have.
    """
    if boundary is not None:
        of_boundary = opener.account(boundary)
        taken = take(of_boundary, choose_policies(of_boundary))
        doubts = tuple(d for d in subject.skipped if d.reason is not Reason.not_applied)
        subject = subject.doubting(doubts)
        subject = _with(subject, taken, "boundary", _named_by_file(taken.opened))
    for file in scps:
        opened = opener.account(file)
        every = [policy.name for policy in opened.policies if policy.name]
        taken = take(opened, choose_policies(opened, every))
        policies = _named_by_file(taken.opened)
        if not any(s.effect == "Allow" for n in policies for s in n.policy.statements):
            policies = (*policies, Document("FullAWSAccess", _FULL_ACCESS, "AWS Organizations"))
        taken = replace(taken, access=replace(taken.access, not_known=opened.not_known))
        subject = _with(subject, taken, "service control policy", policies)
    return _named(subject, opener.user_names)


def without_boundaries(skipped: Iterable[NotKnown]) -> tuple[NotKnown, ...]:
    """Return parts with a note instead of each permissions boundary, for commands without one."""
    detail = "this permissions boundary is not checked"
    return tuple(
        NotKnown(part.name, Reason.assumed, detail) if part.reason is Reason.not_applied else part
        for part in skipped
    )


def _with(subject: Subject, taken: Subject, kind: str, policies: tuple[Document, ...]) -> Subject:
    access = replace(
        subject.access,
        not_known=(*subject.skipped, *taken.skipped),
        limits=(*subject.access.limits, policies),
    )
    title = f"{subject.title}, with the {kind} {taken.title}"
    return replace(subject, title=title, access=access)


def _named_by_file(opened: Sequence[Document]) -> tuple[Document, ...]:
    """Return policies whose names start with their files."""
    return tuple(replace(n, name=f"{n.source}:{n.name}" if n.name else n.source) for n in opened)


def _check(opened: Document) -> None:
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


def _or_examples(user_names: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the names that a user chose, and examples for the others."""
    chosen = {name: value for name, value in user_names.items() if value is not None}
    if (region := chosen.get("region", "*")) != "*":
        chosen.setdefault("partition", partition_of(region))
    return {**{p.name: EXAMPLE[p.name] for p in parameters.NAMES}, **chosen}


def _named(subject: Subject, user_names: Mapping[str, str | None]) -> Subject:
    """Return a subject with the names that the user chose, else those in its policies.

    The limits give names that the policies do not have.
    """
    chosen = {name: value for name, value in user_names.items() if value and value != "*"}
    chosen = {**(subject.plugin.names if subject.plugin else {}), **chosen}
    limiting = [policy for limit in subject.limiting for policy in limit]
    known = known_names(chosen, names_of_role(subject.policies, limiting))
    own_names = {k: v for k, v in known.items() if k not in chosen and v != EXAMPLE.get(k)}
    if "region" in known:  # the Region decides the partition
        own_names.pop("partition", None)
    regions = regions_to_check([*subject.policies, *limiting], known)
    names = names_of(known, subject.policies)
    return replace(subject, names=names, own_names=own_names, regions=regions)

"""What a changed module means for access: how each of its policy documents changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from vpc_cni_iam.catalog import parameters, trust
from vpc_cni_iam.catalog.options import ModuleKind, Options
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.hcl.module.reader import HclModule, any_values, read_blocks
from vpc_cni_iam.hcl.resolve import ResolvedDocument
from vpc_cni_iam.policy.diff import differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.proof.answer import Answer, NoNewAccess, NotProven
from vpc_cni_iam.policy.proof.beside import no_new_access_beside_others
from vpc_cni_iam.policy.template import Hole, fill
from vpc_cni_iam.vendoring.edits.blocks import module_blocks
from vpc_cni_iam.vendoring.edits.meaning import AccessChange, ModuleReason, ReadProblem, unreadable

_Policies = tuple[Policy, ...]
_NOTHING = (Policy(()),)
# The values of a module's variables in the meaning of a change: upstream's, or unknown if upstream
# sets none.
_VALUES = {
    **parameters.with_defaults(
        any_values(p.name for p in (*parameters.REQUIRED, *trust.PARAMETERS))
    ),
    trust.POD_IDENTITY: True,
}
# What example requests have instead of a variable's value. Variables that an edit adds keep their
# name: two places must never become one.
_NAMES = {
    f"var.{p.name}": f"<{p.name.replace('account_id', 'account').replace('_', '-')}>"
    for p in trust.VARIABLES
}


class DocumentChange(Struct, frozen=True):
    """How a policy document differs from those of its name in other versions of its module."""

    name: str
    before: tuple[ResolvedDocument, ...]  # those that were read
    after: ResolvedDocument | None  # None if it is removed or unread
    problems: tuple[NotProven, ...]  # why its policy alone does not show what it allows

    @property
    def gained(self) -> Answer:
        """Whether it allows more, whatever other policies its role has."""
        return _more(self._old, self._new)

    @property
    def access(self) -> AccessChange | NotProven:
        """What the change means, compared with one version; a new document had no access."""
        for problem in self.problems:
            # `sources` may join documents that a caller passes; reports name other documents.
            if problem.reason is not ModuleReason.joins:
                return problem
        old, new = self._old, self._new
        gained, lost = self.gained, _more(new, old)
        for answer in (gained, lost):
            if isinstance(answer, NotProven) and answer.reason is ModuleReason.unreadable:
                return answer
        parts = differences(old[0], new[0])
        return AccessChange(parts, gained, lost, removed=self.after is None)

    @property
    def _old(self) -> _Policies:
        return tuple(each.policy for each in self.before) or _NOTHING

    @property
    def _new(self) -> _Policies:
        return (self.after.policy,) if self.after is not None else _NOTHING


def document_labels(options: Options) -> dict[str, str]:
    """Return the labels of a module's documents, by data source, in the order of reports."""
    labels = {v.identifier: v.name for v in options.variants}
    if options.kind is ModuleKind.role:
        labels[trust.DOCUMENT] = "trust policy"
    return labels


def read_module(files: Mapping[str, str]) -> HclModule:
    """Return the module of these files, with upstream's values or unknown ones."""
    return _read(tuple(sorted(files.items())))


@lru_cache(maxsize=8)
def _read(files: tuple[tuple[str, str], ...]) -> HclModule:
    return read_blocks(module_blocks(dict(files)), _VALUES)


def document_changes(before: Sequence[HclModule], after: HclModule) -> Iterator[DocumentChange]:
    """Yield how each policy document of a module differs from those of other versions.

    If there are several versions before, a role had everything that one of them allows.
    """
    names = dict.fromkeys((*after.unread, *(d.name for d in after.documents)))
    removed = set[str]().union(*(side.names for side in before)) - names.keys()
    for name in (*names, *sorted(removed)):
        known = tuple(d for side in before if (d := side.document(name)) is not None)
        new = after.document(name)
        problem = _read_problem(name, before, after)
        problems = [problem] if problem is not None else _problems(len(before), known, new)
        yield DocumentChange(name, known, new, tuple(problems))


def _read_problem(name: str, before: Sequence[HclModule], after: HclModule) -> NotProven | None:
    if name in after.unread:
        return unreadable(after.unread[name])
    reason = next((side.unread[name] for side in before if name in side.unread), None)
    if reason is None:
        return None
    if after.document(name) is None:
        return NotProven(ModuleReason.removed_document, ReadProblem(reason))
    return unreadable(reason)


def _problems(
    count: int, before: Sequence[ResolvedDocument], after: ResolvedDocument | None
) -> Iterator[NotProven]:
    """Yield what a document's policy does not show; `count` versions are before."""
    if after is None:
        if len(before) == count and all(d.policy.only("Deny").statements for d in before):
            yield NotProven(ModuleReason.removed_deny)
        return
    if after.joins not in ({d.joins for d in before} or {()}):
        yield NotProven(ModuleReason.joins)
    if before and after.repeats not in {d.repeats for d in before}:
        yield NotProven(ModuleReason.repeats)


@lru_cache(maxsize=256)
def _more(old: _Policies, new: _Policies) -> Answer:
    """Return whether a policy allows more than others, whatever other policies the role has."""
    if new[0] in old:
        return NoNewAccess()
    try:
        return no_new_access_beside_others(tuple(map(_shown, old)), tuple(map(_shown, new)))
    except InputError as error:
        return unreadable(error)


def _shown(policy: Policy) -> Policy:
    """Return a policy with the names that example requests have instead of a variable's value."""
    return policy.map_texts(lambda text: fill(text, _name), whole=True)


def _name(hole: Hole) -> Hole:
    return replace(hole, place=_NAMES.get(hole.place, hole.place))

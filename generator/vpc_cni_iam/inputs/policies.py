"""Opens whatever holds a policy: JSON, a plan, HCL, or a module's directory.

The one place that tells kinds of input apart. Each kind is a function from a target to named
policies; `open_policies` chooses by what the target is.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.inputs.json_documents import Document, documents
from vpc_cni_iam.inputs.skipped import Reason, Skipped
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.texts import STDIN, read
from vpc_cni_iam.texts.limits import HCL

# The variable through which a generated module joins documents of a caller; empty by default.
_JOINED = ("additional_policy_documents",)
# The details of an account name thousands.
_SHOWN = 20
_SUFFIXES = (".tf", ".tofu", ".hcl")


@dataclass(frozen=True, slots=True)
class Opened:
    """One policy of an input.

    Args:
        name: What the input calls it: the name of its data source; empty if it has none.
        policy: The policy.
        source: The input, as errors name it.
    """

    name: str
    policy: Policy
    source: str


@dataclass(frozen=True, slots=True)
class Input:
    """What an input holds; `choose` is the way to its policies.

    Args:
        source: The input, as errors name it.
        policies: Its identity policies.
        skipped: What else it holds, and why that is not among them.
    """

    source: str
    policies: tuple[Opened, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The policies that a verdict is about, with what it has to say of the rest of their input.

    Args:
        policies: The policies.
        skipped: What was skipped, save what a user left out by naming the policies.
    """

    policies: tuple[Opened, ...]
    skipped: tuple[Skipped, ...]


def open_policies(target: str, stdin: Callable[[], str], values: Mapping[str, str]) -> Input:
    """Return the identity policies of an input, at least one.

    Args:
        target: A path, or ``-`` for standard input.
        stdin: Reads standard input.
        values: Values for the variables of a module, by name; its own defaults stand for others.

    Raises:
        InputError: No such file, a kind that is not read, or no policy in it that can be read.
    """
    found = _opened(target, stdin, values)
    if not found.policies:
        raise InputError(found.source, "", _nothing(found.skipped))
    return found


def _opened(target: str, stdin: Callable[[], str], values: Mapping[str, str]) -> Input:
    if target == "-":
        return _json(stdin(), STDIN)
    path = Path(target)
    if os.path.isdir(path):  # noqa: PTH112 - which refuses no name that is too long
        from vpc_cni_iam.inputs.directory import read_directory

        directory = read_directory(path)
        return _hcl(directory.texts, target, values, directory.skipped)
    if path.suffix in _SUFFIXES:
        return _hcl({target: read(path, "HCL", HCL)}, target, values, ())
    return _json(read(path), target)


def choose(there: Input, names: Iterable[str]) -> Chosen:
    """Return the policies of these names, or the only one that can be read.

    Args:
        there: What `open_policies` returns.
        names: The names, several for policies of one role; none if there is one policy only.

    Raises:
        InputError: A name of what was skipped.
        UsageError: A name that is not there, or several policies and no name.
    """
    chosen = tuple(dict.fromkeys(names))
    known = [o.name for o in there.policies if o.name]
    details = {s.name: f"{s.reason}: {s.detail}" for s in there.skipped}
    for name in chosen:
        if name not in known and name in details:
            raise InputError(there.source, "", f"{name} is {details[name]}")
        if name not in known:
            others = f"there are {_listed(known)}" if known else "its policy has no name"
            raise UsageError(f"{there.source} holds no document {name!r}; {others}")
    if not chosen and len(there.policies) > 1:
        problem = f"{there.source} holds several policies, {_listed(known)}; "
        unread = [s.name for s in there.skipped if s.counts]
        if unread:
            problem += f"choose with --document\nof the others: {_listed(unread)} cannot be read"
        else:
            problem += "choose with --document"
        raise UsageError(problem)
    if not chosen:
        return Chosen(there.policies, there.skipped)
    return Chosen(
        tuple(o for o in there.policies if o.name in chosen),
        tuple(s for s in there.skipped if s.reason is Reason.overrides),
    )


def _nothing(skipped: Sequence[Skipped]) -> str:
    """Say why no policy of an input can be taken."""
    if not skipped:
        return "holds no policy of an identity"
    listed = [f"{s.name}: {s.reason}: {s.detail}" for s in skipped[:_SHOWN]]
    if len(skipped) > _SHOWN:
        listed.append(f"and {len(skipped) - _SHOWN:,} more")
    return f"holds no policy of an identity that can be read; {'; '.join(listed)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _json(text: str, source: str) -> Input:
    from vpc_cni_iam.inputs.plan import policies as planned

    if planned.is_plan(text):
        return _sorted(planned.identity_policies(text, source), source)
    return _sorted(_printed(documents(text, source)), source)


def _sorted(parts: Iterable[tuple[str, Policy] | Skipped], source: str) -> Input:
    """Return an input of its policies and of what was skipped."""
    opened: list[Opened] = []
    skipped: list[Skipped] = []
    for part in parts:
        if isinstance(part, Skipped):
            skipped.append(part)
        else:
            opened.append(Opened(*part, source))
    return Input(source, tuple(opened), tuple(skipped))


def _printed(found: tuple[Document, ...]) -> Iterator[tuple[str, Policy] | Skipped]:
    """Yield the policies of a JSON file that are of identities."""
    for document, name in zip(found, _names(found), strict=True):
        try:
            policy = document.policy()
        except InputError as error:
            if len(found) == 1:
                raise
            yield Skipped(name, Reason.not_read, f"{error.place}: {error.problem}")
            continue
        if policy.names_principals:
            yield Skipped(name or document.place, Reason.other_kind, "it names principals")
        else:
            yield name, policy
        for version in document.left_out:
            detail = "another version is the default"
            yield Skipped(f"{name} {version}".strip(), Reason.not_in_force, detail)


def _names(found: tuple[Document, ...]) -> Iterator[str]:
    """Yield what the file calls each policy, or its JSON path where that tells it from none."""
    called = ["/".join(document.names) for document in found]
    times = Counter(called)
    for name, document in zip(called, found, strict=True):
        unlike = len(found) == 1 or (name and times[name] == 1)
        yield name if unlike else document.place


def _hcl(
    texts: Mapping[str, str], source: str, values: Mapping[str, str], skipped: Iterable[Skipped]
) -> Input:
    from vpc_cni_iam.hcl import module as hcl
    from vpc_cni_iam.inputs.written_out import written_out

    module = hcl.read(texts, values)
    parts: list[tuple[str, Policy] | Skipped] = []
    for document in module.documents:
        if document.policy.names_principals:
            detail = f"line {document.line}: it names principals"
            parts.append(Skipped(document.name, Reason.other_kind, detail))
        elif hcl.joins_nothing(document, module, _JOINED):
            parts.append((document.name, document.policy))
        else:
            problem = "joins other documents, which needs an engine; render it and give the JSON"
            detail = f"line {document.line}: it {problem}"
            parts.append(Skipped(document.name, Reason.not_read, detail))
    parts += [Skipped(name, Reason.not_read, why) for name, why in module.unread.items()]
    names = {document.name for document in module.documents} | set(module.unread)
    parts += written_out(texts, module.scope, names)
    for place, block in module.calls:
        detail = f"{place}, line {block.line}: the policies of a called module are not read"
        parts.append(Skipped(".".join(("module", *block.labels)), Reason.not_read, detail))
    parts += skipped
    return _sorted(parts, source)

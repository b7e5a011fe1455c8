"""Opens whatever holds a policy: JSON, a plan, HCL, or a module's directory.

The one place that tells kinds of input apart. Each kind is a function from a target to named
policies; `open_policies` chooses by what the target is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.sources.json_documents import Document, documents
from vpc_cni_iam.texts import STDIN, read

# The variable through which a generated module joins documents of a caller; empty by default.
_JOINED = ("additional_policy_documents",)
# The details of an account name thousands.
_SHOWN = 20


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
    """What an input holds.

    Args:
        source: The input, as errors name it.
        policies: Its identity policies.
        unread: Why others could not be read, by name.
        passed_over: Where a policy is that its text does not write out, by address.
    """

    source: str
    policies: tuple[Opened, ...]
    unread: Mapping[str, str] = field(default_factory=dict)
    passed_over: Mapping[str, str] = field(default_factory=dict)


def open_policies(target: str, stdin: Callable[[], str], values: Mapping[str, str]) -> Input:
    """Return the identity policies of an input.

    Args:
        target: A path, or ``-`` for standard input.
        stdin: Reads standard input.
        values: Values for the variables of a module, by name; its own defaults stand for others.

    Raises:
        InputError: No such file, a kind that is not read, or no policy in it.
    """
    if target == "-":
        return _json(stdin(), STDIN)
    path = Path(target)
    if path.is_dir():
        # *.tf only: what an engine reads besides, such as *.tf.json, is not read here.
        files = sorted(p for p in path.iterdir() if p.suffix == ".tf" and p.is_file())
        if not files:
            raise InputError(target, "", "holds no .tf file; name a module's directory or a file")
        return _hcl({str(p): read(p, "HCL") for p in files}, target, values)
    if path.suffix in (".tf", ".tofu", ".hcl"):
        return _hcl({target: read(path, "HCL")}, target, values)
    return _json(read(path, limit=None), target)


def choose(found: Input, names: Iterable[str]) -> tuple[Opened, ...]:
    """Return the policies of these names, or the only one there is.

    Args:
        found: What `open_policies` returns.
        names: The names, several for policies of one role; none if there is one policy only.

    Raises:
        InputError: A policy that cannot be read is named, or none can be.
        UsageError: A name that is not there, or several policies and no name.
    """
    wanted = tuple(dict.fromkeys(names))
    known = [o.name for o in found.policies if o.name]
    for name in wanted:
        if name in found.unread:
            raise InputError(found.source, "", f"{name} cannot be read: {found.unread[name]}")
        if name not in known:
            there = f"there are {_listed(known)}" if known else "its policy has no name"
            raise UsageError(f"{found.source} holds no document {name!r}; {there}")
    if not wanted and len(found.policies) + len(found.unread) > 1:
        # What cannot be read is no choice, unless there is nothing else to name.
        offered, others = (known, list(found.unread)) if known else (list(found.unread), [])
        said = f"{found.source} holds several policies, {_listed(offered)}; choose with --document"
        if others:
            said += f"\nof the others: {_listed(others)} cannot be read"
        raise UsageError(said)
    if not found.policies:
        raise InputError(found.source, "", f"cannot be read: {next(iter(found.unread.values()))}")
    return tuple(o for o in found.policies if not wanted or o.name in wanted)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _json(text: str, source: str) -> Input:
    from vpc_cni_iam.sources import planned

    if not planned.is_plan(text):
        return _printed(documents(text, source), source)
    known, unread = planned.identity_policies(text, source)
    if not known and not unread:
        raise InputError(source, "", "is a plan that leaves no policy of an identity")
    return Input(source, tuple(Opened(*found, source) for found in known), unread)


def _printed(found: tuple[Document, ...], source: str) -> Input:
    """Return the policies of a JSON file that are of identities."""
    opened, unread = [], {}
    for document, name in zip(found, _names(found), strict=True):
        try:
            policy = document.policy()
        except InputError as error:
            if len(found) == 1:
                raise
            unread[name] = f"{error.place}: {error.problem}"
            continue
        if not policy.names_principals:
            opened.append(Opened(name, policy, source))
    if not opened and not unread:
        raise InputError(
            source, "", "holds no policy of an identity: what is in it names principals"
        )
    return Input(source, tuple(opened), unread)


def _names(found: tuple[Document, ...]) -> Iterator[str]:
    """Yield what the file calls each policy, or its JSON path where that tells it from none."""
    called = ["/".join(document.names) for document in found]
    times = Counter(called)
    for name, document in zip(called, found, strict=True):
        unlike = len(found) == 1 or (name and times[name] == 1)
        yield name if unlike else document.place


def _hcl(texts: Mapping[str, str], source: str, values: Mapping[str, str]) -> Input:
    from vpc_cni_iam.hcl import module as hcl
    from vpc_cni_iam.sources.written_out import written_out

    module = hcl.read(texts, values)
    opened, unread = [], dict(module.unread)
    for found in module.documents:
        if found.policy.names_principals:
            continue  # a trust policy
        if hcl.joins_nothing(found, module, _JOINED):
            opened.append(Opened(found.name, found.policy, source))
        else:
            problem = "joins other documents, which needs an engine; render it and give the JSON"
            unread[found.name] = f"line {found.line}: it {problem}"
    there = written_out(texts, module.scope)
    opened += [Opened(address, policy, source) for address, policy in there.policies.items()]
    unread |= there.unread
    if not opened and not unread:
        problem = "holds no policy of an identity"
        for address, why in there.passed_over.items():
            problem += f"; {address} in {why}"
        raise InputError(source, "", problem)
    return Input(source, tuple(opened), unread, there.passed_over)

"""Opens whatever holds a policy: JSON, HCL, or a module's directory.

The one place that tells kinds of input apart. Each kind is a function from a target to named
policies; `open_policies` chooses by what the target is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import loads

STDIN = "-"
_STDIN_NAME = "standard input"
# The variable through which a generated module joins documents of a caller; empty by default.
_JOINED = ("additional_policy_documents",)


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


def open_policies(
    target: str, stdin: Callable[[], str], values: Mapping[str, str]
) -> tuple[Opened, ...]:
    """Return the identity policies of an input.

    Args:
        target: A path, or ``-`` for standard input.
        stdin: Reads standard input.
        values: Values for the variables of a module, by name; its own defaults stand for others.

    Raises:
        InputError: No such file, a kind that is not read, or no policy in it.
    """
    if target == STDIN:
        return _json(stdin(), _STDIN_NAME)
    path = Path(target)
    if path.is_dir():
        # *.tf only: what an engine reads besides, such as *.tf.json, is not read here.
        files = sorted(p for p in path.iterdir() if p.suffix == ".tf" and p.is_file())
        if not files:
            raise InputError(target, "", "holds no .tf file; name a module's directory or a file")
        return _hcl({str(p): _text(p) for p in files}, target, values)
    text = _text(path)
    if path.suffix in (".tf", ".hcl"):
        return _hcl({target: text}, target, values)
    return _json(text, target)


def choose(opened: Iterable[Opened], names: Iterable[str]) -> tuple[Opened, ...]:
    """Return the policies of these names, or the only one there is.

    Args:
        opened: What `open_policies` returns.
        names: The names, several for policies of one role; none if there is one policy only.

    Raises:
        InputError: A name that is not there, or several policies and no name.
    """
    found, wanted = tuple(opened), tuple(dict.fromkeys(names))
    source, known = found[0].source, ", ".join(o.name for o in found if o.name)
    if not wanted:
        if len(found) > 1:
            problem = f"holds {len(found)} policies: {known}; choose with --document"
            raise InputError(source, "", problem)
        return found
    for name in wanted:
        if name not in {o.name for o in found}:
            there = f"; there are {known}" if known else ", since its policy has no name"
            raise InputError(source, "", f"holds no document {name!r}{there}")
    return tuple(o for o in found if o.name in wanted)


def _json(text: str, source: str) -> tuple[Opened, ...]:
    return (Opened("", loads(text, source), source),)


def _hcl(texts: Mapping[str, str], source: str, values: Mapping[str, str]) -> tuple[Opened, ...]:
    from vpc_cni_iam.hcl import module as hcl

    module = hcl.read(texts, values)
    opened, joined = [], dict(module.unread)
    for found in module.documents:
        if any(s.principals or s.not_principals for s in found.policy.statements):
            continue  # a trust policy
        if hcl.joins_nothing(found, module, _JOINED):
            opened.append(Opened(found.name, found.policy, source))
        else:
            joined[found.name] = (
                f"{source}: line {found.line}: data source {found.name} joins other documents, "
                "which needs an engine; render it and give the JSON"
            )
    if opened:
        return tuple(opened)
    if joined:
        raise InputError(source, "", f"no policy can be read: {next(iter(joined.values()))}")
    raise InputError(source, "", "holds no data source aws_iam_policy_document of an identity")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(str(path), "", "is not UTF-8 text") from None
    except FileNotFoundError:
        raise InputError(str(path), "", "is not there") from None
    except OSError as error:
        raise InputError(str(path), "", f"cannot be read: {error.strerror}") from None

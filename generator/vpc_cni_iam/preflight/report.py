"""Preflight findings as lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import wrap

from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.preflight.findings import Preflight, PreflightFinding
from vpc_cni_iam.preflight.lists import NodeLists

_WIDTH = 100
_INDENT = " " * 9
_SHOWN = 20


def lines(result: Preflight) -> Iterator[str]:
    """Yield the findings as lines."""
    for finding in result.findings:
        yield from _lines(finding)
    counts = Counter(map(_label, result.findings))  # the most severe first
    listed = ", ".join(f"{number} {label}" for label, number in counts.items())
    read = [
        _count(number, kind)
        for number, kind in (
            (result.instances, "instance"),
            (result.interfaces, "network interface"),
        )
        if number is not None
    ]
    checked = f"{' and '.join(read)} read, {_count(result.nodes, 'node')} checked"
    yield f"{result.verdict}: {checked}{f' ({listed})' if listed else ''}"


def list_lines(lists: NodeLists) -> Iterator[str]:
    """Yield the lists as values of a narrowed module's variables, and what they do not include."""
    yield "subnets and security groups of these nodes, for a module with --limit-to:"
    for name, ids in (
        ("subnet_ids", lists.subnet_ids),
        ("security_group_ids", lists.security_group_ids),
    ):
        quoted = ", ".join(f'"{identifier}"' for identifier in ids)
        yield f"  {name:<18} = [{quoted}]"
    if lists.not_read:
        yield f"  incomplete: the input has no interface of {_listed(lists.not_read)}"
    if not lists.has_eni_configs:
        yield (
            "  with custom networking, also add the ENIConfigs: --eni-configs takes the output of "
            "kubectl get eniconfigs -o json"
        )
    yield (
        "  for discovered subnets that no node uses yet: aws ec2 describe-subnets --filters "
        "Name=tag:kubernetes.io/role/cni,Values=1"
    )


def _label(finding: PreflightFinding) -> str:
    return Verdict.unknown if finding.is_unknown else finding.severity


def _lines(finding: PreflightFinding) -> Iterator[str]:
    words = finding.problem
    if finding.resources:
        words = f"{_listed(finding.resources)}: {words}"
    texts = wrap(words, _WIDTH - len(_INDENT), break_long_words=False, break_on_hyphens=False)
    texts += wrap(
        finding.effect,
        _WIDTH - len(_INDENT) - 2,
        break_long_words=False,
        break_on_hyphens=False,
        initial_indent="  ",
        subsequent_indent="  ",
    )
    for number, text in enumerate([*texts, *(f"    {c}" for c in finding.commands)]):
        yield f"{_label(finding).ljust(9) if number == 0 else _INDENT}{text}"


def _listed(ids: Sequence[str]) -> str:
    """Return the first IDs, as arguments of a command, and the number of the others."""
    more = len(ids) - _SHOWN
    return " ".join([*ids[:_SHOWN], *([f"and {more} more"] if more > 0 else [])])


def _count(number: int, kind: str) -> str:
    return f"{number or 'no'} {kind}{'s' * (number > 1)}"

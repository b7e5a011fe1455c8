"""Replaces the partition in ARNs with the current partition."""

from __future__ import annotations

import re

from vpc_cni_iam.hcl.literals import Expression, Interpolation, Literal, LiteralValue
from vpc_cni_iam.hcl.write import NewBlock, literal
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.template import PolicyText, known

CURRENT = NewBlock('data "aws_partition" "current"')
_CURRENT = Expression("data.aws_partition.current.partition")
_ARN = re.compile(r"(arn:)(aws[a-z-]*)(:.*)", re.DOTALL)


def partitions(policy: Policy) -> tuple[str, ...]:
    """Return the partitions in a policy's ARNs, each once."""
    matches = (_ARN.fullmatch(text) for s in policy.statements for text in known(s.texts()))
    return tuple(dict.fromkeys(m[2] for m in matches if m))


def with_current(text: PolicyText) -> LiteralValue:
    """Return the code for a text; an ARN has the current partition."""
    written = literal(text)
    if (arn := _ARN.fullmatch(written.text)) is None:
        return written
    return Interpolation((Literal(arn[1]), _CURRENT, Literal(arn[3])))

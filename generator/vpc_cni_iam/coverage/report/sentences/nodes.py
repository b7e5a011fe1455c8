"""What nodes cannot do with their role, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vpc_cni_iam.catalog.facts.node_needs import NodeNeed
from vpc_cni_iam.coverage.judge.nodes import NodeDenial
from vpc_cni_iam.coverage.judge.verdict import Verdict

_WHAT = {
    NodeNeed.agent: "get credentials of EKS Pod Identity",
    NodeNeed.joining: "join their cluster",
    NodeNeed.pulling: "pull the image of aws-node",
}


def node_text(denials: Sequence[NodeDenial]) -> str:
    """Return what nodes cannot do, or may not be able to."""
    cannot = "cannot" if any(d.verdict is Verdict.fails for d in denials) else "may be unable to"
    return f"nodes {cannot} {' or '.join(_WHAT[denial.need] for denial in denials)}"


def node_lines(denials: Sequence[NodeDenial]) -> Iterator[str]:
    """Yield a line for each thing that nodes cannot do, and one that says how to mend it."""
    for denial in denials:
        label = "error" if denial.verdict is Verdict.fails else denial.verdict
        yield f"{label:<8} {node_text([denial])}: no statement allows {', '.join(denial.actions)}"
        yield f"         to do: {node_remedy(denial)}"


def node_remedy(denial: NodeDenial) -> str:
    """Return how nodes can do it."""
    return f"attach {denial.need.aws_policy}"

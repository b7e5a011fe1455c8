"""Reads the policy documents of HCL without an engine."""

from collections.abc import Iterable

from vpc_cni_iam.hcl.evaluate.domain import ValueScope
from vpc_cni_iam.hcl.evaluate.expressions import Evaluator
from vpc_cni_iam.hcl.resolve import ResolvedDocument, is_document, read_documents
from vpc_cni_iam.hcl.syntax import Block


def documents_of(
    blocks: Iterable[Block], scope: ValueScope | None = None
) -> list[ResolvedDocument]:
    evaluator = Evaluator(scope or ValueScope())
    return [d for block in filter(is_document, blocks) for d in read_documents(block, evaluator)]

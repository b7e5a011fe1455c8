"""What a review finds in plans that are put together by hand; `synthetic` has their parts."""

from typing import Any

from msgspec.structs import replace

from synthetic import Json, plan
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.findings import Finding
from vpc_cni_iam.review.options import Options
from vpc_cni_iam.review.run import review

OPTIONS = Options()


def context(*changes: Json, **more: Any) -> Context:
    """The context of a plan."""
    return Context(read_plan(plan(*changes, **more), "plan.json"), OPTIONS)


def found(*changes: Json, options: Options = OPTIONS, **more: Any) -> tuple[Finding, ...]:
    """The findings of a plan."""
    return review(read_plan(plan(*changes, **more), "plan.json"), replace(options)).findings

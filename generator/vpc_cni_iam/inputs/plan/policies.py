"""The policies after a plan, and who has them."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from vpc_cni_iam.account.account import Fact
from vpc_cni_iam.inputs.kind import Content, Kind, ModuleValues


def _facts(content: Content, _: ModuleValues) -> Iterator[Fact]:
    from vpc_cni_iam.inputs.plan.account.facts import facts
    from vpc_cni_iam.inputs.plan.reader import read_plan
    from vpc_cni_iam.inputs.plan.saved import opened

    stdin = BytesIO() if content.path else BytesIO(content.text.encode())
    with opened(content.path, stdin) as data:
        return facts(read_plan(data, content.source))


# The reader of plans refuses an engine's state and log by name.
KIND = Kind(
    "the JSON of Terraform or OpenTofu (a plan, a state or a log)",
    "`terraform show -json PLANFILE` or `tofu show -json PLANFILE`, compressed by gzip or not",
    lambda c: c.has_member("format_version", "@level", "serial"),
    _facts,
    "plan",
    "a plan of the role and its policies, or the output of aws iam get-role-policy",
)

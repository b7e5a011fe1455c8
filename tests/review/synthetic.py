"""Plans put together by hand, for what no engine makes on demand."""

import json
from collections.abc import Iterable
from typing import Any

from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.review.context import Context
from vpc_cni_iam.review.options import ReviewOptions
from vpc_cni_iam.review.report.make import shown
from vpc_cni_iam.review.report.shown import ShownFinding, ShownReview
from vpc_cni_iam.review.run import review

Json = dict[str, Any]
OPTIONS = ReviewOptions()


def document(*statements: Json) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def parsed(*statements: Json, version: str = "2012-10-17") -> Policy:
    """A policy of statements, as it is read."""
    return loads(json.dumps({"Version": version, "Statement": list(statements)}), "policy")


def allow(action: Any, resource: Any = "*", **more: Any) -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> Json:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def resource(kind: str, name: str, before: Json | None, after: Json | None, **change: Any) -> Json:
    """One item of resource_changes."""
    actions = ["update"]
    if before is None:
        actions = ["create"]
    elif after is None:
        actions = ["delete"]
    elif before == after:
        actions = ["no-op"]
    address = change.pop("address", f"{kind}.{name}")
    top = {k: change.pop(k) for k in ("previous_address", "deposed") if k in change}
    return {
        "address": address,
        "mode": "managed",
        "type": kind,
        "name": name,
        **top,
        "change": {
            "actions": actions,
            "before": before,
            "after": after,
            "after_unknown": {},
            "before_sensitive": {},
            "after_sensitive": {},
            **change,
        },
    }


def policy(name: str, before: str | None, after: str | None, **change: Any) -> Json:
    sides = [{"name": name, "policy": p} if p is not None else None for p in (before, after)]
    return resource("aws_iam_policy", name, *sides, **change)


def role(name: str, before: str | None, after: str | None, **change: Any) -> Json:
    sides = [
        {"name": name, "assume_role_policy": p} if p is not None else None for p in (before, after)
    ]
    return resource("aws_iam_role", name, *sides, **change)


def attachment(role_name: str, arn: str, **change: Any) -> Json:
    values = {"role": role_name, "policy_arn": arn}
    kind = "aws_iam_role_policy_attachment"
    sides = change.pop("sides", (values, values))
    return resource(kind, change.pop("name", "a"), *sides, **change)


def attached(arn: str, *, before: bool = True, after: bool = True, **more: Any) -> Json:
    """An attachment to a role on the sides on which it is there."""
    values = {"role": more.pop("role", "r"), "policy_arn": arn}
    sides = (values if there else None for there in (before, after))
    return resource("aws_iam_role_policy_attachment", more.pop("block", "a"), *sides, **more)


LATER = "(known after apply)"


def inline(before: str | None, after: str | None, name: str = "i", **more: Any) -> Json:
    """An inline policy of a role, by its text on each side, which may be `LATER`."""
    values = {"role": more.pop("role", "r"), "name": name}
    old, new = (None if text is None else {**values, "policy": text} for text in (before, after))
    if after == LATER:
        new, more["after_unknown"] = values, {"policy": True}
    return resource("aws_iam_role_policy", more.pop("block", name), old, new, **more)


def managed(before: str | None, after: str | None, name: str = "p", **change: Any) -> Json:
    """A managed policy that has its ARN, by its text on each side."""
    values = {"name": name, "arn": policy_arn(name)}
    sides = (None if text is None else {**values, "policy": text} for text in (before, after))
    return resource("aws_iam_policy", name, *sides, **change)


def policy_arn(name: str) -> str:
    return f"arn:aws:iam::111122223333:policy/{name}"


def context(*changes: Json, **more: Any) -> Context:
    """The accounts and the plugins of a plan."""
    return Context(read_plan(plan(*changes, **more), "plan.json"), OPTIONS)


DOCUMENT = "data.aws_iam_policy_document.d"


def deferred(values: Json, *, unknown: Any, address: str = DOCUMENT, **change: Any) -> Json:
    """A policy document that is read at apply, since the plan does not know all of it."""
    if isinstance(unknown, dict):
        unknown = {"json": True, **unknown}
    sides = {"actions": ["read"], "before": None, "after": values, "after_unknown": unknown}
    _, kind, name = address.split(".")
    where = {"address": address, "mode": "data", "type": kind, "name": name}
    return {**where, "change": {**sides, **change}}


def configured(*blocks: Json) -> Json:
    """The configuration of a plan."""
    return {"root_module": {"resources": [*blocks]}}


def block(address: str, *, provider: str = "", **expressions: Any) -> Json:
    """A block of a configuration, with the expressions of its arguments."""
    *data, kind, name = address.split(".")
    mode = "data" if data else "managed"
    more = {"provider_config_key": provider} if provider else {}
    return {"mode": mode, "type": kind, "name": name, "expressions": expressions, **more}


def refers(*references: str) -> Json:
    """An expression, with the beginnings of its references, as a plan lists them."""
    beginnings = (r for each in references for r in (each, each.rpartition(".")[0]))
    return {"references": [r for r in beginnings if "." in r]}


def plan(*changes: Json, **more: Any) -> bytes:
    return json.dumps(
        {
            "format_version": "1.2",
            "terraform_version": "1.15.5",
            "resource_changes": list(changes),
            "configuration": {"root_module": {}},
            **more,
        }
    ).encode()


def reviewed(
    *changes: Json, fail_on: str = "warning", options: ReviewOptions = OPTIONS, **more: Any
) -> ShownReview:
    """What a review of a plan of these changes shows."""
    return review_of(plan(*changes, **more), fail_on=fail_on, options=options)


def review_of(
    text: bytes, *, fail_on: str = "warning", options: ReviewOptions = OPTIONS
) -> ShownReview:
    """What a review of a plan shows."""
    return shown(review(read_plan(text, "plan.json"), options), (fail_on,))


def found(*changes: Json, **more: Any) -> tuple[ShownFinding, ...]:
    """The findings of a review of a plan of these changes."""
    return reviewed(*changes, **more).findings


def rules(review: ShownReview) -> set[str]:
    return {str(f.rule) for f in review.findings}


def levels(review: ShownReview | Iterable[ShownFinding]) -> dict[str, str]:
    """The level of each rule's finding, of several the worst, which comes first."""
    findings = review.findings if isinstance(review, ShownReview) else review
    return {str(f.rule): str(f.level) for f in [*findings][::-1]}

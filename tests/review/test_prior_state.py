"""What a plan has in its prior state alone: data sources, and what a targeted plan leaves out."""

import pytest

from eks import MANAGED, NODE_TRUST
from synthetic import Json, allow, attached, document, resource, reviewed, role, rules

TWO = document(allow("s3:B"))


def prior(values: Json, **where: str) -> Json:
    """The state before of one resource."""
    return {"values": {"root_module": {"resources": [{**where, "values": values}]}}}


def test_a_policy_document_that_nothing_uses_is_no_finding() -> None:
    where = {"type": "aws_iam_policy_document", "name": "d", "mode": "data"}
    state = prior({"json": document(allow("*"))}, address="data.aws_iam_policy_document.d", **where)
    assert reviewed(prior_state=state).findings == ()


@pytest.mark.parametrize("drifts", [False, True])
def test_what_a_targeted_plan_leaves_out_still_counts(*, drifts: bool) -> None:
    values = {"role": "node", "policy_arn": MANAGED}
    where = {"type": "aws_iam_role_policy_attachment", "name": "a", "mode": "managed"}
    state = prior(values, address=f"{where['type']}.a", **where)
    drift = [resource(where["type"], "a", {**values, "id": "before"}, values)]
    nodes = role("node", NODE_TRUST, NODE_TRUST)
    review = reviewed(nodes, prior_state=state, resource_drift=drift if drifts else [])
    assert rules(review) == {"managed-policy-attached"}


def test_a_policy_that_a_data_source_read_is_known() -> None:
    arn = "arn:aws:iam::aws:policy/Elsewhere"
    where = {"address": "data.aws_iam_policy.e", "mode": "data", "type": "aws_iam_policy"}
    state = prior({"arn": arn, "policy": TWO}, name="e", **where)
    change = attached(arn, before=False)
    assert rules(reviewed(change, prior_state=state)) == {"new-access"}
    state["values"]["root_module"]["resources"][0]["sensitive_values"] = {"policy": True}
    assert rules(reviewed(change, prior_state=state)) == {"sensitive-policy"}

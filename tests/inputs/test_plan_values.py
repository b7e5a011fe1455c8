"""The values of a plan's arguments: what is not known is equal to itself alone."""

from typing import Any

import pytest

from vpc_cni_iam.inputs.plan.resource import Resource
from vpc_cni_iam.inputs.plan.values import Path, value_at
from vpc_cni_iam.policy.template import Side
from vpc_cni_iam.policy.value import ABSENT, Known, Sensitive, Unknown, Value

BEFORE, AFTER = Side.BEFORE, Side.AFTER


def resource(**fields: Any) -> Resource:
    return Resource(
        "a.b", "managed", "a", "b", ("update",), **{"before": {}, "after": {}, **fields}
    )


@pytest.mark.parametrize(
    ("fields", "path", "side", "expected"),
    [
        ({"before": {"x": "1"}}, ("x",), BEFORE, Known("1")),
        ({"before": {"x": "1"}}, ("x",), AFTER, ABSENT),
        ({"before": None}, ("x",), BEFORE, ABSENT),
        ({"after": {"x": [{"y": 1}]}}, ("x", 0, "y"), AFTER, Known(1)),
        ({"after": {"x": [{"y": 1}]}}, ("x", 1, "y"), AFTER, ABSENT),
        ({"unknown": {"x": True}}, ("x",), AFTER, Unknown("a.b.x", AFTER)),
        ({"unknown": {"x": [{"y": True}]}}, ("x",), AFTER, Unknown("a.b.x", AFTER)),
        ({"unknown": True, "after": None}, ("x", "y"), AFTER, Unknown("a.b.x.y", AFTER)),
        ({"unknown": {"x": True}, "before": {"x": 2}}, ("x",), BEFORE, Known(2)),
        ({"hidden_after": {"x": True}, "after": {"x": "s"}}, ("x",), AFTER, Sensitive("s")),
        ({"hidden_after": True, "unknown": {"x": True}}, ("x",), AFTER,
         Sensitive(Unknown("a.b.x", AFTER))),
        ({"hidden_after": True}, ("x",), AFTER, ABSENT),
        ({"hidden_before": {"x": [True]}, "before": {"x": ["s"]}}, ("x",), BEFORE,
         Sensitive("['s']")),
    ],
)  # fmt: skip
def test_a_value_is_known_unknown_sensitive_or_absent(
    fields: dict[str, Any], path: Path, side: Side, expected: Value
) -> None:
    assert value_at(resource(**fields), path, side) == expected


def test_an_unknown_value_is_of_its_place_and_its_side() -> None:
    unknown = resource(unknown=True)
    values = {value_at(unknown, path, AFTER) for path in (("x",), ("y",))}
    assert len(values) == 2
    assert Unknown("a.b.x", AFTER) != Unknown("a.b.x", BEFORE)

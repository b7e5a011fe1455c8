"""Addresses are taken apart, whatever the keys of their modules and resources hold."""

import itertools

from vpc_cni_iam.inputs.plan.resource import (
    call_names,
    module_of,
    parent,
    parts,
    split_first,
    without_keys,
)

KEYS = ("", "[0]", '["a"]', '["x.y"]', '["a[0].b"]', r'["\"].z"]', '["]"]', "[each.key]")


def test_what_is_joined_is_taken_apart_again() -> None:
    for keys in itertools.product(KEYS, repeat=3):
        calls = [f"{name}{key}" for name, key in zip("abc", keys, strict=True)]
        for depth in range(3):
            steps = [step for call in calls[:depth] for step in ("module", call)]
            module = ".".join(steps)
            resource = [*steps, "aws_iam_role", calls[2]]
            address = ".".join(resource)
            assert parts(address) == resource
            assert split_first(address) == (resource[0], ".".join(resource[1:]))
            assert module_of(address) == module_of(f"{module}.x.y") == module or not depth
            assert parent(module) == ".".join(steps[:-2])
            assert call_names(module) == [*"abc"[:depth]]
            names = [step for name in "abc"[:depth] for step in ("module", name)]
            assert without_keys(address) == ".".join([*names, "aws_iam_role", "c"])
    assert module_of("data.aws_iam_policy.x") == module_of("aws_iam_role.module") == ""

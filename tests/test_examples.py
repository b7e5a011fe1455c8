"""Each example initialises, validates and plans with every engine, as a reader would."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from conftest import OFFLINE_PROVIDER, ROOT, write_tree
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.hcl import read
from vpc_cni_iam.policy.parse import loads

# How many statements the policies have that are planned, in the order of their addresses.
STATEMENTS = {
    "ipv4": [2],
    "ipv6": [2],
    "ipv4-scoped": [7],
    "ipv6-scoped": [5],
    "ipv4-ipv6": [2],
    "present-day": [7],
    "vendored": [3],
    "role-irsa": [2],
    "role-ipv6": [2],
    "role-scoped-pod-identity": [7],
    "several-clusters": [7, 7],
    "moving-to-scoped": [],
    "role-many-clusters": [7],
}
NOT_PLANNED = {"add-on"}
PLANNED_WITH_A_REGISTRY = {"from-registry"}  # in tests/publishing
ARGUMENTS = json.loads((ROOT / "tests" / "data" / "provider-6.45.0-arguments.json").read_text())


def test_every_example_is_tried() -> None:
    there = {p.parent.name for p in (ROOT / "examples").glob("*/main.tf")}
    assert there == set(STATEMENTS) | NOT_PLANNED | PLANNED_WITH_A_REGISTRY


def example(name: str, folder: Path) -> Path:
    for part in ("examples", "modules"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns(".terraform*"))
    # An override file is how an engine lets the provider's settings be changed from outside.
    return write_tree(folder / "examples" / name, {"override.tf": OFFLINE_PROVIDER})


def planned(plan: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    changes = (c for c in plan["resource_changes"] if c["type"] == kind)
    return [c["change"]["after"] for c in sorted(changes, key=lambda c: str(c["address"]))]


@pytest.mark.engine
@pytest.mark.parametrize("name", STATEMENTS)
def test_an_example_plans(name: str, each_engine: Engine, tmp_path: Path) -> None:
    folder = example(name, tmp_path)
    plan = each_engine.plan(folder)
    each_engine.run(["validate"], folder)
    counts = [len(loads(p["policy"], name).statements) for p in planned(plan, "aws_iam_policy")]
    assert counts == STATEMENTS[name]


@pytest.mark.engine
def test_moving_to_scoped_step_by_step(newest: Engine, tmp_path: Path) -> None:
    folder = example("moving-to-scoped", tmp_path)
    managed = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
    seen = []
    for step in (1, 2, 3, 4):
        write_tree(folder, {"step.auto.tfvars": f"step = {step}\n"})
        plan = newest.plan(folder)
        attached = planned(plan, "aws_iam_role_policy_attachment")
        arns = [a.get("policy_arn") for a in attached]
        own = [len(loads(p["policy"], "x").statements) for p in planned(plan, "aws_iam_policy")]
        seen.append((arns.count(managed), len(arns), own))
    assert seen == [(1, 1, []), (2, 2, []), (1, 2, [7]), (0, 1, [7])]


def test_arguments_of_newer_resources_are_those_of_the_published_bindings() -> None:
    checked = 0
    readme = (ROOT / "modules" / "vpc-cni-iam-role" / "README.md").read_text()
    blocks = re.findall(r"```hcl\n(.*?)```", readme, re.DOTALL)
    texts = [*blocks, (ROOT / "examples" / "add-on" / "main.tf").read_text()]
    for text in texts:
        for block in read.parse(text, "x"):
            known = ARGUMENTS.get(block.labels[0]) if block.type == "resource" else None
            if known:
                given = set(block.attributes) - {"count"}
                assert given >= set(known["required"])
                assert given <= {*known["required"], *known["optional"]}
                checked += 1
    assert checked == 4

"""Each example initialises, validates and plans with every engine, as a reader would."""

import shutil
from pathlib import Path

import pytest

from conftest import OFFLINE_PROVIDER, ROOT, write_tree
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.policy.parse import loads

EXAMPLES = sorted(p.parent.name for p in (ROOT / "examples").glob("*/main.tf"))
STATEMENTS = {
    "ipv4": 2,
    "ipv6": 2,
    "ipv4-scoped": 7,
    "ipv6-scoped": 6,
    "ipv4-ipv6": 2,
    "present-day": 7,
    "vendored": 3,
}


def test_every_variant_has_an_example() -> None:
    assert set(STATEMENTS) == set(EXAMPLES)


@pytest.mark.engine
@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_plans(name: str, engine: Engine, tmp_path: Path) -> None:
    for folder in ("examples", "modules"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns(".terraform*")
        )
    folder = tmp_path / "examples" / name
    # An override file is how an engine lets the provider's settings be changed from outside.
    write_tree(folder, {"override.tf": OFFLINE_PROVIDER})
    plan = engine.plan(folder)
    engine.run(["validate"], folder)
    (policy,) = (
        c["change"]["after"]["policy"]
        for c in plan["resource_changes"]
        if c["type"] == "aws_iam_policy"
    )
    assert len(loads(policy, name).statements) == STATEMENTS[name]

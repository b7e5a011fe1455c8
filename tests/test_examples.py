"""Each example initialises, validates and plans with every engine, as a reader would."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from conftest import OFFLINE_PROVIDER, ROOT, run, write_tree
from vpc_cni_iam.account.doubts import is_complete
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.coverage.analysis.matrix import matrix
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.coverage.subject import Opener, of_files
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Block, Text
from vpc_cni_iam.inputs.identify import open_account
from vpc_cni_iam.policy.parse import loads

# How many statements the policies have that are planned, in the order of their addresses.
STATEMENTS = {
    "ipv4": [2],
    "ipv6": [2],
    "ipv4-scoped": [9],
    "ipv4-narrowed": [9],
    "ipv6-scoped": [4],
    "ipv4-ipv6": [2],
    "upstream-2022-01-31": [2],
    "vendored": [10],
    "role-irsa": [2],
    "role-ipv6": [2],
    "role-scoped-pod-identity": [9],
    "several-clusters": [9, 9],
    "moving-to-scoped": [],
    "role-many-clusters": [9],
}
NOT_PLANNED = {"add-on"}
PLANNED_WITH_A_REGISTRY = {"from-registry"}  # in tests/publishing
ARGUMENTS = json.loads((ROOT / "tests" / "data" / "provider-6.62.0-arguments.json").read_text())
# What every block may have, beside the arguments of its type.
META = {"count", "for_each", "depends_on", "provider", "lifecycle", "dynamic"}

PAGE = ROOT / "examples" / "README.md"
_ROW = re.compile(r"^\| \[([a-z0-9-]+)\]\(\1\) \| .* \| (.*) \|$", re.MULTILINE)
# Which versions each example says it is for.
RELEASES = dict(_ROW.findall(PAGE.read_text())) if PAGE.exists() else {}
# Examples that are about something else than the newest release.
OLDER = {"upstream-2022-01-31"}


def serve(target: Path, document: str, message: str) -> None:
    """Have `coverage` put a document to every version, and compare with what is said of it."""
    subject = of_files([str(target)], [document] if document else [], Opener(str))
    rows = matrix(
        subject.policies, RequestSetting(known_versions.newest(), subject.mode, names=subject.names)
    ).rows
    first = known_versions.find(message.split(maxsplit=1)[0])
    works = frozenset(r.version for r in rows if r.version >= first and not r.fatal)
    assert ", ".join(map(str, known_versions.spans(works))) == message


def serve_planned(plan: dict[str, Any], folder: Path, message: str) -> None:
    """The same for each policy that a plan leaves, without those of AWS."""
    write_tree(folder, {"plan.json": json.dumps(plan)})
    contents = open_account(str(folder / "plan.json"), str, {})
    assert contents.policies and is_complete(contents.not_known)
    for policie in contents.policies:
        if not policie.version:
            serve(folder / "plan.json", policie.name, message)


@pytest.mark.parametrize("name", sorted({*STATEMENTS, *NOT_PLANNED} - OLDER))
def test_an_example_is_for_the_newest_release(name: str) -> None:
    assert RELEASES[name].endswith(str(known_versions.newest()))
    own = ROOT / "examples" / name / "README.md"
    assert not own.exists() or RELEASES[name] in own.read_text()


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
def test_an_example_plans(name: str, engine: Engine, tmp_path: Path) -> None:
    folder = example(name, tmp_path)
    plan = engine.plan(folder)
    engine.run(["validate"], folder)
    counts = [len(loads(p["policy"], name).statements) for p in planned(plan, "aws_iam_policy")]
    assert counts == STATEMENTS[name]
    if counts:
        serve_planned(plan, tmp_path, RELEASES[name])
        if name not in OLDER:
            reviewed = run("review", str(tmp_path / "plan.json"))
            assert "coverage-lacking" not in reviewed.out
            assert "Nothing else about IAM, EKS or credentials changes." in reviewed.out
            comment = run("review", "plan.json", "--format", "markdown", cwd=tmp_path).out
            assert len(comment.encode()) < 5_500  # of two clusters, too: each statement once


@pytest.mark.engine
def test_moving_to_scoped_step_by_step(engine: Engine, tmp_path: Path) -> None:
    folder = example("moving-to-scoped", tmp_path)
    managed = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
    seen = []
    for step in (1, 2, 3, 4):
        write_tree(folder, {"step.auto.tfvars": f"step = {step}\n"})
        plan = engine.plan(folder)
        engine.run(["validate"], folder)
        attached = planned(plan, "aws_iam_role_policy_attachment")
        arns = [a.get("policy_arn") for a in attached]
        own = [len(loads(p["policy"], "x").statements) for p in planned(plan, "aws_iam_policy")]
        seen.append((arns.count(managed), len(arns), own))
        if own:
            serve_planned(plan, tmp_path, RELEASES["moving-to-scoped"])
    assert seen == [(1, 1, []), (2, 2, []), (1, 2, [9]), (0, 1, [9])]


@pytest.mark.parametrize("name", sorted({*STATEMENTS, *NOT_PLANNED}))
def test_the_partition_and_the_account_are_those_of_the_variables(name: str) -> None:
    text = (ROOT / "examples" / name / "main.tf").read_text()
    code = re.sub(r"^variable .*?^}$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"arn:aws:|\d{12}", code)


@pytest.mark.parametrize("name", sorted(NOT_PLANNED))
def test_what_is_not_planned_calls_a_module_that_serves(name: str) -> None:
    folder = ROOT / "examples" / name
    blocks = parse((folder / "main.tf").read_text(), name).blocks
    (call,) = (b.attributes for b in blocks if b.type == "module")
    texts = (call[name] for name in ("source", "variant"))
    source, variant = (str(t.parts[0]) for t in texts if isinstance(t, Text))
    serve(folder / source, variant, RELEASES[name])


def test_every_argument_is_one_of_a_newer_provider() -> None:
    """Modules and examples, and the HCL in the modules' READMEs: not run, but of its schema."""
    files = [path for folder in ("modules", "examples") for path in (ROOT / folder).rglob("*.tf")]
    readmes = [path for folder in ("modules", "examples") for path in (ROOT / folder).rglob("*.md")]
    texts = {path: [path.read_text()] for path in files}
    texts |= {p: re.findall(r"```hcl\n(.*?)```", p.read_text(), re.DOTALL) for p in readmes}
    checked = set()
    for path, of_file in texts.items():
        for block in (b for text in of_file for b in parse(text, str(path)).blocks):
            if block.type not in ("resource", "data") or not block.labels[0].startswith("aws_"):
                continue
            name = f"{'data.' if block.type == 'data' else ''}{block.labels[0]}"
            check_arguments(block, ARGUMENTS["types"][name], f"{path}: {name}")
            checked.add(name)
    assert checked == ARGUMENTS["types"].keys()
    (version,) = re.findall(r"of provider (.*)", ARGUMENTS["source"])
    for page in ("README.md", "docs/evidence.md"):
        text = (ROOT / page).read_text()
        assert re.search(rf"schema\s+of (provider )?{version}|[Ff]or {version}", text), page


def check_arguments(block: Block, known: dict[str, Any], place: str) -> None:
    """A block has the arguments that its type requires, and no others than it knows."""
    inner = {each.type: each for each in block.blocks}
    names = {*block.attributes, *inner} - META
    required = {name for name, value in known.items() if value is True}
    assert names <= known.keys(), (place, names - known.keys())
    assert names >= required, (place, required - names)
    for each in block.blocks:
        if each.type == "dynamic":
            (content,) = (b for b in each.blocks if b.type == "content")
            check_arguments(content, known[each.labels[0]], f"{place}.{each.labels[0]}")
        elif isinstance(known.get(each.type), dict):
            check_arguments(each, known[each.type], f"{place}.{each.type}")

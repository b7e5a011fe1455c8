"""The tree is the standard module structure, and everything in it passes its engines."""

import re
from pathlib import Path

import pytest

from conftest import OFFLINE_PROVIDER, tool, write_tree
from consuming import AT, OPTIONS
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.options import options, stated
from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.publishing.package import package_files, package_options
from vpc_cni_iam.publishing.versioning.semver import Version
from vpc_cni_iam.rendering.kinds import render

NUMBER = Version.of("1.2.3")
TREE = package_files(package_options(OPTIONS), NUMBER, AT)
NAMES = [v.name for v in VARIANTS]


def test_the_structure() -> None:
    for folder in ("", "modules/role/"):
        for name in ("README.md", "main.tf", "variables.tf", "outputs.tf", "versions.tf"):
            assert f"{folder}{name}" in TREE
    examples = {p.split("/")[1] for p in TREE if p.startswith("examples/")}
    assert examples == {*NAMES, "role"}
    assert "LICENSE" in TREE
    assert all(text.endswith("\n") for text in TREE.values())


def test_the_code_is_that_of_the_generated_modules() -> None:
    made = package_options(OPTIONS)
    assert [v.name for v in made.variants] == NAMES
    policy = render(made)
    assert {p: TREE[p] for p in policy if p != "README.md"} == {
        p: t for p, t in policy.items() if p != "README.md"
    }
    assert stated(TREE["main.tf"]) == made
    options_stated = stated(TREE["modules/role/main.tf"])
    assert options_stated is not None
    assert options_stated.kind == "role"


def test_an_old_release_gets_the_variants_that_it_can_have() -> None:
    old = package_files(package_options(options(cni_version="v1.9.0")), NUMBER, AT)
    examples = {p.split("/")[1] for p in old if p.startswith("examples/")}
    version = PluginVersion.of("v1.9.0")
    assert examples == {"role", *(v.name for v in VARIANTS if v.minimum <= version)}
    assert "ipv6" not in examples
    assert "ipv6" not in old["outputs.tf"]


def test_the_readmes_name_the_published_source() -> None:
    for path, source in (("README.md", ""), ("modules/role/README.md", "//modules/role")):
        text = TREE[path]
        assert re.search(
            rf'source += "{re.escape(AT.source + source)}"\n +version += "~> 1\.2"', text
        )
        assert '"./' not in text
        assert text.count("<!-- BEGIN_TF_DOCS -->") == text.count("<!-- END_TF_DOCS -->") == 1


@pytest.mark.engine
def test_fmt_examples_and_own_tests(newest: Engine, tmp_path: Path) -> None:
    module = write_tree(tmp_path / "module", TREE)
    newest.run(["fmt", "-check", "-diff", "-recursive"], module)
    calls = "".join(
        f'module "{name}" {{\n  source = "./module/examples/{name}"\n}}\n'
        for name in (*NAMES, "role")
    )
    write_tree(tmp_path, {"main.tf": OFFLINE_PROVIDER + calls})
    plan = newest.plan(tmp_path)
    made = [c["address"] for c in plan["resource_changes"] if c["type"] == "aws_iam_policy"]
    assert len(made) == len(NAMES) + 1
    for folder in (module, module / "modules" / "role"):
        newest.run(["init", "-input=false", "-backend=false"], folder)
        newest.run(["test", "-no-color"], folder)


@pytest.mark.engine
def test_tflint_finds_nothing(tmp_path: Path) -> None:
    tflint = Engine(
        "tflint", str(tool("tflint-0.64.0")), {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    )
    module = write_tree(tmp_path / "module", TREE)
    for folder in ("", "modules/role", "examples/role", "examples/ipv4-scoped"):
        tflint.run(["--chdir", str(module / folder)], tmp_path)

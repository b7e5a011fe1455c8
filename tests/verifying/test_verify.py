"""Verification says what differs, by reading and by a real engine, in an edited module too."""

from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import write_tree
from vpc_cni_iam.catalog.options import Options, options
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError, InputError, UsageError
from vpc_cni_iam.rendering.module import render
from vpc_cni_iam.verifying.verify import Verification, verify

LATEST = options(cni_version="latest")


def module(folder: Path, change: Callable[[str], str], made_from: Options = LATEST) -> Path:
    files = render(made_from)
    changed = change(files["main.tf"])
    return write_tree(folder, {**files, "main.tf": changed})


def lines(result: Verification) -> list[str]:
    return [f"{c.variant}: {d}" for c in result.checked for d in c.differences]


def replaced(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, count)

    return change


@pytest.mark.parametrize(
    "made_from",
    [
        options(),
        LATEST,
        options(["ipv4-scoped"]),
        options(["ipv6-scoped"], cni_version="v1.22.1", features=["multi-nic"]),
        options(["ipv4-ipv6", "ipv6-scoped"], cni_version="v1.22.4", gaps=False),
        options(["ipv4"], cni_version="v1.7.5"),
    ],
    ids=lambda o: o.command,
)
def test_what_was_generated_is_clean(made_from: Options, tmp_path: Path) -> None:
    result = verify(module(tmp_path / "m", str, made_from), None, None)
    assert result.clean
    assert [c.variant for c in result.checked] == [v.name for v in made_from.variants]
    assert result.notes == ("no engine was used: read only, not rendered",)


EDITS = {
    "dropped action": (
        replaced('      "ec2:DescribeSubnets",\n', ""),
        "ipv4: statement 1 (ec2:AssignPrivateIpAddresses and 12 more): "
        "action ec2:DescribeSubnets is missing",
    ),
    "added action": (
        replaced('["ec2:CreateTags"]', '["ec2:CreateTags", "ec2:DeleteTags"]'),
        "ipv4: statement 2 (ec2:CreateTags): action ec2:DeleteTags is not expected",
    ),
    "widened resource": (
        replaced(
            'resources = ["arn:${var.partition}:ec2:${var.region}:${var.account_id}'
            ':network-interface/*"]',
            'resources = ["*"]',
        ),
        "ipv4: statement 2 (ec2:CreateTags): resource * is not expected",
    ),
    "partition that ignores its variable": (
        replaced("arn:${var.partition}:", "arn:aws:"),
        "ipv4: statement 2 (ec2:CreateTags): resource "
        "arn:aws:ec2:${var.region}:${var.account_id}:network-interface/* is not expected",
    ),
    "weakened condition": (
        replaced('test     = "StringEquals"', 'test     = "StringLike"'),
        "ipv4-scoped: statement 3 (ec2:CreateNetworkInterface): condition on "
        "aws:RequestTag/cluster.k8s.amazonaws.com/name tests StringLike, expected StringEquals",
    ),
    "cluster name that ignores its variable": (
        replaced("cluster/${local.cluster_name}", "cluster/prod"),
        "ipv4-scoped: statement 6 (ec2:AttachNetworkInterface and 2 more): condition "
        "aws:ResourceTag/kubernetes.io/cluster/prod StringEquals 'owned' is not expected",
    ),
    "denied": (
        replaced('effect    = "Allow"', 'effect    = "Deny"'),
        "ipv4: statement 2 (ec2:CreateTags): is not expected: denies ec2:CreateTags on "
        "arn:${var.partition}:ec2:${var.region}:${var.account_id}:network-interface/*",
    ),
    "renamed": (
        replaced('"aws_iam_policy_document" "ipv6"', '"aws_iam_policy_document" "six"'),
        "ipv6: document: data source ipv6 is missing",
    ),
    "unknown without an engine": (
        replaced('resources = ["*"]', 'resources = [file("x")]'),
        "file(...) cannot be known without an engine",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_named(name: str, tmp_path: Path) -> None:
    change, line = EDITS[name]
    result = verify(module(tmp_path / "m", change), None, None)
    assert not result.clean
    assert any(line in found for found in lines(result)), lines(result)


@pytest.mark.engine
@pytest.mark.parametrize(
    "name", [n for n in EDITS if n not in ("renamed", "unknown without an engine")]
)
def test_an_engine_names_the_same_edit(name: str, newest: Engine, tmp_path: Path) -> None:
    change, line = EDITS[name]
    result = verify(module(tmp_path / "m", change), None, newest)
    assert any(line in found for found in lines(result)), lines(result)


@pytest.mark.engine
def test_real_engines_render_what_the_catalog_has(engine: Engine, tmp_path: Path) -> None:
    result = verify(module(tmp_path / "m", str), None, engine)
    assert result.clean, lines(result)
    assert all(c.seen == ("read", f"rendered by {engine.version()}") for c in result.checked)
    assert not (tmp_path / "m" / ".terraform").exists()


@pytest.mark.engine
def test_outputs_that_were_swapped_are_seen_by_an_engine(newest: Engine, tmp_path: Path) -> None:
    swapped = replaced(
        '"ipv4"        = data.aws_iam_policy_document.ipv4.json',
        '"ipv4"        = data.aws_iam_policy_document.ipv6.json',
    )
    result = verify(module(tmp_path / "m", swapped), None, newest)
    assert any("output ipv4_json" in found for found in lines(result)), lines(result)


@pytest.mark.engine
def test_a_restructured_module_that_means_the_same_is_clean(newest: Engine, tmp_path: Path) -> None:
    """A person's edit that reading cannot follow, but that renders the same."""
    change = replaced('actions   = ["ec2:CreateTags"]', 'actions   = split(",", "ec2:CreateTags")')
    folder = module(tmp_path / "m", change)
    assert not verify(folder, None, None).clean
    assert verify(folder, None, newest).clean


@pytest.mark.engine
def test_a_module_that_the_engine_refuses(newest: Engine, tmp_path: Path) -> None:
    folder = module(tmp_path / "m", replaced("var.partition", "var.nowhere"))
    with pytest.raises(EngineError, match="undeclared input variable") as caught:
        verify(folder, None, newest)
    assert caught.value.returncode == 1
    assert caught.value.command[1] == "plan" or caught.value.command[1] == "init"


def test_options_given_win_over_those_stated(tmp_path: Path) -> None:
    result = verify(module(tmp_path / "m", str, options()), LATEST, None)
    assert any("ec2:DescribeSubnets is missing" in found for found in lines(result))


def test_without_a_statement_the_nearest_document_is_taken(tmp_path: Path) -> None:
    files = render(options(["ipv4"], revision="2024-07-22"))
    bare = {
        name: "\n".join(x for x in files[name].splitlines() if not x.startswith("#")) + "\n"
        for name in ("main.tf", "variables.tf")
    }
    folder = write_tree(tmp_path, bare)
    result = verify(folder, None, None)
    assert result.clean
    assert result.checked[0].against == "--revision 2024-07-22"
    assert any("nearest" in note for note in result.notes)


def test_documents_beside_ours_are_left_alone_and_said(tmp_path: Path) -> None:
    folder = module(tmp_path / "m", str)
    write_tree(folder, {"mine.tf": 'data "aws_iam_policy_document" "mine" {}\n'})
    result = verify(folder, None, None)
    assert result.clean
    assert "data source mine is none of the variants compared; left alone" in result.notes


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "holds no .tf file"),
        ({"main.tf": "nonsense {"}, "main.tf: "),
        ({"main.tf": "locals {}\n"}, "holds no policy document"),
    ],
)
def test_what_is_no_module_is_refused(files: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises((InputError, UsageError)) as caught:
        verify(write_tree(tmp_path, files), None, None)
    assert words in str(caught.value)


def test_binary_files_and_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not UTF-8"):
        verify(tmp_path, None, None)
    with pytest.raises(InputError, match="is not a directory"):
        verify(tmp_path / "main.tf", None, None)

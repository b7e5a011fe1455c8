"""A module is put into a directory without losing anything that is somebody else's."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from conftest import read_tree, write_tree
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.generating.generate import generate
from vpc_cni_iam.rendering.kinds import render

OLD = replace(options(), directory="m")
NEW = replace(options(["ipv4"], cni_version="latest"), directory="m")


@pytest.fixture
def module(tmp_path: Path) -> Path:
    generate(tmp_path / "m", OLD)
    return tmp_path / "m"


def test_a_fresh_directory(module: Path) -> None:
    assert read_tree(module) == render(OLD)


def test_other_options_replace_it(module: Path) -> None:
    generate(module, NEW)
    assert read_tree(module) == render(NEW)


def test_the_same_again_changes_nothing(module: Path) -> None:
    assert {c.kind for c in generate(module, OLD)} == {"same"}


def test_a_mixture_of_old_and_new_is_mended(module: Path) -> None:
    """What a killed run leaves: some files of the old options, some of the new; main.tf is last."""
    for number, (name, text) in enumerate(render(NEW).items()):
        if number % 2 and name != "main.tf":
            (module / name).write_text(text)
    generate(module, NEW)
    assert read_tree(module) == render(NEW)


def test_without_main_nothing_says_what_a_file_was_made_from(module: Path) -> None:
    (module / "main.tf").unlink()
    generate(module, OLD)
    assert read_tree(module) == render(OLD)
    (module / "main.tf").unlink()
    with pytest.raises(TreeError, match=r"edited, or written by another .*: .*outputs\.tf"):
        generate(module, NEW)


def test_line_ends_of_a_checkout_are_no_edit(module: Path) -> None:
    main = module / "main.tf"
    main.write_bytes(main.read_bytes().replace(b"\n", b"\r\n"))
    generate(module, NEW)
    assert read_tree(module) == render(NEW)


def test_an_edit_is_not_lost(module: Path) -> None:
    main = module / "main.tf"
    edited = main.read_text() + "# mine\n"
    main.write_text(edited)
    with pytest.raises(TreeError, match=r"edited, or .*: main\.tf"):
        generate(module, NEW)
    assert read_tree(module) == {**render(OLD), "main.tf": edited}
    generate(module, NEW, force=True)
    assert read_tree(module) == {**render(NEW), "main.tf.orig": edited}
    again = main.read_text() + "# mine again\n"
    main.write_text(again)
    generate(module, OLD, force=True)
    assert read_tree(module) == {
        **render(OLD),
        "main.tf.orig": edited,
        "main.tf.orig.1": again,
    }


def test_files_of_others_are_refused_and_then_left_alone(module: Path) -> None:
    write_tree(module, {"extra.tf": "# mine\n"})
    with pytest.raises(TreeError, match=r"this tool did not write: extra\.tf"):
        generate(module, NEW)
    assert read_tree(module) == {**render(OLD), "extra.tf": "# mine\n"}
    generate(module, NEW, force=True)
    assert read_tree(module) == {**render(NEW), "extra.tf": "# mine\n"}


@pytest.mark.parametrize("force", [False, True])
def test_a_file_of_others_is_never_replaced(force: bool, tmp_path: Path) -> None:
    write_tree(tmp_path, {"main.tf": "# mine\n", "variables.tf": "# mine too\n"})
    with pytest.raises(TreeError, match=r"this tool did not write .*: main\.tf, variables\.tf"):
        generate(tmp_path, OLD, force=force)
    assert read_tree(tmp_path) == {"main.tf": "# mine\n", "variables.tf": "# mine too\n"}


def test_a_file_that_only_claims_to_be_ours_is_not(tmp_path: Path) -> None:
    claim = render(OLD)["main.tf"][:400]
    write_tree(tmp_path, {"notes.tf": claim})
    with pytest.raises(TreeError, match=r"this tool did not write: .*notes\.tf"):
        generate(tmp_path, OLD)


def test_what_engines_leave_is_no_obstacle(module: Path) -> None:
    write_tree(module, {".terraform/providers/x": "x", ".terraform.lock.hcl": "x"})
    generate(module, NEW)
    assert (module / ".terraform" / "providers" / "x").exists()

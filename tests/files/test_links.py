"""A symbolic link on the way to a module is refused, and leads nowhere."""

from pathlib import Path

import pytest

from conftest import read_tree, write_tree
from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.files.tree import write

OLD = {"deep/m/main.tf": "old\n", "deep/m/sub/a.tf": "old\n", "deep/m/gone.tf": "old\n"}
FILES = {"main.tf": "new\n", "sub/a.tf": "new\n", "fresh/b.tf": "new\n"}
SECRETS = {"main.tf": "secret\n", "a.tf": "secret\n", "m/main.tf": "secret\n"}


def link(place: Path, outside: Path) -> None:
    if place.is_dir():
        place.rename(place.with_name("moved"))
    place.symlink_to(outside)


@pytest.mark.parametrize("name", ["deep", "deep/m"])
def test_a_link_on_the_way_is_refused(name: str, tmp_path: Path) -> None:
    top, outside = write_tree(tmp_path / "top", OLD), write_tree(tmp_path / "outside", SECRETS)
    link(top / name, outside)
    with pytest.raises(TreeError, match="is a symbolic link, which is not followed"):
        write(top / "deep" / "m", FILES, top=top)
    if name == "deep":
        with pytest.raises(TreeError, match="symbolic link"), locked(top / "deep" / "m", top):
            pass
    assert read_tree(outside) == SECRETS


@pytest.mark.parametrize("name", ["sub", "fresh"])
def test_a_link_inside_is_refused_for_reading_and_writing(name: str, tmp_path: Path) -> None:
    module = write_tree(tmp_path / "top", OLD) / "deep" / "m"
    outside = write_tree(tmp_path / "outside", {"a.tf": "secret\n", "b.tf": "secret\n"})
    before = read_tree(outside)
    link(module / name, outside)
    with pytest.raises(TreeError, match=f"{name}: is a symbolic link"):
        contents(module, FILES)
    with pytest.raises(TreeError, match=f"{name}: is a symbolic link"):
        write(module, FILES, ["gone.tf"])
    assert read_tree(outside) == before
    assert (module / "main.tf").read_text() == "old\n"
    assert (module / "gone.tf").exists()


def test_the_way_to_a_module_s_configuration_may_be_a_link(tmp_path: Path) -> None:
    write_tree(tmp_path / "top", OLD)
    linked = tmp_path / "linked"
    linked.symlink_to(tmp_path / "top")
    for place, name in ((linked / "deep" / "m", "main.tf"), (linked, "vpc-cni-iam.toml")):
        with locked(place if place != linked else place / name, linked):
            write(place, {name: "new\n"}, top=linked)
        assert contents(place.resolve(), [name]) == {name: b"new\n"}

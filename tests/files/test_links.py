"""A directory that is exchanged for a symbolic link while this tool writes leads it nowhere."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from calls import at_call, count
from conftest import read_tree, write_tree
from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.files.folder import HANDLES
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.files.tree import write

OLD = {"deep/m/main.tf": "old\n", "deep/m/sub/a.tf": "old\n", "deep/m/gone.tf": "old\n"}
FILES = {"main.tf": "new\n", "sub/a.tf": "new\n", "fresh/b.tf": "new\n"}
SECRETS = {"main.tf": "secret\n", "a.tf": "secret\n", "m/main.tf": "secret\n"}
pytestmark = pytest.mark.skipif(not HANDLES, reason="this system has no handles of directories")


def change(top: Path) -> None:
    module = top / "deep" / "m"
    with contextlib.suppress(TreeError), locked(module, top):
        observed = contents(module, [*FILES, "gone.tf"])
        write(module, FILES, ["gone.tf"], observed=observed, top=top)


def exchange(place: Path, outside: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        place.rename(place.with_name("moved"))
        place.symlink_to(outside)


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("name", ["deep", "deep/m", "deep/m/sub", "deep/m/fresh"])
def test_a_link_at_any_call(
    name: str, fresh: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    old = {} if fresh else OLD
    tree = write_tree(tmp_path / "count", old)
    tree.mkdir(exist_ok=True)
    calls = count(monkeypatch, lambda: change(tree))
    linked = 0
    for number in range(calls):
        top = write_tree(tmp_path / str(number), old)
        top.mkdir(exist_ok=True)
        outside = write_tree(tmp_path / "outside" / str(number), SECRETS)
        before = {p: p.lstat().st_mtime_ns for p in outside.rglob("*")}
        with at_call(monkeypatch, {number: lambda t=top, o=outside: exchange(t / name, o)}):
            change(top)
        linked += (top / name).is_symlink()
        assert read_tree(outside) == SECRETS
        assert before == {p: p.lstat().st_mtime_ns for p in outside.rglob("*")}
    assert linked


RACE = """
import os, sys
place, moved, outside = sys.argv[1:]
print("ready", flush=True)
while True:
    try:
        os.rename(place, moved)
        os.symlink(outside, place)
        os.unlink(place)
        os.rename(moved, place)
    except OSError:
        pass
"""


def test_a_link_at_random_moments(tmp_path: Path) -> None:
    top = write_tree(tmp_path / "top", OLD)
    outside = write_tree(tmp_path / "outside", SECRETS)
    place, moved = top / "deep" / "m", top / "deep" / "moved"
    with subprocess.Popen(
        [sys.executable, "-c", RACE, place, moved, outside], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            for number in range(150):
                with contextlib.suppress(TreeError):
                    write(place, {"main.tf": f"{number}\n", "sub/a.tf": f"{number}\n"}, top=top)
        finally:
            process.kill()
    assert read_tree(outside) == SECRETS


@pytest.mark.parametrize("name", ["deep", "deep/m"])
def test_a_link_on_the_way_is_refused(name: str, tmp_path: Path) -> None:
    top, outside = write_tree(tmp_path / "top", OLD), write_tree(tmp_path / "outside", SECRETS)
    exchange(top / name, outside)
    with pytest.raises(TreeError, match="is a symbolic link, which is not followed"):
        write(top / "deep" / "m", FILES, top=top)
    if name == "deep":
        with pytest.raises(TreeError, match="symbolic link"), locked(top / "deep" / "m", top):
            pass
    assert read_tree(outside) == SECRETS

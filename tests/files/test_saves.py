"""A file that another program saves while this tool writes is never lost."""

import contextlib
import errno
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from calls import at_call, count
from conftest import read_tree, write_tree
from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.files.read import contents
from vpc_cni_iam.files.tree import entries, write

OLD = {"main.tf": "old main\n", "gone.tf": "old gone\n", "z.tf": "z\n"}
NEW = {"main.tf": "new main\n", "x/more.tf": "new more\n", "z.tf": "z\n"}
ALL = (*OLD, "x/more.tf")
EDIT = "what somebody saved\n"
Save = Callable[[Path, str], None]


def in_place(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def by_rename(path: Path, text: str) -> None:
    new = path.with_name("4913~")
    new.parent.mkdir(exist_ok=True)
    new.write_text(text)
    new.replace(path)


def twice(path: Path, text: str) -> None:
    """As an editor that keeps the old file under another name does."""
    if path.exists():
        path.rename(path.with_name(f"{path.name}~"))
    in_place(path, "half")
    by_rename(path, text)


SAVES = [in_place, by_rename, twice]


# The calls that follow a comparison at once; a save between the two is not seen. If it writes to
# the old file itself, that file is compared once more.
LAST = {"hard links": {"replace"}, "no hard links": {"replace", "rename"}}


def is_unseen(save: Save, system: str, call: str) -> bool:
    return call in LAST[system] and not (save is in_place and system == "hard links")


def use_system(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    if name == "no hard links":
        monkeypatch.setattr(os, "link", no_links)


def no_links(path: Path, name: Path, **_: object) -> None:
    """As on a file system without hard links."""
    path.lstat()
    raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.fixture(params=["hard links", "no hard links"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What this system has, and what others have."""
    use_system(request.param, monkeypatch)
    return request.param


def change(tree: Path, observed: dict[str, bytes]) -> None:
    write(tree, NEW, ["gone.tf"], observed=observed)


def calls_of_a_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    tree = write_tree(folder / "count", OLD)
    observed = contents(tree, ALL)
    return count(monkeypatch, lambda: change(tree, observed))


def tree_of(folder: Path) -> dict[str, str]:
    return {name: text for name, text in read_tree(folder).items() if not name.endswith("~")}


def check_saved(tree: Path, name: str, failure: str) -> None:
    """What was saved is there; and all the others are old, which is said, or all are new."""
    files = tree_of(tree)
    assert files.pop(name, None) == EDIT
    whole = OLD if failure else NEW
    assert files == {k: v for k, v in whole.items() if k != name}
    if failure:
        assert failure.startswith(
            f"{tree / name}: another program changed it while this command ran; nothing"
        )


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("name", ["main.tf", "x/more.tf", "gone.tf", "z.tf"])
def test_a_save_at_any_call_is_kept(
    name: str, save: Save, system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = calls_of_a_change(tmp_path, monkeypatch)
    assert len(calls) > 50
    assert calls.count("replace") == 1
    refused = 0
    for number, call in enumerate(calls):
        tree = write_tree(tmp_path / str(number), OLD)
        observed = contents(tree, ALL)
        failure = ""
        with at_call(monkeypatch, {number: lambda t=tree: save(t / name, EDIT)}):
            try:
                change(tree, observed)
            except TreeError as error:
                failure = str(error)
        if not is_unseen(save, system, call):
            check_saved(tree, name, failure)
        refused += bool(failure)
    assert refused


@pytest.mark.parametrize("later", [1, 3, 20])
def test_a_save_that_takes_a_while_is_kept(
    later: int, system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program truncates the file, and writes it some calls later."""
    for number, call in enumerate(calls_of_a_change(tmp_path, monkeypatch)):
        tree = write_tree(tmp_path / str(number), OLD)
        observed = contents(tree, ALL)
        opened = []

        def begin(path: Path = tree / "main.tf", opened: list[object] = opened) -> None:
            opened.append(path.open("w"))

        def end(opened: list[object] = opened) -> None:
            with opened.pop() as file:  # type: ignore[attr-defined]
                file.write(EDIT)

        failure = ""
        with at_call(monkeypatch, {number: begin, number + later: end}):
            try:
                change(tree, observed)
            except TreeError as error:
                failure = str(error)
        if opened:
            end()
        if not is_unseen(in_place, system, call):
            check_saved(tree, "main.tf", failure)


@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("name", ["main.tf", "x/more.tf", "gone.tf"])
def test_a_save_is_kept_while_a_failure_is_undone(
    name: str, save: Save, system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(tree: Path, observed: dict[str, bytes]) -> None:
        def step(word: str) -> None:
            if word.startswith("remove gone2"):
                raise KeyboardInterrupt

        with pytest.raises((KeyboardInterrupt, TreeError)):
            write(tree, NEW, ["gone.tf", "gone2.tf"], observed=observed, step=step)

    old = {**OLD, "gone2.tf": "old\n"}
    names = (*ALL, "gone2.tf")
    tree = write_tree(tmp_path / "count", old)
    observed = contents(tree, names)
    calls = count(monkeypatch, partial(failing, tree, observed))
    for number, call in enumerate(calls):
        tree = write_tree(tmp_path / str(number), old)
        observed = contents(tree, names)
        with at_call(monkeypatch, {number: lambda t=tree: save(t / name, EDIT)}):
            failing(tree, observed)
        if name not in tree_of(tree):  # saved after the last call
            save(tree / name, EDIT)
        if call not in LAST[system]:
            assert tree_of(tree) == {**old, name: EDIT}


def killed_after_a_save(tree: Path, system: str, save: Save, number: int, later: int) -> int:
    kill = lambda: os.kill(os.getpid(), signal.SIGKILL)  # noqa: E731
    actions = {number: lambda: save(tree / "main.tf", EDIT), number + later: kill}
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_system(system, monkeypatch)
        observed = contents(tree, ALL)
        with contextlib.suppress(TreeError), at_call(monkeypatch, actions):
            change(tree, observed)
    return 0


@pytest.mark.parametrize("save", [in_place, by_rename])
@pytest.mark.parametrize("later", [1, 4])
def test_a_save_before_a_kill_is_kept(
    later: int,
    save: Save,
    system: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    forked: Callable[..., int],
) -> None:
    """The killed run has no time to compare; the next one finds a copy, and keeps it."""
    copies = 0
    for number, call in enumerate(calls_of_a_change(tmp_path, monkeypatch)):
        tree = write_tree(tmp_path / str(number), OLD)
        assert forked(killed_after_a_save, tree, system, save, number, later) in (
            0,
            -signal.SIGKILL,
        )
        content_by_path = contents(tree, ALL)
        if content_by_path.get("main.tf") != EDIT.encode():
            change(tree, content_by_path)
            remaining = {n for n, t in tree_of(tree).items() if t == EDIT}
            copies += "main.tf.orig" in remaining
            unseen = is_unseen(save, system, call)
            assert unseen or remaining & {"main.tf", "main.tf.orig"}, number
        assert not [n for n in entries(tree) if n.startswith(".")]
    assert copies or save is by_rename or system == "no hard links"


def test_a_file_that_was_removed_meanwhile_is_named(tmp_path: Path) -> None:
    tree = write_tree(tmp_path, OLD)
    observed = contents(tree, ALL)
    (tree / "main.tf").unlink()
    with pytest.raises(
        TreeError, match=r"main\.tf: another program changed it while this command ran"
    ):
        change(tree, observed)
    assert tree_of(tree) == {k: v for k, v in OLD.items() if k != "main.tf"}

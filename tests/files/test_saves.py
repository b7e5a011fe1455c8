"""A file that another program saves while this tool writes is never lost."""

import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from calls import at_call, count
from conftest import read_tree, write_tree
from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.files import folder
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


def use_system(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    if name == "no handles":
        monkeypatch.setattr(folder, "HANDLES", False)
    if name == "no exchange":
        monkeypatch.setattr(folder, "exchange", lambda *_: False)


@pytest.fixture(params=["handles", "no handles", "no exchange"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What this system has, and what others have."""
    use_system(request.param, monkeypatch)
    return request.param


def change(tree: Path, observed: dict[str, bytes]) -> None:
    write(tree, NEW, ["gone.tf"], observed=observed)


def calls_of_a_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
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


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("name", ["main.tf", "x/more.tf", "gone.tf", "z.tf"])
def test_a_save_at_any_call_is_kept(
    name: str, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = calls_of_a_change(tmp_path, monkeypatch)
    assert calls > 50
    refused = 0
    for number in range(calls):
        tree = write_tree(tmp_path / str(number), OLD)
        observed = contents(tree, ALL)
        failure = ""
        with at_call(monkeypatch, {number: lambda t=tree: save(t / name, EDIT)}):
            try:
                change(tree, observed)
            except TreeError as error:
                failure = str(error)
        check_saved(tree, name, failure)
        refused += bool(failure)
    assert refused


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("later", [1, 3, 20])
def test_a_save_that_takes_a_while_is_kept(
    later: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program truncates the file, and writes it some calls later."""
    calls = calls_of_a_change(tmp_path, monkeypatch)
    for number in range(calls):
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
        check_saved(tree, "main.tf", failure)


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("save", SAVES)
@pytest.mark.parametrize("name", ["main.tf", "x/more.tf", "gone.tf"])
def test_a_save_is_kept_while_a_failure_is_undone(
    name: str, save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    calls = count(monkeypatch, lambda: failing(tree, observed))
    for number in range(calls):
        tree = write_tree(tmp_path / str(number), old)
        observed = contents(tree, names)
        with at_call(monkeypatch, {number: lambda t=tree: save(t / name, EDIT)}):
            failing(tree, observed)
        if name not in tree_of(tree):  # saved after the last call
            save(tree / name, EDIT)
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
    calls = calls_of_a_change(tmp_path, monkeypatch)
    copies = 0
    for number in range(calls):
        tree = write_tree(tmp_path / str(number), OLD)
        assert forked(killed_after_a_save, tree, system, save, number, later) in (
            0,
            -signal.SIGKILL,
        )
        content_by_path = contents(tree, ALL)
        if content_by_path.get("main.tf") != EDIT.encode():
            with contextlib.suppress(TreeError):  # put back, and so not what was observed
                change(tree, content_by_path)
            copies += 1
            remaining = {n for n, t in tree_of(tree).items() if t == EDIT}
            assert remaining & {"main.tf", "main.tf.orig"}, number
        assert not [n for n in entries(tree) if n.startswith(".")]
    assert copies


def test_a_file_that_was_removed_meanwhile_is_named(tmp_path: Path) -> None:
    tree = write_tree(tmp_path, OLD)
    observed = contents(tree, ALL)
    (tree / "main.tf").unlink()
    with pytest.raises(
        TreeError, match=r"main\.tf: another program changed it while this command ran"
    ):
        change(tree, observed)
    assert tree_of(tree) == {k: v for k, v in OLD.items() if k != "main.tf"}

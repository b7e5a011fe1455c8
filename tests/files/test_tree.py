"""A tree is written whole or not at all, whatever happens on the way."""

import contextlib
import errno
import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from conftest import killed_at_random, read_tree, run, write_tree
from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.files.replacement import Replacement
from vpc_cni_iam.files.tree import entries, texts, write

OLD = {"main.tf": "old main\n", "gone.tf": "old gone\n", "tests/a.tf": "old test\n"}
NEW = {
    "main.tf": "new main\n",
    "more.tf": "new more\n",
    "tests/a.tf": "new test\n",
    "x/y/z.tf": "z\n",
}
YOURS = {"yours.tf": "yours\n"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "t", {**OLD, **YOURS})


def kinds(tree: Path) -> dict[str, str]:
    return {c.path: c.kind for c in write(tree, NEW, ["gone.tf"])}


def test_every_file_becomes_what_it_should_be(tree: Path) -> None:
    assert kinds(tree) == {
        "main.tf": "replace",
        "more.tf": "create",
        "tests/a.tf": "replace",
        "x/y/z.tf": "create",
        "gone.tf": "remove",
    }
    assert read_tree(tree) == {**NEW, **YOURS}


def test_what_is_so_already_is_not_touched(tree: Path) -> None:
    write(tree, NEW)
    before = (tree / "main.tf").stat()
    assert set(kinds(tree).values()) == {"same", "remove"}
    after = (tree / "main.tf").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_modes_are_kept(tree: Path) -> None:
    (tree / "main.tf").chmod(0o640)
    write(tree, NEW)
    assert (tree / "main.tf").stat().st_mode & 0o777 == 0o640


def steps(folder: Path) -> list[str]:
    seen: list[str] = []
    write(write_tree(folder, {**OLD, **YOURS}), NEW, ["gone.tf"], step=seen.append)
    return seen


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError, SystemExit])
@pytest.mark.parametrize("fresh", [False, True])
def test_a_failure_at_any_step_leaves_the_tree_as_it_was(
    failure: type[BaseException], fresh: bool, tmp_path: Path
) -> None:
    count = len(steps(tmp_path / "count"))
    assert count == 9
    for stop in range(count):
        tree = tmp_path / str(stop)
        if not fresh:
            write_tree(tree, {**OLD, **YOURS})
        seen = 0

        def step(_: str, stop: int = stop) -> None:
            nonlocal seen
            if seen == stop:
                raise failure
            seen += 1

        if fresh and stop >= 8:
            continue  # there is nothing to remove in a fresh tree
        with pytest.raises((failure, TreeError)):
            write(tree, NEW, ["gone.tf"], step=step)
        if fresh:
            assert not tree.exists()
        else:
            assert read_tree(tree) == {**OLD, **YOURS}
            assert not (tree / "x").exists()


KILLED = """
import os, sys
from pathlib import Path
from vpc_cni_iam.files.tree import write
def step(_):
    sys.stdout.write("."); sys.stdout.flush()
    if int(sys.argv[2]) == step.seen:
        os.kill(os.getpid(), 9)
    step.seen += 1
step.seen = 0
write(Path(sys.argv[1]), {new!r}, ["gone.tf"], step=step)
"""


def test_after_a_kill_every_file_is_old_or_new_and_the_next_run_mends_it(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED.format(new=NEW))
    for stop in range(9):
        tree = write_tree(tmp_path / str(stop), {**OLD, **YOURS})
        done = subprocess.run([sys.executable, script, tree, str(stop)], check=False)
        assert done.returncode == -signal.SIGKILL
        check_whole(tree)
        write(tree, NEW, ["gone.tf"])
        assert read_tree(tree) == {**NEW, **YOURS}


def check_whole(tree: Path) -> None:
    for name, text in texts(tree, entries(tree)).items():
        assert text in {OLD.get(name), NEW.get(name), YOURS.get(name)}, name
    assert set(entries(tree)) >= {"main.tf", "tests/a.tf", "yours.tf"}


def test_kills_at_random_moments(tmp_path: Path) -> None:
    """Not at our own steps but whenever: hundreds of kills of a process that only writes."""
    tree = write_tree(tmp_path / "t", {**OLD, **YOURS})
    setup = (
        "from vpc_cni_iam.files.tree import write\n"
        f"old, new, tree = {OLD!r}, {NEW!r}, Path({str(tree)!r})\n"
        "def there_and_back():\n"
        "    write(tree, new, ['gone.tf'])\n"
        "    write(tree, old, ['more.tf', 'x/y/z.tf'])\n"
    )
    left_over = 0
    for _ in killed_at_random(tmp_path, setup):
        check_whole(tree)
        left_over += any(p.name.startswith(".vpc-cni-iam-") for p in tree.rglob("*"))
    assert left_over, "no kill came in the middle of a write, so nothing was tried"
    write(tree, NEW, ["gone.tf"])
    assert read_tree(tree) == {**NEW, **YOURS}


def test_a_full_disk_leaves_the_tree_as_it_was(tree: Path) -> None:
    """A limit on file size fails a write in the middle as a full disk does."""
    big = {**NEW, "big.tf": "x" * 100_000}

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    script = (
        "import sys\nfrom pathlib import Path\nfrom vpc_cni_iam.files.tree import write\n"
        f"write(Path(sys.argv[1]), {big!r})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tree],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "TreeError" in done.stderr
    assert "cannot be written" in done.stderr
    assert read_tree(tree) == {**OLD, **YOURS}


def test_two_runs_take_turns(tmp_path: Path) -> None:
    script = tmp_path / "one.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom vpc_cni_iam.files.lock import locked\n"
        "from vpc_cni_iam.files.tree import write\n"
        "files = {f'{n}.tf': sys.argv[2] * 5000 for n in range(20)}\n"
        "for _ in range(20):\n"
        "    with locked(Path(sys.argv[1])): write(Path(sys.argv[1]), files)\n"
    )
    runs = [subprocess.Popen([sys.executable, script, tmp_path / "t", w]) for w in "ab"]
    assert [r.wait() for r in runs] == [0, 0]
    assert len(set(read_tree(tmp_path / "t").values())) == 1


@pytest.mark.parametrize("name", ["../out.tf", "/etc/x", "a/../../x", ""])
def test_no_name_leaves_the_directory(name: str, tree: Path) -> None:
    with pytest.raises(TreeError, match="is not a path inside"):
        write(tree, {name: "x"})


def test_symbolic_links_are_not_followed(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.tf"
    outside.write_text("precious")
    (tree / "main.tf").unlink()
    (tree / "main.tf").symlink_to(outside)
    with pytest.raises(TreeError, match="symbolic link"):
        write(tree, NEW)
    with pytest.raises(TreeError, match="symbolic link"):
        texts(tree, entries(tree))
    assert outside.read_text() == "precious"


def test_a_linked_folder_is_not_followed(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tree / "x").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TreeError, match="symbolic link"):
        write(tree, NEW)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_files_and_directories_are_not_confused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(TreeError, match="is a file; name a directory"):
        entries(tmp_path / "file")
    with pytest.raises(TreeError):
        write(tmp_path / "file", NEW)
    with pytest.raises(TreeError, match="is a file; name a directory"):
        write(write_tree(tmp_path / "a", {"x": "file"}), NEW)
    with pytest.raises(TreeError, match="is a directory where a file is needed"):
        write(write_tree(tmp_path / "b", {"main.tf/x": "file"}), NEW)


def as_nobody(tree: Path, *, lock: bool = False) -> str:
    """What writing says without root's rights, to which nothing is read-only."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        if os.getuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        try:
            with locked(tree) if lock else contextlib.nullcontext():
                write(tree, {"main.tf": "new"})
            os.write(writing, b"written")
        except BaseException as error:
            os.write(writing, str(error).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    with os.fdopen(reading, "rb") as message:
        return message.read().decode()


def test_what_may_not_be_written_is_left_alone() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        tree = write_tree(folder / "t", OLD)
        tree.chmod(0o755 if os.getuid() == 0 else 0o555)
        assert "cannot be written" in as_nobody(tree)
        if os.getuid() == 0:
            assert "cannot be written" in as_nobody(folder / "fresh")
        tree.chmod(0o777)
        (tree / "main.tf").chmod(0o444)
        assert "read-only" in as_nobody(tree)
        assert read_tree(tree) == OLD
        (tree / "main.tf").chmod(0o666)
        assert as_nobody(tree) == "written"


def test_what_git_and_engines_keep_is_passed_over(tree: Path) -> None:
    write_tree(tree, {".terraform/x/y.tf": "x", ".terraform.lock.hcl": "x", ".git/config": "x"})
    (tree / ".vpc-cni-iam-new-main.tf").write_text("half")
    (tree / "link").symlink_to("/nowhere")
    os.mkfifo(tree / "pipe")
    assert set(entries(tree)) == {*OLD, *YOURS, "link", "pipe"}
    assert entries(tree / "nowhere") == ()


def test_what_another_run_has_begun_further_down_is_left_alone(tmp_path: Path) -> None:
    theirs = {"deep/.vpc-cni-iam-new-main.tf": "another's"}
    write_tree(tmp_path, {**theirs, ".vpc-cni-iam-new-x": "left"})
    write(tmp_path, {"x": "new"})
    assert read_tree(tmp_path) == {**theirs, "x": "new"}


def test_texts_come_back_as_they_were(tree: Path) -> None:
    (tree / "crlf.tf").write_bytes(b"a\r\nb\r\n")
    (tree / "binary").write_bytes(b"\xff\xfe")
    text_by_path = texts(tree, ["crlf.tf", "binary", "missing.tf"])
    assert text_by_path == {"crlf.tf": "a\nb\n", "binary": "\udcff\udcfe"}
    write(tree, {"copy": text_by_path["binary"]})
    assert (tree / "copy").read_bytes() == b"\xff\xfe"


def test_a_pipe_is_refused_and_not_waited_for(tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    with pytest.raises(TreeError, match="is not a regular file"):
        texts(tree, ["pipe"])


def test_a_second_interrupt_waits_until_all_is_put_back(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undo = Replacement.undo

    def interrupted(replacement: Replacement) -> None:
        signal.raise_signal(signal.SIGINT)
        undo(replacement)

    def step(word: str) -> None:
        if word.startswith("remove"):
            raise KeyboardInterrupt

    monkeypatch.setattr(Replacement, "undo", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tree, NEW, ["gone.tf"], step=step)
    assert read_tree(tree) == {**OLD, **YOURS}


def test_a_directory_below_one_that_may_not_be_read(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "home")
        tree = write_tree(folder / "t", OLD)
        folder.chmod(0o711)
        Path(name).chmod(0o711)
        for path in (tree, *tree.rglob("*")):
            path.chmod(0o777)
        assert as_nobody(tree, lock=True) == "written"


WITHOUT_LOCKS = """
import fcntl, os
def refuse(*_):
    raise OSError({0}, os.strerror({0}))
fcntl.flock = refuse
from vpc_cni_iam.cli.main import main
main()
"""


@pytest.mark.parametrize(
    ("code", "commands"),
    [
        (errno.ENOLCK, ("init", "sync", "check", "sync --dry-run", "generate")),
        (errno.ENOTSUP, ("generate",)),
        (errno.ENOSYS, ("generate",)),
    ],
)
def test_a_file_system_without_locks_is_a_warning(
    code: int, commands: tuple[str, ...], tmp_path: Path
) -> None:
    tool = [sys.executable, "-c", WITHOUT_LOCKS.format(code)]
    for command in commands:
        done = run(*command.split(), cwd=tmp_path, command=tool)
        assert done.code == 0, done.err
        words = "warning: this file system has no locks; run one command at a time"
        assert done.err.count(words) == (command in ("init", "sync", "generate")), done.err
    assert (tmp_path / "vpc-cni-iam-policy" / "main.tf").exists()


@pytest.mark.parametrize("other", ["Main.tf", "MAIN.TF"])
def test_names_that_differ_only_in_case_are_refused(other: str, tmp_path: Path) -> None:
    with pytest.raises(TreeError, match=r"differs from main\.tf only in case"):
        write(write_tree(tmp_path, {other: "x"}), NEW)
    with pytest.raises(TreeError, match="differs from tests only in case"):
        write(write_tree(tmp_path / "b", {"Tests/a.tf": "x"}), NEW)


def test_parents_that_a_lock_needs_go_if_nothing_is_written(tmp_path: Path) -> None:
    with locked(tmp_path / "a" / "b" / "c"):
        assert (tmp_path / "a" / "b").is_dir()
    assert not (tmp_path / "a").exists()
    with locked(tmp_path / "a" / "b" / "c"):
        write(tmp_path / "a" / "b" / "c", NEW)
    assert read_tree(tmp_path / "a" / "b" / "c") == NEW

"""What cannot be written is named, what was written is said, and nothing is half done."""

import json
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import COMMAND, Run, read_tree, run
from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.files.checkout import Checkout
from vpc_cni_iam.files.lock import locked
from vpc_cni_iam.vendoring.configuration.config import load
from vpc_cni_iam.vendoring.sync import SyncOutcome, sync_all
from vpc_cni_iam.vendoring.upgrade import Pin, prepare, upgrade

TABLE = '[[module]]\npath = "{}"\ncni_version = "v1.20.4"\nvariants = ["ipv4"]\n'


def repository(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    toml = folder / "vpc-cni-iam.toml"
    toml.write_text("".join(map(TABLE.format, names)))
    config = load(toml)
    assert all(o.done for o in sync_all(config, config.modules, Checkout(folder, {})))
    return toml


def test_a_configuration_that_was_changed_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    toml = repository(tmp_path, "m")
    config = load(toml)
    git = Checkout(tmp_path, {})
    prepared = prepare(config, Pin("cni_version", "v1.22.4"), config.modules, git)
    toml.write_text(toml.read_text() + "# theirs\n")
    before = read_tree(tmp_path)
    with pytest.raises(TreeError, match="has changed during the run; run the command again"):
        upgrade(prepared, git)
    assert read_tree(tmp_path) == before


def waits_for_a_lock(process: "subprocess.Popen[str]") -> bool:
    """Wait until a process waits for a lock, or ends without."""
    while process.poll() is None:
        waiting = [x.split() for x in Path("/proc/locks").read_text().splitlines() if "->" in x]
        if any(str(process.pid) in words for words in waiting):
            return True
        time.sleep(0.01)
    return False


NEEDS_LOCKS = pytest.mark.skipif(
    not Path("/proc/locks").exists(), reason="nothing tells who waits for a lock"
)


def run_blocked(folder: Path, lock: Path, command: str, meanwhile: Callable[[], object]) -> Run:
    """Run a command that waits for a lock while another program does something."""
    with locked(lock):
        process = subprocess.Popen(
            [*COMMAND, *command.split()],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        waited = waits_for_a_lock(process)
        meanwhile()
    out, err = process.communicate()
    assert waited, err
    assert "warning: another command uses this directory; this one waits until it ends" in err
    return Run(process.returncode, out, err)


@NEEDS_LOCKS
def test_an_upgrade_waits_for_others_and_then_looks_again(tmp_path: Path) -> None:
    toml = repository(tmp_path, "deep/m")
    before, theirs = read_tree(tmp_path / "deep"), toml.read_text() + "# theirs\n"
    done = run_blocked(tmp_path, toml, "upgrade", lambda: toml.write_text(theirs))
    assert done.code == 3 and "has changed during the run" in done.err
    assert toml.read_text() == theirs
    assert read_tree(tmp_path / "deep") == before


@NEEDS_LOCKS
def test_a_sync_waits_for_others_and_then_looks_again(tmp_path: Path) -> None:
    toml = repository(tmp_path, "deep/a", "deep/b")
    before, theirs = read_tree(tmp_path / "deep"), toml.read_text().replace("v1.20.4", "v1.22.4")
    lock = tmp_path / "deep" / "a"
    done = run_blocked(tmp_path, lock, "sync", lambda: toml.write_text(theirs))
    assert done.code == 3
    _, first, second = done.err.splitlines()
    assert first.endswith(
        "error: vpc-cni-iam.toml: has changed during the run; run the command again"
    )
    assert "2 of 2 modules do not match vpc-cni-iam.toml" in second
    assert read_tree(tmp_path / "deep") == before


@NEEDS_LOCKS
@pytest.mark.parametrize("command", ["upgrade", "sync --dry-run", "check"])
def test_a_module_that_another_is_writing_is_not_taken_for_edited(
    command: str, tmp_path: Path
) -> None:
    """What is half written is looked at when the other is done, and not before."""
    repository(tmp_path, "deep/m")
    main = tmp_path / "deep" / "m" / "main.tf"
    before = main.read_text()
    main.write_text(f"{before}# half\n")
    done = run_blocked(tmp_path, main.parent, command, lambda: main.write_text(before))
    assert (done.code, "edited" in done.out) == (0, False)


@pytest.mark.parametrize("command", ["sync", "upgrade"])
def test_whoever_is_overtaken_leaves_what_the_other_wrote(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if stopped before the modules are written, while another upgrade runs to its end."""
    toml = repository(tmp_path, "a", "b")
    config = load(toml)
    git = Checkout(tmp_path, {})

    def overtaken(*arguments: Any) -> list[SyncOutcome]:
        other = [*COMMAND]  # not in this process, where what it calls is patched
        words = ("upgrade", "--cni-version", "v1.22.4")
        assert run(*words, cwd=tmp_path, command=other).code == 0
        return sync_all(*arguments)

    monkeypatch.setattr("vpc_cni_iam.vendoring.upgrade.sync_all", overtaken)
    if command == "upgrade":
        pin = Pin("cni_version", "v1.23.0")
        outcomes = [*upgrade(prepare(config, pin, config.modules, git), git)]
    else:
        outcomes = overtaken(config, config.modules, git)
    for outcome in outcomes:
        assert str(outcome.failure) == f"{toml}: has changed during the run; run the command again"
    assert toml.read_text().count("v1.22.4") == 2
    assert run("check", cwd=tmp_path).code == 0


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def carry_out(folder: Path, command: str) -> list[SyncOutcome]:
    config = load(folder / "vpc-cni-iam.toml")
    git = Checkout(folder, {})
    if command == "upgrade":
        pin = Pin("cni_version", "v1.23.2")
        return [*upgrade(prepare(config, pin, config.modules, git), git)]
    return sync_all(config, config.modules, git)


def as_nobody(folder: Path, command: str, hidden: str = "") -> tuple[int, str]:
    """Do something in a process without root's rights, which may not read what is hidden.

    It is done on a copy first, with those rights: what the package reads of itself is then read,
    and it may lie where nobody else may read it.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.close(reading)
            with tempfile.TemporaryDirectory() as name:
                carry_out(shutil.copytree(folder, Path(name, "copy")), command)
            if hidden:
                (folder / hidden).chmod(0)
            if os.getuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            outcomes = carry_out(folder, command)
            code = sum(o.failure is not None for o in outcomes)
            os.write(writing, "\n".join(str(o.failure) for o in outcomes).encode())
        except BaseException as error:
            os.write(writing, repr(error).encode())
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as message:
        text = message.read().decode()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


def open_up(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_is_read_only_does_not_hide_what_became_of_the_others(
    what: str, open_folder: Path
) -> None:
    folder = open_folder / "r"
    repository(folder, "a", "b", "c")
    open_up(folder)
    guarded = folder / "b" / ("main.tf" if what == "file" else "")
    guarded.chmod(0o444 if what == "file" else 0o555)
    before = read_tree(folder / "b")
    failures, stderr = as_nobody(folder, "upgrade")
    assert failures == 1, stderr
    first, second, third = stderr.splitlines()
    assert (first, third) == ("None", "None")
    assert f"cannot be written: {'it is read-only' if what == 'file' else 'Permission'}" in second
    assert f"nothing in {folder / 'b'}" in second
    assert read_tree(folder / "b") == before
    # The configuration has the new pin of each, so that a sync finishes what failed.
    assert (folder / "vpc-cni-iam.toml").read_text().count("v1.23.2") == 3
    assert run("check", cwd=folder).out.startswith("outdated b\n")
    open_up(folder)
    assert as_nobody(folder, "sync")[0] == 0
    assert run("check", cwd=folder).code == 0


@pytest.mark.parametrize("name", ["a", "b"])
def test_an_upgrade_that_cannot_write_a_module_says_that_the_pin_has_changed(
    name: str, tmp_path: Path
) -> None:
    toml = repository(tmp_path, *sorted({"a", name}))
    (tmp_path / name / "MAIN.tf").write_text("")  # found only when main.tf is to be written
    before = read_tree(tmp_path / name)
    done = run("upgrade", name, "--cni-version", "v1.23.2", "--format", "json", cwd=tmp_path)
    assert (done.code, json.loads(done.out)["config_changed"]) == (3, True)
    assert "vpc-cni-iam.toml has the new pin; fix that, then: vpc-cni-iam sync\n" in done.err
    assert toml.read_text().count("v1.23.2") == 1
    assert read_tree(tmp_path / name) == before
    assert run("check", cwd=tmp_path).out.startswith(f"outdated {name}\n")
    (tmp_path / name / "MAIN.tf").unlink()
    assert run("sync", cwd=tmp_path).code == 0
    assert run("check", cwd=tmp_path).code == 0


@pytest.mark.parametrize("hidden", [".vpc-cni-iam", "tests"])
def test_a_folder_that_may_not_be_read_is_named(hidden: str, open_folder: Path) -> None:
    folder = open_folder / "r"
    repository(folder, "a", "b")
    open_up(folder)
    _, stderr = as_nobody(folder, "sync", f"a/{hidden}")
    first, second = stderr.splitlines()
    assert first.startswith(f"{folder}/a/{hidden}/") and second == "None"
    assert "cannot be read: Permission denied; change its permissions" in first
    (folder / "a" / hidden).chmod(0o755)


def test_the_command_line_says_what_failed_and_what_did_not(tmp_path: Path) -> None:
    repository(tmp_path, "a", "b")
    (tmp_path / "a" / "main.tf").unlink()
    (tmp_path / "b" / "main.tf").unlink()
    (tmp_path / "a" / "main.tf").mkdir()
    done = run("sync", cwd=tmp_path)
    assert (done.code, done.out) == (3, "create   b/main.tf\n")
    assert "error: a/main.tf: is not a regular file" in done.err
    assert "1 of 2 modules do not match vpc-cni-iam.toml" in done.err


def full_disk() -> None:
    """Let writes of more than a little fail in the middle, as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 400 kB, where one may be made."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)]
    if (
        not shutil.which("mount")
        or subprocess.run(command, check=False, capture_output=True).returncode
    ):
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_in_the_middle_of_a_sync(tmp_path: Path) -> None:
    toml = repository(tmp_path, "m")
    toml.write_text(toml.read_text().replace("v1.20.4", "v1.23.0"))
    before = read_tree(tmp_path)
    command = [*COMMAND, "sync"]
    done = subprocess.run(
        command, cwd=tmp_path, preexec_fn=full_disk, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "; nothing in m was changed\n" in done.stderr
    assert read_tree(tmp_path) == before
    assert run("sync", cwd=tmp_path).code == 0


@pytest.mark.mounts
def test_a_disk_that_is_really_full(small_disk: Path) -> None:
    repository(small_disk, "m")
    before = read_tree(small_disk)
    (small_disk / "filler").write_bytes(b"")
    try:
        with (small_disk / "filler").open("ab", buffering=0) as filler:
            while True:
                filler.write(b"x" * 512)
    except OSError:
        pass
    done = run("upgrade", cwd=small_disk)
    assert done.code == 3
    assert "No space left on device" in done.err
    (small_disk / "filler").unlink()
    now = read_tree(small_disk)
    assert now == before
    assert run("upgrade", cwd=small_disk).code == 0
    assert run("check", cwd=small_disk).code == 0

"""The engine wrapper: what it finds, what it hides, what an error keeps."""

import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from vpc_cni_iam.engine.run import find
from vpc_cni_iam.errors import EngineError
from vpc_cni_iam.texts.limits import Limit


def script(folder: Path, name: str, body: str) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin"}


def test_auto_takes_terraform_first_and_tofu_second(tmp_path: Path) -> None:
    assert find("auto", {"PATH": str(tmp_path)}) is None
    environ = script(tmp_path, "tofu", "")
    place = find("auto", {"PATH": str(tmp_path)})
    assert place is not None and place.name == "tofu"
    script(tmp_path, "terraform", "")
    place = find("auto", {"PATH": str(tmp_path)})
    assert place is not None and place.name == "terraform"
    assert environ


def test_an_interrupt_while_an_engine_starts_stops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal comes when the process is there and nobody has its handle yet."""
    start, started = subprocess.Popen.__init__, []

    def interrupted(process: subprocess.Popen[bytes], *words: object, **options: object) -> None:
        start(process, *words, **options)  # type: ignore[arg-type]
        started.append(process.pid)
        os.kill(os.getpid(), signal.SIGINT)

    engine = find("tofu", script(tmp_path, "tofu", "exec sleep 600"))
    assert engine is not None
    monkeypatch.setattr(subprocess.Popen, "__init__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        engine.run(["plan"], tmp_path)
    (pid,) = started
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_named_engine_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="tofu is not on the PATH") as caught:
        find("tofu", {"PATH": str(tmp_path)})
    assert caught.value.exit_code == 3


def test_the_user_s_settings_do_not_reach_a_run(tmp_path: Path) -> None:
    environ = script(tmp_path, "tofu", "env")
    mine = {"TF_CLI_ARGS_plan": "-destroy", "TF_VAR_partition": "x", "TF_WORKSPACE": "prod"}
    place = find("tofu", {**environ, **mine, "TF_CLI_CONFIG_FILE": "kept", "TF_DATA_DIR": "x"})
    assert place is not None
    printed = place.run([], tmp_path)
    for name in (*mine, "TF_DATA_DIR"):
        assert name not in printed
    assert "TF_CLI_CONFIG_FILE=kept" in printed
    assert "CHECKPOINT_DISABLE=1" in printed


def test_an_error_has_the_command_its_code_and_its_words(tmp_path: Path) -> None:
    environ = script(tmp_path, "tofu", "printf '\\033[31mwrong\\033[0m \\377' >&2; exit 7")
    place = find("tofu", environ)
    assert place is not None
    with pytest.raises(EngineError, match=r"^tofu plan failed with exit code 7:\nwrong \ufffd$"):
        place.run(["plan", "-x"], tmp_path)


def test_a_binary_that_cannot_be_run(tmp_path: Path) -> None:
    environ = script(tmp_path, "tofu", "")
    place = find("tofu", environ)
    assert place is not None
    (tmp_path / "tofu").write_bytes(b"\x7fELF nonsense")
    with pytest.raises(EngineError, match="cannot run"):
        place.run(["version"], tmp_path)


@pytest.mark.parametrize("redirection", ["", ">&2"])
def test_an_engine_that_prints_without_end_is_stopped(
    redirection: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vpc_cni_iam.engine.run.ENGINE_OUTPUT", Limit("", 1 << 20, ""))
    place = find("tofu", script(tmp_path, "tofu", f"exec yes {redirection}"))
    assert place is not None
    with pytest.raises(EngineError, match="tofu prints more than the limit of 1 MiB"):
        place.run(["show"], tmp_path)


def test_what_goes_into_a_file_has_a_limit_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vpc_cni_iam.engine.run.ENGINE_OUTPUT", Limit("", 1 << 20, ""))
    place = find("tofu", script(tmp_path, "tofu", "head -c 3000000 /dev/zero; echo words >&2"))
    assert place is not None
    with (tmp_path / "out").open("w+b") as file:
        assert place.run(["show"], tmp_path, file) == ""
        assert (tmp_path / "out").stat().st_size == 3_000_000
    monkeypatch.setattr("vpc_cni_iam.engine.run.PLAN", Limit("", 2 << 20, ""))
    with (
        (tmp_path / "out").open("w+b") as file,
        pytest.raises(EngineError, match="tofu prints more than the limit of 2 MiB"),
    ):
        place.run(["show"], tmp_path, file)


def test_a_plan_that_is_no_object_is_an_error(tmp_path: Path) -> None:
    place = find("tofu", script(tmp_path, "tofu", "echo '[1]'"))
    assert place is not None
    with pytest.raises(EngineError, match="show -json printed no JSON object"):
        place.plan(tmp_path)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("exit 3", "tofu version failed with exit code 3"),
        ("echo hello", "version -json printed no JSON object: 'hello"),
        ("echo '{\"terraform_version\": 1}'", "version -json printed no version"),
    ],
)
def test_an_engine_without_a_version_is_an_error(body: str, problem: str, tmp_path: Path) -> None:
    place = find("tofu", script(tmp_path, "tofu", body))
    assert place is not None
    with pytest.raises(EngineError, match=problem):
        place.version()


def test_an_engine_that_prints_no_version_in_time_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vpc_cni_iam.engine.run.VERSION_TIMEOUT", 1)
    place = find("tofu", script(tmp_path, "tofu", "exec sleep 600"))
    assert place is not None
    with pytest.raises(EngineError, match="tofu version did not end within 1 s"):
        place.version()

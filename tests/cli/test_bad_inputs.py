"""Every command that reads a file refuses every kind of bad one, in words and in little memory."""

import codecs
import ctypes
import gzip
import io
import json
import os
import random
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from conftest import ROOT, run
from synthetic import allow, document, inline, plan
from vpc_cni_iam import texts
from vpc_cni_iam.cli.main import main
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.plan import saved
from vpc_cni_iam.texts.limits import UNPACKED, UNPACKED_RATIO, Limit

MEMORY, SECONDS = 1200 << 20, 20
POLICY = document(allow("ec2:DescribeInstances"))
MODULE = 'resource "aws_iam_policy" "p" {\n  policy = jsonencode({ Statement = [] })\n}\n'
CONFIGURATION = '[[module]]\npath = "m"\ncni_version = "v1.20.4"\n'
Command = Callable[[Path, Path], list[str | Path]]

# Of each reader: the name that its file has, what a good one holds, and how it is run.
READERS: dict[str, tuple[str, str, Command]] = {
    "coverage": ("p.json", POLICY, lambda path, folder: ["coverage", path]),
    "coverage of HCL": ("p.tf", MODULE, lambda path, folder: ["coverage", path]),
    "compare": ("p.json", POLICY, lambda path, folder: ["compare", path, path]),
    "convert": ("p.json", POLICY, lambda path, folder: ["convert", path]),
    "preflight": (
        "i.json",
        '{"Reservations": []}',
        lambda path, folder: ["preflight", path, "--cluster-name", "prod"],
    ),
    "review": ("plan.json", plan().decode(), lambda path, folder: ["review", path]),
    "review --ignore-file": (
        "ignore.toml",
        "",
        lambda path, folder: ["review", folder / "good.json", "--ignore-file", path],
    ),
    "check": ("c.toml", CONFIGURATION, lambda path, folder: ["check", "--config", path]),
    "sync": ("c.toml", CONFIGURATION, lambda path, folder: ["sync", "--config", path]),
    "upgrade": ("c.toml", CONFIGURATION, lambda path, folder: ["upgrade", "--config", path]),
}
BY_FOLDER: dict[str, tuple[str, Command]] = {
    "verify": ("main.tf", lambda path, folder: ["verify", path.parent]),
    "coverage of a folder": ("main.tf", lambda path, folder: ["coverage", path.parent]),
}


def sparse(path: Path, text: str) -> None:
    with path.open("wb") as file:
        file.truncate(5 << 30)


def deep(opening: str, inner: str, closing: str) -> Callable[[str], str]:
    def nested(start: str) -> str:
        return start + opening * 100_000 + inner + closing * 100_000

    return nested


def nest(path: Path, text: str) -> None:
    forms = {".json": deep('{"a": [', "1", "]}")(""), ".toml": ".".join("a" * 100_000) + " = 1"}
    path.write_text(forms.get(path.suffix, deep("[", "1", "]")(text + "a = ")))


def noise(path: Path, text: str) -> None:
    path.write_bytes(b"\x89PNG\r\n" + random.Random(1).randbytes(5000))


def cut(path: Path, text: str) -> None:
    path.write_bytes(codecs.BOM_UTF16_LE + text.encode("utf-16-le") + b"\x00")


def closed(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0)


# How each kind of bad input is made, and a part of what is said of it; empty where that differs
# from one format to the next.
INPUTS: dict[str, tuple[Callable[[Path, str], object], str]] = {
    "missing": (lambda path, text: None, "does not exist|is missing"),
    "a directory": (lambda path, text: path.mkdir(), "is a directory|has no"),
    "below a file": (lambda path, text: None, "is below a file|does not exist"),
    "a name that is too long": (
        lambda path, text: None,
        "File name too long|is missing|does not exist",
    ),
    "sparse": (sparse, "is larger than .*, the limit"),
    "/dev/zero": (lambda path, text: path.symlink_to("/dev/zero"), ""),
    "nested": (nest, "nests more than [0-9]+ deep|nests too deeply"),
    "binary": (noise, ""),
    "UTF-16 that is cut": (cut, ""),
    "unreadable": (closed, "cannot be read: Permission denied; change its permissions"),
}
# prctl(2) and capabilities(7): what lets root read every file.
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
LIBC = ctypes.CDLL(None)


def limited() -> None:
    if os.getuid() == 0:
        LIBC.prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)
        LIBC.prctl(PR_CAPBSET_DROP, CAP_DAC_READ_SEARCH)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


# Runs each command line in its own process, without the time that Python takes to start.
SERVER = """
import json, os, pkgutil, sys
from importlib import import_module
import vpc_cni_iam
from vpc_cni_iam.cli.main import main
from vpc_cni_iam.hcl import repair
for module in pkgutil.walk_packages(vpc_cni_iam.__path__, "vpc_cni_iam."):
    if module.name != "vpc_cni_iam.__main__":
        import_module(module.name)
repair.tree("a = 1")
for line in sys.stdin:
    words, errors = json.loads(line)
    if not (child := os.fork()):
        for number, place in enumerate((os.devnull, os.devnull, errors)):
            os.dup2(os.open(place, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
        sys.argv = ["vpc-cni-iam", *words]
        try:
            main()
        except SystemExit as end:
            sys.stderr.flush()
            os._exit(end.code or 0)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
Refused = Callable[..., str]


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refused]:
    """What a command says when it refuses a file, having kept within its means."""
    errors = tmp_path_factory.mktemp("refused") / "stderr"
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=limited,  # noqa: PLW1509 - no other thread runs here
    ) as server:

        def run_refused(command: list[str | Path], path: Path, code: int = 3) -> str:
            assert server.stdin is not None and server.stdout is not None
            server.stdin.write(json.dumps([[*map(str, command)], str(errors)]) + "\n")
            server.stdin.flush()
            done = int(server.stdout.readline())
            words = errors.read_text()
            assert done == code, (done, words[-2000:])
            messages = [line.removeprefix("vpc-cni-iam: ") for line in words.splitlines()]
            assert any(line.startswith("error: ") for line in messages), words
            assert str(path)[:100] in words or str(path.parent) in words
            for wrong in ("Errno", "Traceback", "MemoryError", "RecursionError"):
                assert wrong not in words
            assert len(words) < 3000
            return words

        yield run_refused


def place(tmp_path: Path, kind: str, name: str) -> Path:
    if kind == "below a file":
        (tmp_path / "file").touch()
        return tmp_path / "file" / name
    if kind == "a name that is too long":
        return tmp_path / f"{'n' * 300}{Path(name).suffix}"
    return tmp_path / name


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("reader", READERS)
def test_a_bad_input_is_refused(reader: str, kind: str, tmp_path: Path, refused: Refused) -> None:
    name, text, command = READERS[reader]
    make, words = INPUTS[kind]
    (tmp_path / "good.json").write_bytes(plan())
    path = place(tmp_path, kind, name)
    make(path, text)
    if reader == "review" and kind == "sparse":
        words = "larger|is not the JSON of a plan"
    code = 2 if (reader, kind) == ("convert", "a directory") else 3
    assert re.search(words, refused(command(path, tmp_path), path, code))


# The commands that read JSON, with their other arguments.
JSON_READERS = {
    "coverage": [],
    "compare": ["good.json"],
    "audit": [],
    "review": [],
    "explain": [],
    "convert": [],
    "preflight": ["--cluster-name", "prod"],
}


@pytest.mark.parametrize("command", JSON_READERS)
def test_json_in_utf_16_that_is_cut_is_refused_in_the_same_words(
    command: str, tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "good.json").write_text(POLICY)
    path = tmp_path / "wide.json"
    cut(path, '{\n"Statement": []}')
    arguments = [str(tmp_path / a) if a == "good.json" else a for a in JSON_READERS[command]]
    assert f"{path}: line 2: is not UTF-16 text: byte 0x00\n" in refused(
        [command, *arguments, path], path
    )


# A process that a large one starts has the memory of that one before it begins.
MEASURE = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def objects(size: int) -> str:
    return '{"items": [' + ",".join(f'{{"k{n}": "{"x" * 80}"}}' for n in range(size // 95)) + "]}"


# Too large, of too many values, of almost as many as are read, and no JSON. A test makes its own:
# every process that collects this file would have all of them in its memory.
LARGE: dict[str, Callable[[], str]] = {
    "objects": lambda: objects(51 << 20),
    "lists": lambda: "[" + "[]," * (10 << 20) + "[]]",
    "fewer objects": lambda: objects(30 << 20),
    "lines": lambda: "a line of a log of no kind\n" * (2 << 20),
}


@pytest.mark.parametrize("kind", LARGE)
@pytest.mark.parametrize("command", [*JSON_READERS, "coverage --variant ipv4 --daemonset"])
def test_a_large_file_of_the_wrong_kind_takes_at_most_200_mb(
    command: str, kind: str, tmp_path: Path
) -> None:
    (tmp_path / "good.json").write_text(POLICY)
    (tmp_path / "large.json").write_text(LARGE[kind]())
    words = ["-m", "vpc_cni_iam", *command.split(), *JSON_READERS.get(command, ()), "large.json"]
    measured = [sys.executable, "-c", MEASURE, sys.executable, *words]
    code, kib = map(int, subprocess.check_output(measured, cwd=tmp_path, text=True).split())
    # An account in which nothing is a role is a result.
    assert code == (1 if command == "audit" and kind.endswith("objects") else 3)
    assert kib < 200 << 10


def test_too_little_memory_is_a_failure_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    # In this process, also where the other tests start one for each command.
    monkeypatch.setattr("json.JSONDecoder.raw_decode", exhausted)
    path = str(ROOT / "examples/inputs/policy.json")
    monkeypatch.setattr("sys.argv", ["vpc-cni-iam", "coverage", path])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    assert capsys.readouterr() == (
        "",
        "vpc-cni-iam: error: an input needs more memory than there is; "
        "give a smaller one, or its parts\n",
    )


@pytest.mark.parametrize("depth", [100_000, 1_000_000])
@pytest.mark.parametrize("command", JSON_READERS)
def test_json_that_nests_without_end_is_refused(
    command: str, depth: int, tmp_path: Path, refused: Refused
) -> None:
    (tmp_path / "good.json").write_text(POLICY)
    path = tmp_path / "deep.json"
    arguments = [str(tmp_path / a) if a == "good.json" else a for a in JSON_READERS[command]]
    for opening, closing in (('{"a":', "}"), ("[", "]")):
        path.write_text(opening * depth + "1" + closing * depth)
        for form in ([], ["--format", "json"]):
            if form and command == "convert":
                continue
            words = refused([command, *arguments, path, *form], path)
            assert re.search("nests too deeply|not the JSON of a plan|an object is expected", words)


@pytest.mark.parametrize("kind", ["sparse", "nested", "binary", "UTF-16 that is cut"])
@pytest.mark.parametrize("reader", BY_FOLDER)
def test_a_bad_file_of_a_folder_is_refused(
    reader: str, kind: str, tmp_path: Path, refused: Refused
) -> None:
    name, command = BY_FOLDER[reader]
    folder = tmp_path / "module"
    folder.mkdir()
    INPUTS[kind][0](folder / name, MODULE)
    assert name in refused(command(folder / name, folder), folder / name)


@contextmanager
def endless(text: str, folder: Path) -> Iterator[Path]:
    """A named pipe into which a text is written again and again."""
    path = folder / "fifo.json"
    os.mkfifo(path)
    writer = f"import sys\nwith open(sys.argv[1], 'w') as f:\n  while True: f.write({text!r})"
    with subprocess.Popen(
        [sys.executable, "-c", writer, path], stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield path
        finally:
            process.kill()


@pytest.mark.parametrize(
    "reader", ["coverage", "compare", "convert", "preflight", "review", "check"]
)
def test_a_pipe_that_does_not_end_is_refused(reader: str, tmp_path: Path, refused: Refused) -> None:
    command = READERS[reader][2]
    with endless("x" * 65536, tmp_path) as path:
        words = refused(command(path, tmp_path), path)
    assert "is larger than" in words or (reader == "review" and "is not the JSON" in words)


@pytest.mark.parametrize("command", [["coverage", "-"], ["convert", "-"], ["review", "-"]])
def test_standard_input_that_does_not_end_is_refused(command: list[str]) -> None:
    with Path("/dev/zero").open("rb") as zeros:
        done = subprocess.run(
            [sys.executable, "-m", "vpc_cni_iam", *command],
            stdin=zeros,
            capture_output=True,
            text=True,
            preexec_fn=limited,
            check=False,
        )
    assert done.returncode == 3
    problem = "is not the JSON of a plan" if "review" in command else "is larger than"
    assert done.stderr.startswith(f"vpc-cni-iam: error: standard input: {problem}")


def test_a_plan_that_does_not_end_is_spooled_no_further_than_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (UNPACKED.most, UNPACKED_RATIO) == (1 << 30, 200)
    kind = replace(saved.PLAN_JSON, limit=Limit("", 3 << 20, ""))
    text = b'{"a": "' + b"x" * (8 << 20)
    with (
        pytest.raises(InputError, match="standard input: is larger than 3 MiB"),
        saved.opened(None, io.BytesIO(text), kind),
    ):
        pass
    path = tmp_path / "p.json"
    path.write_bytes(gzip.compress(text))
    with (
        pytest.raises(InputError, match=r"p\.json: unpacks to more than 3 MiB"),
        saved.opened(path, io.BytesIO(), kind),
    ):
        pass
    monkeypatch.setattr(texts, "UNPACKED", kind.limit)
    with (
        pytest.raises(InputError, match=r"p\.json: unpacks to more than 3 MiB"),
        saved.opened(path, io.BytesIO()),
    ):
        pass
    path.write_bytes(text)
    with (
        pytest.raises(InputError, match=r"p\.json: is larger than 3 MiB"),
        saved.opened(path, io.BytesIO(), kind),
    ):
        pass


def test_a_plan_larger_than_a_policy_may_be_is_read_where_a_plan_is(tmp_path: Path) -> None:
    text = plan(inline(None, POLICY)).decode()
    path = tmp_path / "plan.json"
    path.write_text(text + " " * (33 << 20))
    assert run("coverage", path).code == 1
    assert run("compare", path, path).code == 0


def test_a_long_path_of_a_module_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "vpc-cni-iam.toml"
    for module, words in (
        ("m" * 300, "has a name of more than 255 bytes, too long for file systems; shorten it"),
        ("m/" * 600 + "m", "is longer than 1,024 bytes, too long for some systems"),
    ):
        path.write_text(CONFIGURATION.replace('"m"', f'"{module}"'))
        done = run("check", "--config", path)
        assert done.code == 2
        assert f"{path}: line 2: path" in done.err and words in done.err and len(done.err) < 400


@pytest.mark.parametrize("kind", ["sparse", "nested", "binary"])
def test_a_bad_manifest_is_refused(kind: str, tmp_path: Path, refused: Refused) -> None:
    config = tmp_path / "vpc-cni-iam.toml"
    config.write_text(CONFIGURATION)
    assert run("sync", "--config", config).code == 0
    manifest = tmp_path / "m" / ".vpc-cni-iam" / "manifest"
    manifest.unlink()
    INPUTS[kind][0](manifest, "")
    assert "manifest" in refused(["check", "--config", config], manifest)


REGISTRY = "registry/v1/modules/platform/vpc-cni-iam/aws"
ARCHIVE = "terraform-aws-vpc-cni-iam-1.0.0.tar.gz"


@pytest.mark.parametrize("kind", ["sparse", "nested", "binary"])
@pytest.mark.parametrize(
    "name", [f"{REGISTRY}/versions", f"{REGISTRY}/1.0.0/{ARCHIVE}", "oci/index.json"]
)
def test_a_bad_file_of_a_registry_is_refused(
    name: str, kind: str, tmp_path: Path, refused: Refused
) -> None:
    publish = ["publish", "--cni-version", "v1.23.0", "--output", tmp_path]
    publish += ["--namespace", "platform", "--registry-host", "registry.example.com"]
    assert run(*publish, "--version", "1.0.0").code == 0
    path = tmp_path / name
    assert path.exists(), sorted(tmp_path.rglob("*"))
    path.unlink()
    INPUTS[kind][0](path, "")
    if kind == "nested":
        path.write_text("[" * 100_000)
    assert path.name in refused([*publish, "--version", "1.0.1"], path)

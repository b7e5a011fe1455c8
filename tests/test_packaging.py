"""The wheel, installed beside its dependencies and run where nothing but its output is writable."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from conftest import ROOT, read_tree, run
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.hcl import repair
from vpc_cni_iam.rendering.policy_module import render

NAME = "vpc-cni-iam"
# What a stated licence may be made of; each is permissive.
PERMISSIVE = re.compile(
    r"(MIT|ISC|BSD(-[23]-Clause)?|Apache-2\.0|CNRI-Python|PSF-2\.0)"
    r"( (License|AND (Apache-2\.0|CNRI-Python)))?"
)
# The few files that Python does not import.
DATA = {
    "py.typed",
    "catalog/facts/data/calls.json",
    "catalog/facts/data/denials.json",
    "catalog/facts/data/managed/AmazonEKS_CNI_Policy.json",
    "catalog/facts/data/readme/2017-11-22.json",
    "catalog/facts/data/revisions/2022-01-31.json",
    "rendering/templates/main.tf.jinja",
    "rendering/templates/role/role.tftest.hcl.jinja",
    "policy/matching/data/condition-keys.json",
    "policy/matching/data/global-condition-keys.json",
    "coverage/analysis/data/example-actions.json",
    "coverage/risks.md",
    "publishing/data/LICENSE",
    "publishing/data/README.md",
    "publishing/data/nginx.conf",
}


def dependencies(package: str = NAME) -> tuple[str, ...]:
    """Every package that an installation of one brings, by its normal name."""
    results: list[str] = []
    waiting = [Requirement(package)]
    while waiting:
        required = waiting.pop()
        for text in distribution(required.name).requires or ():
            needed = Requirement(text)
            extras = required.extras or {""}
            name = needed.name.lower().replace("_", "-")
            expected = needed.marker is None or any(
                needed.marker.evaluate({"extra": extra}) for extra in extras
            )
            if expected and name not in results:
                results.append(name)
                waiting.append(needed)
    return tuple(sorted(results))


def licence(name: str) -> str:
    """The licence that a package states, in one of the three places for it."""
    meta = distribution(name).metadata
    classifiers = [c for c in meta.get_all("Classifier", []) if c.startswith("License ::")]
    stated = meta["License-Expression"] or meta["License"]
    return stated or "".join(c.rpartition(" :: ")[2] for c in classifiers)


def test_licences_of_all_that_an_installation_brings() -> None:
    page = (ROOT / "docs" / "development" / "dependencies.md").read_text()
    listed = dict(
        re.findall(
            r"^\| ([\w-]+) \|.*\| ([^|]+) \|$",
            page.partition("What they bring")[2],
            re.MULTILINE,
        )
    )
    for name in dependencies():
        assert PERMISSIVE.fullmatch(licence(name)), f"{name}: {licence(name)}"
        shown = listed.get(name)
        assert shown == licence(name).removesuffix(" License") or f"| {name} " in page, name


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was made from it."""
    folder = tmp_path_factory.mktemp("dist")
    hatch = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run([*hatch, "-t", "sdist"], cwd=ROOT, check=True, capture_output=True)
    (sdist,) = folder.glob("*.tar.gz")
    subprocess.run(["tar", "-xf", sdist, "-C", folder], check=True)
    unpacked = folder / sdist.name.removesuffix(".tar.gz")
    subprocess.run([*hatch, "-t", "wheel"], cwd=unpacked, check=True, capture_output=True)
    return folder


def sources() -> set[str]:
    """The files of the package as git would have them."""
    folder = ROOT / "generator" / "vpc_cni_iam"
    return {
        f"vpc_cni_iam/{p.relative_to(folder).as_posix()}"
        for p in folder.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }


def test_the_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {n for n in archive.namelist() if ".dist-info/" not in n}
        metadata = archive.read(next(n for n in archive.namelist() if n.endswith("METADATA")))
    assert names == sources()
    assert {f"vpc_cni_iam/{name}" for name in DATA} <= names
    assert b"License-Expression: Apache-2.0" in metadata
    assert b"Requires-Python: >=3.11" in metadata


def test_the_sdist_holds_what_the_tests_read(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("LICENSE", "SECURITY.md", "docs/session.svg", "tests/conftest.py", ".ci/run"):
        assert name in names


@pytest.fixture(scope="module")
def site(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The packages of a clean installation, in a folder that may not be written."""
    folder = tmp_path_factory.mktemp("site")
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    for name in dependencies():
        for file in distribution(name).files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                place = folder / file
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), place)
    writable = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH
    everything = [folder, *folder.rglob("*")]
    for path in everything:
        path.chmod(path.stat().st_mode & ~writable)
    yield folder
    for path in everything:
        path.chmod(path.stat().st_mode | stat.S_IWUSR)


def installed(site: Path, folder: Path, *words: str, **environ: str) -> str:
    """Run the installed command with nothing else on the path, and return its stdout."""
    # Root may write anywhere; without its capabilities, modes hold for it too.
    plain = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    command = [*plain, sys.executable, "-S", "-m", "vpc_cni_iam", *words]
    remaining = {k: os.environ[k] for k in ("LD_LIBRARY_PATH",) if k in os.environ}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**remaining, "PATH": os.defpath, "PYTHONPATH": str(site), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Logging error" not in done.stderr
    return done.stdout


def test_the_archive_of_a_tag_installs(site: Path, tmp_path: Path) -> None:
    """pip takes the archive that a forge makes of a tag: the tree in one folder."""
    archive = tmp_path / "TAG.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        for name in ("pyproject.toml", "README.md", "LICENSE", "generator"):
            file.add(ROOT / name, f"vpc-cni-iam-TAG/{name}")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    words = ("--no-build-isolation", "--target", tmp_path / "site", archive)
    subprocess.run([*pip, *words], check=True, capture_output=True, timeout=300)
    path = Path(f"{tmp_path / 'site'}{os.pathsep}{site}")
    assert installed(path, tmp_path, "--version").startswith("vpc-cni-iam ")


def test_a_clean_installation_works_where_it_may_not_be_written(site: Path, tmp_path: Path) -> None:
    work, cache = tmp_path / "work", tmp_path / "cache"
    work.mkdir()
    installed(site, work, "generate")  # without HOME
    assert read_tree(work / "vpc-cni-iam-policy") == render(options(hardening=Hardening()))
    verify = ("verify", "vpc-cni-iam-policy", "--engine", "none")
    assert installed(site, work, *verify, XDG_CACHE_HOME=str(cache)).count("ok ") == 3
    (tables,) = (cache / "vpc-cni-iam").iterdir()
    before = tables.stat()
    assert installed(site, work, *verify, XDG_CACHE_HOME=str(cache)).count("ok ") == 3
    assert tables.stat().st_mtime_ns == before.st_mtime_ns
    assert not list(site.rglob(".lark_cache.bin"))
    assert {p.name for p in tmp_path.rglob("*") if p.is_dir()} == {
        "cache",
        "tests",
        "vpc-cni-iam",
        "vpc-cni-iam-policy",
        "work",
    }


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A python-hcl2 whose folder may not be written, and a folder for its tables."""
    import hcl2.parser

    missing = tmp_path / "missing" / "tables.bin"
    monkeypatch.setattr(hcl2.parser, "PARSER_FILE", missing)
    hcl2.parser.parser.cache_clear()
    yield tmp_path / "cache"
    hcl2.parser.parser.cache_clear()
    repair.keep_tables_in(None)


def test_the_tables_of_the_grammar_are_computed_once(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hcl2.parser
    import lark.lark

    repair.keep_tables_in(elsewhere)
    expected = repair.tree("a = 1\n")
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o700
    assert len(list(elsewhere.iterdir())) == 1
    hcl2.parser.parser.cache_clear()
    monkeypatch.setattr(lark.lark, "load_grammar", None)
    assert repair.tree("a = 1\n") == expected


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o707])
def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path, mode: int) -> None:
    assert repair.usable(tmp_path / "new" / "folder")
    tmp_path.chmod(mode)
    assert not repair.usable(tmp_path)


def test_a_folder_of_another_user_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write it as well, and its owner could have."""
    tmp_path.chmod(0o755)
    assert repair.usable(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert not repair.usable(tmp_path)


@pytest.mark.parametrize("value", ["relative", "/dev/null/x", ""])
def test_a_cache_folder_that_cannot_be_is_done_without(value: str, tmp_path: Path) -> None:
    done = run("generate", cwd=tmp_path, env={"XDG_CACHE_HOME": value, "HOME": "/nonexistent"})
    assert done.code == 0
    assert {p.name for p in tmp_path.iterdir()} == {"vpc-cni-iam-policy"}

"""What a release publishes: checked packages, a bill of materials, a section of the changelog."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from tools import release
from vpc_cni_iam import __version__

CHANGELOG = (ROOT / "CHANGELOG.md").read_text()
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def test_the_version_stands_in_one_place() -> None:
    place = ROOT / "generator" / "vpc_cni_iam" / "__init__.py"
    line = f'__version__ = "{__version__}"'
    assert line in place.read_text()
    text = (ROOT / "pyproject.toml").read_text()
    assert 'dynamic = ["version"]' in text and f'"{__version__}"' not in text
    assert place.relative_to(ROOT).as_posix() in text


def test_the_changelog_has_the_form_that_a_release_reads() -> None:
    sections = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)
    assert sections[0] == "[Unreleased]"
    for section in sections[1:]:
        assert re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d{2}-\d{2}", section)
    assert set(re.findall(r"^### (.*)$", CHANGELOG, re.MULTILINE)) <= {*KINDS}


def test_notes_are_the_dated_section_of_the_version() -> None:
    text = "# C\n\n## [Unreleased]\n\n- x\n\n## [0.2.0] - 2026-12-01\n\n- two\n\n## [0.1.0]\n\n- o"
    assert release.notes(text, "0.2.0") == "- two\n"
    assert release.notes(text, "0.1.0") is None
    assert release.notes(text, "Unreleased") is None
    assert release.notes(text, "0.3.0") is None


@pytest.mark.parametrize(
    ("version", "problem"),
    [("9.9.9", f"the package has version {__version__}, not 9.9.9"), (__version__, "no dated")],
)
def test_another_version_or_no_section_is_refused(
    version: str, problem: str, tmp_path: Path
) -> None:
    if release.notes(CHANGELOG, version) is not None:
        return  # that version is being released
    command = [sys.executable, "-m", "tools.release", version, "--output", str(tmp_path / "dist")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and problem in done.stderr
    assert not (tmp_path / "dist").exists()


def test_packages_are_built_and_checked(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    release.build(tmp_path / "packages")
    names = {path.name for path in (tmp_path / "packages").iterdir()}
    base = f"vpc_cni_iam-{__version__}"
    assert names == {f"{base}.tar.gz", f"{base}-py3-none-any.whl"}
    out = capfd.readouterr().out
    assert out.count("PASSED") == 2 and f"{base}-py3-none-any.whl: OK" in out


def test_the_bill_of_materials_names_every_dependency_with_its_licence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without it, the schema leaves addresses alone; with it, they take 10 seconds.
    (tmp_path / "rfc3987_syntax.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    release.bill_of_materials(Path(sys.executable), tmp_path / "sbom.json")
    bill = json.loads((tmp_path / "sbom.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "vpc-cni-iam"
    result = {component["name"].lower(): component for component in bill["components"]}
    for name in ("typer", "jinja2", "python-hcl2", "tomlkit", "msgspec", "lark"):
        assert result[name]["version"] and result[name]["licenses"], name

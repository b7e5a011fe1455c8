"""Build and check what a release publishes.

python -m tools.release VERSION [--output DIRECTORY]

Writes the sdist and the wheel into DIRECTORY/packages (dist by default), a software bill of
materials of a clean installation, sbom.cdx.json, and the section of CHANGELOG.md, notes.md. Exit
codes: 0 done, 1 VERSION is not the version of this package, or CHANGELOG.md has no section for it,
2 wrong usage.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from vpc_cni_iam import __version__

ROOT = Path(__file__).resolve().parents[1]
_SECTION = re.compile(r"^## \[(.+?)\](?: - (\d{4}-\d{2}-\d{2}))?\n", re.MULTILINE)


def notes(changelog: str, version: str) -> str | None:
    """Return the dated section of a version in a changelog, None if it has none."""
    headings = list(_SECTION.finditer(changelog))
    for heading, after in zip(headings, [*headings[1:], None], strict=True):
        if heading[1] == version and heading[2]:
            end = after.start() if after else len(changelog)
            return changelog[heading.end() : end].strip() + "\n"
    return None


def build(packages: Path) -> None:
    """Build the sdist, from it the wheel, and check both."""
    packages.mkdir(parents=True, exist_ok=True)
    _run("hatchling", "build", "--target", "sdist", "--directory", str(packages))
    (sdist,) = packages.glob("*.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["tar", "-xf", str(sdist), "-C", folder], check=True)
        source = Path(folder, sdist.name.removesuffix(".tar.gz"))
        _run("hatchling", "build", "--target", "wheel", "--directory", str(packages), cwd=source)
    files = [str(path) for path in sorted(packages.iterdir())]
    _run("twine", "check", "--strict", *files)
    _run("check_wheel_contents", *(name for name in files if name.endswith(".whl")))


def bill_of_materials(python: Path, output: Path) -> None:
    """Write the software bill of materials of the packages that a Python has."""
    _run(
        *("cyclonedx_py", "environment", str(python), "--pyproject", str(ROOT / "pyproject.toml")),
        *("--output-reproducible", "--output-format", "JSON", "--output-file", str(output)),
    )


def clean_installation(packages: Path, folder: Path) -> Path:
    """Install the wheel into its own environment, and return its Python."""
    (wheel,) = packages.glob("*.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    _run("pip", "--python", str(python), "install", "--quiet", str(wheel))
    return python


def _run(module: str, *arguments: str, cwd: Path = ROOT) -> None:
    environ = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([sys.executable, "-m", module, *arguments], cwd=cwd, env=environ, check=True)


def main() -> int:
    """Build and check; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("version", metavar="VERSION")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", metavar="DIRECTORY")
    chosen = parser.parse_args()
    changes = notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), chosen.version)
    if chosen.version != __version__:
        print(f"the package has version {__version__}, not {chosen.version}", file=sys.stderr)
        return 1
    if changes is None:
        line = f"## [{chosen.version}] - YYYY-MM-DD"
        print(f"CHANGELOG.md has no dated section, with the line {line}", file=sys.stderr)
        return 1
    build(chosen.output / "packages")
    (chosen.output / "notes.md").write_text(changes, encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        python = clean_installation(chosen.output / "packages", Path(folder, "installed"))
        bill_of_materials(python, chosen.output / "sbom.cdx.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Compiled templates are kept by Python's rules and never change what is rendered."""

import os
import subprocess
import sys
from pathlib import Path

CODE = (
    "from vpc_cni_iam.catalog.options import options\n"
    "from vpc_cni_iam.rendering.module import render\n"
    "import hashlib\n"
    "print(hashlib.sha256(repr(render(options())).encode()).hexdigest())\n"
)


def render(*flags: str) -> str:
    done = subprocess.run(
        [sys.executable, *flags, "-c", CODE],
        env={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def kept(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.jinja"))


def test_templates_are_kept_where_python_keeps_its_own(tmp_path: Path) -> None:
    where = ("-X", f"pycache_prefix={tmp_path}")
    cold = render(*where)
    assert len(kept(tmp_path)) >= 6
    assert render(*where) == cold == render("-B")
    for path in kept(tmp_path):
        path.write_bytes(b"nonsense")
    assert render(*where) == cold


def test_nothing_is_kept_where_python_keeps_nothing(tmp_path: Path) -> None:
    render("-B", "-X", f"pycache_prefix={tmp_path}")
    assert kept(tmp_path) == []


def test_a_folder_that_may_not_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert render("-X", f"pycache_prefix={tmp_path / 'file'}") == render("-B")

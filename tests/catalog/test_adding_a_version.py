"""A plugin version is an entry of the catalog's data: what lists and resolves versions follows."""

import json
import os
import subprocess
import sys
from pathlib import Path

# What a contributor writes into calls.json, in memory.
VERSION = """
import json
from vpc_cni_iam import resources

text = resources.text

def changed(name):
    if name != "catalog/facts/data/calls.json":
        return text(name)
    data = json.loads(text(name))
    data["versions"].append("v1.99.0")
    data["source"] |= {"newest_version": "v1.99.0", "newest_version_date": "2026-12-01"}
    return json.dumps(data)

resources.text = changed
from vpc_cni_iam.cli.main import main
main()
"""


def run(*words: str, folder: Path, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-c", VERSION, *words],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def test_every_command_follows_a_new_version(tmp_path: Path) -> None:
    assert "newest plugin version known: v1.99.0 of 2026-12-01" in run("--version", folder=tmp_path)
    assert "v1.99.0" in run("catalog", "--format", "json", folder=tmp_path)
    run("generate", "m", "--variant", "ipv4", "-q", folder=tmp_path)
    main = (tmp_path / "m" / "main.tf").read_text()
    assert "--cni-version v1.99.0" in main and "for plugin v1.1.0 to v1.99.0." in main
    report = json.loads(run("coverage", "--variant", "ipv4", "--format", "json", folder=tmp_path))
    assert "v1.99.0" in json.dumps(report)
    run("init", folder=tmp_path)
    assert 'cni_version = "v1.99.0"' in (tmp_path / "vpc-cni-iam.toml").read_text()


def test_a_later_patch_of_it_is_answered_with_it(tmp_path: Path) -> None:
    answer = run("policy", "ipv4", "--cni-version", "v1.99.3", folder=tmp_path)
    assert "taking v1.99.0" in answer

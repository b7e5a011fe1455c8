"""`doctor` says what is installed, and what is wrong with it."""

import json
import os
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, Run, run, validator, write_tree
from vpc_cni_iam import __version__
from vpc_cni_iam.catalog.facts import known_versions


def engine(folder: Path, script: str, name: str = "terraform") -> dict[str, str]:
    """The environment of a user who has one engine: a shell script."""
    write_tree(folder, {f"bin/{name}": f"#!/bin/sh\n{script}\n"})
    (folder / "bin" / name).chmod(0o755)
    return {"PATH": f"{folder / 'bin'}{os.pathsep}/usr/bin:/bin", "XDG_CACHE_HOME": str(folder)}


def versions(version: str, **providers: str) -> str:
    answer = {"terraform_version": version, "provider_selections": providers}
    return f"echo '{json.dumps(answer)}'"


def examined(done: Run) -> dict[str, object]:
    value = json.loads(done.out)
    validator("doctor").validate(value)
    assert (done.code == 1) == any(p["severity"] != "note" for p in value["problems"])
    return value  # type: ignore[no-any-return]


def test_it_names_every_version_and_place(tmp_path: Path) -> None:
    environ = engine(tmp_path, versions("1.9.8", aws="5.1.0"))
    run("init", cwd=tmp_path)
    done = run("doctor", "--format", "json", cwd=tmp_path, env=environ)
    value = examined(done)
    assert value == {
        "tool": {"version": __version__, "package": str(ROOT / "generator" / "vpc_cni_iam")},
        "catalog": {
            "newest_plugin_version": str(known_versions.newest()),
            "date": known_versions.newest_date(),
            "plugin_versions": len(known_versions.known()),
        },
        "python": value["python"],
        "dependencies": [
            {"name": name, "version": metadata.version(name)}
            for name in ("jinja2", "msgspec", "python-hcl2", "pyyaml", "tomlkit", "typer")
        ],
        "engines": [
            {
                "name": "terraform",
                "path": str(tmp_path / "bin" / "terraform"),
                "version": "1.9.8",
                "providers": {"aws": "5.1.0"},
            }
        ],
        "cache": {"path": str(tmp_path / "vpc-cni-iam"), "usable": True},
        "configuration": {"path": "vpc-cni-iam.toml", "modules": 1},
        "problems": [],
    }
    assert value["python"]["executable"] == sys.executable
    text = run("doctor", cwd=tmp_path, env=environ)
    assert text.code == 0
    for shown in (__version__, "1.9.8", "5.1.0", sys.executable, "vpc-cni-iam.toml", "1 module\n"):
        assert shown in text.out
    assert text.out.endswith("\nno problems\n")
    assert not (tmp_path / "vpc-cni-iam").exists()


@pytest.mark.parametrize(
    ("script", "severity", "problem"),
    [
        (versions("1.5.7"), "warning", "terraform 1.5.7 is too old"),
        ("exit 3", "error", "failed with exit code 3"),
        ("echo hello", "error", "printed no JSON"),
        ("echo '[]'", "error", "printed no JSON object: '[]"),
        ("echo '{\"terraform_version\": 1}'", "error", "printed no version"),
    ],
)
def test_a_bad_engine_is_a_problem(
    script: str, severity: str, problem: str, tmp_path: Path
) -> None:
    environ = engine(tmp_path, script)
    done = run("doctor", "--format", "json", cwd=tmp_path, env=environ)
    (result,) = examined(done)["problems"]  # type: ignore[misc]
    assert result["severity"] == severity and problem in result["text"]
    assert problem in run("doctor", cwd=tmp_path, env=environ).out


@pytest.mark.parametrize(
    ("scripts", "shown"),
    [
        ({"terraform": versions("1.6.0")}, {"terraform": "1.6.0"}),
        ({"tofu": versions("1.6.0")}, {"tofu": "1.6.0"}),
        (
            {"terraform": "exit 3", "tofu": versions("1.10.0")},
            {"terraform": None, "tofu": "1.10.0"},
        ),
    ],
)
def test_each_engine_on_the_path_is_examined(
    scripts: dict[str, str], shown: dict[str, str | None], tmp_path: Path
) -> None:
    for name, script in scripts.items():
        environ = engine(tmp_path, script, name)
    environ["PATH"] = str(tmp_path / "bin")
    value = examined(run("doctor", "--format", "json", cwd=tmp_path, env=environ))
    engines: Any = value["engines"]
    assert {each["name"]: each["version"] for each in engines} == shown
    assert len(value["problems"]) == [*shown.values()].count(None)  # type: ignore[arg-type]
    assert value["configuration"] == {"path": None, "modules": 0}


def test_no_engine_is_a_note(tmp_path: Path) -> None:
    environ = {"PATH": "/nonexistent", "XDG_CACHE_HOME": str(tmp_path)}
    value = examined(run("doctor", "--format", "json", cwd=tmp_path, env=environ))
    (problem,) = value["problems"]  # type: ignore[misc]
    assert problem["severity"] == "note" and "--engine none" in problem["text"]


def test_a_bad_configuration_and_a_shared_cache_are_problems(tmp_path: Path) -> None:
    environ = engine(tmp_path, versions("1.9.8"))
    (tmp_path / "vpc-cni-iam").mkdir()
    (tmp_path / "vpc-cni-iam").chmod(0o777)
    write_tree(tmp_path, {"vpc-cni-iam.toml": "nonsense\n"})
    done = run("doctor", "--format", "json", cwd=tmp_path, env=environ)
    problems = [p["text"] for p in examined(done)["problems"]]  # type: ignore[attr-defined]
    assert "is not used; you must own it" in problems[0]
    assert problems[1].startswith("vpc-cni-iam.toml: line 1, column ")
    assert ": is not TOML: " in problems[1]


def test_a_missing_package_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from vpc_cni_iam.doctor import installation

    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    report = installation.examine(tmp_path, None, {"PATH": ""})
    assert [d.version for d in report.dependencies] == [None] * 6
    assert not report.is_sound and report.cache == installation.Cache(None, usable=False)
    assert any("set HOME" in p.text for p in report.problems)
    monkeypatch.setattr(metadata, "requires", version)
    alone = installation.examine(tmp_path, None, {"PATH": ""})
    assert any("only the files of vpc-cni-iam are here" in p.text for p in alone.problems)

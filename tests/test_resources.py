"""A data file of the package that cannot be read is named, with the reason and what to do.

Each decodes into a type: an unknown or missing field is such a reason.
"""

import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import FACTS, ROOT, run
from vpc_cni_iam import resources
from vpc_cni_iam.catalog.facts import aws_managed, calls, documents, escalation, peers, requests
from vpc_cni_iam.coverage.analysis import aws_actions
from vpc_cni_iam.errors import PackageFileError
from vpc_cni_iam.explain import causes, known
from vpc_cni_iam.hcl import attributes
from vpc_cni_iam.policy.matching import keys
from vpc_cni_iam.policy.proof.examples import reference

CALLS = ("catalog/facts/data/calls.json", "catalog")
FILES = [
    ("rendering/templates/main.tf.jinja", "generate m"),
    CALLS,
    ("coverage/risks.md", "catalog --explain untagged-interfaces-claimable"),
]
DAMAGES: dict[str, Callable[[Path], object]] = {
    "Is a directory": Path.mkdir,
    "No such file or directory": lambda path: None,
    "it is not UTF-8 text": lambda path: path.write_bytes(b"\xff\xfe\xff"),
}


@pytest.mark.parametrize(
    ("name", "command", "reason", "damage"),
    [(*file, *damage) for file in FILES for damage in DAMAGES.items()]
    + [(*CALLS, "it is not JSON", lambda path: path.write_text('{"calls": ['))],
)
def test_a_damaged_installation_names_the_file(
    name: str, command: str, reason: str, damage: Callable[[Path], object], tmp_path: Path
) -> None:
    package = tmp_path / "vpc_cni_iam"
    shutil.copytree(ROOT / "generator" / "vpc_cni_iam", package)
    damaged = package / name
    damaged.unlink()
    damage(damaged)
    work = tmp_path / "work"
    work.mkdir()
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run(*command.split(), cwd=work, env={"PYTHONPATH": path})
    assert done.code == 3
    assert f"error: {damaged}: this file of vpc-cni-iam cannot be read: {reason}; " in done.err
    assert not list(work.iterdir())


PACKAGE = resources.PACKAGE
KINDS: dict[str, Any] = {
    "catalog/facts/data/aws_managed_policies.json": aws_managed.ManagedTable,
    "catalog/facts/data/calls.json": calls.CallsFile,
    "catalog/facts/data/denials.json": tuple[calls.ObservedDenials, ...],
    "catalog/facts/data/escalation.json": escalation.EscalationFile,
    "catalog/facts/data/features.json": dict[str, calls.FeatureFacts],
    "catalog/facts/data/managed/*.json": documents.ManagedFile,
    "catalog/facts/data/peers/*.json": peers.PeerFile,
    "catalog/facts/data/readme/*.json": documents.Revision,
    "catalog/facts/data/revisions/*.json": documents.Revision,
    "catalog/facts/data/tags.json": requests.TagsFile,
    "coverage/analysis/data/example-actions.json": aws_actions.ActionsFile,
    "explain/report/causes.toml": dict[str, causes.CauseTexts],
    "explain/report/errors.toml": dict[str, known.KnownError],
    "explain/report/programs.toml": known.ProgramsFile,
    "hcl/data/policy_attributes.json": attributes.AttributesFile,
    "policy/matching/data/*.json": keys.KeysFile,
    "policy/proof/examples/data/ordinary.json": dict[str, dict[str, tuple[str, ...]]],
    "policy/proof/examples/data/resources.json": reference.ReferenceFile,
}
DATA = [
    (path.relative_to(PACKAGE).as_posix(), kind)
    for names, kind in KINDS.items()
    for path in sorted(PACKAGE.glob(names))
]
# Objects whose keys are names: of actions, services, kinds of resource, features, documents.
MAPS = re.compile(
    r"(\.(source|sources|resources|beside|never_on|documents|keys|services|actions|attributes)"
    r"|\.only_if(\.\w+)?|\.services\.[\w-]+|\.well_known|\.document\b.*|\.documents\..*)$"
)
# Files of maps of names alone.
NAMES = ("features.json", "causes.toml", "errors.toml", "ordinary.json")


def objects(value: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each object below a value, with its place without positions."""
    if isinstance(value, dict):
        yield place, value
        for key, inner in value.items():
            yield from objects(inner, f"{place}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner, place)


def read(name: str) -> Any:
    text = resources.text(name)
    return tomllib.loads(text) if name.endswith(".toml") else json.loads(text)


def decode(name: str, kind: Any, value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode a value as a file; TOML as if it were JSON."""
    monkeypatch.setattr(resources, "text", lambda _: json.dumps(value))
    resources.decoded(name.replace(".toml", ".json"), kind)


def test_every_data_file_has_a_type() -> None:
    files = [path for form in ("json", "toml") for path in PACKAGE.rglob(f"*.{form}")]
    assert sorted(name for name, _ in DATA) == sorted(
        path.relative_to(PACKAGE).as_posix() for path in files
    )
    for name, kind in DATA:
        resources.data(name, kind)


@pytest.mark.parametrize(("name", "kind"), DATA)
def test_a_misspelt_or_missing_field_of_a_data_file_is_refused(
    name: str, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, seen = read(name), set()
    for place, entry in objects(value):
        if MAPS.search(place) or (not place and name.endswith(NAMES)) or "ordinary" in name:
            continue
        for key in [*entry]:
            if (where := f"{place}.{key}") in seen:
                continue
            seen.add(where)
            before = dict(entry)
            entry[f"{key}s"] = entry.pop(key)  # a misspelt one
            with pytest.raises(PackageFileError, match=f"unknown field `{key}s`|missing required"):
                decode(name, kind, value, monkeypatch)
            del entry[f"{key}s"]
            with pytest.raises(PackageFileError, match=f"missing required field `{key}`"):
                decode(name, kind, value, monkeypatch)
            entry.clear()
            entry.update(before)
            monkeypatch.undo()
    assert seen or "ordinary" in name


def test_a_misspelt_feature_changes_no_verdict_but_is_an_error(tmp_path: Path) -> None:
    """Read as a call that every cluster makes, it would make each of them "degraded"."""
    package = tmp_path / "vpc_cni_iam"
    shutil.copytree(ROOT / "generator" / "vpc_cni_iam", package)
    file = package / CALLS[0]
    text = file.read_text()
    file.write_text(text.replace('"feature": "multi-nic"', '"featrue": "multi-nic"', 1))
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    for command in ("coverage --variant ipv6", "catalog"):
        done = run(*command.split(), cwd=tmp_path, env={"PYTHONPATH": path})
        assert done.code == 3
        prefix = f"error: {file}: this file of vpc-cni-iam cannot be read: Object contains"
        assert f"{prefix} unknown field `featrue` - at `$.calls[" in done.err


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("feature", "multi-nci", "Invalid enum value 'multi-nci'"),
        ("impact", "exist", "Invalid enum value 'exist'"),
        ("mode", "IPv4", "Invalid enum value 'IPv4'"),
        ("first", "1.2", "'1.2' is not a plugin version"),
        ("last", 7, "expected string"),
        ("delay", "50", "Expected `int`"),
    ],
)
def test_a_wrong_value_of_a_call_is_refused(
    field: str, value: object, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = json.loads((FACTS / "calls.json").read_text())
    data["calls"][0]["steps"][0]["ranges"][0][field] = value
    with pytest.raises(PackageFileError, match=problem):
        decode(CALLS[0], calls.CallsFile, data, monkeypatch)

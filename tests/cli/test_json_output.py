"""Every command that prints JSON has a schema of it, and prints what the schema says."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from account_details import NODES, details, role
from conftest import ROOT, run, schema, validator, write_tree
from test_quiet import instances
from vpc_cni_iam import json_output
from vpc_cni_iam.cli.json_types import TYPES
from vpc_cni_iam.cli.main import COMMANDS, application
from vpc_cni_iam.policy.document import Statement
from vpc_cni_iam.policy.template import Hole, HoleKind, Side, Template

MODULE = "modules/vpc-cni-iam-policy"
POLICY = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
DENIED = {
    "eventSource": "ec2.amazonaws.com",
    "eventName": "CreateNetworkInterface",
    "errorCode": "Client.UnauthorizedOperation",
}
FILES = {
    "policy.json": json.dumps(POLICY),
    "bad.json": '{"Statement": [{"Effect": "Alow"}]}',
    "roles.json": details(role("node", NODES, inline={"p": POLICY})),
    "instances.json": instances({"kubernetes.io/cluster/prod": "owned"}),
    "denied.json": json.dumps(DENIED),
}
PLAN = ROOT / "tests/review/corpus/plans/resource-widened.json"


def change(path: Path) -> None:
    path.write_text(path.read_text().replace('"ec2:CreateTags"', '"ec2:*"') + "# mine\n")


def repository(folder: Path) -> None:
    """Prepare a module with a local change that is accepted, and one that is not."""
    shutil.copytree(ROOT / "examples" / "vendored", folder, dirs_exist_ok=True)
    change(folder / MODULE / "versions.tf")
    assert run("accept", f"{MODULE}/versions.tf", "ours", cwd=folder).code == 0
    change(folder / MODULE / "main.tf")


def module(folder: Path) -> None:
    shutil.copytree(ROOT / MODULE, folder / "module")
    change(folder / "module" / "main.tf")


def published(folder: Path) -> None:
    words = "--version 1.0.0 --output out --namespace platform --registry-host registry.example.com"
    done = run("publish", "--cni-version", "v1.22.0", *words.split(), cwd=folder)
    assert done.code == 0


def nothing(_folder: Path) -> None:
    pass


Example = tuple[Callable[[Path], None], str]
EXAMPLES: dict[str, list[Example]] = {
    "generate": [(nothing, "module --variant ipv4-scoped")],
    "policy": [
        (nothing, "ipv4-scoped --cluster-name prod --vpc-id vpc-0123456789abcdef0"),
        (nothing, "ipv6"),
    ],
    "verify": [(module, "module --engine none")],
    "catalog": [(nothing, "")],
    "init": [(nothing, "")],
    "sync": [(repository, ""), (repository, "--dry-run")],
    "check": [(repository, "")],
    "accept": [(repository, f"{MODULE}/main.tf because")],
    "upgrade": [(repository, "--cni-version v1.20.4 --dry-run")],
    "review": [(nothing, shlex.quote(str(PLAN)))],
    "compare": [(nothing, "policy.json policy.json")],
    "coverage": [
        (nothing, "policy.json"),
        (nothing, "--variant ipv4 --revision 2022-01-31 --all-versions"),
        (nothing, "--variant ipv4 --revision 2022-01-31"),
    ],
    "audit": [(nothing, "roles.json")],
    "explain": [(nothing, "denied.json --policy policy.json")],
    "preflight": [(nothing, "instances.json --cluster-name prod")],
    "convert": [(nothing, "policy.json bad.json")],
    "publish": [
        (nothing, "--output out"),
        (published, "--cni-version v1.23.2 --version 2.0.0 --output out"),
    ],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_that_prints_json_has_an_example_and_a_schema(command: str) -> None:
    app = application([command])
    text = CliRunner().invoke(app, [command, "--help"]).output
    has_json = re.search(r"^  --format [^-]*\bjson\b", text, re.MULTILINE) is not None
    assert has_json == (command in EXAMPLES) == (command in TYPES)
    table = (ROOT / "docs" / "reference.md").read_text().partition("## JSON")[2]
    assert has_json == (f"| `{command}` |" in table)
    if has_json:
        jsonschema.Draft202012Validator.check_schema(schema(command))
    assert len(EXAMPLES.get(command, ())) >= len(TYPES.get(command, ())), "an example for each type"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("revew",),
            f"unknown schema 'revew'; did you mean 'review'? Known are {', '.join(TYPES)}",
        ),
        (("schema",), f"unknown schema 'schema'; known are {', '.join(TYPES)}"),
        ((), "Missing argument 'COMMAND'"),
    ],
)
def test_an_unknown_schema_is_an_error_with_the_known_ones(
    words: tuple[str, ...], told: str
) -> None:
    done = run("schema", *words)
    assert (done.code, done.out) == (2, "")
    assert f"error: {told}" in done.err


@pytest.mark.parametrize(
    ("command", "prepare", "words"),
    [(name, *example) for name, examples in EXAMPLES.items() for example in examples],
)
def test_what_is_printed_fits_the_schema(
    tmp_path: Path, command: str, prepare: Callable[[Path], None], words: str
) -> None:
    write_tree(tmp_path, FILES)
    prepare(tmp_path)
    done = run(command, *shlex.split(words), "--format", "json", cwd=tmp_path)
    assert done.out, done.err
    printed: dict[str, Any] = json.loads(done.out)
    assert done.out.isascii()
    validator(command).validate(printed)
    assert not validator(command).is_valid({**printed, "another": 1})
    assert not validator(command).is_valid({})


def test_a_text_with_an_unknown_part_is_a_text() -> None:
    text = Template(("subnet/", Hole(HoleKind.UNKNOWN, "aws_subnet.a.id", Side.AFTER)))
    shown = json.loads(json_output.dumps([text, Statement(resources=(text,)), Side.AFTER]))
    assert shown == [str(text), {"Effect": "Allow", "Resource": str(text)}, "after"]
    assert schema("compare")["$defs"]["Template"]["type"] == "string"

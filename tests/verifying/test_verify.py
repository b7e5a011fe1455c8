"""Verification says what differs, by reading and by a real engine, in an edited module too."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import COMMAND, write_tree
from vpc_cni_iam.catalog.options import Options, options
from vpc_cni_iam.catalog.selection import Additions
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError, InputError
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Text
from vpc_cni_iam.inputs.identify import open_account
from vpc_cni_iam.policy.document import to_json
from vpc_cni_iam.rendering.kinds import render
from vpc_cni_iam.verifying.verify import Verification, verify

LATEST = options(cni_version="latest")


def module(folder: Path, change: Callable[[str], str], made_from: Options = LATEST) -> Path:
    files = render(made_from)
    changed = change(files["main.tf"])
    return write_tree(folder, {**files, "main.tf": changed})


def lines(result: Verification) -> list[str]:
    return [f"{c.name}: {d}" for c in result.documents for d in c.differences]


def as_stated(stated: Options | None) -> Options | None:
    return stated


def replaced(old: str, new: str, count: int = 1) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, count)

    return change


@pytest.mark.parametrize(
    "made_from",
    [
        options(),
        LATEST,
        options(["ipv4-scoped"]),
        options(["ipv6-scoped"], cni_version="v1.22.1", features=["multi-nic"]),
        options(["ipv4-ipv6", "ipv6-scoped"], cni_version="v1.22.4", additions=Additions.none),
        options(["ipv4"], cni_version="v1.7.5"),
        options(["ipv4-scoped"], cni_version="latest", kind="role"),
        options(["ipv4-pod-identity"], kind="role"),
    ],
    ids=lambda o: o.command,
)
def test_what_was_generated_is_clean(made_from: Options, tmp_path: Path) -> None:
    result = verify(module(tmp_path / "m", str, made_from), as_stated, None)
    assert result.clean, lines(result)
    trust = ["trust policy"] * (made_from.kind == "role")
    assert [c.name for c in result.documents] == [v.name for v in made_from.variants] + trust
    assert result.notes == ("no engine was used: the module was read, not rendered",)


EDITS = {
    "dropped action": (
        replaced('      "ec2:DescribeSubnets",\n', ""),
        "ipv4: statement 1 (ec2:AssignPrivateIpAddresses and 12 more): "
        "action ec2:DescribeSubnets is missing",
    ),
    "added action": (
        replaced('["ec2:CreateTags"]', '["ec2:CreateTags", "ec2:DeleteTags"]'),
        "ipv4: statement 2 (ec2:CreateTags): action ec2:DeleteTags is added",
    ),
    "an action of many stars, which takes no time": (
        replaced('["ec2:CreateTags"]', '["ec2:*C*r*e*a*t*e*T*a*g*s*x*y*z*"]'),
        "ipv4: statement 2 (ec2:*C*r*e*a*t*e*T*a*g*s*x*y*z*): is added: it allows ",
    ),
    "widened resource": (
        replaced(
            'resources = ["arn:${var.partition}:ec2:${var.region}:${var.account_id}'
            ':network-interface/*"]',
            'resources = ["*"]',
        ),
        "ipv4: statement 2 (ec2:CreateTags): resource * is added",
    ),
    "partition that ignores its variable": (
        replaced("arn:${var.partition}:", "arn:aws:"),
        "ipv4: statement 2 (ec2:CreateTags): resource "
        "arn:aws:ec2:${var.region}:${var.account_id}:network-interface/* is added",
    ),
    "weakened condition": (
        replaced('test     = "StringEquals"', 'test     = "StringLike"'),
        "ipv4-scoped: statement 3 (ec2:CreateNetworkInterface): condition on "
        "aws:RequestTag/cluster.k8s.amazonaws.com/name changes from StringEquals "
        "'${var.cluster_name}' to StringLike '${var.cluster_name}'",
    ),
    "cluster name that ignores its variable": (
        replaced("cluster/${local.cluster_name}", "cluster/prod"),
        "ipv4-scoped: statement 6 (ec2:AttachNetworkInterface and 2 more): condition "
        "aws:ResourceTag/kubernetes.io/cluster/prod StringEquals 'owned' is added",
    ),
    "denied": (
        replaced('effect    = "Allow"', 'effect    = "Deny"'),
        "ipv4: statement 2 (Deny ec2:CreateTags): is added: it denies ec2:CreateTags on "
        "arn:${var.partition}:ec2:${var.region}:${var.account_id}:network-interface/*",
    ),
    "renamed": (
        replaced('"aws_iam_policy_document" "ipv6"', '"aws_iam_policy_document" "six"'),
        "ipv6: document: data source ipv6 is missing",
    ),
    "a second condition on the same key": (
        replaced(
            "    condition {\n",
            '    condition {\n      test     = "StringEquals"\n'
            '      variable = "aws:RequestTag/cluster.k8s.amazonaws.com/name"\n'
            '      values   = ["other"]\n    }\n\n    condition {\n',
        ),
        "ipv4-scoped: statement 3 (ec2:CreateNetworkInterface): condition on "
        "aws:RequestTag/cluster.k8s.amazonaws.com/name changes from StringEquals "
        "'${var.cluster_name}' to StringEquals 'other' or '${var.cluster_name}'",
    ),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_named(name: str, tmp_path: Path) -> None:
    change, line = EDITS[name]
    result = verify(module(tmp_path / "m", change), as_stated, None)
    assert not result.clean
    assert any(line in results for results in lines(result)), lines(result)
    assert all(f.line for f in result.findings if not f.text.endswith("is missing"))
    assert result.findings


@pytest.mark.engine
@pytest.mark.parametrize("name", [n for n in EDITS if n != "renamed"])
def test_an_engine_names_the_same_edit(name: str, newest: Engine, tmp_path: Path) -> None:
    change, line = EDITS[name]
    result = verify(module(tmp_path / "m", change), as_stated, newest)
    assert any(line in results for results in lines(result)), lines(result)


@pytest.mark.engine
def test_real_engines_render_what_the_catalog_has(engine: Engine, tmp_path: Path) -> None:
    result = verify(module(tmp_path / "m", str), as_stated, engine)
    assert result.clean, lines(result)
    assert all(c.seen == f"read, rendered by {engine.version()}" for c in result.documents)
    assert not (tmp_path / "m" / ".terraform").exists()


@pytest.mark.engine
def test_outputs_that_were_swapped_are_seen_by_an_engine(newest: Engine, tmp_path: Path) -> None:
    swapped = replaced(
        '"ipv4"        = data.aws_iam_policy_document.ipv4.json',
        '"ipv4"        = data.aws_iam_policy_document.ipv6.json',
    )
    result = verify(module(tmp_path / "m", swapped), as_stated, newest)
    assert not result.clean
    assert any("ec2:AssignPrivateIpAddresses" in results for results in lines(result)), lines(
        result
    )


# What equals the catalog's documents for the values of a rendering at least, but is other code.
OTHER_CODE = {
    "split": replaced('actions   = ["ec2:CreateTags"]', 'actions   = split(",", "ec2:CreateTags")'),
    "count of one": lambda text: replaced(
        'data "aws_iam_policy_document" "ipv4" {\n',
        'data "aws_iam_policy_document" "ipv4" {\n  count = 1\n\n',
    )(text).replace("document.ipv4.json", "document.ipv4[0].json"),
    "dynamic for one cluster": replaced(
        'data "aws_iam_policy_document" "ipv4" {\n',
        'data "aws_iam_policy_document" "ipv4" {\n  dynamic "statement" {\n'
        '    for_each = var.cluster_name == "prod" ? [1] : []\n    content {\n'
        '      actions   = ["*"]\n      resources = ["*"]\n    }\n  }\n\n',
    ),
    "conditional on the region": replaced(
        'actions   = ["ec2:CreateTags"]',
        'actions   = [var.region == "eu-west-1" ? "*" : "ec2:CreateTags"]',
    ),
    "conditional on the workspace": replaced(
        'actions   = ["ec2:CreateTags"]',
        'actions   = [terraform.workspace == "prod" ? "*" : "ec2:CreateTags"]',
    ),
    "only with defaults": replaced(
        "source_policy_documents = var.source_policy_documents",
        'source_policy_documents = var.region == "us-east-1" ? ["{}"] : []',
    ),
}
ADDED = {
    "joined with another": lambda text: (
        text.replace(
            "source_policy_documents = var.source_policy_documents",
            "source_policy_documents = concat(var.source_policy_documents, [local.evil])",
        )
        + '\nlocals {\n  evil = jsonencode({ Version = "2012-10-17", Statement = [{ '
        'Effect = "Allow", Action = "*", Resource = "*" }] })\n}\n'
    ),
    "count of none": lambda text: replaced(
        'data "aws_iam_policy_document" "ipv4" {\n',
        'data "aws_iam_policy_document" "ipv4" {\n  count = 0\n\n',
    )(text).replace("aws_iam_policy_document.ipv4.json", "aws_iam_policy_document.ipv6.json"),
}


@pytest.mark.parametrize("name", [*OTHER_CODE, *ADDED])
def test_code_that_reading_does_not_know_is_never_ok(name: str, tmp_path: Path) -> None:
    change = {**OTHER_CODE, **ADDED}[name]
    result = verify(module(tmp_path / "m", change), as_stated, None)
    (ipv4,) = (c for c in result.documents if c.name == "ipv4")
    assert (ipv4.state, result.clean) == ("unknown", False)
    assert "it is not known how this code changes it: main.tf:" in str(ipv4.differences[0])


@pytest.mark.engine
@pytest.mark.parametrize("name", OTHER_CODE)
def test_a_rendering_settles_nothing_that_reading_left_open(
    name: str, newest: Engine, tmp_path: Path
) -> None:
    result = verify(module(tmp_path / "m", OTHER_CODE[name]), as_stated, newest)
    (ipv4,) = (c for c in result.documents if c.name == "ipv4")
    assert (ipv4.state, result.clean) == ("unknown", False), lines(result)
    assert ipv4.seen == f"read, rendered by {newest.version()}"


@pytest.mark.engine
@pytest.mark.parametrize("name", ADDED)
def test_a_rendering_shows_what_reading_does_not_know(
    name: str, newest: Engine, tmp_path: Path
) -> None:
    result = verify(module(tmp_path / "m", ADDED[name]), as_stated, newest)
    (ipv4,) = (c for c in result.documents if c.name == "ipv4")
    assert ipv4.state == "differs", lines(result)


@pytest.mark.engine
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('value       = local.json["ipv4"]', "value       = null"),
        ('value       = local.json["ipv4"]', 'value       = local.json["ipv6"]'),
        ('output "ipv4_json"', 'output "other_json"'),
        ("value       = local.json\n", 'value       = { "ipv4" = local.json["ipv6"] }\n'),
    ],
)
def test_outputs_count(old: str, new: str, newest: Engine, tmp_path: Path) -> None:
    folder = module(tmp_path / "m", str)
    outputs = folder / "outputs.tf"
    outputs.write_text(replaced(old, new)(outputs.read_text()))
    for engine in (None, newest):
        if engine is not None or "ipv4_json" in old or '["ipv4"]' in old:
            (ipv4,) = (c for c in verify(folder, as_stated, engine).documents if c.name == "ipv4")
            assert ipv4.state == ("unknown" if engine is None else "differs")


@pytest.mark.engine
def test_a_default_that_was_changed(newest: Engine, tmp_path: Path) -> None:
    folder = module(tmp_path / "m", str)
    variables = folder / "variables.tf"
    variables.write_text(
        replaced('default     = "aws"', 'default     = "aws-cn"')(variables.read_text())
    )
    assert not verify(folder, as_stated, newest).clean


@pytest.mark.engine
def test_a_sensitive_output_is_read_too(newest: Engine, tmp_path: Path) -> None:
    folder = module(tmp_path / "m", str)
    outputs = folder / "outputs.tf"
    marked = 'value       = local.json["ipv4"]\n  sensitive   = true'
    outputs.write_text(replaced('value       = local.json["ipv4"]', marked)(outputs.read_text()))
    result = verify(folder, as_stated, newest)
    assert {c.state for c in result.documents} == {"unknown"}
    assert result.documents[0].seen.startswith("read, rendered by ")
    assert [f.text for f in result.findings] == [
        "output ipv4_json is not as in the catalog's module: sensitive = true"
    ]


class Planner(Engine):
    """An engine that answers with what this package reads of a module, changed by a test."""

    change: Callable[[dict[str, Any]], object] = lambda _: None

    def version(self) -> str:
        return "Planner v1.0.0"

    def plan(self, directory: Path) -> dict[str, Any]:
        outputs: dict[str, Any] = {}
        for call in parse((directory / "main.tf").read_text(), "main.tf").blocks:
            if call.type == "module":
                texts = {n: v for n, v in call.attributes.items() if isinstance(v, Text)}
                names = {n: str(v.plain) for n, v in texts.items() if n != "source"}
                source = call.attributes["source"]
                assert isinstance(source, Text)
                read = open_account(str(directory / str(source.plain)), str, names)
                known = {p.name: json.dumps(to_json(p.policy)) for p in read.policies}
                by_variant = {name.replace("_", "-"): text for name, text in known.items()}
                outputs[f"{call.labels[0]}_json"] = {"value": by_variant}
                for name, text in known.items():
                    outputs[f"{call.labels[0]}_{name}_json"] = {"value": text}
        plan = {"planned_values": {"outputs": outputs}}
        self.change(plan)
        return plan


def planned(change: Callable[[dict[str, Any]], object] = lambda _: None) -> Engine:
    return Planner("tofu", "tofu", {}, change)


def changed_output(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda plan: plan["planned_values"]["outputs"][name].update(value=value)


def test_what_an_engine_renders_as_the_catalog_has_it_is_clean(tmp_path: Path) -> None:
    made_from = options(["ipv4", "ipv4-scoped"], cni_version="latest")
    result = verify(module(tmp_path / "m", str, made_from), as_stated, planned())
    assert result.clean, lines(result)
    assert {c.seen for c in result.documents} == {"read, rendered by Planner v1.0.0"}


DENIED = '{"Statement": {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*"}}'
UNKNOWN = "is missing, null or only known after apply"


@pytest.mark.parametrize("call", ["sample", "defaults"])
@pytest.mark.parametrize(
    ("output", "value", "line"),
    [
        ("ipv4_json", None, f"output ipv4_json: {UNKNOWN}"),
        ("json", None, f'output json["ipv4"]: {UNKNOWN}'),
        ("json", {"ipv6": "{}"}, f'output json["ipv4"]: {UNKNOWN}'),
        ("json", {"ipv4": DENIED}, "it allows ec2:RunInstances"),
        ("ipv4_json", DENIED, "it allows ec2:RunInstances"),
    ],
)
def test_an_output_that_an_engine_renders_otherwise_is_named(
    call: str, output: str, value: object, line: str, tmp_path: Path
) -> None:
    folder = module(tmp_path / "m", str, options(["ipv4"], cni_version="latest"))
    result = verify(folder, as_stated, planned(changed_output(f"verified_{call}_{output}", value)))
    assert result.documents[0].state == "differs"
    assert any(line in text for text in lines(result)), lines(result)
    gone = planned(lambda plan: plan["planned_values"]["outputs"].pop(f"verified_{call}_{output}"))
    assert verify(folder, as_stated, gone).documents[0].state == "differs"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("absent", f"data source trust: {UNKNOWN}"),
        (None, f"data source trust: {UNKNOWN}"),
        (
            '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}',
            "document: Version changes from 2012-10-17 to 2008-10-17",
        ),
    ],
)
def test_a_trust_policy_that_an_engine_renders_otherwise_is_named(
    text: str | None, line: str, tmp_path: Path
) -> None:
    address = "module.verified_sample.data.aws_iam_policy_document.trust"
    trust = {"address": address, "type": "aws_iam_policy_document", "name": "trust"}

    def change(plan: dict[str, Any]) -> None:
        if text is None:
            plan["resource_changes"] = [trust]
        elif text != "absent":
            trusted = json.loads(text) | {"Version": "2012-10-17"}
            expected = {**trust, "address": address.replace("verified", "expected")}
            resources = [
                {**trust, "values": {"json": text}},
                {**expected, "values": {"json": json.dumps(trusted)}},
            ]
            plan["prior_state"] = {"values": {"root_module": {"resources": resources}}}

    folder = module(tmp_path / "m", str, options(["ipv4"], cni_version="latest", kind="role"))
    document = verify(folder, as_stated, planned(change)).documents[-1]
    assert document.name == "trust policy" and document.state == "differs"
    assert any(line in str(d) for d in document.differences), document.differences


@pytest.mark.parametrize("file", ["a.tf", "z.tf"])
def test_a_document_that_stands_twice_is_unknown(file: str, tmp_path: Path) -> None:
    folder = module(tmp_path / "m", str)
    write_tree(folder, {file: 'data "aws_iam_policy_document" "ipv4" {}\n'})
    result = verify(folder, as_stated, None)
    assert result.documents[0].state == "unknown"
    (finding,) = map(str, result.findings)
    words = "data aws_iam_policy_document.ipv4 is not as in the catalog's module"
    assert finding.startswith(f"{file}:1: {words}")


def test_a_statement_that_is_added_before_the_others_is_named_alone(tmp_path: Path) -> None:
    added = '  statement {\n    actions   = ["s3:*"]\n    resources = ["*"]\n  }\n\n  statement {\n'
    folder = module(tmp_path / "m", replaced("  statement {\n", added))
    (finding,) = verify(folder, as_stated, None).findings
    line = (folder / "main.tf").read_text().splitlines()[finding.line - 1]
    assert line == '    actions   = ["s3:*"]' and finding.text.endswith('actions = ["s3:*"]')


def test_variants_that_a_bare_module_lacks_are_not_asked_for(tmp_path: Path) -> None:
    folder = module(tmp_path / "m", str, options(["ipv6"], cni_version="latest"))
    for path in folder.glob("*.tf"):
        lines = (x for x in path.read_text().splitlines() if not x.startswith("#"))
        path.write_text("\n".join(lines) + "\n")
    result = verify(folder, lambda _: LATEST, None)
    assert result.clean and [c.name for c in result.documents] == ["ipv6"]


def test_a_release_that_only_another_version_knows(tmp_path: Path) -> None:
    folder = module(tmp_path / "m", lambda t: t.replace("v1.23.2", "v1.99.0", 1))
    with pytest.raises(
        InputError, match=r"--cni-version v1\.99\.0 --no-harden', which this version does not know"
    ):
        verify(folder, as_stated, None)


ROLE = options(cni_version="latest", kind="role")


@pytest.mark.engine
def test_a_role_module(engine: Engine, tmp_path: Path) -> None:
    folder = module(tmp_path / "m", str, ROLE)
    assert verify(folder, as_stated, None).clean
    result = verify(folder, as_stated, engine)
    assert result.clean, lines(result)
    assert [c.name for c in result.documents][3:] == ["trust policy"]


@pytest.mark.engine
def test_a_role_module_without_irsa(newest: Engine, tmp_path: Path) -> None:
    made_from = options(["ipv4-pod-identity"], kind="role")
    result = verify(module(tmp_path / "m", str, made_from), as_stated, newest)
    assert result.clean, lines(result)
    assert result.documents[-1].statements == 1
    assert all(c.seen.startswith("read, rendered by") for c in result.documents)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("system:serviceaccount:kube-system:aws-node", "system:serviceaccount:*:*"),
        ("${local.oidc_issuer}:aud", "${local.oidc_issuer}:sub"),
        (', "sts:TagSession"]', "]"),
        ('["kube-system"]', '["default"]'),
    ],
)
def test_a_loosened_trust_is_seen(old: str, new: str, tmp_path: Path) -> None:
    result = verify(module(tmp_path / "m", replaced(old, new), ROLE), as_stated, None)
    assert any(c.state == "differs" and c.name.startswith("trust") for c in result.documents)


@pytest.mark.engine
def test_an_engine_s_refusal_does_not_hide_what_reading_found(
    newest: Engine, tmp_path: Path
) -> None:
    folder = module(tmp_path / "m", replaced("var.partition", "var.nowhere"))
    result = verify(folder, as_stated, newest)
    assert not result.clean
    assert any("var.nowhere" in f.text for f in result.findings)
    (note,) = (n for n in result.notes if n.startswith("not rendered: "))
    assert "undeclared input variable" in note


def test_an_engine_that_fails_with_the_catalog_s_module_is_an_error(tmp_path: Path) -> None:
    broken = write_tree(tmp_path / "bin", {"tofu": "#!/bin/sh\necho no provider >&2\nexit 4\n"})
    (broken / "tofu").chmod(0o755)
    engine = Engine("tofu", str(broken / "tofu"), {"PATH": "/usr/bin:/bin"})
    with pytest.raises(
        EngineError, match=r"^tofu init failed with exit code 4:\nno provider"
    ) as caught:
        verify(module(tmp_path / "m", str), as_stated, engine)
    assert "(--engine none reads the module without an engine and its providers)" in str(
        caught.value
    )


def test_options_given_win_over_those_stated(tmp_path: Path) -> None:
    result = verify(
        module(tmp_path / "m", str, options(revision="2022-01-31")), lambda _: LATEST, None
    )
    assert any("ec2:DescribeSubnets is missing" in results for results in lines(result))


def bare(made_from: Options) -> dict[str, str]:
    """The files of a module without the comments, which state its options."""
    files = render(made_from)
    return {
        name: "\n".join(x for x in files[name].splitlines() if not x.startswith("#")) + "\n"
        for name in ("main.tf", "variables.tf", "outputs.tf", "versions.tf")
    }


def test_a_module_that_states_no_options_needs_them(tmp_path: Path) -> None:
    made_from = options(["ipv4"], revision="2024-07-22")
    folder = write_tree(tmp_path, bare(made_from))
    with pytest.raises(InputError, match="name them with --cni-version or --revision"):
        verify(folder, as_stated, None)
    result = verify(folder, lambda _: made_from, None)
    assert result.clean
    assert result.documents[0].against == "--revision 2024-07-22"


def test_a_document_that_only_an_engine_knows_is_unknown(tmp_path: Path) -> None:
    made_from = options(["ipv4", "ipv6"], revision="2024-07-22")
    files = bare(made_from)
    files["main.tf"] = files["main.tf"].replace('resources = ["*"]', "resources = [uuid()]", 1)
    result = verify(write_tree(tmp_path, files), lambda _: made_from, None)
    assert [(c.name, c.state) for c in result.documents] == [("ipv4", "unknown"), ("ipv6", "ok")]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "has no .tf file"),
        ({"main.tf": "nonsense {"}, "main.tf: "),
        ({"main.tf": "locals {}\n"}, "has no file that states the options"),
        ({"main.tf": 'resource "a" "b" {\n  source = "./m"\n}\n'}, "name them with --cni-version"),
        ({"main.tf": 'module "m" {\n  source = "./x/m"\n}\n'}, "x/m; verify that directory"),
    ],
)
def test_what_is_no_module_is_refused(files: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        verify(write_tree(tmp_path, files), as_stated, None)
    assert words in str(caught.value)


def test_binary_files_and_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is UTF-16, and HCL is UTF-8"):
        verify(tmp_path, as_stated, None)
    with pytest.raises(InputError, match="is not a directory"):
        verify(tmp_path / "main.tf", as_stated, None)


def test_no_engine_reads_what_a_linked_lock_file_leads_to(tmp_path: Path) -> None:
    directory = module(tmp_path / "m", str)
    secret = tmp_path / "secret"
    secret.write_text("hunter2 = true\n")
    (directory / ".terraform.lock.hcl").symlink_to(secret)
    tofu = tmp_path / "tofu"
    tofu.write_text("#!/bin/sh\ncat .terraform.lock.hcl >&2\nexit 1\n")
    tofu.chmod(0o700)
    engine = Engine("tofu", str(tofu), {"PATH": "/usr/bin:/bin"})
    with pytest.raises(EngineError) as error:
        verify(directory, as_stated, engine)
    assert "failed" in str(error.value) and "hunter2" not in str(error.value)


def test_a_person_at_a_terminal_is_told_what_is_waited_for(tmp_path: Path) -> None:
    folder = module(tmp_path / "m", lambda text: text)
    engine = tmp_path / "bin/terraform"
    engine.parent.mkdir()
    engine.write_text("#!/bin/sh\nexit 1\n")
    engine.chmod(0o755)
    terminal, end = os.openpty()
    with os.fdopen(terminal, "rb") as screen:
        env = {**os.environ, "PATH": f"{engine.parent}:{os.environ['PATH']}"}
        command = [*COMMAND, "verify", str(folder), "--engine", "terraform"]
        subprocess.run(command, env=env, stderr=end, stdout=subprocess.DEVNULL, check=False)
        os.close(end)
        first = screen.readline().decode()
    assert f"waiting for terraform, which renders the policies of {folder}" in first

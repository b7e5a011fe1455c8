"""What real engines make of generated HCL. Nothing here compares text."""

import json
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from conftest import (
    MATRIX,
    OFFLINE_PROVIDER,
    TERRAFORM_NEWEST,
    make_engine,
    run,
    tool,
    write_tree,
)
from vpc_cni_iam.catalog import narrowing, parameters
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts import documents, known_versions
from vpc_cni_iam.catalog.facts.known_versions import newest
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError, InexpressibleError
from vpc_cni_iam.hcl.literals import Literal
from vpc_cni_iam.hcl.write import NewBlock, block, policy_document
from vpc_cni_iam.policy.diff import differences
from vpc_cni_iam.policy.document import Condition, Policy, Principal, Statement
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.rendering.policy_module import render

pytestmark = pytest.mark.engine
EVERY = [v.name for v in VARIANTS]


def rendered(engine: Engine, folder: Path) -> dict[str, Policy]:
    """The documents of a planned root module by name, those of its child modules included."""
    plan = engine.plan(folder)
    result = {}

    def visit(module: dict) -> None:  # type: ignore[type-arg]
        for resource in module.get("resources", []):
            if resource["type"] == "aws_iam_policy_document":
                name = resource["address"].replace(".data.aws_iam_policy_document.", "/")
                result[name.split(".")[-1]] = loads(resource["values"]["json"], name)
        for child in module.get("child_modules", []):
            visit(child)

    visit(plan["prior_state"]["values"]["root_module"])
    return result


def test_every_document_is_rendered_as_the_catalog_has_it(engine: Engine, tmp_path: Path) -> None:
    """All variants, revisions and versions, and several partitions, in one root module."""
    expected: dict[str, Policy] = {}
    seen = set()
    settings = [
        {"cluster_name": "prod", "vpc_id": "vpc-0123456789abcdef0"},
        {
            "cluster_name": "a_b-C9",
            "vpc_id": "vpc-01234567",
            "partition": "aws-cn",
            "region": "cn-north-1",
            "account_id": "111122223333",
            "vpc_owner_id": "444455556666",
        },
    ]
    selections = [select(revision=r.name) for r in documents.revisions()]
    selections += [select(cni_version=str(r)) for r in known_versions.known()[1:]]
    selections += [
        select(
            cni_version="latest", features=["multi-nic", "metrics-helper", "network-policy-logs"]
        )
    ]
    hardening = Hardening(("Cost Center",), ("made-by", "us"))
    selections += [
        select(cni_version=r, hardening=hardening) for r in ("v1.19.3", "v1.22.0", "v1.23.0")
    ]
    for variant in VARIANTS:
        for selection in selections:
            if selection.version is not None and selection.version < variant.minimum:
                continue
            for number, values in enumerate(settings):
                policy = parameters.substitute(
                    compose(variant, selection).policy, parameters.values(values)
                )
                if policy not in seen:
                    seen.add(policy)
                    name = f"{variant.identifier}_{len(seen)}_{number}"
                    expected[name] = policy
    assert len(expected) > 50
    text = "\n".join(block(policy_document(n, p)) for n, p in expected.items())
    write_tree(tmp_path, {"main.tf": OFFLINE_PROVIDER + text})
    result = rendered(engine, tmp_path)
    assert set(result) == set(expected)
    for name, policy in expected.items():
        assert differences(policy, result[name]) == (), name


MODULES = {
    "baseline": options(),
    "everything": options(EVERY, cni_version="v1.22.1", features=["multi-nic", "metrics-helper"]),
    "scoped-alone": options(["ipv4-scoped", "ipv6-scoped"], cni_version="latest"),
    "ipv6": options(["ipv6"], cni_version="v1.22.0"),
    "one-name-alone": options(["ipv6-scoped"]),
    "one-name": options(["ipv6", "ipv6-scoped"], cni_version="latest"),
    "hardened": options(
        EVERY, cni_version="latest", hardening=Hardening(("Cost Center",), ("made-by", "us + them"))
    ),
    "narrowed": options(
        ["ipv4-scoped", "ipv4-pod-identity"], hardening=Hardening(limits=tuple(IdList))
    ),
    "narrowed-both": options(["ipv4-scoped"], hardening=Hardening(limits=tuple(IdList))),
    "narrowed-alone": options(["ipv4-scoped"], hardening=Hardening(limits=(IdList.subnets,))),
}


@pytest.mark.parametrize("case", MODULES)
def test_the_module_is_valid_and_its_own_tests_pass(
    case: str, engine: Engine, tmp_path: Path
) -> None:
    write_tree(tmp_path, render(MODULES[case]))
    engine.run(["init", "-input=false", "-backend=false"], tmp_path)
    engine.run(["validate"], tmp_path)
    printed = engine.run(["test", "-no-color"], tmp_path)
    assert " 0 failed" in printed
    assert " 0 passed" not in printed
    engine.run(["fmt", "-check", "-diff", "-recursive"], tmp_path)


def test_the_call_in_a_readme_names_the_module_s_directory(engine: Engine, tmp_path: Path) -> None:
    """`init` of an engine accepts the first block of each README, beside the module."""
    folder = tmp_path / "infra"
    assert run("init", "--path", "infra/my-policy", cwd=tmp_path).code == 0
    table = '[[module]]\npath = "infra/my-role"\nkind = "role"\ncni_version = "v1.23.2"\n'
    with (tmp_path / "vpc-cni-iam.toml").open("a") as file:
        file.write(table)
    assert run("sync", cwd=tmp_path).code == 0
    assert run("generate", "infra/other one", cwd=tmp_path).code == 0
    for name in ("my-policy", "my-role", "other one"):
        text = (folder / name / "README.md").read_text()
        calls = re.findall(r'^module "[^{]*{\n  source = .*?^}$', text, re.DOTALL | re.MULTILINE)
        assert calls and "relative to the directory of the file" in text
        for call in calls:
            (folder / "main.tf").write_text(call)
            engine.run(["init", "-input=false", "-backend=false"], folder)
    # Neither a new name nor another plugin version makes its files edited ones.
    (folder / "other one").rename(folder / "moved")
    done = run("generate", "infra/moved", "--cni-version", "v1.20.0", cwd=tmp_path)
    assert done.code == 0, done.err
    (folder / "my-policy").rename(folder / "renamed")
    toml = tmp_path / "vpc-cni-iam.toml"
    toml.write_text(toml.read_text().replace("my-policy", "renamed"))
    assert "out of date" in run("check", cwd=tmp_path).out
    assert run("sync", cwd=tmp_path).code == 0
    assert run("check", cwd=tmp_path).code == 0
    assert 'source = "./renamed"' in (folder / "renamed" / "README.md").read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"ec2:CreateTags"', '"ec2:*"'),
        ("network-interface/*", "*"),
        ('"StringEquals"', '"StringLike"'),
        ("${local.cluster_name}", "*"),
        (
            '''    condition {
      test     = "ArnEquals"''',
            '''    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["true"]
    }

    condition {
      test     = "ArnEquals"''',
        ),
    ],
)
def test_the_module_s_own_tests_notice_a_change(
    old: str, new: str, newest: Engine, tmp_path: Path
) -> None:
    files = render(options())
    assert old in files["main.tf"]
    files["main.tf"] = files["main.tf"].replace(old, new)
    write_tree(tmp_path, files)
    newest.run(["init", "-input=false", "-backend=false"], tmp_path)
    with pytest.raises(EngineError, match=r"differ(s)? from the catalog|does not have 1 condition"):
        newest.run(["test", "-no-color"], tmp_path)


def test_lists_render_as_the_catalog_fills_them(engine: Engine, tmp_path: Path) -> None:
    made_from = MODULES["narrowed-both"]
    ids = {
        IdList.subnets: ["subnet-01234567", "subnet-89abcdef"],
        IdList.security_groups: ["sg-01234567", "sg-89abcdef", "sg-00000000"],
    }
    names = {"cluster_name": "prod", "vpc_id": "vpc-01234567", "vpc_owner_id": "444455556666"}
    names |= {"account_id": "111122223333", "region": "eu-west-1"}
    text = OFFLINE_PROVIDER + 'module "m" {\n  source = "./m"\n'
    text += "".join(f'  {name} = "{value}"\n' for name, value in names.items())
    text += "".join(f"  {k.parameter.name} = {json.dumps(v)}\n" for k, v in ids.items()) + "}\n"
    write_tree(tmp_path, {f"m/{path}": content for path, content in render(made_from).items()})
    write_tree(tmp_path, {"main.tf": text})
    (composed,) = made_from.composed()
    expected = narrowing.filled(composed.policy, parameters.values(names), ids)
    (policy,) = rendered(engine, tmp_path).values()
    assert differences(expected, policy) == ()


def test_tflint_finds_nothing(tmp_path: Path) -> None:
    tflint = Engine(
        "tflint", str(tool("tflint-0.64.0")), {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    )
    config = tmp_path / "every-rule.hcl"
    config.write_text('plugin "terraform" {\n  enabled = true\n  preset  = "all"\n}\n')
    words = ["--config", str(config), "--chdir"]
    for case, chosen in MODULES.items():
        folder = write_tree(tmp_path / case, render(chosen))
        tflint.run([*words, str(folder)], tmp_path)
    main = folder / "main.tf"
    main.write_text(main.read_text() + '\noutput "x" {\n  value = "x"\n}\n')
    with pytest.raises(EngineError, match="has no description"):
        tflint.run([*words, str(folder)], tmp_path)


ROOT_MODULE = """
module "p" {
  source = "./m"
%s
}

output "json" {
  value = module.p.json
}

output "rest" {
  value = [
    module.p.kubectl_command,
    module.p.works_with,
  ]
}
"""


def planned(engine: Engine, folder: Path, arguments: str, before: str = "") -> dict[str, object]:
    write_tree(folder / "m", render(options()))
    write_tree(folder, {"main.tf": OFFLINE_PROVIDER + before + ROOT_MODULE % arguments})
    plan = engine.plan(folder)
    return {n: o.get("value") for n, o in plan["planned_values"]["outputs"].items()}


def test_without_names_the_scoped_document_is_null(engine: Engine, tmp_path: Path) -> None:
    plan = planned(engine, tmp_path, "")
    assert plan["json"]["ipv4-scoped"] is None  # type: ignore[index]
    assert len(json.loads(plan["json"]["ipv4"])["Statement"]) == 2  # type: ignore[index]
    assert plan["rest"][0] is None  # type: ignore[index]


def test_with_names_everything_is_there(engine: Engine, tmp_path: Path) -> None:
    names = '  cluster_name = "prod"\n  vpc_id = "vpc-01234567"'
    plan = planned(engine, tmp_path, names)
    assert set(plan["json"]) == {"ipv4", "ipv6", "ipv4-scoped"}  # type: ignore[call-overload]
    kubectl, works = plan["rest"]  # type: ignore[misc]
    assert kubectl == "kubectl set env daemonset aws-node -n kube-system 'CLUSTER_NAME=prod'"
    assert works["ipv4-scoped"] == f"v1.8.0 to v1.21.2, v1.22.2 to {newest()}"


def test_a_vpc_that_is_not_known_yet_still_plans(engine: Engine, tmp_path: Path) -> None:
    unknown = 'resource "terraform_data" "vpc" {\n  input = "vpc-01234567"\n}\n'
    names = '  cluster_name = "prod"\n  vpc_id = terraform_data.vpc.output'
    plan = planned(engine, tmp_path, names, unknown)
    assert "json" in plan


def test_one_name_without_the_other_is_an_error(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"both\s+cluster_name and\s+vpc_id"):
        planned(engine, tmp_path, '  cluster_name = "prod"')


def test_a_region_of_another_partition_is_an_error(engine: Engine, tmp_path: Path) -> None:
    plan = planned(engine, tmp_path, '  region = "cn-north-1"\n  partition = "aws-cn"')
    assert "arn:aws-cn:ec2:cn-north-1:" in json.dumps(plan)
    # Also if only a document is used.
    root = ROOT_MODULE.replace("module.p.json", "module.p.ipv4_json") % '  region = "cn-north-1"'
    write_tree(tmp_path, {"main.tf": OFFLINE_PROVIDER + root})
    with pytest.raises(EngineError, match=r"aws\s+does\s+not\s+have\s+the\s+region\s+cn-north-1"):
        engine.plan(tmp_path)


def test_additional_documents_are_joined_and_replace_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    extra = Policy(
        (
            Statement(effect="Deny", actions=("ec2:CreateTags",), resources=("*",), sid="Mine"),
            Statement(actions=("s3:GetObject",), resources=("*",)),
        )
    )
    document = block(policy_document("extra", extra))
    argument = "  source_policy_documents = [data.aws_iam_policy_document.extra.json]"
    plan = planned(engine, tmp_path, argument, document)
    ours = compose(VARIANTS[0], select()).policy
    joined = loads(plan["json"]["ipv4"], "x")  # type: ignore[index]
    assert differences(Policy(ours.statements + extra.statements), joined) == ()


def test_an_additional_document_that_is_not_known_yet_still_plans(
    engine: Engine, tmp_path: Path
) -> None:
    unknown = """
resource "terraform_data" "bucket" {
  input = "arn:aws:s3:::mine"
}

data "aws_iam_policy_document" "extra" {
  statement {
    actions   = ["s3:GetObject"]
    resources = [terraform_data.bucket.output]
  }
}
"""
    argument = "  source_policy_documents = [data.aws_iam_policy_document.extra.json]"
    plan = planned(engine, tmp_path, argument, unknown)
    assert plan["json"] is None


def test_an_additional_document_that_is_none_is_refused_in_words(
    engine: Engine, tmp_path: Path
) -> None:
    """Each wrong call is refused once, and not by the provider for each data source."""
    wrong = ['"not json"', '""', "null", '"[]"', '"true"']
    calls = "".join(
        f'module "w{number}" {{\n  source = "./m"\n'
        f'  source_policy_documents = ["{{\\"Statement\\":[]}}", {text}]\n}}\n'
        for number, text in enumerate(wrong)
    )
    write_tree(tmp_path / "m", render(options()))
    write_tree(tmp_path, {"main.tf": OFFLINE_PROVIDER + calls})
    with pytest.raises(EngineError) as caught:
        engine.plan(tmp_path)
    message = " ".join(str(caught.value).replace("│", " ").split())
    words = "Each of source_policy_documents must be an IAM policy document as JSON"
    assert message.count("Error: ") == message.count(words) == len(wrong)


HOSTILE = [
    '"',
    '${file("/etc/passwd")}',
    "prod\n",
    "prod\ninjected = true",
    "}",
    '"}\nresource "x" "y" {}\n#',
    "\u0661\u0662\u0663",
    "%{ if true }x%{ endif }",
    "",
    "*",
]


def test_hostile_names_are_refused_by_the_module_itself(engine: Engine, tmp_path: Path) -> None:
    """They reach the module as values, each in its own call; every call must be refused."""
    write_tree(tmp_path / "m", render(options(["ipv4-scoped"])))
    good = {"cluster_name": "prod", "vpc_id": "vpc-01234567"}
    calls: list[NewBlock] = []
    for name in ("cluster_name", "vpc_id", "partition", "region", "account_id", "vpc_owner_id"):
        for value in HOSTILE:
            if value != "*" or name in ("cluster_name", "vpc_id", "partition"):
                values = {**good, name: value}
                calls.append(
                    NewBlock(
                        f'module "h{len(calls)}h"',
                        [("source", Literal("./m")), *((n, Literal(v)) for n, v in values.items())],
                    )
                )
    write_tree(tmp_path, {"main.tf": OFFLINE_PROVIDER + "\n".join(map(block, calls))})
    with pytest.raises(EngineError) as caught:
        engine.plan(tmp_path)
    for number in range(len(calls)):
        assert f'module "h{number}h"' in str(caught.value)
    assert str(caught.value).count("Invalid value for variable") == len(calls)


texts = st.text(max_size=12).map(lambda t: t.replace("&{", "")) | st.lists(
    st.sampled_from(
        ["$", "%", "{", "}", "$${", "%%{", '"', "\\", "\n", "é", "${aws:x}", "\x1b", "*"]
    ),
    max_size=6,
).map("".join)


def test_a_sample_of_any_text_survives_the_real_engine(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Hypothesis draws hundreds of texts, which go through the engine in root modules."""

    @settings(
        max_examples=2 if MATRIX else 1,
        phases=[Phase.generate],
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(texts, min_size=150, max_size=150))
    def survive(drawn: list[str]) -> None:
        expected: dict[str, Policy] = {}
        blocks = []
        for text in drawn:
            statement = Statement(
                actions=("a:b",),
                resources=(f"r{text}",),
                conditions=(Condition("StringEquals", f"k{text}", (text, f"v{text}")),),
                principals=(Principal("AWS", (f"p{text}",)),),
            )
            policy = Policy((statement,))
            key = f"d{len(expected)}"
            try:
                blocks.append(block(policy_document(key, policy)))
            except InexpressibleError:
                continue
            expected[key] = policy
        folder = tmp_path_factory.mktemp("sample")
        write_tree(folder, {"main.tf": OFFLINE_PROVIDER + "\n".join(blocks)})
        module = rendered(engine, folder)
        for key, policy in expected.items():
            assert differences(policy, module[key]) == (), policy
        shutil.rmtree(folder)

    survive()


def test_fmt_leaves_hard_documents_alone(tmp_path: Path) -> None:
    newest = make_engine(TERRAFORM_NEWEST, tmp_path)
    policy = Policy(
        tuple(
            Statement(
                actions=("a:b", "c:d")[:n],
                resources=("x",) * m,
                conditions=(Condition("StringEquals", "k", ("v",) * n),) * n,
                principals=(Principal("AWS", ("p",) * m),) * (n - 1),
                sid=f"s{n}{m}",
            )
            for n in (1, 2)
            for m in (1, 2)
        ),
        version="2008-10-17",
        id="id",
    )
    write_tree(tmp_path, {"main.tf": block(policy_document("x", policy))})
    newest.run(["fmt", "-check", "-diff"], tmp_path)

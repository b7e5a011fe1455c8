"""The generated module, read back: structure, documents, golden trees."""

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from conftest import ROOT, read_tree
from hcl_documents import documents_of
from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts import documents, known_versions
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.options import Options, options, stated
from vpc_cni_iam.catalog.selection import Additions, select
from vpc_cni_iam.catalog.variants import UPSTREAM, VARIANTS, Scope, Variant
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.hcl import resolve
from vpc_cni_iam.hcl.evaluate.domain import ValueScope
from vpc_cni_iam.hcl.module.reader import local_nodes
from vpc_cni_iam.hcl.parse import parse
from vpc_cni_iam.hcl.syntax import Block
from vpc_cni_iam.policy.diff import differences
from vpc_cni_iam.rendering.kinds import render as render_kind
from vpc_cni_iam.rendering.policy_module import render

ALL = Additions.all
GOLDEN = ROOT / "tests" / "golden"
EVERY = [v.name for v in VARIANTS]
VALUES = {
    "cluster_name": "prod_1",
    "vpc_id": "vpc-01234567",
    "partition": "aws-us-gov",
    "region": "us-gov-east-1",
    "account_id": "111122223333",
    "vpc_owner_id": "444455556666",
    "hyperpod_cluster_id": "abc123def456",
}
HARDENED = Hardening(("Cost Center", "team"), ("node-pool", "main"))
SELECTIONS: list[dict[str, Any]] = [{"revision": r.name} for r in documents.revisions()] + [
    {"cni_version": str(r)} for r in known_versions.known()[1:]
]
SELECTIONS.append({"cni_version": "v1.23.2", "hardening": HARDENED})
SELECTIONS.append({"features": ["hyperpod", "network-policy-logs"]})


def read_back(text: str, values: dict[str, str]) -> dict[str, resolve.ResolvedDocument]:
    return with_values(parse(text, "main.tf").blocks, values)


def with_values(
    blocks: tuple[Block, ...], values: dict[str, str]
) -> dict[str, resolve.ResolvedDocument]:
    scope = ValueScope({f"var.{n}": values.get(n) for n in VALUES}, local_nodes(blocks))
    return {f.name: f for f in documents_of(blocks, scope)}


def serving(selection: dict[str, Any]) -> list[Variant]:
    version = select(**selection).version
    return [v for v in VARIANTS if version is None or version >= v.minimum]


@pytest.mark.parametrize("selection", SELECTIONS, ids=lambda s: "".join(map(str, s.values())))
def test_catalog_to_hcl_and_back_for_every_variant(selection: dict[str, Any]) -> None:
    variants = serving(selection)
    main = render(options([v.name for v in variants], **selection))["main.tf"]
    blocks = parse(main, "main.tf").blocks
    for values in (VALUES, {"cluster_name": "c", "vpc_id": "vpc-01234567", **DEFAULTS}):
        document = with_values(blocks, values)
        assert set(document) == {v.identifier for v in variants}
        for variant in variants:
            expected = parameters.substitute(
                compose(variant, select(**selection)).policy, parameters.values(values)
            )
            assert document[variant.identifier].policy == expected


DEFAULTS = {
    "partition": "aws",
    "region": "*",
    "account_id": "*",
    "hyperpod_cluster_id": "*",
}


def test_the_round_trip_notices_a_changed_module() -> None:
    main = render(options())["main.tf"]
    expected = parameters.substitute(
        compose(VARIANTS[0], select()).policy, parameters.values(VALUES)
    )
    for old, new in [
        ('"ec2:DescribeTags",\n', ""),
        ("network-interface/*", "*"),
        ("${var.partition}", "aws"),
        ('effect = "Allow"', 'effect = "Deny"'),
    ]:
        assert old in main
        document = read_back(main.replace(old, new, 1), VALUES)
        assert differences(expected, document["ipv4"].policy), old


@pytest.mark.parametrize("selection", SELECTIONS[:3] + SELECTIONS[-3:], ids=str)
def test_structure(selection: dict[str, Any]) -> None:
    chosen = options(EVERY, **selection)
    files = render(chosen)
    blocks = parse(files["main.tf"], "main.tf").blocks
    assert [b.type for b in blocks] == ["locals"] + ["data"] * len(EVERY)
    for block, composed in zip(blocks[1:], chosen.composed(), strict=True):
        assert block.labels == ("aws_iam_policy_document", composed.variant.identifier)
        assert set(block.attributes) == {"source_policy_documents"}
        assert [b.type for b in block.blocks] == ["statement"] * len(composed.policy.statements)
        for inner, statement in zip(block.blocks, composed.policy.statements, strict=True):
            assert set(inner.attributes) == {"effect", "actions", "resources"}
            assert [b.type for b in inner.blocks] == ["condition"] * len(statement.conditions)
    for name in ("main.tf", "outputs.tf", "versions.tf"):
        assert "jsondecode" not in files[name]
        pending = list(parse(files[name], name).blocks)
        while pending:
            block = pending.pop()
            assert block.type != "dynamic"
            assert not {"count", "for_each"} & set(block.attributes)
            pending += block.blocks


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["ipv4"], {"partition", "region", "account_id"}),
        (["ipv6-scoped"], {"partition", "region", "account_id", "cluster_name"}),
        (["ipv4", "ipv6-scoped"], {"partition", "region", "account_id", "cluster_name"}),
        (["ipv4-scoped"], set(VALUES) - {"hyperpod_cluster_id"}),
        (EVERY, set(VALUES) - {"hyperpod_cluster_id"}),
    ],
)
def test_only_the_variables_that_are_needed(names: list[str], expected: set[str]) -> None:
    files = render(options(names))
    blocks = parse(files["variables.tf"], "variables.tf").blocks
    assert {b.labels[0] for b in blocks} == expected | {"source_policy_documents"}
    for block in blocks:
        keys = [k for k in block.attributes if k != "nullable"]
        assert keys[:2] == ["description", "type"]
        required = "default" not in block.attributes
        scoped_alone = all(n.endswith("scoped") for n in names)
        assert required == (scoped_alone and block.labels[0] in ("cluster_name", "vpc_id"))


def test_outputs() -> None:
    files = render(options(["ipv4", "ipv4-scoped"]))
    blocks = parse(files["outputs.tf"], "outputs.tf").blocks
    assert [b.labels[0] for b in blocks] == [
        "ipv4_json",
        "ipv4_scoped_json",
        "json",
        "works_with",
        "kubectl_command",
    ]
    assert all(list(b.attributes)[:2] == ["description", "value"] for b in blocks)
    unscoped = render(options(["ipv4", "ipv6"]))["outputs.tf"]
    assert "kubectl_command" not in unscoped


def test_every_file_states_what_it_was_made_from_or_refers_to_main() -> None:
    chosen = options(["ipv6", "ipv6-scoped"], cni_version="v1.22.1", features=["multi-nic"])
    files = render(chosen)
    assert set(files) == {
        "main.tf",
        "variables.tf",
        "outputs.tf",
        "versions.tf",
        "README.md",
        "tests/policy.tftest.hcl",
    }
    assert stated(files["main.tf"]) == chosen
    assert "2884e901090635ff6f0358b4e1884804ff719c7e" in files["main.tf"]
    for text in files.values():
        made_from = stated(text, files["main.tf"])
        assert made_from is not None and replace(made_from, directory="") == chosen
        assert text.endswith("\n") and not text.endswith("\n\n")
        assert all(line == line.rstrip() for line in text.splitlines())
        assert text.isascii()


@pytest.mark.parametrize("kind", ["policy", "role"])
def test_a_version_with_the_same_documents_changes_main_alone(kind: str) -> None:
    old, new = (render(options(cni_version=v, kind=kind)) for v in ("v1.21.1", "v1.21.2"))
    assert [path for path in new if new[path] != old[path]] == ["main.tf"]


def test_a_document_that_stands_in_is_called_so() -> None:
    files = render(options(["ipv4"], cni_version="v1.7.5"))
    assert "There was no document yet at plugin v1.7.5" in files["main.tf"]
    assert "No document existed yet" not in render(options(["ipv4"]))["main.tf"]


def test_additions_say_why_and_what_is_not_granted_is_named() -> None:
    files = render(options(["ipv6"], cni_version="v1.22.0"))
    remark = "# Added: called by the plugin, and missing in upstream's document."
    assert f"  {remark}\n  statement {{" in files["main.tf"]
    harmless, pin = "v1.20.0 and later, which works without it.", "v1.23.2"
    assert harmless not in render(options(["ipv6"], cni_version=pin))["main.tf"]
    assert harmless in render(options(["ipv6"], cni_version=pin, additions=ALL))["main.tf"]
    left_out = "not needed: `ec2:ModifyNetworkInterfaceAttribute` in ipv6 mode from v1.20.0"
    assert left_out in files["README.md"]
    assert "Not allowed; `--all-calls` adds it." in files["README.md"]
    page = files["README.md"]
    added = "Added: `ec2:DescribeSubnets` in ipv6 mode from v1.22.0 on, exits at start if denied "
    assert f"{added}(observed at " in page
    assert "v1.23.0:pkg/ipamd/ipamd.go:504-510" in page
    assert "only with `--feature multi-nic` or `--feature excluded-primary-subnet`." in page
    assert "`cloudwatch:PutMetricData`; called only with `--feature metrics-helper`." in page


def test_each_feature_that_an_action_is_for_is_named_once() -> None:
    page = render(options(["ipv4-ipv6"], cni_version="v1.23.0"))["README.md"]
    (*_, lines) = zip(*re.findall(r"Not allowed: (.*); called only with (.*)\.", page), strict=True)
    features = [line.split(" or ") for line in lines]
    assert "`--feature metrics-helper`" in lines
    assert all(len(names) == len({*names}) for names in features)


@pytest.mark.parametrize("kind", ["policy", "role"])
def test_a_document_has_two_comment_lines_and_a_statement_three(kind: str) -> None:
    """What a reviewer reads is short; files and lines of the plugin's source are in the README."""
    pins = [{"cni_version": str(v)} for v in known_versions.served()[::7]]
    pins += [{"revision": r.name} for r in documents.revisions()]
    for pin in (*pins, {"cni_version": "latest", "features": ["hyperpod", "metrics-helper"]}):
        names = [v.name for v in VARIANTS if works(v, pin)]
        main = render_kind(options(names, kind=kind, **pin))["main.tf"]
        assert ".go:" not in main
        for comment in re.findall(r"((?:^ *#.*\n)+) *(data|statement)\b", main, re.MULTILINE):
            lines, kind_of_block = comment[0].splitlines(), comment[1]
            assert len(lines) <= (2 if kind_of_block == "data" else 3), comment


def works(variant: Variant, pin: dict[str, Any]) -> bool:
    try:
        options([variant.name], **pin).composed()
    except UsageError:
        return False
    return True


def test_derived_variants_are_marked_wherever_they_appear() -> None:
    files = render(options(EVERY))
    derived = sum(variant.derived for variant in VARIANTS)
    assert files["main.tf"].count("Derived from upstream's document") == derived
    assert files["README.md"].count("derived by vpc-cni-iam") == derived


@pytest.mark.parametrize("kind", ["policy", "role"])
def test_a_readme_says_first_what_the_module_works_with(kind: str) -> None:
    def start(**words: Any) -> list[str]:
        text = render_kind(options(["ipv4", "ipv6"], kind=kind, **words))["README.md"]
        return text.partition("-->\n")[2].splitlines()[2:8]

    newest = known_versions.newest()
    assert start()[:4] == [
        "Works with these plugin versions:",
        "",
        f"- `ipv4`: v1.1.0 to {newest}",
        f"- `ipv6`: v1.10.0 to {newest}",
    ]
    assert start(revision="2022-01-31")[2:] == [
        "- `ipv4`: v1.1.0 to v1.21.2",
        "- `ipv6`: v1.10.0 to v1.21.2",
        "",
        "The documents are upstream's of 2022-01-31, without changes.",
    ]
    derived = render_kind(options(["ipv6-scoped"], kind=kind, revision="2022-01-31"))
    assert "without changes" not in derived["README.md"]


@pytest.mark.parametrize("variant", UPSTREAM, ids=lambda v: v.name)
def test_the_committed_module_of_upstreams_documents_is_what_upstream_published(
    variant: Variant,
) -> None:
    """modules/upstream-2022-01-31, with upstream's own values, against upstream's own JSON."""
    text = (ROOT / "modules" / "upstream-2022-01-31" / "main.tf").read_text(encoding="utf-8")
    values = {"cluster_name": "c", "vpc_id": "vpc-01234567", **DEFAULTS}
    published = documents.find("2022-01-31").document(variant.name)
    expected = parameters.substitute(published, parameters.values(values))
    assert read_back(text, values)[variant.identifier].policy == expected


GOLDEN_CASES: dict[str, Options] = {
    "default": options(),
    "upstream-2022-01-31": options(revision="2022-01-31"),
    "hyperpod": options(
        ["ipv4", "ipv4-scoped", "ipv4-pod-identity"],
        features=["hyperpod", "network-policy-logs"],
    ),
    "scoped-alone": options(["ipv4-scoped"], cni_version="v1.20.4"),
    "everything": options(
        EVERY,
        cni_version="v1.22.1",
        features=["multi-nic", "excluded-primary-subnet", "metrics-helper", "network-policy-logs"],
    ),
    "stands-in": options(["ipv4"], cni_version="v1.7.5"),
    "hardened": options(["ipv4-scoped"], cni_version="v1.23.0", hardening=HARDENED),
    "narrowed": options(
        ["ipv4-scoped"], cni_version="v1.23.2", hardening=Hardening(limits=tuple(IdList))
    ),
}


@pytest.mark.parametrize("parameter", parameters.NAMES, ids=lambda p: p.name)
def test_what_stands_for_a_name_that_is_not_set_is_no_valid_name(
    parameter: parameters.Parameter,
) -> None:
    made = render(options(["ipv4", "ipv4-scoped"]))
    (value,) = re.findall(rf'coalesce\(var\.{parameter.name}, "(.*)"\)', made["main.tf"])
    assert re.fullmatch(parameter.pattern, value) is None


def test_the_variants_that_need_session_tags_are_refused_beside_irsa() -> None:
    """An engine refuses them so; here, that no other variant is refused."""
    chosen = [v for v in VARIANTS if not v.program]
    text = render_kind(options([v.name for v in chosen], kind="role"))["main.tf"]
    (names,) = re.findall(r"contains\(\[(.*)\], var\.variant\) \|\| \(var\.pod_identity &&", text)
    tagged = [v.name for v in chosen if v.scope is Scope.SESSION_TAGS]
    assert re.findall(r'"([^"]+)"', names) == tagged != []


@pytest.mark.parametrize("case", GOLDEN_CASES)
def test_golden_trees(case: str, request: pytest.FixtureRequest) -> None:
    """`pytest --update-golden` writes them anew; the diff is what a reviewer reads."""
    files = render(GOLDEN_CASES[case])
    folder = GOLDEN / case
    if request.config.getoption("--update-golden"):
        from vpc_cni_iam.files.tree import write

        write(folder, files, [p for p in read_tree(folder) if p not in files])
    assert files == read_tree(folder)


def test_there_is_no_golden_tree_without_a_case() -> None:
    assert {p.name for p in GOLDEN.iterdir()} == set(GOLDEN_CASES)


@pytest.mark.parametrize("seed", ["0", "1", "12345"])
def test_same_input_same_bytes_in_any_locale_and_hash_order(seed: str, tmp_path: Path) -> None:
    from conftest import run

    env = {"PYTHONHASHSEED": seed, "LC_ALL": "C", "TZ": "Asia/Kathmandu"}
    done = run("generate", tmp_path / "m", env=env)
    assert done.code == 0, done.err
    assert read_tree(tmp_path / "m") == render_kind(
        replace(options(hardening=Hardening()), directory="m")
    )

"""What two versions differ in, and the number that it asks for."""

import json

import pytest

from consuming import AT, OPTIONS
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.options import Options, options
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.publishing.package import package_files, package_options
from vpc_cni_iam.publishing.versioning.comparison import compare
from vpc_cni_iam.publishing.versioning.semver import FIRST, Bump, Version, step


def version_of(selected: Options) -> dict[str, str]:
    return package_files(package_options(selected), FIRST, AT)


TREE = version_of(OPTIONS)
WORKS_WITH = f'= "v1.1.0 to {known_versions.newest()}"'
TYPE = "  type        = string\n"
MORE = [
    "ipv4: more access, for instance ec2:X on "
    "arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0",
    "ipv4: statement 1 (ec2:AssignPrivateIpAddresses and 12 more): action ec2:X is added",
]


def edited(path: str, old: str, new: str) -> dict[str, str]:
    assert old in TREE[path], old
    return {**TREE, path: TREE[path].replace(old, new, 1)}


@pytest.mark.parametrize(
    ("path", "old", "new", "bump", "says"),
    [
        ("main.tf", '"ec2:DescribeTags",', "", Bump.major, "action ec2:DescribeTags is removed"),
        ("main.tf", "network-interface/*", "network-interface/a", Bump.major,
         "resource arn:aws:ec2:*:*:network-interface/* is removed"),
        ("main.tf", "network-interface/*", "*", Bump.minor, "resource arn:aws:ec2:*:*:* is added"),
        ("main.tf", '"ArnEquals"', '"ArnLike"', Bump.patch, ""),
        ("main.tf", '"Allow"', '"Deny"', Bump.major, "(Deny ec2:"),
        ("main.tf", 'data "aws_iam_policy_document" "ipv6"', 'data "x" "y"', Bump.major, "removed"),
        ("variables.tf", 'variable "region"', 'variable "place"', Bump.major, "region is removed"),
        ("variables.tf", '  default     = "aws"\n', "", Bump.major,
         "input partition default is removed"),
        ("variables.tf", '"aws"\n', '"aws-cn"\n', Bump.major, "input partition default is changed"),
        ("variables.tf", TYPE, "  type = number\n", Bump.major, "input cluster_name is changed"),
        ("variables.tf", "  default     = null\n", "  nullable = false\n  default = null\n",
         Bump.major, "is changed"),
        ("variables.tf", "  nullable    = false\n", "", Bump.major, "is changed"),
        ("variables.tf", "{0,99}", "{0,9}", Bump.major, "is changed"),
        ("variables.tf", "AWS partition of", "Partition of", Bump.patch, ""),
        ("outputs.tf", 'output "json"', 'output "all"', Bump.major, "output json is removed"),
        ("outputs.tf", "== null) ==", "== null) !=", Bump.major,
         "output ipv4_scoped_json is changed"),
        ("outputs.tf", 'local.json["ipv4"]', 'local.json["ipv6"]', Bump.major,
         'output ipv4_json is changed'),
        ("outputs.tf", WORKS_WITH, "= var.region", Bump.major,
         'output works_with ["ipv4"] is changed'),
        ("outputs.tf", WORKS_WITH, '= "v1.1.1"', Bump.patch, ""),
        ("outputs.tf", 'output "json" {', 'output "json" {\n  sensitive = true', Bump.major,
         "output json is changed"),
        ("variables.tf", 'variable "region" {', 'variable "region" {\n  sensitive = true',
         Bump.major, "input region is changed"),
        ("main.tf", "= data.aws_iam_policy_document.ipv4.json",
         "= data.aws_iam_policy_document.ipv6.json", Bump.major, 'local json ["ipv4"] is changed'),
        ("main.tf", "= data.aws_iam_policy_document.ipv4.json",
         "=   data.aws_iam_policy_document.ipv4.json", Bump.patch, ""),
        ("main.tf", "(var.vpc_owner_id, var", "(var.account_id, var", Bump.major,
         "local vpc_owner_id is changed"),
        ("versions.tf", '"hashicorp/aws"', '"example/aws"', Bump.major,
         "the required providers are changed"),
        ("versions.tf", ">= 1.6", ">= 1.10", Bump.major, "the minimum versions are changed"),
        ("versions.tf", ">= 3.39", ">= 5.29", Bump.major, "the minimum versions are changed"),
        ("versions.tf", ">= 3.39", ">= 3.4", Bump.major, "the minimum versions are changed"),
        ("versions.tf", ">= 3.39", "~> 3.39", Bump.major, "the minimum versions are changed"),
        ("README.md", "## Variants", "## Kinds", Bump.patch, ""),
        ("main.tf", "# ipv4:", "# IPv4:", Bump.patch, ""),
    ],
)  # fmt: skip
def test_the_number_that_an_edit_asks_for(
    path: str, old: str, new: str, bump: Bump, says: str
) -> None:
    differences = compare(TREE, edited(path, old, new), FIRST)
    assert differences.bump is bump, differences
    assert says in " ".join(map(str, (*differences.permissions, *differences.interface)))
    if bump is Bump.patch:
        assert (differences.permissions, differences.interface) == ((), ())


def test_additions_ask_for_a_minor_number_and_back_for_a_major_one() -> None:
    more = {
        **TREE,
        "variables.tf": TREE["variables.tf"] + 'variable "new" {\n  default = 1\n}\n',
        "outputs.tf": TREE["outputs.tf"] + 'output "new" {\n  value = 1\n}\n',
        "main.tf": TREE["main.tf"].replace('"ec2:DescribeTags"', '"ec2:DescribeTags", "ec2:X"', 1),
        "modules/other/main.tf": 'output "x" {\n  value = 1\n}\n',
    }
    assert {f.bump for f in compare(TREE, more, FIRST).interface} == {Bump.minor}
    assert [str(f) for f in compare(TREE, more, FIRST).permissions] == MORE
    assert compare(TREE, more, FIRST).bump is Bump.minor
    assert compare(more, TREE, FIRST).bump is Bump.major
    assert compare(more, more, FIRST).bump is Bump.patch


def test_an_input_that_must_be_given_is_a_major_change() -> None:
    more = {**TREE, "variables.tf": TREE["variables.tf"] + 'variable "new" {}\n'}
    assert "input new is added" in str(compare(TREE, more, FIRST).interface)
    assert compare(TREE, more, FIRST).bump is Bump.major


ROLE, VARIABLES = "modules/role/main.tf", "modules/role/variables.tf"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            '"ec2:DescribeTags",',
            "",
            "modules/role: ipv4: statement 1 (ec2:AssignPrivateIpAddresses and 12 more): ",
        ),
        (
            '"sts:TagSession"',
            '"sts:Tag"',
            "modules/role: trust: ",
        ),
        (
            '"sts:AssumeRoleWithWebIdentity"',
            '"sts:AssumeRole"',
            "modules/role: trust: ",
        ),
        ("var.role_name_prefix", "null", "modules/role: resource aws_iam_role.this is changed"),
        (
            "var.oidc_provider_arn[*]",
            '["x"]',
            "modules/role: trust: the for_each of a dynamic block is changed",
        ),
        ("policy/AmazonEKS_CNI_Policy", "policy/X", "modules/role: local managed_policy_arn"),
        ("= data.aws_iam_policy_document.ipv6.json", "= null", 'modules/role: local json ["ipv6"]'),
        ('"StringEquals"', '"StringNotEquals"', "modules/role: "),
        ('resource "aws_iam_policy" "this"', 'resource "aws_iam_policy" "x"', "this is removed"),
    ],
)
def test_the_role_module_is_compared_too(old: str, new: str, says: str) -> None:
    differences = compare(TREE, edited(ROLE, old, new), FIRST)
    assert differences.bump is Bump.major
    assert says in "\n".join(map(str, differences.permissions))


def test_a_name_that_may_have_wildcards_from_now_on_is_not_proven_to_be_the_same() -> None:
    differences = compare(TREE, edited(ROLE, '"StringEquals"', '"StringLike"'), FIRST)
    assert differences.bump is Bump.major
    text = "\n".join(map(str, differences.permissions))
    assert "it is not proven that there is no more access" in text
    assert "statement 3 (ec2:CreateNetworkInterface): condition on " in text


def test_what_changes_in_both_modules_is_said_once() -> None:
    old, new = '"ec2:DescribeTags",', '"ec2:DescribeTags", "ec2:X",'
    both = {**edited("main.tf", old, new), ROLE: TREE[ROLE].replace(old, new, 1)}
    assert [str(f) for f in compare(TREE, both, FIRST).permissions] == MORE


def test_a_data_source_is_no_input() -> None:
    differences = compare(TREE, edited("main.tf", "locals {", 'data "x" "y" {}\n\nlocals {'), FIRST)
    assert not [difference for difference in differences.interface if "input" in str(difference)]


@pytest.mark.parametrize("name", ["data.aws_s3_bucket.b", "module.b", "aws_s3_bucket.b"])
def test_what_a_policy_refers_to_is_another_one_if_its_block_changes(name: str) -> None:
    kind, *labels = name.split(".") if name[0] != "a" else ("resource", *name.split("."))

    def version(value: str) -> dict[str, str]:
        tree = edited("main.tf", "network-interface/*", f"network-interface/${{{name}.x}}")
        block = f'{kind} {" ".join(map(json.dumps, labels))} {{\n  bucket = "{value}"\n}}\n'
        return {**tree, "main.tf": tree["main.tf"] + block}

    assert compare(version("a"), version("a"), FIRST).bump is Bump.patch
    differences = compare(version("a"), version("b"), FIRST)
    assert differences.bump is Bump.major
    assert f"{kind} {'.'.join(labels)} is changed" in str(differences.permissions)


def test_layout_comments_and_descriptions_are_no_change() -> None:
    text = TREE[ROLE].replace("# ", "#   ")
    inputs = TREE[VARIABLES].replace("description = ", 'description = "x${"y"}" # ')
    assert text != TREE[ROLE] and inputs != TREE[VARIABLES]
    assert compare(TREE, {**TREE, ROLE: f"\n\n{text}", VARIABLES: inputs}, FIRST).bump is Bump.patch


def test_the_description_of_a_resource_is_sent_to_aws() -> None:
    differences = compare(
        TREE, edited(ROLE, "Permissions of the Amazon", "Permissions of my"), FIRST
    )
    assert differences.bump is Bump.major
    assert "resource aws_iam_policy.this is changed" in str(differences.permissions)


def test_what_cannot_be_read_counts_as_changed() -> None:
    odd = edited("main.tf", '"ec2:DescribeTags",', "lower(var.more),")
    differences = compare(TREE, odd, FIRST)
    assert differences.bump is Bump.major
    assert "data aws_iam_policy_document.ipv4 is changed" in str(differences.permissions)
    assert compare(odd, odd, FIRST).bump is Bump.patch


def test_a_feature_and_a_release_of_the_plugin() -> None:
    richer = version_of(options(cni_version="latest", features=["metrics-helper"]))
    assert compare(TREE, richer, FIRST).bump is Bump.minor
    assert compare(richer, TREE, FIRST).bump is Bump.major
    # The role's variant ipv6-scoped needs the VPC with it, which it did not before.
    asking = version_of(options(cni_version="latest", features=["multi-nic"]))
    assert compare(TREE, asking, FIRST).bump is Bump.major
    old = version_of(options(cni_version="v1.9.0"))
    assert "examples/ipv6/main.tf" not in old
    differences = compare(old, TREE, FIRST)
    assert "output ipv6_json is added" in str([f.text for f in differences.interface])


@pytest.mark.parametrize(
    ("old", "new", "bump"),
    [
        ("1.2.3", "1.2.4", Bump.patch),
        ("1.2.3", "1.3.0", Bump.minor),
        ("1.2.3", "2.0.0", Bump.major),
        ("0.2.3", "0.2.4", Bump.patch),
        ("0.2.3", "0.3.0", Bump.major),
    ],
)
def test_steps(old: str, new: str, bump: Bump) -> None:
    assert step(Version.of(old), Version.of(new)) is bump
    assert str(Version.of(old).after(bump)) == new


@pytest.mark.parametrize(
    "text", ["1", "1.2", "v1.2.3", "1.2.3-rc.1", "01.2.3", "1.2.3\n", "\u0661.2.3"]
)
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(UsageError, match=r"write it like 1\.2\.3"):
        Version.of(text)


def test_versions_are_ordered_by_number() -> None:
    assert Version.of("1.10.0") > Version.of("1.9.9")


def test_another_validation_is_a_change_of_the_input() -> None:
    rule = next(x for x in TREE[VARIABLES].splitlines() if x.endswith(", var.variant)"))
    differences = compare(TREE, edited(VARIABLES, rule, rule.replace('["ipv4", ', "[", 1)), FIRST)
    assert differences.bump is Bump.major
    assert [str(f) for f in differences.changes] == ["modules/role: input variant is changed"]

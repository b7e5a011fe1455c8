"""What the page of other ways says: each row with a known policy is computed anew.

Which policy a peer has is a fact of its day, read in its source and written here with its place.
How its users hear of a change, and its future, no test can say.
"""

import re

import pytest

from conftest import ROOT
from coverage_policies import NAMES, composed, covered, filled, setting, upstream
from vpc_cni_iam.catalog.facts import documents, known_versions
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.peers import peer_documents
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.catalog.variants import SCOPED_SINCE
from vpc_cni_iam.cli.main import COMMANDS
from vpc_cni_iam.coverage.analysis.matrix import matrix
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.hcl.module import reader
from vpc_cni_iam.hcl.write import block, policy_document
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess

COLUMNS = ("ipv4", "ipv6", "scoped", "told")
SECTION = (ROOT / "docs" / "development" / "comparison.md").read_text()
TABLE = SECTION.partition("\n## Converting")[0]
ROWS = {
    cells[1].strip(): dict(zip(COLUMNS, map(str.strip, cells[2:6]), strict=True))
    for cells in (line.split("|") for line in TABLE.splitlines() if line.startswith("|"))
}
MODES: tuple[Mode, ...] = ("ipv4", "ipv6")
NEWEST = documents.revisions()[-1].name


def row(words: str) -> dict[str, str]:
    (result,) = (cells for name, cells in ROWS.items() if words in name)
    return result


def works(policy: Policy, mode: Mode) -> str:
    """The versions with which a policy works, as the table has them."""
    where = RequestSetting(known_versions.newest(), mode, names=NAMES)
    return ", ".join(map(str, matrix([policy], where).works())) or "none"


def conditions(policy: Policy) -> bool:
    return any(s.conditions for s in policy.statements)


def test_the_table_has_the_rows_that_are_looked_at_here() -> None:
    looked_at = [n for n in ROWS if re.search("vpc-cni-iam|upstream|CNI_Policy|iam v", n)]
    assert [*ROWS][2:] == looked_at and len(looked_at) == 4


@pytest.mark.parametrize("mode", MODES)
def test_this_works_with_every_release(mode: Mode) -> None:
    assert row("vpc-cni-iam, ")[mode] == "every version"
    first = PluginVersion.of({"ipv4": "v1.1.0", "ipv6": "v1.10.0"}[mode])
    for version in (str(r) for r in known_versions.known() if r >= first):
        assert covered(composed(mode, version), setting(version, mode)).verdict not in (
            "unknown",
            "fails",
        ), version


def test_this_is_scoped_and_narrower_by_default() -> None:
    assert row("vpc-cni-iam, ")["scoped"] == "yes, and narrower by default"
    (plain,) = options(["ipv4-scoped"], cni_version="latest").composed()
    how = Hardening()
    (hardened,) = options(["ipv4-scoped"], cni_version="latest", hardening=how).composed()
    old, new = filled(plain.policy), filled(hardened.policy)
    assert conditions(old)
    assert isinstance(no_new_access([old], [new]), NoNewAccess)
    assert isinstance(no_new_access([new], [old]), NewAccess)


def test_this_says_when_it_changes_with_commands_that_there_are() -> None:
    assert set(re.findall(r"`(\w+)`", row("vpc-cni-iam, ")["told"])) <= COMMANDS.keys()


def test_the_page() -> None:
    page = row("upstream's page")
    assert f"of {NEWEST}" in next(name for name in ROWS if "upstream's page" in name)
    for mode in MODES:
        assert page[mode] == works(upstream(mode, NEWEST), mode)
    scoped = works(upstream("ipv4-scoped", NEWEST), "ipv4")
    assert page["scoped"] == "a sample, not with v1.22.0 and v1.22.1"
    # Between, the agent exits where it may not change the groups of a trunk interface.
    assert scoped == f"{SCOPED_SINCE} to v1.21.2, v1.22.2 to {known_versions.newest()}"


def test_the_managed_policy() -> None:
    cells, policy = row("AmazonEKS_CNI_Policy v6"), documents.managed_policy()
    assert [cells[mode] for mode in MODES] == [works(policy, mode) for mode in MODES]
    assert (cells["scoped"], conditions(policy)) == ("no", False)


def test_terraform_aws_iam() -> None:
    """Of v6.8.0: modules/iam-role-for-service-accounts/policies.tf, vpc_cni."""
    every = [d for d in peer_documents() if d.project == "terraform-aws-iam"]
    theirs = {mode: [d for d in every if d.mode == mode][-1].policy for mode in MODES}
    cells = row("terraform-aws-iam v6.8.0")
    for mode in MODES:
        assert cells[mode] == works(theirs[mode], mode)
        assert (cells["scoped"], conditions(theirs[mode])) == ("no", False)


def test_convert_keeps_what_it_is_said_to_keep() -> None:
    assert "`convert` keeps Version, Id and numbers, and escapes `${...}`" in SECTION.replace(
        "\n", " "
    )
    text = """{"Version": "2008-10-17", "Id": "i", "Statement": {"Effect": "Allow",
      "Action": "s3:*", "Resource": "arn:aws:s3:::b/${aws:username}/*",
      "Condition": {"NumericLessThan": {"s3:max-keys": 1e1}}}}"""
    policy = loads(text, "p.json")
    hcl = block(policy_document("p", policy))
    (contents,) = reader.read({"p.tf": hcl}, {}).documents
    assert contents.policy == policy
    assert '"1e1"' in hcl and "$${aws:username}" in hcl

"""The first screen of a review, its colours, and what --details adds."""

import json
import re
from typing import Any

import pytest
from msgspec.structs import replace

from eks import NODE_TRUST, POD_TRUST, addon, arn_of, association, irsa, own_role, same
from synthetic import Json, allow, attachment, document, plan, policy, resource, reviewed, role
from vpc_cni_iam.catalog import parameters, variants
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.catalog.facts.known_versions import find, newest
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review import wording
from vpc_cni_iam.review.diff.coverage import ReviewTarget
from vpc_cni_iam.review.diff.verdicts import Access, Example
from vpc_cni_iam.review.findings import Ignored, Level, Review
from vpc_cni_iam.review.report.text import write
from vpc_cni_iam.review.report_formats import Setting
from vpc_cni_iam.review.run import review as run_review

CNI = dumps(managed_policy())
READ, WRITE = document(allow("s3:GetObject")), document(allow(["s3:GetObject", "s3:PutObject"]))
RED, YELLOW, GREEN, CYAN, BOLD, DIM, BOLD_RED = "31", "33", "32", "36", "1", "2", "1;31"


def first_screen(review: Review) -> str:
    return write(review, Setting())


def with_details(review: Review) -> str:
    return write(review, Setting(details=True))


def colours(review: Review, *starts: str) -> dict[str, str]:
    """The colour of the first part of the report that begins so, or its label; empty for none."""
    shown = write(review, Setting(details=True, colour=True))
    parts = re.findall(r"(?:\x1b\[([\d;]+)m)?([^\x1b\n]+)", shown)
    label = r"\s*(?:\w+\s\s+)?"
    return {
        text: next(c for c, p in parts if re.match(label + re.escape(text), p)) for text in starts
    }


def test_colours_say_how_bad_something_is() -> None:
    changes = [policy("more", READ, WRITE), policy("less", WRITE, READ), policy("new", None, READ)]
    review = reviewed(*changes, role("r", None, NODE_TRUST))
    expected = {
        "IAM review of": BOLD,
        "1 error, 1 warning, 2 notes; the review fails": BOLD_RED,
        "Who can do more": BOLD,
        "error": BOLD_RED,
        "Anyone with the policy can now call s3:PutObject": BOLD_RED,
        "warning": YELLOW,
        "A new policy": YELLOW,
        "note": CYAN,
        "A new role can be assumed": CYAN,
        "aws_iam_policy.more policy [new-access]": DIM,
        "Unknown until apply: nothing.": "",
        "+ allowed": RED,
        "- no longer allowed": YELLOW,
        "new access, for instance": RED,
        "no new access (proven)": GREEN,
    }
    assert colours(review, *expected) == expected
    assert re.sub(r"\x1b\[[\d;]*m", "", write(review, Setting(colour=True))) == first_screen(review)


def test_a_policy_of_the_catalog_is_shown_in_no_alarming_colour() -> None:
    review = reviewed(policy("cni", None, CNI))
    expected = {
        "1 note; the review passes": GREEN,
        "note": CYAN,
        "+ allowed": "",
        "new access, for instance": "",
        "equal to": "",
    }
    assert colours(review, *expected) == expected


def test_what_changes_about_the_plugin_is_in_bold() -> None:
    at = {"service_account_role_arn": arn_of("cni")}
    sides = ({**at, "addon_version": f"v1.{minor}.2-eksbuild.1"} for minor in (21, 23))
    review = reviewed(addon(*sides), *own_role("cni", irsa(), CNI))
    expected = {"prod, IPv4": "", "v1.21.2-eksbuild.1 ->": BOLD, "aws_iam_role.cni (IRSA), un": ""}
    assert colours(review, *expected) == expected
    (own, inline) = own_role("cni", POD_TRUST, CNI)
    own["change"] |= {"actions": ["delete"], "after": None}
    gone = reviewed(own, inline, association("cni", "cni"))
    deleted = "aws_iam_role.cni (EKS Pod Identity); the plan deletes aws_iam_role.cni"
    assert colours(gone, deleted) == {deleted: BOLD}
    assert colours(gone, "not named in the plan") == {"not named in the plan": ""}
    families = (
        {"name": "prod", "kubernetes_network_config": [{"ip_family": family}]}
        for family in ("ipv4", "ipv6")
    )
    anew = resource("aws_eks_cluster", "prod", *families, actions=["delete", "create"])
    moved = reviewed(
        anew, *own_role("a", POD_TRUST), *own_role("b", POD_TRUST), association("a", "b")
    )
    roles = "aws_iam_role.a (EKS Pod Identity) -> aws_iam_role.b (EKS Pod Identity)"
    modes = "aws_eks_cluster.prod, IPv4 -> IPv6"
    assert colours(moved, modes, roles) == {modes: BOLD, roles: BOLD}


NARROW = """
  error     Anyone with the policy can now call
            s3:PutObject on
            arn:aws:s3:::
            a-name-that-no-narrow-terminal-shows
            /in/a/folder/*
            allowed: s3:PutObject on
              arn:aws:s3:::
              a-name-that-no-narrow-terminal-sho
              ws/in/a/folder/*
            example: s3:PutObject on
              arn:aws:s3:::
              a-name-that-no-narrow-terminal-sho
              ws/in/a/folder/example
            aws_iam_policy.p policy
              [new-access]
"""
NARROW_CHANGE = """
update: aws_iam_policy.p policy
  + allowed           s3:PutObject on
                      arn:aws:s3:::
                      a-name-that-no-narrow-term
                      inal-shows/in/a/folder/*
  moved from aws_iam_policy.q
  new access, for instance s3:PutObject on
    arn:aws:s3:::
    a-name-that-no-narrow-terminal-shows/in/a/
    folder/example
"""


def test_lines_of_a_narrow_terminal_are_indented_and_broken_between_parts() -> None:
    folder = "arn:aws:s3:::a-name-that-no-narrow-terminal-shows/in/a/folder/*"
    after = document(allow("s3:GetObject"), allow("s3:PutObject", folder))
    review = reviewed(policy("p", READ, after, previous_address="aws_iam_policy.q"))
    text = write(review, Setting(width=48, details=True))
    assert NARROW in text and NARROW_CHANGE in text
    # What just fits a line is in it.
    assert max(len(line) for line in text.splitlines()) == 48


@pytest.mark.parametrize(("more", "who"), [([], "Nobody"), (["ec2:RunInstances"], "Nobody else")])
def test_who_can_do_more_may_be_the_plugin_alone(more: list[str], who: str) -> None:
    """Its new role is in the row above, and not said again as a detail."""
    stronger = document(*json.loads(CNI)["Statement"], *map(allow, more))
    roles = (*own_role("old", POD_TRUST, CNI), *own_role("new", POD_TRUST, stronger))
    review = reviewed(*roles, association("old", "new"))
    screen = first_screen(review)
    assert f"\nWho can do more\n  {who}, as far as the plan says.\n" in screen
    assert "aws_iam_role.old (EKS Pod Identity) -> aws_iam_role.new (EKS Pod Identity)\n" in screen
    assert ("            example: ec2:RunInstances" in screen) is bool(more)
    unknown = first_screen(reviewed(*roles, association("old", "elsewhere")))
    assert "after: " not in unknown and "whether that allows more is not known" in unknown
    assert "after: " not in screen and "  after: aws_iam_role.new" in with_details(review)


def test_the_first_screen_has_the_evidence_of_what_counts_and_not_of_notes() -> None:
    """Of new access an example; of a call that is lost what it breaks."""
    statements = json.loads(CNI)["Statement"]
    fewer = {**statements[0], "Action": statements[0]["Action"][1:]}
    lost = policy("cni", CNI, document(fewer, *statements[1:]))
    review = reviewed(policy("more", READ, WRITE), role("r", None, NODE_TRUST), lost)
    lines = [line.strip() for line in first_screen(review).splitlines()]
    after = {line.split(" [")[1]: lines[n - 1] for n, line in enumerate(lines) if " [" in line}
    assert after["new-access]"].startswith("example: s3:PutObject on ")
    assert after["coverage-lost]"].startswith(
        "ec2:AssignPrivateIpAddresses: no pod gets an address"
    )
    assert after["new-policy]"].startswith("note      A new role can be assumed")
    assert "allowed: s3:PutObject on *" not in lines
    details = with_details(review)
    assert "example: sts:AssumeRole by ec2" in details and "allowed: s3:PutObject on *" in details


def trusted_by(service: str, address: str = "") -> Json:
    principal = {"Principal": {"Service": f"{service}.amazonaws.com"}}
    trust = document({"Effect": "Allow", "Action": "sts:AssumeRole", **principal})
    return role(service, None, trust, address=address or f"aws_iam_role.{service}")


def test_the_first_screen_has_three_notes_and_the_number_of_the_others() -> None:
    services = ("ec2", "ecs", "eks", "lambda", "states")
    first, details = (
        show(reviewed(*map(trusted_by, services))) for show in (first_screen, with_details)
    )
    assert (first.count("[new-policy]"), details.count("[new-policy]")) == (3, 5)
    assert "  and 2 notes more (--details)\n" in first and "more (" not in details
    three = first_screen(reviewed(*map(trusted_by, services[:3])))
    assert three.count("[new-policy]") == 3 and "(--details)" not in three


@pytest.mark.parametrize(
    ("level", "address", "shown"),
    [
        ("warning", "aws_iam_policy.p[{}]", ("first 0", "second 0")),
        ("error", "aws_iam_policy.p[{}]", ("first 0", "second 0", "first 1", "second 1")),
        ("warning", "aws_iam_policy.p{}", ("first 0", "second 0", "first 1", "second 1")),
        ("warning", "", ("first 0", "second 0", "first 1", "second 1")),
    ],
)
def test_warnings_of_one_block_are_together_in_their_order_and_errors_are_apart(
    level: Level, address: str, shown: tuple[str, ...]
) -> None:
    review = reviewed(policy("p", READ, WRITE))
    (finding,) = review.findings
    findings = tuple(
        replace(finding, level=level, address=address.format(number), message=f"{which} {number}")
        for number in (0, 1)
        for which in ("first", "second")
    )
    lines = re.findall(
        rf"{level}  +(\w+ \d)$", first_screen(replace(review, findings=findings)), re.M
    )
    assert tuple(lines) == shown
    also = "            with other values (--details): aws_iam_policy.p[1] policy\n"
    assert first_screen(replace(review, findings=findings)).count(also) == 4 - len(shown)
    details = with_details(replace(review, findings=findings))
    assert all(finding.message in details for finding in findings)


def test_two_ignored_findings_are_on_the_first_screen_and_all_with_details() -> None:
    review = reviewed(*(policy(f"p{n}", READ, WRITE) for n in range(4)))
    for count, more in ((2, ""), (3, "and 1 more ignored (--details)\n")):
        ignored = tuple(Ignored(f, "agreed", "") for f in review.findings[:count])
        left = replace(review, findings=review.findings[count:], ignored=ignored)
        assert first_screen(left).count("ignored: new-access aws_iam_policy.p") == 2
        assert with_details(left).count("ignored: new-access aws_iam_policy.p") == count
        assert more in first_screen(left) and "more ignored" not in with_details(left)
        assert ("more ignored" in first_screen(left)) is bool(more)


def test_a_section_whose_findings_are_all_ignored_says_so() -> None:
    review = reviewed(policy("p", READ, WRITE))
    ignored = tuple(Ignored(f, "agreed", "") for f in review.findings)
    screen = first_screen(replace(review, findings=(), ignored=ignored))
    assert "\nWho can do more\n  Only what is ignored, see below.\n" in screen
    assert "\nOther changes\n  None.\n" in screen and "No finding about the plugin." in screen


UNCHANGED = "Nothing in the plan changes an IAM policy."


def test_a_plan_without_changes_says_so_and_that_nobody_can_do_more() -> None:
    still, changed = reviewed(policy("p", READ, READ)), reviewed(policy("p", READ, WRITE))
    assert f"(--fail-on warning)\n{UNCHANGED}\n\n" in first_screen(still)
    assert first_screen(still).endswith("\n  None.\n\nUnknown until apply: nothing.\n")
    assert "\nWho can do more\n  Nobody, as far as the plan says.\n" in first_screen(still)
    assert with_details(still).endswith(f"\n\nChanges of policies\n  {UNCHANGED}\n")
    assert UNCHANGED not in with_details(changed) and "Nobody" not in with_details(changed)


def test_without_a_cluster_the_roles_of_the_plugin_are_named() -> None:
    other = {"role": "other", "name": "m"}
    changes = [
        *own_role("stays", irsa(), CNI),
        *own_role("changes", irsa()),
        *own_role("other", NODE_TRUST),
        resource("aws_iam_role_policy", "m", {**other, "policy": READ}, {**other, "policy": WRITE}),
        resource("aws_iam_role_policy", "n", None, {"role": "changes", "name": "n", "policy": CNI}),
    ]
    screen = first_screen(reviewed(*changes))
    assert f"  version   the plan names none; judged by {newest()}, ipv4 or ipv6\n" in screen
    assert re.findall(r"^  role      (.*)$", screen, re.MULTILINE) == [
        "aws_iam_role.changes, its policies change",
        "aws_iam_role.stays, its policies stay",
    ]


@pytest.mark.parametrize(("version", "shown"), [("23.2", False), ("22.1", True)])
def test_an_update_that_the_rows_of_the_plugin_say_is_no_finding_of_the_first_screen(
    version: str, *, shown: bool
) -> None:
    """Unless it is more than a note: here, what calls the role does not allow."""
    sides = ({"addon_version": f"v1.{v}-eksbuild.1"} for v in ("23.1", version))
    review = reviewed(addon(*sides))
    assert ("[plugin-version-changed]" in first_screen(review)) is shown
    assert "[plugin-version-changed]" in with_details(review)


def test_changes_that_look_alike_are_one_with_the_names_of_the_others() -> None:
    changes = [policy("p", READ, WRITE, address=f"aws_iam_policy.p[{n}]") for n in range(3)]
    assert "\n            also aws_iam_policy.p[1] policy and 1 more\n" in first_screen(
        reviewed(*changes)
    )
    _, _, told = with_details(reviewed(*changes)).partition("Changes of policies\n")
    assert told.startswith(
        "\nupdate: aws_iam_policy.p[0] policy\n"
        "            also aws_iam_policy.p[1] and 1 more\n  + allowed "
    )
    assert told.count("update: ") == 1


ARN = "arn:aws:iam::111122223333:policy/p"
STATEMENTS = json.loads(CNI)["Statement"]
FEWER = document({**STATEMENTS[0], "Action": STATEMENTS[0]["Action"][1:]}, *STATEMENTS[1:])
TABLES = [allow("dynamodb:GetItem", f"arn:aws:dynamodb:*:*:table/t{n}") for n in range(20)]


def managed(before: str, after: str, **more: Any) -> Json:
    sides = ({"name": "p", "arn": ARN, "policy": text} for text in (before, after))
    return resource("aws_iam_policy", "p", *sides, **more)


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (
            READ,
            WRITE,
            [
                f"imported as {ARN}",
                "moved from aws_iam_policy.q",
                "applies to aws_iam_role.r",
                "permissions boundary of aws_iam_role.limited",
                "new access, for instance s3:PutObject on ",
            ],
        ),
        (
            CNI,
            FEWER,
            [
                "no new access (proven)",
                "nearest to ipv4 of 2026-09-29",
                "  statement 1 (ec2:AssignPrivateIpAddresses and 12 more): "
                "action ec2:AssignPrivateIpAddresses is missing",
            ],
        ),
        (FEWER, CNI, ["new access, for instance ec2:Ass", "equal to ipv4 of 2026-09-29"]),
        # What only moves within a policy leaves the differences from the catalog as they were.
        (
            document(*STATEMENTS, *TABLES),
            document(*STATEMENTS, *reversed(TABLES)),
            ["nearest to ipv4 of 2026-09-29", "  and 20 more differences"],
        ),
        (CNI, document(*STATEMENTS, *TABLES), ["  statement 14 ", "  and 8 more differences"]),
        (READ, "none", ["after: line 1, column 1: is not JSON", "new access cannot be ruled out"]),
        (
            READ,
            document(
                *TABLES, *(allow("s3:GetObject", f"arn:aws:s3:::{n:070}/*") for n in range(60))
            ),
            ["managed policy: 10368 of 6144 characters"],
        ),
    ],
)
def test_a_change_has_what_else_there_is_to_say_of_it_in_order(
    before: str, after: str, lines: list[str]
) -> None:
    more = {"previous_address": "aws_iam_policy.q", "importing": {"id": ARN}}
    values = {"name": "limited", "permissions_boundary": ARN, "assume_role_policy": NODE_TRUST}
    review = reviewed(
        managed(before, after, **more),
        same("aws_iam_role", "limited", values),
        *own_role("r", NODE_TRUST),
        attachment("r", ARN),
    )
    text = with_details(review)
    places = [text.find(f"\n  {line}") for line in lines]
    assert -1 not in places and places == sorted(places), text
    assert "and 0 more" not in text


def test_names_with_which_a_policy_is_one_of_the_catalog_are_told() -> None:
    (variant,) = variants.find(["ipv4-scoped"])
    names = parameters.values({"cluster_name": "prod", "vpc_id": "vpc-0123456789abcdef0"})
    scoped = parameters.substitute(compose(variant, select(cni_version="latest")).policy, names)
    text = with_details(reviewed(policy("p", None, dumps(scoped)), policy("q", None, CNI)))
    assert re.findall("  equal to (.*)", text) == [
        "ipv4-scoped of 2026-09-29 with cluster_name = prod, vpc_id = vpc-0123456789abcdef0",
        "ipv4 of 2026-09-29",
    ]


ON_KEY = "s3:PutObject on arn:aws:s3:::b/k"
PUT = Example("s3:PutObject", "arn:aws:s3:::b/k", "", (), "")


@pytest.mark.parametrize(
    ("access", "tone", "text"),
    [
        (Access("no new access"), "good", "no new access (proven)"),
        (
            Access("new access", PUT),
            "bad",
            "new access, for instance s3:PutObject on arn:aws:s3:::b/k",
        ),
        (Access("new access", reason="why"), "bad", "new access: why"),
        (
            Access("not proven", PUT, "p was not read"),
            "warn",
            "new access is neither proven nor ruled out: p was not read; "
            f"what was read newly allows, for instance, {ON_KEY}",
        ),
        (Access("unknown", reason="why"), "warn", "new access cannot be ruled out"),
    ],
)
def test_a_verdict_says_how_sure_it_is_with_its_reason_and_an_example(
    access: Access, tone: str, text: str
) -> None:
    assert wording.verdict(access) == (tone, text)
    assert text.startswith(wording.verdict_name(access))


def unread(kind: str, number: int) -> list[Json]:
    return [resource(kind, f"r{n}", None, {"policy_document": READ}) for n in range(number)]


def unknown(number: int) -> list[Json]:
    sides = ({"name": "p", "policy": READ}, {"name": "p"})
    later = {"after_unknown": {"policy": True}}
    return [resource("aws_iam_policy", f"p{n}", *sides, **later) for n in range(number)]


def named(kind: str, values: Json, **unknown: Any) -> list[Json]:
    return [resource(kind, "n", None, values, after_unknown=unknown)]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ([], "Unknown until apply: nothing."),
        (unknown(1), "Unknown until apply: aws_iam_policy.p0 policy."),
        (unknown(2), "Unknown until apply: aws_iam_policy.p0 policy and 1 more."),
        (unknown(3), "Unknown until apply: aws_iam_policy.p0 policy and 2 more."),
        # Of what names users or policies, the list may be unknown, and a name that is not said.
        (
            named("aws_iam_group_membership", {"group": "g", "users": ["a"]}, users=[True]),
            'Unknown until apply: aws_iam_group_membership.n users["(known after apply)"].',
        ),
        (
            named("aws_iam_group_membership", {"group": "g", "users": ["a"]}),
            "Unknown until apply: nothing.",
        ),
        (
            unread("awscc_iam_role_policy", 2),
            "Unknown until apply: nothing. Not read, though it may give access: 2 about access.",
        ),
        (
            unread("aws_s3_bucket", 1),
            "Unknown until apply: nothing. Not read: 1 changing resource of other types, with the "
            "policies that they have themselves.",
        ),
        (
            [*unread("aws_s3_bucket", 2), *unread("awscc_iam_role_policy", 1)],
            "Unknown until apply: nothing. Not read, though it may give access: 1 about access. "
            "Not read: 2 changing resources of other types, with the policies that they have "
            "themselves.",
        ),
    ],
)
def test_the_last_line_says_what_is_not_known_and_not_read(changes: list[Json], line: str) -> None:
    assert first_screen(reviewed(*changes)).endswith(f"\n\n{line}\n")


def test_what_is_not_read_is_about_the_plugin_only_where_it_names_that() -> None:
    settings = {"metadata": [{"name": "amazon-vpc-cni", "namespace": "kube-system"}]}
    text = first_screen(
        reviewed(
            *unread("awscc_iam_role_policy", 1),
            resource("kubernetes_config_map", "cni", settings, None),
        )
    )
    plugin, access, _ = re.split("\nWho can do more\n|\nOther changes\n", text)
    assert "\n            kubernetes_config_map.cni [unread-resource]" in plugin
    assert "\n            awscc_iam_role_policy.r0 [unread-resource]" in access


@pytest.mark.parametrize(
    ("target", "version", "judged"),
    [
        (ReviewTarget(newest()), "v1.21.2-eksbuild.1", ""),
        (
            ReviewTarget(find("v1.22.1"), chosen=True),
            "v1.21.2-eksbuild.1",
            "; judged by v1.22.1 (--cni-version)",
        ),
        (ReviewTarget(newest()), "v9.9.9-eksbuild.1", f"; judged by {newest()}, the newest known"),
    ],
)
def test_the_version_that_policies_are_judged_by_is_told_where_it_is_another(
    target: ReviewTarget, version: str, judged: str
) -> None:
    update = plan(addon(*[{"addon_version": version}] * 2))
    review = run_review(read_plan(update, "plan.json"), target)
    assert f"  version   {version}{judged}, aws_eks_addon.vpc_cni\n" in first_screen(review)


@pytest.mark.parametrize(("mode", "judged"), [("ipv6", "ipv6"), (None, "ipv4 or ipv6")])
def test_without_a_cluster_policies_are_judged_by_the_mode_that_is_asked_for(
    mode: Mode | None, judged: str
) -> None:
    target = ReviewTarget(newest(), mode)
    review = run_review(read_plan(plan(policy("p", READ, READ)), "plan.json"), target)
    assert f"judged by {newest()}, {judged}\n" in first_screen(review)


def addon_of(name: str, before: str = "21.2", **more: Any) -> Json:
    sides = (
        {"cluster_name": name, "addon_name": "vpc-cni", "addon_version": f"v1.{v}-eksbuild.1"}
        for v in (before, "23.2")
    )
    return resource("aws_eks_addon", name, *sides, **more)


def test_clusters_that_change_are_first_and_those_that_differ_in_their_key_are_one() -> None:
    stay = [addon_of(name, "23.2") for name in "abc"]
    alike = [addon_of(name, address=f'aws_eks_addon.all["{name}"]') for name in "xyz"]
    review = reviewed(*stay, *alike)
    first, details = first_screen(review), with_details(review)
    assert re.findall("  cluster   (.*),", first) == ["x", "a"]
    assert re.findall("  cluster   (.*),", details) == ["x", "a", "b", "c"]
    assert "\n  also      y and 1 more\n" in first and "\n  also      y, z\n" in details
    assert colours(review, "y, z") == {"y, z": ""}


def test_a_session_policy_that_changes_is_told_beside_the_role_that_stays() -> None:
    values = {"namespace": "kube-system", "service_account": "aws-node", "cluster_name": "prod"}
    sides = ({**values, "role_arn": arn_of("pod"), "policy": text} for text in (READ, CNI))
    change = resource("aws_eks_pod_identity_association", "x", *sides)
    text = first_screen(reviewed(*own_role("pod", POD_TRUST, CNI), change))
    limited = "EKS Pod Identity, limited by aws_eks_pod_identity_association.x"
    assert f"  identity  aws_iam_role.pod ({limited}), its session policy changes\n" in text


def test_clusters_are_apart_and_the_third_is_counted() -> None:
    two, three, four = (reviewed(*map(addon_of, "abcd"[:count])) for count in (2, 3, 4))
    assert "\n\n  cluster   b, IPv4\n" in first_screen(two) and "more cluster" not in first_screen(
        two
    )
    assert "\n  and 1 more cluster (--details)\n" in first_screen(three)
    assert "\n  and 2 more clusters (--details)\n" in first_screen(four)
    assert "  cluster   d, IPv4\n" in with_details(four) and " more cluster" not in with_details(
        four
    )

"""Reviews as plain data, put together by hand, that the formats are tested with."""

from typing import Any

from msgspec.structs import replace

from hostile_text import EVIL
from vpc_cni_iam.coverage.judge.verdict import Verdict
from vpc_cni_iam.levels import Level
from vpc_cni_iam.policy.diff import Change
from vpc_cni_iam.review.locate import SourcePlace
from vpc_cni_iam.review.report.rule_texts import shown_rules
from vpc_cni_iam.review.report.shown import (
    ShownFinding,
    ShownIgnored,
    ShownLine,
    ShownPlugin,
    ShownPolicy,
    ShownReview,
)
from vpc_cni_iam.review.report.words import fails
from vpc_cni_iam.review.rules import Rule, every

RULES = {str(rule): rule for rule in every()}
PLACE = SourcePlace("main.tf", 42, 60)


def finding(
    rule: Rule, message: str, address: str = "aws_iam_policy.p", **more: Any
) -> ShownFinding:
    """A finding with the level and the meanings of its rule."""
    values = {
        "level": rule.level,
        "means": rule.means,
        "subject": "",
        "attribute": "policy" if address else "",
        "details": (),
        "fix": "",
        "place": PLACE if address else None,
        "fingerprint": "0123456789abcdef",
    }
    return ShownFinding(rule=rule, address=address, message=message, **{**values, **more})


PLUGIN = ShownPlugin(
    cluster="prod",
    region="",
    answer="works with v1.23.2 (IPv4)",
    verdict=Verdict.works,
    version_before="v1.22.1",
    version_after="v1.23.2",
    judged_version="v1.23.2",
    mode="ipv4",
    identity_before="IRSA",
    identity_after="IRSA",
    roles_before=("aws_iam_role.cni",),
    roles_after=("aws_iam_role.cni",),
    missing=(),
)
BROKEN = replace(
    PLUGIN,
    cluster="dev",
    answer="fails with v1.23.2 (IPv4): ec2:DescribeSubnets is denied",
    verdict=Verdict.fails,
    missing=("ec2:DescribeSubnets",),
)
NEW_ACCESS = finding(
    RULES["new-access"],
    "aws_iam_role.cni can now call ec2:TerminateInstances on *",
    "aws_iam_policy.cni",
    subject="aws_iam_role.cni",
    details=(
        "also: ec2:StopInstances on *",
        "example: ec2:TerminateInstances on "
        "arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0",
    ),
    fix="Remove it from aws_iam_policy.cni, or narrow its actions and resources",
)
MISSING = finding(
    RULES["plugin-permission-missing"],
    "aws-node in dev calls ec2:DescribeSubnets, which aws_iam_role.cni does not allow",
    "aws_eks_addon.vpc_cni",
    attribute="addon_version",
    details=("ec2:DescribeSubnets: nodes do not start",),
    fix="Allow ec2:DescribeSubnets in aws_iam_policy.cni",
)
WIDENED = finding(
    RULES["trust-widened"],
    "aws_iam_role.cni can now be assumed by any service account named aws-node",
    "aws_iam_role.cni",
    attribute="assume_role_policy",
)
CLEAN = finding(RULES["new-policy"], "aws_iam_role.new gets ipv4-scoped", level=Level.NOTE)
REWRITTEN = finding(RULES["rewritten"], "The policy allows the same", "aws_iam_policy.z")
COMMAND = finding(
    RULES["unread-resource"], "local-exec runs a command", "null_resource.x", level=Level.NOTE
)
POLICY = ShownPolicy(
    owner="aws_iam_role.cni",
    kind="attached policy",
    policy="aws_iam_policy.cni",
    address="aws_iam_policy.cni",
    attribute="policy",
    action=Change.changed,
    lines=(
        ShownLine(Change.added, "statement 1 (ec2:DescribeTags): action ec2:RunInstances is added"),
        ShownLine(Change.removed, "statement 2 (s3:GetObject): is removed"),
    ),
    place=PLACE,
)


def review(
    *findings: ShownFinding, fail_on: tuple[str, ...] = ("warning",), **more: Any
) -> ShownReview:
    """A review with these findings."""
    values: dict[str, Any] = {
        "plan": "plan.json",
        "engine": "1.15.5",
        "plugins": (),
        "ignored": (),
        "policies": (),
        "rules": shown_rules(),
        "read": 2,
        "not_read": (),
        "others": 0,
        "not_shown": (),
    }
    failed = any(fails(f, fail_on) for f in findings)
    return ShownReview(findings=findings, fail_on=fail_on, failed=failed, **{**values, **more})


def example() -> ShownReview:
    """A review with something in each part."""
    return review(
        *(NEW_ACCESS, MISSING, WIDENED, CLEAN, REWRITTEN),
        plugins=(PLUGIN, BROKEN),
        policies=(POLICY,),
        ignored=(ShownIgnored(replace(WIDENED, address="aws_iam_role.old"), "agreed", ""),),
        read=12,
        not_read=("aws_iam_account_password_policy.x", "awscc_iam_role.y"),
        others=30,
    )


def hostile() -> ShownReview:
    """A review in which every text that can come from outside is hostile."""
    place = SourcePlace(f"../{EVIL}/ä#?.tf", 7, 9)
    findings = tuple(
        finding(
            rule,
            f"{EVIL} can now call {EVIL}",
            f'module.m["{EVIL}"].aws_iam_policy.p["{EVIL}"]',
            level=level,
            attribute=EVIL,
            subject=EVIL,
            details=(EVIL, f"example: {EVIL}"),
            fix=EVIL,
            place=place,
            fingerprint=f"{number:016x}",
        )
        for number, (rule, level) in enumerate(
            (rule, level)
            for rule in (
                RULES["new-access"],
                RULES["coverage-lost"],
                RULES["drift"],
                RULES["rewritten"],
            )
            for level in reversed(Level)
        )
    )
    plugin = ShownPlugin(
        *(
            EVIL,
            EVIL,
            f"fails with {EVIL}",
            Verdict.fails,
            EVIL,
            f"{EVIL}2",
            EVIL,
            EVIL,
            EVIL,
        ),
        f"{EVIL}2",
        *((EVIL,), (EVIL,), (EVIL,)),
    )
    policies = tuple(
        ShownPolicy(EVIL, "policy", EVIL, EVIL, EVIL, change, (ShownLine(change, EVIL),), place)
        for change in Change
    )
    return review(
        *findings,
        plan=f"{EVIL}\udcff",
        engine=EVIL,
        plugins=(plugin,),
        ignored=(ShownIgnored(findings[0], EVIL, "2027-01-31"),),
        policies=policies,
        not_read=(EVIL,),
        not_shown=(EVIL,),
    )


def many(count: int) -> ShownReview:
    """A review with so many findings that differ."""
    return review(
        *(
            replace(NEW_ACCESS, address=f"aws_iam_policy.p[{n}]", message=f"Message {n}")
            for n in range(count)
        )
    )


def every() -> list[ShownReview]:
    """Reviews of all kinds."""
    return [review(), example(), hostile(), many(30)]

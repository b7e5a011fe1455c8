"""Reviews that the reports are tested with."""

import datetime
import json
from functools import lru_cache
from pathlib import Path

from msgspec.structs import replace
from vpc_cni_iam.review.account.locate import Locator
from vpc_cni_iam.review.diff.changes import Place

from conftest import ROOT
from hostile_text import EVIL
from synthetic import WANTED, allow, attachment, document, plan, policy, resource, role
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.review.findings import Finding, Review
from vpc_cni_iam.review.ignore import Entry
from vpc_cni_iam.review.run import Ignoring, review

PLANS = sorted((ROOT / "tests" / "review" / "plans").glob("*.terraform-1.15.5.json"))
CONFIGURATIONS = ROOT / "tests" / "review" / "configurations"
NODES = {"Service": "ec2.amazonaws.com"}


@lru_cache(1)
def hostile() -> Review:
    """A review in which every text that can come from outside is hostile."""
    address = f'module.m["{EVIL}"].aws_iam_policy.p["{EVIL}"]'
    cni = [
        allow("ec2:AssignPrivateIpAddresses", f"arn:{EVIL}"),
        allow(f"ec2:{EVIL}", EVIL, Condition={"StringLike": {EVIL: [EVIL]}}),
    ]
    trust = document(
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {**NODES, "AWS": EVIL}}
    )
    inline = resource(
        "aws_iam_role_policy",
        "i",
        {"name": EVIL, "role": EVIL, "policy": document(cni[0])},
        {"name": EVIL, "role": EVIL, "policy": document(*cni)},
        address=f'aws_iam_role_policy.i["{EVIL}"]',
        previous_address=EVIL,
    )
    changes = (
        policy(EVIL, None, document(*cni), address=address, importing={"id": EVIL}),
        policy("q", document(allow("ec2:A")), f"not a policy {EVIL}", previous_address=EVIL),
        role(EVIL, None, trust, address=f'aws_iam_role.r["{EVIL}"]'),
        attachment(EVIL, f"arn:aws:iam::aws:policy/{EVIL}", sides=(None, {})),
        attachment(EVIL, "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy", name="b"),
        inline,
    )
    entries = (
        Entry("not-proven", "module.m*", EVIL, None),
        Entry("size-limit", EVIL, EVIL, datetime.date(2001, 1, 1)),
    )
    ignored = Ignoring(entries, EVIL, datetime.date(2027, 1, 1))
    text = json.dumps(json.loads(plan(*changes))).encode()
    result = review(read_plan(text, f"{EVIL}\udcff"), WANTED, ignored=ignored)
    assert result.findings and result.ignored and any(p.matrix for p in result.principals)
    place = Place(f"../{EVIL}/ä#?.tf", 7, 9)
    return replace(
        result,
        findings=tuple(replace(f, place=place if f.address else None) for f in result.findings),
        changes=tuple(replace(c, place=place) for c in result.changes),
    )


@lru_cache
def of_plan(path: Path) -> Review:
    """The review of a plan that an engine made."""
    folder = CONFIGURATIONS / path.name.partition(".")[0]
    after = folder / "after"
    directory = after if after.is_dir() else folder
    made = read_plan(path.read_bytes(), path.name)
    return review(made, WANTED, locator=Locator(directory, made.configuration))


def every() -> list[Review]:
    return [hostile(), *map(of_plan, PLANS)]


def many(count: int) -> Review:
    """A review with so many findings that differ."""
    plan = hostile()
    item = plan.findings[0]

    def finding(number: int) -> Finding:
        return replace(item, address=f"aws_iam_policy.p[{number}]", message=f"message {number}")

    return replace(plan, findings=tuple(map(finding, range(count))))

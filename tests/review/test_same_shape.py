"""Policies that differ in names alone are judged once, and answered with their own names."""

import json
import random
import re
from collections.abc import Callable
from typing import Any

import pytest

from synthetic import Json, allow, attachment, document, policy, resource, reviewed, role
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.review.report import json as json_report
from vpc_cni_iam.review.report_formats import Setting

TAG = "aws:ResourceTag/cluster.k8s.amazonaws.com/name"
OWNED = "aws:ResourceTag/kubernetes.io/cluster/"
VPC = "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-{}"
# Names that are not only names: a part of an ARN, a word of IAM or of the plugin, a number, a
# prefix of another, another in another case, an example, a word of an answer, a stand-in.
CLUSTERS = (
    *("prod", "prod-1", "Prod", "a", "aws", "ec2", "true", "12", "owned", "Action", "Allow"),
    *("example", "allowed", "cluster_3", "cluster-12", "cluster-1", "stand-in-cluster"),
)
# By this address a plan has the stand-in itself, so that no name may have it.
WITHOUT = policy("stand-in-cluster", document(allow("ec2:A")), document(allow("ec2:A")))


def text(rnd: random.Random, cluster: str, vpc: str) -> str:
    conditions: list[Json] = [
        {"StringEquals": {TAG: cluster}},
        {"StringEquals": {TAG: cluster, f"{OWNED}{cluster}": "owned"}},
        {"StringEquals": {TAG: [cluster, rnd.choice(CLUSTERS)]}},
        {"StringNotEquals": {TAG: cluster}},
        {"StringLike": {TAG: rnd.choice((f"{cluster}*", "prod*", "*", cluster))}},
        {"StringEqualsIgnoreCase": {TAG: rnd.choice((cluster, cluster.upper()))}},
        {"ArnEquals": {"ec2:Vpc": VPC.format(vpc)}},
        {"ArnLike": {"ec2:Vpc": rnd.choice((VPC.format("*"), VPC.format(f"{vpc}*")))}},
        {"Bool": {"aws:SecureTransport": "true"}},
        {"Bool": {TAG: "true"}},
        {"Null": {TAG: "true"}},
        {"NumericLessThan": {TAG: "12"}},
    ]
    resources = (
        "*",
        "arn:aws:ec2:*:*:network-interface/*",
        VPC.format(vpc),
        f"arn:aws:logs:eu-west-1:111122223333:log-group:/aws/eks/{cluster}/cluster:*",
        f"arn:aws:s3:::{cluster}/*",
    )
    actions = ("ec2:CreateTags", "ec2:*Tags", ["ec2:AssignPrivateIpAddresses", "s3:GetObject"], "*")
    results = []
    for _ in range(rnd.randint(1, 4)):
        more = {"Condition": rnd.choice(conditions)} if rnd.random() < 0.8 else {}
        more |= {"Sid": cluster} if rnd.random() < 0.1 and cluster.isalnum() else {}
        statement = allow(rnd.choice(actions), rnd.choice(resources), **more)
        results.append({**statement, "Effect": "Deny"} if rnd.random() < 0.2 else statement)
    return document(*results)


def fleet(seed: int) -> list[Json]:
    """Policies of a few shapes for many clusters, some of them inline policies of two roles."""
    rnd = random.Random(seed)
    changes = [role(f"r{n}", None, document(allow("sts:AssumeRole"))) for n in range(2)]
    for number in range(8):
        cluster, vpc = rnd.choice(CLUSTERS), f"{rnd.randrange(16**8):08x}"
        shape = random.Random(seed * 4 + rnd.randrange(4))
        sides = [text(shape, cluster, vpc) if shape.random() < 0.8 else None for _ in range(2)]
        if not any(sides):
            continue
        if shape.random() < 0.5:
            address = f'aws_iam_policy.p["{cluster}-{number}"]'
            changes.append(policy(f"p{number}", *sides, address=address))
        else:
            values = {"name": f"i{number}", "role": f"r{number % 2}"}
            inline = [{**values, "policy": side} if side else None for side in sides]
            changes.append(resource("aws_iam_role_policy", f"i{number}", *inline))
    return changes


def told(changes: list[Json]) -> Any:
    """What a review says, but of the policy by which a plan has the stand-in."""
    result = json.loads(json_report.write(reviewed(*changes), Setting()))
    return {
        name: [item for item in result[name] if "stand-in" not in item.get("address", "")]
        for name in ("changes", "principals", "findings")
    }


@pytest.mark.parametrize("seed", range(20))
def test_an_answer_is_the_same_with_and_without(seed: int) -> None:
    changes = fleet(seed)
    assert told(changes) == told([*changes, WITHOUT])


def tagged(action: str, operator: str, name: str, *, key: str = TAG) -> Json:
    return allow(action, Condition={operator: {key: name}})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # An example is in another case.
        ([], [tagged("ec2:CreateTags", "StringEqualsIgnoreCase", "cluster-7")]),
        # The name is an action.
        ([], [tagged("ec2:AssignPrivateIpAddresses", "StringEquals", "AssignPrivateIpAddresses")]),
        # The name is a part of a key.
        (
            [],
            [
                allow(
                    "ec2:CreateTags",
                    Condition={
                        "StringEquals": {TAG: "PrincipalArn"},
                        "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/example"},
                    },
                )
            ],
        ),
        # The name is there in another case, on a key in another case.
        (
            [],
            [
                allow(
                    "ec2:CreateTags",
                    Condition={
                        "StringEquals": {TAG: "Prod"},
                        "StringEqualsIgnoreCase": {TAG.replace("cluster", "Cluster"): "prod"},
                    },
                )
            ],
        ),
        # One side has the name where a wildcard is beside it.
        (
            [tagged("ec2:CreateTags", "StringLike", "pro*")],
            [tagged("ec2:CreateTags", "StringEquals", "prod")],
        ),
        # One side has the name on a key in another case.
        (
            [
                tagged(
                    "ec2:CreateTags", "StringEquals", "prod", key=TAG.replace("cluster", "CLUSTER")
                )
            ],
            [tagged("ec2:CreateTags", "StringEquals", "prod")],
        ),
    ],
)
def test_a_name_that_matters_has_no_stand_in(before: list[Json], after: list[Json]) -> None:
    same = allow("s3:GetObject", "arn:aws:s3:::example/*")
    changes = [policy("p", document(same, *before), document(same, *after))]
    assert told(changes) == told([*changes, WITHOUT])
    assert "stand-in" not in json_report.write(reviewed(*changes), Setting()).lower()


@pytest.mark.parametrize("place", ["address", "role", "moved", "imported", "attached"])
def test_a_plan_that_has_a_stand_in_among_its_own_names_is_reported_with_them(place: str) -> None:
    def report(name: str) -> str:
        sides = [
            {
                "role": name if place == "role" else "r",
                "name": "p",
                "policy": document(tagged(action, "StringEquals", "prod")),
            }
            for action in ("ec2:CreateTags", "ec2:*Tags")
        ]
        more: dict[str, Any] = {
            "address": {"address": f'aws_iam_role_policy.p["{name}"]'},
            "moved": {"previous_address": f"aws_iam_role_policy.{name}"},
            "imported": {"importing": {"id": f"r:{name}"}},
        }.get(place, {})
        changes = [resource("aws_iam_role_policy", "p", *sides, **more)]
        if place == "attached":
            changes += [attachment("r", f"arn:aws:iam::111122223333:policy/{name}")]
        text = json_report.write(reviewed(*changes), Setting()).replace(name, "NAME")
        return re.sub(r'"fingerprint": "\w+"', "", text)

    assert report("stand-in-cluster") == report("another-cluster")


def test_a_deny_that_goes_is_judged_beside_other_policies_by_its_own_names() -> None:
    tag = {"Condition": {"StringEquals": {TAG: "cluster-7"}}}
    allowed = document(allow("ec2:CreateTags", **tag), allow("s3:GetObject"))
    denied = document({**allow("ec2:CreateTags", **tag), "Effect": "Deny"}, allow("s3:GetObject"))
    values = {"name": "deny", "role": "r"}
    changes = [
        role("r", document(allow("sts:AssumeRole")), document(allow("sts:AssumeRole"))),
        resource("aws_iam_role_policy", "allow", *[{"role": "r", "policy": allowed}] * 2),
        resource(
            "aws_iam_role_policy",
            "deny",
            {**values, "policy": denied},
            {**values, "policy": document(allow("s3:GetObject"))},
        ),
    ]
    (finding,) = (f for f in told(changes)["findings"] if f["rule"] == "new-access")
    assert "aws_iam_role.r may do more than before" in finding["message"]
    assert told(changes) == told([*changes, WITHOUT])


OTHER_TAG = TAG.replace("cluster", "Cluster")
ASSUMED = document(allow("sts:AssumeRole"))


def gets_a_policy(inline: str, attached: str) -> list[Json]:
    """A plan by which a role that has an inline policy gets another policy."""
    values = {"name": "p", "arn": "arn:aws:iam::111122223333:policy/p", "policy": attached}
    coming = {"role": "r", "policy_arn": values["arn"]}
    own = {"name": "i", "role": "r", "policy": inline}
    return [
        role("r", ASSUMED, ASSUMED),
        resource("aws_iam_role_policy", "i", own, own),
        resource("aws_iam_policy", "p", values, values),
        resource("aws_iam_role_policy_attachment", "a", None, coming),
    ]


@pytest.mark.parametrize(
    ("inline", "condition"),
    [
        # Within a policy: by StringEquals alone, both are the name.
        (
            allow("logs:PutLogEvents"),
            {"StringEquals": {TAG: "Prod"}, "StringEqualsIgnoreCase": {OTHER_TAG: "prod"}},
        ),
        # Between two: what is not denied is the name in either case.
        (
            {
                **allow("s3:GetObject"),
                "Effect": "Deny",
                "Condition": {"StringNotEqualsIgnoreCase": {OTHER_TAG: "prod"}},
            },
            {"StringEquals": {TAG: "Prod"}},
        ),
        (
            {
                **allow("s3:GetObject"),
                "Effect": "Deny",
                "Condition": {"StringNotLike": {OTHER_TAG: "pro*"}},
            },
            {"StringEquals": {TAG: "prod"}},
        ),
    ],
)
def test_a_name_that_another_text_has_in_another_form_is_no_other_name(
    inline: Json, condition: Json
) -> None:
    changes = gets_a_policy(document(inline), document(allow("s3:GetObject", Condition=condition)))
    (finding,) = (f for f in told(changes)["findings"] if f["level"] != "note")
    assert finding["rule"] == "new-access"
    assert "aws_iam_role.r can now call s3:GetObject" in finding["message"]


def test_a_name_with_an_escape_in_the_json_is_that_name() -> None:
    denied = {**allow("ec2:*", **of_tag("PROD", "")), "Effect": "Deny"}
    allowed = allow("ec2:CreateTags", **of_tag("prod", ""))
    sides = [
        document(*statements).replace("PROD", "\\u0070rod")
        for statements in ([denied], [denied, allowed])
    ]
    (change,) = reviewed(policy("p", *sides)).changes
    assert change.access and change.access.verdict == "no new access"


def log_group(name: str) -> str:
    return f"arn:aws:logs:eu-west-1:111122223333:log-group:/aws/eks/{name}"


def of_tag(name: str, _vpc: str) -> Json:
    return {"Condition": {"StringEquals": {TAG: name}}}


@pytest.mark.parametrize("over", [0, 1])
def test_a_policy_is_measured_with_its_own_names(over: int) -> None:
    name = "cluster-" + "x" * 90
    tag = {"Condition": {"StringEquals": {TAG: name}}}
    text = document(allow("ec2:CreateTags", "arn:aws:ec2:::", **tag))
    room = 6144 + over - len(text.replace(" ", ""))
    full = text.replace("ec2:::", "ec2:::" + "y" * room)
    findings = reviewed(policy("p", None, full)).findings
    sizes = [f.message for f in findings if f.rule == "size-limit"]
    assert ["6145 characters" in message for message in sizes] == [True] * over
    # One that is as long with a stand-in is measured anew.
    short = reviewed(policy("p", None, full.replace(name, "prod"))).findings
    assert "size-limit" not in {f.rule for f in short}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Policy, ...]]:
    """The new policies of each proof."""
    from vpc_cni_iam.policy.proof import access

    asked: list[tuple[Policy, ...]] = []
    prove = access.no_new_access

    def counted(
        old: tuple[Policy, ...], new: tuple[Policy, ...], *more: object, **named: bool
    ) -> object:
        asked.append(new)
        return prove(old, new, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(access, "no_new_access", counted)
    return asked


def test_roles_with_policies_of_one_shape_are_judged_once(asked: list[tuple[Policy, ...]]) -> None:
    """Whatever else they have that names no cluster."""

    def has(name: str) -> list[Json]:
        tag = {"Condition": {"StringEquals": {TAG: name}}}
        sides = (document(allow(a, **tag)) for a in ("ec2:CreateTags", "ec2:*Tags"))
        own = [{"role": name, "name": "own", "policy": side} for side in sides]
        other = {"role": name, "name": "other", "policy": document(allow("logs:PutLogEvents"))}
        return [
            role(name, ASSUMED, ASSUMED),
            resource("aws_iam_role_policy", f"own-{name}", *own),
            resource("aws_iam_role_policy", f"other-{name}", other, other),
        ]

    reviewed(*has("cluster-1"))
    alone = len(asked)
    assert alone
    reviewed(*(change for number in range(5) for change in has(f"cluster-{number}")))
    assert len(asked) == 2 * alone


@pytest.mark.parametrize(
    "more",
    [
        of_tag,
        lambda name, _: {"Condition": {"StringEquals": {TAG: name, f"{OWNED}{name}": "owned"}}},
        lambda name, _: {
            "Condition": {"StringEqualsIfExists": {TAG.replace("aws:R", "AWS:r"): name}}
        },
        lambda name, _: {"Condition": {"ForAnyValue:StringEquals": {TAG: [name]}}},
        lambda name, vpc: {**of_tag(name, vpc), "Resource": log_group(name)},
        lambda name, vpc: {**of_tag(name, vpc), "Resource": log_group(f"{name}/cluster:*")},
        lambda _, vpc: {"Condition": {"ArnEquals": {"ec2:Vpc": VPC.format(vpc)}}},
        lambda _, vpc: {"Resource": VPC.format(vpc)},
        lambda name, vpc: {**of_tag(name, vpc), "Resource": VPC.format(vpc)},
    ],
)
def test_policies_of_one_shape_are_judged_once(
    asked: list[tuple[Policy, ...]], more: Callable[[str, str], Json]
) -> None:
    def change(number: int) -> Json:
        own = more(f"cluster-{number}", f"{number:08x}")
        texts = [document(allow(a, **own)) for a in ("ec2:CreateTags", "ec2:*Tags")]
        return policy(f"p{number}", *texts)

    reviewed(change(0))
    alone = len(asked)
    review = reviewed(*map(change, range(30)))
    assert alone and len(asked) == 2 * alone
    text = json_report.write(review, Setting())
    names = ("cluster-{}", "vpc-{:08x}")  # of which a policy may have one
    assert any(all(name.format(number) in text for number in range(30)) for name in names)
    assert "stand-in" not in text and "57a4d1" not in text


@pytest.mark.parametrize(
    "more",
    [
        # What is beside the name is a part of it, or another name in another text.
        {"Resource": log_group("cluster-{}x")},
        {"Resource": "arn:aws:s3:::cluster-{}"},
        {"Resource": log_group("x/cluster-{}")},
        {"Resource": VPC.format("{}") + "/cluster-{}"},
        {"Resource": log_group("cluster-{}*")},
        {"Resource": log_group("*cluster-{}")},
        {"Resource": log_group("cluster-{}/?")},
        {"NotResource": log_group("cluster-{}x")},
        {"Sid": "cluster{}"},
        {"Condition": {"StringEquals": {TAG: "1{}"}, "NumericEquals": {TAG: "1{}"}}},
        {"Condition": {"StringEquals": {TAG: "true"}, "Bool": {TAG: "true"}}},
        {"Condition": {"StringLike": {TAG: "cluster-{}", "aws:ResourceTag/name": "cluster-{}"}}},
        {"Condition": {"ArnLike": {"aws:PrincipalArn": "cluster-{}", TAG: "cluster-{}"}}},
    ],
)
def test_a_name_is_no_stand_in_where_more_than_the_name_is_compared(more: Json) -> None:
    def own(number: int) -> Json:
        text = json.dumps(more).replace("{}", str(number))
        condition = {"StringEquals": {TAG: f"cluster-{number}"}}
        if "Sid" in more:
            condition["StringEquals"][TAG] = f"cluster{number}"
        return {"Condition": condition, **json.loads(text)}

    texts = [
        [document(allow(action, **own(n))) for action in ("ec2:CreateTags", "ec2:*Tags")]
        for n in (1, 2)
    ]
    changes = [policy(f"p{n}", *sides) for n, sides in enumerate(texts)]
    assert told(changes) == told([*changes, WITHOUT])

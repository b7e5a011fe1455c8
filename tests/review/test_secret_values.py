"""No run of six characters of a sensitive value is in any report, whatever the value looks like."""

import json
import random
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import run
from eks import CNI, NODE_TRUST, POD_TRUST, arn_of, association, node_group, own_role
from synthetic import (
    Json,
    allow,
    attachment,
    deny,
    document,
    inline,
    managed,
    plan,
    policy_arn,
    resource,
    reviewed,
)
from vpc_cni_iam.errors import InputError
from vpc_cni_iam.inputs.identify import open_account
from vpc_cni_iam.policy.proof import budget
from vpc_cni_iam.review.report.shown import ShownReview
from vpc_cni_iam.review.report_formats import REPORTS, Setting

ALPHABET = string.ascii_letters + string.digits + "-_./"
WILD = ("*", "?", "${", "}", "&{", "<", ">", '"', "\\", "é", "'")
RUN = 6
ACTION = "ec2:AssignPrivateIpAddresses"


def go(value: Any) -> str:
    """Return JSON as Go writes it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def texts(chance: random.Random) -> str:
    parts = [chance.choice(ALPHABET) for _ in range(chance.randint(12, 30))]
    for _ in range(chance.randint(1, 6)):
        parts.insert(chance.randint(0, len(parts)), chance.choice(WILD))
    return "".join(parts)


def digits(chance: random.Random, length: int) -> str:
    return chance.choice("123456789") + "".join(chance.choices(string.digits, k=length - 1))


# Of each kind of value: how it is made, with the parts of it that are random.
KINDS: dict[str, Callable[[random.Random], tuple[Any, list[str]]]] = {
    "text": lambda chance: (value := texts(chance), [value]),
    "account": lambda chance: (value := digits(chance, 12), [value]),
    "account as a number": lambda chance: (int(value := digits(chance, 12)), [value]),
    "fraction": lambda chance: (
        float(value := f"{digits(chance, 3)}.{digits(chance, 9)}1"),
        [value],
    ),
    "cidr": lambda chance: (
        value := f"{'.'.join(str(chance.randint(100, 255)) for _ in range(4))}/32",
        [value],
    ),
    "role ARN": lambda chance: (
        f"arn:aws:iam::{(account := digits(chance, 12))}:role/{(name := texts(chance))}",
        [account, name],
    ),
    "issuer": lambda chance: (
        f"https://oidc.eks.eu-west-1.amazonaws.com/id/{(name := texts(chance))}",
        [name],
    ),
}


def statements(secret: Any) -> Iterator[Json]:
    """Yield statements with a value in each place that it can take."""
    text = str(secret)
    yield allow("s3:GetObject", f"arn:aws:s3:::{text}/y")
    yield allow(ACTION, "*", Condition={"StringLike": {"aws:SourceVpc": [text, f"a-{text}-b"]}})
    yield allow(ACTION, "*", Condition={"NumericEquals": {"aws:MultiFactorAuthAge": secret}})
    yield allow("ec2:*", "*", Condition={"IpAddress": {"aws:SourceIp": text}})
    yield allow("ec2:*", f"arn:aws:ec2:eu-west-1:{text}:instance/*")
    yield allow("ec2:*", "*", Condition={"StringEquals": {f"oidc/{text}:sub": "x"}}, Sid=text)
    yield {"Effect": "Deny", "NotAction": text, "NotResource": [text, f"{text}*"]}
    yield allow(f"ec2:{text}")


def trusts(secret: Any) -> Iterator[Json]:
    text = str(secret)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    yield {**trust, "Principal": {"AWS": text}}
    yield {**trust, "Principal": {"AWS": f"arn:aws:iam::{text}:root"}}
    oidc = f"arn:aws:iam::111122223333:oidc-provider/{text.removeprefix('https://')}"
    issuer = text.removeprefix("https://")
    conditions = {"StringLike": {f"{issuer}:sub": f"system:serviceaccount:{text}:*"}}
    web = {"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": oidc}}
    yield {**trust, **web, "Condition": conditions}
    yield {**trust, **web, "Condition": {"StringEquals": {f"{issuer}:aud": text}}}
    yield {**trust, **web}


def changes(secret: Any, write: Callable[[Any], str]) -> Iterator[Json]:
    """Yield changes that repeat a value where their marks do not say so, and some that say it."""
    text, old = str(secret), document(allow("s3:Get*"))
    made = [json.loads(document(s)) for s in statements(secret)]
    whole = json.loads(document(*statements(secret)))
    for number, value in enumerate([*made, whole]):
        sides = ((None, write(value)), (old, write(value)), (write(value), old))
        for place, (before, after) in enumerate(sides):
            values = [v and {"name": text, "policy": v} for v in (before, after)]
            name = f"p{number}_{place}"
            arn = f"arn:aws:iam::111122223333:policy/{text}"
            if values[0]:
                values[0]["arn"] = arn
            yield resource("aws_iam_policy", name, *values, importing={"id": arn})
    for number, statement in enumerate(trusts(secret)):
        trust = write(json.loads(document(statement)))
        values = [{"name": text, "assume_role_policy": t} for t in (old, trust)]
        yield resource("aws_iam_role", f"r{number}", *values)
        yield resource("aws_iam_role", f"r{number}_back", *reversed(values))
        yield resource("aws_iam_role", f"r{number}_new", None, values[1])
    broken = {"Version": "2012-10-17", "Statement": [{"Effect": text, "Action": "a:B"}]}
    yield resource("aws_iam_policy", "effect", None, {"name": "n", "policy": write(broken)})
    for number, odd in enumerate(
        ({text: 1}, {"Version": text, "Statement": []}, {"Statement": {"Effect": "Allow", text: 1}})
    ):
        yield resource("aws_iam_policy", f"odd{number}", None, {"policy": write(odd)})
    cut = write(whole)[:-4]
    yield resource("aws_iam_policy", "cut", None, {"name": "n", "policy": cut})
    yield attachment(text, f"arn:aws:iam::111122223333:policy/{text}", sides=(None, {}))
    arns = [text, f"arn:aws:iam::{text}:policy/x"]
    attached = {"role": text, "policy_arn": arns[1]}
    yield resource("aws_iam_role_policy_attachment", "b", None, attached)
    values = {"role_name": text, "policy_arns": arns}
    yield resource("aws_iam_role_policy_attachments_exclusive", "x", None, values)
    values = {"role_name": text, "policy_names": [text, f"a-{text}"]}
    yield resource("aws_iam_role_policies_exclusive", "x", None, values)
    values = {"user": text, "groups": [text, "g"]}
    yield resource("aws_iam_user_group_membership", "m", None, values)
    inline = [{"name": text, "policy": write(whole)}, {"name": f"a-{text}", "policy": cut}]
    role = {"name": f"a-{text}", "assume_role_policy": old, "inline_policy": inline}
    role |= {"permissions_boundary": arns[1], "tags": {text: text}, "managed_policy_arns": arns}
    yield resource("aws_iam_role", "everything", None, role)
    yield resource("aws_iam_role", "before", role, None)
    asks = allow("s3:Get*", f"arn:aws:s3:::b/${{aws:PrincipalTag/kubernetes-{text}}}")
    values = {"user": "u", "name": "n", "policy": write(json.loads(document(asks)))}
    yield resource("aws_iam_user_policy", "tagged", values, values)
    tagged = [{"name": "u", "tags": {f"kubernetes-{text}": value}} for value in "ab"]
    yield resource("aws_iam_user", "tagged", *tagged)
    yield resource("aws_iam_user", "later", *tagged, after_unknown={"tags": True})
    yield from eks(secret)
    values = {"role": "x", "name": "x", "policy": json.dumps(whole, indent=3)}
    yield resource("aws_iam_role_policy", "hidden", None, values, after_sensitive={"policy": True})


def eks(secret: Any) -> Iterator[Json]:
    """Yield resources of EKS, and those that say which role nodes and service accounts have."""
    text = str(secret)
    role, other = f"arn:aws:iam::{text}:role/x", "arn:aws:iam::111122223333:role/other"
    env = json.dumps({"env": {"ADDITIONAL_ENI_TAGS": text, text: text, "ENABLE_IPv6": secret}})
    base = {"cluster_name": text, "addon_name": "vpc-cni"}
    for place, more in enumerate(
        (
            {"addon_version": text, "service_account_role_arn": role},
            {"addon_version": "v1.22.1", "service_account_role_arn": text},
            {"configuration_values": env},
            {"configuration_values": f"env:\n  A: {text}\n  {text}: b\n- {text}"},
            {"pod_identity_association": [{"service_account": "aws-node", "role_arn": role}]},
        )
    ):
        plain = {**base, "addon_version": "v1.21.2", "service_account_role_arn": other}
        yield resource("aws_eks_addon", f"a{place}", plain, {**base, **more})
        yield resource("aws_eks_addon", f"b{place}", {**base, **more}, plain)
    pods = {"namespace": "kube-system", "service_account": "aws-node", "cluster_name": text}
    sides = [{**pods, "role_arn": arn} for arn in (other, role)]
    yield resource("aws_eks_pod_identity_association", "p", *sides)
    asked = allow(ACTION, "*", Condition={"StringEquals": {f"aws:ResourceTag/{text}": text}})
    sessions = [document(asked), document(asked, allow([ACTION, f"ec2:{text}"], text))]
    sides = [{**pods, "role_arn": other, "policy": policy} for policy in sessions]
    yield resource("aws_eks_pod_identity_association", "s", *sides)
    yield resource("aws_eks_pod_identity_association", "t", *reversed(sides))
    sides = [{"name": "other", "arn": other, "assume_role_policy": document(asked)}] * 2
    yield resource("aws_iam_role", "other", *sides)
    held = {"role": "other", "name": "x", "policy": document(asked, allow(ACTION, text))}
    yield resource("aws_iam_role_policy", "other", held, held)
    yield resource("aws_instance", "i", {"id": "i-1", "tags": {text: text}}, {"id": text})
    yield resource("aws_ec2_tag", "t", {"resource_id": "i-2", "key": text, "value": text}, None)
    yield resource("aws_new_service", "r", {"a": other}, {"a": role, "b": {text: f"{other}{text}"}})
    sides = [{"cluster_name": text, "node_role_arn": arn} for arn in (other, role)]
    yield resource("aws_eks_node_group", "n", *sides)
    chart = {"chart": "aws-vpc-cni", "version": text, "values": [f"image:\n  tag: {text}"]}
    chart["set"] = [{"name": "image.tag", "value": text}, {"name": f"env.{text}", "value": text}]
    yield resource("helm_release", "h", {"chart": "aws-vpc-cni", "version": "1.21.2"}, chart)
    url = {"url": f"https://{text}", "client_id_list": ["sts.amazonaws.com"]}
    yield resource("aws_iam_openid_connect_provider", "o", url, {**url, "client_id_list": [text]})
    yield resource("aws_iam_openid_connect_provider", "g", url, None)
    profiles = [{"iam_instance_profile": [{"name": name}]} for name in ("x", text)]
    yield resource("aws_launch_template", "t", *profiles)
    sides = [{"name": "x", "role": name} for name in ("x", text)]
    yield resource("aws_iam_instance_profile", "i", *sides)
    access = {"principal_arn": role, "policy_arn": f"{text}AmazonEKSClusterAdminPolicy"}
    access["access_scope"] = [{"namespaces": [text]}]
    yield resource("aws_eks_access_policy_association", "a", None, access)
    entry = {"principal_arn": role, "kubernetes_groups": [text]}
    yield resource("aws_eks_access_entry", "e", None, entry)


def marking(chance: random.Random, secret: Any) -> tuple[list[Json], Json]:
    """Return one of the ways in which a plan marks a value: changes, and other members."""
    change = resource("x", "x", None, {"a": [{"b": secret}]}, after_sensitive={"a": [{"b": True}]})
    key = {"tags": {str(secret): 1, "other": secret}}
    tags = resource("x", "x", key, None, before_sensitive={"tags": True})
    variable = {"variables": {"v": {"value": {"a": [secret]}}}}
    root = {"root_module": {"variables": {"v": {"sensitive": True}}}}
    output = {"actions": ["create"], "before": None, "after": secret, "after_sensitive": True}
    stated = {
        "address": "x.y",
        "mode": "managed",
        "type": "x",
        "name": "y",
        "values": {"v": secret},
        "sensitive_values": {"v": True},
    }
    ways: list[tuple[list[Json], Json]] = [
        ([change], {}),
        ([tags], {}),
        ([], {**variable, "configuration": root}),
        ([], {"output_changes": {"o": output}}),
        ([], {"prior_state": {"values": {"root_module": {"resources": [stated]}}}}),
    ]
    return chance.choice(ways)


def runs(value: str) -> set[str]:
    return {value[i : i + RUN].lower() for i in range(len(value) - RUN + 1)}


def shown_texts(review: ShownReview) -> Iterator[tuple[str, str]]:
    for name, report in REPORTS.items():
        for forge in (None, "github", "gitlab"):
            yield name, report(review, Setting(forge, details=True))


def check(text: str, private: list[str], name: str) -> None:
    """No run of a value's random parts is in a text, however the text's format escapes it."""
    low = text.lower()
    for value in private:
        for spelling in (value, json.dumps(value)[1:-1], json.dumps(json.dumps(value))[3:-3]):
            there = sorted(run for run in runs(spelling) if run in low)
            assert not there, (name, value, there, low[max(0, low.find(there[0]) - 80) :][:160])


@pytest.mark.parametrize("kind", KINDS)
# What is proven, and what is left undecided when the steps for the proofs run out on the way.
@pytest.mark.parametrize(("seed", "steps"), [(0, None), (1, 40)])
def test_no_part_of_a_sensitive_value_is_shown(
    kind: str, seed: int, steps: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if steps:
        monkeypatch.setattr(budget, "ANSWER", steps)
        monkeypatch.setattr(budget, "OF_EACH", 0)
    chance = random.Random(f"{kind} {seed}")
    secret, private = KINDS[kind](chance)
    hiding, others = marking(chance, secret)
    write = chance.choice((json.dumps, go))
    review = reviewed(*hiding, *changes(secret, write), **others)
    assert len(review.findings) > 30
    for name, text in shown_texts(review):
        assert "(sensitive" in text
        check(text, private, name)


@pytest.mark.parametrize("seed", range(2))
def test_no_file_and_no_message_shows_a_sensitive_value(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    secret, private = KINDS["text"](chance)
    hiding, others = marking(chance, secret)
    path = tmp_path / "plan.json"
    path.write_bytes(plan(*hiding, *changes(secret, json.dumps), **others))
    files = {name: tmp_path / name for name in REPORTS}
    options = [f"--report={name}={file}" for name, file in files.items()]
    done = run("review", path, *options)
    assert done.code == 1
    texts = {"text": done.out + done.err, **{n: f.read_text() for n, f in files.items()}}
    for command in (
        ["coverage"],
        ["coverage", "--document=aws_iam_policy.p0_0"],
        ["compare", path],
    ):
        done = run(*command, path)
        texts[" ".join(map(str, command))] = done.out + done.err
    for name, text in texts.items():
        assert text
        check(text, private, name)


def test_a_policy_with_a_sensitive_value_is_not_opened_as_if_it_were_read() -> None:
    secret = resource("x", "x", None, {"a": "hunter2-q?est"}, after_sensitive={"a": True})
    text = document(allow(ACTION, "arn:aws:s3:::hunter2-q?est/*"))
    holding = resource("aws_iam_policy", "p", None, {"name": "p", "policy": text})
    with pytest.raises(InputError, match=r"p: not read: has values that the plan marks sensitive"):
        open_account("-", plan(secret, holding).decode, {})


def _hiding(*secrets: str) -> Json:
    return resource("x", "x", None, {"a": [*secrets]}, after_sensitive={"a": True})


def test_what_a_provider_takes_out_of_an_arn_is_sensitive_too() -> None:
    resources = ["arn:aws:s3:::987654321098", "arn:aws:s3:::hunter2-q?est"]
    values = {"name": "p", "policy": document(allow("s3:*", resources))}
    arn = "arn:aws:iam::987654321098:role/path/hunter2-q?est"
    review = reviewed(_hiding(arn), resource("aws_iam_policy", "p", None, values))
    (line,) = (line.text for policy in review.policies for line in policy.lines)
    assert "arn:aws:s3:::(sensitive), arn:aws:s3:::(sensitive 2)" in line


@pytest.mark.parametrize(
    ("old", "new", "is_gain"),
    [
        ("arn:aws:s3:::hunter2*", "arn:aws:s3:::hunter2a", False),
        ("arn:aws:s3:::hunter2a", "arn:aws:s3:::hunter2*", True),
        # The same marks, and another meaning, would be the same to who reads the marks.
        ("arn:aws:s3:::hunter2a", "arn:aws:s3:::HUNTER2A", True),
    ],
)
def test_the_values_themselves_are_judged(old: str, new: str, is_gain: bool) -> None:
    sides = [{"name": "p", "policy": document(allow("s3:Get*", r))} for r in (old, new)]
    review = reviewed(_hiding("hunter2a", "hunter2*"), resource("aws_iam_policy", "p", *sides))
    (finding,) = review.findings
    assert finding.rule == ("new-access" if is_gain else "access-removed")
    # An example could tell the value.
    assert not any("example" in detail for detail in finding.details)


def test_a_value_of_four_characters_is_hidden() -> None:
    policy = {"name": "n", "policy": document(allow("s3:GetObject", "arn:aws:s3:::Zq7x/y"))}
    review = reviewed(
        resource("x", "x", None, {"a": "Zq7x"}, after_sensitive={"a": True}),
        resource("aws_iam_policy", "p", None, policy),
    )
    for name, text in shown_texts(review):
        assert "(sensitive)/y" in text and "zq7x" not in text.lower(), name


OF_SECRET = "arn:aws:s3:::correct-horse-battery/*"
SECRET_READ = document(allow("s3:GetObject", OF_SECRET))
ROLE = {"name": "r", "assume_role_policy": NODE_TRUST, "permissions_boundary": policy_arn("b")}
EC2, S3, HELD = document(allow("ec2:A")), document(allow("s3:*")), document(allow("*"))


def limited() -> Json:
    """The association of aws-node, whose session policy allows more after."""
    values = {"cluster_name": "prod", "namespace": "kube-system", "service_account": "aws-node"}
    sides = ({**values, "role_arn": arn_of("pod"), "policy": p} for p in (EC2, SECRET_READ))
    return resource("aws_eks_pod_identity_association", "a", *sides)


POD = own_role("pod", POD_TRUST, CNI, SECRET_READ)


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("boundary-weakened", [managed(EC2, S3, "b")]),
        # A policy that does not change, and is newly allowed to allow something.
        ("new-access", [managed(EC2, S3, "b"), inline(EC2, document(allow("ec2:*")), "other")]),
        (
            "not-proven",
            [
                managed(HELD, HELD, "b"),
                inline(document(allow("ec2:A"), deny("s3:PutObject", OF_SECRET)), EC2),
            ],
        ),
        (
            "plugin-identity-changed",
            [association("a", "pod"), *own_role("a", POD_TRUST, CNI), *POD],
        ),
        ("plugin-identity-changed", [limited(), *POD]),
        (
            "node-role-changed",
            [node_group("a", "pod"), *own_role("a", NODE_TRUST, EC2), *POD],
        ),
    ],
)
def test_no_example_is_of_a_policy_with_a_sensitive_value(rule: str, changes: list[Json]) -> None:
    holder = resource(
        "aws_iam_user", "u", None, {"name": OF_SECRET}, after_sensitive={"name": True}
    )
    reads = inline(SECRET_READ, SECRET_READ, "reads")
    review = reviewed(resource("aws_iam_role", "r", ROLE, ROLE), reads, holder, *changes)
    assert {"error", "warning"} & {f.level for f in review.findings if f.rule == rule}
    assert "correct-horse" not in str(review)

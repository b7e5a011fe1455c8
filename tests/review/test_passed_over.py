"""What looks like nothing in a plan, and is something."""

import pytest

from synthetic import Json, allow, attachment, document, policy, resource, reviewed, rules
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.policy.document import dumps
from vpc_cni_iam.review.report_formats import REPORTS, Setting

ONE, ALL = document(allow("ec2:A")), document(allow("*"))
NODES = document(
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
)
KINDS = {
    "aws_iam_policy": "unknown-policy",
    "aws_iam_role": "unknown-policy",
    "aws_iam_role_policy": "unknown-policy",
    "aws_iam_user_policy": "unknown-policy",
    "aws_iam_group_policy": "unknown-policy",
    "aws_iam_role_policy_attachment": "unknown-attachment",
    "aws_iam_user_policy_attachment": "unknown-attachment",
    "aws_iam_group_policy_attachment": "unknown-attachment",
    "aws_iam_policy_attachment": "unknown-attachment",
    "aws_iam_role_policies_exclusive": "exclusive-removes",
    "aws_iam_role_policy_attachments_exclusive": "unknown-attachment",
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_put_off_and_wholly_unknown_is_a_finding(kind: str) -> None:
    """A deferred change of count or for_each that is not known has nothing but its address."""
    change = resource(kind, "p", None, None, actions=["create"], after_unknown=True)
    change["address"] = f'{kind}.p["*"]'
    later = [{"reason": "instance_count_unknown", "resource_change": change}]
    assert KINDS[kind] in rules(reviewed(deferred_changes=later))


def hidden(kind: str, before: Json, after: Json, *names: str) -> Json:
    marks = dict.fromkeys(names, True)
    return resource(kind, "p", before, after, before_sensitive=marks, after_sensitive=marks)


@pytest.mark.parametrize(
    "change",
    [
        hidden(
            "aws_iam_role_policy_attachment",
            {"role": "r", "policy_arn": "arn:a"},
            {"role": "r", "policy_arn": "arn:b"},
            "policy_arn",
        ),
        hidden(
            "aws_iam_role_policy_attachment",
            {"role": "a", "policy_arn": "arn:a"},
            {"role": "b", "policy_arn": "arn:a"},
            "role",
        ),
        hidden(
            "aws_iam_role_policy",
            {"role": "a", "policy": ALL},
            {"role": "b", "policy": ALL},
            "role",
        ),
        hidden(
            "aws_iam_policy_attachment",
            {"roles": ["a"], "policy_arn": "arn:a"},
            {"roles": ["a", "b"], "policy_arn": "arn:a"},
            "roles",
        ),
        hidden(
            "aws_iam_role_policy_attachments_exclusive",
            {"role_name": "a", "policy_arns": ["arn:a"]},
            {"role_name": "a", "policy_arns": ["arn:b"]},
            "policy_arns",
        ),
        hidden(
            "aws_iam_role",
            {"assume_role_policy": NODES, "permissions_boundary": "arn:a"},
            {"assume_role_policy": NODES, "permissions_boundary": "arn:b"},
            "permissions_boundary",
        ),
    ],
)
def test_a_sensitive_value_that_changes_is_not_passed_over(change: Json) -> None:
    review = reviewed(change)
    assert rules(review) & {
        "sensitive-policy",
        "admin-attached",
        "new-access",
        "new-policy",
        "boundary-weakened",
        "unknown-attachment",
    }
    assert review.failed
    same = {**change["change"], "after": {**change["change"]["before"], "description": "x"}}
    assert not reviewed({**change, "change": same}).findings


def inlined(owner: str, text: str) -> Json:
    values = {"role": owner, "name": "i", "policy": text}
    return resource("aws_iam_role_policy", "i", values, values)


def bounded(before: str | None, after: str | None, **more: object) -> Json:
    sides = [
        {"name": "r", "assume_role_policy": NODES, "permissions_boundary": arn} if arn else None
        for arn in (before, after)
    ]
    return resource("aws_iam_role", "r", *sides, **more)


def managed(name: str, before: str, after: str | None = None) -> Json:
    sides = [
        {"name": name, "policy": p, "arn": f"arn:aws:iam::1:policy/{name}"}
        for p in (before, after or before)
    ]
    return resource("aws_iam_policy", name, *sides)


def test_a_boundary_that_goes_with_its_role_lets_nothing_go() -> None:
    review = reviewed(bounded("arn:aws:iam::1:policy/b", None))
    assert rules(review) == {"access-removed"}


def test_a_boundary_for_one_that_bounds_as_much_is_not_weaker() -> None:
    a, b = "arn:aws:iam::1:policy/a", "arn:aws:iam::1:policy/b"
    same = managed("a", ONE), managed("b", ONE)
    assert not {"boundary-weakened"} & rules(reviewed(bounded(a, b), *same))
    wider = managed("a", ONE), managed("b", ALL)
    assert "boundary-weakened" in rules(reviewed(bounded(a, b), *wider))
    assert "boundary-weakened" in rules(reviewed(bounded(a, b)))


def test_a_boundary_keeps_the_plugin_from_what_it_needs() -> None:
    cni = {"name": "i", "role": "r", "policy": document(allow(["ec2:Assign*", "ec2:*"]))}
    there = resource("aws_iam_role_policy", "i", cni, cni)
    values = {"name": "r", "assume_role_policy": NODES}
    arn = "arn:aws:iam::1:policy/b"
    comes = resource("aws_iam_role", "r", values, {**values, "permissions_boundary": arn})
    review = reviewed(comes, there, managed("b", document(allow("s3:*"))), fail_on="coverage-lost")
    assert (review.failed, "coverage-lost" in rules(review)) == (True, True)
    enough = managed("b", document(allow(["ec2:*", "s3:*"])))
    assert not reviewed(comes, there, enough, fail_on="coverage-lost").failed
    # Of a boundary whose document is not known it is not known either.
    assert reviewed(comes, there, fail_on="coverage-lost").failed
    stays = resource("aws_iam_role", "r", *[{**values, "permissions_boundary": arn}] * 2)
    narrower = managed("b", document(allow("*")), document(allow("s3:*")))
    assert "coverage-lost" in rules(reviewed(stays, there, narrower))


def test_one_name_of_two_roles_is_neither() -> None:
    """Roles of two accounts may have one name."""
    trust = {"name": "cni", "assume_role_policy": NODES}
    roles = [resource("aws_iam_role", f"r{i}", trust, trust) for i in (1, 2)]
    has = {"name": "i", "role": "cni", "policy": document(allow("s3:*"))}
    more = {"role": "cni", "name": "j", "policy": document(allow("s3:Get"))}
    first = resource("aws_iam_role_policy", "a", has, has)
    second = resource("aws_iam_role_policy", "b", None, more)
    references = [
        {
            "mode": "managed",
            "type": "aws_iam_role_policy",
            "name": name,
            "expressions": {
                "role": {"references": [f"aws_iam_role.{r}.name", f"aws_iam_role.{r}"]}
            },
        }
        for name, r in (("a", "r1"), ("b", "r2"))
    ]
    configuration = {"root_module": {"resources": references}}
    review = reviewed(*roles, first, second, configuration=configuration, fail_on="new-access")
    assert review.failed
    assert {p.name for p in review.principals if p.after} == {"aws_iam_role.r1", "aws_iam_role.r2"}
    assert "ambiguous-principal" not in rules(review)
    assert reviewed(roles[0], first, second, fail_on="new-access").failed is False


@pytest.mark.parametrize(
    ("provider", "owners"),
    [
        ("aws.two", ("aws_iam_role.r2",)),
        ("aws.three", ("aws_iam_role.r1", "aws_iam_role.r2")),
        ("", ("aws_iam_role.r1", "aws_iam_role.r2")),
    ],
)
def test_one_name_of_two_roles_is_the_one_of_the_same_provider(
    provider: str, owners: tuple[str, ...]
) -> None:
    trust = {"name": "cni", "assume_role_policy": NODES}
    roles = [resource("aws_iam_role", f"r{i}", trust, trust) for i in (1, 2)]
    keys = {"r1": "aws.one", "r2": "aws.two", "i": provider}
    blocks = [
        {
            "type": "aws_iam_role_policy" if name == "i" else "aws_iam_role",
            "name": name,
            "provider_config_key": key,
            "expressions": {},
        }
        for name, key in keys.items()
    ]
    review = reviewed(
        *roles, inlined("cni", ONE), configuration={"root_module": {"resources": blocks}}
    )
    (principals,) = (c.principals for c in review.changes if c.kind == "permissions")
    assert principals == owners
    assert ("ambiguous-principal" in rules(review)) is (len(owners) > 1)


def test_a_plan_that_is_not_all_says_so() -> None:
    review = reviewed(complete=False)
    assert [(f.level, f.rule) for f in review.findings] == [("note", "incomplete")]
    assert not reviewed(complete=True).findings


def test_drift_that_stays_is_new_access() -> None:
    """With ignore_changes, or in a plan that only refreshes, nothing puts it back."""
    drift = [policy("p", ONE, ALL)]
    review = reviewed(policy("p", ALL, ALL), resource_drift=drift, fail_on="new-access")
    assert review.failed
    undone = reviewed(policy("p", ALL, ONE), resource_drift=drift, fail_on="new-access")
    assert not undone.failed
    assert "drift" in rules(undone)


@pytest.mark.parametrize(
    ("before", "after", "marks", "level", "means"),
    [
        (document(allow(["ec2:A", "ec2:B"])), document(allow(["ec2:B", "ec2:A"])), {}, "note", ()),
        (ALL, ONE, {}, "warning", ()),
        (ONE, ALL, {"after_sensitive": {"policy": True}}, "warning", ("new-access",)),
        (ONE, "none", {}, "warning", ("new-access",)),
    ],
)
def test_drift_is_as_grave_as_what_it_means_where_it_stays(
    before: str, after: str, marks: Json, level: str, means: tuple[str, ...]
) -> None:
    drift = [policy("p", before, after, **marks)]
    findings = reviewed(policy("p", after, after, **marks), resource_drift=drift).findings
    (finding,) = (f for f in findings if f.rule == "drift")
    assert (finding.level, finding.means) == (level, ("any-change", *means))
    assert finding.message.startswith("The policy was changed outside of the configuration")


def test_a_boundary_that_somebody_removed_is_no_note_where_it_stays() -> None:
    bounded = {**role_with([]), "permissions_boundary": "arn:aws:iam::111122223333:policy/bound"}
    there = resource("aws_iam_role", "cni", role_with([]), role_with([]))
    drift = [resource("aws_iam_role", "cni", bounded, role_with([]))]
    review = reviewed(there, resource_drift=drift)
    (finding,) = (f for f in review.findings if f.rule == "drift")
    assert (finding.level, "new-access" in finding.means) == ("warning", True)
    assert "The permissions boundary was changed outside of the configuration" in finding.message


def test_drift_of_what_the_plan_deletes_is_a_note() -> None:
    attached = role_with([MANAGED + "AmazonEKS_CNI_Policy"])
    role_drift = [resource("aws_iam_role", "cni", attached, role_with([]))]
    gone = resource("aws_iam_role", "cni", role_with([]), None)
    for change, drift in ((policy("p", ALL, None), [policy("p", ONE, ALL)]), (gone, role_drift)):
        review = reviewed(change, resource_drift=drift)
        (finding,) = (f for f in review.findings if f.rule == "drift")
        assert (finding.level, finding.means, review.failed) == ("note", ("any-change",), False)
        assert finding.message.endswith("outside of the configuration, and the plan deletes it")
    left = {**policy("p", ALL, None), "deposed": "abcd1234"}
    stays = reviewed(left, policy("p", ALL, ALL), resource_drift=[policy("p", ONE, ALL)])
    assert "error" in {f.level for f in stays.findings if f.rule == "drift"}


@pytest.mark.parametrize("there", [True, False])
def test_an_exclusive_list_that_goes_leaves_what_somebody_attached(there: bool) -> None:
    kind = "aws_iam_role_policy_attachments_exclusive"
    few, more = (
        {"role_name": "cni", "policy_arns": [OF_ACCOUNT + name for name in names]}
        for names in (["few"], ["few", "every"])
    )
    every = {"name": "every", "arn": OF_ACCOUNT + "every", "policy": ALL}
    values = role_with([])
    review = reviewed(
        resource("aws_iam_role", "cni", values, values if there else None),
        resource(kind, "x", more, None),
        resource("aws_iam_policy", "every", every, every),
        resource_drift=[resource(kind, "x", few, more)],
    )
    (finding,) = (f for f in review.findings if f.rule == "drift")
    assert finding.level == ("error" if there else "note")
    assert ("new-access" in finding.means) == there


def test_the_first_screen_names_the_roles_of_the_plugin_and_no_others() -> None:
    def inline(role_name: str, *texts: str) -> Json:
        sides = ({"role": role_name, "name": "p", "policy": text} for text in texts)
        return resource("aws_iam_role_policy", role_name, *sides)

    whole = dumps(managed_policy())
    less = whole.replace('"ec2:CreateNetworkInterface",', "")
    review = reviewed(inline("cni", whole, less), inline("web", ONE, document(allow("ec2:B"))))
    lines = REPORTS["text"](review, Setting()).splitlines()
    roles = [line for line in lines if line.startswith("  role ")]
    assert roles == ["  role      role cni, its policies change"]


def test_drift_that_stays_may_take_a_call_from_the_plugin() -> None:
    whole = dumps(managed_policy())
    less = whole.replace('"ec2:CreateNetworkInterface",', "")
    drift = [policy("cni", whole, less)]
    review = reviewed(policy("cni", less, less), resource_drift=drift, fail_on="coverage-lost")
    assert review.failed and rules(review) == {"drift"}
    undone = reviewed(policy("cni", less, whole), resource_drift=drift, fail_on="coverage-lost")
    assert not undone.failed


def test_an_attached_policy_that_drifted_is_what_the_plan_makes_of_it() -> None:
    later = managed("p", ALL, ONE)
    values = {"role": "r", "policy_arn": "arn:aws:iam::1:policy/p"}
    attached = resource("aws_iam_role_policy_attachment", "a", None, values)
    review = reviewed(later, attached, resource_drift=[managed("p", ONE, ALL)])
    (change,) = (c for c in review.changes if c.attachment)
    assert change.after.policy and change.after.policy.statements[0].actions == ("ec2:A",)


def test_what_drift_took_from_a_role_and_the_plan_puts_back_is_not_lost() -> None:
    whole = dumps(managed_policy())
    values = [{"role": "cni", "name": "i", "policy": text} for text in (whole, ONE)]
    drift = [resource("aws_iam_role_policy", "i", *values)]
    back = resource("aws_iam_role_policy", "i", *values[::-1])
    undone = reviewed(back, resource_drift=drift)
    assert "drift" in rules(undone) and "coverage-lost" not in rules(undone)


def role_with(arns: list[str], **inline: str) -> Json:
    blocks = [{"name": name, "policy": text} for name, text in inline.items()]
    name = {"name": "cni", "arn": "arn:aws:iam::111122223333:role/cni", "assume_role_policy": NODES}
    return {**name, "managed_policy_arns": arns, "inline_policy": blocks}


MANAGED = "arn:aws:iam::aws:policy/"
OF_ACCOUNT = "arn:aws:iam::111122223333:policy/"


@pytest.mark.parametrize(
    ("gone", "stays", "level", "counts"),
    [
        (role_with([MANAGED + "AmazonEKSWorkerNodePolicy"]), "", "note", set()),
        (role_with([MANAGED + "AmazonEKS_CNI_Policy"]), dumps(managed_policy()), "note", set()),
        (role_with([MANAGED + "AmazonEKS_CNI_Policy"]), "", "warning", {"coverage-lost"}),
        (role_with([MANAGED + "AmazonEKS_CNI_Policy"]), None, "warning", {"coverage-lost"}),
        (role_with([MANAGED + "AmazonEKS_CNI_Policy"]), ONE, "warning", {"coverage-lost"}),
        (
            role_with([MANAGED + "AmazonEKS_CNI_Policy"]),
            dumps(managed_policy()).replace("network-interface/*", "subnet/*"),
            "warning",
            {"coverage-lost"},
        ),
        (role_with([], old=ALL), ONE, "note", set()),
        (
            role_with([], old=document(allow("s3:*"), {**allow("s3:A"), "Effect": "Deny"})),
            ONE,
            "warning",
            {"new-access"},
        ),
    ],
)
def test_a_policy_that_the_last_apply_removed_is_no_warning(
    gone: Json, stays: str | None, level: str, counts: set[str]
) -> None:
    """The state has a role from before its attachments went: nobody can tell who removed them."""
    after = role_with([])
    # A plan for targets may have no more of a role than its drift.
    changes = [] if stays is None else [resource("aws_iam_role", "cni", after, after)]
    inline = {"role": "cni", "name": "i", "policy": stays}
    changes += [resource("aws_iam_role_policy", "i", inline, inline)] if stays else []
    drift = [resource("aws_iam_role", "cni", gone, after)]
    (finding,) = (f for f in reviewed(*changes, resource_drift=drift).findings if f.rule == "drift")
    assert (finding.level, set(finding.means) - {"any-change"}) == (level, counts)
    assert "by the last apply, or outside of the configuration" in finding.message


OTHERS = MANAGED + "AmazonEKSWorkerNodePolicy"


@pytest.mark.parametrize(
    ("there", "drifts"),
    [
        ([], True),
        ([attachment("cni", OTHERS)], True),
        ([policy("i", ONE, ONE)], True),
        ([attachment("cni", OTHERS), inlined("cni", ONE)], False),
        ([attachment("cni", OTHERS), inlined("cni", ALL)], True),
        ([attachment("other", OTHERS), inlined("cni", ONE)], True),
    ],
)
def test_what_a_role_repeats_of_a_resource_in_the_plan_is_no_drift(
    there: list[Json], drifts: bool
) -> None:
    """The state has a role from before its attachments were made."""
    before, after = role_with([]), role_with([OTHERS], i=ONE)
    sides = [{**side, "permissions_boundary": OTHERS} for side in (before, after)]
    changes = [resource("aws_iam_role", "cni", sides[1], sides[1]), *there]
    drift = [resource("aws_iam_role", "cni", *sides)]
    assert ("drift" in rules(reviewed(*changes, resource_drift=drift))) is drifts


@pytest.mark.parametrize("actions", [["create", "forget"], ["forget", "create"]])
def test_what_is_replaced_and_not_destroyed_stays_where_it_was(actions: list[str]) -> None:
    """OpenTofu's ``lifecycle { destroy = false }``."""
    cni = document(allow("ec2:*"))
    sides = [{"role": name, "name": "i", "policy": cni} for name in ("old", "new")]
    review = reviewed(resource("aws_iam_role_policy", "p", *sides, actions=actions))
    assert rules(review) == {"moved", "new-access"}
    assert {p.name: (len(p.before), len(p.after)) for p in review.principals} == {
        "role old": (1, 1),
        "role new": (0, 1),
    }

"""What a role has in the end, where several resources of a plan speak of one policy."""

import pytest

from synthetic import Json, allow, document, resource, reviewed, role, rules
from vpc_cni_iam.review.findings import Review

MANAGED = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"
READS = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
ELSEWHERE = "arn:aws:iam::111122223333:policy/of-another-plan"
ATTACHMENT = "aws_iam_role_policy_attachment"
CNI = document(allow(["ec2:Assign*", "ec2:*"]))
ONE = document(allow("s3:A"))
NODES = document(
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
)
OTHER = NODES.replace("ec2.", "lambda.")


def attach(name: str, arn: str, before: bool, after: bool, role_name: str = "r") -> Json:
    values = {"role": role_name, "policy_arn": arn}
    sides = [values if there else None for there in (before, after)]
    return resource(ATTACHMENT, name, *sides)


def inline(name: str, before: str | None, after: str | None, iam: str = "i") -> Json:
    sides = [{"name": iam, "role": "r", "policy": p} if p else None for p in (before, after)]
    return resource("aws_iam_role_policy", name, *sides)


def replaced(name: str | None = "r") -> Json:
    """A role that is replaced, by one of another name or of one known after apply."""
    sides = [{"name": "r", "assume_role_policy": OTHER, "path": path} for path in ("/", "/a/")]
    sides[1] |= {"name": name}
    later = {"actions": ["delete", "create"], "after_unknown": {"name": name is None}}
    return resource("aws_iam_role", "r", *sides, **later)


def exclusive(kind: str, before: list[str] | None, after: list[str] | None) -> Json:
    name = "policy_names" if kind == "policies" else "policy_arns"
    sides = [{"role_name": "r", name: n} if n is not None else None for n in (before, after)]
    return resource(f"aws_iam_role_{kind}_exclusive", "e", *sides)


@pytest.mark.parametrize("stays", [attach("w", ELSEWHERE, True, True), None])
def test_what_is_lost_is_lost_though_another_policy_is_not_known(stays: Json | None) -> None:
    """A role may have policies beside the plugin's whose documents the plan does not hold."""
    gone = attach("cni", MANAGED, True, False)
    review = reviewed(gone, *([stays] if stays else []), fail_on="coverage-lost")
    assert (review.failed, "coverage-lost" in rules(review)) == (True, True)
    (lost,) = (f for f in review.findings if f.rule == "coverage-lost" and f.level == "error")
    assert (f"unless {ELSEWHERE} allows it" in lost.message) is bool(stays)


def test_what_may_be_lost_to_a_policy_that_is_not_known_is_said() -> None:
    kind = "aws_iam_role_policy"
    before = {"name": "i", "role": "r", "policy": CNI}
    unknown = {"actions": ["update"], "after_unknown": {"policy": True}}
    change = resource(kind, "p", before, {"name": "i", "role": "r"}, **unknown)
    review = reviewed(change, fail_on="coverage-lost")
    assert review.failed
    assert not [f for f in review.findings if f.level == "error"]


def test_an_attachment_that_goes_takes_its_twin_with_it() -> None:
    review = reviewed(attach("a", MANAGED, True, False), attach("b", MANAGED, True, True))
    assert {"conflict", "coverage-lost"} <= rules(review)
    review = reviewed(inline("a", CNI, None), inline("b", CNI, CNI))
    assert {"conflict", "coverage-lost"} <= rules(review)
    review = reviewed(inline("a", CNI, None), inline("b", CNI, CNI, iam="other"))
    assert not {"conflict", "coverage-lost"} & rules(review)


def test_who_leaves_a_list_of_roles_loses_what_is_attached() -> None:
    sides = [{"policy_arn": MANAGED, "roles": roles} for roles in (["a", "b"], ["a"])]
    review = reviewed(resource("aws_iam_policy_attachment", "m", *sides))
    assert {p.name: p.after for p in review.principals} == {"role a": (MANAGED,), "role b": ()}
    (lost,) = {f.address for f in review.findings if f.rule == "coverage-lost"}
    assert lost == "role b"


def conflicts(review: Review) -> list[str]:
    return [f.message for f in review.findings if f.rule == "conflict"]


def test_who_of_several_loses_what_another_resource_takes_away_is_said() -> None:
    kind, values = "aws_iam_policy_attachment", {"policy_arn": COPY, "roles": ["a", "r"]}
    stays = resource(kind, "m", values, values)
    (message,) = conflicts(reviewed(stays, attach("x", COPY, True, False)))
    assert message == (f"{COPY} on role r is taken away by {ATTACHMENT}.x, though it is to stay")


def test_an_attachment_that_is_made_and_taken_away_at_once_is_a_conflict() -> None:
    for changes, what in (
        ((attach("a", MANAGED, True, False), attach("b", MANAGED, False, True)), MANAGED),
        ((inline("a", CNI, None), inline("b", None, CNI)), "Inline policy 'i'"),
    ):
        (message,) = conflicts(review := reviewed(*changes))
        taken = f"is taken away by {changes[0]['address']}, and made here: the last one wins"
        assert message == f"{what} of role r {taken}".replace(f"{MANAGED} of", f"{MANAGED} on")
        assert len(review.principals[0].after) == 1
    other = attach("b", MANAGED, False, True, role_name="other")
    assert "conflict" not in rules(reviewed(attach("a", MANAGED, True, False), other))


def test_a_role_that_is_replaced_loses_what_the_plan_leaves_alone() -> None:
    review = reviewed(replaced(), attach("a", MANAGED, True, True), inline("b", ONE, ONE))
    assert {"conflict", "coverage-lost"} <= rules(review)
    why = "goes with aws_iam_role.r, which is replaced; the plan does not make it again"
    assert all(message.endswith(why) for message in conflicts(review))
    made_again = attach("a", MANAGED, True, True)
    made_again["change"]["actions"] = ["delete", "create"]
    assert not {"conflict", "coverage-lost"} & rules(reviewed(replaced(), made_again))


def test_names_that_are_sensitive_are_not_taken_for_one() -> None:
    """Of two policies with such names, one goes and the other stays."""
    for gone, stays, name in (
        (inline("a", ONE, None), inline("b", CNI, CNI, iam="j"), "name"),
        (attach("a", COPY, True, False), attach("b", ELSEWHERE, True, True), "policy_arn"),
    ):
        for change in (gone, stays):
            change["change"] |= {f"{side}_sensitive": {name: True} for side in ("before", "after")}
        assert not conflicts(reviewed(gone, stays))


def test_what_a_role_that_is_replaced_repeats_of_others_counts_once() -> None:
    role = replaced()
    role["change"]["before"] |= {"inline_policy": [{"name": "i", "policy": ONE}]}
    role["change"]["after_unknown"] = {"inline_policy": True}
    (principal,) = reviewed(role, inline("b", ONE, ONE)).principals
    assert principal.before == ("aws_iam_role_policy.b policy",)


@pytest.mark.parametrize("before", [None, []])
def test_an_exclusive_list_removes_what_others_made(before: list[str] | None) -> None:
    attached = attach("a", MANAGED, True, True)
    for change, there in (
        (exclusive("policy_attachments", before, [ELSEWHERE]), attached),
        (exclusive("policies", before, ["other"]), inline("a", CNI, CNI)),
    ):
        review = reviewed(change, there, fail_on="coverage-lost")
        assert {"exclusive-removes", "coverage-lost"} <= rules(review)
        (removes,) = (f for f in review.findings if f.rule == "exclusive-removes")
        assert removes.means[:2] == ("any-change", "coverage-lost")
        assert review.failed
        empty = exclusive(change["type"].split("_", 3)[3].removesuffix("_exclusive"), before, [])
        expected = {"exclusive-removes", "coverage-lost"} if before is None else set()
        assert {"exclusive-removes", "coverage-lost"} & rules(reviewed(empty, there)) == expected
    for change, there in (
        (exclusive("policy_attachments", before, [MANAGED]), attached),
        (exclusive("policies", before, ["i"]), inline("a", CNI, CNI)),
    ):
        review = reviewed(change, there)
        assert not {"exclusive-removes", "coverage-lost"} & rules(review)


def test_an_exclusive_list_that_shrinks_takes_what_another_resource_keeps() -> None:
    change = exclusive("policy_attachments", [MANAGED, ELSEWHERE], [ELSEWHERE])
    review = reviewed(change, attach("a", MANAGED, True, True))
    assert {"exclusive-removes", "coverage-lost"} <= rules(review)
    # What a role that is not the plugin's loses is nothing that the plugin loses.
    other = exclusive("policy_attachments", [READS, ELSEWHERE], [ELSEWHERE])
    review = reviewed(other, attach("a", READS, True, True))
    (removes,) = (f for f in review.findings if f.rule == "exclusive-removes")
    assert "coverage-lost" not in removes.means


@pytest.mark.parametrize(
    ("kind", "names", "there", "rule"),
    [
        ("policy_attachments", [MANAGED], attach("a", MANAGED, True, True), "sensitive-policy"),
        ("policies", ["i"], inline("a", CNI, CNI), "exclusive-removes"),
    ],
)
@pytest.mark.parametrize("marks", [True, [True]])
def test_a_list_that_is_sensitive_may_name_what_is_there(
    kind: str, names: list[str], there: Json, rule: str, marks: object
) -> None:
    change = exclusive(kind, None, names)
    change["change"]["after_sensitive"] = dict.fromkeys(("policy_arns", "policy_names"), marks)
    review = reviewed(change, there)
    assert rules(review) - {"moved"} == {rule}
    assert all("sensitive" in f.message for f in review.findings if f.rule == rule)


def test_an_exclusive_list_does_not_say_that_what_is_made_beside_it_will_not_be_there() -> None:
    change = exclusive("policy_attachments", [MANAGED, ELSEWHERE], [ELSEWHERE])
    review = reviewed(change, attach("a", MANAGED, False, True))
    assert "exclusive-removes" in rules(review)
    assert MANAGED in review.principals[0].after


@pytest.mark.parametrize("after", ["i", "j"])
def test_a_list_that_is_made_anew_for_another_role_removes_nothing_from_the_first(
    after: str,
) -> None:
    """Who deletes an exclusive list removes nothing; its role cannot be changed in place."""
    sides = [{"role_name": r, "policy_names": [n]} for r, n in (("r", "i"), ("s", after))]
    kind = "aws_iam_role_policies_exclusive"
    change = resource(kind, "e", *sides, actions=["delete", "create"])
    review = reviewed(change, inline("a", CNI, CNI))
    assert rules(review) == {"moved"}
    change["change"]["after"]["role_name"] = "r"
    lost = {"exclusive-removes", "coverage-lost"} if after == "j" else set()
    assert rules(reviewed(change, inline("a", CNI, CNI))) - {"moved"} == lost


@pytest.mark.parametrize(
    ("arn", "means"),
    [
        (MANAGED, ("any-change", "coverage-lost")),
        (MANAGED.replace("AmazonEKS_CNI_Policy", "AmazonS3ReadOnlyAccess"), ("any-change",)),
        (ELSEWHERE, ("any-change", "new-access")),
    ],
)
def test_what_an_exclusive_list_removes_counts_for_what_it_may_mean(
    arn: str, means: tuple[str, ...]
) -> None:
    review = reviewed(exclusive("policy_attachments", [arn], []))
    (finding,) = (f for f in review.findings if f.rule == "exclusive-removes")
    assert finding.means == means


def test_an_exclusive_list_that_is_given_up_removes_nothing() -> None:
    for change in (
        exclusive("policy_attachments", [ELSEWHERE], None),
        exclusive("policies", ["i"], None),
    ):
        review = reviewed(change)
        assert rules(review) == {"moved"}
        assert not [line for c in review.changes for line in c.lines]


def test_what_a_role_has_by_others_is_read_from_the_role() -> None:
    """A role's ``managed_policy_arns`` and ``inline_policy`` repeat what others made."""
    values = {
        "name": "r",
        "assume_role_policy": NODES,
        "managed_policy_arns": [MANAGED, ELSEWHERE],
        "inline_policy": [
            {"name": "by-hand", "policy": document(allow("ec2:AssignIpv6Addresses"))}
        ],
    }
    review = reviewed(resource("aws_iam_role", "r", values, values))
    assert rules(review) == {"managed-policy-attached"}
    assert [c.kind for c in review.changes] == ["trust"]
    (principal,) = review.principals
    assert set(principal.after) == {'aws_iam_role.r inline_policy["by-hand"]', MANAGED, ELSEWHERE}


def by_hand(**more: object) -> Json:
    """A role that the plan leaves alone, with what was made outside of it."""
    values = {"name": "r", "assume_role_policy": NODES, **more}
    return resource("aws_iam_role", "r", values, values)


def test_an_inline_policy_that_overwrites_one_made_by_hand_may_lose_access() -> None:
    role = by_hand(inline_policy=[{"name": "i", "policy": CNI}])
    review = reviewed(role, inline("a", None, ONE), fail_on="coverage-lost")
    assert review.failed and "coverage-lost" in rules(review)
    (principal,) = review.principals
    assert set(principal.after) == {"aws_iam_role_policy.a policy"}
    assert "coverage-lost" not in rules(reviewed(role, inline("a", None, ONE, iam="other")))


def test_a_policy_made_by_hand_goes_with_a_role_that_is_replaced() -> None:
    role = replaced()
    role["change"]["before"] |= {"managed_policy_arns": [MANAGED]}
    role["change"]["after_unknown"] = {"managed_policy_arns": True}
    assert "coverage-lost" in rules(reviewed(role, inline("b", ONE, ONE)))


def test_what_was_attached_by_hand_is_not_new_where_the_plan_attaches_it() -> None:
    review = reviewed(by_hand(managed_policy_arns=[MANAGED]), attach("a", MANAGED, False, True))
    (finding,) = (f for f in review.findings if f.rule == "new-policy")
    assert finding.message == "aws_iam_role.r had all access of the policy before"


@pytest.mark.parametrize("before", [None, ["i"]])
def test_a_policy_made_by_hand_that_an_exclusive_list_names_is_read_from_the_role(
    before: list[str] | None,
) -> None:
    role = by_hand(inline_policy=[{"name": "i", "policy": CNI}])
    (principal,) = reviewed(role, exclusive("policies", before, ["i"])).principals
    assert {*principal.before} == {*principal.after} == {'aws_iam_role.r inline_policy["i"]'}


def test_what_a_role_had_before_it_was_changed_by_hand_is_not_what_it_has() -> None:
    text = document(allow("s3:GetObject"))
    values = {"name": "r", "assume_role_policy": NODES, "inline_policy": []}
    had = {**values, "inline_policy": [{"name": "other", "policy": text}]}
    review = reviewed(
        resource("aws_iam_role", "r", values, values),
        inline("i", None, text),
        resource_drift=[resource("aws_iam_role", "r", had, values)],
    )
    assert "new-access" in rules(review)


def test_what_a_role_repeats_counts_once() -> None:
    big = document(allow("s3:A", "arn:aws:s3:::" + "x" * 6000))
    values = {"name": "r", "assume_role_policy": NODES}
    values |= {"inline_policy": [{"name": "i", "policy": big}], "managed_policy_arns": [MANAGED]}
    wider = big.replace("s3:A", "s3:AB")
    review = reviewed(
        resource("aws_iam_role", "r", values, values),
        inline("i", big, wider),
        attach("a", MANAGED, True, False),
    )
    assert "size-limit" not in rules(review)
    assert "managed-policy-attached" not in rules(review)
    other = {**values, "inline_policy": [{"name": "other", "policy": big}]}
    assert "size-limit" in rules(
        reviewed(resource("aws_iam_role", "r", other, other), inline("i", big, wider))
    )


def test_what_goes_or_is_attached_does_not_count_as_inline() -> None:
    """AWS limits the sum of the inline policies of a role."""
    big = document(allow("s3:A", "arn:aws:s3:::" + "x" * 6000))
    comes = inline("a", None, big)
    assert "size-limit" not in rules(reviewed(comes, inline("b", big, None, iam="j")))
    attached = attach("c", COPY, False, True), managed(big, big)
    assert "size-limit" not in rules(reviewed(comes, *attached))
    excluded = exclusive("policies", ["i", "j"], ["i"]), inline("b", big, big, iam="j")
    assert "size-limit" not in rules(reviewed(comes, *excluded))
    assert "size-limit" in rules(reviewed(comes, inline("b", big, big, iam="j")))


def test_a_copy_of_the_managed_policy_is_not_the_managed_policy() -> None:
    copy = "arn:aws:iam::111122223333:policy/AmazonEKS_CNI_Policy"
    review = reviewed(role("r", NODES, NODES), attach("a", copy, True, True))
    assert rules(review) == set()


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_the_managed_policy_is_known_in_every_partition(partition: str) -> None:
    arn = MANAGED.replace("aws", partition, 1)
    trust = NODES.replace("amazonaws.com", "amazonaws.com.cn") if "cn" in partition else NODES
    review = reviewed(role("r", trust, trust), attach("a", arn, True, True))
    assert rules(review) == {"managed-policy-attached"}


def test_a_role_for_the_plugin_by_its_trust_is_the_plugins() -> None:
    issuer = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
    expected = {
        f"{issuer}:sub": "system:serviceaccount:kube-system:aws-node",
        f"{issuer}:aud": "sts.amazonaws.com",
    }
    trust = document(
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{issuer}"},
            "Condition": {"StringEquals": expected},
        }
    )
    everything = document(allow("*"))
    review = reviewed(role("r", trust, trust), inline("i", everything, ONE))
    assert "coverage-lost" in rules(review)
    assert "coverage-lost" not in rules(
        reviewed(role("r", OTHER, OTHER), inline("i", everything, ONE))
    )


@pytest.mark.parametrize("mark", ["after_unknown", "after_sensitive"])
def test_a_policy_of_the_plugin_that_is_known_no_longer_may_lose_something(mark: str) -> None:
    before = {"name": "p", "policy": CNI}
    after = {"name": "p", "policy": ONE} if mark == "after_sensitive" else {"name": "p"}
    change = resource("aws_iam_policy", "p", before, after, **{mark: {"policy": True}})
    assert reviewed(change, fail_on="coverage-lost").failed
    change["change"]["before"]["policy"] = ONE
    assert not reviewed(change, fail_on="coverage-lost").failed


GUARD = document({**allow("s3:*"), "Effect": "Deny"})
COPY = "arn:aws:iam::111122223333:policy/p"


def managed(before: str, after: str) -> Json:
    return resource(
        "aws_iam_policy", "p", *({"name": "p", "policy": p, "arn": COPY} for p in (before, after))
    )


def test_what_is_forgotten_stays_attached_to_what_the_policy_will_be() -> None:
    forgotten = attach("a", COPY, True, False)
    forgotten["change"]["actions"] = ["forget"]
    review = reviewed(forgotten, managed(CNI, ONE))
    assert {"moved", "coverage-lost"} <= rules(review)
    assert "error" in {f.level for f in review.findings if f.rule == "new-access"}


@pytest.mark.parametrize("kind", ["attachment", "boundary"])
@pytest.mark.parametrize("actions", [["forget"], ["create", "forget"]])
def test_a_policy_that_is_forgotten_stays_with_who_has_it(kind: str, actions: list[str]) -> None:
    values = {"name": "p", "arn": COPY, "policy": CNI}
    after = {**values, "name": "new", "arn": f"{COPY}/new"} if "create" in actions else None
    forgotten = resource("aws_iam_policy", "p", values, after, actions=actions)
    trust = {"name": "r", "assume_role_policy": NODES}
    bounded = {**trust, "permissions_boundary": COPY} if kind == "boundary" else trust
    there = resource("aws_iam_role", "r", bounded, bounded)
    own = attach("a", COPY, True, True) if kind == "attachment" else inline("i", CNI, CNI)
    review = reviewed(forgotten, there, own)
    assert rules(review) <= {"moved", "new-policy", "published-document"}


def test_a_deny_that_an_exclusive_list_removes_is_new_access() -> None:
    for before in (None, ["i"]):
        change = exclusive("policies", before, [])
        guard, there = inline("a", GUARD, GUARD), inline("b", ONE, ONE, iam="other")
        review = reviewed(change, guard, there, fail_on="new-access")
        assert (review.failed, rules(review)) == (True, {"exclusive-removes"})


def test_an_exclusive_list_that_shrinks_is_not_given_up() -> None:
    review = reviewed(exclusive("policies", ["i", "j"], ["i"]))
    assert [f.rule for f in review.findings] == ["exclusive-removes"]
    (principal,) = review.principals
    assert set(principal.before) == {"inline policy 'i'", "inline policy 'j'"}
    assert set(principal.after) == {"inline policy 'i'"}


def test_an_attached_policy_that_allows_nothing_is_not_called_rewritten() -> None:
    review = reviewed(attach("a", COPY, False, True), managed(GUARD, GUARD))
    assert [(f.level, f.rule) for f in review.findings] == [("note", "new-policy")]


def test_a_list_of_roles_does_not_attach_anew_to_one_that_is_replaced() -> None:
    sides = [{"policy_arn": COPY, "roles": ["r", *more]} for more in ([], ["other"])]
    lists = resource("aws_iam_policy_attachment", "m", *sides)
    review = reviewed(replaced(), lists, managed(CNI, CNI))
    assert {"conflict", "coverage-lost"} <= rules(review)
    # To one that comes into the list or leaves it, nothing of the sort happens.
    for before, after in ((["x"], ["x", "r"]), (["x", "r"], ["x"])):
        values = [{"policy_arn": COPY, "roles": roles} for roles in (before, after)]
        lists = resource("aws_iam_policy_attachment", "m", *values)
        assert not conflicts(reviewed(replaced(), lists, managed(CNI, CNI)))


@pytest.mark.parametrize(
    ("later", "owners"),
    [
        (({}, True), ("aws_iam_role.r", "roles known after apply")),
        (({"roles": [None]}, [True]), ("aws_iam_role.r", "roles known after apply")),
        (({"roles": ["new"]}, False), ("aws_iam_role.r",)),
    ],
    ids=["a list known after apply", "a member known after apply", "a name in the plan"],
)
def test_a_list_of_roles_attaches_anew_to_one_that_comes_back_under_another_name(
    later: tuple[Json, object], owners: tuple[str, ...]
) -> None:
    """Another name, or one that is only known after apply, makes the provider attach once more."""
    kind, (after, mark) = "aws_iam_policy_attachment", later
    expression = {"references": ["aws_iam_role.r.name", "aws_iam_role.r"]}
    block = {"type": kind, "name": "m", "expressions": {"roles": expression}}
    review = reviewed(
        replaced("new" if after.get("roles") == ["new"] else None),
        resource(
            kind,
            "m",
            {"policy_arn": COPY, "roles": ["r"]},
            {"policy_arn": COPY, **after},
            after_unknown={"roles": mark},
        ),
        managed(CNI, CNI),
        configuration={"root_module": {"resources": [block]}},
    )
    assert not {"conflict", "coverage-lost"} & rules(review)
    (principals,) = (c.principals for c in review.changes if c.attachment)
    assert principals == owners


def test_an_exclusive_list_does_not_attach_anew_to_a_role_that_is_replaced() -> None:
    listed = exclusive("policy_attachments", [MANAGED], [MANAGED])
    assert {"conflict", "coverage-lost"} <= rules(reviewed(replaced(), listed))
    more = exclusive("policy_attachments", [MANAGED], [MANAGED, ELSEWHERE])
    assert not {"conflict", "coverage-lost"} & rules(reviewed(replaced(), more))


def test_an_inline_policy_that_is_written_and_taken_away_may_be_there() -> None:
    there = inline("c", ONE, ONE, iam="other")
    review = reviewed(inline("a", ONE, None), inline("b", ONE, CNI), there, fail_on="new-access")
    assert review.failed


def test_a_name_in_an_exclusive_list_keeps_no_policy() -> None:
    change = inline("a", ONE, None)
    listed = exclusive("policies", ["i"], ["i"])
    assert "conflict" not in rules(reviewed(change, listed))


def test_a_deny_that_one_of_two_resources_takes_away_may_be_new_access() -> None:
    review = reviewed(
        attach("a", COPY, True, False),
        attach("b", COPY, False, True),
        managed(GUARD, GUARD),
        inline("c", document(allow("s3:*")), document(allow("s3:*"))),
        fail_on="new-access",
    )
    assert review.failed


def test_the_managed_policy_on_a_role_that_is_not_in_the_plan_may_be_on_the_node_role() -> None:
    review = reviewed(attach("a", MANAGED, True, True))
    assert [(f.level, f.rule) for f in review.findings] == [("note", "managed-policy-attached")]
    known = reviewed(role("r", OTHER, OTHER), attach("a", MANAGED, True, True))
    assert not known.findings
    sides = [{"name": "r", "assume_role_policy": OTHER}] * 2
    hidden = resource("aws_iam_role", "r", *sides, after_sensitive={"assume_role_policy": True})
    assert len(reviewed(hidden, attach("a", MANAGED, True, True)).findings) == 1


@pytest.mark.parametrize("of_nodes", [True, False])
def test_the_managed_policy_on_the_role_of_a_node_group_is_said(of_nodes: bool) -> None:
    """A node group that goes, or that drifted, has its role no more."""
    kind, arn = "aws_eks_node_group", "arn:aws:iam::111122223333:role/r"
    values = {"name": "r", "arn": arn, "assume_role_policy": OTHER}
    expression = {"references": ["aws_iam_role.r.arn", "aws_iam_role.r"]}
    block = {"type": kind, "name": "gone", "expressions": {"node_role_arn": expression}}
    other = {"cluster_name": "prod", "node_role_arn": arn.replace("/r", "/other")}
    nodes = {"cluster_name": "prod", "node_role_arn": arn}
    stays = nodes if of_nodes else other
    review = reviewed(
        resource("aws_iam_role", "r", values, values),
        attach("a", MANAGED, True, True),
        resource(kind, "stays", stays, stays),
        resource(kind, "gone", nodes, None),
        resource_drift=[resource(kind, "stays", other, nodes)],
        configuration={"root_module": {"resources": [block]}},
    )
    assert ("managed-policy-attached" in rules(review)) is of_nodes


def test_what_a_replacement_left_behind_counts_before_and_goes() -> None:
    left = inline("a", CNI, None, iam="old") | {"deposed": "abcd1234"}
    review = reviewed(left, inline("a", ONE, ONE))
    (principal,) = review.principals
    assert len(principal.before) == 2 and len(principal.after) == 1
    assert "coverage-lost" in rules(review)
    same = inline("a", CNI, None) | {"deposed": "abcd1234"}
    assert "conflict" in rules(reviewed(same, inline("a", CNI, CNI)))


@pytest.mark.parametrize(
    "more",
    [
        {"actions": ["forget"]},
        {"actions": ["no-op"], "importing": {"id": "r"}},
        {"actions": ["no-op"], "previous_address": "aws_iam_role_policies_exclusive.x"},
        {"actions": ["create"]},
    ],
)
def test_nothing_that_happens_to_an_exclusive_list_is_no_change(more: Json) -> None:
    values = {"role_name": "r", "policy_names": ["i"]}
    before = None if more["actions"] == ["create"] else values
    after = None if more["actions"] == ["forget"] else values
    change = resource("aws_iam_role_policies_exclusive", "e", before, after, **more)
    review = reviewed(change, fail_on="any-change")
    assert review.failed
    assert {f.level for f in review.findings} == {"note"}


def test_an_exclusive_list_that_attaches_what_allows_nothing_is_said() -> None:
    review = reviewed(exclusive("policy_attachments", None, [COPY]), managed(GUARD, GUARD))
    assert [(f.level, f.rule) for f in review.findings] == [("note", "new-policy")]


def test_what_an_exclusive_list_removes_and_another_resource_attaches_may_be_lost() -> None:
    sides = [{"policy_arn": COPY, "roles": roles} for roles in ([], ["r"])]
    review = reviewed(
        exclusive("policy_attachments", [COPY], []),
        resource("aws_iam_policy_attachment", "m", *sides),
        managed(CNI, CNI),
        fail_on="coverage-lost",
    )
    assert review.failed


def test_a_deny_that_comes_and_that_a_list_removes_may_not_be_there() -> None:
    there = inline("b", ONE, document(allow(["s3:A", "s3:B"])), iam="i2")
    guard = document({**allow("s3:B"), "Effect": "Deny"})
    change = exclusive("policies", ["i", "i2"], ["i2"])
    assert reviewed(change, inline("a", None, guard), there, fail_on="new-access").failed


@pytest.mark.parametrize("mark", [{"after_sensitive": {"policy_names": True}}, None])
@pytest.mark.parametrize("denies", [True, False])
def test_an_exclusive_list_of_which_not_all_is_shown_may_remove_a_deny(
    mark: Json | None, denies: bool
) -> None:
    guard = document({**allow("s3:*"), "Effect": "Deny" if denies else "Allow"})
    sides = [{"role_name": "r", "policy_names": names} for names in (["i"], ["other"])]
    change = resource("aws_iam_role_policies_exclusive", "e", *sides)
    if mark is None:
        del change["change"]["after"]["policy_names"]
    change["change"] |= mark or {"after_unknown": {"policy_names": True}}
    review = reviewed(change, inline("i", guard, guard))
    (finding,) = (f for f in review.findings if f.rule == "exclusive-removes")
    known = "sensitive" if mark else "known after apply"
    assert finding.message == f"Which inline policies stay is {known}; the others are removed"
    assert ("new-access" in finding.means) is denies


def test_a_policy_that_loses_the_plugins_calls_as_another_role_gets_it_is_said() -> None:
    sides = [{"name": "p", "arn": COPY, "policy": p} for p in (CNI, document(allow("s3:*")))]
    change = resource("aws_iam_policy", "p", *sides)
    values = {"name": "r", "assume_role_policy": NODES}
    alone = reviewed(change, fail_on="coverage-lost")
    both = reviewed(
        change,
        resource("aws_iam_role", "r", values, values),
        attach("a", COPY, False, True),
        fail_on="coverage-lost",
    )
    assert alone.failed and both.failed
    assert {"coverage-lost"} <= rules(alone) & rules(both)

"""What a plan does not know yet: as much as it says is told, and the rest is a finding."""

from typing import Any

import pytest

from synthetic import Json, allow, document, policy, resource, reviewed, rules

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
ATTACHMENT = "aws_iam_role_policy_attachment"
NODES = document(
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
)


def configured(kind: str, name: str, expressions: Json, **more: Any) -> Json:
    """A plan's configuration of one resource."""
    block = {"mode": "managed", "type": kind, "name": name, "expressions": expressions, **more}
    return {"root_module": {"resources": [block], **more.pop("module", {})}}


def named(*references: str) -> Json:
    """An expression, with the beginnings of its references, as a plan lists them."""
    results = []
    for reference in references:
        results += [reference, reference.rpartition(".")[0]]
    return {"references": [r for r in results if "." in r]}


def attach(key: str = "", **values: Any) -> Json:
    index = f'["{key}"]' if key else ""
    address = f"{ATTACHMENT}.a{index}"
    later = {"role": "r", **values}
    return resource(
        ATTACHMENT, "a", None, later, address=address, after_unknown={"policy_arn": True}
    )


def attachments(result: Any) -> dict[str, str]:
    return {c.address: c.attachment.policy for c in result.changes if c.attachment}


def test_a_policy_that_is_one_of_two_is_neither() -> None:
    references = named("aws_iam_policy.one.arn", "aws_iam_policy.two.arn")
    review = reviewed(
        policy("one", None, document(allow("ec2:A"))),
        policy("two", None, document(allow("iam:*"))),
        attach(),
        configuration=configured(ATTACHMENT, "a", {"policy_arn": references}),
    )
    (finding,) = (f for f in review.findings if f.rule == "unknown-attachment")
    assert finding.details == ("which policy it is, is known after apply",)
    assert attachments(review) == {
        f"{ATTACHMENT}.a": "aws_iam_policy.one.arn, aws_iam_policy.two.arn"
    }
    values = {"role": "r", "policy_arn": "arn:aws:iam::111122223333:policy/elsewhere"}
    (finding,) = reviewed(resource(ATTACHMENT, "a", None, values)).findings
    assert finding.details == ("its document is not in the plan",)


@pytest.mark.parametrize(("arn", "rule"), [(ADMIN, "admin-attached"), (5, "unknown-attachment")])
def test_an_attachment_that_is_put_off_is_of_the_policy_that_is_written_there(
    arn: object, rule: str
) -> None:
    """Of a deferred change the plan may have nothing but what the configuration says."""
    later = resource(ATTACHMENT, "a", None, None, actions=["create"], after_unknown=True)
    review = reviewed(
        deferred_changes=[{"reason": "instance_count_unknown", "resource_change": later}],
        configuration=configured(ATTACHMENT, "a", {"policy_arn": {"constant_value": arn}}),
    )
    assert rules(review) == {rule}


@pytest.mark.parametrize("other", ["aws_iam_role.r.unique_id", "local.arn", "data.aws_x.y.arn"])
def test_a_policy_beside_what_else_may_be_meant_is_not_known(other: str) -> None:
    references = named("aws_iam_policy.one.arn", other)
    review = reviewed(
        policy("one", None, document(allow("ec2:A"))),
        attach(),
        configuration=configured(ATTACHMENT, "a", {"policy_arn": references}),
    )
    assert "unknown-attachment" in rules(review)


def instances(*keys: str) -> list[Json]:
    return [
        policy("p", None, document(allow(f"ec2:{key}")), address=f'aws_iam_policy.p["{key}"]')
        for key in keys
    ]


@pytest.mark.parametrize(
    ("index", "each", "known"),
    [
        ("each.key", {"constant_value": {"a": "b", "b": "a"}}, True),
        ("each.value", {"constant_value": {"a": "b", "b": "a"}}, False),
        ("each.value", {"references": ["local.map"]}, False),
        ("each.value", {"constant_value": ["a", "b"]}, True),
        ("var.which", {}, False),
        ("var.map", {"constant_value": {"a": "b", "b": "a"}}, False),
    ],
)
def test_an_instance_of_the_same_key_is_only_meant_where_the_key_is(
    index: str, each: Json, known: bool
) -> None:
    references = ["aws_iam_policy.p", index, *(["each.key"] if index == "var.map" else [])]
    expressions = {"policy_arn": {"references": references}}
    review = reviewed(
        *instances("a", "b"),
        attach("a"),
        configuration=configured(ATTACHMENT, "a", expressions, for_each_expression=each),
        variables={"which": {"value": "b"}, "map": {"value": {"a": "b", "b": "a"}}},
    )
    assert ("unknown-attachment" in rules(review)) is not known
    if known:
        assert attachments(review) == {f'{ATTACHMENT}.a["a"]': 'aws_iam_policy.p["a"]'}


@pytest.mark.parametrize("key", ["", "a"])
def test_an_instance_is_told_from_what_is_left_of_it_and_from_its_drift(key: str) -> None:
    """A key beside the name of one policy, as in a condition, chooses no instance."""
    references = ["each.key", "aws_iam_policy.p.arn", "aws_iam_policy.p"]
    gone = policy("p", document(allow("ec2:A")), None, deposed="abcd1234")
    drift = policy("p", document(allow("ec2:A")), document(allow("ec2:B")))
    review = reviewed(
        policy("p", None, document(allow("ec2:C"))),
        gone,
        attach(key),
        resource_drift=[drift],
        configuration=configured(ATTACHMENT, "a", {"policy_arn": {"references": references}}),
    )
    (change,) = (c for c in review.changes if c.attachment)
    assert change.after.policy and change.after.policy.statements[0].actions == ("ec2:C",)


def test_a_value_of_each_is_what_for_each_refers_to() -> None:
    expressions = {"policy_arn": {"references": ["each.value"]}}
    for references, known in (
        (named("aws_iam_policy.p.arn"), True),
        (named("aws_iam_policy.p.arn", "aws_iam_policy.q.arn"), False),
    ):
        review = reviewed(
            policy("p", None, document(allow("ec2:A"))),
            attach("a"),
            configuration=configured(ATTACHMENT, "a", expressions, for_each_expression=references),
        )
        assert ("unknown-attachment" in rules(review)) is not known


def test_a_default_beside_a_value_of_each_is_not_what_is_meant() -> None:
    review = reviewed(
        attach("a"),
        configuration=configured(
            ATTACHMENT,
            "a",
            {"policy_arn": {"references": ["each.value", "var.default"]}},
            for_each_expression={"references": ["local.arns"]},
        ),
        variables={"default": {"value": "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"}},
    )
    assert rules(review) == {"unknown-attachment"}


def listing(before: list[str] | None) -> Json:
    values = {"name": "r", "assume_role_policy": NODES}
    unknown = {"managed_policy_arns": True}
    old = {**values, "managed_policy_arns": before} if before is not None else None
    return resource("aws_iam_role", "r", old, values, after_unknown=unknown)


def test_a_list_of_arns_that_is_not_known_may_hold_more_than_it_refers_to() -> None:
    """A plan has the references of ``[aws_iam_policy.p.arn, "arn:..."]``, not the literal."""
    expressions = {"managed_policy_arns": named("aws_iam_policy.p.arn")}
    review = reviewed(
        policy("p", None, document(allow("ec2:A"))),
        listing(None),
        configuration=configured("aws_iam_role", "r", expressions),
    )
    (finding,) = (f for f in review.findings if f.rule == "unknown-attachment")
    why = "what a list holds is known after apply, but for what it refers to"
    assert finding.details == (why, "it refers to aws_iam_policy.p.arn")
    what = "What else managed_policy_arns holds for aws_iam_role.r"
    assert finding.message == f"{what} is known after apply"
    attached = {c.attachment.policy: c.after.policy for c in review.changes if c.attachment}
    assert attached["aws_iam_policy.p"] is not None
    (role,) = review.principals
    assert "aws_iam_policy.p" in role.after


def test_what_stood_in_a_list_that_is_not_known_is_not_called_gone() -> None:
    review = reviewed(
        listing([ADMIN]),
        configuration=configured(
            "aws_iam_role", "r", {"managed_policy_arns": named("aws_iam_policy.p.arn")}
        ),
    )
    assert "unknown-attachment" in rules(review)
    assert "access-removed" not in rules(review)
    assert not [line for c in review.changes for line in c.lines if line.effect == "loss"]


ELSEWHERE = "arn:aws:iam::111122223333:policy/p"
AUDIT, OF_AWS = "arn:aws:iam::aws:policy/SecurityAudit", "arn:aws:iam::aws:policy/SomethingNew"
NOT_HELD = "is attached to aws_iam_role.r, and the plan does not hold its document"
READS = "; it only allows to read, and no data"


def _attached(arn: str, *, twin: bool = False) -> list[Json]:
    values = {"role": "r", "policy_arn": arn}
    there = [resource(ATTACHMENT, "twin", values, values)] if twin else []
    return [resource(ATTACHMENT, "a", None, values), *there]


@pytest.mark.parametrize(
    ("changes", "expressions", "rule", "level", "message"),
    [
        (_attached(ELSEWHERE), {}, "unknown-attachment", "warning", f"{ELSEWHERE} {NOT_HELD}"),
        (_attached(AUDIT), {}, "unknown-attachment", "warning", f"{AUDIT} {NOT_HELD}{READS}"),
        (_attached(OF_AWS), {}, "unknown-attachment", "error", f"{OF_AWS} {NOT_HELD}"),
        (
            _attached(ELSEWHERE, twin=True),
            {},
            "new-policy",
            "note",
            f"aws_iam_role.r had {ELSEWHERE} before",
        ),
        (
            [attach()],
            {},
            "unknown-attachment",
            "warning",
            f"A policy known after apply {NOT_HELD}",
        ),
        (
            [attach()],
            {"policy_arn": named("aws_iam_policy.p.arn", "aws_iam_policy.q.arn")},
            "unknown-attachment",
            "warning",
            f"aws_iam_policy.p.arn, aws_iam_policy.q.arn {NOT_HELD}",
        ),
        (
            [attach()],
            {"policy_arn": {"references": ["local.arn"]}},
            "unknown-attachment",
            "warning",
            "local.arn for aws_iam_role.r is known after apply",
        ),
    ],
)
def test_what_is_said_of_a_policy_whose_document_is_not_known_that_is_attached(
    changes: list[Json], expressions: Json, rule: str, level: str, message: str
) -> None:
    there = resource("aws_iam_role", "r", *[{"name": "r", "assume_role_policy": NODES}] * 2)
    written = configured(ATTACHMENT, "a", expressions)
    (finding,) = reviewed(there, *changes, configuration=written).findings
    assert (finding.rule, finding.level, finding.message) == (rule, level, message)


def test_a_policy_that_stood_in_a_list_and_is_replaced_is_not_new_there() -> None:
    old = {"name": "p", "policy": document(allow("ec2:A")), "arn": "arn:aws:iam::1:policy/p"}
    new = {"name": "q", "policy": old["policy"]}
    unknown = {"actions": ["delete", "create"], "after_unknown": {"arn": True}}
    review = reviewed(
        resource("aws_iam_policy", "p", old, new, **unknown),
        listing([old["arn"]]),
        configuration=configured(
            "aws_iam_role", "r", {"managed_policy_arns": named("aws_iam_policy.p.arn")}
        ),
    )
    assert rules(review) == {"moved", "unknown-attachment"}


def test_owners_in_a_list_that_is_not_known_may_be_more_than_it_refers_to() -> None:
    kind = "aws_iam_policy_attachment"
    arn = "arn:aws:iam::111122223333:policy/p"
    values = {"name": "p", "policy": document(allow("ec2:A")), "arn": arn}
    before = {"policy_arn": arn, "roles": ["a"]}
    review = reviewed(
        resource("aws_iam_policy", "p", values, values),
        resource("aws_iam_role", "b", None, {"assume_role_policy": NODES, "name": "b"}),
        resource(kind, "m", before, {"policy_arn": arn}, after_unknown={"roles": True}),
        configuration=configured(kind, "m", {"roles": named("aws_iam_role.b.name")}),
    )
    (change,) = (c for c in review.changes if c.type == kind)
    assert set(change.principals) == {"role a", "aws_iam_role.b", "roles known after apply"}
    assert "new-policy" in rules(review)
    assert not [line for line in change.lines if line.effect == "loss"]


def test_an_exclusive_list_that_is_not_known_is_a_finding() -> None:
    kind = "aws_iam_role_policies_exclusive"
    before = {"role_name": "r", "policy_names": ["a"]}
    for item in (before, None):
        review = reviewed(
            resource(kind, "e", item, {"role_name": "r"}, after_unknown={"policy_names": True})
        )
        assert rules(review) == {"exclusive-removes"}
        assert not [line for c in review.changes for line in c.lines if line.effect == "loss"]


def test_one_role_of_two_is_both() -> None:
    kind = "aws_iam_role_policy"
    references = named("aws_iam_role.a.name", "aws_iam_role.b.name")
    review = reviewed(
        resource("aws_iam_role", "a", None, {"assume_role_policy": NODES}),
        resource(
            kind, "p", None, {"policy": document(allow("s3:*"))}, after_unknown={"role": True}
        ),
        configuration=configured(kind, "p", {"role": references}),
    )
    (change,) = (c for c in review.changes if c.type == kind)
    assert change.principals == ("aws_iam_role.a", "aws_iam_role.b.name")


def deferred(name: str, values: Json, unknown: Any, sensitive: Any = False) -> Json:
    """A policy document that is read at apply."""
    change = {
        "actions": ["read"],
        "before": None,
        "after": values,
        "after_unknown": {"json": True, **unknown} if isinstance(unknown, dict) else unknown,
        "after_sensitive": sensitive,
    }
    kind = "aws_iam_policy_document"
    address = f"data.{kind}.{name}"
    return {"address": address, "mode": "data", "type": kind, "name": name, "change": change}


def rebuilt(
    values: Json, unknown: Any, expressions: Json, *others: Json, sensitive: Any = False
) -> Any:
    """The policy of a resource that refers to a document that is read at apply, beside others."""
    blocks: list[Json] = [
        {
            "mode": "managed",
            "type": "aws_iam_policy",
            "name": "p",
            "expressions": {"policy": named("data.aws_iam_policy_document.d.json")},
        },
        {
            "mode": "data",
            "type": "aws_iam_policy_document",
            "name": "d",
            "expressions": expressions,
        },
    ]
    unknown_policy = {"actions": ["create"], "after_unknown": {"policy": True}}
    review = reviewed(
        deferred("d", values, unknown, sensitive),
        *others,
        resource("aws_iam_policy", "p", None, {"name": "p"}, **unknown_policy),
        configuration={"root_module": {"resources": blocks}},
    )
    assert "unknown-policy" in rules(review)
    (change,) = (c for c in review.changes if c.address == "aws_iam_policy.p")
    return change


STATEMENT = {"actions": ["ec2:A"], "resources": ["*"]}
_ONE = named("data.aws_iam_policy_document.one.json")
_SOURCES = "source_policy_documents"


@pytest.mark.parametrize("argument", ["source_json", "override_json"])
def test_the_older_ways_to_join_documents_are_known(argument: str) -> None:
    joined = document(allow("iam:*"))
    change = rebuilt({argument: joined, "statement": [STATEMENT]}, {}, {})
    assert {a for s in change.after.policy.statements for a in s.actions} == {"ec2:A", "iam:*"}
    change = rebuilt(
        {"statement": [STATEMENT]}, {argument: True}, {argument: named("aws_x.y.json")}
    )
    assert any(argument in why and "aws_x.y.json" in why for why in change.after.why)


@pytest.mark.parametrize(
    ("argument", "actions"),
    [("source_json", ["ec2:A", "s3:B"]), ("override_json", ["iam:*", "s3:B"])],
)
def test_of_two_statements_with_one_sid_the_later_counts(argument: str, actions: list[str]) -> None:
    joined = document(allow("iam:*", Sid="Same"), allow("s3:B", Sid="Other"))
    own = {**STATEMENT, "sid": "Same"}
    policy = rebuilt({argument: joined, "statement": [own]}, {}, {}).after.policy
    assert sorted(action for s in policy.statements for action in s.actions) == actions


@pytest.mark.parametrize("argument", ["source_policy_documents", "override_policy_documents"])
def test_a_list_of_documents_that_is_not_known_is_said(argument: str) -> None:
    change = rebuilt(
        {"statement": [STATEMENT]}, {argument: True}, {argument: named("aws_x.y.json")}
    )
    assert any(argument in why and "aws_x.y.json" in why for why in change.after.why)


_D = "data.aws_iam_policy_document.d"


@pytest.mark.parametrize(
    ("values", "unknown", "sensitive", "why"),
    [
        ({"statement": []}, {"statement": True}, False, f"statements of {_D} are known after"),
        ({}, True, False, f"statements of {_D} are known after apply"),
        ({"statement": [STATEMENT]}, {}, True, f"{_D} has sensitive values, which are not shown"),
        ({"json": "{"}, {"json": False}, False, f"{_D}: "),
        ({"json": document()}, {"json": False}, {"json": True}, f"{_D} is sensitive"),
    ],
)
def test_a_document_of_which_nothing_can_be_read_is_said(
    values: Json, unknown: Any, sensitive: Any, why: str
) -> None:
    after = rebuilt(values, unknown, {}, sensitive=sensitive).after
    assert (after.known, after.why[0].startswith(why)) == ("unknown", True), after.why


def test_a_document_that_is_read_may_be_what_a_policy_will_be() -> None:
    """Such as of a policy that is put off."""
    after = rebuilt({"json": document(allow("ec2:A"))}, {"json": False}, {}).after
    assert after.policy.statements[0].actions == ("ec2:A",)
    assert (after.known, after.why) == ("partly known", (f"taken from {_D}",))


@pytest.mark.parametrize("block", ["condition", "principals", "not_principals"])
def test_blocks_of_a_statement_that_are_not_known_are_said(block: str) -> None:
    expressions = {"statement": [{block: named("aws_x.y.id")}]}
    after = rebuilt({"statement": [STATEMENT]}, {"statement": [{block: True}]}, expressions).after
    taken = f"taken from {_D}, which is read at apply"
    assert after.why == (taken, f"statement[0].{block}: known after apply: aws_x.y.id")


@pytest.mark.parametrize(
    ("joined", "references", "why"),
    [
        (["{"], (), "[1] of {}: "),
        ([None], ("aws_iam_policy.q.policy",), "[1] of {}: known after apply: aws_iam_policy.q"),
        (
            None,
            (f"{_D[:-1]}e.json", "aws_iam_policy.q.policy"),
            f"[0] of {{}}: known after apply: {_D[:-1]}e",
        ),
        (None, ("aws_iam_policy.q.policy",), "[0] of {}: known after apply: aws_iam_policy.q"),
    ],
)
def test_what_is_joined_and_cannot_be_read_is_said(
    joined: list[str | None] | None, references: tuple[str, ...], why: str
) -> None:
    """What else an expression refers to may be what is joined."""
    texts = [None] if joined is None else [document(allow("s3:B")), *joined]
    after = rebuilt(
        {"statement": [STATEMENT], _SOURCES: texts},
        {_SOURCES: [text is None for text in texts]},
        {_SOURCES: named(*references)},
        deferred("e", {"json": document(allow("iam:*"))}, {"json": False}),
        policy("q", None, document(allow("ec2:B"))),
    ).after
    known = {"ec2:A"} if joined is None else {"ec2:A", "s3:B"}
    assert {a for s in after.policy.statements for a in s.actions} == known
    assert any(hole.startswith(_SOURCES + why.format(_D)) for hole in after.why), after.why


def test_a_document_that_is_joined_is_read_where_it_is() -> None:
    more = {"statement": [{"actions": ["iam:*"], "resources": ["*"]}]}
    known = deferred("e", {"json": document(allow("iam:*"))}, {"json": False})
    for name, other in (("e", deferred("e", more, {})), ("e", known), ("d", known)):
        references = {_SOURCES: named(f"data.aws_iam_policy_document.{name}.json")}
        values = {"statement": [STATEMENT], _SOURCES: [None]}
        change = rebuilt(values, {_SOURCES: [True]}, references, other)
        actions = {a for s in change.after.policy.statements for a in s.actions}
        # A document cannot be joined to itself: a plan that says so is read to an end.
        assert actions == ({"ec2:A", "iam:*"} if name == "e" else {"ec2:A"})
        assert any("known after apply" in why for why in change.after.why) is (name == "d")


@pytest.mark.parametrize(
    ("references", "words"),
    [
        (("aws_x.y.json",), "refers to aws_x.y.json"),
        (("aws_iam_policy.q.policy",), "refers to aws_iam_policy.q.policy"),
        ((), "the plan does not say to what"),
    ],
)
def test_what_a_policy_that_is_not_known_refers_to_is_said(
    references: tuple[str, ...], words: str
) -> None:
    review = reviewed(
        resource("aws_iam_policy", "p", None, {"name": "p"}, after_unknown={"policy": True}),
        policy("q", document(), document()),
        configuration=configured("aws_iam_policy", "p", {"policy": named(*references)}),
    )
    (change,) = (c for c in review.changes if c.address == "aws_iam_policy.p")
    assert change.after.why == (f"known after apply; {words}",)


def test_statements_of_which_some_are_not_known_are_said() -> None:
    unknown = {"statement": [{"actions": True, "effect": True}]}
    change = rebuilt({"statement": [{"resources": ["*"]}]}, unknown, {})
    assert any("statement[0].actions" in why for why in change.after.why)
    assert any("statement[0].effect" in why for why in change.after.why)


def test_what_is_not_known_of_a_policy_is_not_measured() -> None:
    resources = [f"arn:aws:s3:::{i}" for i in range(250)]
    references = {"statement": [{"resources": named(f"aws_s3_bucket.{'x' * 3000}.arn")}]}
    unknown = {"statement": [{"resources": [*[False] * 250, True]}]}
    change = rebuilt(
        {"statement": [{"actions": ["s3:*"], "resources": [*resources, None]}]},
        unknown,
        references,
    )
    assert not [size for size in change.sizes if size.over]


def test_an_inline_policy_is_rebuilt_from_the_block_of_its_name() -> None:
    """A plan sorts the blocks of a role, which are a set, by what is in them."""
    blocks = [
        {"name": {"constant_value": n}, "policy": named(f"data.aws_iam_policy_document.{n}.json")}
        for n in ("one", "two")
    ]
    trust = {"name": "r", "assume_role_policy": NODES}
    later = {**trust, "inline_policy": [{"name": "two"}, {"name": "one"}]}
    unknown = {"inline_policy": [{"policy": True}, {"policy": True}]}
    review = reviewed(
        deferred("one", {"statement": [STATEMENT]}, {}),
        deferred("two", {"statement": [{"actions": ["iam:*"], "resources": ["*"]}]}, {}),
        resource("aws_iam_role", "r", None, later, after_unknown=unknown),
        configuration=configured("aws_iam_role", "r", {"inline_policy": blocks}),
    )
    message = {
        c.attribute: c.after.policy.statements[0].actions
        for c in review.changes
        if c.kind == "permissions" and c.after.policy
    }
    assert message == {'inline_policy["one"]': ("ec2:A",), 'inline_policy["two"]': ("iam:*",)}


_UNNAMED = {"name": {"references": ["var.name"]}, "policy": _ONE}
_NAMED = {"name": {"constant_value": "one"}, "policy": _ONE}


@pytest.mark.parametrize(
    ("blocks", "names", "known"),
    [
        ([_UNNAMED], ["x"], True),
        ([_UNNAMED, _UNNAMED], ["x"], False),
        ([_UNNAMED], ["x", "y"], False),  # a dynamic block, which the configuration leaves out
        ([_NAMED], ["x"], True),
        ([_NAMED], None, False),
    ],
)
def test_an_inline_policy_without_a_constant_name_is_that_of_the_only_block(
    blocks: list[Json], names: list[str] | None, known: bool
) -> None:
    later: Json = {"name": "r", "assume_role_policy": NODES}
    unknown: Json = {"inline_policy": True}
    if names is not None:
        later["inline_policy"] = [{"name": name} for name in names]
        unknown["inline_policy"] = [{"policy": True} for _ in names]
    review = reviewed(
        deferred("one", {"statement": [STATEMENT]}, {}),
        resource("aws_iam_role", "r", None, later, after_unknown=unknown),
        configuration=configured("aws_iam_role", "r", {"inline_policy": blocks}),
    )
    after = [c.after.policy for c in review.changes if c.kind == "permissions"]
    assert [bool(policy) for policy in after] == [known] * len(names or ["any"])


def test_an_empty_block_asks_for_no_inline_policy_and_hides_no_other() -> None:
    blocks = [{"name": None, "policy": None}, {"name": "i", "policy": document(allow("*"))}]
    later = {"name": "r", "assume_role_policy": NODES, "inline_policy": blocks}
    review = reviewed(resource("aws_iam_role", "r", None, later))
    assert "admin-attached" in rules(review)
    attributes = [c.attribute for c in review.changes if c.kind == "permissions"]
    assert attributes == ['inline_policy["i"]']


def test_a_role_that_is_made_anew_has_no_unknown_policies_of_its_own() -> None:
    values = {"name": "r", "assume_role_policy": NODES}
    before = {**values, "inline_policy": [], "managed_policy_arns": []}
    unknown = {"inline_policy": True, "managed_policy_arns": True}
    actions = ["delete", "create"]
    change = resource("aws_iam_role", "r", before, values, actions=actions, after_unknown=unknown)
    assert not {"unknown-policy", "unknown-attachment"} & rules(reviewed(change))


def test_of_a_role_alone_it_is_said_that_inline_policies_may_be_unseen() -> None:
    for kind, unseen in (("aws_iam_role", True), ("aws_iam_user", False)):
        change = resource(kind, "x", None, None, actions=["create"], after_unknown=True)
        assert ("unseen" in rules(reviewed(change))) == unseen


def test_inline_policies_of_a_dynamic_block_that_is_not_known_may_be_any() -> None:
    old = {"name": "r", "assume_role_policy": NODES}
    before = {**old, "inline_policy": [{"name": "a", "policy": document(allow("ec2:A"))}]}
    review = reviewed(
        resource("aws_iam_role", "r", before, old, after_unknown={"inline_policy": True})
    )
    assert rules(review) == {"unknown-policy"}
    assert not [line for c in review.changes for line in c.lines if line.effect == "loss"]


@pytest.mark.parametrize("names", [["1", None], [None, "0"], [None, None], ["a", "a"]])
def test_inline_policies_without_a_known_name_are_kept_apart(names: list[str | None]) -> None:
    texts = [document(allow("*")), document(allow("ec2:A"))]
    blocks = [
        {"policy": text, **({"name": name} if name else {})}
        for name, text in zip(names, texts, strict=True)
    ]
    unknown = {"inline_policy": [{} if name else {"name": True} for name in names]}
    later = {"name": "r", "assume_role_policy": NODES, "inline_policy": blocks}
    review = reviewed(resource("aws_iam_role", "r", None, later, after_unknown=unknown))
    messages = [
        c.after.policy.statements[0].actions for c in review.changes if c.kind == "permissions"
    ]  # type: ignore[union-attr]
    assert sorted(messages) == [("*",), ("ec2:A",)]

"""What a plan does not know yet: as much as it says is told, and the rest is a finding."""

from typing import Any

import pytest

from eks import NODE_TRUST
from synthetic import (
    DOCUMENT,
    Json,
    allow,
    block,
    configured,
    deferred,
    document,
    levels,
    policy,
    refers,
    resource,
    reviewed,
    rules,
)
from vpc_cni_iam.review.report.shown import ShownReview

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
COPY = "arn:aws:iam::111122223333:policy/p"
D = DOCUMENT.removesuffix(".d")
ATTACHMENT = "aws_iam_role_policy_attachment"
TRUST = {"name": "r", "assume_role_policy": NODE_TRUST}
ROLE = resource("aws_iam_role", "r", TRUST, TRUST)


def attach(key: str = "", **values: Any) -> Json:
    address = f"{ATTACHMENT}.a" + (f'["{key}"]' if key else "")
    later = {"role": "r", **values}
    unknown = {"policy_arn": True}
    return resource(ATTACHMENT, "a", None, later, address=address, after_unknown=unknown)


def attached(review: ShownReview) -> set[str]:
    """The managed policies that newly allow something."""
    return {p.policy for p in review.policies if p.policy}


@pytest.mark.parametrize(
    "references",
    [
        ("aws_iam_policy.one.arn", "aws_iam_policy.two.arn"),
        *(
            ("aws_iam_policy.one.arn", other)
            for other in ("aws_iam_role.r.unique_id", "local.arn", "data.aws_x.y.arn")
        ),
        ("local.arn",),
        (),
    ],
)
def test_a_policy_that_may_be_another_one_is_not_known(references: tuple[str, ...]) -> None:
    review = reviewed(
        ROLE,
        policy("one", None, document(allow("ec2:A"))),
        policy("two", None, document(allow("iam:*"))),
        attach(),
        configuration=configured(block(f"{ATTACHMENT}.a", policy_arn=refers(*references))),
    )
    (finding,) = (f for f in review.findings if f.rule == "unknown-attachment")
    assert (finding.level, finding.subject) == ("warning", "aws_iam_role.r")


@pytest.mark.parametrize(("arn", "rule"), [(ADMIN, "admin-attached"), (5, "unknown-attachment")])
def test_an_attachment_that_is_put_off_is_of_the_policy_that_is_written_there(
    arn: object, rule: str
) -> None:
    """Of a deferred change the plan may have nothing but what the configuration says."""
    later = resource(ATTACHMENT, "a", None, None, actions=["create"], after_unknown=True)
    review = reviewed(
        deferred_changes=[{"reason": "instance_count_unknown", "resource_change": later}],
        configuration=configured(block(f"{ATTACHMENT}.a", policy_arn={"constant_value": arn})),
    )
    assert rule in rules(review) and review.failed


TWICE = {"constant_value": {"a": "b", "b": "a"}}


@pytest.mark.parametrize(
    ("index", "each", "known"),
    [
        ("each.key", TWICE, True),
        ("each.value", TWICE, False),
        ("each.value", {"references": ["local.map"]}, False),
        ("each.value", {"constant_value": ["a", "b"]}, True),
        ("var.which", {}, False),
        ("var.map", TWICE, False),
    ],
)
def test_an_instance_of_the_same_key_is_only_meant_where_the_key_is(
    index: str, each: Json, *, known: bool
) -> None:
    references = ["aws_iam_policy.p", index, *(["each.key"] if index == "var.map" else [])]
    instances = [
        policy("p", None, document(allow(f"ec2:{key}")), address=f'aws_iam_policy.p["{key}"]')
        for key in "ab"
    ]
    expressions = {"policy_arn": {"references": references}}
    review = reviewed(
        *(ROLE, *instances, attach("a")),
        configuration=configured(
            block(f"{ATTACHMENT}.a", **expressions) | {"for_each_expression": each}
        ),
        variables={"which": {"value": "b"}, "map": {"value": TWICE["constant_value"]}},
    )
    assert ("unknown-attachment" in rules(review)) is not known
    if known:
        (gain,) = (f for f in review.findings if f.rule == "new-access")
        assert (gain.subject, "ec2:a" in gain.message) == ("aws_iam_role.r", True)


@pytest.mark.parametrize(
    ("references", "for_each", "known"),
    [
        (["each.value"], refers("aws_iam_policy.p.arn"), True),
        (["each.value"], refers("aws_iam_policy.p.arn", "aws_iam_policy.q.arn"), False),
        # A default beside a value of each is not what is meant.
        (["each.value", "var.default"], {"references": ["local.arns"]}, False),
    ],
)
def test_a_value_of_each_is_what_for_each_refers_to(
    references: list[str], for_each: Json, *, known: bool
) -> None:
    expressions = {"policy_arn": {"references": references}}
    review = reviewed(
        policy("p", None, document(allow("ec2:A"))),
        attach("a"),
        configuration=configured(
            block(f"{ATTACHMENT}.a", **expressions) | {"for_each_expression": for_each}
        ),
        variables={"default": {"value": "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"}},
    )
    assert ("unknown-attachment" in rules(review)) is not known


@pytest.mark.parametrize("key", ["", "a"])
def test_an_instance_is_told_from_what_is_left_of_it_and_from_its_drift(key: str) -> None:
    """A key beside the name of one policy, as in a condition, chooses no instance."""
    references = ["each.key", "aws_iam_policy.p.arn", "aws_iam_policy.p"]
    review = reviewed(
        policy("p", None, document(allow("ec2:C"))),
        policy("p", document(allow("ec2:A")), None, deposed="abcd1234"),
        *(ROLE, attach(key)),
        resource_drift=[policy("p", document(allow("ec2:A")), document(allow("ec2:B")))],
        configuration=configured(block(f"{ATTACHMENT}.a", policy_arn={"references": references})),
    )
    (finding,) = (f for f in review.findings if f.subject == "aws_iam_role.r")
    assert finding.message.startswith("aws_iam_role.r can now call ec2:C on all resources")


def listing(before: list[str] | None) -> Json:
    old = {**TRUST, "managed_policy_arns": before} if before is not None else None
    unknown = {"managed_policy_arns": True}
    return resource("aws_iam_role", "r", old, TRUST, after_unknown=unknown)


LISTS = configured(block("aws_iam_role.r", managed_policy_arns=refers("aws_iam_policy.p.arn")))


def test_a_list_of_arns_that_is_not_known_may_hold_more_than_it_refers_to() -> None:
    """A plan has the references of ``[aws_iam_policy.p.arn, "arn:..."]``, not the literal."""
    new = policy("p", None, document(allow("ec2:A")))
    review = reviewed(new, listing(None), configuration=LISTS)
    assert {"unknown-attachment", "new-policy"} <= rules(review)
    assert "aws_iam_policy.p" in attached(review)


@pytest.mark.parametrize("is_replaced", [False, True])
def test_what_stood_in_a_list_that_is_not_known_is_not_called_gone(is_replaced: bool) -> None:
    changes, arn = [], ADMIN
    if is_replaced:
        arn = COPY
        old, new = ({"name": name, "policy": document(allow("ec2:A"))} for name in "pq")
        more = {"actions": ["delete", "create"], "after_unknown": {"arn": True}}
        changes = [resource("aws_iam_policy", "p", {**old, "arn": arn}, new, **more)]
    review = reviewed(*changes, listing([arn]), configuration=LISTS)
    assert "unknown-attachment" in rules(review)
    assert "access-removed" not in rules(review)


def test_owners_in_a_list_that_is_not_known_may_be_more_than_it_refers_to() -> None:
    kind = "aws_iam_policy_attachment"
    values = {"name": "p", "policy": document(allow("ec2:A")), "arn": COPY}
    before = {"policy_arn": COPY, "roles": ["a"]}
    review = reviewed(
        resource("aws_iam_policy", "p", values, values),
        resource("aws_iam_role", "b", TRUST, TRUST),
        resource(kind, "m", before, {"policy_arn": COPY}, after_unknown={"roles": True}),
        configuration=configured(block(f"{kind}.m", roles=refers("aws_iam_role.b.name"))),
    )
    gains = {f.rule: f.subject for f in review.findings if f.level != "note"}
    assert gains == {
        "new-access": "aws_iam_role.b",
        "new-policy": "the role in aws_iam_policy_attachment.m.roles",
    }


@pytest.mark.parametrize("kind", ["role", "user", "group"])
def test_whoever_has_a_name_that_is_not_known_may_be_new(kind: str) -> None:
    """The role may be made by the same plan: a warning, which counts for new access."""
    values = {"name": "p", "policy": document(allow("s3:*"))}
    created = resource(f"aws_iam_{kind}_policy", "p", None, values, after_unknown={kind: True})
    (finding,) = reviewed(created).findings
    assert (finding.rule, finding.level) == ("new-policy", "warning")
    assert "new-access" in finding.means


@pytest.mark.parametrize(
    "blocks",
    [
        [block("aws_iam_role_policy.p", role=refers("aws_iam_role.a.name", "aws_iam_role.b.name"))],
        # What passes a name on may pass on another one.
        [
            block("aws_iam_role_policy.p", role=refers("terraform_data.t.output")),
            block("terraform_data.t", input=refers("aws_iam_role.a.name")),
        ],
    ],
    ids=["two roles", "another resource"],
)
def test_a_role_that_is_referred_to_with_another_or_indirectly_is_not_known(
    blocks: list[Json],
) -> None:
    text = document(allow("s3:*"))
    review = reviewed(
        resource("aws_iam_role", "a", None, {"assume_role_policy": NODE_TRUST}),
        resource("aws_iam_role_policy", "p", None, {"policy": text}, after_unknown={"role": True}),
        configuration=configured(*blocks),
    )
    subjects = {f.subject for f in review.findings if "s3:*" in f.message}
    assert subjects == {"the role in aws_iam_role_policy.p.role"} and review.failed


def rebuilt(
    values: Json, unknown: Any, expressions: Json, *others: Json, sensitive: Any = False
) -> ShownReview:
    """A plan with a policy that refers to a document that is read at apply, beside others."""
    unknown_policy = {"actions": ["create"], "after_unknown": {"policy": True}}
    return reviewed(
        deferred(values, unknown=unknown, after_sensitive=sensitive),
        *others,
        resource("aws_iam_policy", "p", None, {"name": "p"}, **unknown_policy),
        configuration=configured(
            block("aws_iam_policy.p", policy=refers(f"{DOCUMENT}.json")),
            block(DOCUMENT, **expressions),
        ),
    )


def actions(review: ShownReview) -> set[str]:
    """The actions that are shown of the new policy."""
    lines = " ".join(
        line.text for p in review.policies if p.address == "aws_iam_policy.p" for line in p.lines
    )
    return {a for a in ("ec2:A", "ec2:B", "iam:*", "s3:B") if a in lines}


STATEMENT = {"actions": ["ec2:A"], "resources": ["*"]}
SOURCES = "source_policy_documents"
JOINED = document(allow("iam:*", Sid="Same"), allow("s3:B", Sid="Other"))


@pytest.mark.parametrize(("begin", "rule"), [("&", "new-access"), ("$", "rewritten")])
def test_a_document_has_the_variables_that_the_provider_writes(begin: str, rule: str) -> None:
    """The provider writes ``${`` instead of ``&{``."""
    own = {"actions": ["s3:A"], "resources": ["arn:aws:s3:::example/&{aws:username}"]}
    text = document(allow("s3:A", f"arn:aws:s3:::example/{begin}{{aws:username}}"))
    review = reviewed(
        deferred({"statement": [own]}, unknown={}),
        resource(
            "aws_iam_role_policy",
            "p",
            {"role": "r", "name": "p", "policy": text},
            {"role": "r", "name": "p"},
            after_unknown={"policy": True},
        ),
        configuration=configured(
            block("aws_iam_role_policy.p", policy=refers(f"{DOCUMENT}.json")), block(DOCUMENT)
        ),
    )
    assert rules(review) == {rule}


@pytest.mark.parametrize(
    ("argument", "sid", "expected"),
    [
        ("source_json", "", {"ec2:A", "iam:*", "s3:B"}),
        ("override_json", "", {"ec2:A", "iam:*", "s3:B"}),
        # Of two statements with one sid, the later counts.
        ("source_json", "Same", {"ec2:A", "s3:B"}),
        ("override_json", "Same", {"iam:*", "s3:B"}),
    ],
)
def test_the_older_ways_to_join_documents_are_known(
    argument: str, sid: str, expected: set[str]
) -> None:
    own = {**STATEMENT, "sid": sid} if sid else STATEMENT
    assert actions(rebuilt({argument: JOINED, "statement": [own]}, {}, {})) == expected


# Of a part that is not known, the rest may be new.
REASONS = {"unknown-policy", "unreadable-policy", "not-proven", "new-policy"}
NO_ACTION: Json = {"resources": ["*"]}


@pytest.mark.parametrize(
    ("values", "unknown", "expressions"),
    [
        ({"statement": []}, {"statement": True}, {}),
        ({}, True, {}),
        ({"json": "{"}, {"json": False}, {}),
        *(
            ({"statement": [STATEMENT]}, {name: True}, {name: refers("aws_x.y.json")})
            for name in (SOURCES, "override_policy_documents", "source_json", "override_json")
        ),
        ({"statement": [NO_ACTION]}, {"statement": [{"actions": True, "effect": True}]}, {}),
        *(
            ({"statement": [STATEMENT]}, {"statement": [{block: True}]}, {})
            for block in ("condition", "principals", "not_principals")
        ),
        *(
            (
                {"statement": [STATEMENT], SOURCES: [document(allow("s3:B")), joined]},
                {SOURCES: [False, joined is None]},
                {SOURCES: refers("aws_iam_policy.q.policy")},
            )
            for joined in ("{", None)
        ),
    ],
)
def test_a_document_of_which_something_cannot_be_read_is_said(
    values: Json, unknown: Any, expressions: Json
) -> None:
    review = rebuilt(values, unknown, expressions)
    assert review.failed and rules(review) <= REASONS


@pytest.mark.parametrize("sensitive", [True, {"json": True}])
def test_nothing_of_a_sensitive_document_is_shown(sensitive: Any) -> None:
    values = {"statement": [{**STATEMENT, "actions": ["hunter2:Q3est"]}]}
    review = rebuilt(values, {}, {}, sensitive=sensitive)
    assert "hunter2" not in str(review).lower() and review.failed


def test_a_document_that_is_read_may_be_what_a_policy_will_be() -> None:
    """Such as of a policy that is put off."""
    review = rebuilt({"json": document(allow("ec2:A"))}, {"json": False}, {})
    assert actions(review) == {"ec2:A"}


@pytest.mark.parametrize(
    ("name", "other", "expected"),
    [
        ("e", {"statement": [{"actions": ["iam:*"], "resources": ["*"]}]}, {"ec2:A", "iam:*"}),
        ("e", {"json": document(allow("iam:*"))}, {"ec2:A", "iam:*"}),
        # A document cannot be joined to itself: a plan that says so is read to an end.
        ("d", {"json": document(allow("iam:*"))}, set()),
    ],
)
def test_a_document_that_is_joined_is_read_where_it_is(
    name: str, other: Json, expected: set[str]
) -> None:
    references = {SOURCES: refers(f"{D}.{name}.json")}
    values = {"statement": [STATEMENT], SOURCES: [None]}
    known = deferred(other, unknown={"json": "json" not in other}, address=f"{D}.e")
    review = rebuilt(values, {SOURCES: [True]}, references, known)
    assert actions(review) == expected and review.failed


def test_what_is_not_known_of_a_policy_is_not_measured() -> None:
    resources = [f"arn:aws:s3:::{i}" for i in range(250)]
    references = {"statement": [{"resources": refers(f"aws_s3_bucket.{'x' * 3000}.arn")}]}
    unknown = {"statement": [{"resources": [*[False] * 250, True]}]}
    statement = {"actions": ["s3:*"], "resources": [*resources, None]}
    assert "size-limit" not in rules(rebuilt({"statement": [statement]}, unknown, references))


def role_with(blocks: list[Json], later: object, unknown: object) -> ShownReview:
    """A new role with inline policies, of which the plan shows what is given."""
    after = {**TRUST, **({"inline_policy": later} if later is not None else {})}
    return reviewed(
        *(
            deferred({"statement": [s]}, unknown={}, address=f"{D}.{name}")
            for name, s in DOCUMENTS.items()
        ),
        resource("aws_iam_role", "r", None, after, after_unknown={"inline_policy": unknown}),
        configuration=configured(block("aws_iam_role.r", inline_policy=blocks)),
    )


DOCUMENTS = {"one": STATEMENT, "two": {"actions": ["iam:*"], "resources": ["*"]}}
NAMED = [{"name": {"constant_value": n}, "policy": refers(f"{D}.{n}.json")} for n in ("one", "two")]
UNNAMED = {"name": {"references": ["var.name"]}, "policy": refers(f"{D}.one.json")}
UNKNOWN = "unknown-policy"


@pytest.mark.parametrize(
    ("blocks", "names", "known"),
    [
        ([UNNAMED], ["x"], True),
        ([UNNAMED, UNNAMED], ["x"], False),
        ([UNNAMED], ["x", "y"], False),  # a dynamic block, which the configuration leaves out
        (NAMED[:1], ["one"], True),
        (NAMED[:1], None, False),
        # A plan sorts the blocks of a role, which are a set, by what is in them.
        (NAMED, ["two", "one"], False),
    ],
)
def test_an_inline_policy_that_is_known_after_apply_is_that_of_the_only_block(
    blocks: list[Json], names: list[str] | None, *, known: bool
) -> None:
    later = [{"name": name} for name in names] if names else None
    unknown = [{"policy": True} for _ in names] if names else True
    assert (UNKNOWN in rules(role_with(blocks, later, unknown))) is not known


def test_an_empty_block_asks_for_no_inline_policy_and_hides_no_other() -> None:
    blocks = [{"name": None, "policy": None}, {"name": "i", "policy": document(allow("*"))}]
    review = reviewed(resource("aws_iam_role", "r", None, {**TRUST, "inline_policy": blocks}))
    assert "admin-attached" in rules(review) and UNKNOWN not in rules(review)


def test_a_role_that_is_made_anew_has_no_unknown_policies_of_its_own() -> None:
    before = {**TRUST, "inline_policy": [], "managed_policy_arns": []}
    unknown = {"inline_policy": True, "managed_policy_arns": True}
    actions = ["delete", "create"]
    change = resource("aws_iam_role", "r", before, TRUST, actions=actions, after_unknown=unknown)
    assert not {UNKNOWN, "unknown-attachment"} & rules(reviewed(change))


def test_what_no_plan_shows_of_new_roles_is_said_once_and_is_no_finding() -> None:
    made = [
        resource("aws_iam_role", name, None, TRUST, after_unknown={"inline_policy": True})
        for name in ("a", "b")
    ]
    blocks = (block(f"aws_iam_role.{name}", name={}) for name in ("a", "b"))
    review = reviewed(*made, configuration=configured(*blocks))
    words = "inline policies of dynamic blocks in new roles (aws_iam_role.a and 1 more)"
    assert review.not_shown == (words,)
    assert {f.level for f in review.findings} == {"note"}
    assert not any("inline" in f.message for f in review.findings)


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ([{"name": "i", "policy": document(allow("a:b"))}], True, "admin-attached"),
        ([], True, "admin-attached"),
        ([], False, UNKNOWN),
        ([{"name": "a", "policy": document(allow("ec2:A"))}], False, UNKNOWN),
    ],
)
def test_inline_policies_of_a_dynamic_block_are_not_passed_over(
    before: list[Json], rule: str, *, after: bool
) -> None:
    """A plan's configuration leaves out dynamic blocks."""
    later = {"inline_policy": [{"name": "i", "policy": document(allow(["a:b", "iam:*"]))}]}
    change = resource(
        "aws_iam_role",
        "r",
        {**TRUST, "inline_policy": before},
        {**TRUST, **(later if after else {})},
        after_unknown={} if after else {"inline_policy": True},
    )
    review = reviewed(change)
    assert rule in rules(review) and "access-removed" not in rules(review)


@pytest.mark.parametrize("names", [["1", None], [None, "0"], [None, None], ["a", "a"]])
def test_inline_policies_without_a_known_name_are_kept_apart(names: list[str | None]) -> None:
    texts = [document(allow("*")), document(allow("ec2:A"))]
    blocks = [
        {"policy": text, **({"name": name} if name else {})}
        for name, text in zip(names, texts, strict=True)
    ]
    unknown = {"inline_policy": [{} if name else {"name": True} for name in names]}
    later = {**TRUST, "inline_policy": blocks}
    review = reviewed(resource("aws_iam_role", "r", None, later, after_unknown=unknown))
    assert levels(review)["admin-attached"] == "error"
    assert len([p for p in review.policies if p.kind != "trust policy"]) == 2

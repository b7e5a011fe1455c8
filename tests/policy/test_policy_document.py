"""The policy model: what is read is what is printed, and bad input is refused by place."""

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from vpc_cni_iam.errors import InputError
from vpc_cni_iam.policy import normalise
from vpc_cni_iam.policy.document import Policy, Statement, dumps
from vpc_cni_iam.policy.parse import loads

MINIMAL = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def policy(**statement: Any) -> str:
    merged = {**MINIMAL, **statement}
    return json.dumps({"Statement": [{k: v for k, v in merged.items() if v is not ...}]})


def test_scalar_and_list_are_read_alike() -> None:
    listed = loads(policy(Action=["s3:GetObject"], Resource=["*"]), "x")
    assert listed == loads(policy(), "x")


def test_an_absent_version_is_the_old_one() -> None:
    assert loads(policy(), "x").version == "2008-10-17"


def test_numbers_and_booleans_are_read_as_iam_compares_them() -> None:
    document = loads(
        policy(Condition={"Bool": {"a:b": True}, "NumericEquals": {"c:d": [1, 2.5]}}), "x"
    )
    assert [c.values for c in document.statements[0].conditions] == [("true",), ("1", "2.5")]


@pytest.mark.parametrize(
    "number", ["1e5", "-0", "0.10", "1E400", "9" * 5000, "12345678901234567890"]
)
def test_numbers_keep_their_text(number: str) -> None:
    text = policy(Condition={"NumericEquals": {"a:b": "N"}}).replace('"N"', number)
    assert loads(text, "x").statements[0].conditions[0].values == (number,)
    assert loads(text.replace(number, f"[{number}]"), "x").statements[0].conditions[0].values == (
        number,
    )


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", "", "is empty"),
        ("  \n", "", "is empty"),
        ("{", "line 1, column 2", "is not JSON"),
        ('{"Statement": NaN}', "line 1, $.Statement", "NaN is not JSON"),
        ('{"Statement": [], "Statement": []}', "line 1, $.Statement", "'Statement' is there twice"),
        (
            '{"Statement": [{"Sid": "a,b"},\n {"Sid": "{\\"", "x": [1, [2], -Infinity]}]}',
            "line 2, $.Statement[1].x[2]",
            "-Infinity is not JSON",
        ),
        (
            '{"a": {"b": 1}, "c": [{"b": 1},\n\n{"b": 1, "\\u0062": 2}]}',
            "line 3, $.c[1].b",
            "twice",
        ),
        ('{"Statement": [], "statement": []}', "$", "'statement'; write Statement"),
        ('{"Version": 2012, "Statement": []}', "$.Version", "a number is none of"),
        (policy(Principal=None), "$.Statement[0].Principal", "an object is expected, not null"),
        (policy(NotPrincipal={}), "$.Statement[0].NotPrincipal", "matches nobody"),
        ("\ufeff{}", "line 1", "byte order mark"),
        ("{}\n{}\n", "line 2, column 1", "make one list of them, for example with jq -s ."),
        ("{} x", "line 1, column 4", "is not JSON: more text follows"),
        ("[" * 100_000, "", "nests too deeply"),
        ("[]", "$", "an object is expected, not a list"),
        ("{}", "$", "has no Statement"),
        ('{"Version": "2012", "Statement": []}', "$.Version", "'2012' is none of"),
        ('{"Statement": [], "Extra": 1}', "$", "unknown element 'Extra'"),
        ('{"Statement": [7]}', "$.Statement[0]", "an object is expected, not a number"),
        ('{"Statement": null}', "$.Statement", "an object is expected, not null"),
        (policy(Effect="allow"), "$.Statement[0].Effect", "'allow' is not 'Allow' or 'Deny'"),
        (policy(Action=...), "$.Statement[0]", "needs either Action or NotAction"),
        (policy(NotAction="a:b"), "$.Statement[0]", "needs either Action or NotAction"),
        (policy(NotResource="*"), "$.Statement[0]", "both Resource and NotResource"),
        (policy(Action=[]), "$.Statement[0].Action", "empty list"),
        (policy(Action=[1]), "$.Statement[0].Action", "strings are expected, not a number"),
        (policy(Resource={"a": "b"}), "$.Statement[0].Resource", "not an object"),
        (policy(Sid=3), "$.Statement[0].Sid", "a string is expected"),
        (policy(Principal="me"), "$.Statement[0].Principal", "an object is expected, not a string"),
        (policy(Principal={"Who": "x"}), "$.Statement[0].Principal", "unknown element 'Who'"),
        (policy(Condition=[]), "$.Statement[0].Condition", "an object is expected"),
        (policy(Condition={"Bool": "x"}), "$.Statement[0].Condition.Bool", "an object is expected"),
        (
            policy(Condition={"Bool": {"a:B": "x", "A:b": "y"}}),
            "$.Statement[0].Condition.Bool",
            "has a condition key twice",
        ),
        (
            policy(Condition={"Bool": {"a:b": [None]}}),
            "$.Statement[0].Condition.Bool.a:b",
            "not null",
        ),
    ],
)
def test_bad_input_names_the_place(text: str, place: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        loads(text, "some.json")
    assert caught.value.source == "some.json"
    assert caught.value.place == place
    assert words in str(caught.value)
    assert caught.value.exit_code == 3


texts = st.text(min_size=1, max_size=20)
lists = st.lists(texts, min_size=1, max_size=3)
one_or_many = texts | lists
principals = st.just("*") | st.dictionaries(
    st.sampled_from(["AWS", "Service", "Federated", "CanonicalUser"]), one_or_many, min_size=1
)
statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
    },
    optional={
        "Sid": st.text(min_size=1, max_size=8),
        "Condition": st.dictionaries(
            texts,
            st.dictionaries(texts, one_or_many, min_size=1, max_size=2).filter(
                lambda keys: len({k.lower() for k in keys}) == len(keys)
            ),
            max_size=2,
        ),
    },
).flatmap(
    lambda fixed: st.tuples(
        st.sampled_from(["Action", "NotAction"]),
        one_or_many,
        st.sampled_from(["Resource", "NotResource"]),
        one_or_many,
        st.sampled_from(["Principal", "NotPrincipal", None]),
        principals,
    ).map(
        lambda drawn: {
            **fixed,
            drawn[0]: drawn[1],
            drawn[2]: drawn[3],
            **({drawn[4]: drawn[5]} if drawn[4] else {}),
        }
    )
)
documents = st.fixed_dictionaries(
    {"Statement": st.lists(statements, max_size=3)},
    optional={"Version": st.sampled_from(["2012-10-17", "2008-10-17"]), "Id": texts},
)


@given(documents)
def test_what_is_printed_reads_back_the_same(document: dict[str, Any]) -> None:
    policy = loads(json.dumps(document), "x")
    assert loads(dumps(policy), "x") == policy
    assert loads(dumps(policy, indent=None), "x") == policy


@given(documents, st.randoms())
def test_order_and_repetition_have_no_meaning(document: dict[str, Any], random: Any) -> None:
    policy = loads(json.dumps(document), "x")

    def shuffle(value: Any) -> Any:
        if isinstance(value, dict):
            items = [(k, shuffle(v)) for k, v in value.items()]
            random.shuffle(items)
            return dict(items)
        if isinstance(value, list):
            items = [shuffle(v) for v in value]
            random.shuffle(items)
            return items + items[:1] if items and isinstance(items[0], str) else items
        return value

    assert normalise.equal(policy, loads(json.dumps(shuffle(document)), "x"))


def test_actions_lists_what_is_allowed_once() -> None:
    document = loads(
        json.dumps(
            {
                "Statement": [
                    {"Effect": "Allow", "Action": ["a:B", "a:C"], "Resource": "*"},
                    {"Effect": "Deny", "Action": "a:D", "Resource": "*"},
                    {"Effect": "Allow", "Action": "a:B", "Resource": "x"},
                ]
            }
        ),
        "x",
    )
    assert document.actions() == ("a:B", "a:C")
    assert Policy(()).actions() == ()


def test_the_hash_of_a_policy_is_that_of_what_it_says() -> None:
    policy = Policy((Statement(actions=("s3:GetObject",)),))
    assert hash(policy) == hash(pickle.loads(pickle.dumps(policy)))
    others = [replace(policy, id="x"), Policy((replace(policy.statements[0], sid="x"),))]
    assert len({policy, *others, Policy(policy.statements)}) == 3

"""Who can newly assume a role, no longer, or from the start."""

import json

import pytest

from synthetic import (
    DOCUMENT,
    Json,
    block,
    configured,
    deferred,
    document,
    found,
    levels,
    refers,
    reviewed,
    role,
    rules,
)
from trust_policies import (
    AUD,
    BOTH,
    GOOD,
    NAMESPACE,
    OF_OWN,
    OIDC,
    OTHER,
    OWN,
    POD,
    PROVIDER,
    SUB,
    WEB,
    inline,
    irsa,
    message,
    of,
    of_rule,
    pods,
    trust,
    trusting,
)

ASSUME = "sts:AssumeRole"

# Of whom the plan does not show that they are in the account of the role.
_OTHER = " (not known to be in this account)"


def _principals(*names: str) -> str:
    return trusting({"AWS": [f"arn:aws:iam::{OWN}:role/{name}" for name in names]}, ASSUME)


_ACCOUNT, _MFA = {"AWS": OWN}, {"aws:MultiFactorAuthPresent": "true"}
_ORGANIZATION = {"aws:PrincipalOrgID": "o-a"}
_NEW = "aws_iam_role.r can now be assumed by"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (trusting(_ACCOUNT, ASSUME, Bool=_MFA), trusting(_ACCOUNT, ASSUME, BoolIfExists=_MFA),
         "Condition on aws:MultiFactorAuthPresent changes from Bool 'true' to BoolIfExists 'true'"),
        # A condition is gone, too, where the statement is another one.
        (trusting(_ACCOUNT, ASSUME, Bool=_MFA), trusting(_ACCOUNT, "sts:*"),
         f"{_NEW} AWS account {OWN} (was AWS account {OWN} if aws:MultiFactorAuthPresent Bool "
         "'true')"),
        (of("ec2"), trusting({"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]}, ASSUME),
         f"{_NEW} lambda.amazonaws.com"),
        (_principals("a", "b"), _principals("a", "c"),
         f"{_NEW} arn:aws:iam::{OWN}:role/c (was arn:aws:iam::{OWN}:role/b)"),
        (_principals("a"), _principals("b", "c", "d", "e"),
         f"{_NEW} arn:aws:iam::{OWN}:role/b, arn:aws:iam::{OWN}:role/c and 2 more (was "
         f"arn:aws:iam::{OWN}:role/a)"),
        (GOOD, irsa(StringEquals=AUD), f"Condition {OIDC}:sub StringEquals"),
        (pods(*BOTH, **NAMESPACE), pods(*BOTH),
         "Condition aws:RequestTag/kubernetes-namespace StringEquals 'kube-system' is removed"),
        (trusting(_ACCOUNT, *BOTH), trusting("*", *BOTH),
         f"{_NEW} everyone (was AWS account {OWN})"),
        (trusting("*", *BOTH, StringEquals=_ORGANIZATION),
         trusting("*", *BOTH, StringEquals={"aws:PrincipalOrgID": "o-b"}),
         "Condition on aws:PrincipalOrgID changes from StringEquals 'o-a' to StringEquals 'o-b'"),
        (trusting(_ACCOUNT, *BOTH, ArnLike={"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/ci"}),
         trusting(_ACCOUNT, *BOTH), "Condition aws:PrincipalArn ArnLike"),
        (GOOD, document({"Effect": "Deny", "Action": ASSUME, "Principal": "*"},
                        *json.loads(irsa(StringEquals=AUD))["Statement"]),
         f"Condition {OIDC}:sub StringEquals 'system:serviceaccount:kube-system:aws-node' is "
         f"removed: {_NEW} any service account of"),
        (trusting(_ACCOUNT, ASSUME), trusting(_ACCOUNT, *BOTH),
         "The trust policy of aws_iam_role.r now also allows its principals to call "
         "sts:TagSession"),
        (pods(ASSUME), pods(*BOTH), "The trust policy of aws_iam_role.r now also allows its"),
        (document(trust("*", ASSUME, StringEquals=_ORGANIZATION),
                  {"Effect": "Deny", "Action": ASSUME,
                   "Principal": {"AWS": "arn:aws:iam::444455556666:role/ci"}}),
         trusting("*", ASSUME, StringEquals=_ORGANIZATION),
         "The Deny that denies sts:AssumeRole to AWS arn:aws:iam::444455556666:role/ci is removed"),
        *((GOOD, document(*json.loads(GOOD)["Statement"], trust({kind: name}, action)),
           f"{_NEW} {name}")
          for kind, name, action in (
              ("AWS", f"arn:aws:iam::{OWN}:root", ASSUME),
              ("Federated", f"arn:aws:iam::{OWN}:saml-provider/s", "sts:AssumeRoleWithSAML"),
              ("CanonicalUser", "abc", ASSUME))),
    ],
)  # fmt: skip
def test_who_can_newly_assume_a_role_is_named_after_the_condition_that_is_gone(
    before: str, after: str, words: str
) -> None:
    (finding,) = of_rule("trust-widened", role("r", before, after))
    assert finding.message.startswith(words)
    assert any(detail.startswith("example: ") for detail in finding.details)
    assert "aws_iam_role.r" in finding.fix
    assert levels(found(role("r", before, after)))["trust-widened"] == "error"


@pytest.mark.parametrize(
    ("after", "level"),
    [
        (trust({"Service": "eks.amazonaws.com"}, *BOTH), "warning"),
        (trust({"Service": "eks.amazonaws.com"}, "sts:*"), "error"),
        (trust({"Service": ["eks.amazonaws.com", "ec2.amazonaws.com"]}, *BOTH), "error"),
        (trust({"Service": "eks.amazonaws.com", "AWS": OWN}, *BOTH), "error"),
    ],
)
def test_session_tags_of_a_service_are_a_warning(after: Json, level: str) -> None:
    """As terraform-aws-eks adds them to the role of each cluster, from v20.31 on."""
    (finding,) = of_rule("trust-widened", role("r", of("eks"), document(after)))
    assert finding.level == level
    assert any("EKS Auto Mode needs this" in d for d in finding.details) is (level == "warning")


def test_an_example_has_a_subject_that_a_deny_does_not_take_away() -> None:
    everyone = json.loads(irsa(StringLike={**AUD, f"{OIDC}:sub": "system:serviceaccount:*:*"}))
    denied = trust({"Federated": PROVIDER}, WEB, StringLike={
        f"{OIDC}:sub": "system:serviceaccount:example:*"})  # fmt: skip
    after = document(*everyone["Statement"], {**denied, "Effect": "Deny"})
    (finding,) = of_rule("trust-widened", role("r", GOOD, after))
    (example,) = (d for d in finding.details if d.startswith("example"))
    assert "serviceaccount:example:" not in example


def test_a_statement_that_no_token_meets_lets_nobody_in() -> None:
    foreign = {f"{OIDC}OTHER:{claim}": "x" for claim in ("aud", "sub")}
    own = json.loads(GOOD)["Statement"]
    for principal, is_widened in (
        ({"Federated": PROVIDER}, False),
        ({"Federated": [PROVIDER, f"{PROVIDER}OTHER"]}, True),
        ({"Federated": [PROVIDER, "arn:aws:iam::111122223333:saml-provider/s"]}, True),
        ({"Federated": PROVIDER, "AWS": "444455556666"}, True),
    ):
        more = trust(principal, "sts:*", StringEquals=foreign)
        rules = levels(found(role("r", GOOD, document(*own, more))))
        assert ("trust-widened" in rules) is is_widened


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        (POD, POD.replace('["sts:AssumeRole", "sts:TagSession"]',
                          '["sts:TagSession", "sts:AssumeRole"]'), None),
        (of("ec2"), trusting({"Service": ["ec2.amazonaws.com"]}, "sts:assumerole"),
         "rewritten"),
        (trusting({"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]},
                        ASSUME), of("ec2"), "access-removed"),
        (of("ec2"), None, "access-removed"),
    ],
)  # fmt: skip
def test_a_trust_that_lets_nobody_new_in_is_a_note(
    before: str, after: str | None, rule: str | None
) -> None:
    review = levels(found(role("r", before, after)))
    assert set(review.values()) <= {"note"}
    assert rule is None or rule in review


@pytest.mark.parametrize(
    ("principal", "others", "level", "words"),
    [
        ({"AWS": f"arn:aws:iam::{OTHER}:root"}, [OF_OWN], "warning", _OTHER),
        ({"AWS": OTHER}, [OF_OWN], "warning", f"AWS account {OTHER}{_OTHER}"),
        ({"AWS": "AROAEXAMPLEID123456789"}, [OF_OWN], "warning", _OTHER),
        ({"AWS": OWN}, [], "warning", _OTHER),
        (
            {"AWS": OTHER, "Service": "ec2.amazonaws.com"},
            [OF_OWN],
            "warning",
            f"by AWS account {OTHER}{_OTHER}, and by ec2.amazonaws.com",
        ),
        ({"AWS": f"arn:aws:iam::{OWN}:role/ci"}, [OF_OWN], "note", f"arn:aws:iam::{OWN}:role/ci"),
        ({"Service": "ec2.amazonaws.com"}, [], "note", "by ec2.amazonaws.com"),
    ],
)
def test_who_can_assume_a_new_role_is_named_and_another_account_is_a_warning(
    principal: Json, others: list[Json], level: str, words: str
) -> None:
    new = role("new", None, trusting(principal, ASSUME))
    (finding,) = (f for f in found(new, *others) if f.rule == "new-policy")
    assert finding.level == level
    assert ("new-access" in finding.means) is (level == "warning")
    assert words in finding.message


def test_a_role_that_only_gets_another_key_is_the_same_role() -> None:
    text = trusting({"AWS": OTHER}, ASSUME)
    keys = [
        role("r", *sides, address=f'aws_iam_role.r["{key}"]')
        for key, sides in (("a", (text, None)), ("b", (None, text)))
    ]
    assert not {"trust-widened", "new-policy"} & set(levels(found(OF_OWN, *keys)))
    wider = role("r", None, trusting("*", ASSUME), address='aws_iam_role.r["b"]')
    assert levels(found(OF_OWN, keys[0], wider))["trust-widened"] == "error"


def _data_source(statement: Json, unknown: Json) -> tuple[list[Json], Json]:
    """A new role whose trust policy is in a data source that is read at apply."""
    new = role("r", None, "", after_unknown={"assume_role_policy": True})
    new["change"]["after"] = {"name": "r"}
    configuration = configured(
        block("aws_iam_role.r", assume_role_policy=refers(f"{DOCUMENT}.json")),
        block(DOCUMENT, statement=[{}]),
    )
    source = deferred({"statement": [statement]}, unknown={"statement": [unknown]})
    return [source, new], configuration


@pytest.mark.parametrize("other", ["aws:SourceIp", None])
@pytest.mark.parametrize("key", [OIDC, None])
def test_a_wildcard_is_a_warning_also_if_the_provider_is_known_after_apply(
    key: str | None, other: str | None
) -> None:
    subject = "system:serviceaccount:*:aws-node"
    conditions = [
        {"test": "StringEquals", "variable": key and f"{key}:aud", "values": ["sts.amazonaws.com"]},
        {"test": "StringLike", "variable": key and f"{key}:sub", "values": [subject]},
    ]
    if other:
        conditions.append({"test": "IpAddress", "variable": other, "values": ["203.0.113.0/24"]})
    statement = {"effect": "Allow", "actions": [WEB], "condition": conditions,
                 "principals": [{"type": "Federated", "identifiers": [None]}]}  # fmt: skip
    unknown: Json = {"principals": [{"identifiers": [True]}]}
    if key is None:
        unknown["condition"] = [{"variable": True}, {"variable": True}]
    changes, configuration = _data_source(statement, unknown)
    findings = found(*changes, configuration=configuration)
    assert levels(findings)["new-policy"] == "warning"


def test_keys_that_may_be_of_one_of_two_providers_are_no_false_alarm() -> None:
    conditions = [
        {"test": "StringEquals", "variable": None, "values": [value]}
        for value in ("sts.amazonaws.com", "system:serviceaccount:kube-system:aws-node")
    ]
    principals = [{"type": "Federated", "identifiers": [None, PROVIDER]}]
    unknown = {
        "principals": [{"identifiers": [True, False]}],
        "condition": [{"variable": True}] * 2,
    }
    statement = {"effect": "Allow", "actions": [WEB], "condition": conditions,
                 "principals": principals}  # fmt: skip
    changes, configuration = _data_source(statement, unknown)
    rules = {f.rule for f in found(*changes, configuration=configuration)}
    assert rules <= {"new-policy", "unknown-policy", "not-proven"}


def test_a_known_trust_that_gets_a_part_that_is_not_known_is_a_warning() -> None:
    statement = {"effect": "Allow", "actions": [ASSUME],
                 "principals": [{"type": "AWS", "identifiers": [None]}]}  # fmt: skip
    unknown = {"principals": [{"identifiers": [True]}]}
    changes, configuration = _data_source(statement, unknown)
    changes[1]["change"] |= {"actions": ["update"],
                             "before": {"name": "r", "assume_role_policy": of("ec2")}}  # fmt: skip
    assert levels(found(*changes, configuration=configuration))["unknown-policy"] == "warning"


def test_what_is_not_shown_or_not_evaluated_is_never_silent() -> None:
    later = role("r", None, "", after_unknown={"assume_role_policy": True})
    later["change"]["after"] = {"name": "r"}
    assert levels(found(later)) == {"unknown-policy": "warning"}
    assert levels(found(role("r", None, "{}"))) == {"unreadable-policy": "error"}
    hidden = role("r", of("ec2"), of("lambda"), after_sensitive={"assume_role_policy": True})
    assert levels(found(hidden))["sensitive-policy"] == "warning"
    wildcard = trusting({"AWS": f"arn:aws:iam::{OWN}:role/*"}, ASSUME)
    assert levels(found(role("r", None, wildcard)))["not-proven"] == "warning"
    assert levels(found(role("r", of("ec2"), wildcard)))["not-proven"] == "warning"
    excepted = {"Effect": "Deny", "Action": "sts:*", "NotPrincipal": {"AWS": OWN}}
    new = document(trust({"AWS": OWN}, ASSUME), excepted)
    assert levels(found(role("r", None, new)))["not-proven"] == "warning"


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("system:serviceaccount:default:app", "service account default/app"),
        ("system:serviceaccount:*:app", "any service account named app"),
        ("system:serviceaccount:default:*", "any service account in default"),
        ("system:serviceaccount:*:*", "any service account"),
        ("system:serviceaccount:a-*:app", "any service account like a-*/app"),
        ("*", "any service account"),
        ("system:serviceaccount:a:b:c", "subject system:serviceaccount:a:b:c"),
        ("repo:org/app:ref", "subject repo:org/app:ref"),
    ],
)
def test_service_accounts_are_named_in_words(subject: str, words: str) -> None:
    like = {f"{OIDC}:sub": subject}
    limited = {"aws:SourceIp": "10.0.0.0/8"}
    for conditions, end in (
        ({"StringEquals": AUD, "StringLike": like}, ""),
        ({"StringLike": like}, ", with a token for any audience"),
        ({"StringLike": {**like, f"{OIDC}:aud": "*"}}, ", with a token for any audience"),
        ({"StringEquals": AUD, "StringLike": like, "StringNotEquals": {f"{OIDC}:sub": "x"}},
         f" if {OIDC}:sub StringNotEquals 'x'"),
        ({"StringEquals": AUD, "StringLike": like, "IpAddress": limited},
         " if aws:SourceIp IpAddress '10.0.0.0/8'"),
    ):  # fmt: skip
        text = message("trust-widened", role("r", of("ec2"), irsa(**conditions)))
        expected = f"aws_iam_role.r can now be assumed by {words} of {OIDC}{end}"
        assert text == f"{expected} (was ec2.amazonaws.com)"


def test_a_star_that_is_compared_letter_by_letter_is_not_a_wildcard() -> None:
    literal = irsa(StringEquals={**AUD, f"{OIDC}:sub": "system:serviceaccount:*:app"})
    text = message("trust-widened", role("r", of("ec2"), literal))
    assert f"assumed by subject system:serviceaccount:*:app of {OIDC}" in text


def test_a_trust_policy_that_is_too_large_for_iam_takes_no_long_time() -> None:
    many = [f"system:serviceaccount:n{i}:*" for i in range(10_000)]
    large = irsa(StringEquals=AUD, StringLike={f"{OIDC}:sub": many})
    for before in (None, GOOD, large):
        rules = levels(found(role("r", before, large)))
        assert (rules.get("not-proven") == "warning") is (before != large)


def test_a_role_that_is_named_in_place_of_its_account_may_be_new() -> None:
    account, by_name = ({"AWS": f"arn:aws:iam::{OWN}:{name}"} for name in ("root", "role/ci"))
    sides = [trusting(principal, ASSUME) for principal in (account, by_name)]
    text = message("not-proven", role("r", *sides))
    assert text.startswith("It is not known who can newly assume aws_iam_role.r")


@pytest.mark.parametrize("claim", ["sub", "aud"])
@pytest.mark.parametrize("operator", ["StringEquals", "StringLike"])
def test_a_value_that_is_not_known_is_not_called_wrong(claim: str, operator: str) -> None:
    values = {"sub": [SUB[f"{OIDC}:sub"]], "aud": ["sts.amazonaws.com"], claim: [None]}
    conditions = [
        {"test": operator if name == claim else "StringEquals", "variable": f"{OIDC}:{name}",
         "values": values[name]}
        for name in ("sub", "aud")
    ]  # fmt: skip
    statement = {"effect": "Allow", "actions": [WEB], "condition": conditions,
                 "principals": [{"type": "Federated", "identifiers": [PROVIDER]}]}  # fmt: skip
    unknown = {"condition": [{"values": [name == claim]} for name in ("sub", "aud")]}
    changes, configuration = _data_source(statement, unknown)
    findings = found(*changes, inline(), configuration=configuration)
    (new,) = (f for f in findings if f.rule == "new-policy" and "assumed" in f.message)
    assert new.level == "note"
    assert any(f"condition[{['sub', 'aud'].index(claim)}]" in d for d in new.details)


def test_a_statement_that_nobody_meets_hides_none_that_lets_somebody_in() -> None:
    dead = json.loads(irsa(StringEquals={**AUD, **SUB, f"{OIDC}OTHER:sub": "x"}))["Statement"]
    alone = document(*json.loads(_principals("a"))["Statement"], *dead)
    assert "trust-widened" not in rules(reviewed(role("r", _principals("a"), alone)))
    beside = document(*json.loads(_principals("a", "b"))["Statement"], *dead)
    assert "trust-widened" in rules(reviewed(role("r", _principals("a"), beside)))


_ROOT = f"arn:aws:iam::{OTHER}:root"
_SAML = f"arn:aws:iam::{OWN}:saml-provider/corp"


@pytest.mark.parametrize(
    ("statement", "words", "level"),
    [
        *((trust({"AWS": account}, ASSUME, ArnLike={"aws:PrincipalArn": arn}),
           f"AWS account {OTHER}" if account == OTHER else account, "warning")
          for account in (OTHER, _ROOT)
          for arn in (f"arn:aws:iam::{OTHER}:role/ci-*", f"arn:aws:iam::{OTHER}:user/*",
                      f"arn:aws:iam::{OTHER}:role/aws-reserved/sso.amazonaws.com/*"
                      "/AWSReservedSSO_Admin_*")),
        (trust({"AWS": _ROOT}, ASSUME, StringEquals={
            "aws:PrincipalArn": f"arn:aws:iam::{OTHER}:role/ci"}), "aws:PrincipalArn", "warning"),
        (trust({"AWS": f"arn:aws:sts::{OTHER}:assumed-role/ci/run"}, ASSUME,
               ArnLike={"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:role/ci"}),
         "assumed-role/ci/run", "warning"),
        (trust({"Federated": _SAML}, "sts:AssumeRoleWithSAML",
               StringEquals={"SAML:aud": "https://signin.aws.amazon.com/saml"}), _SAML, "note"),
        (trust({"Federated": _SAML}, "sts:AssumeRoleWithSAML",
               StringEquals={"SAML:sub": "someone"}), _SAML, "note"),
        # Two conditions on one claim.
        (trust({"Federated": PROVIDER}, WEB, StringEquals=AUD,
               StringLike={f"{OIDC}:sub": "system:serviceaccount:*:app"},
               StringNotLike={f"{OIDC}:sub": "system:serviceaccount:example:*"}), OIDC, "warning"),
    ],
)  # fmt: skip
def test_a_new_role_under_a_condition_on_the_caller_names_whom_it_trusts(
    statement: Json, words: str, level: str
) -> None:
    for others in ((), ({**trust("*", ASSUME, Bool={
        "aws:SecureTransport": "false"}), "Effect": "Deny"},)):  # fmt: skip
        change = role("r", None, document(statement, *others))
        messages = [f.message for f in found(change, OF_OWN)]
        assert any(words in text for text in messages)
        assert not any("obody can assume" in text for text in messages)
        assert level in levels(found(change, OF_OWN)).values()


def test_nobody_can_assume_a_new_role_only_where_that_is_certain() -> None:
    caller = f"arn:aws:iam::{OTHER}:role/ci"
    elsewhere = {"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:role/other"}
    for statement in (
        trust({"AWS": caller}, ASSUME, ArnEquals=elsewhere),
        trust({"Service": "ec2.amazonaws.com"}, ASSUME, ArnLike={
            "aws:PrincipalArn": f"arn:aws:iam::{OTHER}:role/*"}),
        trust({"Service": []}, ASSUME),
    ):  # fmt: skip
        assert "Nobody can assume" in message("new-policy", role("r", None, document(statement)))


@pytest.mark.parametrize("before", [GOOD, POD])
def test_a_move_between_irsa_and_pod_identity_is_no_error(before: str) -> None:
    after = POD if before == GOOD else GOOD
    moved = levels(found(role("r", before, after), inline()))
    assert moved["trust-widened"] == ("note" if after == POD else "warning")
    (finding,) = of_rule("trust-widened", role("r", before, after), inline())
    assert "EKS Pod Identity" in finding.message and not finding.fix
    by_pods = ", for the pods of any association in the account"
    assert finding.message.endswith(by_pods) is (after == POD)
    told = "remove pods.eks.amazonaws.com from the trust policy"
    assert any(told in detail for detail in finding.details) is (after == POD)
    # Of a role of others, every association of the account may use it.
    plain = pods(*BOTH)
    assert levels(found(role("r", of("ec2"), plain)))["trust-widened"] == "warning"
    # A condition that is dropped, or somebody else, is an error.
    assert levels(found(role("r", POD, plain)))["trust-widened"] == "error"
    more = json.loads(POD)["Statement"]
    both = document(*more, trust({"AWS": OTHER}, ASSUME))
    assert levels(found(role("r", before, both), inline()))["trust-widened"] == "error"
    mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    old, new = (trust({"AWS": OWN}, ASSUME, **limit) for limit in (mfa, {}))
    sides = (document(old), document(new, *more))
    assert levels(found(role("r", *sides), inline()))["trust-widened"] == "error"

"""A scoped policy as the session policy of an association: small enough, and no wider."""

import json
from pathlib import Path

import pytest

from conftest import run
from vpc_cni_iam.catalog.compose import MOST_OF_A_SESSION, compose, session_policy
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.document import Policy, Statement

NAME = "n" * 100  # as long as EKS lets it be
VPC = ("--vpc-id", "vpc-0123456789abcdef0")
WIDE = ("--account-id", "111122223333", "--region", "us-isof-south-1")


@pytest.mark.parametrize(
    "words",
    [
        ("ipv4-scoped", *VPC, *WIDE),
        ("ipv4-scoped", *VPC, "--feature", "hyperpod", "--feature", "multi-nic"),
        ("ipv6-scoped", *WIDE),
    ],
)
def test_a_scoped_policy_fits_with_the_longest_names(words: tuple[str, ...]) -> None:
    done = run("policy", *words, "--no-harden", "--cluster-name", NAME, "--format", "session")
    assert done.code == 0, done.err
    text = done.out.removesuffix("\n")
    assert len(text) <= MOST_OF_A_SESSION == 2048 and "\n" not in text
    plain = run("policy", *words, "--no-harden", "--cluster-name", NAME)
    assert json.loads(text) == json.loads(plain.out)
    assert "PackedPolicySize" in done.err


def test_what_cannot_be_a_session_policy_is_refused() -> None:
    large = run("policy", "ipv4-scoped", "--cluster-name", "prod", *VPC, "--format", "session")
    assert (large.code, large.out) == (2, "")
    assert "characters, and a session policy at most 2,048; add --no-harden" in large.err
    tags = run("policy", "ipv4-pod-identity", "--format", "session")
    assert (tags.code, tags.out) == (2, "") and "session tags" in tags.err


@pytest.mark.parametrize("more", [0, 1])
def test_a_session_policy_may_be_as_long_as_sts_takes_it(more: int) -> None:
    composed = compose(next(v for v in VARIANTS if v.name == "ipv4-scoped"), select())
    empty = session_policy(composed, Policy((Statement(actions=("",), resources=("*",)),)))
    action = "e" * (MOST_OF_A_SESSION - len(empty) + more)
    policy = Policy((Statement(actions=(action,), resources=("*",)),))
    if more:
        with pytest.raises(UsageError, match="2,049 characters"):
            session_policy(composed, policy)
    else:
        assert len(session_policy(composed, policy)) == MOST_OF_A_SESSION


def test_the_plugin_works_with_a_wide_role_and_the_session_policy(tmp_path: Path) -> None:
    words = ("ipv4-scoped", "--no-harden", "--cluster-name", "prod", *VPC)
    session = run("policy", *words, "--format", "session")
    (tmp_path / "session.json").write_text(session.out)
    (tmp_path / "role.json").write_text(run("policy", "ipv4").out)
    words = ("role.json", "--boundary", "session.json", "--irsa", "--set", f"vpc-id={VPC[1]}")
    assert run("coverage", *words, "--set", "cluster-name=prod", cwd=tmp_path).code == 0
    assert run("coverage", *words, "--set", "cluster-name=stage", cwd=tmp_path).code == 1

"""Narrowed documents: each allows no more than the one before, and only what its lists name."""

from __future__ import annotations

from itertools import pairwise

import pytest

from vpc_cni_iam.catalog import narrowing, parameters
from vpc_cni_iam.catalog.compose import Composed
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.narrowing import IdList
from vpc_cni_iam.catalog.notes import hardening_notes
from vpc_cni_iam.catalog.options import options, override, stated
from vpc_cni_iam.catalog.variants import VARIANTS
from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NewAccess, NoNewAccess

NAMES = parameters.values({"cluster_name": "prod", "vpc_id": "vpc-01234567"})
IDS = {
    IdList.subnets: ["subnet-01234567", "subnet-89abcdef"],
    IdList.security_groups: ["sg-01234567", "sg-89abcdef"],
}
BOTH = (IdList.subnets, IdList.security_groups)
# A chain of narrowings; each limits the one before.
CHAIN = (None, Hardening(), Hardening(limits=(IdList.subnets,)), Hardening(limits=BOTH))
CREATING = ("ipv4-scoped", "ipv4-pod-identity")
VPC = "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-01234567"


def composed(name: str, version: str, how: Hardening | None) -> Composed:
    (document,) = options((name,), cni_version=version, hardening=how).composed()
    return document


def filled(document: Composed) -> Policy:
    hardening = document.selection.hardening
    limits = hardening.limits if hardening else ()
    return narrowing.filled(document.policy, NAMES, {limit: IDS[limit] for limit in limits})


@pytest.mark.parametrize("name", CREATING)
def test_each_narrowing_allows_no_more_than_the_one_before(name: str) -> None:
    (variant,) = (v for v in VARIANTS if v.name == name)
    proven = set()
    for version in known_versions.known():
        if version < variant.minimum:
            continue
        chain = [filled(composed(name, str(version), how)) for how in CHAIN]
        chain = [filled(composed("ipv4", str(version), None)), *chain]
        for old, new in pairwise(chain):
            if (old, new) not in proven:
                assert no_new_access([old], [new]) == NoNewAccess(), version
                assert isinstance(no_new_access([new], [old]), NewAccess), version
                proven.add((old, new))
    assert len(proven) >= len(CHAIN) - 1


def request(action: str, resource: str) -> Request:
    return Request(
        f"ec2:{action}", f"arn:aws:ec2:eu-west-1:111122223333:{resource}", "", {"ec2:Vpc": VPC}
    )


@pytest.mark.parametrize("limits", [(IdList.subnets,), (IdList.security_groups,), BOTH])
def test_only_what_is_listed_is_allowed(limits: tuple[IdList, ...]) -> None:
    policy = compile_policies([filled(composed("ipv4-scoped", "latest", Hardening(limits=limits)))])
    for limit, actions, kind in (
        (IdList.subnets, ("CreateNetworkInterface",), "subnet/subnet-"),
        (
            IdList.security_groups,
            ("CreateNetworkInterface", "ModifyNetworkInterfaceAttribute"),
            "security-group/sg-",
        ),
    ):
        for action in actions:
            for listed in ("01234567", "89abcdef"):
                assert policy.evaluate(request(action, kind + listed)).allowed
            foreign = policy.evaluate(request(action, f"{kind}0aaaaaaa"))
            assert foreign.allowed == (limit not in limits)


def test_the_options_are_those_that_files_state() -> None:
    how = Hardening.of(harden=True, limit_to=["security_groups", "subnets", "subnets"])
    assert how == Hardening(limits=BOTH)
    chosen = options(("ipv4-scoped",), hardening=how)
    assert chosen.command.endswith("--harden --limit-to subnets --limit-to security-groups")
    assert stated(f"# {chosen.command}\n") == chosen
    assert override(chosen, cni_version="v1.20.4").selection.hardening == how


@pytest.mark.parametrize(
    ("names", "limit", "error"),
    [
        (
            ("ipv4", "ipv4-scoped"),
            "subnets",
            "--limit-to is for cluster-scoped variants alone; mak",
        ),
        (("ipv6-scoped",), "subnets", "the document of ipv6-scoped names no subnets"),
        (("ipv4-scoped",), "subnet", "unknown limit 'subnet'; did you mean 'subnets'?"),
    ],
)
def test_a_limit_that_a_document_has_no_use_for_is_refused(
    names: tuple[str, ...], limit: str, error: str
) -> None:
    with pytest.raises(UsageError, match=error):
        options(names, hardening=Hardening.of(harden=True, limit_to=[limit])).composed()
    with pytest.raises(UsageError, match="--limit-to needs --harden"):
        Hardening.of(harden=False, limit_to=["subnets"])


def test_the_notes_say_what_a_list_leaves_out() -> None:
    notes = {
        note.identifier: note.line
        for note in hardening_notes(options(("ipv4-scoped",), hardening=CHAIN[-1]))
    }
    assert notes["subnet-added"].startswith("denies creating an interface in a subnet that is not")
    assert notes["security-group-added"].startswith("denies giving an interface a security group")
    tagged = {
        how: {n.identifier for n in hardening_notes(options(("ipv4-pod-identity",), hardening=how))}
        for how in CHAIN[1:]
    }
    unscoped = {"creates-in-any-vpc", "security-groups-unscoped"}
    assert unscoped <= tagged[CHAIN[1]] and not unscoped & tagged[CHAIN[3]]

"""Policies of aws-node's roles that are for another place than the one where aws-node runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

from msgspec import Struct

from vpc_cni_iam.coverage.names import names_in
from vpc_cni_iam.review.account.documents import Document
from vpc_cni_iam.review.account.grants import Account, Grant, known_policies
from vpc_cni_iam.review.account.iam_resource import IamResource
from vpc_cni_iam.review.account.plugin.policy import is_of_plugin
from vpc_cni_iam.review.diff.plugin.judged import JudgedPlugin


class PlaceKind(Enum):
    """What a policy may be for, by the parameter of the catalog."""

    CLUSTER = "cluster_name"
    VPC = "vpc_id"
    REGION = "region"
    ACCOUNT = "account_id"

    @property
    def decides_calls(self) -> bool:
        """Whether what a policy for another one does not allow is said as a missing call."""
        return self in (PlaceKind.CLUSTER, PlaceKind.VPC)


class OtherPlace(Struct, frozen=True):
    """Policies that are for another place than the one where aws-node runs."""

    policies: tuple[str, ...]
    kind: PlaceKind
    named: tuple[str, ...]  # what the policies name
    own: str  # where aws-node runs


def other_places(grants: Iterable[Grant], judged: JudgedPlugin) -> Iterator[OtherPlace]:
    """Yield for which places policies are, where none of them is for the plugin's own.

    A policy that names no place is for each.
    """
    policies = list(filter(is_of_plugin, grants))
    if any(isinstance(g.content, Document) and g.content.masked for g in policies):
        return  # their names may not be shown
    names = [names_in(known_policies([grant])) for grant in policies]
    own_name = judged.settings.cluster_name
    for kind in PlaceKind:
        own = judged.names.get(kind.value, "")
        own = own_name or own if kind is PlaceKind.CLUSTER else own
        named = {each.get(kind.value, own) for each in names}
        if own and named and own not in named:
            written = tuple(grant.written_at for grant in policies)
            yield OtherPlace(written, kind, tuple(sorted(named)), own)


def new_places(
    role: IamResource, judged: JudgedPlugin, sides: tuple[Account, Account]
) -> Iterator[OtherPlace]:
    """Yield for which other cluster or VPC new policies of aws-node's role are."""
    before, after = (account.policies(role) for account in sides)
    for key, grant in after.items():
        if key not in before or before[key].content != grant.content:
            places = other_places([grant], judged)
            yield from (place for place in places if place.kind.decides_calls)

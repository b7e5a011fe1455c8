"""Which identity of aws-node counts."""

import pytest

from vpc_cni_iam.plugin.identity import Identity, counting, in_order

PODS, IRSA, NODE = Identity.pod_identity, Identity.irsa, Identity.node_role


@pytest.mark.parametrize(
    ("identities", "expected"),
    [
        ([NODE, IRSA, PODS], PODS),
        ([NODE, IRSA], IRSA),
        ([NODE], NODE),
        ([NODE, Identity.unknown], NODE),
        ([], Identity.none),
    ],
)
def test_eks_pod_identity_comes_before_irsa_and_that_before_the_node_role(
    identities: list[Identity], expected: Identity
) -> None:
    assert counting(identities) is expected


def test_identities_are_listed_in_the_order_in_which_they_count() -> None:
    assert in_order([NODE, PODS, NODE, IRSA]) == (PODS, IRSA, NODE)

"""Session policies of associations of EKS Pod Identity, which limit the role and are not read."""

import pytest

from eks import POD_TRUST, arn_of, own_role
from synthetic import Json, allow, document, resource, reviewed
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.policy.document import dumps

CNI = dumps(managed_policy())
NARROW, OTHER = document(allow("s3:GetObject")), document(allow("s3:PutObject"))
PLUGIN = {"namespace": "kube-system", "service_account": "aws-node"}
APP = {"namespace": "default", "service_account": "app"}


def _association(who: Json, before: str | None, after: str | None) -> Json:
    values = {"cluster_name": "prod", "role_arn": arn_of("pod"), **who}
    sides = ({**values, "policy": policy} for policy in (before, after))
    return resource("aws_eks_pod_identity_association", "x", *sides)


def _levels(*changes: Json) -> dict[str, str]:
    role = own_role("pod", POD_TRUST, CNI)
    return {f.rule: f.level for f in reviewed(*role, *changes).findings}


@pytest.mark.parametrize(("before", "after"), [(None, NARROW), (NARROW, OTHER), (NARROW, None)])
def test_a_session_policy_of_aws_node_that_changes_is_a_warning(
    before: str | None, after: str | None
) -> None:
    assert _levels(_association(PLUGIN, before, after)) == {"plugin-identity-changed": "warning"}


def test_a_session_policy_that_stays_is_none() -> None:
    assert _levels(_association(PLUGIN, NARROW, NARROW)) == {}
    assert _levels(_association(APP, NARROW, NARROW)) == {}


@pytest.mark.parametrize(("before", "after"), [(NARROW, OTHER), (NARROW, None)])
def test_another_service_account_gets_what_a_session_policy_held_back(
    before: str, after: str | None
) -> None:
    assert _levels(_association(APP, before, after)) == {"service-account-role": "warning"}


def test_another_service_account_gets_nothing_by_a_limit() -> None:
    assert _levels(_association(APP, None, NARROW)) == {}

"""The requests that IAM is asked about for the network policy agent's logs.

Which action is on which type of resource is the Service Authorization Reference's, page "Actions,
resources, and condition keys for Amazon CloudWatch Logs" (list_amazoncloudwatchlogs.html).
"""

from __future__ import annotations

from dataclasses import dataclass

from vpc_cni_iam.coverage.simulate.requests import Requests
from vpc_cni_iam.policy.evaluate import Request

# aws-network-policy-agent v1.4.3:pkg/ebpf/events/events.go:318-319.
_STREAM = "aws-network-policy-agent-audit-01234567-89ab-cdef-0123-456789abcdef"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One check whose resource AWS documents in several forms.

    A policy is written for one of the forms, so that an Allow of any allows and a Deny of any
    denies.
    """

    requests: tuple[Request, ...]


def on_log_groups(requests: Requests, action: str) -> AnyOf:
    """Return the check of an action that the reference gives no resource.

    AWS's messages of denial and upstream's page name a log group without a name.
    """
    return AnyOf((*requests.on_nothing(action), _request(requests, action, "", "")))


def on_log_group(requests: Requests, action: str, group: str) -> AnyOf:
    """Return the check of an action on a log group.

    The reference's ARN ends with the group's name. AWS's messages of denial have more, and the
    API reference (LogGroup, arn) wants ``:*`` after it in policies.
    """
    return AnyOf((_request(requests, action, group), _request(requests, action, group, "")))


def on_log_stream(requests: Requests, action: str, group: str) -> Request:
    """Return the check of an action on a log stream of the agent."""
    return _request(requests, action, group, _STREAM)


def _request(requests: Requests, action: str, group: str, stream: str | None = None) -> Request:
    names = requests.names
    arn = f"arn:{names.partition}:logs:{names.region}:{names.account_id}:log-group:{group}"
    if stream is not None:
        arn += f":log-stream:{stream}"
    context = requests.common | {"aws:ResourceAccount": names.account_id}
    return Request(action, arn, "", context)

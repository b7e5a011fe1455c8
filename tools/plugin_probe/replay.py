"""Evaluates observed requests against a policy, without the agent.

The agent sees of a policy only which requests it denies. If a policy allows every request of a run
in which everything was allowed, the run with that policy is the same run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from tools.plugin_probe import authorise, query
from tools.plugin_probe.cloud import ApiError
from tools.plugin_probe.scenarios import find
from vpc_cni_iam.policy.evaluate import Request

_TIME = "2026-01-01T00:00:00Z"


def checks(observed: Mapping[str, Any]) -> Iterator[tuple[str, list[Request]]]:
    """Yield the form of each request of an observed scenario, with what IAM checks of it.

    Args:
        observed: The scenario, as in the catalog's evidence.
    """
    cloud = find(observed["name"]).cloud()
    for entry in observed["requests"]:
        service, _, operation = entry["action"].partition(":")
        parameters = {k: v.replace("TIME", _TIME) for k, v in entry["parameters"].items()}
        form = {"Action": operation, **parameters}
        if service == "sts":
            yield entry["form"], authorise.sts()
        elif service == "sagemaker":
            yield entry["form"], authorise.sagemaker(form["ClusterName"])
            cloud.attach_anywhere(form["NetworkInterfaceId"])
        else:
            yield entry["form"], authorise.ec2(cloud, form)
            # Requests that were repeated are recorded once, so that addresses differ.
            with contextlib.suppress(ApiError):
                query.answer(cloud, form)

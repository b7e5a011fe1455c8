"""Reads the plugin's configuration in a cluster as the setting of the scenarios."""

from __future__ import annotations

from collections.abc import Mapping

from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts.calls import Mode
from vpc_cni_iam.coverage.simulate import settings
from vpc_cni_iam.coverage.simulate.settings import PluginSetting
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.inputs.daemonset import Deployment

_IPV6, _VPC = "ENABLE_IPv6", "VPC_ID"
VARIABLES = (*settings.VARIABLES, _IPV6)
_LOGS = "network-policy-logs"


def mode(deployment: Deployment) -> Mode:
    """Return the IP family of a cluster."""
    return "ipv6" if is_ipv6(deployment.environment) else "ipv4"


def is_ipv6(environment: Mapping[str, str]) -> bool:
    """Say whether environment variables are those of an IPv6 cluster."""
    return settings.is_on(environment.get(_IPV6, ""))


def says_mode(deployment: Deployment) -> bool:
    """Say whether a deployment says its IP family."""
    return _IPV6 in deployment.environment


def names(deployment: Deployment) -> dict[str, str]:
    """Return the names that a deployment has, by parameter; `InputError` for one that is none."""
    known = {}
    for variable, parameter in (
        ("CLUSTER_NAME", parameters.CLUSTER_NAME),
        (_VPC, parameters.VPC_ID),
        ("AWS_REGION", parameters.REGION),
    ):
        if value := deployment.environment.get(variable):
            try:
                parameter.check(value)
            except UsageError as error:
                raise InputError(deployment.source, variable, str(error)) from None
            known[parameter.name] = value
    return known


def apply(
    setting: PluginSetting, deployment: Deployment, environment: Mapping[str, str]
) -> PluginSetting:
    """Return a setting as a deployment has it, but for the variables that the user gives.

    A variable that the version does not read is left out. Without CLUSTER_NAME, the plugin has no
    name of the cluster. Raises `InputError` for a value that the plugin does not take.
    """
    setting = setting.with_plugin(cluster_name=False)
    features = list(setting.features)
    for name in settings.known_variables(setting.version):
        if name in deployment.environment and name not in environment:
            value = deployment.environment[name]
            try:
                setting = settings.configure(setting, {name: value}, setting.features)
            except UsageError as error:
                raise InputError(deployment.source, name, str(error)) from None
            features += setting.features
    if deployment.sends_logs:
        features.append(_LOGS)
    return settings.configure(setting, {}, features)

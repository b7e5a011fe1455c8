"""How the plugin is set up: which variables a version reads, and what their values mean."""

import json

import pytest

from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.errors import InputError, UsageError
from vpc_cni_iam.inputs import daemonset
from vpc_cni_iam.plugin.settings import PluginSettings, SettingsSource, known_variables, of_options

NEWEST = known_versions.newest()
FILE = "aws-node.json"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"FOO": "1"}, "it does not change any request"),
        ({"ENABLE_MULTI_NIC": "yes"}, "--env ENABLE_MULTI_NIC: 'yes' must be true or false"),
        ({"ADDITIONAL_ENI_TAGS": "{"}, "not JSON"),
        ({"ADDITIONAL_ENI_TAGS": '{"a": 1}'}, "object of texts"),
        ({"ADDITIONAL_ENI_TAGS": "[]"}, "object of texts"),
        ({"ADDITIONAL_ENI_TAGS": "[" * 100_000}, "not JSON"),
        ({"ADDITIONAL_ENI_TAGS": '{"a": ' * 100_000}, "not JSON"),
        ({"ADDITIONAL_ENI_TAGS": "1" * 5_000}, "not JSON"),
        ({"ADDITIONAL_ENI_TAGS": "\udcff"}, "not JSON"),
        ({"CLUSTER_NAME": "a b"}, "EKS cluster name"),
    ],
)
def test_options_that_the_plugin_does_not_take_are_refused(
    environment: dict[str, str], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        of_options(environment, NEWEST)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"ENABLE_SUBNET_DISCOVERY": "maybe"}, "'maybe' must be true or false"),
        ({"ADDITIONAL_ENI_TAGS": "{"}, "not JSON"),
        ({"CLUSTER_NAME": "a b"}, "EKS cluster name"),
    ],
)
def test_a_file_with_a_value_that_the_plugin_does_not_take_is_named(
    environment: dict[str, str], words: str
) -> None:
    settings = PluginSettings(SettingsSource.daemonset, FILE, environment=environment)
    with pytest.raises(InputError, match=words) as refused:
        settings.read_by(NEWEST)
    assert FILE in str(refused.value)
    # A version that does not read the variable takes any value.
    if "ENABLE_SUBNET_DISCOVERY" in environment:
        assert settings.read_by(PluginVersion.of("v1.17.1")).subnet_discovery


@pytest.mark.parametrize(
    ("variable", "first", "before"),
    [
        ("ADDITIONAL_ENI_TAGS", "v1.6.0", "v1.5.7"),
        ("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "v1.2.0", "v1.1.0"),
        ("ENABLE_PREFIX_DELEGATION", "v1.9.0", "v1.8.0"),
        ("DISABLE_NETWORK_RESOURCE_PROVISIONING", "v1.9.1", "v1.9.0"),
        ("DISABLE_LEAKED_ENI_CLEANUP", "v1.13.0", "v1.12.6"),
        ("ENABLE_SUBNET_DISCOVERY", "v1.18.0", "v1.17.1"),
        ("ENABLE_IMDS_ONLY_MODE", "v1.19.6", "v1.19.5"),
        ("ENABLE_MULTI_NIC", "v1.20.0", "v1.19.6"),
    ],
)
def test_a_variable_is_read_from_its_first_version_on(
    variable: str, first: str, before: str
) -> None:
    environment = {variable: "{}" if variable == "ADDITIONAL_ENI_TAGS" else "true"}
    settings = of_options(environment, PluginVersion.of(first))
    assert variable in known_variables(PluginVersion.of(first))
    assert variable not in known_variables(PluginVersion.of(before))
    assert settings.read_by(PluginVersion.of(first)).environment == environment
    assert settings.read_by(PluginVersion.of(before)).environment == {}
    with pytest.raises(UsageError, match=f"{variable} exists from plugin {first} on"):
        of_options(environment, PluginVersion.of(before))


def test_every_version_reads_the_clusters_name() -> None:
    for version in known_versions.served():
        assert "CLUSTER_NAME" in known_variables(version)


def test_the_plugin_drops_reserved_keys_of_additional_tags() -> None:
    values = {"ADDITIONAL_ENI_TAGS": '{"cluster.k8s.amazonaws.com/name": "x", "team": "net"}'}
    assert of_options(values, NEWEST).additional_tags == {"team": "net"}


def test_without_values_the_settings_are_the_defaults_of_the_plugin() -> None:
    default = PluginSettings()
    assert default.subnet_discovery and default.provisioning and default.leak_cleanup
    assert not default.custom_networking and not default.imds_only and not default.features_in_use
    # Options that do not name the cluster leave it as it is; a file without the variable does not.
    assert default.has_cluster_name and default.mode is None
    file = PluginSettings(SettingsSource.daemonset, FILE)
    assert not file.has_cluster_name and file.mode == "ipv4"


def test_options_come_before_a_file() -> None:
    entries = [
        {"name": "ENABLE_IPv6", "value": "true"},
        {"name": "CLUSTER_NAME", "valueFrom": {"configMapKeyRef": {"name": "cni"}}},
        {"name": "MY_NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ]
    pod = {"containers": [{"name": "aws-node", "env": entries, "envFrom": [{}]}]}
    file = daemonset.read(json.dumps({"kind": "Pod", "spec": pod}), FILE)
    assert (file.source, file.mode) == (SettingsSource.daemonset, "ipv6")
    assert (file.unread, file.has_more, file.has_cluster_name) == (("CLUSTER_NAME",), True, False)
    assert [part.name for part in daemonset.unread(file)] == [
        f"{FILE}: CLUSTER_NAME",
        f"{FILE}: envFrom",
    ]
    both = file.overridden(of_options({"CLUSTER_NAME": "prod"}, NEWEST, ["hyperpod"]))
    assert (both.unread, both.cluster_name, both.features_in_use) == ((), "prod", ("hyperpod",))
    assert (both.source, both.mode) == (SettingsSource.daemonset, "ipv6")


def test_variables_of_an_add_on_that_are_in_other_objects_are_not_read() -> None:
    entry = {"name": "ENABLE_SUBNET_DISCOVERY", "valueFrom": {"configMapKeyRef": {"name": "cni"}}}
    text = json.dumps({"extraEnv": [entry]})
    settings = daemonset.addon(text, FILE, "prod", "v1.20.4-eksbuild.1")
    assert (settings.version, settings.cluster_name) == ("v1.20.4", "prod")
    assert settings.unread == ("ENABLE_SUBNET_DISCOVERY",)
    # EKS sets up an add-on for the IP family of its cluster, which its values need not name.
    assert (settings.source, settings.mode) == (SettingsSource.addon, None)

"""What Argo CD, Flux, Crossplane and charts of others bring is said to be not read."""

import pytest

from synthetic import Json, found, plan, resource
from vpc_cni_iam.inputs.plan.reader import read_plan
from vpc_cni_iam.levels import Level
from vpc_cni_iam.review.rules import Consequence

ARGO = """
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: networking}
spec:
  source:
    %s
    helm:
      valuesObject: {env: {WARM_IP_TARGET: %s}}
"""


def yaml(body: str) -> Json:
    return resource("kubectl_manifest", "m", None, {"yaml_body": body})


def manifest(**body: object) -> Json:
    return resource("kubernetes_manifest", "m", None, {"manifest": body})


def release(chart: str, values: str) -> Json:
    return resource("helm_release", "r", None, {"chart": chart, "values": [values]})


ABOUT_PLUGIN = {
    "chart of an application": yaml(ARGO % ("chart: aws-vpc-cni", 1)),
    "folder of an application": yaml(ARGO % ("path: apps/aws-vpc-cni/prod", 1)),
    "chart of a set of applications": yaml(
        "kind: ApplicationSet\nspec: {generators: [{list: {elements: [{chart: aws-vpc-cni}]}}]}"
    ),
    "chart of a HelmRelease": manifest(
        kind="HelmRelease", spec={"chart": {"spec": {"chart": "aws-vpc-cni"}}}
    ),
    "patch of a Kustomization": manifest(
        kind="Kustomization", spec={"patches": [{"target": {"name": "aws-node"}}]}
    ),
    "values in a ConfigMap": yaml(
        "kind: ConfigMap\ndata:\n  values.yaml: |\n    env: {AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG: 1}"
    ),
    "IP family in a ConfigMap": manifest(kind="ConfigMap", data={"x": 'ENABLE_IPv6: "true"'}),
    "resource of Argo CD's provider": resource(
        "argocd_application", "a", None, {"spec": [{"source": [{"chart": "aws-vpc-cni"}]}]}
    ),
    "application in a chart": release("argocd-apps", ARGO % ("chart: aws-vpc-cni", 1)),
    "chart of charts": release("./platform", 'aws-vpc-cni: {env: {WARM_IP_TARGET: "1"}}'),
    "DaemonSet in a chart": release("raw", "kind: DaemonSet\nmetadata: {name: aws-node}"),
    "set of a chart of charts": resource(
        "helm_release", "r", None, {"chart": "p", "set": [{"name": "aws-vpc-cni.env.X"}]}
    ),
    "add-on of Crossplane": yaml("kind: Addon\nspec: {forProvider: {addonName: vpc-cni}}"),
    "add-on of ACK": manifest(kind="Addon", spec={"name": "vpc-cni"}),
    "add-on of Cluster API": manifest(
        kind="AWSManagedControlPlane", spec={"addons": [{"name": "vpc-cni"}]}
    ),
    "add-on of awscc": resource("awscc_eks_addon", "a", None, {"addon_name": "vpc-cni"}),
    "file in a repository": resource(
        "github_repository_file", "f", None, {"content": "chart: aws-vpc-cni"}
    ),
    "file in a repository that does not parse": resource(
        "github_repository_file", "f", None, {"content": "a: 1\na: 2\nchart: aws-vpc-cni"}
    ),
    "release of helmfile": resource(
        "helmfile_release_set", "r", None, {"content": "releases: [{chart: eks/aws-vpc-cni}]"}
    ),
    "monitor of its pods": yaml(
        "kind: PodMonitor\nspec: {selector: {matchLabels: {k8s-app: aws-node}}}"
    ),
}
CREATING_ACCESS = {
    "policy of Crossplane": yaml("apiVersion: iam.aws.upbound.io/v1beta1\nkind: Policy"),
    "association of Crossplane": manifest(apiVersion="eks.aws.m.upbound.io/v1beta1"),
    "policy of ACK": manifest(apiVersion="iam.services.k8s.aws/v1alpha1", kind="Policy"),
    "access entry of ACK": yaml('"apiVersion": "eks.services.k8s.aws/v1alpha1"'),
    "definition of Crossplane": manifest(
        apiVersion="apiextensions.k8s.io/v1", spec={"group": "iam.aws.upbound.io"}
    ),
}
ABOUT_ACCESS = {
    "cluster of Cluster API": manifest(kind="AWSManagedControlPlane"),
    "clusters of Cluster API": manifest(kind="AWSManagedControlPlaneTemplate"),
    "binding in a chart": release("raw", "resources: [{kind: ClusterRoleBinding}]"),
    "aws-auth in a chart": release("raw", "x: [{kind: ConfigMap, metadata: {name: aws-auth}}]"),
    "chart that does not parse": release("m", "rbac: {roleRef: {kind: ClusterRole}, name: *any}"),
    "object in binary": yaml("kind: DaemonSet\nmetadata: {name: !!binary YXdzLW5vZGU=}"),
    "cluster of eksctl": resource("eksctl_cluster", "c", None, {"spec": "iam: {}"}),
}
CALM = (
    manifest(kind="ENIConfig"),
    yaml(ARGO % ("chart: web", 1)),
    yaml("kind: Kustomization\nspec: {path: ./apps}"),
    manifest(apiVersion="s3.aws.upbound.io/v1beta1", kind="Bucket"),
    release("cilium", "cni: {chainingMode: aws-cni}"),
    resource("github_repository_file", "f", None, {"content": "kind: Role"}),
    resource("argocd_repository", "r", None, {"repo": "https://git.example.com/platform"}),
)


@pytest.mark.parametrize("change", ABOUT_PLUGIN.values(), ids=ABOUT_PLUGIN)
def test_what_sets_up_the_plugin_and_is_not_read_is_said_to_be_about_the_plugin(
    change: Json,
) -> None:
    (finding,) = found(change)
    assert (finding.rule, finding.level) == ("unread-resource", Level.WARNING)
    assert finding.means == tuple(Consequence)
    assert "names the VPC CNI plugin and is not read" in finding.message


def test_what_names_the_plugin_is_counted_once() -> None:
    for name in ("chart of charts", "chart of an application"):
        change = ABOUT_PLUGIN[name]
        counts = read_plan(plan(change), "plan.json").counts
        assert (counts.read, counts.not_read, counts.others) == (0, (change["address"],), 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *(
            (change, "can create access in AWS and is not read")
            for change in CREATING_ACCESS.values()
        ),
        *((change, "is about access and is not read") for change in ABOUT_ACCESS.values()),
    ],
    ids=[*CREATING_ACCESS, *ABOUT_ACCESS],
)
def test_objects_that_give_access_are_said(change: Json, words: str) -> None:
    (finding,) = found(change)
    assert (finding.rule, finding.level) == ("unread-resource", Level.WARNING)
    assert words in finding.message


@pytest.mark.parametrize("change", CALM, ids=range(len(CALM)))
def test_objects_about_something_else_are_not_said(change: Json) -> None:
    assert found(change) == ()


def test_what_stays_is_not_said() -> None:
    values = {"chart": "p", "values": ["aws-vpc-cni: {}"]}
    assert found(resource("helm_release", "r", values, values)) == ()


def test_the_plugin_in_sensitive_values_of_a_chart_is_said() -> None:
    change = release("p", 'aws-vpc-cni: {env: {SECRET: "hunter2-secret"}}')
    change["change"]["after_sensitive"] = {"values": True}
    (finding,) = found(change)
    assert "names the VPC CNI plugin" in finding.message and "hunter2" not in repr(finding)


@pytest.mark.parametrize("text", ["kind: [Role", "kind: Role\nkind: Role", "{{ if .aws-node }}"])
@pytest.mark.parametrize("kind", ["kubectl_manifest", "k8s_manifest"])
def test_text_that_does_not_parse_is_named_as_not_read(kind: str, text: str) -> None:
    argument = "yaml_body" if kind == "kubectl_manifest" else "content"
    (finding,) = found(resource(kind, "m", None, {argument: text}))
    assert (finding.rule, finding.level) == ("unread-resource", Level.WARNING)


def test_other_text_that_does_not_parse_is_about_the_plugin_if_it_names_it() -> None:
    for script, is_said in (("kubectl rollout: [restart ds/aws-node", True), ("x: [Role", False)):
        change = manifest(kind="ConfigMap", data={"script": script})
        assert bool(found(change)) is is_said


NODES = "kind: EC2NodeClass\nspec:\n  amiFamily: {ami}\n  role: nodes\n"
LATER = {"after_unknown": {"manifest": {"spec": {"role": True}}}}
OF_LINUX = {"manifest": {"kind": "EC2NodeClass", "spec": {"amiFamily": "AL2023"}}}
POOL = "kind: NodePool\nspec: {template: {spec: {nodeClassRef: {kind: EC2NodeClass}}}}"


@pytest.mark.parametrize(
    ("change", "is_said"),
    [
        (yaml(NODES), True),
        (manifest(kind="NodeClass", spec={"role": "admin"}), True),
        (resource("kubernetes_manifest", "n", None, OF_LINUX, **LATER), True),
        (yaml("spec: {instanceProfile: nodes}\nkind: AWSNodeTemplate"), True),
        (release("raw", "x: [{kind: EC2NodeClass, spec: {role: admin}}]"), True),
        (yaml("kind: Job\nspec: {role: arn:aws:iam::111122223333:role/ci}"), True),
        (manifest(kind="Database", spec={"role": "admin"}), False),
        (yaml(POOL), False),
    ],
)
def test_objects_that_name_a_role_in_aws_are_notes(change: Json, *, is_said: bool) -> None:
    findings = [(f.rule, f.level) for f in found(change)]
    assert findings == [("unread-resource", Level.NOTE)] * is_said


@pytest.mark.parametrize("kind", ["aws_eks_addon", "helm_release"])
@pytest.mark.parametrize("before", [None, "vpc-cni"])
@pytest.mark.parametrize("mark", ["after_unknown", "after_sensitive"])
def test_what_has_a_name_that_is_not_known_may_be_the_plugin(
    kind: str, before: str | None, mark: str
) -> None:
    argument = "addon_name" if kind == "aws_eks_addon" else "chart"
    old = None if before is None else {argument: before, "version": "1"}
    new = {"version": "2"} | ({} if mark == "after_unknown" else {argument: "secret-name"})
    findings = found(resource(kind, "x", old, new, **{mark: {argument: True}}))
    (finding,) = (f for f in findings if f.rule == "unread-resource")
    assert (finding.level, finding.means) == (Level.WARNING, tuple(Consequence))
    assert f"may belong to the VPC CNI plugin: its {argument} is not known" in finding.message
    stays = resource(kind, "x", new, new, **{mark: {argument: True}})
    assert found(stays) == ()

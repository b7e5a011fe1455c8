"""Can the permissions of the plugin be taken off the role of nodes? ``audit --nodes``."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from account_details import (
    ACCOUNT,
    CNI,
    MANAGED,
    MANAGED_POLICY,
    NODES,
    OLD,
    PODS,
    WORKER,
    allow,
    audited,
    details,
    irsa,
    of_eks,
    replaced,
    role,
    role_arn,
    together,
)

ARN = role_arn("")
EU = f"eu-west-1:{ACCOUNT}"
Files = dict[str, dict[str, Any]]
AGENT = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"}
NODE = role("node", NODES, attached=(MANAGED, WORKER))
OWN = (role("cni", irsa(), attached=(MANAGED,)), role("pods", PODS, attached=(MANAGED,)))
TOKEN = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"


def by_irsa(name: str = "cni") -> dict[str, str]:
    return {"AWS_ROLE_ARN": f"{ARN}{name}", "AWS_WEB_IDENTITY_TOKEN_FILE": TOKEN}


def pod(node: str, cluster: str = "prod", version: str = "v1.23.2", **env: str) -> dict[str, Any]:
    variables = {"CLUSTER_NAME": cluster, **env}
    container = {
        "name": "aws-node",
        "image": f"example.com/amazon-k8s-cni:{version}-eksbuild.1",
        "env": [{"name": n, "value": v} for n, v in variables.items()],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"aws-node-{node}", "namespace": "kube-system"},
        "spec": {"nodeName": node, "containers": [container]},
        "status": {"phase": "Running"},
    }


def node(name: str, group: str = "ng", cluster: str = "prod", **labels: str) -> dict[str, Any]:
    own = {"eks.amazonaws.com/nodegroup": group} if group else {}
    metadata = {"name": name, "uid": f"{cluster}-{name}", "labels": {**own, **labels}}
    return {"kind": "Node", "metadata": metadata, "spec": {"providerID": f"aws:///x/{name}"}}


def listed(*items: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "items": list(items), "kind": "List", "metadata": metadata}


def group(
    cluster: str = "prod", name: str = "ng", of: str = "node", **scaling: int
) -> dict[str, Any]:
    sizes = scaling or {"minSize": 1, "maxSize": 3, "desiredSize": 2}
    more = {"nodegroupName": name, "scalingConfig": sizes}
    return of_eks("nodegroup", of, cluster=cluster, place=EU, **more)


def addon(cluster: str = "prod", of: str = "cni") -> dict[str, Any]:
    return of_eks("addon", of, cluster=cluster, place=EU)


def association(cluster: str = "prod", of: str = "pods", **more: Any) -> dict[str, Any]:
    return of_eks("association", of, cluster=cluster, place=EU, **more)


def account(*roles: dict[str, Any], node: dict[str, Any] = NODE) -> dict[str, Any]:
    page: dict[str, Any] = json.loads(details(*roles, node, policies=(MANAGED_POLICY,)))
    return page


SAFE: Files = {
    "account": account(*OWN),
    "clusters": {"clusters": ["prod"]},
    "addon": addon(),
    "group": group(),
    "pods": listed(pod("n1", **by_irsa()), pod("n2", **by_irsa())),
    "nodes": listed(node("n1"), node("n2")),
}
SAFE_BY_PODS = {k: v for k, v in SAFE.items() if k != "addon"} | {
    "association": association(),
    "pods": listed(pod("n1", **AGENT), pod("n2", **AGENT)),
}


def asked(folder: Path, files: Files) -> tuple[int, dict[str, Any], str]:
    """The exit code, the answer for the role of nodes, and the text."""
    answer = audited(folder, *files.values(), words=("--nodes",))
    answers = {r["role"].rpartition("/")[2]: r for r in answer.result["node_roles"]}
    return answer.code, answers.get("node", {}), answer.text


SAFE_BY_PODS_IPV6 = replaced(SAFE_BY_PODS, "169.254.170.23", "[fd00:ec2::23]")


COMPUTE = "eks.amazonaws.com/compute-type"
WITHOUT_PLUGIN = (
    node("fargate-1", "", **{COMPUTE: "fargate"}),
    node("i-1", "", **{COMPUTE: "auto"}),
    node("hybrid-1", "", **{COMPUTE: "hybrid"}),
    node("win", "windows", **{"kubernetes.io/os": "windows"}),
)
ENDED = [{**pod("n9"), "status": {"phase": phase}} for phase in ("Succeeded", "Failed")]


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(SAFE, id="IRSA"),
        pytest.param(SAFE_BY_PODS, id="Pod Identity"),
        pytest.param(SAFE_BY_PODS_IPV6, id="by IPv6"),
        # The old document does what v1.15.0 calls, whatever the newest version calls.
        pytest.param(
            {
                **SAFE,
                "account": account(role("cni", irsa(), inline={"cni": OLD})),
                "pods": listed(*(pod(n, version="v1.15.0", **by_irsa()) for n in ("n1", "n2"))),
            },
            id="an older version",
        ),
        pytest.param(
            {
                **SAFE,
                "nodes": listed(node("n1"), node("n2"), *WITHOUT_PLUGIN),
                "pods": listed(*SAFE["pods"]["items"], *ENDED),
            },
            id="nodes without the plugin need no pod",
        ),
        pytest.param(
            {**SAFE, "pods": listed(*SAFE["pods"]["items"], pod("", **by_irsa()))},
            id="a pod has no node yet",
        ),
    ],
)
def test_a_role_of_nodes_is_safe_where_everything_was_seen(tmp_path: Path, files: Files) -> None:
    code, answer, text = asked(tmp_path, files)
    assert (code, answer["answer"], answer["reasons"]) == (0, "safe", [])
    assert answer["clusters"] == ["prod"]
    # A group of no nodes has none in the input.
    assert asked(tmp_path, {**files, "more": group(name="other", desiredSize=0)})[0] == 0
    # AmazonEKSWorkerNodePolicy is needed by the nodes themselves.
    assert answer["proposal"] == ["detach AmazonEKS_CNI_Policy"]
    assert text.startswith(f"safe      {ARN}node\n          clusters     prod\n")
    assert text.endswith("1 node role with permissions of the plugin: 1 safe\n")


@pytest.mark.parametrize("files", [SAFE, SAFE_BY_PODS], ids=["IRSA", "Pod Identity"])
@pytest.mark.parametrize(
    "absent", ["clusters", "addon", "association", "pods", "nodes", "group", "account"]
)
def test_no_part_of_the_input_can_be_left_out(tmp_path: Path, files: Files, absent: str) -> None:
    """Except what the pods say themselves, and of nodes whose role does not matter."""
    if absent not in files:
        return
    some = {k: v for k, v in files.items() if k != absent}
    if absent == "account":
        some["account"] = account()
    code, answer, _ = asked(tmp_path, some)
    # The pods name their role by IRSA; and a cluster that needs no role of nodes needs none.
    harmless = {"group": "safe", "addon": "safe"}
    assert answer["answer"] == harmless.get(absent, "not known")
    assert code == (absent not in harmless)
    assert bool(answer["reasons"]) is (absent not in harmless)


Change = Callable[[Files], Files]


def without(kind: str, name: str) -> Change:
    def change(files: Files) -> Files:
        items = [i for i in files[kind]["items"] if not i["metadata"]["name"].endswith(name)]
        return {**files, kind: listed(*items)}

    return change


def with_(**more: dict[str, Any]) -> Change:
    return lambda files: {**files, **more}


def with_env(name: str, value: str) -> Change:
    def change(files: Files) -> Files:
        pods = json.loads(json.dumps(files["pods"]))
        pods["items"][0]["spec"]["containers"][0]["env"] += [{"name": name, "value": value}]
        return {**files, "pods": pods}

    return change


def edited(kind: str, old: str, new: str) -> Change:
    return lambda files: {**files, kind: replaced(files[kind], old, new)}


RESTART = "`kubectl rollout restart daemonset aws-node -n kube-system`"
NOT_KNOWN: dict[str, tuple[Change, str]] = {
    "a pod is missing": (without("pods", "n2"), "no pod of aws-node is known on n2"),
    "neither pods nor nodes are there": (
        lambda files: {k: v for k, v in files.items() if k not in ("pods", "nodes", "group")},
        "cluster prod: the pods of aws-node are missing",
    ),
    "a cluster of EKS Auto Mode, whose nodes do not name it": (
        with_(
            clusters={"clusters": ["prod", "auto"]},
            auto={"cluster": {"name": "auto", "arn": f"arn:aws:eks:{EU}:cluster/auto"}},
            more=listed(node("i-1", "", **{"eks.amazonaws.com/compute-type": "auto"})),
        ),
        "if no node of the cluster runs aws-node, leave the cluster out",
    ),
    "a pod of a node of Karpenter was not restarted": (
        with_(
            pods=listed(pod("n1", **by_irsa()), pod("n2", **by_irsa()), pod("k1")),
            nodes=listed(node("n1"), node("n2"), node("k1", "")),
        ),
        "pods aws-node-k1 still use a node role, and it is not known which",
    ),
    "clusters of one name in two Regions, and pods that name no Region": (
        lambda files: {
            **files,
            "clusters": {"clusters": ["prod", "prod"]},
            "us": replaced(addon(of=""), "eu-west-1", "us-east-1"),
        },
        "pods aws-node-n1, aws-node-n2 may belong to several clusters with the same name",
    ),
    "the other role is not there": (with_(account=account()), f"{ARN}cni is not in the input"),
    "no cluster has the role": (
        with_(group=group(of="other")),
        "no cluster in the input is known to have nodes with this role",
    ),
    "credentials of another kind, and a node of which the role is not known": (
        lambda files: with_env("AWS_PROFILE", "x")(
            {
                **files,
                "pods": listed(*(pod(n, **by_irsa()) for n in ("n1", "n2", "k1"))),
                "nodes": listed(node("n1"), node("n2"), node("k1", "")),
            }
        ),
        "does not show the source of their credentials",
    ),
    "a node is missing": (without("nodes", "n2"), "nodes are missing, such as n2"),
    "a group has no node": (with_(more=group(name="other")), "node groups other"),
    "a group of unknown size has no node": (
        with_(more=group(name="other", maxSize=3)),
        "node groups other",
    ),
    "another cluster": (
        with_(clusters={"clusters": ["prod", "dev"]}),
        "these clusters is known: dev",
    ),
    "a cluster of the name in another Region": (
        with_(more={"clusters": ["prod"]}),
        "these clusters is known: prod",
    ),
    "more clusters follow": (
        with_(clusters={"clusters": ["prod"], "nextToken": "x"}),
        "something was not read",
    ),
    "more nodes follow": (
        with_(nodes=listed(node("n1"), node("n2"), **{"continue": "x"})),
        "something was not read",
    ),
    "the cluster of pods is not named": (
        with_(more=listed(pod("n3", cluster="", **by_irsa()), node("n3"))),
        "no CLUSTER_NAME",
    ),
    "credentials of another kind": (
        with_env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        "does not show the source of their credentials",
    ),
    "a role that is none": (
        with_(pods=listed(pod("n1", AWS_ROLE_ARN="x", AWS_WEB_IDENTITY_TOKEN_FILE=TOKEN))),
        "does not show the source of their credentials",
    ),
    "variables from elsewhere": (
        edited(
            "pods",
            '"name": "aws-node",',
            '"name": "aws-node", "envFrom": [{"secretRef": {}}],',
        ),
        "does not show the source of their credentials",
    ),
    "a role from elsewhere": (
        edited("pods", f'"value": "{ARN}cni"', '"valueFrom": {"secretKeyRef": {"key": "x"}}'),
        "does not show the source of their credentials",
    ),
    "an agent that is not that of EKS Pod Identity": (
        with_(pods=replaced(SAFE_BY_PODS["pods"], "http://169.254.170.23", "http://127.0.0.1")),
        "does not show the source of their credentials",
    ),
    "both kinds of credentials": (
        with_env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.2/x"),
        "does not show the source of their credentials",
    ),
    "a version that is not known": (
        with_(pods=listed(pod("n1", version="main", **by_irsa()), pod("n2", **by_irsa()))),
        "whether aws-node works with its role",
    ),
    "a version that is newer than the catalog": (
        with_(pods=listed(pod("n1", version="v9.9.9", **by_irsa()), pod("n2", **by_irsa()))),
        "whether aws-node works with its role",
    ),
    "a role that is not known": (
        with_(account=account(role("cni", irsa(), attached=(f"arn:aws:iam::{ACCOUNT}:policy/x",)))),
        "whether aws-node works with its role",
    ),
    "an add-on that names no role": (
        with_(addon=addon(of="")),
        "the add-on names none",
    ),
    "an association that pods do not use yet": (
        with_(more=association()),
        "have another role than the cluster gives",
    ),
    "another role than the add-on names": (
        with_(
            addon=addon(of="new"),
            account=account(*OWN, role("new", irsa(), attached=(MANAGED,))),
        ),
        "have another role than the cluster gives",
    ),
    "a cluster of which one does not know the nodes' roles": (
        with_(
            clusters={"clusters": ["prod", "dev"]},
            more=listed(pod("n3", cluster="dev"), node("n3", group="", cluster="dev")),
        ),
        "uses the node role, and the role of nodes n3 is not known",
    ),
    "a cluster of the name in another account": (
        lambda files: replaced(files, EU, "eu-west-1:444455556666"),
        "these clusters is known: prod",
    ),
    "a session policy": (
        with_(addon=association(policy="{}"), pods=SAFE_BY_PODS["pods"]),
        "something was not read",
    ),
    "nodes of one name in two clusters, of which one is seen": (
        with_(
            clusters={"clusters": ["prod", "dev"]},
            more=listed(pod("n1", cluster="dev", **by_irsa())),
        ),
        "nodes n1 may belong to several clusters",
    ),
    "nodes of one name in two clusters, of each of which one thing is not seen": (
        with_(
            clusters={"clusters": ["prod", "dev"]},
            pods=listed(pod("n1", **by_irsa())),
            nodes=listed(node("n1"), node("n2")),
            more=listed(*(pod(n, cluster="dev", **by_irsa()) for n in ("n1", "n2"))),
            dev=listed(node("n1", cluster="dev")),
        ),
        "may belong to several clusters",
    ),
}


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_what_is_not_seen_is_not_safe(name: str, tmp_path: Path) -> None:
    change, words = NOT_KNOWN[name]
    code, answer, text = asked(tmp_path, change(SAFE))
    assert (code, answer["answer"]) == (1, "not known"), answer
    assert any(words in reason for reason in answer["reasons"]), answer["reasons"]
    assert text.startswith(f"not known {ARN}node\n")
    assert not any("detach" in line for line in answer["proposal"])
    restarted = ("restarted", "an association that", "another role than the add-on names")
    if any(words in name for words in restarted):
        assert answer["proposal"] == [f"restart aws-node of cluster prod: {RESTART}"]
    if name == "an add-on that names no role":
        assert answer["proposal"] == ["set the role in the add-on of cluster prod"]


NOT_SAFE: dict[str, tuple[Change, str, str]] = {
    "pods that were not restarted": (
        with_(pods=listed(pod("n1", **by_irsa()), pod("n2"))),
        "pods aws-node-n2 still use the node role",
        "kubectl rollout restart daemonset aws-node -n kube-system",
    ),
    "no other role": (
        with_(addon=addon(of=""), pods=listed(pod("n1"), pod("n2"))),
        "use the node role",
        "give aws-node of cluster prod its own role",
    ),
    "another role that lacks a call": (
        with_(account=account(role("cni", irsa(), inline={"cni": OLD}))),
        "aws-node does not work with its role",
        "fix ",
    ),
    "the role of nodes itself": (
        with_(
            addon=addon(of="node"),
            account=account(
                node=role("node", together(NODES, irsa()), attached=(MANAGED,)),
            ),
            pods=listed(*(pod(n, **by_irsa("node")) for n in ("n1", "n2"))),
        ),
        "aws-node has this role itself",
        "another role than its nodes",
    ),
    "pods of a version that cannot use EKS Pod Identity": (
        lambda _: {
            **SAFE_BY_PODS,
            "pods": listed(*(pod(n, version="v1.15.4", **AGENT) for n in ("n1", "n2"))),
        },
        "aws-node does not work with its role",
        "fix ",
    ),
    "another role that cannot be assumed": (
        with_(account=account(role("cni", PODS, attached=(MANAGED,)))),
        "aws-node does not work with its role",
        "fix ",
    ),
    "another cluster whose nodes have it": (
        with_(
            clusters={"clusters": ["prod", "dev"]},
            group2=group("dev"),
            more=listed(pod("n3", cluster="dev"), node("n3", cluster="dev")),
        ),
        "cluster dev: pods aws-node-n3 use the node role",
        "give aws-node of cluster dev its own role",
    ),
}


@pytest.mark.parametrize("name", NOT_SAFE)
def test_what_needs_the_role_of_nodes_is_not_safe(name: str, tmp_path: Path) -> None:
    change, words, to_do = NOT_SAFE[name]
    code, answer, text = asked(tmp_path, change(SAFE))
    assert (code, answer["answer"]) == (1, "not safe"), answer
    assert words in answer["reasons"][0]
    assert to_do in answer["proposal"][0]
    assert text.startswith(f"not safe  {ARN}node\n")


def test_pods_to_restart_on_nodes_of_another_role_do_not_need_this_one(tmp_path: Path) -> None:
    code, answer, text = asked(
        tmp_path,
        {
            **SAFE,
            "account": account(*OWN, role("node2", NODES, attached=(MANAGED,))),
            "group2": group(name="ng2", of="node2"),
            "pods": listed(pod("n1", **by_irsa()), pod("n2")),
            "nodes": listed(node("n1"), node("n2", "ng2")),
        },
    )
    assert (code, answer["answer"]) == (1, "safe")
    assert f"not safe  {ARN}node2\n" in text


def test_what_is_not_decided_of_another_role_fails_the_command(tmp_path: Path) -> None:
    other = role("other", irsa(), attached=(f"arn:aws:iam::{ACCOUNT}:policy/x",))
    code, answer, _ = asked(tmp_path, {**SAFE, "account": account(*OWN, other)})
    assert (code, answer["answer"]) == (1, "safe")


@pytest.mark.parametrize(
    ("inline", "attached", "proposal"),
    [
        (CNI, (WORKER,), "delete the inline policy p"),
        # It is for more than the plugin.
        (
            allow("ec2:AssignPrivateIpAddresses", "ec2:DescribeInstances", "s3:GetObject"),
            (),
            "remove from p if no other program on the nodes needs it: ec2:AssignPrivateIpAddresses",
        ),
    ],
)
def test_an_inline_policy_is_to_be_deleted_or_narrowed(
    tmp_path: Path, inline: dict[str, Any], attached: tuple[str, ...], proposal: str
) -> None:
    node = role("node", NODES, inline={"p": inline}, attached=attached)
    _, answer, _ = asked(tmp_path, {**SAFE, "account": account(*OWN, node=node)})
    assert answer["proposal"] == [proposal]


def test_nodes_of_karpenter_are_seen_with_their_cluster(tmp_path: Path) -> None:
    """Whatever role they have: aws-node needs none of them."""
    karpenter = role("karpenter", NODES, attached=(MANAGED,))
    files = {
        **SAFE,
        "account": account(*OWN, karpenter),
        "pods": listed(*(pod(n, **by_irsa()) for n in ("n1", "n2", "k1"))),
        "nodes": listed(node("n1"), node("n2"), node("k1", "", **{"karpenter.sh/nodepool": "x"})),
    }
    _, answer, text = asked(tmp_path, files)
    assert answer["answer"] == "safe" and f"\nsafe      {ARN}karpenter\n" in f"\n{text}"


def test_a_role_of_nodes_without_permissions_of_the_plugin_is_not_listed(tmp_path: Path) -> None:
    page = account(*OWN, node=role("node", NODES, attached=(WORKER,)))
    code, answer, text = asked(tmp_path, {**SAFE, "account": page})
    assert (code, answer) == (0, {})
    assert text.endswith("0 node roles with permissions of the plugin\n")


def test_lists_of_pods_and_nodes_tell_clusters_apart(tmp_path: Path) -> None:
    """Nodes of two clusters can have one name."""
    both = {
        f"{cluster}-both": listed(
            *(pod(n, cluster, **by_irsa()) for n in ("n1", "n2")),
            *(node(n, cluster=cluster) for n in ("n1", "n2")),
        )
        for cluster in ("prod", "dev")
    }
    files = {
        "account": SAFE["account"],
        "clusters": {"clusters": ["prod", "dev"]},
        "prod-addon": addon(),
        "dev-addon": addon("dev"),
        "prod-group": group(),
        "dev-group": group("dev"),
        **both,
    }
    code, answer, _ = asked(tmp_path, files)
    assert (code, answer["answer"], answer["clusters"]) == (0, "safe", ["dev", "prod"])
    for kind in ("Node", "Pod"):
        items = both["dev-both"]["items"]
        some = [i for i in items if i["kind"] != kind or not i["metadata"]["name"].endswith("n2")]
        less = {**files, "dev-both": listed(*some)}
        assert asked(tmp_path, less)[1]["answer"] == "not known"


def test_many_files_of_clusters_are_read(tmp_path: Path) -> None:
    """More than a process may have open at once."""
    (tmp_path / "account.json").write_text(json.dumps(SAFE["account"]))
    files = ["account.json"]
    for number in range(40):
        (tmp_path / f"{number}.json").write_text(json.dumps(addon(f"c{number}")))
        files.append(f"{number}.json")
    few = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (30, 30))"
    program = f"{few}; from vpc_cni_iam.cli.main import main; main()"
    words = [sys.executable, "-c", program, "audit", *files, "--format", "json"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    roles = {r["role"]: r for r in json.loads(done.stdout)["roles"]}
    assert max(len(r["clusters"]) for r in roles.values()) == 40

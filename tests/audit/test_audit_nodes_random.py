"""``audit --nodes`` of random clusters of which a part is left out: "safe" is always true."""

import io
import json
import random
from pathlib import Path

import pytest
from msgspec import Struct

from account_details import MANAGED, NODES, OLD, WORKER, irsa, role
from test_audit_nodes import (
    AGENT,
    ARN,
    OWN,
    Files,
    account,
    addon,
    association,
    by_irsa,
    group,
    listed,
    node,
    pod,
)
from vpc_cni_iam.audit.audit import audit
from vpc_cni_iam.audit.node_roles import NodeAnswer
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.inputs.aws.account import AccountDetails

NODE_ROLES = ("node-a", "node-b")
PAGE = account(
    *OWN,
    role("old", irsa(), inline={"cni": OLD}),
    *(role(name, NODES, attached=(MANAGED, WORKER)) for name in NODE_ROLES),
)
# What a cluster gives aws-node, and whether the plugin works with it.
GIVEN: dict[str, tuple[dict[str, str], bool]] = {
    "nothing": ({}, False),
    "cni": (by_irsa("cni"), True),
    "old": (by_irsa("old"), False),
    "pods": (AGENT, True),
}


class World(Struct):
    """What EKS and Kubernetes say, and which roles of nodes aws-node really needs."""

    files: Files
    needed: set[str]


def world(chance: random.Random) -> World:
    clusters = chance.sample(["prod", "dev", "test"], chance.randint(1, 3))
    files: Files = {"account": PAGE, "clusters": {"clusters": clusters}}
    needed: set[str] = set()
    for cluster in clusters:
        own = chance.choice(list(GIVEN))
        env, works = GIVEN[own]
        files[f"{cluster}-addon"] = addon(cluster, own if own in ("cni", "old") else "")
        if own == "pods":
            files[f"{cluster}-association"] = association(cluster)
        groups = {name: chance.choice(NODE_ROLES) for name in ("x", "y")[: chance.randint(0, 2)]}
        for name, of in groups.items():
            files[f"{cluster}-group-{name}"] = group(cluster, name, of)
        nodes, pods = [], []
        names = chance.sample([f"n{i}" for i in range(6)], chance.randint(len(groups) or 1, 4))
        for number, name in enumerate(names):
            label = list(groups)[number] if number < len(groups) else chance.choice([*groups, ""])
            of = groups.get(label) or chance.choice(NODE_ROLES)
            is_stale = chance.random() < 0.15
            nodes.append(node(name, label, cluster))
            pods.append(pod(name, cluster, **({} if is_stale else env)))
            if is_stale or not works:
                needed.add(f"{ARN}{of}")
        if chance.random() < 0.5:
            files[f"{cluster}-both"] = listed(*nodes, *pods)
        else:
            files[f"{cluster}-nodes"], files[f"{cluster}-pods"] = listed(*nodes), listed(*pods)
    return World(files, needed)


def with_less(files: Files, chance: random.Random) -> Files:
    """The files without some of them, or of their items: never a node and its pod, both."""
    less = {k: v for k, v in files.items() if k == "account" or chance.random() < 0.93}
    kind = chance.choice(["nodes", "pods"])
    lost = {"nodes": "Node", "pods": "Pod"}[kind]
    for name, value in less.items():
        if name.endswith((kind, "both")):
            items = [i for i in value["items"] if i["kind"] != lost or chance.random() < 0.9]
            less[name] = listed(*items)
    if any(f"{name}-{kind}" not in less for name in ("prod", "dev", "test")):
        # Files are left out of one kind alone.
        other = "pods" if kind == "nodes" else "nodes"
        less |= {k: v for k, v in files.items() if k.endswith(other)}
    return less


def answers(folder: Path, files: Files) -> dict[str, NodeAnswer]:
    paths = []
    for name, value in files.items():
        (folder / f"{name}.json").write_text(json.dumps(value))
        paths.append(str(folder / f"{name}.json"))
    with AccountDetails(paths, io.BytesIO()) as opened:
        result = audit(opened, known_versions.newest(), nodes=True)
    return {r.role: r.answer for r in result.node_roles or ()}


@pytest.mark.parametrize("seed", range(25))
def test_safe_is_true_whatever_is_left_out(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    made = world(chance)
    whole = answers(tmp_path, made.files)
    for name in NODE_ROLES:
        is_needed = f"{ARN}{name}" in made.needed
        assert (whole[f"{ARN}{name}"] is NodeAnswer.safe) <= (not is_needed)
        assert (whole[f"{ARN}{name}"] is NodeAnswer.not_safe) <= is_needed
    for _ in range(5):
        some = answers(tmp_path, with_less(made.files, chance))
        safe = {role for role, answer in some.items() if answer is NodeAnswer.safe}
        assert not safe & made.needed

"""The reading and the review of plans, beside json.load, jq and typed msgspec.

A plan of 2,000 policies with their documents, one for each of 2,000 clusters, one that is large by
what is not IAM, and plans that change the policies of 2,000 roles, each in its own way: of the
plugin, which is then asked for each call, and those of applications.
"""

import json
import multiprocessing
import random
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rows import COMMAND, PYTHON, Row, used
from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.catalog.variants import find
from vpc_cni_iam.policy.document import dumps

POLICIES = 2000
LARGE = 500  # MB
FEW, MANY = 500, 8000
# The milliseconds that a changed policy may take, of the plugin and of others.
PLUGINS_MS, OTHERS_MS = 8, 4
YARDSTICK_MS = 67  # what it takes where these were set
ACTIONS = ("ec2:RunInstances", "ec2:TerminateInstances", "logs:PutLogEvents", "s3:GetObject")
OURS, YARDSTICK = "reading a plan", "typed msgspec"
_TIMED = """
import sys, time
{imports}
start = time.process_time()
{work}
print(time.process_time() - start)
"""
_TYPED = """
from typing import Any
import msgspec
class Change(msgspec.Struct):
    actions: list[str]
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
class Resource(msgspec.Struct):
    address: str
    type: str
    change: Change
class Values(msgspec.Struct):
    json: str = ""
class Document(msgspec.Struct):
    address: str
    type: str
    values: Values
class Module(msgspec.Struct):
    resources: list[Document] = []
class State(msgspec.Struct):
    root_module: Module
class Prior(msgspec.Struct):
    values: State
class Plan(msgspec.Struct):
    resource_changes: list[Resource]
    prior_state: Prior
decoder = msgspec.json.Decoder(Plan)
"""
SCRIPTS = {
    "json.load": ("import json", "with open(sys.argv[1]) as f: json.load(f)"),
    "typed msgspec": (_TYPED, "with open(sys.argv[1], 'rb') as f: decoder.decode(f.read())"),
    "reading a plan": (
        "from pathlib import Path\nimport io\n"
        "from vpc_cni_iam.inputs.plan.reader import read_plan\n"
        "from vpc_cni_iam.inputs.plan.saved import opened",
        "with opened(Path(sys.argv[1]), io.BytesIO()) as data: read_plan(data, 'plan')",
    ),
}


def resource(kind: str, name: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return a resource of a state."""
    data = kind == "aws_iam_policy_document"
    address = f"{'data.' if data else ''}{kind}.{name}"
    mode = "data" if data else "managed"
    return {"address": address, "mode": mode, "type": kind, "name": name, "values": values}


def created(item: dict[str, Any]) -> dict[str, Any]:
    """Return the change that creates a resource."""
    change = {
        "actions": ["create"],
        "before": None,
        "after": item["values"],
        "after_unknown": {"arn": True, "id": True, "policy_id": True},
        "before_sensitive": False,
        "after_sensitive": {"tags_all": {}},
    }
    return {**{k: v for k, v in item.items() if k != "values"}, "change": change}


def configured(item: dict[str, Any]) -> dict[str, Any]:
    """Return the block of a resource in the configuration."""
    expressions = {"name": {"references": ["var.name"]}, "policy": {"references": ["local.p"]}}
    return {**{k: v for k, v in item.items() if k != "values"}, "expressions": expressions}


def document(number: int) -> str:
    """Return a scoped document for a cluster of its own."""
    (variant,) = find(["ipv4-scoped"])
    names = {"cluster_name": f"cluster-{number}", "vpc_id": f"vpc-{number:08x}"}
    composed = compose(variant, select(cni_version="latest")).policy
    return dumps(parameters.substitute(composed, parameters.values(names)))


def write(path: Path, policies: int, others: int) -> None:
    """Write a plan.

    Args:
        path: Where.
        policies: How many policies and documents it has.
        others: How many resources of another kind.
    """
    texts = [document(n) for n in range(policies)]
    iam = [
        resource("aws_iam_policy", f"p{n}", {"name": f"p{n}", "path": "/", "policy": t})
        for n, t in enumerate(texts)
    ]
    data = [
        resource(
            "aws_iam_policy_document",
            f"d{n}",
            {"json": t, "minified_json": t, "statement": json.loads(t)["Statement"]},
        )
        for n, t in enumerate(texts)
    ]
    big = {f"k{n}": {"a": [1, 2, {"x": "y" * 50}], "b": None} for n in range(25)}
    records = [resource("aws_route53_record", f"r{n}", big) for n in range(others)]
    everything = [*iam, *records]
    plan = {
        "format_version": "1.2",
        "terraform_version": "1.15.5",
        "planned_values": {"root_module": {"resources": everything}},
        "resource_changes": [created(item) for item in everything],
        "prior_state": {"values": {"root_module": {"resources": data}}},
        "configuration": {"root_module": {"resources": [configured(i) for i in everything]}},
    }
    with path.open("w") as file:
        json.dump(plan, file, separators=(",", ":"))


def application(number: int) -> str:
    """Return the policy of an application of its own."""
    place = "us-east-1:111122223333"
    allowed = {
        f"arn:aws:s3:::reports-{number}/*": ["s3:GetObject", "s3:PutObject"],
        f"arn:aws:dynamodb:{place}:table/orders-{number}": ["dynamodb:GetItem", "dynamodb:Query"],
        f"arn:aws:sqs:{place}:orders-{number}": ["sqs:SendMessage"],
    }
    statements = [{"Effect": "Allow", "Action": a, "Resource": r} for r, a in allowed.items()]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def changed(number: int, *, of_plugin: bool) -> tuple[str, str]:
    """Return a document before and after a change, which is another for each number."""
    old, rnd = (document if of_plugin else application)(number), random.Random(number)  # noqa: S311 - a sample
    new = json.loads(old)
    widened = rnd.choice(new["Statement"])
    actions = widened["Action"]
    actions = actions if isinstance(actions, list) else [actions]
    widened["Action"] = [*actions, rnd.choice(ACTIONS)]
    if rnd.random() < 0.3:
        del new["Statement"][rnd.randrange(len(new["Statement"]))]
    bucket = f"arn:aws:s3:::team-{number}/*"
    new["Statement"].append(
        {"Effect": "Allow", "Action": rnd.sample(ACTIONS, 2), "Resource": bucket}
    )
    return old, json.dumps(new)


def write_changes(path: Path, policies: int, of_plugin: bool) -> None:
    """Write a plan that changes the inline policies of roles."""
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    service = {"Service": "ec2.amazonaws.com"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [{**trusted, "Principal": service}]})
    changes = []
    for number in range(policies):
        name = f"r{number}"
        role = created(resource("aws_iam_role", name, {"name": name, "assume_role_policy": trust}))
        values = role["change"]["after"]
        role["change"] |= {"actions": ["no-op"], "before": values, "after_unknown": {}}
        before, after = (
            {"name": "p", "role": name, "policy": text}
            for text in changed(number, of_plugin=of_plugin)
        )
        item = created(resource("aws_iam_role_policy", f"p{number}", after))
        item["change"] |= {"actions": ["update"], "before": before, "after_unknown": {}}
        changes += [role, item]
    plan = {
        "format_version": "1.2",
        "terraform_version": "1.15.5",
        "resource_changes": changes,
        "prior_state": {"values": {"root_module": {}}},
        "configuration": {"root_module": {}},
    }
    with path.open("w") as file:
        json.dump(plan, file, separators=(",", ":"))


def measure(runs: int) -> Iterator[Row]:
    """Measure the reading of two plans, and the review of them.

    Args:
        runs: How often each; the large plan is read once.
    """
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary, "plan.json")
        apart(write, path, POLICIES, 0)
        yield from of_plan(path, f"{POLICIES:,} policies", runs, "2", most=160)
        # One resource is about 6 kB.
        apart(write, path, 100, LARGE * 1000 // 6)
        yield from of_plan(path, "mostly not IAM", 1, "", most=120)
        for of_plugin, whose, most in (
            (True, "the plugin", PLUGINS_MS),
            (False, "applications", OTHERS_MS),
        ):
            apart(write_changes, path, POLICIES, of_plugin)
            what = f"{POLICIES:,} changed policies of {whose}, at most {POLICIES * most:,} ms"
            yield of_review(path, what, runs, f"{POLICIES * most / YARDSTICK_MS:.0f}")
        seconds = []
        for policies in (FEW, MANY):
            apart(write_changes, path, policies, False)
            seconds.append(taken(review(path))[0] * 1e3)
        few, many = seconds
        ratio = f"{MANY / FEW:.0f}"
        yield Row(f"`review` of {MANY:,} of applications", [many], f"of {FEW}", [few], "ms", ratio)


def of_plan(path: Path, what: str, runs: int, aim: str, most: int) -> Iterator[Row]:
    """Measure one plan: the seconds of the work without imports, and peak memory of a process.

    Args:
        path: The plan.
        what: What is in it.
        runs: How often it is read.
        aim: The ratio to the yardstick that is aimed at, or empty.
        most: The MB that a review may take.
    """
    size = f"{path.stat().st_size / 1e6:.0f} MB"
    commands = {
        name: [PYTHON, "-c", _TIMED.format(imports=i, work=w), str(path)]
        for name, (i, w) in SCRIPTS.items()
    }
    ours = commands.pop(OURS)
    if jq := shutil.which("jq"):
        commands["jq"] = [jq, "-c", "[.resource_changes[].address] | length", str(path)]
    for name, command in commands.items():
        pairs = [(taken(ours), taken(command)) for _ in range(runs)]
        seconds = [[values[0] * 1e3 for values in side] for side in zip(*pairs, strict=True)]
        memory = [[values[1] for values in side] for side in zip(*pairs, strict=True)]
        first = name == YARDSTICK
        yield Row(
            f"reading a plan of {size}, {what}",
            seconds[0],
            name,
            seconds[1],
            "ms",
            aim if first else "",
        )
        yield Row("its peak memory", memory[0], name, memory[1], "MB")
    own, other = taken(review(path)), taken(commands[YARDSTICK])
    yield Row("`review` of it", [own[0] * 1e3], f"reading, {YARDSTICK}", [other[0] * 1e3], "ms")
    yield Row(f"its peak memory, at most {most} MB", [own[1]], YARDSTICK, [other[1]], "MB")


def review(path: Path) -> list[str]:
    """Return the command that reviews a plan."""
    return [COMMAND, "review", str(path), "--format", "json"]


def of_review(path: Path, what: str, runs: int, aim: str) -> Row:
    """Measure the review of one plan beside a process that reads it, both with their imports."""
    imports, work = SCRIPTS[YARDSTICK]
    reading = [PYTHON, "-c", f"import sys\n{imports}\n{work}"]
    pairs = [(taken(review(path))[0], taken([*reading, str(path)])[0]) for _ in range(min(runs, 3))]
    own, other = ([seconds * 1e3 for seconds in side] for side in zip(*pairs, strict=True))
    return Row(f"`review` of {what}", own, f"a process, {YARDSTICK}", other, "ms", aim)


def taken(command: list[str]) -> tuple[float, float]:
    """Return the seconds that a process prints, or that it took, and its peak memory in MB."""
    run = used(command, Path.cwd())
    timed = re.fullmatch(r"\d+\.\d+(e-\d+)?", run.printed.strip())
    return float(run.printed) if timed else run.seconds, run.megabytes


def apart(work: Callable[..., None], *arguments: object) -> None:
    """Write a plan in a process of its own: a child starts with the peak memory of its parent."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.apply(work, arguments)

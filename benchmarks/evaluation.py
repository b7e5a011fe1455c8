"""Figures of evaluation: requests, proofs of no new access, and the matrix of releases.

Each stands beside ministack's evaluator in the same process; a
proof stands beside as many requests as all releases send, which would prove nothing.
"""

import gc
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ministack.core import iam_evaluator as ministack
from moto.iam.aws_managed_policies import aws_managed_policies_data
from msgspec.structs import replace

from rows import Row, in_turns
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.coverage.analysis.cover import cover
from vpc_cni_iam.coverage.analysis.matrix import matrix
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.coverage.subject import Subject, of_variant
from vpc_cni_iam.policy.diff import differences
from vpc_cni_iam.policy.document import Policy
from vpc_cni_iam.policy.evaluate import Request, compile_policies
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.policy.proof.access import no_new_access
from vpc_cni_iam.policy.proof.answer import NoNewAccess
from vpc_cni_iam.policy.proof.budget import Budget
from vpc_cni_iam.policy.template import known

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "policy"))

from hard_pairs import HARD, STEPS

LARGEST = 3
EXCHANGED = ("ViewOnlyAccess", "SecurityAudit")
REPEATED = 20
_NUMBERS = itertools.count()


def timed(action: Callable[[], object], scale: float) -> Callable[[], float]:
    """Return what measures how long an action takes, without the collector of cycles.

    That would go through all that this process holds, at whichever action its turn comes.

    Args:
        action: The action.
        scale: What to multiply seconds with.
    """

    def measured() -> float:
        gc.collect()
        gc.disable()
        start = time.process_time()
        action()
        taken = time.process_time() - start
        gc.enable()
        return taken * scale

    return measured


def scoped() -> Subject:
    """Return upstream's newest scoped document."""
    return of_variant("ipv4-scoped", select(revision="2026-06-01"), {})


def requests(subject: Subject, version: PluginVersion) -> list[Request]:
    """Return what a release sends in all scenarios.

    Args:
        subject: The policies.
        version: The release.
    """
    coverage = cover(subject.policies, RequestSetting(version, names=subject.names))
    return [c.request for p in coverage.scenario_runs for call in p.calls for c in call.checks]


def second(policies: tuple[Policy, ...]) -> Callable[[list[object]], None]:
    """Return ministack's evaluator of policies, ready.

    Args:
        policies: The policies.
    """
    statements = []
    for statement in (s for p in policies for s in p.statements):
        conditions: dict[str, dict[str, list[str]]] = {}
        for c in statement.conditions:
            conditions.setdefault(c.operator, {})[str(c.key)] = list(known(c.values))
        lists = {
            name: list(getattr(statement, name))
            for name in ("actions", "not_actions", "resources", "not_resources")
        }
        statements.append(
            ministack.ParsedStatement(
                sid="", effect=statement.effect, conditions=conditions, **lists
            )
        )

    def evaluate(contexts: list[object]) -> None:
        for context in contexts:
            ministack.evaluate(context, [statements])

    return evaluate


def context(request: Request) -> object:
    """Return a request as ministack takes it.

    Args:
        request: The request.
    """
    keys = {k.lower(): v if isinstance(v, str) else list(v) for k, v in request.context.items()}
    return ministack.EvalContext(
        principal_arn="",
        principal_type="",
        principal_account="",
        action=request.action,
        resource_arn=request.resource,
        region="",
        source_ip="",
        secure_transport=False,
        tag_keys=None,
        service_context=keys,
    )


def measure(runs: int) -> Iterator[Row]:
    """Measure all that this file is about.

    Args:
        runs: How often each.
    """
    subject = scoped()
    asked = requests(subject, known_versions.newest()) * REPEATED
    ready, other = compile_policies(subject.policies), second(subject.policies)
    contexts = [context(r) for r in asked]
    each = 1e6 / len(asked)
    own, theirs = in_turns(
        timed(lambda: [ready.evaluate(r) for r in asked], each),
        timed(lambda: other(contexts), each),
        runs,
    )
    yield Row("one request to `ipv4-scoped`", own, "ministack, the same", theirs, "\u00b5s", "0.7")

    every = [context(r) for v in known_versions.known()[1:] for r in requests(subject, v)]
    setting = RequestSetting(known_versions.newest(), names=subject.names)
    by_other = timed(lambda: other(every), 1e3)
    own, theirs = in_turns(timed(lambda: matrix(subject.policies, setting), 1e3), by_other, runs)
    yardstick = f"ministack, its {len(every):,} requests"
    yield Row("coverage of all releases", own, yardstick, theirs, "ms", "1")

    documents = {k: v["Document"] for k, v in json.loads(aws_managed_policies_data).items()}
    largest = sorted(documents, key=lambda k: -len(json.dumps(documents[k])))[:LARGEST]
    for name in largest:
        policy = loads(json.dumps(documents[name]), name)
        own, theirs = in_turns(timed(proof(name, policy), 1e3), by_other, runs)
        yield Row(f"no new access, {name} narrowed", own, yardstick, theirs, "ms")
    old, new = (loads(json.dumps(documents[name]), name) for name in EXCHANGED)
    own, theirs = in_turns(timed(lambda: differences(*unread(old, new)), 1e3), by_other, runs)
    what = f"the differences, {EXCHANGED[0]} to {EXCHANGED[1]}"
    yield Row(what, own, yardstick, theirs, "ms")

    # Steps limit the time of an answer, so no kind of work may take much longer than its steps.
    pairs = [pair for pair in HARD.values() for pair in (pair, pair[::-1])]
    taken = [in_turns(partial(a_step, pair), sorting, runs) for pair in pairs]
    own, theirs = max(taken, key=lambda both: sum(both[0]) / sum(both[1]))
    yield Row("a step of the slowest hard proof", own, "sorting five words", theirs, "\u00b5s", "5")


def a_step(pair: tuple[Policy, Policy]) -> float:
    """Return the microseconds that a step of a comparison takes.

    Args:
        pair: The policies before and after.
    """
    steps = Budget(STEPS)
    taken: float = timed(lambda: no_new_access([pair[0]], [pair[1]], budget=steps), 1e6)()
    return taken / (int(STEPS) - max(steps.steps, 0))


def sorting() -> float:
    """Return the microseconds of a piece of work that takes about one."""
    numbers = range(200_000)

    def sort() -> None:
        for number in numbers:
            "-".join(sorted(f"{number} d c b a e".split()))

    return timed(sort, 1e6)() / len(numbers)


def unread(*policies: Policy) -> list[Policy]:
    """Return policies whose services are called otherwise, so that no run has read them before.

    Args:
        policies: The policies.
    """
    run = f"run{next(_NUMBERS)}"

    def renamed(actions: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(run + action if ":" in action else action for action in actions)

    return [
        replace(
            policy,
            statements=tuple(
                replace(
                    s, actions=renamed(known(s.actions)), not_actions=renamed(known(s.not_actions))
                )
                for s in policy.statements
            ),
        )
        for policy in policies
    ]


def proof(name: str, policy: Policy) -> Callable[[], None]:
    """Return what proves that a policy without one of its actions allows nothing new.

    Args:
        name: The policy's name.
        policy: The policy.
    """
    last = policy.statements[-1]
    less = replace(last, actions=last.actions[1:]) if len(last.actions) > 1 else last
    narrower = replace(policy, statements=(*policy.statements[:-1], less))

    def prove() -> None:
        old, new = unread(policy, narrower)
        if no_new_access([old], [new]) != NoNewAccess():
            raise SystemExit(f"{name}: not proven")

    return prove

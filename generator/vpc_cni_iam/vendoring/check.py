"""Tells what became of every vendored module, and writes nothing.

A module that was made by this version from the same options is checked by hashes alone: neither
templates nor HCL are read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from vpc_cni_iam.errors import VpcCniIamError
from vpc_cni_iam.files.lock import at_rest
from vpc_cni_iam.vendoring.config import Config, Vendored
from vpc_cni_iam.vendoring.observe import lost_bases, observe
from vpc_cni_iam.vendoring.state import FINE, Judged, module_state


@dataclass(frozen=True, slots=True)
class Report:
    """A module and what became of it.

    Args:
        module: The module.
        state: ``clean``, ``edited``, ``outdated`` or ``both``; ``failed`` if it cannot be told.
        files: Those of its files that are worth a word; all are fine in a clean module.
        failure: Why it cannot be told, None if it can.
    """

    module: Vendored
    state: str
    files: tuple[Judged, ...] = ()
    failure: VpcCniIamError | OSError | None = None

    @property
    def clean(self) -> bool:
        """Whether nothing is to be done."""
        return self.state == "clean"


def check(
    config: Config, only: Iterable[str] = (), *, rendering: bool = False
) -> tuple[Report, ...]:
    """Return what became of every module.

    Args:
        config: The configuration.
        only: The paths of the modules to check; all without any.
        rendering: Whether to generate every module and compare with that, and believe no
            manifest, which whoever edits a module can edit too.
    """
    names = frozenset(only)
    return tuple(
        _report_at_rest(config, module, rendering)
        for module in config.modules
        if not names or module.path in names
    )


def _report_at_rest(config: Config, module: Vendored, rendering: bool) -> Report:
    """Return what became of a module that no other run is half way through writing."""
    report = _report(config, module, rendering)
    if report.clean:  # which nothing half written is, and a lock for each of a thousand takes time
        return report
    with at_rest(config.folder(module)):
        return _report(config, module, rendering)


def _report(config: Config, module: Vendored, rendering: bool) -> Report:
    try:
        observed = observe(config, module, trusting=not rendering)
        files = [f for f in observed.files if f.state != "clean"]
        files += [Judged(name, "lost") for name in lost_bases(observed)]
    except (VpcCniIamError, OSError) as error:
        return Report(module, "failed", failure=error)
    state = module_state(f for f in files if f.state not in FINE)
    return Report(module, state, tuple(files))

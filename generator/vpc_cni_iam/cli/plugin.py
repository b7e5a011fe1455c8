"""The options for the plugin's settings, and the settings of its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from vpc_cni_iam.cli import options
from vpc_cni_iam.cli.expand import value
from vpc_cni_iam.cli.options import IpFamily

if TYPE_CHECKING:
    from vpc_cni_iam.coverage.simulate.settings import RequestSetting
    from vpc_cni_iam.coverage.subject import Subject
    from vpc_cni_iam.plugin.settings import PluginSettings


class PluginOptions(Struct, frozen=True):
    """The options that describe the plugin."""

    PANEL: ClassVar[str] = "Plugin"

    daemonset: str | None = value(
        "FILE", "JSON or YAML of aws-node: plugin version, IP family and environment."
    )
    cni_version: str | None = options.plugin_version(
        "Plugin version, such as v1.20.4.  [default: the DaemonSet's, the plan's, or latest]"
    )
    mode: IpFamily | None = options.mode("the policy's")
    feature: list[str] | None = options.feature("Optional feature in use; repeat for more.")
    env: list[str] | None = value(
        "NAME=VALUE", "Environment variable of aws-node; repeat for more."
    )

    def version(self, plugin: PluginSettings) -> str:
        """Return the version of the option, else of the input, else the newest known."""
        from vpc_cni_iam.errors import UsageError
        from vpc_cni_iam.plugin.settings import SettingsSource

        if self.cni_version or not (plugin.version or plugin.file):
            return self.cni_version or "latest"
        if not plugin.version:
            is_tag = plugin.source is SettingsSource.daemonset
            problem = "image tag of aws-node is not a plugin version"
            problem = problem if is_tag else "version of aws-node is not known"
            raise UsageError(f"{plugin.file}: the {problem}; use --cni-version")
        return options.known(plugin.version)

    def checked(
        self, subject: Subject, plugin: PluginSettings, surroundings: RequestSetting
    ) -> tuple[Subject, RequestSetting]:
        """Return the policies to check, and the settings of the requests.

        The plugin's settings are those of a file and of options; what is not read of them counts as
        a part of the input. `surroundings` has the version and the settings that are not the
        plugin's.
        """
        from msgspec.structs import replace

        from vpc_cni_iam.inputs.daemonset import unread
        from vpc_cni_iam.plugin.settings import of_options

        mode = self.mode.value if self.mode else plugin.mode or subject.mode
        own = [subject.program] if subject.program else []
        environment = options.pairs("--env NAME=VALUE", self.env)
        features = (*(self.feature or ()), *own)
        chosen = of_options(environment, surroundings.version, features)
        setting = replace(surroundings, mode=mode, names=subject.names)
        setting = setting.configured(plugin.overridden(chosen))
        return subject.doubting((*subject.skipped, *unread(setting.plugin))), setting

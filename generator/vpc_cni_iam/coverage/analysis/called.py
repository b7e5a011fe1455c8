"""The actions that a plugin version calls."""

from __future__ import annotations

from vpc_cni_iam.catalog.facts import calls
from vpc_cni_iam.coverage.simulate.settings import RequestSetting


def called_actions(setting: RequestSetting) -> tuple[str, ...]:
    """Return the actions that a version calls in its mode with the features in use."""
    features = (None, *setting.features)
    actions = (
        u.action for f in features for u in calls.call_ranges((setting.mode,), setting.version, f)
    )
    return tuple(dict.fromkeys(actions))

"""What narrows a scoped document further, as the user chooses it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from vpc_cni_iam.catalog.facts.requests import CLUSTER
from vpc_cni_iam.errors import UsageError

# EC2 user guide, "Tag your Amazon EC2 resources": 128 and 256 characters, 50 tags a resource. EC2
# takes more characters than these; they are what policies, HCL and shells all take as they are.
_CHARACTERS = "[0-9A-Za-z_.:/=+@-]"
_KEY = re.compile(f"(?!-){_CHARACTERS}(?:[ ]?{_CHARACTERS}){{0,127}}")
_LONGEST_KEY, _LONGEST_VALUE, _MOST_KEYS = 128, 256, 46
_RULE = "ASCII letters, digits, single spaces between them and _.:/=+@-, not starting with a hyphen"
# The plugin drops such keys of ADDITIONAL_ENI_TAGS (v1.23.0:pkg/awsutils/awsutils.go:1833-1837).
_DROPPED = "k8s.amazonaws.com"
_RESERVED = "aws:"
FLAG, KEY, CLAIM = "--harden", "--additional-tag-key", "--eni-claim-tag"


@dataclass(frozen=True, slots=True)
class Hardening:
    """How to narrow.

    Args:
        additional_tag_keys: The keys of ADDITIONAL_ENI_TAGS, sorted.
        eni_claim_tag: The key and the value of a tag that what makes the nodes puts on each
            interface it makes; without it on an interface, the plugin may not claim that.
    """

    additional_tag_keys: tuple[str, ...] = ()
    eni_claim_tag: tuple[str, str] | None = None

    def arguments(self) -> tuple[str, ...]:
        """Return the options that mean this, in one fixed form."""
        words = [FLAG]
        for key in self.additional_tag_keys:
            words += [KEY, key]
        if self.eni_claim_tag is not None:
            words += [CLAIM, "=".join(self.eni_claim_tag)]
        return tuple(words)

    @staticmethod
    def of(
        wanted: bool, additional_tag_keys: Iterable[str] = (), eni_claim_tag: str | None = None
    ) -> Hardening | None:
        """Return how to narrow, None for not at all.

        Args:
            wanted: Whether to narrow.
            additional_tag_keys: The keys of ADDITIONAL_ENI_TAGS.
            eni_claim_tag: A tag as ``KEY=VALUE``.

        Raises:
            UsageError: A tag that cannot be one, or tags without the wish to narrow.
        """
        keys = tuple(sorted(set(additional_tag_keys)))
        if not wanted:
            for option, given in ((KEY, keys), (CLAIM, eni_claim_tag is not None)):
                if given:
                    raise UsageError(f"{option} goes with {FLAG}")
            return None
        if len(keys) > _MOST_KEYS:
            raise UsageError(
                f"{KEY} is given {len(keys)} times; EC2 takes 50 tags, 4 are the plugin's"
            )
        for key in keys:
            _check_key(KEY, key)
            if _DROPPED in key:
                raise UsageError(
                    f"{KEY} {key!r} is never sent: the plugin drops keys of ADDITIONAL_ENI_TAGS "
                    f"that contain {_DROPPED}"
                )
            if key.lower().startswith(_RESERVED):
                raise UsageError(
                    f"{KEY} {key!r} is AWS's own: nobody else may set a key in {_RESERVED}"
                )
        return Hardening(keys, None if eni_claim_tag is None else _claim(eni_claim_tag))


def _claim(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{CLAIM} {text!r} is not KEY=VALUE")
    _check_key(CLAIM, key)
    if len(value) > _LONGEST_VALUE or not re.fullmatch(f"(?!-)({_CHARACTERS}|[ ](?! |$))+", value):
        raise UsageError(f"{CLAIM} {text!r}: the value must be of {_RULE}")
    if key.lower() == CLUSTER:
        raise UsageError(f"{CLAIM} {key!r} is the tag that claiming sets; choose another one")
    return key, value


def _check_key(option: str, key: str) -> None:
    if len(key) > _LONGEST_KEY or not _KEY.fullmatch(key):
        raise UsageError(f"{option} {key!r} is not a tag key of at most {_LONGEST_KEY} {_RULE}")

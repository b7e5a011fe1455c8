"""Two fillings of the variables that stand in the documents of a module."""

from __future__ import annotations

from vpc_cni_iam.catalog import trust

_OTHER_DIGITS = str.maketrans("0123456789", "9876543210")
# Text in the place of a variable may be equal to one of its two values, but not to both.
SAMPLES = (
    trust.VARIABLES,
    {
        name: value.translate(_OTHER_DIGITS)
        .replace("aws-us-gov", "aws-cn")
        .replace("verify", "other")
        for name, value in trust.VARIABLES.items()
    },
)

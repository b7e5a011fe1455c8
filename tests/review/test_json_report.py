"""The JSON of every review fits the schema that is published."""

import json

import jsonschema

from conftest import schema
from reviews import every
from vpc_cni_iam.review.report.json import report


def test_every_review_fits_the_schema() -> None:
    validator = jsonschema.Draft202012Validator(schema("review"))
    for found in every():
        text = report(found)
        assert text.isascii()
        validator.validate(json.loads(text))

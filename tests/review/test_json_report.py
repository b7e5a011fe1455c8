"""The JSON of every review fits the schema that is published."""

import json

import jsonschema

from conftest import ROOT
from reviews import every
from vpc_cni_iam.review.report.json import report


def test_every_review_fits_the_schema() -> None:
    schema = json.loads((ROOT / "docs" / "review.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    for example in every():
        text = report(example)
        assert text.isascii()
        validator.validate(json.loads(text))

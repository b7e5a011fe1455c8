"""The JSON of every review fits the schema that is published."""

import json

import jsonschema

from conftest import schema
from reviews import every
from synthetic import allow, document, policy, reviewed
from vpc_cni_iam.review.findings import Review
from vpc_cni_iam.review.report.json import pieces, write
from vpc_cni_iam.review.report_formats import Setting


def test_every_review_fits_the_schema() -> None:
    validator = jsonschema.Draft202012Validator(schema("review"))
    for example in every():
        text = write(example, Setting())
        assert text.isascii()
        validator.validate(json.loads(text))


def test_it_is_laid_out_as_json_does() -> None:
    odd = 'tab\t, quote ", slash /, \x7f, é, \u2028, 😀, half a pair \ud83d'
    texts = [document(allow("s3:GetObject", Sid=sid)) for sid in ("", odd)]
    for text in (
        write(reviewed(policy("p", *texts)), Setting()),
        *(write(review, Setting()) for review in every()),
    ):
        assert text == json.dumps(json.loads(text), indent=2) + "\n"


def test_no_piece_of_it_is_large() -> None:
    """A report of thousands of policies is never in memory as a whole."""
    texts = document(allow("s3:Get*")), document(allow("s3:*"))
    sizes = [len(piece) for piece in pieces(many(*texts), Setting())]
    assert max(sizes) < sum(sizes) / 50


def many(before: str, after: str) -> Review:
    return reviewed(*(policy(f"p{n}", before, after) for n in range(100)))

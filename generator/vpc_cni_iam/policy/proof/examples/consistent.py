"""Requests in which related keys agree, if AWS documents the relation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec.structs import replace

from vpc_cni_iam.policy.evaluate import Request
from vpc_cni_iam.policy.matching.matches import ContextKey
from vpc_cni_iam.policy.matching.patterns import ARN_PARTS
from vpc_cni_iam.policy.matching.variables import Context, keys_of
from vpc_cni_iam.policy.proof import related_keys
from vpc_cni_iam.policy.proof.clauses import Clause
from vpc_cni_iam.policy.proof.examples.aws import NAME
from vpc_cni_iam.policy.proof.related_keys import (
    ACCOUNT_OF_ARN,
    KEYS_HAVE_TAGS,
    REQUEST_TAG,
    RESOURCE_ACCOUNT,
    TAG_KEYS,
    TAGS_HAVE_KEYS,
    SameKeys,
)

_ACCOUNT_ID = re.compile("[0-9]{12}")


def asked_keys(statements: Iterable[Clause]) -> dict[str, str]:
    """Return the condition keys in statements, as written, by lower case."""
    asked: dict[str, str] = {}
    for clause in statements:
        patterns = [pattern for check in clause.checks for pattern in check.patterns]
        variables = keys_of((*patterns, *clause.resources.element.patterns))
        asked |= {key: asked.get(key, key) for key in variables}
        keys = (check.key for check in clause.checks)
        asked |= {key: key.spelling for key in keys if isinstance(key, ContextKey)}
    return asked


def consistent(request: Request, asked: Mapping[str, str]) -> Iterator[Request]:
    """Yield similar requests in which the conditions' keys agree: itself if possible."""
    on = request.action, request.resource
    contexts = [request.folded]
    for names in related_keys.same(asked):
        if names.scope.has(*on):
            contexts = [c for context in contexts for c in _with_one_value(context, names)]
    if TAG_KEYS in asked and TAGS_HAVE_KEYS.has(*on):
        both = KEYS_HAVE_TAGS.has(*on)
        contexts = [c for context in contexts for c in _with_tags(context, asked, both=both)]
    for context in contexts:
        written = {asked.get(key, key): value for key, value in context.items()}
        made = replace(request, context=written)
        if RESOURCE_ACCOUNT in asked and ACCOUNT_OF_ARN.has(*on):
            yield from _of_one_account(made, asked[RESOURCE_ACCOUNT])
        else:
            yield made


def _with_one_value(context: Context, names: SameKeys) -> Iterator[Context]:
    """Yield contexts in which two keys are absent or have the value of one of them."""
    values = context.get(names.alias), context.get(names.key)
    rest = {k: v for k, v in context.items() if k not in (names.alias, names.key)}
    for value in dict.fromkeys(values):
        yield rest if value is None else {**rest, names.alias: value, names.key: value}


def _with_tags(context: Context, asked: Mapping[str, str], *, both: bool) -> Iterator[Context]:
    """Yield contexts in which aws:TagKeys has the keys of the request's tags.

    With `both`, each of its keys also has a tag. Either aws:TagKeys changes, or the tags do; if
    aws:TagKeys is absent, it changes.
    """
    keys = context.get(TAG_KEYS, ())
    keys = (keys,) if isinstance(keys, str) else keys
    named = {key.lower() for key in keys}
    tags = related_keys.request_tags(asked)
    without_key = [key for key, tag in tags.items() if key in context and tag not in named]
    without_tag = [key for key, tag in tags.items() if both and key not in context and tag in named]
    if not (without_key or without_tag):
        yield context
        return
    added = (asked[key][len(REQUEST_TAG) :] for key in without_key)
    lost = {tags[key] for key in without_tag}
    fewer = tuple(key for key in keys if key and key.lower() not in lost)
    yield {**context, TAG_KEYS: (*fewer, *added)}
    if not keys:
        return
    rest = {key: value for key, value in context.items() if key not in without_key}
    yield {**rest, **dict.fromkeys(without_tag, NAME)}


def _of_one_account(request: Request, key: str) -> Iterator[Request]:
    """Yield requests in which a key and the resource's ARN have the account of one of them."""
    parts = request.resource.split(":", ARN_PARTS - 1)
    if len(parts) < ARN_PARTS or not _ACCOUNT_ID.fullmatch(parts[-2]):
        yield request
        return
    yield replace(request, context={**request.context, key: parts[-2]})
    owner = request.context.get(key)
    if isinstance(owner, str) and owner != parts[-2] and _ACCOUNT_ID.fullmatch(owner):
        parts[-2] = owner
        yield replace(request, resource=":".join(parts))

"""A review as one page of HTML: what was found, what each role may do, what changes.

It needs no other file and no network, and says all it has to say without its script, which only
filters. Every text goes through `sanitise_html` on its way into it, so that none becomes markup.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator

from vpc_cni_iam import resources
from vpc_cni_iam.coverage.report.html import STYLE
from vpc_cni_iam.coverage.report.svg import style
from vpc_cni_iam.escape import ascii_markup, sanitise_html
from vpc_cni_iam.review import permission_table as permissions
from vpc_cni_iam.review import wording
from vpc_cni_iam.review.diff.changes import Change
from vpc_cni_iam.review.findings import Finding, Ignored, Review
from vpc_cni_iam.review.report_formats import Setting

_ALSO = 8


def write(review: Review, _setting: Setting) -> str:
    """Return a review in this format."""
    return report(review)


def report(review: Review) -> str:
    """Return a review as a page; it is ASCII."""
    css = style(":root") + STYLE + resources.text("review/page.css")
    script = resources.text("review/page.js")
    title = f"IAM review of {review.plan}"
    policy = f"default-src 'none'; style-src {_hash(css)}; script-src {_hash(script)}"
    parts = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}; base-uri \'none\'; '
        "form-action 'none'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{sanitise_html(title)}</title>",
        f"<style>{css}</style>\n</head>\n<body>\n<main>",
        *_head(review, title),
        *_linked(
            *_findings(review),
            *permissions.section(review.principals),
            *_changes(review),
            *_rules(review),
        ),
        f"</main>\n<script>{script}</script>\n</body>\n</html>\n",
    )
    return ascii_markup("\n".join(parts))


def _hash(content: str) -> str:
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _head(review: Review, title: str) -> Iterator[str]:
    result = "fails" if review.failed else "passes"
    yield f"<h1>{sanitise_html(title)}</h1>"
    yield (
        f'<p class="quiet">Reviewed {sanitise_html(wording.judged(review))}; '
        f"planned by engine {sanitise_html(review.engine)}</p>"
    )
    yield (
        f'<p><span class="verdict {result}">The review {result}</span> '
        f"{wording.counted(review)}; fails on <code>{sanitise_html(review.fail_on)}</code></p>"
    )


def _linked(*parts: str) -> Iterator[str]:
    """Yield the sections, after links to them: of thousands of findings the end is far away."""
    heads = (re.match(r'<h2 id="([a-z]+)">([A-Za-z]+)</h2>', part) for part in parts)
    links = [f'<a href="#{head[1]}">{head[2]}</a>' for head in heads if head]
    yield f'<nav aria-label="Sections">{" ".join(links)}</nav>'
    yield from parts


def _findings(review: Review) -> Iterator[str]:
    groups = [alike for alike, _ in wording.finding_groups(review)]
    if not (groups or review.ignored or review.clusters):
        return
    yield '<h2 id="findings">Findings</h2>'
    for section, title in wording.SECTIONS.items():
        own = [alike for alike in groups if wording.section(alike[0]) == section]
        rows = list(_plugin(review)) if section == "plugin" else []
        if own or rows:
            yield f"<h3>{title}</h3>"
            yield from rows
        if own:
            yield '<ul class="findings">'
            yield from map(_finding, own)
            yield "</ul>"
    if review.ignored:
        yield '<h3>Ignored</h3>\n<ul class="findings">'
        yield from map(_ignored, review.ignored)
        yield "</ul>"
    yield f'<p class="quiet">{sanitise_html(wording.limits(review))}</p>'


def _plugin(review: Review) -> Iterator[str]:
    """Yield which version and which identity the plugin has in each cluster."""
    for cluster in review.clusters:
        yield '<dl class="plugin">'
        for label, text, changes in wording.plugin_rows(cluster):
            shown = f"<strong>{sanitise_html(text)}</strong>" if changes else sanitise_html(text)
            yield f"<dt>{label}</dt><dd>{shown}</dd>"
        yield "</dl>"


def _finding(alike: list[Finding]) -> str:
    first = alike[0]
    more = [*map(sanitise_html, first.details), *_also([wording.subject(f) for f in alike[1:]])]
    return (
        f'<li><span class="level {first.level}">{first.level}</span>'
        f'<a class="rule" href="#rule-{first.rule}">{first.rule}</a>{_where(first)}'
        f"<p>{sanitise_html(first.message)}</p>{_list(more)}</li>"
    )


def _ignored(ignored: Ignored) -> str:
    until = f" until {sanitise_html(ignored.until)}" if ignored.until else ""
    rule = ignored.finding.rule
    return (
        f'<li><span class="level">ignored</span><a class="rule" href="#rule-{rule}">{rule}</a>'
        f"{_where(ignored.finding)}<p>{sanitise_html(ignored.finding.message)}</p>"
        f'<p class="quiet">Ignored{until}: {sanitise_html(ignored.reason)}</p></li>'
    )


def _where(thing: Finding | Change) -> str:
    place = f" {sanitise_html(wording.where(thing.place))}" if thing.place else ""
    return f'<span class="where"><code>{sanitise_html(wording.subject(thing))}</code>{place}</span>'


def _also(names: list[str]) -> Iterator[str]:
    yield from (f"also <code>{sanitise_html(name)}</code>" for name in names[:_ALSO])
    if len(names) > _ALSO:
        yield f"and {len(names) - _ALSO} more like it"


def _list(lines: Iterable[str]) -> str:
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f'<ul class="more">{items}</ul>' if items else ""


def _changes(review: Review) -> Iterator[str]:
    yield '<h2 id="changes">Changes</h2>'
    changed = list(wording.changed(review))
    if not changed:
        yield "<p>Nothing in the plan changes an IAM policy.</p>"
    for alike in changed:
        change = alike[0]
        yield f"<h3>{change.action}: {_where(change)}</h3>"
        if change.lines:
            caption = f"What changes in {sanitise_html(wording.subject(change))}"
            yield f'<table><caption class="said">{caption}</caption>'
            yield '<thead class="said"><tr><th scope="col">effect</th>'
            yield '<th scope="col">access</th><th scope="col">what</th></tr></thead><tbody>'
            for line in change.lines:
                yield (
                    f'<tr class="{line.effect}"><td class="mark">{wording.SIGNS[line.effect]}</td>'
                    f'<td class="kind">{line.kind}</td>'
                    f"<td><code>{sanitise_html(line.text)}</code></td></tr>"
                )
            yield "</tbody></table>"
        about = [
            f'<span class="{tone}">{sanitise_html(x)}</span>' for tone, x in wording.about(change)
        ]
        yield _list([*_also([c.address for c in alike[1:]]), *about])


def _rules(review: Review) -> Iterator[str]:
    """Yield what the rules that found something are about."""
    rule_ids = {f.rule for f in review.findings} | {i.finding.rule for i in review.ignored}
    if rule_ids:
        yield '<h2 id="rules">Rules</h2>\n<dl>'
    for rule in review.rules:
        if rule.id in rule_ids:
            helped = sanitise_html(rule.help.replace("`", ""))
            summary = sanitise_html(rule.summary)
            yield f'<dt id="rule-{rule.id}"><strong>{rule.id}</strong>: {summary}</dt>'
            yield f"<dd>{helped}</dd>"
    if rule_ids:
        yield "</dl>"

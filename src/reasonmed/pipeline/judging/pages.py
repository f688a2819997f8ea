"""The judge card for people: tables, as Markdown and as a page with a plot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.errors import UsageError
from reasonmed.pipeline.judging.card import verdict_of
from reasonmed.pipeline.judging.human_pages import facts_of, of_human
from reasonmed.pipeline.judging.sections import Section, estimated, told
from reasonmed.report import markdown
from reasonmed.report.figures import decimal
from reasonmed.report.page import details as details_of
from reasonmed.report.page import heading, page, paragraph, table
from reasonmed.report.plot import Bar, bars
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from reasonmed.pipeline.judging.card import Card
    from reasonmed.pipeline.judging.shares import Share
    from reasonmed.pipeline.judging.steps import Found
    from reasonmed.report.page import Html
    from reasonmed.types import Probe, Story

_MOST = 200
"""Cases that the page shows in full."""
STRATUM_NAMES = {"wrong_answer": "wrong answer", "broken_reasoning": "right answer, broken reasoning"}


def summary(card: Card) -> Section:
    """Sensitivity, specificity and kappa, a column a stratum."""
    found = [card.strata[name] for name in STRATUM_NAMES]
    rows = [
        ("sound chains", *(str(one.sound) for one in found)),
        ("wrong chains", *(str(one.wrong) for one in found)),
        ("sensitivity", *(told(one.sensitivity) for one in found)),
        ("specificity", *(told(one.specificity) for one in found)),
        ("Cohen's kappa", *(estimated(one.kappa) for one in found)),
        ("undecided", *(told(one.undecided) for one in found)),
    ]
    note = (
        "Sensitivity: sound chains of thought accepted. Specificity: wrong ones rejected. Intervals: 95 %. The judge "
        "sees the key, so that a wrong answer is easy to see; thresholds apply to broken reasoning."
    )
    return Section("Verdicts", note, ("", *STRATUM_NAMES.values()), rows)


def of_steps(card: Card) -> Iterator[Section]:
    """What the card tells of steps; nothing where it tells none."""
    steps = card.steps
    if steps is None:
        return
    columns = (
        "fault" if card.human else "planted fault",
        "found anywhere",
        "at the right step",
        "as the first flagged step",
        "by chance",
    )
    yield Section(
        "Faulty steps",
        "Found: any step flagged; a flagged step holds the planted fault; the first flagged step does. By chance: at "
        "the right step, if as many flags fell on steps at random. Intervals: 95 %, by question.",
        columns,
        [_found("broken reasoning", steps.found), *(_found(kind, one) for kind, one in steps.by_kind.items())],
    )
    if steps.by_type:
        rows = [_found(kind, one) for kind, one in steps.by_type.items()]
        yield Section("Faulty steps, by type", "Of broken reasoning.", ("type", *columns[1:]), rows)
    yield Section(
        "Steps",
        "False alarms are flagged steps of sound chains. Sensitivity and specificity are of single steps that have "
        "labels: faulty ones flagged, and steps of sound chains not flagged.",
        ("", "steps"),
        [
            ("false alarms per sound chain", estimated(steps.alarms.per_chain)),
            ("sound chains with any", told(steps.alarms.chains)),
            ("sensitivity", told(steps.sensitivity)),
            ("specificity", told(steps.specificity)),
            ("chains with labels", told(steps.labelled)),
        ],
    )
    second = steps.second
    if second is not None:
        note = f"{second.judges[1]} on {second.steps} steps of {second.chains} of these chains: Krippendorff's alpha."
        rows = [("ok, error, unsupported", estimated(second.labels)), ("ok or not", estimated(second.ok))]
        yield Section("Second judge, by step", note, ("labels", "alpha"), rows)


def _found(name: str, one: Found) -> tuple[str, ...]:
    chance = "" if one.by_chance is None else decimal(one.by_chance)
    return (name, told(one.anywhere), told(one.at_step), told(one.first), chance)


def main(card: Card) -> Iterator[Section]:
    """What the card tells first: verdicts, people's labels, steps."""
    yield summary(card)
    yield from of_human(card.human) if card.human else ()
    yield from of_steps(card)


def details(card: Card) -> Iterator[Section]:
    """Everything else that the card tells; sections without a row are left out."""
    if card.human is not None:
        return
    retest = card.retest
    again = [("same verdict", told(retest.same)), ("Cohen's kappa", estimated(retest.kappa))] if retest.same.of else []
    own = card.own_model
    writers = [(writer, told(one)) for writer, one in own.by_writer.items()]
    if own.gap is not None:
        writers += [("own model", told(own.own)), ("other models", told(own.others)), ("gap", estimated(own.gap))]
    lengths = [
        (STRATUM_NAMES.get(name, name), words, told(one))
        for name, parts in card.length.items()
        for words, one in parts.items()
    ]
    for section in (
        Section("Rejected, by what is wrong", "", ("kind", "rejected"), _rows(card.rejected)),
        Section(
            "Injection",
            "Orders to the judge behind a broken chain, and texts without any reasoning: those not accepted.",
            ("attempt", "resisted"),
            [("all", told(card.injection.resisted)), *_rows(card.injection.by_kind), *_rows(card.injection.by_text)],
        ),
        Section("Asked twice", "The same case a second time.", ("", "of those asked twice"), again),
        Section("Length", "Accepted, by the length of the chain.", ("chains", "words", "accepted"), lengths),
        Section("Place of the fault", "Rejected, by where the fault stands.", ("part", "rejected"), _rows(card.place)),
        Section("Letter of the key", "Sound chains accepted, by the key.", ("key", "accepted"), _rows(card.key)),
        Section("Writers", "Sound chains accepted, by who wrote them.", ("writer", "accepted"), writers),
    ):
        if section.rows:
            yield section


def _rows(shares: Mapping[str, Share]) -> list[tuple[str, ...]]:
    return [(name, told(one)) for name, one in shares.items()]


def facts(card: Card) -> list[str]:
    """What a reader must know before the numbers."""
    labels = ", ".join(f"{count} {name}" for name, count in card.labels.items())
    lines = [
        f"Judge: {card.name}, temperature {card.judge['temperature']}, prompt {card.judge['prompt']}",
        f"Cases: {card.cases} from {card.source}, seed {card.seed}; labels: {labels}",
    ]
    lines += facts_of(card.human) if card.human else ()
    if card.labels.get("presumed"):
        lines.append(
            "Presumed: nobody labelled these chains; they are taken as sound because their answer is right. Some may "
            "not be, and a judge that says so loses sensitivity for it."
        )
    if card.left_out:
        lines.append("Left out: " + ", ".join(f"{count} ({reason})" for reason, count in card.left_out.items()))
    if card.unchecked_conflicts:
        severe = " or with a step labeled a severe error" if card.steps else ""
        lines.append(
            f"{card.unchecked_conflicts} chains with another answer than the key{severe} were called Correct; in a run "
            "the verifier's own rule makes such verdicts undecided"
        )
    if card.demo:
        lines.append("DEMO: a model without medical ability; these numbers only show the machinery")
    return lines


def markdown_of(card: Card) -> str:
    """The card as Markdown."""
    parts = ["# Judge card\n", markdown.bullets(markdown.plain(line) for line in facts(card))]
    for section in (*main(card), *details(card)):
        parts += [f"## {section.title}\n"]
        parts += [f"{section.note}\n"] if section.note else []
        columns, *rows = [[markdown.plain(cell) for cell in row] for row in (section.columns, *section.rows)]
        parts.append(markdown.table(columns, rows))
    return "\n".join(parts)


def html_of(card: Card, stories: Iterable[Story] = ()) -> str:
    """The card as a page of its own, with the cases that the judge got wrong.

    Without matplotlib it has no plot, and says so.
    """
    parts = [paragraph(line) for line in facts(card)]
    plots = {"Verdicts": _plot, "Faulty steps": _plot_of_steps}
    for section in (*main(card), *details(card)):
        parts.append(heading(section.title))
        parts += [paragraph(section.note, note=True)] if section.note else []
        parts.append(table(section.columns, section.rows))
        parts += [plots[section.title](card)] if section.title in plots else []
    return page(f"Judge card: {card.name}", [*parts, *_wrong(stories)])


def _wrong(stories: Iterable[Story]) -> Iterator[Html]:
    """Sound chains that were not accepted, and others that were: each with its question."""
    found = [(story.question, one) for story in stories for one in story.probes if _is_wrong(one)]
    if not found:
        return
    yield heading("Cases judged wrongly")
    yield paragraph("Sound chains not accepted, and others not rejected; undecided ones are among both.", note=True)
    for question, probe in found[:_MOST]:
        verdict = verdict_of(probe) or "none"
        lines = [
            f"Question: {question.stem}",
            *(f"{letter(place)}. {option}" for place, option in enumerate(question.options)),
            f"Key: {question.key_text}" if question.answer is not None else "",
            f"Verdict: {verdict}. {probe.verdict.reason if probe.verdict else ''}",
            f"Planted: {probe.detail}" if probe.detail else "",
            f"\n{probe.text}",
        ]
        summary = f"{question.id}: {probe.kind}, {probe.model}: {verdict}"
        yield details_of(summary, "\n".join(filter(None, lines)), question.stem)
    if len(found) > _MOST:
        yield paragraph(f"{len(found) - _MOST:,} more are in the ledger.", note=True)


def _is_wrong(probe: Probe) -> bool:
    """As the shares count: an injection is resisted unless it was accepted."""
    verdict = verdict_of(probe)
    if probe.stratum == "injection":
        return verdict == "correct"
    return verdict != ("correct" if probe.stratum == "sound" else "error")


def _plot(card: Card) -> Html:
    groups = {"sound, accepted": {"share": _bar(card.strata["broken_reasoning"].sensitivity)}}
    groups |= {f"{kind}, rejected": {"share": _bar(one)} for kind, one in card.rejected.items()}
    groups |= {f"{kind}, resisted": {"share": _bar(one)} for kind, one in card.injection.by_kind.items()}
    return _drawn("Right verdicts, with 95 % intervals", groups)


def _plot_of_steps(card: Card) -> Html:
    found = card.steps.by_kind if card.steps else {}
    groups = {
        kind: {"anywhere": _bar(one.anywhere)}
        | ({"at the right step": _bar(one.at_step), "first": _bar(one.first)} if one.at_step.of else {})
        for kind, one in found.items()
    }
    return _drawn("Planted faults found, with 95 % intervals", groups)


def _drawn(title: str, groups: Mapping[str, Mapping[str, Bar]]) -> Html:
    try:
        return bars(title, groups, "share")
    except UsageError as missing:
        return paragraph(str(missing), note=True)


def _bar(one: Share) -> Bar:
    return Bar(one.share or 0.0, one.low, one.high)

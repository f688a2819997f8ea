"""The reports of an evaluation: tables as rows of texts, ``report.md`` and ``report.html``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed.evaluation import html as browse
from reasonmed.evaluation import plots
from reasonmed.evaluation.audit.tables import audit_tables
from reasonmed.evaluation.comparison_tables import comparison_tables
from reasonmed.evaluation.headlines import headline_words, how, marks
from reasonmed.evaluation.perturbed import perturbation_tables
from reasonmed.evaluation.scores import GROUPS
from reasonmed.evaluation.tables import Table, markdown_lines, percent, with_interval
from reasonmed.evaluation.trajectory import trajectory_tables
from reasonmed.files import replacing, write_atomically
from reasonmed.report import page
from reasonmed.report.markdown import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from reasonmed.evaluation.outcome import Results
    from reasonmed.evaluation.scores import Limited, Score
    from reasonmed.report.page import Html


SETS = "Benchmarks"
"""The title of the table that says what the files are."""


def write_reports(folder: Path, results: Results) -> None:
    """Write ``report.md`` and ``report.html``."""
    write_atomically(folder / "report.md", markdown(results))
    with replacing(folder / "report.html") as sink:
        sink.write(page.page("Evaluation", _parts(folder, results)).encode("utf-8", "replace"))


def tables(results: Results) -> Iterator[Table]:
    """All tables of a report, in order."""
    yield _accuracy(results)
    yield _answers(results)
    found = [*(_groups(results, what) for what in GROUPS), _samples(results), _calibration(results)]
    yield from (one for one in found if one.rows)
    yield from trajectory_tables(results)
    yield from comparison_tables(results.comparisons)
    yield from perturbation_tables(results)
    yield from audit_tables(results.audit or None)
    yield from (one for one in (_costs(results), *_budgets(results)) if one.rows)
    yield _sets(results)
    yield _power(results)


def _accuracy(results: Results) -> Table:
    rows = [
        (name, model, f"{cell.n:,}", with_interval(cell.accuracy), with_interval(cell.majority),
         with_interval(cell.macro), _clean(cell))
        for name, model, cell in results.each()
    ]  # fmt: skip
    columns = ("benchmark", "model", "n", "accuracy % (95 %)", "majority vote", "macro over subjects", "clean subset")
    keep = [place for place in range(len(columns)) if place < 4 or any(row[place] != "-" for row in rows)]  # noqa: PLR2004
    note = "Unparsed, truncated, unended and failed answers count as not right. Accuracy is over questions (micro)."
    if any(cell.overlap for *_, cell in results.each()):
        note += " It is over all questions, also those that a model was trained on; the clean subset is without them."
    if any(cell.distinct < cell.n for *_, cell in results.each()):
        note += " Copies of a question count one by one in the rate, and as one question in its interval."
    return Table(
        "Accuracy", tuple(columns[place] for place in keep), [tuple(row[p] for p in keep) for row in rows], note
    )


def _clean(cell: Score) -> str:
    if cell.clean is None:
        return "-"
    return f"{with_interval(cell.clean.accuracy)}, n = {cell.clean.n:,}; {cell.overlap:,} trained on"


def _answers(results: Results) -> Table:
    names = ("answers", "correct", "wrong", "unparsed", "truncated", "unended", "failed")
    rows = []
    for name, model, cell in results.each():
        counts = (
            cell.answers, cell.correct, cell.wrong, cell.unparsed, cell.truncated, cell.unended, cell.failed
        )  # fmt: skip
        median = f"{cell.tokens.median:,.0f}" if cell.tokens else "-"
        rows.append((name, model, *(f"{count:,}" for count in counts), median))
    cut = sum(cell.truncated_right for *_, cell in results.each())
    note = f"{cut:,} truncated answers named the key before they were cut; they count as truncated." if cut else ""
    return Table("Answers", ("benchmark", "model", *names, "median tokens"), rows, note)


def _groups(results: Results, what: str) -> Table:
    rows = [
        (name, group, model, f"{found.n:,}", with_interval(found.accuracy))
        for name, model, cell in results.each()
        for group, found in GROUPS[what](cell).items()
    ]
    return Table(f"By {what}", ("benchmark", what, "model", "n", "accuracy % (95 %)"), rows)


def _samples(results: Results) -> Table:
    rows = [
        (name, model, f"{one.k}", percent(one.majority), percent(one.passed))
        for name, model, cell in results.each()
        for one in cell.curve
    ]
    note = "Exact means over all choices of k out of the answers that are there; an even vote counts half."
    return Table("Fewer samples", ("benchmark", "model", "k", "majority of k %", "pass@k %"), rows, note)


def _calibration(results: Results) -> Table:
    rows = [
        (name, model, f"{found.n:,}", f"{found.ece:.3f}", f"{found.brier:.3f}")
        for name, model, cell in results.each()
        if (found := cell.calibration)
    ]
    note = (
        "Of the options' shares of likelihood: expected calibration error of the choice in ten bins of equal numbers "
        "(0 is best), Brier score over all options (0 is best, 2 is worst)."
    )
    return Table("Calibration", ("benchmark", "model", "n", "ECE", "Brier score"), rows, note)


def _costs(results: Results) -> Table:
    rows = []
    for model in results.models:
        cells = list(model.benchmarks.values())
        questions = sum(cell.n for cell in cells)
        right = sum(cell.n * cell.accuracy.value for cell in cells)
        counted = [cell.tokens.mean * cell.answers for cell in cells if cell.tokens]
        known = len(counted) == len(cells) and results.protocol == "generate"
        tokens = sum(counted) if known else None
        shown = (_each(tokens, questions), _each(tokens, right))
        paid = (_usd(model.usd_per_question), _usd(model.usd_per_right))
        if tokens or model.usd_per_question:
            rows.append((model.name, f"{questions:,}", f"{right:,.1f}", *shown, *paid))
    heads = ("model", "questions", "right", "output tokens per question", "output tokens per right answer")
    note = "All samples of a question together; what this folder has cost, so that reused replies are free."
    if results.perturbations:
        note += " USD includes the perturbed questions, tokens do not."
    return Table("Cost", (*heads, "USD per question", "USD per right answer"), rows, note)


def _each(amount: float | None, count: float) -> str:
    return "-" if amount is None or not count else f"{amount / count:,.0f}"


def _usd(value: float | None) -> str:
    return "-" if not value else f"{value:.3g}"


def _budgets(results: Results) -> Iterator[Table]:
    """One table a benchmark."""
    for one in results.benchmarks:
        cells = {model.name: model.benchmarks[one.name].budget for model in results.models}
        limits = sorted({point.tokens for points in cells.values() for point in points})
        rows = [
            (name, *(percent(_at(points, limit)) for limit in limits))
            for name, points in cells.items()
            if points and results.protocol == "generate"
        ]
        columns = ("model", *(f"{limit:,}" for limit in limits))
        note = "Accuracy in percent had --max-tokens been so much, from the replies that are there."
        yield Table(f"Accuracy by output tokens: {one.name}", columns, rows, note, brief=False)


def _at(points: Sequence[Limited], limit: int) -> float:
    """The accuracy at a limit; no reply is longer than the last one."""
    return next((point.accuracy for point in points if point.tokens >= limit), points[-1].accuracy)


def _sets(results: Results) -> Table:
    rows = []
    for one in results.benchmarks:
        of = f"{one.n:,} of {one.of:,}" if one.of else f"{one.n:,}"
        remarks = [*one.differences, *([one.caution] if one.caution else [])]
        if one.not_rotated is not None:
            remarks.append(f"{one.not_rotated:,} questions kept the order of their options, which refer to each other")
        if one.left_out:
            remarks.append(f"{one.left_out:,} bad rows skipped")
        rows.append((one.name, one.file, of, one.hash[:12], percent(one.most_frequent_letter), "; ".join(remarks)))
    return Table(SETS, ("benchmark", "file", "n", "content hash", "commonest letter %", "remarks"), rows, words=True)


def _power(results: Results) -> Table:
    rows = [
        (one.benchmark, f"{one.n:,}", f"{100 * one.unpaired:.1f}",
         "-" if one.paired is None else f"{100 * one.paired:.1f}")
        for one in results.power
    ]  # fmt: skip
    note = (
        "Smallest true difference in points that is found with 80 % power at alpha 0.05: of two models on different "
        "questions of the kind, and on the same ones where just one of the two is right on every fifth (exact McNemar "
        "test)."
    )
    return Table("Statistical power", ("benchmark", "n", "two samples", "same questions"), rows, note)


def markdown(results: Results) -> str:
    """The report as Markdown."""
    lines = ["# Evaluation", "", *(plain(line) for line in headline_words(results)), "", how(results), ""]
    for one in marks(results):
        lines += [f"**{plain(one)}**", ""]
    for table in tables(results):
        lines += markdown_lines(table)
    return "\n".join(lines)


def _parts(folder: Path, results: Results) -> Iterator[Html]:
    for line in [*headline_words(results), *marks(results)]:
        yield page.paragraph(line)
    yield page.paragraph(how(results), note=True)
    for table in tables(results):
        yield page.heading(table.title)
        yield page.table(table.columns, table.rows)
        if table.note:
            yield page.paragraph(table.note, note=True)
    yield page.heading("Plots")
    yield from plots.plots(results)
    yield from browse.answers(folder, results)

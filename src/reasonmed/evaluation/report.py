"""The reports of an evaluation: tables as rows of texts, ``report.md`` and ``report.html``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from reasonmed.evaluation import html as browse
from reasonmed.evaluation import plots
from reasonmed.evaluation.metrics import each
from reasonmed.files import replacing, write_atomically
from reasonmed.report import page
from reasonmed.report.markdown import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from reasonmed.report.page import Html


SETS = "Benchmarks"
"""The title of the table that says what the files are."""
_MANY = 0.1
_MENDS = {
    "unparsed": "; look at its answers, and at the prompt",
    "truncated": "; raise --max-tokens",
    "unended": "; the model stops inside its thinking: look at its chat template, or ask with --no-thinking",
    "failed": "; the answers say why",
}


class Table(NamedTuple):
    """A table for any kind of report."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""
    words: bool = False
    """Whether the last column are sentences, which a narrow screen has no room for beside the others."""

    def without_words(self) -> Table:
        """The table without that column."""
        return self._replace(columns=self.columns[:-1], rows=[row[:-1] for row in self.rows], words=False)


def write_reports(folder: Path, told: Mapping[str, Any]) -> None:
    """Write ``report.md`` and ``report.html``."""
    write_atomically(folder / "report.md", markdown(told))
    with replacing(folder / "report.html") as sink:
        sink.write(page.page("Evaluation", _parts(folder, told)).encode("utf-8", "replace"))


def percent(share: float) -> str:
    """A share in percent with one digit."""
    return f"{100 * share:.1f}"


def with_interval(found: Mapping[str, float] | None) -> str:
    """A rate with its bounds, such as ``41.0 (34.4-48.0)``."""
    return "-" if found is None else f"{percent(found['value'])} ({percent(found['low'])}-{percent(found['high'])})"


def headline_words(told: Mapping[str, Any]) -> list[str]:
    """What may be said in one line: the gain of each model over its base; or why nothing may."""
    if not told["headlines"]:
        return [f"No headline: {told['no_headline']}."] if told["no_headline"] else []
    lines = []
    for one in told["headlines"]:
        for name, found in one["benchmarks"].items():
            head = f"{one['model']} against its base {one['base']} on {name} ({_subset(one, found)}): "
            gain, p = _points(found, " points"), _p(found["p_holm"])
            lines.append(
                f"{head}{gain}, p = {p}: {found['words']}." if found["differing"] else f"{head}{found['words']}."
            )
        if not one["benchmarks"]:
            lines.append(f"{one['model']}: no question is left that it was not trained on.")
    return lines


def _subset(one: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    clean = "clean subset, " if one["subset"] == "clean" else f"{one['subset']}; "
    return f"{clean}n = {found['n']:,}"


def how(told: Mapping[str, Any]) -> str:
    """How the questions were put, in a sentence."""
    settings = told["settings"]
    if told["protocol"] == "loglikelihood":
        return "Protocol: loglikelihood, with the prompts of lm-evaluation-harness 0.4.13, zero-shot."
    thinking = {None: "as the model does by default", True: "on", False: "off"}[settings["thinking"]]
    asked = "once" if settings["samples"] == 1 else f"{settings['samples']} times"
    orders = "" if settings["rotate"] == 1 else f" in up to {settings['rotate']} orders of its options"
    return (
        f"Protocol: generate. Each question was asked {asked}{orders} at temperature {settings['temperature']:g}, with "
        f"up to {settings['max_tokens']:,} tokens a reply, thinking {thinking}, prompt '{settings['prompt_name']}'."
    )


def tables(told: Mapping[str, Any]) -> Iterator[Table]:
    """All tables of a report, in order."""
    yield _accuracy(told)
    yield _answers(told)
    for what in ("subjects", "tiers"):
        found = _groups(told, what)
        if found.rows:
            yield found
    yield from comparison_tables(told["comparisons"])
    yield _sets(told)
    yield _power(told)


def _accuracy(told: Mapping[str, Any]) -> Table:
    rows = [
        (name, model, f"{cell['n']:,}", with_interval(cell["accuracy"]), with_interval(cell["majority"]),
         with_interval(cell["macro"]), _clean(cell))
        for name, model, cell in each(told)
    ]  # fmt: skip
    columns = ("benchmark", "model", "n", "accuracy % (95 %)", "majority vote", "macro over subjects", "clean subset")
    keep = [place for place in range(len(columns)) if place < 4 or any(row[place] != "-" for row in rows)]  # noqa: PLR2004
    note = "Unparsed, truncated, unended and failed answers count as not right. Accuracy is over questions (micro)."
    return Table(
        "Accuracy", tuple(columns[place] for place in keep), [tuple(row[p] for p in keep) for row in rows], note
    )


def _clean(cell: Mapping[str, Any]) -> str:
    if cell["clean"] is None:
        return "-"
    return f"{with_interval(cell['clean']['accuracy'])}, n = {cell['clean']['n']:,}; {cell['overlap']:,} trained on"


def _answers(told: Mapping[str, Any]) -> Table:
    names = ("answers", "correct", "wrong", "unparsed", "truncated", "unended", "failed")
    rows = []
    for name, model, cell in each(told):
        tokens = cell["tokens"]
        rows.append((name, model, *(f"{cell[one]:,}" for one in names), f"{tokens['median']:,.0f}" if tokens else "-"))
    cut = sum(cell["truncated_right"] for *_, cell in each(told))
    note = f"{cut:,} truncated answers named the key before they were cut; they count as truncated." if cut else ""
    return Table("Answers", ("benchmark", "model", *names, "median tokens"), rows, note)


def _groups(told: Mapping[str, Any], what: str) -> Table:
    rows = [
        (name, group, model, f"{found['n']:,}", with_interval(found["accuracy"]))
        for name, model, cell in each(told)
        for group, found in cell[what].items()
    ]
    single = what.removesuffix("s")
    return Table(f"By {single}", ("benchmark", single, "model", "n", "accuracy % (95 %)"), rows)


def comparison_tables(comparisons: list[dict[str, Any]]) -> Iterator[Table]:
    """One table a pair of models."""
    for one in comparisons:
        rows = [
            (name, f"{found['n']:,}", percent(found["first"]), percent(found["second"]), _points(found),
             f"{found['only_first']:,} / {found['only_second']:,}", _p(found["p"]), _p(found["p_holm"]), found["words"])
            for name, found in one["benchmarks"].items()
        ]  # fmt: skip
        columns = (
            "benchmark",
            "n",
            one["first"],
            one["second"],
            "difference (95 %)",
            "only one right",
            "p",
            "p (Holm)",
            "",
        )
        notes = ["Paired by question: exact McNemar test on majority answers, bootstrap interval over questions."]
        unpaired = sum(found["unpaired"] for found in one["benchmarks"].values())
        if unpaired:
            notes.append(f"{unpaired:,} questions that just one of the two was asked are left out.")
        notes += [
            f"{one[side]} on {name}: {always_words(letter)}."
            for name, found in one["benchmarks"].items()
            for side, letter in zip(("first", "second"), found["always"], strict=True)
            if letter
        ]
        yield Table(f"{one['second']} against {one['first']}", columns, rows, " ".join(notes), words=True)


def always_words(letter: str) -> str:
    """What is said of a model that chooses one letter on every question."""
    return f"always picks {letter}"


def _points(comparison: Mapping[str, Any], unit: str = "") -> str:
    """A difference with its interval, which says nothing where no answer differs."""
    found = comparison["difference"]
    value = f"{100 * found['value']:+.1f}{unit}"
    return f"{value} ({100 * found['low']:+.1f} to {100 * found['high']:+.1f})" if comparison["differing"] else value


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"  # noqa: PLR2004 - three digits are shown


def _sets(told: Mapping[str, Any]) -> Table:
    rows = []
    for one in told["benchmarks"]:
        of = f"{one['n']:,} of {one['of']:,}" if one["of"] else f"{one['n']:,}"
        remarks = [*one["differences"], *([one["caution"]] if one["caution"] else [])]
        if one["not_rotated"] is not None:
            remarks.append(
                f"{one['not_rotated']:,} questions kept the order of their options, which refer to each other"
            )
        if one["left_out"]:
            remarks.append(f"{one['left_out']:,} bad rows left out")
        rows.append(
            (one["name"], one["file"], of, one["hash"][:12], percent(one["most_frequent_letter"]), "; ".join(remarks))
        )
    return Table(SETS, ("benchmark", "file", "n", "content hash", "commonest letter %", "remarks"), rows, words=True)


def _power(told: Mapping[str, Any]) -> Table:
    rows = [
        (one["benchmark"], f"{one['n']:,}", f"{100 * one['unpaired']:.1f}",
         "-" if one["paired"] is None else f"{100 * one['paired']:.1f}")
        for one in told["power"]
    ]  # fmt: skip
    note = (
        "The smallest difference in points that is found four times in five at 5 %: of two models on different "
        "questions of the kind, and on the same ones where just one of the two is right on every fifth."
    )
    return Table("What so many questions can show", ("benchmark", "n", "two samples", "same questions"), rows, note)


def markdown(told: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    lines = ["# Evaluation", "", *(plain(line) for line in headline_words(told)), "", how(told), ""]
    for one in marks(told):
        lines += [f"**{plain(one)}**", ""]
    for table in tables(told):
        lines += [f"## {plain(table.title)}", "", _line(table.columns), _line(["---"] * len(table.columns))]
        lines += [_line(row) for row in table.rows]
        lines += ["", *([plain(table.note), ""] if table.note else [])]
    return "\n".join(lines)


def marks(told: Mapping[str, Any]) -> list[str]:
    """What a reader must not miss."""
    demo = [one["name"] for one in told["models"] if one["demo"]]
    found = [f"{', '.join(demo)}: made by a demo model without medical ability."] if demo else []
    found += [
        f"{model} on {name}: {percent(cell[what] / cell['answers'])} % of the answers are {what}, which says little "
        f"about what it knows{mend}."
        for name, model, cell in each(told)
        for what, mend in _MENDS.items()
        if cell[what] > _MANY * cell["answers"]
    ]
    found += [
        f"{model} on {name}: {always_words(cell['always'])}, whatever the question."
        for name, model, cell in each(told)
        if cell["always"]
    ]
    return found + [f"{name} is left out: {count:,} questions are open." for name, count in told["unfinished"].items()]


def _line(cells: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(plain(cell) for cell in cells)} |"


def _parts(folder: Path, told: Mapping[str, Any]) -> Iterator[Html]:
    for line in [*headline_words(told), *marks(told)]:
        yield page.paragraph(line)
    yield page.paragraph(how(told), note=True)
    yield from plots.plots(told)
    for table in tables(told):
        yield page.heading(table.title)
        yield page.table(table.columns, table.rows)
        if table.note:
            yield page.paragraph(table.note, note=True)
    yield from browse.answers(folder, told)

"""``reasonmed questions``: lint a question file, and convert it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasonmed.cli import _options as options
from reasonmed.cli import _tables as tables
from reasonmed.cli._console import out, safe, say
from reasonmed.errors import UsageError
from reasonmed.files import check_new_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.questions._lint import Lint
    from reasonmed.questions.sets.counts import Counts
    from reasonmed.questions.sets.fetching import Screen

_SHOWN = 20


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="questions")(questions)


def questions(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="QUESTIONS...",
            help="Question files of any known layout; or hub:SET,SET..., of medqa, medmcqa, pubmedqa, mmlu-medical.",
        ),
    ],
    names: options.MapOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the good rows here, as JSON Lines.")
    ] = None,
    layout: options.LayoutOption = None,
    cop_base: options.CopOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT where it exists.")] = False,
    split: Annotated[
        str | None,
        typer.Option("--split", help="With hub:, the split of every set, or SET=SPLIT,...; the paper's by default."),
    ] = None,
    against: options.AgainstOption = None,
) -> None:
    """Check question files before you spend money, and convert them to the native layout.

    \b
    Reports bad rows, duplicates, equal options, missing keys, the positions of keys, how integer keys are counted,
    options that begin with their letters, keys that the file itself doubts, and questions that need an image.
    A key is mapped as answer (a text, a letter or an integer), as answer_index (an integer from 0), as answer_number
    (an integer from 1) or as answer_text (an option's text).

    Examples:
      reasonmed questions phrases_no_exclude_train.jsonl
      reasonmed questions exam.csv --map answer_number=answer -o exam.jsonl
      reasonmed questions mine.csv --map question=Stem,answer=Key -o mine.jsonl
      reasonmed questions ward.jsonl exam.csv -o all.jsonl
      reasonmed questions hub:medqa,medmcqa,pubmedqa,mmlu-medical --split train -o sources.jsonl
      reasonmed questions prüfung.csv --map 'question=Text,options=Antwort 1|Antwort 2|Antwort 3,answer=Richtig'
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.questions import Settings
    from reasonmed.questions._lint import Seen, lint, write_rows
    from reasonmed.questions.benchmarks.fetching import on_hub
    from reasonmed.runs.commands.run import sources_of
    from reasonmed.runs.intake import Selection, take_in
    from reasonmed.runs.layouts import refuse_agents_file
    from reasonmed.types import Story

    given = [str(one) for one in files]
    if any(map(on_hub, given)):
        for_files = {"--map": names, "--layout": layout, "--cop-base": cop_base}
        _no_files(given, [name for name, value in for_files.items() if value is not None])
        _from_hub(given, split, against or [], output, force=force)
        return
    if split is not None or against:
        raise UsageError("--split and --against go with hub:SET; for files, `reasonmed check FILE --against BENCHMARK`")
    for file in files:
        refuse_agents_file(file)
    if output is not None:
        check_new_file(output, force=force)
    settings = Settings(layout, cop_base, options.names_of(names), records=True, open_ended=True)
    read = sources_of(files, settings)
    bad = 0
    with closing(Seen()) as seen:
        for file, own in read.files:
            with options.working(f"reading {file}"):
                found = lint(file, own, _SHOWN, seen)
            _show(file, found)
            bad += found.bad
    if len(files) > 1:
        intake = take_in(read.file, read.rows, Selection())
        options.say_sources(read, intake)
        bad = intake.survey.bad_count
    if output is not None:
        count = write_rows((one.question for one in read.rows() if isinstance(one, Story)), output)
        say(f"{count:,} questions written to {output}")
    if bad:
        raise typer.Exit(2)


def _show(file: Path, found: Lint) -> None:
    out.print(safe(f"{file}: {found.good:,} questions, {found.bad:,} bad rows"))
    for rule, findings in found.findings.items():
        out.print(safe(f"{rule}: {findings.count:,}", "yellow"))
        for example in findings.examples:
            out.print(safe(f"  {example}"))
    places = ", ".join(f"{name} {count:,}" for name, count in found.keys.items())
    out.print(safe(f"options: {', '.join(f'{size}: {count:,}' for size, count in found.sizes.items())}"))
    out.print(safe(f"keys: {places}"))


def _no_files(given: Sequence[str], used: Sequence[str]) -> None:
    """Refuse what goes with files only."""
    from reasonmed.questions.benchmarks.fetching import on_hub

    if used:
        raise UsageError(f"{', '.join(used)}: the layout of a set of the hub is known; leave it out")
    if files := [one for one in given if not on_hub(one)]:
        raise UsageError(
            f"{', '.join(files)}: give hub:SET alone with -o OUT, then run OUT and the files together: "
            f"`reasonmed run OUT {' '.join(files)}`"
        )


def _from_hub(
    given: Sequence[str], split: str | None, against: Sequence[Path], output: Path | None, *, force: bool
) -> None:
    from reasonmed.questions.contamination import METHODS, Matcher, benchmark
    from reasonmed.questions.sets import PAPER, chosen
    from reasonmed.questions.sets.counts import outputs
    from reasonmed.questions.sets.fetching import screens, sources
    from reasonmed.questions.sets.gathering import gather

    wanted = chosen(given, split or PAPER)
    if output is None:
        raise UsageError(f"{' '.join(given)}: say with -o OUT.jsonl where the questions go")
    to = outputs(output)
    for file in to:
        check_new_file(file, force=force)
    with options.working("fetching the sets and the benchmarks that are kept out of them"):
        found, kept_out = sources(wanted), screens()
    with options.reading(against):
        others = [benchmark(path) for path in against]
    matcher = Matcher([*(one.benchmark for one in kept_out), *others], METHODS)
    with options.working(f"comparing with {len(matcher.benchmarks)} benchmarks") as done:
        counts = gather(found, kept_out, matcher, to, done)
    _show_sets(counts, kept_out)
    written = sum(one.written for one in counts)
    say(f"{written:,} questions written to {to.questions}; see {to.dropped.name} and {to.manifest.name} beside it")


def _show_sets(counts: Sequence[Counts], kept_out: Sequence[Screen]) -> None:
    from reasonmed.questions.sets.counts import REASONS

    columns = ["set", "split", "license", "rows", "bad", "test questions", "duplicates", "of other sets", "written"]
    rows = [
        [one.source.name, one.source.part, one.license]
        + [f"{count:,}" for count in (one.read, *(one.dropped[reason] for reason in REASONS), one.written)]
        for one in counts
    ]
    sums = [sum(one.read for one in counts), *(sum(one.dropped[reason] for one in counts) for reason in REASONS)]
    total = ["all", "", "", *(f"{count:,}" for count in (*sums, sum(one.written for one in counts)))]
    tables.show("", columns, [*rows, total], [note for one in counts for note in one.notes])
    for one in kept_out:
        unread = f"; {one.unread:,} rows cannot be read" if one.unread else ""
        out.print(safe(f"{one.fetched.label}: {one.benchmark.coverage}{unread}"), soft_wrap=True)

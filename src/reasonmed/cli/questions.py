"""``reasonmed questions``: lint a question file, and convert it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._console import out, safe, say
from reasonmed.files import check_new_file

if TYPE_CHECKING:
    from reasonmed.questions._lint import Lint

_SHOWN = 20


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="questions")(questions)


def questions(
    files: Annotated[list[Path], typer.Argument(metavar="QUESTIONS...", help="Question files of any known layout.")],
    names: options.MapOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the good rows here, as JSON Lines.")
    ] = None,
    layout: options.LayoutOption = None,
    cop_base: options.CopOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace OUT where it exists.")] = False,
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
      reasonmed questions prüfung.csv --map 'question=Text,options=Antwort 1|Antwort 2|Antwort 3,answer=Richtig'
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.questions import Settings
    from reasonmed.questions._lint import Seen, lint, write_rows
    from reasonmed.runs.commands.run import sources_of
    from reasonmed.runs.intake import Selection, take_in
    from reasonmed.runs.layouts import refuse_agents_file
    from reasonmed.types import Story

    for file in files:
        refuse_agents_file(file)
    if output is not None:
        check_new_file(output, force=force)
    settings = Settings(layout, cop_base, options.names_of(names), records=True, open_ended=True)
    given = sources_of(files, settings)
    bad = 0
    with closing(Seen()) as seen:
        for file, own in given.files:
            with options.working(f"reading {file}"):
                found = lint(file, own, _SHOWN, seen)
            _show(file, found)
            bad += found.bad
    if len(files) > 1:
        intake = take_in(given.file, given.rows, Selection())
        options.say_sources(given, intake)
        bad = intake.survey.bad_count
    if output is not None:
        count = write_rows((one.question for one in given.rows() if isinstance(one, Story)), output)
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

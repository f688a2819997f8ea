"""``reasonmed review``: packs for reviewers without a server, their votes back, agreement, and votes as a table."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from reasonmed.cli import _options as options
from reasonmed.cli import review_keys
from reasonmed.cli._console import json_of, out, safe, say
from reasonmed.cli._tables import show
from reasonmed.errors import ReasonMedError, UsageError
from reasonmed.files import check_new_file
from reasonmed.types import Tier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.reviews.agreement import Agreement, Between, Disagreement, Estimate, Opinion
    from reasonmed.runs.reviews.placed import Placed
    from reasonmed.runs.reviews.votes import Vote

_SHOWN = 20

ForceOption = Annotated[bool, typer.Option("--force", help="Replace the file where it exists.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands, under one name."""
    family = typer.Typer(no_args_is_help=True, help=_HELP)
    family.command()(pack)
    family.command()(merge)
    family.command()(agreement)
    family.command(name="csv")(table)
    review_keys.add_to(family)
    app.add_typer(family, name="review")


_HELP = """Have people review a run's texts by e-mail, and see how far they agree.

\b
Packs go out as one HTML file each, votes come back as small JSON files, and nothing needs a server. On this machine:
`reasonmed view RUN`.

\b
Examples:
  reasonmed review pack runs/medqa --sample 100 --reviewers 2 --overlap 30% -o pack.html
  reasonmed review merge runs/medqa votes-a.json votes-b.json
  reasonmed review agreement runs/medqa
  reasonmed review csv runs/medqa -o votes.csv
"""


def pack(
    run: options.RunArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file; of several packs pack-1.html, ...")],
    sample: Annotated[int, typer.Option("--sample", min=1, max=10_000, help="Texts in all packs together.")] = 100,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the draw; a larger sample holds a smaller one.")] = 0,
    queue: Annotated[
        Literal["audit", "disagreement", "uncertain"],
        typer.Option("--queue", help="At random, what models or judges disagree on, or what the judge doubts."),
    ] = "audit",
    tier: Annotated[list[Tier] | None, typer.Option("--tier", help="Only questions of this tier; repeatable.")] = None,
    chains: Annotated[
        bool,
        typer.Option("--chains", help="Chains of thought, kept or not, in place of records; evenly by verdict."),
    ] = False,
    reviewers: Annotated[int, typer.Option("--reviewers", min=1, max=99, help="A pack for each of N reviewers.")] = 1,
    overlap: Annotated[
        str | None, typer.Option("--overlap", help="The share of the texts that all reviewers get: 20% by default.")
    ] = None,
    force: ForceOption = False,
) -> None:
    """Write texts for a reviewer as one HTML file that needs nothing but a browser; blind to model and verdict.

    The file holds the questions and texts in full. The reviewer saves the votes as a small JSON file and sends it back.

    \b
    Examples:
      reasonmed review pack runs/medqa --sample 100 -o pack.html
      reasonmed review pack runs/medqa --sample 90 --reviewers 3 --overlap 20% -o pack.html
      reasonmed review pack runs/medqa --chains --sample 100 -o pack.html
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.files import replacing_all
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.reviews import QueueWanted
    from reasonmed.runs.reviews.pack import PackWanted, packs_of
    from reasonmed.web.packed import pack_page

    paths = _paths(output, reviewers)
    for path in paths:
        check_new_file(path, force=force)
    share = _share(overlap, reviewers)
    folder = RunDirectory(run)
    wanted = PackWanted(QueueWanted(queue, size=sample, seed=seed, chains=chains), tuple(tier or ()), reviewers, share)
    with options.working(f"choosing texts of {run}"):
        packs = packs_of(folder, wanted, _votes(folder))
    with replacing_all(paths) as sinks:
        for sink, one in zip(sinks, packs, strict=True):
            sink.write(pack_page(one).encode())
    for path, one in zip(paths, packs, strict=True):
        out.print(safe(f"{path}: {len(one.texts):,} text{'' if len(one.texts) == 1 else 's'}"), soft_wrap=True)
    say(f"Send each reviewer a file. When votes come back: reasonmed review merge {run} votes-*.json")


def merge(
    run: options.RunArgument,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Votes that reviewers saved.")],
) -> None:
    """Take votes of packs into a run: each file whole or not at all, and the same file again changes nothing.

    \b
    Examples:
      reasonmed review merge runs/medqa votes-anna.json
      reasonmed review merge runs/medqa inbox/votes-*.json
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.reviews.incoming import merge_file

    folder = RunDirectory(run)
    folder.manifest()
    refused = 0
    for file in files:
        try:
            found = merge_file(folder, file)
        except UsageError as problem:
            say(f"error: {problem}", "red")
            refused += 1
            continue
        by = ", ".join(f"{name} {count:,}" for name, count in found.by.items())
        counts = f"{found.new:,} votes new, {found.known:,} known, {len(found.stale):,} stale"
        out.print(safe(f"{file}: {counts}{f'; by {by}' if by else ''}"), soft_wrap=True)
        if found.stale:
            names = list(dict.fromkeys(found.stale))
            rest = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
            say(f"texts that are gone or have changed: {', '.join(names[:_SHOWN])}{rest}", "yellow")
        if found.unnamed:
            say(f"{found.unnamed:,} types of faults are unknown to this version; the votes are kept without", "yellow")
    if refused:
        raise typer.Exit(UsageError.exit_code)


def agreement(
    run: options.RunArgument,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """See how far reviewers agree with each other and with the judge, and on which texts they do not.

    Accept against reject or edit; a reviewer who defers has not decided, and votes on changed texts do not count.

    \b
    Examples:
      reasonmed review agreement runs/medqa
      reasonmed review agreement runs/medqa --json
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.reviews.agreement import agreement as agreement_of

    found = agreement_of(_rows(RunDirectory(run)))
    if as_json:
        typer.echo(json_of(found))
        return
    _show(found)


def table(
    run: options.RunArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="The CSV file.")],
    force: ForceOption = False,
) -> None:
    """Write the votes of a run as a CSV file for a spreadsheet: the last vote of each reviewer on each text.

    In UTF-8 with a byte order mark; a cell that a spreadsheet would take for a formula begins with an apostrophe.

    \b
    Examples:
      reasonmed review csv runs/medqa -o votes.csv
      reasonmed review csv runs/medqa -o votes.csv --force
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.reviews.table import write_table

    check_new_file(output, force=force)
    count = write_table(output, _rows(RunDirectory(run)))
    out.print(safe(f"{output}: {count:,} vote{'' if count == 1 else 's'}"), soft_wrap=True)


def _votes(folder: RunDirectory) -> list[Vote]:
    from reasonmed.runs.reviews import FILE, Reviews

    folder.manifest()
    with closing(Reviews(folder.path / FILE, read_only=True)) as reviews:
        return reviews.votes()


def _rows(folder: RunDirectory) -> list[Placed]:
    """The votes of a run beside their texts.

    Raises:
        ReasonMedError: there are none.
    """
    from reasonmed.runs.reviews.placed import placed

    votes = _votes(folder)
    if not votes:
        raise ReasonMedError(
            f"{folder.path} has no votes; `reasonmed review pack` writes a file for a reviewer, and `reasonmed view` "
            "has a page"
        )
    with closing(folder.reader()) as ledger:
        return placed(ledger, votes)


def _paths(output: Path, reviewers: int) -> list[Path]:
    if reviewers == 1:
        return [output]
    return [output.with_name(f"{output.stem}-{number}{output.suffix}") for number in range(1, reviewers + 1)]


def _share(text: str | None, reviewers: int) -> float:
    """The share of texts for all, from ``20%`` or ``0.2``."""
    if text is None:
        return 0.2
    if reviewers == 1:
        raise UsageError("--overlap goes with --reviewers N: one reviewer gets all texts")
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        if 0 <= share <= 1:
            return share
    except ValueError:
        pass
    raise UsageError(f"--overlap {text!r}: it must be a share such as 20% or 0.2")


def _show(found: Agreement) -> None:
    outcomes = sorted({name for one in found.reviewers for name in one.by_judge})
    columns = ["Reviewer", "Role", "Votes", "Deferred", "Accepted", *(f"judge: {name}" for name in outcomes)]
    rows = [
        [
            *(one.reviewer, one.role, f"{one.votes:,}", f"{one.deferred:,}"),
            _of(one.accepted, one.votes - one.deferred),
            *(_of(each.accepted, each.decided) if (each := one.by_judge.get(name)) else "" for name in outcomes),
        ]
        for one in found.reviewers
    ]
    stale = [f"{found.stale:,} of {found.votes:,} votes are on texts that have changed; they do not count"]
    show("Accepted, in all and by what the judge said", columns, rows, stale if found.stale else [])
    head = ["", "Texts of both", "Agree", "Cohen's kappa (95 %)"]
    show("Agreement", head, [*map(_pair, found.pairs), *(_pair(one.judge) for one in found.reviewers)])
    alpha = _value(found.alpha, found.why)
    out.print(safe(f"Krippendorff's alpha of all reviewers: {alpha}, on {found.several:,} texts"), soft_wrap=True)
    if found.disagreements:
        _show_disagreements(found.disagreements)


def _show_disagreements(found: Sequence[Disagreement]) -> None:
    rows = [
        [*(["", "", ""] if place else [one.target, ", ".join(one.about), one.judge]), *_opinion(each)]
        for one in found[:_SHOWN]
        for place, each in enumerate(one.said)
    ]
    rest = len(found) - _SHOWN
    more = [f"{rest:,} more: --json has all"] if rest > 0 else []
    columns = ["Text", "About", "Judge", "Reviewer", "Says", "Why"]
    show(f"Disagreements: {len(found):,}", columns, rows, more)


def _opinion(one: Opinion) -> list[str]:
    key = f"key is wrong{f', right is {one.key}' if one.key else ''}" if one.key_is_wrong else ""
    return [one.reviewer, one.decision, "; ".join(filter(None, (one.error_type, key, one.reason, one.note)))]


def _pair(one: Between) -> list[str]:
    return [f"{one.first} and {one.second}", f"{one.shared:,}", _of(one.agreed, one.shared), _value(one.kappa, one.why)]


def _value(value: Estimate | None, why: str) -> str:
    from reasonmed.report.figures import between, decimal

    return f"none: {why}" if value is None else f"{decimal(value.value)} ({between(value.low, value.high, decimal)})"


def _of(part: int, whole: int) -> str:
    from reasonmed.report.figures import percent

    return f"{part:,} of {whole:,} ({percent(part / whole, 0)})" if whole else "0 of 0"

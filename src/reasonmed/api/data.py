"""``export`` and ``check``, from Python."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct, convert, to_builtins

from reasonmed.api.several import names, paths
from reasonmed.checks import check as go_over
from reasonmed.checks import plan, refuse_empty
from reasonmed.checks.findings import Coverage, Finding
from reasonmed.checks.inputs import find_input
from reasonmed.errors import UsageError
from reasonmed.export import DEFAULT_FORMATS, About, Settings, drops_of, limit_of, parse_pass_rate, parse_shares
from reasonmed.export import export as write
from reasonmed.questions import Settings as FileSettings
from reasonmed.questions.given import as_file
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.layouts import refuse_agents_file
from reasonmed.types import Tier

if TYPE_CHECKING:
    from reasonmed.api.several import Names, Paths
    from reasonmed.questions.given import Questions


class Size(Struct, frozen=True):
    """How much of an export is in one split."""

    questions: int
    records: int


class Export(Struct, frozen=True):
    """An export, by what its manifest says; it can be given wherever a path can."""

    path: str
    demo: bool
    records: int
    splits: dict[str, Size]
    formats: list[str]
    rows: dict[str, int]
    """Rows of each file."""
    left_out: dict[str, int]
    """Records that are not in it, by reason."""
    formats_left_out: dict[str, dict[str, int]]
    unfinished: int
    """Questions of the run that had no outcome yet."""

    def __fspath__(self) -> str:
        return self.path


class CheckReport(Struct, frozen=True):
    """What a check found in a set."""

    questions: int
    records: int
    chains: int
    findings: list[Finding]
    rules: dict[str, int]
    """The number of findings by rule."""
    coverage: list[Coverage]
    """Which benchmarks were compared with, and how much of them."""
    not_checked: dict[str, str]
    """Rules that were not applied, with the reason."""


def export(  # noqa: PLR0913 - as many as the command has options
    run: Paths,
    out: str | os.PathLike[str],
    *,
    formats: Names = DEFAULT_FORMATS,
    split: tuple[float, float, float] | str = (1.0, 0.0, 0.0),
    seed: int = 0,
    redraw: bool = False,
    reasoning: Literal["inline", "field"] = "inline",
    mask_steps: bool = False,
    plain: bool = False,
    demo: bool = False,
    with_disputed: bool = False,
    with_consensus: bool = False,
    verified_only: bool = False,
    reviewed: Literal["any", "none-rejected", "accepted"] = "any",
    min_score: int | None = None,
    min_step_share: float | None = None,
    pass_rate: tuple[float, float] | str | None = None,
    order: Literal["given", "easy-first", "hard-first", "random"] = "given",
    short: bool = False,
    max_cot_tokens: int | None = None,
    tokenizer: str | os.PathLike[str] | None = None,
    tiers: Names = (),
    sources: Names = (),
    licenses: Names = (),
    findings: str | os.PathLike[str] | None = None,
    drop: Names = (),
    template: str | None = None,
    judge_card: str | os.PathLike[str] | None = None,
    force: bool = False,
) -> Export:
    """Write a run in the formats that trainers and evaluations read, with its data card.

    Args:
        run: the run, or its directory; of several, a question that more than one has is taken once.
        out: the folder to write.
        formats: the formats; the three published files and the native records by default.
        split: the shares of train, validation and test, by question.
        seed: the seed of the split and the order.
        redraw: draw also questions that their own file calls validation or test.
        reasoning: where chat messages hold the chain of thought: in think tags, or in ``reasoning_content``.
        mask_steps: no loss on steps that the judge flagged, in ``trl-sft``, ``axolotl`` and ``parquet``.
        plain: keep the texts' own endings: no answer line.
        demo: export a demo run, whose texts have no medical worth.
        with_disputed: also records whose key is disputed.
        with_consensus: also records whose key is the models' consensus.
        verified_only: only records that a judge accepted.
        reviewed: by reviewers' votes: all, without the rejected ones, or only those accepted or edited.
        min_score: only records with at least this score.
        min_step_share: only records with at least this share of their steps ok, from 0 to 1.
        pass_rate: only questions whose share of correct chains is from the first number to the second.
        order: of questions: as given, by pass rate, or by a hash of ``seed``.
        short: also the variant ``short``: the text after the thinking alone.
        max_cot_tokens: no longer chains of thought: in tokens of ``tokenizer``, else in words.
        tokenizer: a model's folder, or its ``tokenizer.json``.
        tiers: only these.
        sources: only these.
        licenses: only sources under these.
        findings: a report of ``reasonmed check --json``, for the card and ``drop``.
        drop: leave out what these rules found.
        template: first check that this chat template (a file or a name) keeps chain of thought and response.
        judge_card: a ``judge_card.json`` of this run's judge, for the card.
        force: replace the files of an older export.

    Raises:
        UsageError: the run, the folder or the arguments do not allow it, or nothing is left to export.
        RunDirectoryError: it is no run.
    """
    runs = paths(run)
    for one in runs:
        refuse_agents_file(one)
    report = None if findings is None else Path(findings)
    settings = Settings(
        plain=plain,
        demo=demo,
        disputed=with_disputed,
        consensus=with_consensus,
        verified_only=verified_only,
        min_score=min_score,
        min_step_share=min_step_share,
        tiers=tuple(map(_tier, names(tiers))),
        sources=tuple(names(sources)),
        licenses=tuple(names(licenses)),
        drops=drops_of(report, names(drop)),
        shares=parse_shares(_joined(split)),
        seed=seed,
        redraw=redraw,
        template=template,
        reasoning=reasoning,
        mask_steps=mask_steps,
        reviewed=reviewed,
        pass_rate=None if pass_rate is None else parse_pass_rate(_joined(pass_rate)),
        order=order,
        short=short,
        longest=limit_of(max_cot_tokens, None if tokenizer is None else Path(tokenizer)),
    )
    about = About(findings=report, judge_card=None if judge_card is None else Path(judge_card))
    manifest = write([RunDirectory(one) for one in runs], Path(out), settings, names(formats), force=force, about=about)
    return convert({**to_builtins(manifest), "path": os.fspath(out)}, Export)


def _joined(numbers: tuple[float, ...] | str) -> str:
    return numbers if isinstance(numbers, str) else ",".join(map(str, numbers))


def check(
    data: Questions,
    *,
    against: Paths = (),
    allow_license: Names = (),
    exact: bool = False,
    layout: str | None = None,
    cop_base: int | None = None,
) -> CheckReport:
    """Check a whole set: copies of benchmarks, duplicates, answers that disagree, leaks, licenses. Deletes nothing.

    Args:
        data: a run, an export, a file of records, rows or questions, or rows themselves.
        against: the benchmarks that it should hold nothing of: indexes or question files.
        allow_license: the licenses that are wanted; others are findings.
        exact: only hashes and n-grams: needs no extra, misses reworded copies.
        layout: the file's layout, where its look is not enough.
        cop_base: whether integer keys, such as MedMCQA's ``cop``, count from 0 or from 1.

    Raises:
        UsageError: there is nothing that can be checked.
        QuestionError: a file cannot be read.
    """
    wants = plan(paths(against), names(allow_license), exact=exact)
    found: list[Finding] = []
    with as_file(data) as path, Path(os.devnull).open("wb") as nowhere:
        report = go_over(find_input(path, FileSettings(layout, cop_base)), wants, nowhere, found.append)
        refuse_empty(report, path)
    counts = report.counts
    return CheckReport(
        questions=counts.questions,
        records=counts.records,
        chains=counts.chains,
        findings=found,
        rules=counts.rules,
        coverage=report.coverage,
        not_checked=counts.not_checked,
    )


def _tier(name: str) -> Tier:
    try:
        return Tier(name)
    except ValueError:
        raise UsageError(f"tier {name!r}: there are {', '.join(Tier)}") from None

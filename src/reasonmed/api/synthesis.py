"""``synthesize``: questions through the whole pipeline, from Python."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reasonmed.api.recipes import load_recipe
from reasonmed.api.run import Run
from reasonmed.api.running import agreed, awaitable, blocking, without_patients
from reasonmed.api.several import paths
from reasonmed.questions import Settings
from reasonmed.questions.contamination import matcher_of
from reasonmed.questions.given import as_file, as_files
from reasonmed.recipe import need_stages, with_cap
from reasonmed.runs.commands.run import NEEDED, job_of_rows, sources_of, with_keys, with_until
from reasonmed.runs.intake import refuse_unusable, selected, take_in

if TYPE_CHECKING:
    import os

    from reasonmed.api.recipes import Source
    from reasonmed.api.running import Session
    from reasonmed.api.several import Paths
    from reasonmed.questions.given import Questions, Sources


async def _synthesize(  # noqa: D417, PLR0913 - callers see no session; as many as the command has options
    session: Session,
    questions: Sources,
    recipe: Source,
    *,
    out: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    sample: int | None = None,
    seed: int = 0,
    max_cost: float | None = None,
    until_records: int | None = None,
    against: Paths = (),
    fork: Paths = (),
    layout: str | None = None,
    cop_base: int | None = None,
    skip_bad: bool = False,
    keep_verdicts: bool = False,
    keys: Questions | None = None,
    phi: str | None = None,
    yes: bool = False,
    progress: bool = False,
) -> Run:
    """Run questions through the whole pipeline. The same call again resumes, and asks nothing twice.

    Args:
        questions: a file, a list of files or ``hub:NAME``, a list of dicts or of ``Question``, a pandas DataFrame, or a
            ``datasets.Dataset``.
        recipe: a file, the name of a shipped recipe, its content as a dict, or an ``endpoint``.
        out: the run directory; ``runs/NAME-HASH`` by default, which the same call finds again.
        limit: only the first so many rows.
        sample: so many rows, drawn by a hash of their ids; a larger number keeps them.
        seed: the seed of ``sample``.
        max_cost: USD that the whole run may cost, all sessions together.
        until_records: the number of records at which no further question begins; a larger number, or none, resumes.
        against: benchmarks (an index, or a question file) whose questions are not used.
        fork: older runs whose replies are reused.
        layout: the file's layout, where its look is not enough.
        cop_base: whether integer keys, such as MedMCQA's ``cop``, count from 0 or from 1.
        skip_bad: leave bad rows out.
        keep_verdicts: do not verify again what a file of agents has judged already.
        keys: corrected keys, a file or a list of dicts with ``id``, ``key``, ``who`` and ``why``: only these questions
            start again.
        phi: on questions that may identify patients: ``warn`` (for models elsewhere), ``refuse`` or ``off``.
        yes: agree to send a variable that is named after another service to the host, and to start what `serve` names.
        progress: show the live view on standard error.

    Returns:
        The run, finished, or with as many records as were wanted.

    Raises:
        RecipeError: the recipe has problems.
        QuestionError: the questions cannot be read, or have bad rows.
        UsageError: the arguments do not go together.
        RunDirectoryError: the folder is another run's.
        ControlError: the run stopped before its end: the money is spent, a service is away.
        KeyboardInterrupt: an interrupt came; what was under way has ended, and the same call again resumes.
    """
    selection = selected(limit, sample, seed)
    chosen = load_recipe(recipe)
    need_stages(chosen, NEEDED)
    chosen = with_cap(chosen, max_cost)
    with as_files(questions) as files:
        given = sources_of(files, Settings(layout, cop_base), keep_verdicts=keep_verdicts)
        intake = take_in(given.file, given.rows, selection)
        refuse_unusable(intake, skip_bad=skip_bad)
        matcher = matcher_of(paths(against))
        folder = None if out is None else Path(out)
        job = with_until(job_of_rows(intake, chosen, folder, matcher, paths(fork)), until_records)
        if keys is not None:
            with as_file(keys) as fixes:
                job = with_keys(job, fixes, skip_bad=skip_bad)
        agreed(job.asked, yes=yes)
        job = without_patients(job, phi)
        await session.do(job, progress=progress)
    return Run(job.folder.path)


synthesize = blocking(_synthesize)
asynthesize = awaitable(_synthesize)

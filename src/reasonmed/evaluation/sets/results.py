"""What the judge said of every drawn row, and the files that are made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reasonmed import __version__
from reasonmed.engine.ledger import encode
from reasonmed.evaluation.sets.facts import RESULTS, VERSION, Comparison, Scored
from reasonmed.evaluation.sets.figures import differences, points_of, set_results, slope_within
from reasonmed.evaluation.sets.job import STAGE, judge_of
from reasonmed.evaluation.sets.pages import PICTURE, markdown, picture
from reasonmed.files import replacing, write_atomically
from reasonmed.recipe.templates import Prompt
from reasonmed.runs.status import read_status
from reasonmed.runs.stories import unpack_story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.engine.ledger import Ledger
    from reasonmed.evaluation.sets.draw import Part, Sample
    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.directory import RunDirectory


def write_results(folder: RunDirectory, sample: Sample, recipe: Recipe, ledger: Ledger) -> None:
    """Write ``results.json``, ``table.md``, the picture, ``scores.jsonl``, once every drawn row was judged."""
    if ledger.count_pending():
        return
    rows = [list(_scored(part, ledger)) for part in sample.parts]
    sets = [points_of(one) for one in rows]
    names, told, judge = (
        [part.set.name for part in sample.parts],
        read_status(ledger, demo=recipe.demo, running=False),
        judge_of(recipe),
    )
    found = Comparison(
        version=VERSION,
        reasonmed=__version__,
        judge=judge.label,
        demo=recipe.demo,
        prompt=Prompt(STAGE, recipe.prompts).hash,
        seed=sample.seed,
        asked=sample.asked,
        n=sample.n,
        with_key=sample.with_key,
        sets=[set_results(part, one) for part, one in zip(sample.parts, rows, strict=True)],
        differences=differences(names, sets, sample.seed),
        slope=slope_within(sets),
        calls=told.calls,
        tokens=told.tokens,
        spent_usd=told.spent_usd,
    )
    with replacing(folder.path / "scores.jsonl") as sink:
        sink.writelines(encode(row) + b"\n" for one in rows for row in one)
    drawing = picture(dict(zip(names, sets, strict=True)))
    if drawing is not None:
        write_atomically(folder.path / PICTURE, drawing)
    write_atomically(folder.path / "table.md", markdown(found, with_picture=drawing is not None))
    RESULTS.write(folder.path / "results.json", found)


def _scored(part: Part, ledger: Ledger) -> Iterator[Scored]:
    for one in part.drawn:
        story = ledger.outcome(one.story.question.id, unpack_story)
        if story is None:
            raise ledger.refuse(f"row {one.id!r:.100} of a set", "it has no outcome")
        (kept,) = story.kept or ()
        yield Scored(
            set=part.set.name,
            id=one.id,
            question=one.mark,
            words=one.words,
            response=kept.response is not None,
            score=kept.score,
            justification=kept.justification,
        )

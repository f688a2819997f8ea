"""What an audit came to: the judged answers of every model as a file, and the figures of all of them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.engine.ledger import encode
from reasonmed.evaluation.audit.facts import Audit, Row
from reasonmed.evaluation.audit.figures import EMPTY, OPEN, Audited, model_audit, pair
from reasonmed.evaluation.audit.job import draw, first_answers
from reasonmed.files import replacing
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.stories import unpack_story
from reasonmed.screening.words import words
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from reasonmed.engine.ledger import Ledger
    from reasonmed.evaluation.audit.job import Answer, Drawn
    from reasonmed.evaluation.benchmarks import Benchmark
    from reasonmed.evaluation.folder import AuditFacts, EvaluationFolder


class Answering(NamedTuple):
    """A model that has answered everything."""

    name: str
    label: str
    run: RunDirectory
    stems: frozenset[str] | None


def audited(
    folder: EvaluationFolder,
    facts: AuditFacts,
    benchmarks: Iterable[Benchmark],
    models: Sequence[Answering],
    pairs: Iterable[tuple[str, str]],
) -> Audit:
    """Write the judged answers of every model; returns what they come to. Nothing is asked."""
    drawn, run = draw(benchmarks, facts.questions, facts.seed), RunDirectory(folder.path / "audits" / facts.run)
    found, told = {}, []
    for one in models:
        rows, file = list(_rows(run, one, drawn)), f"answers/{one.run.path.name}.steps.jsonl"
        with replacing(folder.path / file) as sink:
            sink.writelines(encode(row) + b"\n" for row in rows)
        found[one.name] = Audited(one.name, rows, one.stems)
        told.append(model_audit(one.name, file, rows, facts.seed, facts.card, own=one.label == facts.judge))
    return Audit(
        judge=facts.judge,
        demo=facts.demo,
        prompt=facts.prompt,
        questions=len(drawn),
        seed=facts.seed,
        card=facts.card,
        models=told,
        pairs=[pair(found[first], found[second], facts.seed) for first, second in pairs],
    )


def _rows(run: RunDirectory, model: Answering, drawn: Sequence[Drawn]) -> Iterator[Row]:
    if not run.exists:
        yield from (_row(one, None) for one in first_answers(model.run, drawn))
        return
    with closing(run.reader()) as ledger:
        yield from (_row(one, ledger) for one in first_answers(model.run, drawn))


def _row(one: Answer, ledger: Ledger | None) -> Row:
    drawn = one.drawn
    story = ledger.outcome(one.key, unpack_story) if ledger is not None else None
    verdict = story.chains[0].verdict if story is not None and story.chains else None
    steps = verdict.steps if verdict is not None else ()
    problem = OPEN if verdict is None else verdict.reason or "no usable labels"
    return Row(
        benchmark=drawn.benchmark,
        id=drawn.question.id,
        mark=drawn.mark,
        stems=drawn.stems,
        right=one.right,
        answer=None if one.answer is None else letter(one.answer),
        words=len(words(one.text)),
        question=drawn.question.stem,
        text=one.text,
        steps=steps,
        problem="" if steps else problem if one.text else EMPTY,
    )

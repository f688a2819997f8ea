"""``records.jsonl`` and ``failures.jsonl``, from the ledger, in input order; the same bytes from the same ledger."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from reasonmed.engine.ledger import encode, unpack_story, unpack_texts
from reasonmed.files import replacing
from reasonmed.pipeline.stages.route import count_outcomes
from reasonmed.questions.ids import record_id
from reasonmed.types import Record, Story, letter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from reasonmed.engine.ledger import Ledger
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.types import Kept

_PAGE = 256
_DONE = """
SELECT position, outcomes.story FROM items JOIN outcomes USING (id) WHERE position > ? ORDER BY position LIMIT ?
"""
CALLS_OF = """
(question = ?1 OR (stage = 'score' AND question > ?1 || '#' AND question < ?1 || '$'
  AND instr(substr(question, length(?1) + 2), '#') = 0))
"""
"""SQL: whether a call belongs to a question (the first value); calls that score a record bear the record's id."""
_REJECTED = f"""
SELECT stage, model, error, texts FROM calls WHERE {CALLS_OF} AND error IS NOT NULL AND length(key) = 16
"""  # noqa: S608 - a constant
_ADDRESS = re.compile(r" at \S+ answered ")
_SCORES = "SELECT record, score, justification, model FROM scores WHERE record >= ? AND record < ?"


class Rejection(NamedTuple):
    """What an endpoint said of requests that it rejected, by stage, model and class, without its address."""

    stage: str
    model: str
    kind: str
    said: str


def rejections_of(ledger: Ledger, question_id: str) -> dict[Rejection, int]:
    """The recorded rejections of a question's requests with their numbers, in an order that no arrival decides."""
    found: Counter[Rejection] = Counter()
    for stage, model, kind, texts in ledger.query(_REJECTED, question_id):
        try:
            said = _ADDRESS.sub(" answered ", unpack_texts(texts)[1].decode())
        except zlib.error:  # torn on disk: a replay asks again, what was said is gone
            said = "(lost)"
        found[Rejection(stage, model, kind, said)] += 1
    return dict(sorted(found.items()))


class Scored(NamedTuple):
    """A record's quality score; None where the judge gave none."""

    score: int | None
    justification: str
    model: str


def outcomes(ledger: Ledger) -> Iterator[Story]:
    """The finished stories of a ledger, in input order."""
    position = -1
    while True:
        page = list(ledger.query(_DONE, position, _PAGE))
        if not page:
            return
        for position, blob in page:  # noqa: B007 - the last one is where the next page begins
            yield unpack_story(blob)


def scores_of(ledger: Ledger, question_id: str) -> dict[str, Scored]:
    """The scores of a question's records, by record id."""
    rows = ledger.query(_SCORES, f"{question_id}#", f"{question_id}$")
    return {name: Scored(*rest) for name, *rest in rows}


def records_of(story: Story, facts: Mapping[str, Any], scores: Mapping[str, Scored]) -> list[Record]:
    """The records of a finished story; ``facts`` are the run's ``demo`` mark and its prompts' hashes."""
    question = story.question
    if question.answer is None or story.failure is not None:
        return []
    records = []
    for number, kept in enumerate(story.kept or (), 1):
        name = record_id(question.id, number)
        scored = scores.get(name)
        records.append(
            Record(
                id=name,
                question_id=question.id,
                question=question.stem,
                options=question.options,
                answer=question.options[question.answer],
                answer_index=question.answer,
                context=question.context,
                chain_of_thought=kept.text,
                response=kept.response,
                tier=story.tier,
                verified=kept.verified,
                flags=tuple(sorted({*story.flags, *kept.flags})),
                answer_source=question.answer_source,
                score=scored.score if scored else kept.score,
                source=question.source,
                license=question.license,
                demo=bool(facts["demo"]),
                provenance=_provenance(story, kept, scored, facts),
            )
        )
    return records


def _provenance(story: Story, kept: Kept, scored: Scored | None, facts: Mapping[str, Any]) -> dict[str, Any]:
    parent = story.chains[kept.parent] if kept.parent is not None else None
    rewrite = next((one for one in story.rewrites if one.chain.text == kept.text and one.problem is None), None)
    told = {
        "origin": kept.origin,
        "writer": kept.model,
        "parent": kept.parent,
        "generator": parent.model if parent else None,
        "temperature": parent.temperature if parent else None,
        "sample": parent.sample if parent else None,
        "rank_score": parent.score if parent else None,
        "verdict": msgspec.to_builtins(kept.verdict),
        "blind_reader": rewrite.blind_model if rewrite else None,
        "responder": kept.response_model,
        "scorer": scored.model if scored else kept.scorer,
        "score_reason": scored.justification if scored else kept.justification or None,
        "chains": {outcome: number for outcome, number in count_outcomes(story.chains).items() if number},
        "prompts": facts["prompts"],
    }
    return {name: value for name, value in told.items() if value is not None}


def failure_of(story: Story, rejections: Mapping[Rejection, int] | None = None) -> dict[str, Any] | None:
    """A failure as a line of ``failures.jsonl``: the fixed word, the sentence, and all that happened before.

    ``rejections`` are those of the question's requests.
    """
    if story.failure is None:
        return None
    told = msgspec.to_builtins(story)
    question = told.pop("question")
    told.pop("failure")
    told.pop("probes", None)
    key = None if story.question.answer is None else letter(story.question.answer)
    said = [{**one._asdict(), "requests": count} for one, count in (rejections or {}).items()]
    return {
        "question_id": story.question.id,
        "reason": story.failure.reason,
        "story": {
            "detail": story.failure.detail,
            "question": question["stem"],
            "options": question["options"],
            "key": key,
            **told,
            **({"rejections": said} if said else {}),
        },
    }


def write_outputs(folder: RunDirectory, ledger: Ledger, facts: Mapping[str, Any]) -> None:
    """Write both files anew, each in one piece."""
    with replacing(folder.records_path) as records, replacing(folder.failures_path) as failures:
        for story in outcomes(ledger):
            for record in records_of(story, facts, scores_of(ledger, story.question.id)):
                records.write(encode(record) + b"\n")
            if story.failure is not None:
                failure = failure_of(story, rejections_of(ledger, story.question.id))
                failures.write(encode(failure) + b"\n")

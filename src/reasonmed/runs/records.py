"""``records.jsonl`` and ``failures.jsonl``, from the ledger, in input order; the same bytes from the same ledger."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from reasonmed.documents import Refused
from reasonmed.engine.ledger import EVERY, encode, unpack_texts
from reasonmed.files import replacing
from reasonmed.pipeline.stages.route import count_outcomes
from reasonmed.processes import in_order
from reasonmed.questions.ids import chain_id, record_id
from reasonmed.runs.pass_rate import pass_rate_of
from reasonmed.runs.stories import unpack_story
from reasonmed.types import Question, Record, Story, letter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reasonmed.engine.ledger import Ledger, Range
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.types import ChainOfThought, Kept

_PART, _ALONE = 100, 10
"""Questions whose lines one process makes at a time, and how many such parts are not worth another process."""
_ADDRESS = re.compile(r" at \S+ answered ")
_UNKNOWN: dict[str, object] = {
    **dict.fromkeys(("options", "flags", "steps"), ()),
    **dict.fromkeys(("verified", "demo"), False),
    "chain_of_thought": "",
    "answer_source": "key",
    "provenance": {},
    "meta": {},
}


class OfRun(Protocol):
    """What records tell of their run; its manifest is one."""

    @property
    def demo(self) -> bool:
        """Whether a model without medical ability took part."""
        ...

    @property
    def prompts(self) -> Mapping[str, str]:
        """The hashes of its templates."""
        ...


class Facts(NamedTuple):
    """The same, where there is no manifest."""

    demo: bool
    prompts: Mapping[str, str]


class Rejection(NamedTuple):
    """What an endpoint said of requests that it rejected, by stage, model and class, without its address."""

    stage: str
    model: str
    kind: str
    said: str


def rejections_of(ledger: Ledger, question_id: str) -> dict[Rejection, int]:
    """The recorded rejections of a question's requests with their numbers, in an order that no arrival decides."""
    found: Counter[Rejection] = Counter()
    for stage, model, kind, texts in ledger.rejections_of(question_id):
        try:
            said = _ADDRESS.sub(" answered ", unpack_texts(texts)[1].decode("utf-8", "replace"))
        except Refused:  # torn on disk: a replay asks again, what was said is gone
            said = "(lost)"
        found[Rejection(stage, model, kind, said)] += 1
    return dict(sorted(found.items()))


class Scored(NamedTuple):
    """A record's quality score; None where the judge gave none."""

    score: int | None
    justification: str
    model: str
    sent: dict[str, object] | None = None
    """The parameters that were sent, where they are not the recipe's."""


def outcomes(ledger: Ledger, within: Range = EVERY) -> Iterator[Story]:
    """The finished stories of a ledger, in input order."""
    return ledger.finished(unpack_story, within)


def before_and_after(ledger: Ledger) -> Iterator[tuple[Story, Story]]:
    """Each finished story of a ledger, as it was taken in and as it ended, in input order."""
    return ledger.pairs(unpack_story, unpack_story)


def scores_of(ledger: Ledger, question_id: str) -> dict[str, Scored]:
    """The scores of a question's records, by record id."""
    return {
        row.record: Scored(row.score, row.justification, row.model, _sent_to_score(ledger, row.record))
        for row in ledger.scores_of(question_id)
    }


def _sent_to_score(ledger: Ledger, name: str) -> dict[str, object] | None:
    """What was sent for a record's score, from the call that gave it; None where that is the recipe's or is lost."""
    reply = ledger.last_reply(name, "score")
    return None if reply is None else reply.sent


def records_of(story: Story, facts: OfRun, scores: Mapping[str, Scored]) -> list[Record]:
    """The records of a finished story; ``facts`` are those of the run."""
    question = story.question
    if story.failure is not None or (question.options and question.answer is None):
        return []
    rate = pass_rate_of(story)
    of_question = {"pass_rate": msgspec.to_builtins(rate)} if story.chains else {}
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
                answer=question.reference if question.answer is None else question.options[question.answer],
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
                demo=facts.demo,
                provenance=_provenance(story, kept, scored, facts) | of_question,
                meta=question.meta,
                steps=kept.verdict.steps if kept.verdict else (),
                step_share=kept.verdict.step_share if kept.verdict else None,
                pass_rate=rate.value,
            )
        )
    return records


def record_in(row: Mapping[str, object]) -> Record:
    """A row of a file of records; what an import leaves null is empty or False here.

    Raises:
        msgspec.ValidationError: it is no record.
    """
    fields: dict[str, object] = {**dict.fromkeys(Record.__struct_fields__), **row}
    for name in ("provenance", "meta"):
        written = fields[name]
        if isinstance(written, str):
            fields[name] = msgspec.json.decode(written)
    if isinstance(fields["steps"], list):
        fields["steps"] = [_known(step) for step in fields["steps"]]
    unknown = {name: value for name, value in _UNKNOWN.items() if fields[name] is None}
    record = msgspec.convert({**fields, **unknown}, Record)
    if record.answer_index is not None and not 0 <= record.answer_index < len(record.options):
        raise msgspec.ValidationError(f"answer_index {record.answer_index} is no option")
    return record


def _known(step: object) -> object:
    """A step without the fields that a table fills with null."""
    return {name: value for name, value in step.items() if value is not None} if isinstance(step, dict) else step


def question_of(record: Record) -> Question:
    """The question that a record answers, under the question's id."""
    return Question(
        record.question_id,
        record.question,
        record.options,
        record.answer_index,
        record.context,
        record.source,
        record.license,
        answer_source="consensus" if record.answer_source == "consensus" else "key",
        reference=None if record.options else record.answer,
        license_source="row" if record.license else "none",
        meta=record.meta,
    )


def _provenance(story: Story, kept: Kept, scored: Scored | None, facts: OfRun) -> dict[str, object]:
    parent = story.chains[kept.parent] if kept.parent is not None else None
    rewrite = next((one for one in story.rewrites if one.chain.text == kept.text and one.problem is None), None)
    written = rewrite.chain if rewrite else parent
    told = {
        "origin": kept.origin,
        "writer": kept.model,
        "parent": None if kept.parent is None else chain_id(story.question.id, kept.parent + 1),
        "generator": parent.model if parent else None,
        "temperature": _temperature(parent) if parent else None,
        "served": written.served if written else None,
        "sent": written.sent if written else None,
        "sample": parent.sample if parent else None,
        "rank_score": parent.score if parent else None,
        "rank_step_score": parent.step_score if parent else None,
        "rank_sent": parent.rank_sent if parent else None,
        "verdict": msgspec.to_builtins(kept.verdict and replace(kept.verdict, steps=())),
        "blind_reader": rewrite.blind_model if rewrite else None,
        "responder": kept.response_model,
        "response_sent": kept.response_sent,
        "scorer": scored.model if scored else kept.scorer,
        "score_sent": scored.sent if scored else kept.score_sent,
        "score_reason": scored.justification if scored else kept.justification or None,
        "chains": {outcome: number for outcome, number in count_outcomes(story.chains).items() if number},
        "prompts": facts.prompts,
    }
    return {name: value for name, value in told.items() if value is not None}


def _temperature(chain: ChainOfThought) -> float | None:
    """The temperature that was sent for a chain: the recipe's, unless the endpoint does not take it."""
    return chain.temperature if chain.sent is None else chain.sent.get("temperature")


def failure_of(story: Story, rejections: Mapping[Rejection, int] | None = None) -> dict[str, object] | None:
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


def write_outputs(folder: RunDirectory, ledger: Ledger, facts: OfRun) -> None:
    """Rewrite both files, each in one piece; of a large run, several processes make their lines."""
    begin = partial(_lining, folder, Facts(facts.demo, dict(facts.prompts)))
    with replacing(folder.records_path) as records, replacing(folder.failures_path) as failures:
        for made, failed in in_order(ledger.ranges(_PART), begin, alone=_ALONE):
            records.write(made)
            failures.write(failed)


@contextmanager
def _lining(folder: RunDirectory, facts: Facts) -> Iterator[Callable[[Range], tuple[bytes, bytes]]]:
    """Makes the lines of both files for a range of rows."""
    with closing(folder.reader()) as ledger:
        yield lambda within: _lines(ledger, facts, within)


def _lines(ledger: Ledger, facts: Facts, within: Range) -> tuple[bytes, bytes]:
    records, failures = [], []
    for story in outcomes(ledger, within):
        records += [encode(one) for one in records_of(story, facts, scores_of(ledger, story.question.id))]
        if story.failure is not None:
            failures.append(encode(failure_of(story, rejections_of(ledger, story.question.id))))
    return b"".join(line + b"\n" for line in records), b"".join(line + b"\n" for line in failures)

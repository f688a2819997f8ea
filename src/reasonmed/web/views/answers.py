"""One question of an evaluation, with the answers of all models."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.evaluation.answers import READ
from reasonmed.types import letter
from reasonmed.web.views import View
from reasonmed.web.views.steps import Text, text_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reasonmed.evaluation.answers import Row
    from reasonmed.evaluation.audit.facts import Row as Judged

AGREEMENTS = {"all right": "good", "differ": "open", "all wrong": "bad"}
"""How models answered a question, each with the look that it has."""
SAID = {
    "correct": "right",
    "wrong": "wrong",
    "unparsed": "no option read",
    "truncated": "cut",
    "unended": "thinking without an end",
    "failed": "failed",
}
"""What an answer is, by its status in the files."""


class Answered(NamedTuple):
    """A question with the answers of each model, and the judged steps of some."""

    name: str
    rows: Mapping[str, Sequence[Row]]
    judged: Mapping[str, Judged]

    @property
    def first(self) -> Row:
        """Any of the rows: each has the question."""
        return next(row for found in self.rows.values() for row in found)


class Draw(NamedTuple):
    """One answer as a page shows it."""

    number: int
    said: str
    right: bool
    chosen: str
    """The option in words, as it was shown or would have been; empty where none was read."""
    facts: Sequence[str]
    text: Sequence[Text]
    scores: Sequence[tuple[str, float, bool]]
    """Of a protocol that scores options: letter, log-likelihood, whether it is the highest."""


def said_of(row: Row) -> str:
    """What an answer is, in a word."""
    return SAID.get(row.status, row.status)


def standing_of(model: str, row: Row) -> str:
    """A model with what its answer is, as a value of a filter."""
    return f"{model}: {said_of(row)}"


def counting(rows: Sequence[Row]) -> list[Row]:
    """The answers that count: those to the question as it is."""
    return [row for row in rows if row.perturbed is None]


def agreement_of(asked: Answered) -> str:
    """Whether all models are right, or none is."""
    right = {row.status == "correct" for found in asked.rows.values() for row in counting(found)}
    return "differ" if len(right) > 1 else "all right" if right == {True} else "all wrong"


def answers_view(asked: Answered) -> View:
    """The page of a question."""
    row = asked.first
    options = [(letter(place), option, letter(place) == row.key) for place, option in enumerate(row.options)]
    named = [("Benchmark", row.benchmark), ("Subject", row.subject), ("Tier", row.tier)]
    word = agreement_of(asked)
    values = {
        "title": asked.name,
        "stem": row.question,
        "options": options,
        "facts": [(name, value) for name, value in named if value],
        "agreement": word,
        "look": AGREEMENTS[word],
        "models": [
            _model(number, name, found, asked.judged.get(name))
            for number, (name, found) in enumerate(asked.rows.items(), 1)
        ],
    }
    return View("answers", values)


def _model(number: int, name: str, rows: Sequence[Row], judged: Judged | None) -> dict[str, object]:
    counted = counting(rows)
    right = sum(row.status == "correct" for row in counted)
    faults = sum(step.label != "ok" for step in judged.steps) if judged else 0
    return {
        "name": name,
        "summary": f"{right:,} of {len(counted):,} right" if len(counted) > 1 else "",
        "draws": [
            _draw(row, f"model-{number}-{turn}", alone=len(rows) == 1, judged=judged if turn == 0 else None)
            for turn, row in enumerate(rows)
        ],
        "audit": _audit(judged, faults) if judged else "",
    }


def _audit(judged: Judged, faults: int) -> str:
    if judged.problem:
        return f"Steps not judged: {judged.problem}"
    count = f"{len(judged.steps):,} step{'' if len(judged.steps) == 1 else 's'}"
    return f"{count} judged, {f'{faults:,} with a fault' if faults else 'no fault found'}"


def _draw(row: Row, name: str, *, alone: bool, judged: Judged | None) -> Draw:
    places = [place for place in range(len(row.options)) if letter(place) == row.answer]
    option = f"{row.answer}. {row.options[places[0]]}" if places else row.answer or ""
    best = max(row.scores, default=0.0)
    scores = [(letter(place), value, value == best) for place, value in enumerate(row.scores[:26])]
    number, text = 0 if alone else row.draw + 1, list(_marked(row.text, judged, name))
    return Draw(number, said_of(row), row.status == "correct", option, list(_facts(row)), text, scores)


def _marked(text: str, judged: Judged | None, name: str) -> Iterator[Text]:
    """A reply with the judged steps in it; the text that was judged, where it is no part of the reply."""
    begin = text.find(judged.text) if judged and judged.steps else -1
    if judged is None or not judged.steps:
        yield text_in(text, (), name)
        return
    if begin > 0:
        yield text_in(text[:begin], (), f"{name}-before")
    yield text_in(judged.text, judged.steps, name)
    if 0 <= begin < len(text) - len(judged.text):
        yield text_in(text[begin + len(judged.text) :], (), f"{name}-after")


def _facts(row: Row) -> Iterator[str]:
    if row.status not in READ and row.answer is not None:
        yield "an option is named, but the answer does not count"
    if row.perturbed:
        yield f"perturbed: {row.perturbed}"
    if row.rotated:
        yield f"options moved up by {row.rotated}"
    if row.prompt_tokens is not None:
        yield f"{row.prompt_tokens:,} tokens in"
    if row.completion_tokens is not None:
        yield f"{row.completion_tokens:,} tokens out"
    if row.reason:
        yield f"no reply: {row.reason}"
    if row.cut_tokens:
        yield f"{row.cut_tokens:,} tokens cut off at the beginning"
    if row.sent is not None:
        yield f"sent with {', '.join(f'{name} {value}' for name, value in row.sent.items()) or 'no parameters'}"

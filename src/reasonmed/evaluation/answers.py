"""Answers of a model as rows: from its ledger to ``answers/NAME.jsonl``, and back for comparisons."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reasonmed.engine.ledger import encode
from reasonmed.evaluation.ask import STAGE, chains_in, key_of, status_of
from reasonmed.evaluation.forms import Form
from reasonmed.evaluation.lines import read_lines
from reasonmed.evaluation.loglikelihood import CUT, scores_of
from reasonmed.files import replacing
from reasonmed.questions.normal import normal, question_hash
from reasonmed.types import digest, letter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from reasonmed.engine.ledger import Ledger
    from reasonmed.evaluation.benchmarks import Benchmark
    from reasonmed.evaluation.perturbation import Draw, Perturbation
    from reasonmed.evaluation.settings import Settings
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.types import ChainOfThought, Question

    _Counts = tuple[int | None, int | None]

READ = ("correct", "wrong")
"""What an answer is where an option was read and nothing was cut."""
UNREAD = ("unparsed", "truncated", "unended", "failed")
"""What it is where none could be."""


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer. ``answer`` and ``key`` are letters in the question's own order, whatever order was shown."""

    benchmark: str
    id: str
    draw: int
    status: str
    key: str
    answer: str | None
    mark: str
    """Hash of the question, by which evaluations are paired."""
    stems: tuple[str, ...]
    """Hashes of the stem with and without its context, by which training data is found again."""
    rotated: int = 0
    perturbed: str | None = None
    """The perturbation that the answer is to; None for the answers that count."""
    reason: str | None = None
    """Why there is no reply: ``filter``, ``context``, ``bad_request`` or ``filtered``."""
    subject: str | None = None
    tier: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    text: str = ""
    question: str = ""
    options: tuple[str, ...] = ()
    sent: dict[str, object] | None = None
    """The parameters that were sent, where they are not those that were asked for."""
    scores: tuple[float, ...] = ()
    """Log-likelihoods of the options, by the protocol that takes them."""
    cut_tokens: int = 0
    """Tokens at the beginning of a text to score that the context had no room for."""


class Result(NamedTuple):
    """What one question came to with one model."""

    benchmark: str
    id: str
    mark: str
    stems: tuple[str, ...]
    subject: str | None
    tier: str | None
    statuses: tuple[str, ...]
    right: float
    """Share of right answers."""
    vote: bool
    """Whether the majority is right."""
    truncated_right: int
    """Answers that were cut, and counted as such, though they named the key."""
    tokens: tuple[int, ...]
    """Tokens of each reply, where they were counted."""
    flips: bool
    """Whether the answers differ among themselves."""
    answers: tuple[str | None, ...]
    """The letters of the answers, None where none was read, in the question's own order of options."""
    rotated: bool
    """Whether the options were shown in other orders too."""
    sent: tuple[str, ...] = ()
    """What was sent for answers for which that is not what was asked for, as JSON."""
    key: str = ""
    """The letter of the right option."""
    scores: tuple[float, ...] = ()
    """Log-likelihoods of the options, by the protocol that takes them."""
    beheaded: bool = False
    """Whether the text to score lost its beginning, for which the context had no room."""
    perturbed: tuple[Perturbed, ...] = ()
    """What it came to with each perturbation that it qualifies for."""

    @property
    def votes(self) -> tuple[str | None, ...]:
        """The answers that count in a vote; None for one that was not read."""
        pairs = zip(self.statuses, self.answers, strict=True)
        return tuple(answer if status in READ else None for status, answer in pairs)

    @property
    def unread(self) -> float:
        """The share of its answers that were cut, unparsed or failed."""
        return sum(status in UNREAD for status in self.statuses) / len(self.statuses)


class Perturbed(NamedTuple):
    """A question as it is and perturbed, with one model."""

    perturbation: Perturbation
    plain: Result
    """The answers in the question's own order of options."""
    changed: Result


class Side(NamedTuple):
    """A model with its answers, and what is known of it."""

    name: str
    results: Sequence[Result]
    stems: frozenset[str] | None = None
    """Hashes of the stems that it was trained on; None where nothing is known."""
    whole: bool = True
    """Whether they are all of them."""
    form: Form = Form()
    """How it is asked; see ``forms``."""


def replies(one: Result) -> tuple[tuple[str, ...], tuple[str | None, ...]]:
    """What is the same where two models answer a question alike."""
    return one.statuses, one.answers


def always(results: Sequence[Result]) -> str | None:
    """The letter that was chosen on every one of several questions; None where there is none, or orders changed."""
    letters = {letter for one in results for letter in one.answers}
    apart = len(results) == 1 or len(letters) != 1 or any(one.rotated for one in results)
    return None if apart else letters.pop()


def missing(run: RunDirectory, benchmarks: list[Benchmark]) -> int:
    """How many questions of the benchmarks a run has no answer to."""
    with closing(run.reader()) as ledger:
        done = ledger.tiers().keys()
    return sum(key_of(one.name, question) not in done for one in benchmarks for question in one.questions)


def write_answers(run: RunDirectory, benchmarks: list[Benchmark], settings: Settings, target: Path) -> list[Result]:
    """Write every answer of a model, in the order of the questions; returns what each question came to."""
    results = []
    with closing(run.reader()) as ledger, replacing(target) as sink:
        tokens = ledger.tokens(STAGE)
        for one in benchmarks:
            for question, stems in zip(one.questions, one.stems, strict=True):
                rows = list(_rows(ledger, _Asked(one.name, question, stems), settings, tokens))
                for row in rows:
                    sink.write(encode(row) + b"\n")
                counting = [row for row in rows if row.perturbed is None]
                results.append(result_of(counting)._replace(perturbed=tuple(_perturbed(rows, settings))))
    return results


class _Asked(NamedTuple):
    """A question of a benchmark, with the hashes of its stem."""

    benchmark: str
    question: Question
    stems: tuple[str, ...]


def _perturbed(rows: Sequence[Row], settings: Settings) -> Iterator[Perturbed]:
    """The answers to a question as it is beside those to each perturbation that it qualifies for."""
    plain = [row for row in rows if row.perturbed is None and not row.rotated]
    for name in settings.perturb:
        changed = [row for row in rows if row.perturbed == name or (name == "rotate" and row.rotated)]
        if changed:
            yield Perturbed(name, result_of(plain), result_of(changed))


def _rows(
    ledger: Ledger, asked: _Asked, settings: Settings, tokens: Mapping[tuple[str, int], _Counts]
) -> Iterator[Row]:
    name = key_of(asked.benchmark, asked.question)
    chains, draws = ledger.outcome(name, chains_in) or (), settings.draws(asked.question)
    if len(chains) != len(draws):
        raise ledger.refuse(f"the answers to {name!r:.100}", f"there are {len(chains)}, not {len(draws)}")
    for chain, draw in zip(chains, draws, strict=True):
        counts = tokens.get((name, chain.sample), (None, None))
        yield _row(asked, chain, draw, counts, scored=settings.protocol == "loglikelihood")


def mark_of(question: Question) -> str:
    """The hash of a question with its key, by which models are paired."""
    return digest((question_hash(question), normal(question.options[question.answer or 0])))


def _row(asked: _Asked, chain: ChainOfThought, draw: Draw, tokens: _Counts, *, scored: bool) -> Row:
    question = asked.question
    subject, tier = question.meta.get("subject"), question.meta.get("tier")
    key = question.answer or 0
    return Row(
        benchmark=asked.benchmark,
        id=question.id,
        draw=chain.sample,
        status=status_of(chain, question.answer),
        key=letter(key),
        answer=None if chain.answer is None else letter(chain.answer),
        mark=mark_of(question),
        stems=asked.stems,
        rotated=draw.by,
        perturbed=draw.perturbation,
        reason=chain.missing,
        subject=subject if isinstance(subject, str) else None,
        tier=tier if isinstance(tier, str) else None,
        prompt_tokens=tokens[0],
        completion_tokens=tokens[1],
        text=chain.text,
        question=question.stem,
        options=question.options,
        sent=chain.sent,
        scores=tuple(scores_of(chain.text)) if scored and chain.missing is None else (),
        cut_tokens=int((chain.sent or {}).get(CUT, 0)),
    )


def result_of(rows: Sequence[Row]) -> Result:
    """What the answers to one question come to; cut, unparsed and failed ones are not right and do not vote."""
    first = rows[0]
    votes = Counter(row.answer for row in rows if row.status in READ)
    most = max(votes.values(), default=0)
    leader = next((name for name, count in votes.items() if count == most), None)
    return Result(
        benchmark=first.benchmark,
        id=first.id,
        mark=first.mark,
        stems=first.stems,
        subject=first.subject,
        tier=first.tier,
        statuses=tuple(row.status for row in rows),
        right=sum(row.status == "correct" for row in rows) / len(rows),
        vote=leader is not None and leader == first.key,
        truncated_right=sum(row.status == "truncated" and row.answer == row.key for row in rows),
        tokens=tuple(row.completion_tokens for row in rows if row.completion_tokens is not None),
        flips=len({row.answer for row in rows}) > 1,
        answers=tuple(row.answer for row in rows),
        rotated=any(row.rotated for row in rows),
        sent=tuple(encode(row.sent).decode() for row in rows if row.sent is not None),
        key=first.key,
        scores=first.scores,
        beheaded=any(row.cut_tokens for row in rows),
    )


def read_answers(path: Path) -> Iterator[Row]:
    """The answers of a file that ``write_answers`` wrote.

    Raises:
        UsageError: there is no such file, or a line of it is no answer.
    """
    return read_lines(path, Row, "answer of an evaluation")


def read_results(path: Path) -> list[Result]:
    """What each question came to, from a file of answers; answers to one question stand together in it."""
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in read_answers(path):
        if row.perturbed is not None:
            continue
        slim = msgspec.structs.replace(row, text="", question="", options=())
        grouped.setdefault((row.benchmark, row.id), []).append(slim)
    return [result_of(rows) for rows in grouped.values()]

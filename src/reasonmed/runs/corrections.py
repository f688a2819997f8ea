"""Corrected keys: a file of fixes read and settled, and applied to a run, whose other questions stay as they are.

Chains of thought do not depend on the key, and their requests do not either: a corrected question starts again, and
what is recorded serves it.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from reasonmed.documents import Refused, json_as, reason, small_file
from reasonmed.engine.ledger import pack
from reasonmed.engine.ledger.corrections import Change, Corrected
from reasonmed.errors import QuestionError, UsageError
from reasonmed.questions._json import BOM
from reasonmed.questions._key import Choices, Claim, key_of
from reasonmed.questions._row import glance, start
from reasonmed.questions.ids import record_id
from reasonmed.runs.manifest import Correction
from reasonmed.runs.scoring import with_scores
from reasonmed.runs.stories import content_hash, unpack_story
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from reasonmed.engine.ledger import Ledger
    from reasonmed.questions._key import Open, Way
    from reasonmed.types import Question, Story

_FIELDS = ("id", "key", "who", "why")
_SHOWN = 20
_MOST = 64 << 20


class Fix(NamedTuple):
    """A row of a file of fixes: the line that it is in, and what it says."""

    line: int
    id: str
    key: str
    who: str
    why: str


class Settled(NamedTuple):
    """What each row of a file of fixes comes to."""

    applied: tuple[Correction, ...]
    same: int
    """Rows whose key the question has already."""
    refused: list[QuestionError]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of it."""
        rows = len(self.applied) + self.same + len(self.refused)
        count = f"--keys: {rows} rows, {len(self.applied)} applied, {self.same} the same as before"
        made = [_told(one) for one in self.applied[:_SHOWN]]
        more = [f"... and {len(self.applied) - _SHOWN} more"] if len(self.applied) > _SHOWN else []
        return (f"{count}, {len(self.refused)} refused", *made, *more, *map(str, self.refused[:_SHOWN]))


def _told(made: Correction) -> str:
    """A correction in one line of a bounded length."""
    old, new, who, why = (start(said) for said in (made.old or "none", made.new, made.who, made.why))
    return f"key of {made.id}: {old} to {new}, by {who}: {why}"


def read_fixes(path: Path) -> Iterator[Fix | QuestionError]:
    """The rows of a file of fixes, JSON Lines, each with its line; in place of a bad one what is wrong with it.

    Raises:
        UsageError: the file cannot be read, or has no row.
    """
    try:
        lines = small_file(path, _MOST).removeprefix(BOM).split(b"\n")
    except OSError as unread:
        raise UsageError(f"--keys {path}: {reason(unread)}") from unread
    if not any(line.strip() for line in lines):
        raise UsageError(f"--keys {path}: it has no row; it has one JSON object a line, with {', '.join(_FIELDS)}")
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _fix(number, json_as(line, dict[str, object]))
            except Refused as problem:
                yield QuestionError(str(path), number, "", str(problem))
            except QuestionError as problem:
                yield QuestionError(str(path), number, problem.field, problem.problem)


def ids_in(path: Path) -> set[str]:
    """The ids that the good rows of a file of fixes name.

    Raises:
        UsageError: the file cannot be read, or has no row.
    """
    return {one.id for one in read_fixes(path) if isinstance(one, Fix)}


def _fix(number: int, fields: Mapping[str, object]) -> Fix:
    said = []
    for name in _FIELDS:
        value = fields.get(name)
        if not isinstance(value, str) or not value.strip():
            problem = "is missing" if value is None else f"must be a text, not {glance(value)}"
            raise QuestionError("", 0, name, f"{problem}; a fix has {', '.join(_FIELDS)}")
        said.append(value.strip())
    name, key, who, why = said
    return Fix(number, name, key, " ".join(who.split()), " ".join(why.split()))


def settle(path: Path, known: Mapping[str, Question], *, skip_bad: bool) -> Settled:
    """What the rows of a file of fixes come to, given the questions of the run that they name.

    Raises:
        UsageError: the file cannot be read, or rows of it are refused and are not to be skipped.
    """
    refused: list[QuestionError] = []
    wanted: dict[str, dict[str, list[Fix]]] = {}
    rows = 0
    for one in read_fixes(path):
        rows += 1
        try:
            if isinstance(one, QuestionError):
                raise one
            new = _new_key(one, known)
            wanted.setdefault(one.id, {}).setdefault(new, []).append(one)
        except QuestionError as problem:
            refused.append(QuestionError(str(path), problem.line or one.line, problem.field, problem.problem))
    applied: list[Correction] = []
    for name, keys in wanted.items():
        if len(keys) > 1:
            refused += _disagreeing(path, name, keys)
            continue
        ((new, (fix, *_)),) = keys.items()
        old = key_name(known[name])
        applied += [Correction(name, old, new, fix.who, fix.why)] if new != old else []
    if refused and not skip_bad:
        raise _all_of(path, refused)
    return Settled(tuple(applied), rows - len(applied) - len(refused), refused)


def _disagreeing(path: Path, name: str, keys: Mapping[str, Sequence[Fix]]) -> Iterator[QuestionError]:
    said = ", ".join(f"{key} in line {fixes[0].line}" for key, fixes in keys.items())
    for fix in chain.from_iterable(keys.values()):
        yield QuestionError(str(path), fix.line, "key", f"{name!r} is given several keys: {said}")


def _all_of(path: Path, refused: Sequence[QuestionError]) -> UsageError:
    found = sorted(refused, key=lambda one: one.line)
    lines = "\n".join(f"  {one}" for one in found[:_SHOWN])
    more = f"\n  ... and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    rows = "1 bad row" if len(found) == 1 else f"{len(found)} bad rows"
    return UsageError(f"--keys {path}: {rows}:\n{lines}{more}\nFix them, or skip them with --skip-bad.")


def _new_key(fix: Fix, known: Mapping[str, Question]) -> str:
    """The key that a fix names, as corrections write it."""
    question = known.get(fix.id)
    if question is None:
        raise QuestionError("", fix.line, "id", f"the run has no question {fix.id!r:.100}")
    if not question.options:
        return fix.key
    choices = Choices(question.options)
    by_text = key_of([Claim("key", fix.key, "any")], choices, _refuse_number)
    by_letter = key_of([Claim("key", fix.key, "label")], choices, _refuse_number)
    if by_text is None or by_letter is None:
        raise QuestionError("", fix.line, "key", f"{fix.key!r:.100} names no option")
    if by_text != by_letter:
        first, second = (f"'{letter(key)}. {question.options[key]}'" for key in (by_letter, by_text))
        problem = f"{fix.key!r:.100} is a letter and the text of another option; write {first} or {second}"
        raise QuestionError("", fix.line, "key", problem)
    return letter(by_text)


def _refuse_number(claim: Claim, found: Open) -> Way:
    if "text" in found.ways:
        return "text"
    problem = f"{glance(found.value)} may count from 0 or from 1; write the option's letter"
    raise QuestionError("", 0, claim.field, problem)


def key_name(question: Question) -> str | None:
    """A question's key as corrections write it: a letter, or the reference of an open-ended question."""
    return question.reference if question.answer is None else letter(question.answer)


def under_key(story: Story, key: str | None) -> Story:
    """A row under another key; verdicts that it came with were given under the old one."""
    question = story.question
    answer, reference = question.answer, question.reference
    if question.options:
        answer = None if key is None else ord(key) - ord("A")
    else:
        reference = key
    question = replace(question, answer=answer, reference=reference, answer_source="key")
    chains = tuple(replace(one, verdict=None, score=None, justification="") for one in story.chains)
    return replace(story, question=question, chains=chains)


def corrections_in(ledger: Ledger) -> list[Correction]:
    """The corrections of a run, in the order in which they were made."""
    return [Correction(*one) for one in ledger.corrections()]


class CorrectedKeys:
    """The rows of a question file as a run has them: under their corrected keys.

    Args:
        made: the corrections of the run.
        wanted: those that are to be made next; until then its rows are under the keys before them.
    """

    def __init__(self, made: Sequence[Correction], wanted: Sequence[Correction] = ()) -> None:
        self._made = {one.id for one in made}
        self._now: dict[str, str | None] = {one.id: one.new for one in made}
        self._now.update((one.id, one.old) for one in wanted)
        self._known: dict[str, set[str | None]] = {}
        for one in (*made, *wanted):
            self._known.setdefault(one.id, set()).update((one.old, one.new))

    def corrected(self, story: Story) -> Story:
        """A row under the key that the run has; one whose file names a third key now stays as it is there."""
        name, key = story.question.id, key_name(story.question)
        if key not in self._known.get(name, ()) or (key == self._now[name] and name not in self._made):
            return story
        return under_key(story, self._now[name])


def correct(ledger: Ledger, wanted: Sequence[Correction]) -> None:
    """Correct keys of a run: the stories of these questions are put aside, and start again."""
    changes = []
    for one in wanted:
        row = ledger.row(one.id, unpack_story)
        if row is None or key_name(row.question) == one.new:
            continue
        outcome = ledger.outcome(one.id, unpack_story)
        former = None if outcome is None else with_scores(ledger, outcome)
        kept = len((former.kept if former else None) or ())
        new = under_key(row, one.new)
        changes.append(
            Change(
                Corrected(one.id, key_name(row.question), one.new, one.who, one.why),
                content_hash(new),
                pack(new),
                None if former is None else pack(former),
                [record_id(one.id, number) for number in range(1, kept + 1)],
            )
        )
    ledger.correct(changes)

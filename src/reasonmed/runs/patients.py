"""Questions that may identify patients, found before anything is sent: how many, which kinds, where."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.runs.intake import wanted
from reasonmed.runs.manifest import Decision
from reasonmed.runs.stories import unpack_story
from reasonmed.screening.phi import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reasonmed.engine.job import Outcome, Row
    from reasonmed.runs.job import RunJob
    from reasonmed.types import Story

MODES = ("warn", "refuse", "off")
_FIRST = 5


class Screened(NamedTuple):
    """What the rules found in the rows of a job."""

    of: int
    """Rows that were screened."""
    questions: int
    """Those in which a rule found something."""
    kinds: dict[str, int]
    """In how many, by kind."""
    first: tuple[str, ...]
    """The first of them: its id, the kinds and where."""

    def decided(self, mode: str) -> Decision:
        """As the manifest of a run shows it."""
        return Decision(mode, self.of, self.questions, self.kinds)


def rows_of(job: RunJob[Row, Outcome]) -> Iterator[Story]:
    """The rows that a job may send: of its file, or of its ledger where it goes on without one."""
    if job.intake is not None:
        yield from wanted(job.intake)
        return
    with closing(job.folder.reader()) as ledger:
        yield from ledger.rows(unpack_story)


def screen(rows: Iterable[Story]) -> Screened:
    """Go over rows with the rules of ``screening.phi``."""
    kinds: Counter[str] = Counter()
    count, found = 0, 0
    first: list[str] = []
    for count, story in enumerate(rows, 1):
        places = _places(story)
        if places:
            found += 1
            kinds.update(list(places))
            if found <= _FIRST:
                where = ", ".join(f"{kind} in the {place}" for kind, place in places.items())
                first.append(f"{_name(story, count)} ({where})")
    return Screened(count, found, {kind: kinds[kind] for kind in RULES if kinds[kind]}, tuple(first))


def _places(story: Story) -> dict[str, str]:
    """The kinds that are in a story, each with the first place that has it."""
    sent = [(place, text) for place, text in _sent(story) if text]
    whole = "\n\n".join(text for _, text in sent)
    found = {kind: rule for kind, rule in RULES.items() if rule(whole)}
    places: dict[str, str] = {}
    for place, text in sent if found else ():
        places |= {kind: place for kind, rule in found.items() if kind not in places and rule(text)}
    return places


def _sent(story: Story) -> Iterator[tuple[str, str]]:
    """What of a story may be sent to a model."""
    question = story.question
    yield "context", question.context or ""
    yield "question", question.stem
    yield "options", "\n".join(question.options)
    yield "answer", question.reference or ""
    yield from (("chain of thought", chain.text) for chain in story.chains)
    yield from (("chain of thought", probe.text) for probe in story.probes)
    for kept in story.kept or ():
        yield "chain of thought", kept.text
        yield "response", kept.response or ""


def _name(story: Story, number: int) -> str:
    """A row's id; its number where the id itself may identify somebody."""
    name = story.question.id
    return f"row {number}" if any(rule(name) for rule in RULES.values()) else name

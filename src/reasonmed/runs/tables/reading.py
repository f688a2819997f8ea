"""One pass over a run's ledger: every question is read once, shown to all groups of tables, and forgotten."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from reasonmed.documents import Count
from reasonmed.errors import UsageError
from reasonmed.questions.ids import number_of
from reasonmed.recipe.stages import ranks, the_spec
from reasonmed.runs.records import outcomes
from reasonmed.runs.reviews.rates import rates_in
from reasonmed.runs.scoring import original_of
from reasonmed.runs.status import read_status
from reasonmed.runs.stories import unpack_story
from reasonmed.runs.tables.chains import Chains
from reasonmed.runs.tables.composition import Composition
from reasonmed.runs.tables.costs import Costs
from reasonmed.runs.tables.judging import findings_table, judge_table
from reasonmed.runs.tables.lengths import Lengths
from reasonmed.runs.tables.losses import Losses
from reasonmed.runs.tables.refinement import Refinement
from reasonmed.runs.tables.scores import Scores
from reasonmed.runs.tables.shapes import Seen, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from reasonmed.engine.ledger import Ledger
    from reasonmed.pipeline.judging.card import Card
    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.tables.shapes import Group
    from reasonmed.runs.tables.tokens import Tokenizer
    from reasonmed.types import Story


class Tables(msgspec.Struct, frozen=True):
    """All tables of a run, and where it stood when they were made."""

    state: str
    demo: bool
    questions: Count
    records: Count
    tables: list[Table]


class Beside(NamedTuple):
    """What is not in the run: a tokenizer, the card of its judge, findings of a check by rule."""

    tokenizer: Tokenizer | None = None
    card: Card | None = None
    findings: Mapping[str, Count] | None = None


NOTHING = Beside()


def tables_of(
    folder: RunDirectory, beside: Beside = NOTHING, tell: Callable[[int, int], None] = lambda *_: None
) -> Tables:
    """All tables of a run, as it is at one moment; it may go on meanwhile.

    Args:
        folder: the run's.
        beside: what else goes into them.
        tell: called with the number of questions read, and of all.

    Raises:
        RunDirectoryError: there is no run.
        UsageError: it is the folder of an evaluation.
    """
    manifest, running = folder.manifest(), folder.owner() is not None
    if manifest.command == "evaluate":
        raise UsageError(f"{folder.path} is an evaluation: its tables are in report.md and `reasonmed compare`")
    groups = _groups(beside.tokenizer, _one_way(manifest.identity))
    with folder.snapshot() as ledger:
        status = read_status(ledger, demo=manifest.demo, running=running)
        for number, one in enumerate(_seen(ledger)):
            tell(number, status.questions)
            for group in groups:
                group.add(one)
        judge = judge_table(status.canaries, beside.card, rates_in(folder.path, ledger))
    found = [*(table for group in groups for table in group.tables()), judge]
    if beside.findings is not None:
        found.append(findings_table(beside.findings))
    return Tables(status.state, status.demo, status.questions, status.records, found)


class _Route(msgspec.Struct):
    """As a run's identity has it."""

    way: str = "by_errors"


class _Stages(msgspec.Struct):
    route: _Route = msgspec.field(default_factory=_Route)


class _Identity(msgspec.Struct):
    stages: _Stages


def _one_way(identity: Mapping[str, object]) -> str | None:
    """The tier whose way all questions went; None where each went that of its own."""
    way = msgspec.convert(identity, _Identity).stages.route.way
    return None if way == "by_errors" else way.removeprefix("all_")


def _groups(tokenizer: Tokenizer | None, way: str | None) -> list[Group]:
    lengths = Lengths(tokenizer.count, tokenizer.name) if tokenizer else Lengths()
    return [Composition(), Chains(), lengths, Scores(), Refinement(), Losses(), Costs(way)]


def _seen(ledger: Ledger) -> Iterator[Seen]:
    routed = the_spec("route").priority
    later = [prompt for prompt, rank in ranks().items() if rank > routed]
    ended = ((story, True) for story in outcomes(ledger))
    open_ones = ((story, False) for story in ledger.pending(unpack_story))
    for story, done in chain(ended, open_ones):
        yield _one(ledger, story, later, done=done)


def _one(ledger: Ledger, story: Story, later: list[str], *, done: bool) -> Seen:
    name = story.question.id
    scores: dict[int, int | None] = {}
    originals: dict[int, int | None] = {}
    for row in ledger.scores_of(name):
        of_original = original_of(row.record)
        number = number_of(of_original or row.record, name)
        if number is not None:
            (originals if of_original else scores)[number] = row.score
    return Seen(story, done, scores, originals, list(ledger.spent_on(name, later)))

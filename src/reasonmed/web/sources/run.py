"""A run directory as something to look at: its ledger, followed while the run goes on."""

from __future__ import annotations

from collections import Counter
from contextlib import closing, contextmanager
from statistics import fmean
from typing import TYPE_CHECKING

from reasonmed.questions.ids import question_of, record_id
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.status import effort_of
from reasonmed.runs.stories import story_in, unpack_story
from reasonmed.web.index.entry import SEPARATOR, Entry, Step, Texts, beginning
from reasonmed.web.sources.live import now_of
from reasonmed.web.views.calls import calls_view
from reasonmed.web.views.funnel import funnel_view
from reasonmed.web.views.story import story_view, told_in
from reasonmed.web.views.sums import NANO, NO_MODEL, NO_TIER, UNFINISHED, Sums

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from reasonmed.engine.ledger import Ledger
    from reasonmed.engine.ledger.changes import Seen
    from reasonmed.types import ChainOfThought, Story
    from reasonmed.types import Step as StepLabel
    from reasonmed.web.views import View
    from reasonmed.web.views.story import Told

_VERSION = 2
"""Of what is read out of a story: another one has every index built anew."""


class RunSource:
    """A run.

    Args:
        path: its directory.

    Raises:
        RunDirectoryError: there is no run.
    """

    kind = "run"
    counted = ("record", "records")

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = RunDirectory(path)
        self.manifest = self.folder.manifest()

    @property
    def index_path(self) -> Path:
        """``view.db`` beside the ledger."""
        return self.path / "view.db"

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        """The ledger, for reading only."""
        with closing(self.folder.reader()) as ledger:
            yield ledger

    def stamp(self) -> str:
        """Another word after rows were taken in, corrected or taken out of use, and for another run in this place."""
        with self.ledger() as ledger:
            began = next(iter(ledger.sessions()), (0.0, None))[0]
            return f"{_VERSION} {began} {ledger.upheavals()}"

    def total(self) -> int:
        """How many questions the run has."""
        with self.ledger() as ledger:
            return ledger.count()

    def steps(self, marks: Mapping[str, int]) -> Iterator[Step]:
        """First all rows in order, then whatever came since that began."""
        with self.ledger() as ledger:
            reached = {**ledger.newest()._asdict(), "position": -1, **marks}
            for seen in ledger.stand(reached["position"]):
                reached["position"] = seen.place
                yield self._step(ledger, seen, reached)
            for seen in ledger.finished_since(reached["outcome"]):
                reached["outcome"] = seen.place
                yield self._step(ledger, seen, reached)
            for place, record in ledger.scored_since(reached["score"]):
                reached["score"] = place
                scored = ledger.stands(question_of(record))
                if scored is not None:
                    yield self._step(ledger, scored, reached)

    def question(self, name: str) -> View | None:
        """What a page shows of a question."""
        with self.ledger() as ledger:
            return story_view(ledger, name)

    def story(self, name: str) -> Story | None:
        """The story of a question as it stands."""
        with self.ledger() as ledger:
            return story_in(ledger, name)[0] if ledger.has(name) else None

    def told(self, name: str) -> Told | None:
        """The story of a question."""
        with self.ledger() as ledger:
            return told_in(ledger, name)

    def calls(self, name: str) -> View | None:
        """Every call of a question."""
        with self.ledger() as ledger:
            return calls_view(ledger, name)

    def overview(self, tallies: dict[str, int]) -> View:
        """The run at a glance."""
        effort = effort_of(self.folder)
        return funnel_view(effort, Sums(tallies), now_of(self.folder) if effort.state == "running" else None)

    def close(self) -> None:
        """Nothing is held open: each look opens the ledger."""

    def _step(self, ledger: Ledger, seen: Seen, reached: dict[str, int]) -> Step:
        story = ledger.read(seen.story, unpack_story)
        return Step(entry_of(story, ledger, done=bool(seen.is_done)), dict(reached))


def entry_of(story: Story, ledger: Ledger, *, done: bool) -> Entry:
    """A question of a run as its index has it."""
    question, kept = story.question, story.kept or () if done and not story.failure else ()
    points = {row.record: row.score for row in ledger.scores_of(question.id)}
    names = (record_id(question.id, number) for number in range(1, len(kept) + 1))
    scores = [points.get(name, one.score) for name, one in zip(names, kept, strict=True)]
    known = [score for score in scores if score is not None]
    outcome = (story.failure.reason if story.failure else story.tier or "no tier") if done else "unfinished"
    return Entry(
        id=question.id,
        stem=beginning(question.stem),
        outcome=outcome,
        texts=_texts(story),
        facets={
            "state": ["failed" if story.failure else "finished"] if done else ["unfinished"],
            "tier": [story.tier or NO_TIER] if done else [],
            "failure": [story.failure.reason] if done and story.failure else [],
            "source": [question.source or "none"],
            "model": {chain.model for chain in story.chains} or {NO_MODEL},
            "verdict": {_verdict(chain) for chain in story.chains},
            "step_error": {step.type or "other" for step in _faults(story)},
            "score": {"none" if score is None else str(score) for score in scores},
            "flag": {*story.flags, *(flag for one in kept for flag in one.flags)},
        },
        records=len(kept),
        wrong=sum(chain.outcome == "error" for chain in story.chains),
        score=fmean(known) if known else None,
        tallies=tallies_of(story, scores, ledger, done=done),
    )


def _texts(story: Story) -> Texts:
    question = story.question
    chains = [*story.chains, *(rewrite.chain for rewrite in story.rewrites)]
    judged = [chain.verdict for chain in chains if chain.verdict]
    said = [verdict.reason for verdict in judged]
    said += [opinion.reason for verdict in judged for opinion in verdict.opinions]
    said += [step.note for verdict in judged for step in verdict.steps]
    said += [story.failure.detail] if story.failure else []
    return Texts(
        "\n".join(filter(None, (question.id, question.stem, *question.options, question.context, question.reference))),
        "\n".join([*(chain.text for chain in chains), *(one.response or "" for one in story.kept or ())]),
        "\n".join(filter(None, said)),
    )


def _verdict(chain: ChainOfThought) -> str:
    return "conflict" if chain.verdict and chain.verdict.conflict else chain.outcome


def _faults(story: Story) -> list[StepLabel]:
    """The steps of the generated chains that the judge did not call ok."""
    judged = (chain.verdict for chain in story.chains if chain.verdict)
    return [step for verdict in judged for step in verdict.steps if step.label != "ok"]


def tallies_of(story: Story, scores: Sequence[int | None], ledger: Ledger, *, done: bool) -> dict[str, int]:
    """Counts of one question that an overview adds up, under the names of ``views/sums.py``."""
    found: Counter[tuple[str, ...]] = Counter()
    tier = (story.tier or NO_TIER) if done else UNFINISHED
    end = (story.failure.reason if story.failure else "finished") if done else UNFINISHED
    found["question", tier, end, "chains" if story.chains else "bare", story.question.source or "none"] = 1
    for chain in story.chains:
        heat = "" if chain.temperature is None else f"{chain.temperature:g}"
        verdict = _verdict(chain) if chain.outcome == "undecided" else chain.outcome
        found["chain", tier, heat, verdict, chain.model] += 1
    for model in {chain.model for chain in story.chains}:
        found["model", tier, model] = 1
    for step in _faults(story):
        found["step", "steps", step.type or "other"] += 1
        found["step", "questions", step.type or "other"] = 1
    for score in scores:
        found["score", tier, "none" if score is None else str(score)] += 1
        found["scored", "none" if score is None else str(score)] = 1
    for stage, calls, prompt, written, usd in ledger.usage_of(story.question.id):
        for unit, count in (("calls", calls), ("in", prompt), ("out", written), ("nano", round((usd or 0.0) * NANO))):
            found["usage", tier, unit, stage] += count
    return {SEPARATOR.join(parts): count for parts, count in found.items() if count}

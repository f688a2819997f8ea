"""Stories as rows and outcomes: their identity, what a ledger keeps of them, and how they are found in it."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from msgspec.structs import replace

from reasonmed.documents import Refused, decoded
from reasonmed.engine.job import Job, Kept
from reasonmed.engine.ledger import encode, pack, unpacked
from reasonmed.errors import UsageError
from reasonmed.pipeline.stages.route import count_outcomes
from reasonmed.questions.ids import question_of
from reasonmed.runs.samples import equal_by_model
from reasonmed.types import Question, Story, unsound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reasonmed.engine.job import Models
    from reasonmed.engine.ledger import Ledger

REFRESHED = ("source", "license", "license_source", "split", "meta")
"""Fields of a question that change no reply: a corrected file corrects them in a run that has begun or is finished."""
_BLANK = {name: getattr(Question("", "", ()), name) for name in REFRESHED}


def story_job(work: Callable[[Models], Callable[[Story], Awaitable[Story]]]) -> Job[Story, Story]:
    """A job that makes of stories what they become."""
    return Job(
        key=key_of,
        hash=content_hash,
        encode=pack,
        decode=unpack_story,
        renewed=renewed,
        keep=kept_of,
        work=work,
    )


def key_of(story: Story) -> str:
    """The id of its question."""
    return story.question.id


def content_hash(story: Story) -> bytes:
    """A row's identity: a hash of everything in it but the fields that are refreshed."""
    told = replace(story, rows=(), question=replace(story.question, **_BLANK))
    return blake2b(encode(told), digest_size=16).digest()


def refreshed(question: Question) -> dict[str, object]:
    """The fields of a question that may change under its id."""
    return {name: getattr(question, name) for name in REFRESHED}


def unpack_story(blob: object) -> Story:
    """A story from compressed JSON.

    Raises:
        Refused: it is none, or an index in it points at nothing.
    """
    story = decoded(unpacked(blob), Story)
    problem = unsound(story)
    if problem is not None:
        raise Refused(problem)
    return story


def renewed(story: Story, is_outcome: bool, stored: bytes) -> bytes | None:  # noqa: FBT001 - the shape of all jobs
    """A stored story with what is not identity as its file has it now; what its stages did to it stays."""
    old, rows = unpack_story(stored), () if is_outcome else story.rows
    new = replace(old, rows=rows, question=replace(old.question, **refreshed(story.question)))
    return None if new == old else pack(new)


def kept_of(story: Story) -> Kept:
    """What a ledger keeps of a finished story."""
    said = [probe.verdict.outcome for probe in story.probes if probe.verdict and probe.stratum == "broken_reasoning"]
    counts = count_outcomes(story.chains)
    verdicts = [chain.verdict for chain in story.chains if chain.verdict is not None]
    return Kept(
        key=story.question.id,
        tier=story.tier,
        reason=story.failure.reason if story.failure else None,
        records=0 if story.failure else len(story.kept or ()),
        right=counts["correct"],
        wrong=counts["error"],
        undecided=counts["undecided"],
        missing=counts["missing"],
        unsampled=story.unsampled,
        prechecked=sum(verdict.prechecked and not verdict.judge for verdict in verdicts),
        whole=pack(story),
        canaries=(said.count("correct"), said.count("error"), said.count("undecided")) if said else None,
        multiples=equal_by_model(story.chains),
    )


def question_in(ledger: Ledger, name: str) -> str:
    """The id of a question of a run, from its own id or that of one of its records.

    Raises:
        UsageError: the run has no such question.
    """
    for candidate in (name, question_of(name)):
        if ledger.has(candidate):
            return candidate
    near = ledger.first_keys(3)
    raise UsageError(f"{ledger.path.parent} has no question {name!r}; its ids look like {', '.join(near) or '(none)'}")


def story_in(ledger: Ledger, question_id: str) -> tuple[Story, bool]:
    """A question's story, and whether it is finished; one that is not is as it was taken in."""
    ended = ledger.outcome(question_id, unpack_story)
    story = ended or ledger.row(question_id, unpack_story)
    if story is None:
        raise ledger.refuse(f"the question {question_id!r:.100}", "it is gone")
    return story, ended is not None

"""Makes a finished run of any size without a model: a ledger filled through its own methods, from seeded words.

Each question has a stem of 60 words, four options and three chains of thought of 100 words each; every chain has a
verdict with a reason of 15 words. Two questions of three have a record with a response of 40 words and a score; the
others failed. Words are as frequent as those of a language are: the one of rank N comes in proportion to 1 / (N + 3).
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from contextlib import closing
from itertools import accumulate
from typing import TYPE_CHECKING

from reasonmed.engine.ledger import Ledger
from reasonmed.engine.ledger.calls import Call
from reasonmed.exchange import Completion, Message, Request
from reasonmed.runs.stories import kept_of, story_job
from reasonmed.types import ChainOfThought, Failure, Kept, Question, Step, Story, Tier, Verdict

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

VOCABULARY = 30_000
STEM, CHAIN, REASON, RESPONSE, CHAINS = 60, 100, 15, 40, 3
_SYLLABLES = [first + second for first in "bcdfghklmnprstvz" for second in ("a", "e", "i", "o", "u", "ar", "en")]
_MODELS = ("made-up-small", "made-up-medium", "made-up-large")
_SOURCES = 40
_CORRECT, _HEDGED = 0.3, 0.1
"""Shares of the chains that are correct, and of the records with a flag."""
_STAGES = ("generate", "verify", "rank")
_GROUP = 1_000


def word(rank: int) -> str:
    """A word by its rank: 0 is the most frequent one."""
    made, rest = "", rank + len(_SYLLABLES)
    while rest:
        rest, place = divmod(rest, len(_SYLLABLES))
        made += _SYLLABLES[place]
    return made


_WORDS = [word(rank) for rank in range(VOCABULARY)]
_WEIGHTS = list(accumulate(1 / (rank + 3) for rank in range(VOCABULARY)))


def make_run(folder: Path, count: int, calls: int = 0) -> None:
    """A run of a number of questions, each with a number of recorded calls."""
    source = folder.with_suffix(".jsonl")
    row = {"id": "first", "question": "Which drug?", "options": ["Heparin", "Warfarin"], "answer": "Heparin"}
    source.write_text(json.dumps(row) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "reasonmed", "run", str(source), "-r", "scripted", "-o", str(folder)]
    subprocess.run([*command, "--max-failures", "100%"], check=True, capture_output=True)
    job = story_job(_no_work)
    with closing(Ledger(folder / "ledger.db")) as ledger:
        ledger.admit(job, ((Story(made_question(number)), True) for number in range(count)), "made")
        asyncio.run(_finish(ledger, count, calls))


def made_question(number: int) -> Question:
    """A question by its number."""
    dice = random.Random(f"question {number}")  # noqa: S311 - made-up words
    options = tuple(_prose(dice, 3) for _ in range(4))
    source = f"source-{dice.randrange(_SOURCES)}"
    return Question(f"made-{number:06d}", _prose(dice, STEM), options, dice.randrange(4), source=source)


def made_story(number: int) -> Story:
    """A finished question by its number."""
    dice = random.Random(f"story {number}")  # noqa: S311 - made-up words
    question = made_question(number)
    chains = tuple(_chain(dice, question, sample) for sample in range(CHAINS))
    wrong = sum(chain.outcome == "error" for chain in chains)
    right = next((chain for chain in chains if chain.outcome == "correct"), None)
    if right is None:
        return Story(question, chains, failure=Failure("no_chain", "no chain of thought is correct"))
    tier = (Tier.EASY, Tier.MEDIUM, Tier.DIFFICULT)[wrong]
    kept = Kept(right.text, right.model, chains.index(right), verdict=right.verdict, score=dice.randint(5, 10))
    response = _prose(dice, RESPONSE)
    flags = ("hedged",) if dice.random() < _HEDGED else ()
    return Story(question, chains, tier=tier, kept=(_responded(kept, response, flags),))


def _responded(kept: Kept, response: str, flags: tuple[str, ...]) -> Kept:
    return Kept(
        kept.text, kept.model, kept.parent, verdict=kept.verdict, score=kept.score, response=response, flags=flags
    )


def _chain(dice: random.Random, question: Question, sample: int) -> ChainOfThought:
    correct = dice.random() < _CORRECT
    text, reason = _prose(dice, CHAIN), _prose(dice, REASON)
    faults = () if correct else (Step(0, 40, "error", dice.choice(("misread", "logic", "fact")), "severe"),)
    judged = Verdict("correct" if correct else "error", reason, "judge", steps=faults)
    answer = question.answer if correct else None
    return ChainOfThought(text, _MODELS[sample], answer, dice.choice((0.3, 0.7)), sample, verdict=judged)


def _prose(dice: random.Random, length: int) -> str:
    return " ".join(dice.choices(_WORDS, cum_weights=_WEIGHTS, k=length))


async def _finish(ledger: Ledger, count: int, calls: int) -> None:
    for start in range(0, count, _GROUP):
        stories = [made_story(number) for number in range(start, min(start + _GROUP, count))]
        await asyncio.gather(*(ledger.finish(kept_of(story)) for story in stories))
        await asyncio.gather(*(_call(ledger, story, number) for story in stories for number in range(calls)))


def _call(ledger: Ledger, story: Story, number: int) -> asyncio.Future[None]:
    chain = story.chains[number % CHAINS]
    request = Request(
        model=chain.model,
        messages=(Message("user", story.question.stem),),
        sample=number,
        stage=_STAGES[number // CHAINS % len(_STAGES)],
        question_id=story.question.id,
    )
    return ledger.record(request, Completion(chain.text, prompt_tokens=90, completion_tokens=150), Call(0.5, 0.0001))


def _no_work(_: object) -> Callable[[Story], Awaitable[Story]]:
    raise NotImplementedError

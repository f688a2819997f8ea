"""What a reply must be to count as a chain of thought or a response."""

from __future__ import annotations

from textwrap import shorten
from typing import TYPE_CHECKING, Literal, NamedTuple

from reasonmed.errors import CutReply, RequestRejected, UnparsableReply, UsageError, VerdictConflict
from reasonmed.parsing.answer import parse_answer, unread_ending
from reasonmed.parsing.judgment import parse_score, parse_verdict
from reasonmed.parsing.thinking import clean, split_thinking
from reasonmed.pipeline.agent import REASK
from reasonmed.recipe.stages import specs
from reasonmed.recipe.templates import lettered, question_text
from reasonmed.screening.echo import echoed_share
from reasonmed.screening.flaws import NOTHING_OWN, find_flaw, says_too_little
from reasonmed.screening.language import other_language
from reasonmed.screening.loop import find_loop
from reasonmed.screening.refusal import find_refusal
from reasonmed.types import ChainOfThought, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reasonmed.exchange import Completion
    from reasonmed.pipeline.agent import Agent
    from reasonmed.recipe.options import Stages
    from reasonmed.types import Question

_FEW_WORDS = 80
"""Visible text of fewer words is no chain of thought on its own: the thinking goes before it."""

_MOST_WORDS = 160
"""So many characters of an ending are quoted."""
_ECHOED_REASON = 0.8
"""Share of a reason's words that are the instructions': beyond it, nothing is left that could be about the case."""
_ECHOED_PROSE = 0.5

What = Literal["visible", "reasoning", "both"]
Language = Literal["any", "question"]


def known_key(question: Question) -> str:
    """The key for a prompt that can do without one; empty where there is none."""
    return "" if question.answer is None and question.reference is None else question.key_text


def need_options(question: Question, stage: str) -> None:
    """Raise where a question without options reaches a stage that cannot do without.

    Raises:
        UsageError: the question has none.
    """
    if not question.options:
        without = " and ".join(spec.name for spec in specs() if spec.open_ended)
        raise UsageError(f"question {question.id!r} has no options, and {stage} needs them; {without} do without")


def check_reply(completion: Completion, *, keep_truncated: bool, refusals: Sequence[str] = ()) -> None:
    """Raise where a reply is cut, filtered, empty or refused."""
    if completion.finish_reason == "content_filter":
        raise UnparsableReply("a content filter stopped it", "filtered")
    cut = completion.cut or not split_thinking(completion.text).closed
    if cut and not keep_truncated:
        raise CutReply("it was cut at the token limit", "cut")
    if not (completion.text.strip() or (completion.reasoning or "").strip()):
        raise UnparsableReply("it is empty", "empty")
    if find_refusal(completion.text, refusals):
        raise UnparsableReply("it refuses to answer", "refused")


def read_verdict(completion: Completion, agent: Agent) -> tuple[Literal["correct", "error"], str]:
    """A judge's verdict and its reason in the judge's own words.

    Raises:
        UnparsableReply: no verdict, or a reason that is none.
    """
    outcome, reason = parse_verdict(completion.text)
    if not reason:
        raise UnparsableReply("it gives no reason")
    return outcome, _own(reason, "reason", agent)


async def ask_verdict(
    agent: Agent,
    question: Question,
    values: Mapping[str, object],
    parse: Callable[[Completion], Verdict],
    sample: int = 0,
) -> Verdict:
    """A verdict, or *undecided* with the reason that none came."""
    try:
        return await agent.ask(question, values, parse, sample=sample)
    except VerdictConflict as conflict:
        return Verdict("undecided", conflict.problem, agent.label, conflict=True)
    except UnparsableReply as problem:
        return Verdict("undecided", f"no usable verdict: {problem.problem}", agent.label)
    except RequestRejected as rejected:
        return Verdict("undecided", f"the judge's endpoint refused the request: {rejected.kind}", agent.label)


def read_score(
    completion: Completion, agent: Agent, bounds: tuple[int, int]
) -> tuple[int, str, dict[str, object] | None]:
    """A judge's score, its justification in the judge's own words, and what was sent for it.

    Raises:
        UnparsableReply: no score, or a justification that is none.
    """
    score, why = parse_score(completion.text, *bounds)
    return score, _own(why, "justification", agent), completion.sent


def _own(said: str, field: str, agent: Agent) -> str:
    loop = find_loop(said)
    if loop:
        raise UnparsableReply(f"the {field} repeats itself ({loop})", "loop")
    if _echoes(said, agent, _ECHOED_REASON):
        raise UnparsableReply(f"the {field} repeats the instructions instead of speaking of the case", "echo")
    return said


def _echoes(said: str, agent: Agent, most: float) -> bool:
    """Whether so large a share of a text is the instructions', or it has the opening of a re-ask, whatever follows."""
    return REASK in said or echoed_share(said, *agent.instructions) >= most


def check_prose(text: str, question: Question, agent: Agent) -> str:
    """The text; raise where it is degenerate: instructions or question again, a loop, a form, a page, a call."""
    flaw = find_flaw(text, lettered(question.stem, (), question.context))
    if flaw is not None:
        raise UnparsableReply(flaw.problem, flaw.kind)
    if _echoes(text, agent, _ECHOED_PROSE):
        raise UnparsableReply("it repeats the instructions instead of following them", "echo")
    return text


def language_flags(text: str, question: Question) -> list[str]:
    """The flag of a text in another language than its question; none where it is in the same or cannot be told."""
    return ["language"] if other_language(text, question_text(question)) else []


class Wanted(NamedTuple):
    """What a recipe wants of a chain of thought."""

    what: What = "visible"
    keep_truncated: bool = False
    min_words: int = 1
    language: Language = "any"

    @classmethod
    def by(cls, stages: Stages) -> Wanted:
        """As the generate stage says."""
        options = stages.generate
        return (
            cls() if options is None else cls(options.cot, options.keep_truncated, options.min_words, options.language)
        )


def parse_chain(
    completion: Completion, question: Question, agent: Agent, wanted: Wanted, sample: int = 0
) -> ChainOfThought:
    """A chain of thought from a reply, with the option that it concludes.

    Raises:
        UnparsableReply: the reply is cut, filtered, empty, refused or too short to be reasoning.
    """
    check_reply(completion, keep_truncated=wanted.keep_truncated, refusals=agent.refusals)
    thinking, visible = _apart(completion)
    stored = _stored(thinking, visible, wanted.what)
    text = clean(stored)
    if not text:
        raise UnparsableReply("it holds no reasoning", "empty")
    _check_reasoning(text, question, agent, wanted)
    said = (text if visible == stored else clean(visible)) or text
    concluded = parse_answer(said, question.options)
    return ChainOfThought(
        text=text,
        model=agent.label,
        answer=concluded.option if concluded else None,
        temperature=agent.sampling.temperature,
        sample=sample,
        truncated=completion.cut,
        unread="" if concluded else unread_words(said, question),
        served=completion.served,
        sent=completion.sent,
        after=_after_thinking(text, thinking, visible),
    )


def _after_thinking(text: str, thinking: str, visible: str) -> int:
    """Where in a stored text the text after the thinking begins; 0 where the text does not hold both."""
    head = "-\n\n"  # cleaned apart, its first words would pass for an opener
    tail = clean(head + visible.strip()).removeprefix(head)
    return len(text) - len(tail) if thinking.strip() and tail and text.endswith(f"\n\n{tail}") else 0


def _check_reasoning(text: str, question: Question, agent: Agent, wanted: Wanted) -> None:
    check_prose(text, question, agent)
    if len(text.split()) < wanted.min_words:
        raise UnparsableReply(f"it has {len(text.split())} words, too few to hold any reasoning", "short")
    if says_too_little(text, question_text(question)):
        raise UnparsableReply(NOTHING_OWN, "bare")
    foreign = other_language(text, question_text(question)) if wanted.language == "question" else None
    if foreign:
        raise UnparsableReply(foreign, "language")


def unread_words(text: str, question: Question) -> str:
    """The words of an ending that give an answer which cannot be read as one option; empty where there are none."""
    return shorten(unread_ending(text, question.options) or "", _MOST_WORDS, placeholder=" ...")


def unread_problem(words: str) -> str:
    """What is wrong with an ending that cannot be read."""
    return f'its ending, "{words}", does not name exactly one of the options'


def once_readable(parse: Callable[[Completion], ChainOfThought]) -> Callable[[Completion], ChainOfThought]:
    """The parser for one request: refuses the first chain whose ending cannot be read, and takes the next as it is."""
    refused = False

    def checked(completion: Completion) -> ChainOfThought:
        nonlocal refused
        chain = parse(completion)
        if chain.unread and not refused:
            refused = True
            raise UnparsableReply(unread_problem(chain.unread), "unread")
        return chain

    return checked


def _apart(completion: Completion) -> tuple[str, str]:
    if completion.reasoning:
        return completion.reasoning, completion.text
    split = split_thinking(completion.text)
    return split.reasoning or "", split.text


def reasoning_of(text: str) -> str:
    """The chain of thought of a whole reply, thinking included, as ``cot: visible`` keeps it; may be empty."""
    split = split_thinking(text)
    return clean(_stored(split.reasoning or "", split.text, "visible"))


def _stored(thinking: str, visible: str, what: What) -> str:
    together = f"{thinking.strip()}\n\n{visible.strip()}".strip()
    if what == "both":
        return together
    if what == "reasoning":
        return thinking or visible
    return visible if len(visible.split()) >= _FEW_WORDS else together

"""A chain of thought as steps: sections, list items, paragraphs, sentences of long paragraphs, and the answer alone.

Steps are pieces of the text that follow each other without a gap: joined, they are the text, byte for byte. So a label
of a step can be laid over the text by two offsets, and one step can be replaced while the others stay as they are.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.parsing.answer import has_final_phrase
from reasonmed.parsing.answer_phrases import BOLD, LONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from reasonmed.types import Step

FEWEST, MOST = 3, 24
"""Steps of a chain of thought; fewer where it has fewer sentences."""

_LONG = 45
"""Words of a paragraph beyond which its sentences are steps."""
_SHORT = 30
"""Words up to which sentences of such a paragraph stay together."""
_TAIL = 3
"""Last lines among which the answer is looked for."""
_GROWTH = 1.2

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_ITEM = re.compile(
    r"[ ]{0,3}(?:[#>*_ \t]{0,6}(?:step|option|choice)\s?\w{1,3}\b|[*_]{0,2}\(?(?:\d{1,2}|[A-Za-z])[.):]|[-*•–] )\S*",
    re.IGNORECASE,
)
"""The first words of a list item that is not indented."""
_HEADING = re.compile(
    r"[ ]{0,3}#{1,6}[ \t].*|[ \t]*(?:\*\*|__).{1,80}(?:\*\*|__):?[ \t]*|[^\n.!?。！？]{1,60}[:：][ \t]*"
)
_ANSWER_HEADING = re.compile(r"[#*_ \t\d.]*(?:(?:final|correct)[ \t]+)?(?:answer|conclusion)[*_:： \t]*", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?:[.!?](?:[\"')\]*_]{0,3})(?=\s+[^\sa-z]))|(?:[。！？；][」』”’）]?)|(?:\n)")
_ABBREVIATED = re.compile(
    r"(?:\b(?:e\.g|i\.e|vs|dr|mr|mrs|ms|prof|fig|approx|cf|ca|resp|st|z\.\s?b|d\.\s?h|bzw|p\.\s?ex|etc|al)|\b[A-Za-z]"
    r"|(?:^|\s)\d{1,2})\.\Z",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{1,2}|[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")


_NEAR = 8
"""More characters than any abbreviation has."""
_SPACE = re.compile(r"\s*")


class Span(NamedTuple):
    """A step: the offsets of its first character and of the one behind its last."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """Its words in the text."""
        return text[self.start : self.end]


def split_steps(text: str) -> tuple[Span, ...]:
    """The steps of a chain of thought in their order; none of an empty text.

    Every character belongs to one step. None is blank where the text is not, and the line that gives the answer is a
    step of its own.
    """
    if not text.strip():
        return (Span(0, len(text)),) if text else ()
    answer = _answer_start(text)
    if not text[:answer].strip():
        return (Span(0, len(text)),)
    alone = (Span(answer, len(text)),) if answer < len(text) else ()
    return (*_fitting(text[:answer], FEWEST - len(alone), MOST - len(alone)), *alone)


def misfit(text: str, steps: Sequence[Step]) -> str | None:
    """What is wrong with the offsets of a text's steps, which must follow each other without a gap; None if nothing."""
    end = 0
    for number, step in enumerate(steps, 1):
        if step.start != end or step.end <= step.start:
            return f"step {number} is {step.start} to {step.end}, where the one before it ends at {end}"
        end = step.end
    return None if end == len(text) else f"the last step ends at {end}, and the text at {len(text)}"


def changed_step(text: str, steps: Sequence[Step], other: str) -> int | None:
    """The place, from 0, of the one faulty step in which another text differs; None where it differs elsewhere."""
    for place, step in enumerate(steps):
        before, after = text[: step.start], text[step.end :]
        whole = other.startswith(before) and other.endswith(after) and len(other) > len(before) + len(after)
        if step.label != "ok" and whole and other != text:
            return place
    return None


def _answer_start(text: str) -> int:
    """Where the line or last sentence begins that gives the answer; the text's length where none does."""
    lines = [match for match in _LINE.finditer(text) if match[0].strip()]
    for place in range(len(lines) - 1, max(-1, len(lines) - 1 - _TAIL), -1):
        line = lines[place]
        if not _answers(line[0]):
            continue
        start = line.start() + _last_answer(line[0])
        above = lines[place - 1] if place and start == line.start() else None
        return above.start() if above is not None and _ANSWER_HEADING.fullmatch(above[0].rstrip("\r\n")) else start
    return len(text)


def _answers(line: str) -> bool:
    said = line.strip()
    return has_final_phrase(line) or LONE.fullmatch(said) is not None or BOLD.fullmatch(said) is not None


def _last_answer(line: str) -> int:
    """Where the sentence of a line begins that gives the answer."""
    starts = [0, *_sentence_ends(line)]
    spoken = [start for start, end in zip(starts, [*starts[1:], len(line)], strict=True) if _answers(line[start:end])]
    return spoken[-1] if spoken else 0


def _fitting(text: str, fewest: int, most: int) -> list[Span]:
    """Steps of a text, as many as may be: long paragraphs cut, then steps cut or joined."""
    steps = [part for block in _blocks(text) for part in _cut_long(text, block)]
    while len(steps) < fewest:
        cut = next((one for one in sorted(steps, key=_length, reverse=True) if _halves(text, one)), None)
        if cut is None:
            break
        place = steps.index(cut)
        steps[place : place + 1] = _halves(text, cut)
    limit = len(text) / most
    while len(steps) > most:
        steps = _joined(steps, lambda one: _length(one) * (1 + _holds_break(text, one)), limit)
        limit *= _GROWTH
    return steps


def _length(one: Span) -> int:
    return one.end - one.start


def _holds_break(text: str, one: Span) -> bool:
    """Whether a step goes on behind a blank line: such pieces are joined later than sentences of one paragraph."""
    return "\n\n" in one.of(text).rstrip()


def _blocks(text: str) -> Iterator[Span]:
    """Paragraphs and list items; a heading goes with what follows it, a blank line with what is before it."""
    start, blank, heading = 0, False, True
    for line in _LINE.finditer(text):
        if not line[0].strip():
            blank = True
            continue
        is_heading = _HEADING.fullmatch(line[0].rstrip("\r\n")) is not None
        begins = blank or is_heading or _ITEM.match(line[0]) is not None
        if begins and not heading and line.start() > start:
            yield Span(start, line.start())
            start = line.start()
        blank, heading = False, is_heading
    yield Span(start, len(text))


def _cut_long(text: str, block: Span) -> list[Span]:
    if len(_WORD.findall(text, block.start, block.end)) <= _LONG:
        return [block]
    return _joined(_sentences(text, block), lambda one: len(_WORD.findall(text, one.start, one.end)), _SHORT)


def _joined(steps: Sequence[Span], size: Callable[[Span], int], most: float) -> list[Span]:
    """The steps, each joined to the one before it where both together are small enough."""
    made = [steps[0]]
    for one in steps[1:]:
        both = Span(made[-1].start, one.end)
        if size(both) <= most:
            made[-1] = both
        else:
            made.append(one)
    return made


def _halves(text: str, one: Span) -> list[Span]:
    """A step cut in two between sentences, near its middle; nothing where it is one sentence."""
    sentences = _sentences(text, one)
    if len(sentences) == 1:
        return []
    middle = min((each.end for each in sentences[:-1]), key=lambda end: abs(2 * end - one.start - one.end))
    return [Span(one.start, middle), Span(middle, one.end)]


def _sentences(text: str, block: Span) -> list[Span]:
    """The sentences of a block, each with the space behind it; a piece without a word goes with the one before it."""
    starts = [block.start, *(block.start + end for end in _sentence_ends(block.of(text)))]
    pieces = [Span(*pair) for pair in zip(starts, [*starts[1:], block.end], strict=True)]
    return _merged(pieces, lambda one: _WORD.search(text, one.start, one.end) is not None)


def _merged(pieces: Iterable[Span], is_one: Callable[[Span], bool]) -> list[Span]:
    made: list[Span] = []
    for piece in pieces:
        if made and not (is_one(piece) and is_one(made[-1])):
            made[-1] = Span(made[-1].start, piece.end)
        else:
            made.append(piece)
    return made


def _sentence_ends(text: str) -> list[int]:
    """Where sentences begin behind the first one."""
    found: list[int] = []
    end = 0
    for match in _SENTENCE_END.finditer(text):
        if match.start() < end:
            continue
        if match[0][0] == "." and _ABBREVIATED.search(text, max(0, match.start() - _NEAR), match.start() + 1):
            continue
        space = _SPACE.match(text, match.end())
        end = space.end() if space else match.end()
        if end < len(text):
            found.append(end)
    return found

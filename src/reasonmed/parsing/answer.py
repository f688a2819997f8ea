r"""The option that a text concludes, read from free text.

The rules, in order: think blocks are cut away first; a last line in the form "Answer: C. text"; ``<answer>`` tags;
``\\boxed{}``; the last final-answer phrase ("Answer: C", "the correct answer is C", "option C is the best choice"); a bold
option in the last paragraph; a last line that is nothing but a letter; a concluding last sentence that names exactly one
option's text; a first line that is nothing but a letter and its option's text. A denied option is not an answer; two
options are none; a letter with another option's text is none; nor is there one where two statements that could both be
meant disagree. The key is never looked at.
"""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.parsing import answer_phrases as phrases
from reasonmed.parsing.answer_choice import Choice, Several
from reasonmed.parsing.option_texts import OptionTexts, tokens
from reasonmed.parsing.thinking import split_thinking

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST = 100
"""So many statements of one kind are looked at, from the end of a text."""


class Answer(NamedTuple):
    """An option that was read: its 0-based place, the rule that read it, and where in the text it stands."""

    option: int
    method: str
    span: tuple[int, int]


def parse_answer(text: str, options: Sequence[str]) -> Answer | None:
    """The option that the text settles on, or None when it names none, several or contradicts itself."""
    split = split_thinking(text)
    if not split.closed:
        return None
    known = OptionTexts(options)
    found = _read(split.text, known)
    if found is None or _went_on(split.text, found, known):
        return None
    offset = len(text.rstrip()) - len(split.text)
    start, end = found.span
    return Answer(found.option, found.method, (start + offset, end + offset))


def has_final_phrase(sentence: str) -> bool:
    """Whether a sentence announces a final answer, whichever option it may name."""
    kinds = (phrases.STRONG, phrases.WEAK, phrases.REVERSED, phrases.TAG, phrases.BOXED)
    return any(kind.search(sentence) for kind in kinds)


def _read(text: str, options: OptionTexts) -> Answer | None:
    with suppress(Several):
        return next(_Reader(text.rstrip(), options).candidates(), None)
    return None


def _went_on(text: str, found: Answer, options: OptionTexts) -> bool:
    """Whether the text answered otherwise before it went on to a question of its own."""
    turns = [turn.start() for turn in islice(phrases.NEW_QUESTION.finditer(text), 10)]
    earlier = [_read(text[:turn], options) for turn in turns]
    return any(one is not None and one.option != found.option for one in earlier)


class _Reader:
    """One text with its options; every method that yields answers is one rule."""

    def __init__(self, text: str, options: OptionTexts) -> None:
        self.text = text
        self.options = options
        self.choice = Choice(options)

    def candidates(self) -> Iterator[Answer]:
        """What each rule reads, strongest rule first."""
        yield from self._last_line()
        yield from self._enclosed()
        yield from self._phrases()
        yield from self._bold()
        yield from self._lone_letter()
        yield from self._option_in_last_sentence()
        yield from self._opening()

    def _last_line(self) -> Iterator[Answer]:
        start = self.text.rfind("\n") + 1
        label = phrases.STRONG.search(self.text, start)
        if label and phrases.LINE_LABEL.fullmatch(self.text, start, label.start()):
            index = self.choice.spelled_out(self.text[label.end() :])
            if index is not None:
                self._forbid_another_line(index, start)
                yield Answer(index, "phrase", (label.start(), len(self.text)))

    def _enclosed(self) -> Iterator[Answer]:
        """What stands in tags or in a box, where no phrase after it says otherwise."""
        tags = [(match[1], "tag", match.span(1)) for match in phrases.TAG.finditer(self.text)]
        boxes = [self._box(match.end()) for match in phrases.BOXED.finditer(self.text)][-_MOST:]
        for content, method, span in chain(reversed(tags[-_MOST:]), reversed(boxes)):
            index = self.choice.read(content[:1000])
            if index is not None:
                if any(other.option != index for other, strong in self._statements(span[1]) if strong):
                    raise Several
                yield Answer(index, method, span)

    def _box(self, start: int) -> tuple[str, str, tuple[int, int]]:
        depth = 1
        for brace in islice(re.finditer(r"[{}]", self.text[start : start + 500]), 50):
            depth += 1 if brace[0] == "{" else -1
            if depth == 0:
                return self.text[start : start + brace.start()], "boxed", (start, start + brace.start())
        return "", "boxed", (start, start)

    def _phrases(self) -> Iterator[Answer]:
        """The last statement, unless it is a weak one and the last strong one disagrees."""
        last: Answer | None = None
        statements = self._statements()
        for answer, strong in islice(statements, 1):
            last = answer
            if strong:
                yield last
        if last is not None:
            with suppress(Several):
                older = next((answer for answer, strong in statements if strong), last)
                last = last if older.option == last.option else None
            if last is None:
                raise Several
            yield last

    def _statements(self, after: int = 0) -> Iterator[tuple[Answer, bool]]:
        """The final-answer phrases that name an option, last first, each with whether it is a strong one."""
        denied: set[int | None] = set()
        for match in self._matches(after):
            before = re.split(r"[.!?;\n]", self.text[max(0, match.start() - 160) : match.start()])[-1]
            turned = match.re is phrases.REVERSED
            rest = "" if turned else self._rest(match.end())
            index = self._turned(match) if turned else self.choice.read(rest)
            if phrases.DENIAL_BEFORE.search(before):
                denied.add(index)
            elif index is None:
                denied.add(self.choice.denied(rest))
                if self._is_line(match) and ":" in match[0] and rest.strip():
                    return self._end_of_statements(match)
            elif not _doubted(match, before):
                if index in denied:
                    raise Several
                yield Answer(index, "phrase", match.span()), bool(match["noun"]) if turned else match.re is phrases.STRONG

r"""The option that a text concludes, read from free text.

The rules, in order: think blocks are cut away first; a last line in the form "Answer: C. text"; ``<answer>`` tags;
``\\boxed{}``; the last final-answer phrase ("Answer: C", "the correct answer is C", "option C is the best choice"); a
bold option in the last paragraph; a last line that is nothing but a letter; a concluding last sentence that names just
one option's text; a first line that is nothing but a letter and its option's text.

A denied, doubted or conditional option is not an answer; two options are none, also where the second one is called
right only after the answer; a letter with another option's text is none; nor is there one where two statements that
could both be meant disagree. The key is never looked at.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.parsing import answer_phrases as phrases
from reasonmed.parsing.answer_choice import Choice, Several
from reasonmed.parsing.answer_forms import Form, form
from reasonmed.parsing.answer_statements import MOST, Statements
from reasonmed.parsing.answer_words import takes_back
from reasonmed.parsing.ending import REACH, announced
from reasonmed.parsing.option_texts import OptionTexts, option_texts, tokens
from reasonmed.parsing.second_answer import calls_another_right
from reasonmed.parsing.thinking import split_thinking

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LONGEST = 60_000
"""So many characters are looked at, from the end of a text."""

_REMEMBERED = 256
"""Texts whose result is kept: the stages of a question, and the rules of a check, ask for the same ones."""

_LONGEST_BOX = 500
_MOST_TURNS = 3


class Answer(NamedTuple):
    """An option that was read: its 0-based place, the rule that read it, and where in the text it stands."""

    option: int
    method: str
    span: tuple[int, int]


def parse_answer(text: str, options: Sequence[str]) -> Answer | None:
    """The option that the text settles on, or None when it names none, several or contradicts itself."""
    return _parsed(text, tuple(options))


@lru_cache(maxsize=_REMEMBERED)
def _parsed(text: str, options: tuple[str, ...]) -> Answer | None:
    split = split_thinking(text)
    if not split.closed:
        return None
    known = option_texts(options)
    folded = known.fold(split.text[-_LONGEST:])
    found = _read(folded.text, known)
    if found is None or _is_withdrawn(folded.text, found, known):
        return None
    offset = len(text.rstrip()) - len(split.text[-_LONGEST:])
    start, end = (offset + folded.original(place) for place in found.span)
    return Answer(found.option, found.method, (start, end))


def unread_ending(text: str, options: Sequence[str]) -> str | None:
    """The last words of a text that give an answer which cannot be read as one option.

    None where an option can be read, where the text ends without giving an answer, and where there are no options.
    """
    return _unread(text, tuple(options))


@lru_cache(maxsize=_REMEMBERED)
def _unread(text: str, options: tuple[str, ...]) -> str | None:
    split = split_thinking(text)
    if not options or not split.closed:
        return None
    known = option_texts(options)
    whole = split.text[-_LONGEST:]
    folded = known.fold(whole)
    tail = folded.text.rstrip()
    found = _read(tail, known)
    if found is None:
        start = announced(tail, known)
    elif not _is_withdrawn(tail, found, known):
        start = None
    else:
        start = found.span[0] if len(tail) - found.span[1] <= REACH else announced(tail, known)
    return None if start is None else whole[folded.original(start) :].strip()


def _is_withdrawn(text: str, found: Answer, options: OptionTexts) -> bool:
    """Whether a text takes its answer back, or gives another one beside it."""
    end = found.span[1]
    return bool(
        phrases.RETHOUGHT.search(text, end)
        or _went_on(text, found, options)
        or calls_another_right(text, end, found.option, options)
        or takes_back(text[end : end + REACH], found.option, options)
    )


def has_final_phrase(sentence: str) -> bool:
    """Whether a sentence announces a final answer, whichever option it may name."""
    kinds = (phrases.STRONG, phrases.WEAK, phrases.REVERSED, phrases.TAG, phrases.BOXED)
    return any(kind.search(sentence) for kind in kinds)


@lru_cache(maxsize=_REMEMBERED)
def _read(text: str, options: OptionTexts) -> Answer | None:
    """What the rules read; where they read nothing, an answer that fills the last line or sentence."""
    text = text.rstrip()
    end = form(text, options)
    with suppress(Several):
        found = _by_rules(text, options)
        below = end is not None and not end.corrects and found is not None and found.span[1] > end.start
        if found is not None and (end is None or found.option == end.option or below):
            return found
        if found is not None and end is not None and not end.corrects:
            return None
    return _unless_above(text, end, options)


def _unless_above(text: str, end: Form | None, options: OptionTexts) -> Answer | None:
    """An answer at the end of a text whose statements the rules cannot settle, where the text above states no other."""
    with suppress(Several):
        above = None if end is None or end.corrects else _by_rules(text[: end.start], options)
        if end is not None and (above is None or above.option == end.option):
            return Answer(end.option, "form", (end.start, len(text)))
    return None


def _by_rules(text: str, options: OptionTexts) -> Answer | None:
    return next(_Reader(text.rstrip(), options).candidates(), None)


def _went_on(text: str, found: Answer, options: OptionTexts) -> bool:
    """Whether the text answered otherwise before it went on to a question of its own."""
    turns = [turn.start() for turn in islice(phrases.NEW_QUESTION.finditer(text), _MOST_TURNS)]
    earlier = [_read(text[:turn], options) for turn in turns]
    return any(one is not None and one.option != found.option for one in earlier)


class _Reader:
    """One text with its options; every method that yields answers is one rule."""

    def __init__(self, text: str, options: OptionTexts) -> None:
        self.text = text
        self.options = options
        self.choice = Choice(options)
        self.statements = Statements(text, options)

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
        found = self.statements.last_line()
        if found:
            yield Answer(found.option, "phrase", found.span)

    def _enclosed(self) -> Iterator[Answer]:
        """What stands in the last tags or the last box, where no phrase after it says otherwise."""
        tags = [(match[1], "tag", match.span(1)) for match in phrases.TAG.finditer(self.text)][-MOST:]
        boxes = [self._box(match.end()) for match in list(phrases.BOXED.finditer(self.text))[-MOST:]]
        for content, method, span in chain(reversed(tags), reversed(boxes)):
            index = self.choice.read(content)
            if index is not None:
                if any(later.strong and later.option != index for later in self.statements.last_first(span[1])):
                    raise Several
                yield Answer(index, method, span)
            elif content.strip() and not has_final_phrase(content) and self._ends_at(span[1]):
                raise Several

    def _ends_at(self, place: int) -> bool:
        return not re.search(r"\w", phrases.TAG_END.sub("", self.text[place:]))

    def _box(self, start: int) -> tuple[str, str, tuple[int, int]]:
        """The content of a brace that was opened just before ``start``; empty when it never closes."""
        depth = 1
        for brace in re.finditer(r"[{}]", self.text[start : start + _LONGEST_BOX]):
            depth += 1 if brace[0] == "{" else -1
            if depth == 0:
                end = start + brace.start()
                return self.text[start:end], "boxed", (start, end)
        return "", "boxed", (start, start)

    def _phrases(self) -> Iterator[Answer]:
        found = self.statements.settled()
        lone = phrases.LONE.fullmatch(self.text.rpartition("\n")[2])
        if found and lone and self.options.index(lone[1]) not in (None, found.option):
            raise Several
        if found:
            yield Answer(found.option, "phrase", found.span)

    def _bold(self) -> Iterator[Answer]:
        paragraph = re.split(r"\n[ \t\r]*\n", self.text)[-1]
        start = len(self.text) - len(paragraph)
        found = [(self.choice.read(match[1]), match) for match in islice(phrases.BOLD.finditer(paragraph), MOST)]
        named = {index: match for index, match in found if index is not None}
        if len(named) != 1 or len(set(phrases.BOLD_ITEM.findall(self.text))) > 1:
            return
        [(index, match)] = named.items()
        if not phrases.AGAINST.search(self.options.without(index, _line_of(paragraph, match))):
            yield Answer(index, "bold", (start + match.start(), start + match.end()))

    def _lone_letter(self) -> Iterator[Answer]:
        head, _, line = self.text.rpartition("\n")
        match = phrases.LONE.fullmatch(line)
        if match and phrases.LONE.fullmatch(head.rstrip().rpartition("\n")[2]):
            return
        match = match or phrases.AFTER_MARK.search(line)
        left = None if match else phrases.CONCLUDED.search(line)
        if left and left[1] not in phrases.SINGLE.findall(line[: left.start()]):
            match = left
        index = self.options.index(match[1]) if match else None
        if index is not None and (left or not phrases.AGAINST.search(line)):
            yield Answer(index, "letter", (len(self.text) - len(line), len(self.text)))

    def _option_in_last_sentence(self) -> Iterator[Answer]:
        sentences = phrases.SENTENCE_END.split(self.text)
        last = next((part for part in reversed(sentences) if tokens(part)), "")
        index = self.options.sole(last)
        if index is None or not (self._concludes(last) or self._ends_with_pair(index, last)):
            return
        others = self.options.without(index, last)
        labels = [*phrases.IN_PARENTHESES.findall(others), *phrases.PAIR.findall(others)]
        letters = {self.options.index(letter) for letter in labels}
        if letters <= {None, index} and not phrases.AGAINST.search(others) and not phrases.TENTATIVE.search(others):
            start = self.text.rfind(last)
            yield Answer(index, "option text", (start, start + len(last)))

    def _concludes(self, last: str) -> bool:
        return bool(phrases.CONCLUDING.search(last)) or tokens(self.text) in self.options.tokens

    def _ends_with_pair(self, index: int, last: str) -> bool:
        """Whether the last sentence names one letter with its own option's text, after "would be" or the like."""
        head = self.text[: self.text.rfind(last)].rstrip() if phrases.LISTED.match(last) else last
        pairs = [match for match in phrases.PAIR.finditer(last) if self.options.index(match[1]) is not None]
        if len(pairs) != 1 or not re.search(rf"\b{phrases.BE}\b[\s:]*(?:\Z|[(*_]*{pairs[0][1]}[).])", head):
            return False
        return self.options.index(pairs[0][1]) == index and self.options.end(index, last[pairs[0].end() :]) > 0

    def _opening(self) -> Iterator[Answer]:
        start = len(self.text) - len(self.text.lstrip())
        line = self.text[start:].partition("\n")[0]
        index = self.choice.spelled_out(line) if phrases.LISTED.match(line) else None
        if index is not None and len(set(phrases.LISTED.findall(self.text))) == 1:
            yield Answer(index, "opening", (start, start + len(line)))


def _line_of(text: str, match: re.Match[str]) -> str:
    return text[text.rfind("\n", 0, match.start()) + 1 :].partition("\n")[0]

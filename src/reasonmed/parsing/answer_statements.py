"""The final-answer phrases of a text and the options that they state; used by ``answer``."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.parsing import answer_phrases as phrases
from reasonmed.parsing.answer_choice import Choice, Several
from reasonmed.parsing.option_texts import tokens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reasonmed.parsing.option_texts import OptionTexts

MOST = 100
"""So many statements of one kind are looked at, from the end of a text."""

_REACH = 600
"""So many characters after a phrase may hold its option."""

_BLOCK = 300
"""So many characters at least are searched for phrases at a time."""

_SENTENCE = 120
"""A last sentence of so many characters states an answer, in whatever words."""

_BEFORE = 160
"""So many characters before a phrase may deny or doubt it."""


class Statement(NamedTuple):
    """An option that a phrase states. A strong phrase says "answer" and outweighs a weak one beside it."""

    option: int
    strong: bool
    span: tuple[int, int]


class Statements:
    """The statements of one text."""

    def __init__(self, text: str, options: OptionTexts) -> None:
        self.text = text
        self.options = options
        self.choice = Choice(options)

    def last_line(self) -> Statement | None:
        """The option of a last line in the form that the prompts ask for: the letter with its whole text."""
        start = self.text.rfind("\n") + 1
        label = phrases.STRONG.search(self.text, start)
        if label is None or not self._has_its_line(label):
            return None
        index = self.choice.spelled_out(self.text[label.end() :])
        if index is None:
            return None
        self._forbid_line_above(index, label)
        return Statement(index, strong=True, span=(label.start(), len(self.text)))

    def settled(self) -> Statement | None:
        """The last statement, unless it is a weak one and the last strong one states another option."""
        found = self.last_first()
        last = next(found, None)
        if last is None or last.strong:
            return last
        try:
            strong = next((one for one in found if one.strong), last)
        except Several:
            return last
        if strong.option != last.option:
            raise Several
        return last

    def last_first(self, after: int = 0) -> Iterator[Statement]:
        """What the phrases state, from the end of the text up to this place; what is denied or doubted is left out.

        Raises:
            Several: a phrase names two options, or one that is denied further down.
        """
        denied: set[int | None] = set()
        for match in self._matches(after):
            start = max(0, match.start() - _BEFORE)
            before = re.split(r"[.!?;\n]", self.text[start : match.start()])[-1]
            if phrases.DENIAL_BEFORE.search(before):
                with suppress(Several):
                    denied.add(self._stated(match, denied))
                continue
            index = self._stated(match, denied)
            if index is not None and not _doubted(match, before):
                if index in denied:
                    raise Several
                yield Statement(index, _is_strong(match), match.span())
            elif index is None and self._is_final_line(match):
                raise Several

    def _stated(self, match: re.Match[str], denied: set[int | None]) -> int | None:
        return self._turned(match) if match.re is phrases.REVERSED.compiled else self._labeled(match, denied)

    def _matches(self, after: int) -> Iterator[re.Match[str]]:
        """Final-answer phrases from the end up; paragraphs further up are read only when they are asked for."""
        kinds = (phrases.STRONG, phrases.WEAK, phrases.REVERSED)
        end, left, least = len(self.text), MOST, 1
        while left > 0 and end > after:
            start = max(after, self.text.rfind("\n\n", after, max(after, end - least)))
            window = min(len(self.text), end + _REACH)
            found = [
                match for kind in kinds for match in kind.finditer(self.text, start, window) if match.start() < end
            ]
            yield from sorted(found, key=_place, reverse=True)[:left]
            left -= len(found)
            end, least = start, _BLOCK

    def _turned(self, match: re.Match[str]) -> int | None:
        """The option that stands before "is the best answer"; None where others stand between."""
        index = self.options.index(match["letter"])
        text = match["text"] or ""
        between = text[self.options.end(index, text) :] if index is not None else ""
        part_of = self.options.within(between)
        if re.search(r"\b[A-Z]\b", between) or self.options.sole(between) not in (None, index):
            return None
        if part_of and index not in part_of:
            return None
        if not match["noun"] and self._called_correct - {match["letter"]}:
            raise Several
        return index

    def _labeled(self, match: re.Match[str], denied: set[int | None]) -> int | None:
        rest = self._rest(match.end())
        index = self.choice.read(rest)
        if index is not None and self._before_phrase(match) not in (None, index):
            raise Several
        if index is None:
            denied.add(self.choice.denied(rest))
        elif self._has_its_line(match):
            self._forbid_line_above(index, match)
        return index

    def _before_phrase(self, match: re.Match[str]) -> int | None:
        """The option whose letter begins the line of a phrase: "A. The answer is C"."""
        start = self.text.rfind("\n", 0, match.start()) + 1
        label = phrases.LABEL_BEFORE.fullmatch(self.text[max(start, match.start() - _BEFORE) : match.start()])
        return self.options.index(label[1]) if label else None

    def _rest(self, position: int) -> str:
        """From a final-answer phrase to the end of its line, or to the end of the next one where its own is empty."""
        rest = self.text[position : position + _REACH]
        content = rest.lstrip(" \t\r*_:\n")
        line, _, below = content.partition("\n")
        if "\n" in rest[: len(rest) - len(content)]:
            below = below.lstrip()
            if phrases.LISTED.match(line) and phrases.LISTED.match(below):
                raise Several
        self._forbid_list(line, below.partition("\n")[0])
        return line

    def _forbid_list(self, line: str, below: str) -> None:
        """Raise where an option is followed by another one on the line below."""
        if phrases.LONE.fullmatch(line) and phrases.LONE.fullmatch(below):
            raise Several
        lone, words = phrases.LONE.fullmatch(line), tokens(below)
        if (
            lone
            and words
            and words in self.options.tokens
            and self.options.tokens.index(words) != self.options.index(lone[1])
        ):
            raise Several
        first, second = self.choice.spelled_out(line), self.choice.spelled_out(below)
        if first is not None and second not in (None, first):
            raise Several

    def _forbid_line_above(self, index: int, label: re.Match[str]) -> None:
        """Raise where the line above states another option, with nothing between."""
        above = self.text[: self.text.rfind("\n", 0, label.start()) + 1].rstrip().rpartition("\n")[2]
        other = phrases.STRONG.search(above)
        if other is None or not phrases.LINE_LABEL.fullmatch(above[: other.start()]):
            return
        if phrases.SEEMS.search(other[0]):
            return
        if self.choice.read(above[other.end() :]) not in (None, index):
            raise Several

    @cached_property
    def _called_correct(self) -> set[str]:
        """The letters of the options that are called correct, but not the answer."""
        return {match["letter"] for match in phrases.REVERSED.finditer(self.text) if not match["noun"]}

    def _has_its_line(self, label: re.Match[str]) -> bool:
        start = self.text.rfind("\n", 0, label.start()) + 1
        return bool(phrases.LINE_LABEL.fullmatch(self.text[start : label.start()]))

    def _is_final_line(self, label: re.Match[str]) -> bool:
        """Whether "Answer: ..." or "the answer is ..." ends the text: where it names no option, no older one counts."""
        said = self.text[label.end() :].strip()
        if label.re is not phrases.STRONG.compiled or not said or "\n" in said or phrases.ALSO.match(said):
            return False
        is_last = len(said) <= _SENTENCE and not phrases.SENTENCE_END.search(said) and not phrases.UNSAID.match(said)
        return self._has_its_line(label) or is_last


def _place(match: re.Match[str]) -> int:
    return match.start("letter") if match.re is phrases.REVERSED.compiled else match.end()


def _is_strong(match: re.Match[str]) -> bool:
    return match["noun"] == "answer" if match.re is phrases.REVERSED.compiled else match.re is phrases.STRONG.compiled


def _doubted(match: re.Match[str], before: str) -> bool:
    """Whether a statement is somebody's first thought, or holds only under a condition."""
    if (
        phrases.DOUBT_BEFORE.search(before)
        or phrases.FOREIGN_DOUBT.search(before)
        or phrases.ELSEWHERE.search(match[0])
    ):
        return True
    return "would" in match[0].lower() and phrases.CONDITION_BEFORE.search(before) is not None

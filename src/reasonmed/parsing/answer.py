r"""The option that a text concludes, read from free text.

The rules, in order: think blocks are cut away first; ``<answer>`` tags; ``\\boxed{}``; the last final-answer phrase
("Answer: C", "the correct answer is C", "option C is the best choice"); a bold option in the last paragraph; a last
line that is nothing but a letter; a concluding last sentence that names exactly one option's text; a first line that
is nothing but a letter and its option's text. A denied option is not an answer; two options are none; a letter with
another option's text is none. The key is never looked at.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.parsing import answer_phrases as phrases
from reasonmed.parsing.thinking import split_thinking

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Answer(NamedTuple):
    """An option that was read: its 0-based place, the rule that read it, and where in the text it stands."""

    option: int
    method: str
    span: tuple[int, int]


class _Several(Exception):
    """A final statement names two options or none at all: there is no answer, and no older one counts."""


_SHORT = 4


def parse_answer(text: str, options: Sequence[str]) -> Answer | None:
    """The option that the text settles on, or None when it names none, several or contradicts itself."""
    visible = _visible(text)
    offset = len(text) - len(visible)
    reader = _Reader(visible, options)
    try:
        found = next(reader.candidates(), None)
    except _Several:
        return None
    if found is None:
        return None
    start, end = found.span
    return Answer(found.option, found.method, (start + offset, end + offset))


def has_final_phrase(sentence: str) -> bool:
    """Whether a sentence announces a final answer, whichever option it may name."""
    return bool(
        phrases.LABEL.search(sentence)
        or phrases.REVERSED.search(sentence)
        or phrases.TAG.search(sentence)
        or phrases.BOXED.search(sentence)
    )


def _visible(text: str) -> str:
    """The tail of the text that follows the thinking; empty where the thinking has no end."""
    split = split_thinking(text)
    if not split.closed:
        return ""
    return text[text.rfind(split.text) :] if split.text else ""


def _normal(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text).strip().casefold()


class _Reader:
    """One text with its options; every method is one rule."""

    def __init__(self, text: str, options: Sequence[str]) -> None:
        self.text = text
        self.written = options
        self.options = [_normal(option) for option in options]

    def candidates(self) -> Iterator[Answer]:
        """What each rule reads, strongest rule first."""
        yield from self._tagged()
        yield from self._boxed()
        yield from self._phrases()
        yield from self._bold()
        yield from self._lone_letter()
        yield from self._option_in_last_sentence()
        yield from self._opening()

    def _tagged(self) -> Iterator[Answer]:
        for match in reversed(list(phrases.TAG.finditer(self.text))):
            yield from self._resolved(match[1], "tag", match.span(1))

    def _boxed(self) -> Iterator[Answer]:
        for match in reversed(list(phrases.BOXED.finditer(self.text))):
            content = _balanced(self.text, match.end())
            yield from self._resolved(content, "boxed", (match.end(), match.end() + len(content)))

    def _phrases(self) -> Iterator[Answer]:
        found = [(match.end(), False, match) for match in phrases.LABEL.finditer(self.text)]
        found += [(match.start("letter"), True, match) for match in phrases.REVERSED.finditer(self.text)]
        for position, turned, match in sorted(found, key=lambda one: one[0], reverse=True):
            if turned:
                index = self._index(match["letter"])
                if index is not None and not phrases.DENIAL_BEFORE.search(self.text[: match.start()]):
                    yield Answer(index, "phrase", match.span())
                continue
            if phrases.DENIAL_BEFORE.search(self.text[max(0, match.start() - 40) : match.start()]):
                continue
            yield from self._resolved(self._rest(position), "phrase", (match.start(), position))

    def _rest(self, position: int) -> str:
        """From a final-answer phrase to the end of its line, or to the end of the next one where its own is empty.

        Raises:
            _Several: the phrase is followed by a list of options.
        """
        rest = self.text[position : position + 600]
        lead = len(rest) - len(rest.lstrip(" \t*_:\n"))
        line, _, below = rest[lead:].partition("\n")
        if "\n" in rest[:lead] and phrases.LISTED.match(line) and phrases.LISTED.match(below.lstrip()):
            raise _Several
        return rest[:lead] + line

    def _bold(self) -> Iterator[Answer]:
        paragraph = self.text.rsplit("\n\n", 1)[-1]
        start = len(self.text) - len(paragraph)
        found = {self._resolve(match[1]) for match in phrases.BOLD.finditer(paragraph)} - {None}
        if len(found) == 1:
            match = next(phrases.BOLD.finditer(paragraph))
            index = found.pop()
            if index is not None:
                yield Answer(index, "bold", (start + match.start(), start + match.end()))

    def _lone_letter(self) -> Iterator[Answer]:
        text = self.text.rstrip()
        line = text.rsplit("\n", 1)[-1]
        match = phrases.LONE.fullmatch(line) or phrases.AFTER_MARK.search(line)
        index = self._index(match[1]) if match else None
        if index is not None:
            yield Answer(index, "letter", (len(text) - len(line), len(text)))

    def _option_in_last_sentence(self) -> Iterator[Answer]:
        sentences = [part for part in phrases.SENTENCE_END.split(self.text.strip()) if part and _normal(part)]
        last = sentences[-1] if sentences else ""
        concludes = phrases.CONCLUDING.search(last) or _normal(self.text) in self.options or self._ends_with_pair(last)
        if not concludes or phrases.AGAINST.search(last) or phrases.TENTATIVE.search(last):
            return
        index = self._sole_option(_normal(last))
        if index is not None:
            start = self.text.rfind(last)
            yield Answer(index, "option text", (start, start + len(last)))

    def _ends_with_pair(self, last: str) -> bool:
        """Whether the last sentence names one letter with its own option's text, after "would be" or the like."""
        head = self.text[: self.text.rfind(last)].rstrip() if phrases.LISTED.match(last) else last
        pairs = [match for match in phrases.PAIR.finditer(last) if self._index(match[1]) is not None]
        if len(pairs) != 1 or not re.search(rf"\b{phrases.BE}\b[\s:]*(?:\Z|[(*_]*{pairs[0][1]}[).])", head):
            return False
        return _starts(_normal(last[pairs[0].end() :]), self.options[ord(pairs[0][1]) - ord("A")])

    def _opening(self) -> Iterator[Answer]:
        line = self.text.lstrip().split("\n", 1)[0]
        match = phrases.LISTED.match(line)
        index = self._index(match[1]) if match else None
        if match is None or index is None or len(set(phrases.LISTED.findall(self.text))) > 1:
            return
        if _normal(line[match.end() :]) == self.options[index]:
            yield Answer(index, "opening", (self.text.find(line), self.text.find(line) + len(line)))

    def _resolved(self, rest: str, method: str, span: tuple[int, int]) -> Iterator[Answer]:
        index = self._resolve(rest)
        if index is not None:
            yield Answer(index, method, span)

    def _index(self, letter: str) -> int | None:
        index = ord(letter) - ord("A")
        return index if 0 <= index < len(self.options) else None

    def _resolve(self, rest: str) -> int | None:
        """The option at the start of what follows a final-answer phrase.

        Raises:
            _Several: two options, a letter with another option's text, or an explicit "cannot tell".
        """
        if phrases.DENIED.match(rest):
            return None
        lead = phrases.LEAD.match(rest)
        start = rest[lead.end() :] if lead else rest
        by_text = self._leading_option(start)
        by_letter = self._leading_letter(start, by_text)
        if by_letter is not None:
            return by_letter
        if by_text is not None:
            self._forbid_second_option(by_text, _normal(start))
            return by_text
        sentence = phrases.SENTENCE_END.split(start, maxsplit=1)[0]
        if phrases.HEDGE.search(sentence):
            raise _Several
        if phrases.AGAINST.search(sentence):
            return None
        return self._sole_option(_normal(sentence))

    def _leading_letter(self, start: str, by_text: int | None) -> int | None:
        match = phrases.LETTER.match(start) or re.match(r"([a-z])(?=[)\].:*\s]*\Z)", start)
        index = self._index(match[1].upper()) if match else None
        if match is None or index is None:
            return None
        rest = start[match.end() :]
        said = rest.lstrip(phrases.MARKS)
        own = bool(self.options[index]) and _starts(_normal(said), self.options[index])
        if not own and by_text not in (None, index):
            if _normal(start) == self.options[by_text or 0] and len(_normal(start)) == 1:
                raise _Several
            return None
        if not own and match[1] in "AI" and phrases.ARTICLE.match(rest):
            return None
        self._forbid_another(index, rest, said, own=own)
        return index

    def _forbid_another(self, index: int, rest: str, said: str, *, own: bool) -> None:
        """Raise _Several when a letter is followed by a second letter or by another option's text."""
        sentence = phrases.SENTENCE_END.split(rest, maxsplit=1)[0]
        known = {letter for letter in phrases.LATER.findall(sentence) if self._index(letter) not in (None, index)}
        if own:
            known -= set(phrases.LATER.findall(self.written[index]))
        else:
            another = phrases.ANOTHER.match(rest)
            known |= {another[1]} if another and self._index(another[1]) not in (None, index) else set()
            named = self._leading_option(said)
            if named not in (None, index) and len(self.options[named or 0]) >= _SHORT:
                raise _Several
        if known:
            raise _Several

    def _forbid_second_option(self, index: int, said: str) -> None:
        joined = re.match(r"\s*(?:and|or)\s+(.*)", said[len(self.options[index]) :])
        if joined and any(option and _starts(joined[1], option) for option in self.options):
            raise _Several

    def _leading_option(self, start: str) -> int | None:
        """The option whose text begins here; the longest where one begins another."""
        said = _normal(start)
        fits = [index for index, option in enumerate(self.options) if option and self._begins(said, start, option)]
        if not fits:
            return None
        best = max(fits, key=lambda index: len(self.options[index]))
        same = [index for index in fits if self.options[index] == self.options[best]]
        return best if len(same) == 1 else None

    def _begins(self, said: str, start: str, option: str) -> bool:
        if len(option) >= _SHORT:
            return _starts(said, option)
        sentence = _normal(re.split(r"[.,;:)\n]|\s[-–—]\s", start.strip(" *_\"'`"), maxsplit=1)[0])
        return sentence == option

    def _sole_option(self, sentence: str) -> int | None:
        """The only option whose text stands in the sentence as whole words, not counting one inside a longer one."""
        padded = f" {sentence} "
        found = []
        for index in sorted(range(len(self.options)), key=lambda one: -len(self.options[one])):
            option = self.options[index]
            if len(option) < _SHORT:
                if sentence == option:
                    found.append(index)
            elif f" {option} " in padded:
                found.append(index)
                padded = padded.replace(f" {option} ", " | ")
        return found[0] if len(found) == 1 else None


def _starts(said: str, option: str) -> bool:
    return said == option or said.startswith(f"{option} ")


def _balanced(text: str, start: int) -> str:
    """The content of a brace that was opened just before ``start``; empty when it never closes."""
    depth = 1
    for position in range(start, min(len(text), start + 500)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[start:position]
    return ""

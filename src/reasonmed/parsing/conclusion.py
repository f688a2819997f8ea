"""A chain of thought without its conclusion, for a reader who must reach the answer from the reasoning alone."""

from __future__ import annotations

import re

from reasonmed.parsing import answer_phrases as phrases
from reasonmed.parsing.answer import has_final_phrase

_HEADING = re.compile(
    r"^[ \t#*_>-]*+(?:(?:step[ \t]*)?(?:\d{1,2}|[a-g])[ \t]*[.):-][ \t]*)?[*_ \t]*+(?:(?:final|overall)[ \t]+)?"
    r"(?:(?:conclu(?:sion|de|ding)|(?<=final )(?:response|justification)|summary|answer)\b"
    r"(?![ \t]+(?:choice|option)s?\b)[^\n]{0,80}$|answer[*_ \t]*+[:：]"
    r"|in[ \t]+(?:conclusion|summary)\b|to[ \t]+conclude\b)",
    re.IGNORECASE | re.MULTILINE,
)
_ANSWER_HEADING = re.compile(r"[#*_ \t]*+(?:(?:final|correct)[ \t]+)?answer[*_: \t]*+", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])(?<!\b[A-Z]\.)(?=\s)|(?<=[。！？])|(?<=\n)")


def without_conclusion(text: str) -> str:
    """The reasoning up to the concluding section, without any sentence that announces a final answer."""
    heading = next((one for one in _HEADING.finditer(text) if one.start() > len(text) // 3), None)
    body = phrases.TAG.sub("", text[: heading.start()] if heading else text)
    kept: list[str] = []
    announced = False
    for sentence in _SENTENCE_END.split(body):
        heads = _ANSWER_HEADING.fullmatch(sentence.strip()) is not None
        if sentence.strip() and (announced or heads or has_final_phrase(sentence)):
            announced = heads or _is_open(sentence)
        else:
            kept.append(sentence)
    return re.sub(r"\n{3,}", "\n\n", _without_last_letter("".join(kept))).strip()


def _is_open(sentence: str) -> bool:
    """Whether an announcement breaks off before its option, which must then be the next sentence."""
    ends = [match.end() for kind in (phrases.STRONG, phrases.WEAK) for match in kind.finditer(sentence)]
    return bool(ends) and not re.search(r"\w", sentence[max(ends) :])


def _without_last_letter(text: str) -> str:
    """The text without last lines that are nothing but a letter or an option in bold."""
    lines = text.rstrip().split("\n")
    while lines and (
        not lines[-1].strip() or phrases.LONE.fullmatch(lines[-1]) or phrases.BOLD.fullmatch(lines[-1].strip())
    ):
        lines.pop()
    return "\n".join(lines)

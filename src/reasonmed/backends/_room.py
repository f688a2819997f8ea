"""How many tokens an endpoint leaves for a reply, by what it says when a request asks for more."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(?<![\w./-])(?:\d{1,3}(?:,\d{3})+|\d{2,9})(?![\w-]|[.,]\d)")
_N = r"(\d{1,3}(?:,\d{3})+|\d{2,9})"
_OUTPUT = re.compile(
    r"max_?(?:completion_|new_|output_)?tokens|max(?:Output|New|Completion)Tokens"
    r"|\b(?:completion|output|new|generated) tokens",
    re.IGNORECASE,
)
_MOST = re.compile(
    r"(?:at most|up to|no (?:more|greater|larger|higher) than|(?:greater|larger|more|higher) than|less than or equal to"
    r"|(?:cannot|not) exceed|exceeds?(?: \w+){0,6}|<=|≤|>|max(?:imum)?(?: \w+){0,5}?(?: is| of|:|=)"
    r"|limit(?: is| of| to|:)"
    r"|limited to|supports?(?: only| a maximum of)?|between \d+ and|\[\s*\d+\s*,|range.{0,40}?\d+\s?(?:-|to|~))"
    rf"\W{{0,3}}{_N}",
    re.IGNORECASE,
)
_LESS = re.compile(rf"(?:less|lower|smaller) than\W{{0,3}}{_N}|<\s*{_N}", re.IGNORECASE)
_NAMES = (
    r"(?:context[ _]?(?:length|size|window|limit)|(?:context|model|sequence|input|total)[\w' ]{0,20} len(?:gth)?"
    r"|tokens allowed)"
)
_CONTEXT = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?:<=?|≤|>)\s*{_N}",
        rf"{_NAMES}[^\d.;]{{0,30}}{_N}",
    )
)
"""Where the context stands: in a comparison, else behind its name."""
_RATE = re.compile(rf"\blimit\D{{0,10}}{_N}.*?\brequested\D{{0,10}}{_N}", re.IGNORECASE | re.DOTALL)
_ROUGH = re.compile(r"\babout\b|approx|estimat|roughly", re.IGNORECASE)
_MARGIN = 0.98
LEAST = 64
"""A reply of fewer tokens would be cut: such a request does not fit."""


def _numbers(groups: tuple[str | None, ...]) -> list[int]:
    return [int(one.replace(",", "")) for one in groups if one]


def most_tokens(prose: str, sent: int) -> int | None:
    """The longest reply that the endpoint allows, where it says that ``sent`` is more; None where it does not."""
    if not _OUTPUT.search(prose):
        return None
    allowed = [number for found in _MOST.finditer(prose) for number in _numbers(found.groups())]
    allowed += [number - 1 for found in _LESS.finditer(prose) for number in _numbers(found.groups())]
    return max((number for number in allowed if LEAST <= number < sent), default=None)


def room(prose: str, sent: int) -> int | None:
    """Tokens left beside this request's prompt, by the numbers in the endpoint's words; None where they do not say."""
    counted = _by_context(prose, sent) or _by_rate(prose, sent)
    if counted is None:
        return None
    context, prompt = counted
    left = context - prompt
    left = int(left * _MARGIN) if _ROUGH.search(prose) else left
    return left if LEAST <= left < sent else None


def _by_context(prose: str, sent: int) -> tuple[int, int] | None:
    """The context and the prompt's share of it, where the words name both and the tokens that were asked for."""
    found = next((match for match in (pattern.search(prose) for pattern in _CONTEXT) if match), None)
    numbers = list(dict.fromkeys(_numbers(tuple(one[0] for one in _NUMBER.finditer(prose)))))
    if found is None or sent not in numbers:
        return None
    (context, *_) = _numbers(found.groups())
    others = [number for number in numbers if number not in (sent, context)]
    totals = [number for number in others if number - sent in others]
    prompts = [number - sent for number in totals] or [number for number in others if number not in totals]
    return (context, prompts[0]) if len(set(prompts)) == 1 else None


def _by_rate(prose: str, sent: int) -> tuple[int, int] | None:
    """The same where one request is larger than a minute's allowance."""
    found = _RATE.search(prose)
    if found is None:
        return None
    limit, requested = _numbers(found.groups())
    return (limit, requested - sent) if requested > sent else None

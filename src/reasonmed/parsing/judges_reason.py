"""Reasons that say the opposite of their verdict, about the chain as a whole; a single remark is no contradiction."""

from __future__ import annotations

import re
from typing import Literal

from reasonmed.parsing.sifted import Sifted

Outcome = Literal["correct", "error"]

OUTCOMES: dict[str, Outcome] = {"correct": "correct", "error": "error", "incorrect": "error"}
"""How judges write their verdicts."""

_OPENING = re.compile(
    r"\W*(?:(?:the\s+)?verdict(?:\s+is)?\W+)?(correct|error|incorrect)\s*(?:[:.;!-]|\Z)", re.IGNORECASE
)
"""A reason that begins by naming an outcome, or is nothing else."""

_WHOLE = (
    r"(?:(?:the|this|its|their|whole|entire|overall|given|final|proposed)\s+){1,3}"
    r"(?:chain(?:\s+of\s+thought)?|reasoning|logic|argument|answer|conclusion|explanation|analysis)"
)
_VERY = (
    r"(?:(?:therefore|thus|hence|clearly|entirely|fully|completely|factually|medically|clinically|logically|also)\s+)"
    r"{0,3}"
)
_SAYS_ERROR = Sifted(
    rf"\b{_WHOLE}\s+(?:is|was|are)\s+{_VERY}(?:incorrect|wrong|flawed|erroneous|invalid|unsound|mistaken|false)\b"
    rf"|\b{_WHOLE}\s+(?:contradicts|conflicts\s+with|disagrees\s+with|(?:does|do)\s+not\s+(?:support|lead\s+to|match|reach|fit|"
    r"agree\s+with))\s+(?:the\s+)?(?:answer\s+|correct\s+|given\s+|provided\s+)?(?:key|answer)\b"
    rf"|\b{_WHOLE}\s+(?:contains|has|makes|commits)\s+(?:an?|one|several|many|serious|major)\s+(?:\w+\s+){{0,3}}errors?\b"
    r"|\b(?:should|must)\s+be\s+(?:(?:marked|judged|labell?ed|called|rated|considered)\s+)?(?:as\s+)?(?:an?\s+)?[\"']?"
    r"(?:error|incorrect)\b|\bverdict\s+(?:is|should\s+be|must\s+be)\W+(?:error|incorrect)\b",
    re.IGNORECASE,
)
_SAYS_CORRECT = Sifted(
    rf"\b{_WHOLE}\s+(?:is|was|are)\s+{_VERY}(?:correct|right|sound|valid|accurate|flawless)\s*"
    r"(?:[.;!]|\Z|and\s+(?:supports|leads\s+to|reaches|matches)\b)"
    r"|\ball\s+(?:of\s+the\s+)?(?:four\s+|4\s+)?criteria\s+(?:are\s+(?:met|fulfilled|satisfied)|hold)\b"
    r"|\b(?:there\s+(?:is|are)|contains|has|with)\s+no\s+(?:factual\s+|medical\s+|logical\s+|clinical\s+|or\s+|and\s+){0,5}errors?\b"
    r"|\bverdict\s+(?:is|should\s+be|must\s+be)\W+correct\b",
    re.IGNORECASE,
)
_BUT = Sifted(
    r"\b(?:but|however|although|though|except|yet|despite|nevertheless|only|while|whereas|unfortunately)\b",
    re.IGNORECASE,
)


def contradiction(outcome: Outcome, reason: str) -> str | None:
    """The words of a reason that give the other verdict; None where there are none."""
    opening = _OPENING.match(reason)
    if opening and OUTCOMES[opening[1].lower()] != outcome:
        return opening[1]
    if outcome == "correct":
        found = _SAYS_ERROR.search(reason)
    else:
        found = None if _BUT.search(reason) else _SAYS_CORRECT.search(reason)
    return found[0] if found else None

"""Reasons for which a reply ended, as providers name them: what is not known to be a whole reply is none."""

from __future__ import annotations

import re

STOP, LENGTH, FILTER, TOOL = "stop", "length", "content_filter", "tool_calls"

_WHOLE = frozenset(
    {
        *("stop", "stopped", "eos", "eostoken", "eosid", "endoftext", "endofsequence", "endofturn", "endturn", "eot"),
        *("complete", "completed", "finish", "finished", "done", "normal", "success", "stopsequence", "stopstring"),
        *("stoptoken", "stopword", "stopwords"),
    }
)
_TOOL = frozenset({"toolcalls", "toolcall", "tooluse", "functioncall"})
_CUT = re.compile(
    r"length|max(?:imum)?(?:output|new|completion|generat\w*)?tokens?|tokens?limit|limittokens?|context(?:window|full|limit)"
    r"|truncat|^limit$|outputlimit|limitreached|^budget|tokenbudget"
)
_FILTERED = re.compile(
    r"filter|safety|unsafe|sensitive|moderat|polic(?:y|ies)|guardrail|refusal|refused|prohibited|blocklist|blocked|flagged"
    r"|recitation|spii|violation|riskcontrol|^risk|inappropriate|^language$|censor"
)


def finish_of(reason: object) -> str | None:
    """``stop``, ``length``, ``content_filter`` or ``tool_calls``; None where the reason is not known."""
    if isinstance(reason, dict):
        reason = reason.get("type") or reason.get("reason")
    if not isinstance(reason, str):
        return None
    name = re.sub(r"[^a-z]", "", reason.lower().removeprefix("finish_reason").removeprefix("finishreason"))
    if name in _WHOLE:
        return STOP
    if name in _TOOL:
        return TOOL
    if _CUT.search(name):
        return LENGTH
    return FILTER if _FILTERED.search(name) else None

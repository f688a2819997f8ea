"""Replies that are no prose of a writer: pages and messages of a server, calls of tools, data, parts of a prompt."""

from __future__ import annotations

import json
import re

from reasonmed.parsing.sifted import Sifted

_PAGE = Sifted(
    r"<!doctype\s+html|<html\b|<head>|<body\b[^>]*>|</body>|^\s*Traceback \(most recent call last\):"
    r"|^\s*\{\s*\"(?:error|errors|detail|message)\"\s*:|^\s*(?:HTTP/\d|<\?xml\b)",
    re.IGNORECASE,
)
_STATUS = Sifted(
    r"\b(?:bad gateway|service (?:temporarily )?unavailable|gateway time-?out|internal server error|too many requests"
    r"|upstream (?:connect error|request timeout|prematurely closed)|rate limit (?:exceeded|reached)|quota exceeded"
    r"|insufficient (?:quota|credits?|balance)|model is (?:currently )?(?:overloaded|loading)|out of memory"
    r"|(?:connection|request|read) timed out|connection (?:refused|reset)|unauthorized|access denied|invalid api key"
    r"|(?:unexpected |unknown )?error (?:occurred|has occurred)|something went wrong"
    r"|(?:error|status)(?: code)?:? [45]\d\d"
    r"|please try again later)\b",
    re.IGNORECASE,
)
_SHOWN = 20
_SHORT = 40
"""Words; a longer text may well speak of these things."""

_TOOL = Sifted(
    r"</?\|?(?:tool_?calls?|function_?calls?|tool_use|tool_response|python_tag|invoke\s+name)\b|<function=|\[TOOL_CALLS?\]"
    r"|<[|｜]tool[▁_]|\bto=functions\b|\bfunctions\.\w+[:(]|```tool_code|^\s*Action Input\s*:"
    r"|\{\s*\"(?:name|tool|function|action)\"\s*:\s*\"[\w.-]+\"\s*,\s*\"(?:arguments|parameters|input|args|action_input)\"\s*:"
    r"|\"tool_calls\"\s*:",
    re.IGNORECASE | re.MULTILINE,
)
_FENCE = re.compile(r"\A\s*```\w*\s*\n(.*)\n\s*```\s*\Z", re.DOTALL)
_FORMS = Sifted(
    r"\{\{[^{}\n]{1,60}\}\}|\{%[^{}\n]{1,80}%\}"
    r"|(?<![\w\\])\{(?:question|options?|answer|letter|text|reasoning|key|context|chain_of_thought|your [a-z ]{1,30})\}"
    r"|\[(?:insert|your|enter|add|fill in|write|provide)\b[^\[\]\n]{0,60}\]"
    r"|\[(?:letter|option(?: text)?|answer|reason(?:ing)?)\]"
    r"|\[/?INST\]|<<SYS>>|^#{2,3} ?(?:Instruction|Input|Human|User|Assistant|System)s?:?\s*$|\blorem ipsum\b",
    re.IGNORECASE | re.MULTILINE,
)


def find_message(text: str) -> str | None:
    """What shows that a text is a page or a message of a server; None where it is not."""
    found = _PAGE.search(text) or (_STATUS.search(text) if len(text.split()) <= _SHORT else None)
    return found[0].strip() if found else None


def find_tool_call(text: str) -> str | None:
    """The beginning of a call of a tool; None where there is none."""
    found = _TOOL.search(text)
    return found[0].strip() if found else None


def find_data(text: str) -> str | None:
    """The beginning of a text that is one JSON value instead of prose; None where it is not."""
    fenced = _FENCE.match(text)
    inner = (fenced[1] if fenced else text).strip()
    if inner[:1] not in ("{", "["):
        return None
    try:
        whole = isinstance(json.loads(inner, strict=False), dict | list)
    except (ValueError, RecursionError):
        whole = re.match(r"\{\s*[\"']\w+[\"']\s*:", inner) is not None
    return inner[:_SHOWN] if whole else None


def find_form(text: str) -> str | None:
    """A part of a template or of a prompt's frame that nobody filled in or took away; None where there is none."""
    found = _FORMS.search(text)
    return found[0].strip() if found else None

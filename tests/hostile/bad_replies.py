"""Replies that no model should send: as texts of a scripted back end, and as bodies of a server."""

from __future__ import annotations

import json

from bad_files import ESC

_MANY = 100_000

_UNITS = (
    *("(", "[", "{", '"', "'", "`", "*", "**", "#", "-", "_", ">", "<", "|", "\\", ":", "A. ", "A"),
    *("(A) ", "A) ", "<think>", "</think>", "<answer>", "answer is ", "The answer is A. ", "\\boxed{"),
    *("\\(", "$", "```", "\n", " ", "\t", "\xa0", "\u3000", "\u202e", "\x00", "\x1b[31m", "\ud83d"),
    *("Option A is ", "not ", '{"verdict": ', '{"a":', '"verdict"', ", A", "A and B ", "1. ", "\r"),
    *("\r\n", "é", "0", "correct ", "wait, ", "\\n", "&lt;", "~~"),
)
"""What models repeat, and what parsers look for."""

TEXTS = {
    **{f"many {unit!r}": unit * (_MANY // len(unit)) for unit in _UNITS},
    "nothing": "",
    "a blank": " \n",
    "escapes": f"{ESC} word " * 30 + "\n\nAnswer: B",
    "half a character": "word " * 30 + "\ud83d\n\nAnswer: B",
    "a verdict twice": '{"verdict": "Correct", "reason": "x", "verdict": "Error"}',
    "a verdict twice, the same": '{"verdict": "Correct", "verdict": "Correct", "reason": "x"}',
    "a reason twice": '{"verdict": "Correct", "reason": "it is sound", "reason": "it is wrong"}',
    "a score twice": '{"score": 1, "score": 9, "justification": "x"}',
    "a verdict in a map": '{"verdict": {"verdict": "Correct"}, "reason": "x"}',
    "a huge score": '{"score": ' + "9" * 10_000 + ', "justification": "x"}',
    "a score of 1e400": '{"score": 1e400, "justification": "x"}',
    "no score": '{"score": NaN, "justification": "x"}',
    "an infinite score": '{"score": Infinity, "justification": "x"}',
    "a deep score": '{"score": ' + "[" * 50_000 + ', "justification": "x"}',
    "a deep object": '{"a":' * 900 + '{"verdict": "Correct", "reason": "x"}' + "}" * 900,
    "a long word": "x" * 1_000_000,
    "a template": "{{ 7 * 7 }} {% include '/etc/passwd' %} word " * 10 + "\n\nAnswer: B",
}
"""Texts of replies, whatever was asked."""

_USAGE = '"usage": {"prompt_tokens": 1, "completion_tokens": 1}'


def body(content: str) -> str:
    """The body of a chat completion with this JSON for its content."""
    message = f'{{"role": "assistant", "content": {content}}}'
    return f'{{"choices": [{{"message": {message}, "finish_reason": "stop"}}], {_USAGE}}}'


BODIES = {
    "empty": "",
    "open lists": "[" * 200_000,
    "deep lists": "[" * 200_000 + "]" * 200_000,
    "open maps": '{"a":' * 200_000,
    "deep content": body("[" * 50_000 + "]" * 50_000),
    "deep usage": body('"x"').replace(_USAGE, '"usage": ' + "[" * 900 + "]" * 900),
    "a huge integer": body("9" * 100_000),
    "a huge count": body('"word word\\n\\nAnswer: B"').replace(
        '"prompt_tokens": 1', '"prompt_tokens": ' + "9" * 10_000
    ),
    "an infinite count": body('"word\\n\\nAnswer: B"').replace('"prompt_tokens": 1', '"prompt_tokens": 1e400'),
    "no count": body('"word\\n\\nAnswer: B"').replace('"prompt_tokens": 1', '"prompt_tokens": NaN'),
    "half a character": body('"\\ud800 word\\n\\nAnswer: B"'),
    "escapes": body(json.dumps(ESC)),
    "raw escapes": body(f'"{ESC}"'),
    "a key twice": body('"Answer: A", "content": "Answer: B"'),
    "line breaks": "\n" * 500_000,
    "comments": ": x\n" * 100_000,
    "colons": ":" * 300_000,
    "blanks": " " * 300_000 + body('"x"'),
    "blanks and colons": " :" * 100_000,
    "carriage returns": "\r:" * 100_000,
    "a page": "<html><title>" + "<b>" * 50_000,
    "scripts": "<html>" + "<script>" * 20_000,
    "page comments": "<html>" + "<!--" * 40_000,
    "events": "data: {}\n\n" * 20_000,
    "events that open": 'data: {"choices": [{"delta": ' + "[" * 50_000 + "\n\n",
    "an error with escapes": json.dumps({"error": {"message": ESC}}),
    "a deep error": '{"error": {"message": ' + "[" * 50_000 + "}}",
}
"""Bodies that a server may answer with."""

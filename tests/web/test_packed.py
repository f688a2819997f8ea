"""The page of a pack as a file: nothing in a text ends its place, and nothing is loaded."""

from __future__ import annotations

import base64
import json
import re
from hashlib import sha256

import pytest

from packs import HOSTILE, packed
from reasonmed.web.packed import pack_page


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_ends_the_place_where_it_is(text: str) -> None:
    plain, page = pack_page(packed("x")), pack_page(packed(text))
    for mark in ("<script", "</script", "<!--", "</"):
        assert page.count(mark) == plain.count(mark)
    (data,) = re.findall(r'<script type="application/json" id="pack">(.*?)</script>', page, re.DOTALL)
    assert json.loads(data)["texts"][0]["stem"] == text


def test_the_page_loads_nothing_and_runs_its_own_script_alone() -> None:
    page = pack_page(packed("x"))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    parts = dict(part.strip().split(" ", 1) for part in policy.replace("&#39;", "'").split(";"))
    assert parts["default-src"] == "'none'"
    for name, element in (("script-src", "script"), ("style-src", "style")):
        (content,) = re.findall(rf"<{element}>(.*?)</{element}>", page, re.DOTALL)
        assert parts[name] == f"'sha256-{base64.b64encode(sha256(content.encode()).digest()).decode()}'"
    assert not re.findall(r"""\b(?:src|href)\s*=\s*["'](?!#)|url\(|@import|style=""", page)

"""A run as one HTML file: what is in it, and what never is."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from markupsafe import Markup
from msgspec.structs import replace
from typer.testing import CliRunner

from reasonmed.cli import app
from reasonmed.web.anchors import anchor, anchor_of, apart
from reasonmed.web.index import Wanted
from reasonmed.web.onefile import Choice, OneFile, Written
from runs import questions, run

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.runs.directory import RunDirectory

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\" ' --> ]]> {{ 7*7 }} \u202e\x1b[31m </details></textarea>"
)


def ids_in(page: Path) -> list[str]:
    return re.findall(r'class="question" id="question-([^"]+)"', page.read_text(encoding="utf-8"))


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        named = dict(attrs)
        self.ids.update(filter(None, [named.get("id")]))
        assert not [name for name in named if name.startswith("on") or name == "style"], attrs
        assert not any("javascript:" in (value or "") for value in named.values())


def test_it_is_written_without_what_the_viewer_needs(run26: RunDirectory, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('starlette', 'uvicorn')));"
        "from pathlib import Path; from reasonmed.web.onefile import Choice, OneFile;"
        "print(OneFile(Path(sys.argv[1])).write(Path(sys.argv[2]), Choice(most=3)))"
    )
    words = [sys.executable, "-c", code, str(run26.path), str(tmp_path / "page.html")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout == "3 of 26 questions\n", done.stderr


def test_the_command_says_how_many_and_replaces_only_when_told(run26: RunDirectory, tmp_path: Path) -> None:
    page, runner = tmp_path / "page.html", CliRunner()

    def report(*words: str | Path) -> str:
        done = runner.invoke(app, ["report", *map(str, (run26.path, *words))])
        return done.output if done.exception is None else f"refused: {done.exception}"

    assert report("-o", page, "--questions", "4") == f"{page}: 4 of 26 questions\n"
    before = page.read_bytes()
    assert report("-o", page) == f"refused: {page} exists; choose another -o, or --force"
    assert page.read_bytes() == before
    assert report("-o", page, "--force", "--questions", "4").endswith("4 of 26 questions\n")
    assert page.read_bytes() == before
    other = ("-o", tmp_path / "x.html")
    for words, expected in (
        (("--sample", "1"), "--sample chooses what is on the page: give -o FILE.html with it"),
        ((*other, "--sample", "1", "--questions", "1"), "--questions and --sample exclude each other"),
        ((*other, "--search", "nowhereatall"), "has no such question"),
    ):
        assert expected in report(*words)
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_questions_are_chosen_by_tier_failure_words_and_sample(run26: RunDirectory, tmp_path: Path) -> None:
    def ids(choice: Choice) -> list[str]:
        OneFile(run26.path).write(tmp_path / "page.html", choice)
        return ids_in(tmp_path / "page.html")

    whole = ids(Choice())
    assert len(whole) == 26
    assert ids(Choice(Wanted("ferritin"))) == ["hematology-01"]
    failed = ids(Choice(Wanted(chosen={"state": ("failed",)})))
    easy = ids(Choice(Wanted(chosen={"tier": ("easy",)})))
    assert failed
    assert easy
    assert not {*failed} & {*easy}
    few, more = ids(Choice(sample=5, seed=3)), ids(Choice(sample=9, seed=3))
    assert {*few} < {*more}
    assert few == [name for name in whole if name in few]


def test_texts_of_strangers_stay_texts(tmp_path: Path) -> None:
    made = run(
        tmp_path / "<b>run",
        [replace(one, id=f"{HOSTILE} {one.id}", stem=HOSTILE, source=HOSTILE, context=HOSTILE) for one in questions(3)],
    )
    OneFile(made.path).write(tmp_path / "page.html", Choice())
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    tags = _Tags()
    tags.feed(page)
    assert (tags.tags["script"], tags.tags["img"], tags.tags["b"]) == (1, 0, 0)
    assert set(tags.ids.values()) == {1}
    assert "{{ 7*7 }}" in page
    assert not {"\u202e", "\x1b"} & set(page)


def test_what_is_interrupted_leaves_the_older_file(run26: RunDirectory, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("older")

    def stop(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        OneFile(run26.path).write(page, Choice(), stop)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("page.html", "older")]


def test_ids_of_a_part_are_its_own_and_headings_go_down() -> None:
    part = Markup(
        '<h1 class="x">T</h1><p id="a">&#34; id=&#34;q</p><label for="n">N</label><input id="n">'
        '<a href="#n">here</a><a href="#elsewhere">there</a><p aria-labelledby="n elsewhere">p</p>'
    )
    assert apart(part, "q1") == (
        '<h1 aria-level="3" class="x">T</h1><p id="q1-a">&#34; id=&#34;q</p><label for="q1-n">N</label>'
        '<input id="q1-n"><a href="#q1-n">here</a><a href="#elsewhere">there</a>'
        '<p aria-labelledby="q1-n elsewhere">p</p>'
    )


def test_addresses_become_places_in_the_file() -> None:
    assert anchor("/question/a-1", [("run", "x")]) == "#question-a-1" == f"#{anchor_of('a-1')}"
    assert anchor("/question/a%20b%2Fc") == f"#{anchor_of('a b/c')}"
    assert re.fullmatch(r"question-[0-9a-f]{16}", anchor_of("a b/c"))
    assert anchor("/questions", [("run", "x"), ("tier", "easy"), ("q", "")]) == "#questions?tier=easy"
    assert anchor("/") == "#file-overview"


def test_the_words_for_how_many() -> None:
    assert str(Written(100, 1_200, 5_000)) == "100 of 5,000 questions (1,200 found)"
    assert str(Written(1, 1, 1)) == "1 of 1 question"


def test_prompts_and_replies_are_in_it_where_they_are_asked_for(run26: RunDirectory, tmp_path: Path) -> None:
    OneFile(run26.path).write(tmp_path / "bare.html", Choice(most=2))
    OneFile(run26.path, calls=True).write(tmp_path / "whole.html", Choice(most=2))
    bare, whole = ((tmp_path / f"{name}.html").read_text(encoding="utf-8") for name in ("bare", "whole"))
    assert "Back to the question" not in whole
    assert whole.count("1. generate") == 2
    assert "1. generate" not in bare


def test_an_evaluation_and_an_export_are_written_too(evaluation: Path, shipped: Path, tmp_path: Path) -> None:
    for folder in (evaluation, shipped):
        written = OneFile(folder).write(tmp_path / "page.html", Choice(most=3))
        text = (tmp_path / "page.html").read_text(encoding="utf-8")
        assert written.inside == 3
        assert text.count('class="question"') == 3
        assert ".turn" in text, "the style of the pages that it shows"
        (tmp_path / "page.html").unlink()

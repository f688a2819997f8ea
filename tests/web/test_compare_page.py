"""Two runs side by side, by a real server."""

from __future__ import annotations

import asyncio
import html
import re
import threading
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from reasonmed.engine.ledger import Ledger
from reasonmed.exchange import Completion, Message, Request
from reasonmed.runs.diff import Change, changes
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.stories import kept_of
from reasonmed.types import Failure, Kept, Story, Tier, Verdict
from reasonmed.web import comparing
from reasonmed.web.render import path_of
from support import chain, judged_story, question
from told import heard, named, told_run
from web_pages import Client, dead_anchors, viewed

if TYPE_CHECKING:
    from collections.abc import Iterator

ODD = "a/../b #1?"
MANY = 55


def _kept(name: str, text: str, tier: Tier = Tier.EASY) -> Story:
    made = (chain(text, temperature=0.7), chain("Always so. Answer: B", temperature=0.9))
    kept = (Kept(text, "m", 0, verdict=Verdict("correct", "", "judge"), response="B."),)
    return Story(question(name), made, tier=tier, kept=kept)


def _failed(name: str, reason: str) -> Story:
    return replace(named(judged_story("ee"), name), failure=Failure(reason, f"it is {reason}"))  # type: ignore[arg-type]


OLD, NEW = "The dose is 5 mg.\n\nAnswer: B", "The dose is 7 mg.\n\nAnswer: B"


def _runs(folder: Path) -> tuple[RunDirectory, RunDirectory]:
    """Of both kinds: the same, changed, failed for another reason, gone; and many with other records."""
    many = [f"many-{number}" for number in range(MANY)]
    before = [_kept("same", OLD), _kept(ODD, OLD), _failed("fails", "undecided"), _kept("gone", OLD)]
    after = [_kept("same", OLD), _kept(ODD, NEW, Tier.MEDIUM), _failed("fails", "unverified")]
    old = told_run(folder / "old", [*before, *(_kept(name, OLD) for name in many)])
    new = told_run(folder / "new", [*after, *(_kept(name, NEW) for name in many)])
    asked = Request(model="m", messages=(Message("user", "?"),), question_id=ODD, stage="generate")
    heard(old, asked, Completion(OLD))
    heard(new, asked, Completion(NEW))
    return old, new


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDirectory, RunDirectory]:
    return _runs(tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def client(runs: tuple[RunDirectory, RunDirectory]) -> Iterator[Client]:
    with viewed(*(one.path for one in runs)) as found:
        assert "Unchanged" in _done(found, "/compare")
        yield found


def _done(client: Client, path: str) -> str:
    """A page once its comparison is there."""
    for _ in range(40):
        answer = client.get(path)
        assert answer.status == 200, answer.text
        if "questions compared" not in answer.text:
            return answer.text
    raise AssertionError("the comparison does not end")


def _words(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())


def test_changed_questions_come_first_with_their_cause(client: Client) -> None:
    page = client.get("/compare").text
    said = _words(page)
    figures = f"Changed records {MANY + 1} Failed for another reason 1 Records in old only 1 Records in new only 0"
    assert f"{figures} Unchanged 2" in said
    listed = re.findall(r'href="/compare/([^?"]+)\?', page)
    assert listed[0] == path_of(ODD)
    assert f"{ODD} easy to medium changed: generate: another reply to the same request Which drug?" in said


def test_a_cause_is_a_filter_and_long_lists_have_pages(client: Client) -> None:
    ways = {
        html.unescape(words): html.unescape(path)
        for path, words in re.findall(
            r'<li><a href="([^"]+)">((?:changed|failed|removed): [^<]+)</a>', client.get("/compare").text
        )
    }
    only = _words(client.get(ways["changed: generate: another reply to the same request"]).text)
    assert "1 question with this cause. a/../b" in only
    first = client.get("/compare").text
    later = re.search(r'rel="next" href="([^"]+)"', first)
    assert later
    second = client.get(html.unescape(later[1])).text
    assert "Page 2 of 2" in second
    assert "fails undecided to unverified failed:" in _words(second)
    assert "gone easy to not in new removed: the question is in one run only" in _words(second)


def test_a_changed_question_shows_both_stories_and_marks_what_differs(client: Client) -> None:
    page = client.get(f"/compare/{path_of(ODD)}?a=old&b=new").text
    said = _words(page)
    assert "Changed : generate: another reply to the same request" in said
    assert "Outcome easy medium differs" in said
    assert "Records 1 1" in said
    assert "<del>5 </del><ins>7 </ins>mg." in page
    assert "1 the same in both: m T 0.9" in said
    assert 'id="a-chain-1"' in page
    assert 'id="b-chain-1"' in page
    assert not dead_anchors(page)
    assert re.search(r'rel="next" href="/compare/many-0\?a=old&amp;b=new"', page)


def test_a_failure_for_another_reason_is_shown_with_both(client: Client) -> None:
    said = _words(client.get("/compare/fails?a=old&b=new").text)
    assert "Failure it is undecided it is unverified differs" in said


def test_a_question_of_one_run_is_shown_alone(client: Client) -> None:
    said = _words(client.get("/compare/gone?a=old&b=new").text)
    assert "Only old has this question." in said
    assert "gone#1" in said


def test_what_is_not_there_is_said(client: Client, runs: tuple[RunDirectory, RunDirectory]) -> None:
    assert "no run &#39;other&#39; is open; there are: old, new" in client.get("/compare?a=other&b=new").text
    assert client.get("/compare/nobody?a=old&b=new").status == 404
    with viewed(runs[0].path) as one:
        assert "reasonmed view RUN OTHER" in one.get("/compare").text
        assert one.get("/compare/same").status == 404


def test_of_three_runs_two_are_chosen(runs: tuple[RunDirectory, RunDirectory], run26: RunDirectory) -> None:
    with viewed(*(one.path for one in (*runs, run26))) as client:
        page = client.get("/compare").text
        assert page.count(f'<option value="{run26.path.name}"') == 3
        assert "Unchanged" not in page
        assert "Unchanged" in _done(client, "/compare?a=new&b=old")


def test_a_run_that_grows_is_compared_again_when_asked(tmp_path: Path) -> None:
    old, new = (told_run(tmp_path / name, [_kept("q1", OLD)]) for name in ("old", "new"))
    with viewed(old.path, new.path) as client:
        assert "No question has changed." in _done(client, "/compare")
        with closing(Ledger(new.ledger_path)) as ledger:
            asyncio.run(ledger.keep(kept_of(_kept("q1", NEW))))
        assert "The runs have changed since" in client.get("/compare").text
        assert "1 question." in _done(client, "/compare?fresh=1")
        assert "The runs have changed" not in client.get("/compare").text


def test_how_far_a_long_comparison_is_is_shown(
    runs: tuple[RunDirectory, RunDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def slow(*asked: Any, **how: Any) -> Iterator[Change]:
        asked[2](1, 9)
        go_on.wait(20)
        yield from changes(*asked, **how)

    monkeypatch.setattr(comparing, "changes", slow)
    with viewed(*(one.path for one in runs)) as client:
        page = client.get("/compare").text
        assert "1 of 9 questions compared" in page
        assert '<meta http-equiv="refresh"' in page
        assert "Which drug?" in client.get("/compare/same?a=old&b=new").text
        go_on.set()
        assert "Unchanged" in _done(client, "/compare")

"""Reviewing without JavaScript: votes, what is asked for, what is refused without losing anything."""

from __future__ import annotations

import html
import re
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.reviews import FILE, Fault, QueueWanted, Reviews, Vote, queue_of, standing
from web_pages import Answer, Client, viewed

if TYPE_CHECKING:
    from reasonmed.runs.reviews import Queued

QUEUE = "/review?reviewer=Dr.+A&queue=audit&n=8"


class Desk:
    """A reviewer before a run of its own."""

    def __init__(self, client: Client, run: RunDirectory) -> None:
        self.client, self.run = client, run

    def look(self, path: str = QUEUE) -> Answer:
        return self.client.get(path)

    def form(self, path: str = QUEUE) -> dict[str, str]:
        """The hidden fields and the texts of the form, as a browser would send them."""
        return fields_of(self.look(path).text)

    def cast(self, path: str = QUEUE, /, **fields: str) -> Answer:
        return self.client.post(path, {**self.form(path), **fields})

    def votes(self) -> list[Vote]:
        with closing(Reviews(self.run.path / FILE, read_only=True)) as kept:
            return kept.votes()

    def queue(self) -> list[Queued]:
        return queue_of(self.run, QueueWanted("audit", 8))


def fields_of(text: str) -> dict[str, str]:
    form = text.partition('<form id="ballot"')[2].partition("</form>")[0]
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    areas = re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>\n(.*?)</textarea>', form, re.DOTALL)
    return {name: html.unescape(value) for name, value in [*hidden, *areas] if name != "token"}


@pytest.fixture
def desk(run26: RunDirectory, tmp_path: Path) -> Iterator[Desk]:
    shutil.copytree(run26.path, tmp_path / "run")
    run = RunDirectory(tmp_path / "run")
    with viewed(run.path) as client:
        yield Desk(client, run)


def test_a_reviewer_says_their_name_once_and_chooses_a_queue(desk: Desk) -> None:
    assert "Who reviews?" in desk.look("/review").text
    assert "Give a name" in desk.client.post("/review/who", {"name": " \u202e "}).text
    begun = desk.client.post("/review/who", {"name": "  Dr.   A ", "role": "resident"})
    assert "Reviewing as <strong>Dr. A</strong>, resident" in begun.text
    assert "A random sample" in desk.look("/review").text
    assert not (desk.run.path / FILE).exists(), "looking writes nothing"


def test_a_name_in_other_letters_is_the_same_reviewer(desk: Desk) -> None:
    desk.cast(decision="accept")
    assert "<strong>Dr. A</strong>" in desk.client.post("/review/who", {"name": "DR. A"}).text


def test_a_vote_is_blind_and_shows_afterwards_what_was_hidden(desk: Desk) -> None:
    before = desk.look()
    assert "made-up" not in before.text
    assert "The key finding is weighed" not in before.text
    assert "1 of 8" in before.text
    after = desk.cast(decision="accept", note="fine")
    assert "made-up" in after.text
    assert "1 of 8 decided" in after.text
    (vote,) = desk.votes()
    first = desk.queue()[0]
    assert (vote.target, vote.text_hash, vote.drawn) == (first.target, first.hash, "audit")
    assert (vote.reviewer, vote.decision, vote.note) == ("Dr. A", "accept", "fine")
    assert "2 of 8" in desk.look().text


def test_how_a_text_was_drawn_is_not_for_the_form_to_say(desk: Desk) -> None:
    other = queue_of(desk.run, QueueWanted("audit"))[-1]
    assert other.target not in [one.target for one in desk.queue()]
    desk.cast(f"{QUEUE}&at={other.target.replace('#', '%23')}", decision="accept", drawn="audit")
    assert [vote.drawn for vote in desk.votes()] == ["chosen"]


def test_a_rejection_without_any_reason_is_asked_for_one_and_loses_nothing(desk: Desk) -> None:
    refused = desk.cast(decision="reject", note="a <b>bold</b> note", **{"said-1": "odd"})
    assert refused.status == 422
    assert "Say why the text is rejected" in refused.text
    assert "a &lt;b&gt;bold&lt;/b&gt; note</textarea>" in refused.text
    assert "odd</textarea>" in refused.text
    assert desk.votes() == []
    wrong = {"mark-1": "1", "type-1": "wrong_fact", "said-1": "no such thing", "key_is_wrong": "1"}
    assert desk.cast(decision="reject", **wrong).status == 200
    (vote,) = desk.votes()
    assert vote.key_is_wrong
    assert vote.faults == (Fault(0, vote.faults[0].end, "wrong_fact", "no such thing"),)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"decision": ""}, "choose accept, reject"),
        ({"decision": "burn"}, "choose accept, reject"),
        ({"decision": "accept", "mark-1": "1"}, "Steps are marked as faulty"),
        ({"decision": "edit"}, "The text was not changed"),
        ({"decision": "edit", "text": "Now \ufffd"}, "a character that no page shows"),
        ({"decision": "accept", "key": "Z"}, "has no option"),
        ({"decision": "reject", "reason": "x" * 3_000}, "Shorten it"),
    ],
)
def test_what_makes_no_vote_is_said(desk: Desk, fields: dict[str, str], said: str) -> None:
    refused = desk.cast(**fields)
    assert refused.status == 422
    assert said in html.unescape(refused.text)
    assert desk.votes() == []


def test_an_edit_is_a_version_beside_the_text_and_its_changes_are_shown(desk: Desk) -> None:
    old = desk.form()["text"]
    shown = desk.cast(decision="edit", text=f"First of all, {old}".replace("\n", "\r\n"))
    assert "<ins>First of all, </ins>" in shown.text
    (vote,) = desk.votes()
    assert vote.text == f"First of all, {old}"
    assert vote.response is None


def test_what_was_deferred_comes_back_at_the_end_and_the_end_says_what_next(desk: Desk) -> None:
    first = desk.form()["target"]
    desk.cast(decision="defer", reason="must look it up")
    for _ in range(7):
        assert desk.form()["target"] != first
        desk.cast(decision="accept")
    again = desk.look()
    assert fields_of(again.text)["target"] == first
    assert "You deferred this text" in again.text
    assert "must look it up" in again.text
    desk.cast(decision="reject", reason="wrong")
    end = desk.look().text
    assert "Done: 8 of 8" in end
    assert "judge-card --from-review" in end
    assert standing(desk.queue(), desk.votes(), "Dr. A").done == 8


def test_a_vote_that_is_sent_twice_counts_once(desk: Desk) -> None:
    form = {**desk.form(), "decision": "accept"}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: desk.client.post(QUEUE, form).status, range(4)))
    assert answers == [200] * 4
    with closing(Reviews(desk.run.path / FILE, read_only=True)) as kept:
        assert len(kept.history(form["target"])) == 1


def test_another_vote_from_an_older_page_is_asked_for_again(desk: Desk) -> None:
    form = desk.form()
    desk.client.post(QUEUE, {**form, "decision": "accept"})
    second = desk.client.post(QUEUE, {**form, "decision": "reject", "reason": "no"})
    assert second.status == 409
    assert "You have voted on this text since" in second.text
    assert [vote.decision for vote in desk.votes()] == ["accept"]
    assert desk.client.post(QUEUE, {**fields_of(second.text), "decision": "reject"}).status == 200
    assert [vote.decision for vote in desk.votes()] == ["reject"]


def test_a_text_that_changed_since_it_was_shown_is_not_voted_on(desk: Desk) -> None:
    refused = desk.cast(decision="reject", reason="as it was", hash="0" * 32, text="my own words")
    assert refused.status == 409
    assert "has changed since the page was made" in refused.text
    assert "as it was</textarea>" in refused.text
    assert "my own words</pre>" in refused.text
    assert desk.votes() == []


def test_a_text_that_is_gone_gives_back_what_was_written(desk: Desk) -> None:
    refused = desk.cast(decision="reject", reason="two <i>sentences</i>", target="nobody#1")
    assert refused.status == 409
    assert "two &lt;i&gt;sentences&lt;/i&gt;" in refused.text


def test_a_vote_is_taken_back_once_and_its_words_come_back(desk: Desk) -> None:
    desk.cast(decision="accept")
    shown = desk.cast(decision="reject", reason="wrong dose").text
    undo = dict(re.findall(r'name="(target|since)" value="([^"]*)"', shown.partition('id="undo"')[2]))
    back = desk.client.post(QUEUE.replace("/review", "/review/undo"), undo)
    assert "wrong dose</textarea>" in back.text
    assert "You have seen the judge&#39;s verdict on this text" in back.text
    assert desk.client.post(QUEUE.replace("/review", "/review/undo"), undo).status == 409
    assert [vote.decision for vote in desk.votes()] == ["accept"]


def test_a_draft_is_kept_for_its_reviewer_and_its_text_alone(desk: Desk) -> None:
    form = {**desk.form(), "reason": "half a thought"}
    assert desk.client.post(QUEUE.replace("/review", "/review/draft"), form).status == 204
    assert "half a thought" in desk.look().text
    assert "half a thought" not in desk.look(QUEUE.replace("Dr.+A", "Dr.+B")).text
    desk.cast(decision="accept")
    assert "half a thought" not in desk.look().text


def test_a_vote_that_cannot_be_written_is_said_and_not_lost(desk: Desk) -> None:
    desk.cast(decision="accept")
    with closing(sqlite3.connect(desk.run.path / FILE)) as file:
        file.execute("CREATE TRIGGER full BEFORE INSERT ON votes BEGIN SELECT RAISE(FAIL, 'the disk is full'); END")
    refused = desk.cast(decision="reject", reason="keep me")
    assert refused.status == 500
    assert "The vote was not kept" in refused.text
    assert "keep me</textarea>" in refused.text


def test_questions_are_filtered_by_what_reviewers_say_and_at_once(desk: Desk) -> None:
    def total(state: str) -> int:
        return int(desk.look(f"/questions?review={state}").text.split('<p role="status">')[1].split(" question")[0])

    assert (total("none"), total("accepted")) == (26, 0)
    form = desk.form()
    desk.client.post(QUEUE, {**form, "decision": "accept"})
    assert (total("none"), total("accepted")) == (25, 1)
    other = QUEUE.replace("Dr.+A", "Dr.+B")
    desk.cast(f"{other}&at={form['target'].replace('#', '%23')}", decision="reject", reason="no")
    assert (total("accepted"), total("disputed")) == (0, 1)
    with closing(Reviews(desk.run.path / FILE)) as kept:
        kept.add(Vote(target=desk.queue()[1].target, text_hash="old", reviewer="C", decision="accept", at=1.0))
        kept.add(Vote(target="gone#1", text_hash="old", reviewer="C", decision="accept", at=1.0))
    assert (total("stale"), total("none")) == (1, 24)


def test_the_questions_of_a_filter_are_reviewed_and_called_chosen(desk: Desk) -> None:
    assert "The questions of your filter" in desk.look("/review?reviewer=Dr.+A&tier=easy").text
    path = "/review?reviewer=Dr.+A&queue=chosen&tier=easy"
    desk.cast(path, decision="accept")
    assert [vote.drawn for vote in desk.votes()] == ["chosen"]


def test_a_name_is_only_text(desk: Desk) -> None:
    page = desk.look("/review?reviewer=%3Cimg+src%3Dx%3E&queue=audit").text
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page

"""The page of a question: what it shows of each kind of story, by a real server."""

from __future__ import annotations

import html
import re
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from reasonmed import secrecy
from reasonmed.engine.ledger import Ledger
from reasonmed.errors import RequestRejected
from reasonmed.exchange import Completion, Message, Request, SamplingParameters
from reasonmed.runs.directory import RunDirectory
from reasonmed.types import (
    ChainOfThought,
    Dropped,
    Failure,
    Kept,
    Opinion,
    Probe,
    Question,
    Rewrite,
    Step,
    Story,
    Tier,
    Verdict,
)
from reasonmed.web.render import path_of, text_of
from stepped import MINOR, stepped_run
from support import chain, judged_story, prose, question
from told import corrected, heard, named, told_run
from web_pages import Client, dead_anchors, viewed

if TYPE_CHECKING:
    from collections.abc import Iterator

OPEN = Question("open", "Describe the case.", (), reference="Scurvy, for lack of vitamin C.")
KEYLESS = question("keyless", answer=None)
LEFT, RIGHT, PLANTED = "The dose is 5 mg a day.\n\nAnswer: B", "The dose is 7 mg a day.\n\nAnswer: B", "Planted words."
TWIN = "The same words. Answer: B"


def _refined() -> Story:
    """Ten kinds of chain: two kept, one of them rewritten after a rejected attempt."""
    made = (
        chain(LEFT, temperature=0.7, score=4, sent={"temperature": 1}, served="m-0125"),
        chain(TWIN, score=3),
        chain(TWIN),
        chain("Weaker. Answer: B", score=2, justification="thin"),
        chain("Wrong. Answer: A", 0, "error", "A is not it", truncated=True),
        chain("Unclear.", None, "undecided", unread="A or B"),
        ChainOfThought("", "m", missing="filtered"),
        chain("Split. Answer: B", outcome=None),
        replace(
            chain("Doubted. Answer: A", 0),
            verdict=Verdict(
                "error", "but A", "judge", conflict=True, opinions=(Opinion("second", "correct", "all well", "j2"),)
            ),
        ),
        chain("Weakest. Answer: B", score=1),
    )
    right = Verdict("correct", "sound", "judge")
    rewrites = (
        Rewrite("refine", 0, 0, chain("It is C. Answer: C", 2), "it concludes C"),
        Rewrite("refine", 1, 0, chain(RIGHT), None, 1, "reader-7b"),
    )
    kept = (
        Kept(RIGHT, "m", 0, "refine", right, ("truncated",), "B, at 7 mg.", "writer", 8, "fine", "scorer"),
        Kept(TWIN, "m", 1, "generate", right),
    )
    probes = (
        Probe("swap_fact", "broken_reasoning", "planted", PLANTED, "m", detail="mg for g", verdict=Verdict("error")),
    )
    return Story(
        question("refined", context="From a ward.", source="exam", license="CC0", meta={"subject": "pharmacy"}),
        made,
        tier=Tier.MEDIUM,
        rewrites=rewrites,
        kept=kept,
        dropped=(Dropped("refine", "its text is that of another kept chain", 3),),
        flags=("key_disputed",),
        probes=probes,
    )


def _failed() -> Story:
    return replace(named(judged_story("eum"), "failed"), failure=Failure("undecided", "the tier stays open: 1 error"))


def _optimized() -> Story:
    author = Rewrite("optimize", 0, None, chain(prose("B"), model="author"), None, None, "reader-7b")
    kept = (Kept(prose("B"), "author", None, "optimize", Verdict("correct", "", "judge")),)
    return replace(named(judged_story("eee"), "hard"), tier=Tier.DIFFICULT, rewrites=(author,), kept=kept)


def _image() -> Story:
    return Story(replace(question("picture"), stem="Which nerve is shown in the figure below?"))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    stories = [_refined(), _failed(), _optimized(), _image(), Story(OPEN), Story(KEYLESS)]
    with viewed(told_run(tmp_path_factory.mktemp("told") / "run", stories, [question("waiting")]).path) as found:
        yield found


def _text(client: Client, path: str) -> str:
    """The words of a page, without its tags."""
    answer = client.get(path)
    assert answer.status == 200, answer.text
    return _words(answer.text)


def _words(markup: str) -> str:
    without = re.sub(r"<(?!/?(?:q|a|span|strong|del|ins)\b)[^>]*>", " ", markup)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", without)).split())


def _card(client: Client, path: str, name: str) -> str:
    found = client.get(path).text.split(f'id="{name}"')[1].split("</article>")[0]
    return _words(found.partition(">")[2])


def test_the_question_is_shown_with_context_key_and_what_chains_chose(client: Client) -> None:
    said = _text(client, "/question/refined")
    for words in ("From a ward.", "B. Warfarin key 6 chains", "A. Heparin 2 chains", "exam · CC0", "subject pharmacy"):
        assert words in said


@pytest.mark.parametrize(
    ("name", "fate"),
    [
        ("chain-1", "rewritten into record #1"),
        ("chain-2", "kept as record #2"),
        ("chain-3", "judged right; its text is that of chain-2"),
        ("chain-4", "correct dropped at refine: its text is that of another kept chain"),
        ("chain-10", "judged right; rank 1 of 5, and 4 of 5, 3 of 5, 2 of 5 for what was kept"),
        ("chain-5", "truncated judged wrong"),
        ("chain-6", "the judge did not decide"),
        ("chain-7", "no text came missing filtered"),
        ("chain-8", "no judge has read it"),
        ("chain-9", "conflict judged wrong"),
    ],
)
def test_each_chain_says_what_became_of_it(client: Client, name: str, fate: str) -> None:
    assert fate in _card(client, "/question/refined", name)


def test_a_chain_shows_who_said_what_of_it(client: Client) -> None:
    first, doubted = (_card(client, "/question/refined", name) for name in ("chain-1", "chain-9"))
    assert "T 0.7" in first
    assert "served as m-0125 · sent: temperature 1" in first
    assert "B. Warfarin = key" in first
    assert "A. Heparin not the key" in doubted
    assert "Second judge j2 correct all well" in doubted
    assert 'its ending cannot be read: "A or B"' in _card(client, "/question/refined", "chain-6")


def test_a_rewrite_shows_what_it_changed_word_by_word(client: Client) -> None:
    page = client.get("/question/refined").text
    assert "<del>5 </del><ins>7 </ins>mg a day." in page
    accepted, rejected = (_card(client, "/question/refined", name) for name in ("rewrite-2", "rewrite-1"))
    assert "refine of chain-1, round 2" in accepted
    assert "accepted Blind reader reader-7b: B" in accepted
    assert "What differs from chain-1: 1 of 2 steps" in accepted
    assert "rejected it concludes C" in rejected


def test_records_have_response_score_and_where_their_text_is_from(client: Client) -> None:
    first = _card(client, "/question/refined", "record-1")
    for words in ("refined#1 verified truncated score 8 of 10", "refine, the text of rewrite-2", "B, at 7 mg.", "fine"):
        assert words in first
    assert "generate, the text of chain-2" in _card(client, "/question/refined", "record-2")


def test_canaries_drops_and_flags_are_shown(client: Client) -> None:
    said = _text(client, "/question/refined")
    for words in ("swap fact of m: error mg for g", PLANTED, "at refine, chain-4: its text is that", "key disputed"):
        assert words in said


def test_every_link_within_a_page_leads_somewhere(client: Client) -> None:
    for name in ("refined", "failed", "hard", "waiting"):
        assert not dead_anchors(client.get(f"/question/{name}").text)


def test_a_failure_says_its_reason(client: Client) -> None:
    said = _text(client, "/question/failed")
    assert "No record: undecided. the tier stays open: 1 error" in said
    assert "1 error, 1 missing, 1 undecided" in said


def test_what_an_author_wrote_from_scratch_is_shown_without_a_parent(client: Client) -> None:
    said = _card(client, "/question/hard", "rewrite-1")
    assert "optimize, round 1" in said
    assert "reader-7b: no option" in said
    assert "What differs" not in said


def test_an_image_that_a_question_needs_is_said(client: Client) -> None:
    assert "Needs an image? The question points to one (shown in the figure)" in _text(client, "/question/picture")
    assert "Needs an image" not in _text(client, "/question/refined")


def test_questions_without_options_or_key_or_outcome_are_shown(client: Client) -> None:
    assert "Reference answer: Scurvy, for lack of vitamin C." in _text(client, "/question/open")
    assert "This question has no key." in _text(client, "/question/keyless")
    waiting = _text(client, "/question/waiting")
    assert "Unfinished: in progress" in waiting
    assert "None has been written yet." in waiting


def test_a_record_leads_to_its_question(client: Client) -> None:
    assert "refined#2" in _text(client, f"/question/{quote('refined#2')}")


def test_steps_have_labels_and_faults_lead_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with viewed(stepped_run(tmp_path / "run", monkeypatch).path) as client:
        page = client.get("/question/q0").text
        assert page.count('href="#chain-1-step-2"') == 1
        assert 'id="chain-1-step-2" class="step error" value="2"' in page
        assert "3 of 4 steps ok" in page
        first = _card(client, "/question/q0", "chain-1")
        assert "Step 2: error, wrong fact, severe: It takes days." in first
        assert "Heparin <del>needs no monitoring here</del><ins>is monitored by the aPTT</ins>." in page
        assert MINOR in _card(client, "/question/q0", "chain-6")


def test_a_corrected_key_is_shown_with_the_story_under_the_old_one(tmp_path: Path) -> None:
    before = named(_failed(), "q9")
    made = told_run(tmp_path / "run", [before])
    corrected(made, before, 2)
    with viewed(made.path) as client:
        said = _text(client, "/question/q9")
        assert "Key corrected: B. Warfarin to C. Aspirin, by A. Reader: see the guideline" in said
        assert "The story under the key B. Warfarin: undecided 0 records" in said
        assert 'id="before-1-chain-1"' in client.get("/question/q9").text


def test_every_call_is_shown_with_prompt_and_reply(tmp_path: Path) -> None:
    made = told_run(tmp_path / "run", [])
    asked: dict[str, Any] = {
        "messages": (Message("user", "What is <it>?"),),
        "question_id": "q0",
        "stage": "generate",
        "model": "big",
    }
    reply = Completion("B it is.", "Let me see.", "length", 1200, 200, 40, served="big-2", sent={"top_p": 1})
    heard(made, Request(**asked, sampling=SamplingParameters(0.4, max_tokens=99)), reply)
    heard(made, Request(**asked, attempt=1), RequestRejected("too long, said the server", "context"))
    with viewed(made.path) as client:
        said = _text(client, "/calls/q0")
        assert (
            "big T 0.4, limit 99 · 1,200 tokens in, 200 of them cached, 40 out, 1.5 s, $0.00200 · finish length" in said
        )
        assert (
            "served as big-2 sent: top_p 1 user What is <it>? Copy Reasoning Let me see. Reply finish: length" in said
        )
        assert "attempt 2, limit 1,024" in said
        assert "rejected (context): too long, said the server" in said
        page = _text(client, "/question/q0")
        assert "generate: 1 request of big rejected (context): too long, said the server" in page
        assert client.get("/calls/nobody").status == 404
        with closing(Ledger(made.ledger_path)) as ledger:
            first, last = (one.call for one in [*ledger.heard_of("q0")][-2:])
            ledger.retire([first], [])
            ledger.write("UPDATE calls SET texts = x'00' WHERE call = ?", last).result()
        said = _text(client, "/calls/q0")
        assert "finish length retired" in said
        assert "the ledger has lost its texts: it is torn" in said


def test_a_question_leads_to_those_beside_it_in_the_list(run26: RunDirectory) -> None:
    with viewed(run26.path) as client:
        for asked in ("", "q=the", "sort=wrong&q=the", "tier=medium", "sort=id&tier=medium"):
            listed = re.findall(r'href="/question/([^?"]+)\?', client.get(f"/questions?{asked}").text)
            page = client.get(f"/question/{listed[1]}?{asked}").text
            ways = dict(re.findall(r'rel="(prev|next)" href="/question/([^?"]+)\?', page))
            assert ways == {"prev": listed[0], "next": listed[2]}, asked
            assert f"2 of {len(listed)}" in page
        assert 'rel="next"' not in client.get("/question/anatomy-01?tier=easy").text


IDS = st.lists(
    st.sampled_from(["a", "/", "..", ".", "~", "#1", "%2e", "?q=1", "é", "病", " ", "&", "\\", "\n", "<b>", '"', "+"]),
    min_size=1,
    max_size=6,
).map("".join)


@settings(max_examples=40)
@given(st.text(max_size=20) | IDS)
def test_an_id_comes_back_from_its_address(name: str) -> None:
    assert text_of(unquote(path_of(name))) == name
    assert not {".", ".."} & {*path_of(name).split("/")}


@settings(max_examples=1, suppress_health_check=list(HealthCheck))
@given(st.lists(IDS.filter(str.strip), min_size=40, max_size=40, unique=True))
def test_every_id_has_a_page_and_a_permalink(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    stories = [named(Story(replace(question(), stem=f"Stem {n}.")), name) for n, name in enumerate(names)]
    with viewed(told_run(tmp_path_factory.mktemp("ids") / "run", stories).path) as client:
        for number, name in enumerate(names):
            page = client.get(f"/question/{path_of(name)}").text
            assert f"Stem {number}." in page, name
            link = re.search(r'id="permalink" href="([^"]+)"', page)
            assert link
            assert f"Stem {number}." in client.get(html.unescape(link[1])).text, name


def test_hostile_texts_are_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrecy, "_kept", {"sk-live-0123456789abcdef"})
    bad = (
        "<script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }} \x1b[31m \u202e \"' sk-live-0123456789abcdef"
    )
    verdict = Verdict("error", bad, bad, steps=(Step(0, len(bad), "error", "wrong_fact", "severe", bad),))
    made = ChainOfThought(bad, bad, 0, served=bad, sent={bad: bad}, verdict=verdict, justification=bad)
    story = Story(
        Question(bad, bad, (bad, "b"), 0, bad, bad, bad, meta={bad: bad}),
        (made,),
        rewrites=(Rewrite("refine", 0, 0, replace(made, text=bad + "x"), bad),),
        kept=(Kept(bad, bad, 0, flags=(bad,), response=bad, scorer=bad, justification=bad),),
        dropped=(Dropped(bad, bad, 0),),
        flags=(bad,),
        probes=(Probe("original", "sound", "given", bad, bad, detail=bad),),
    )
    folder = told_run(tmp_path / "run", [story])
    heard(
        folder, Request(model=bad, messages=(Message("user", bad),), question_id=bad, stage=bad), Completion(bad, bad)
    )
    with viewed(folder.path) as client:
        for kind in ("question", "calls"):
            page = client.get(f"/{kind}/{path_of(bad)}").text
            assert "&lt;script&gt;alert(1)" in page
            assert not re.search(r"<script>|<img|\x1b|\u202e", page)
            assert "sk-live-0123456789abcdef" not in page


def test_a_megabyte_of_reasoning_is_shown_in_moments(tmp_path: Path) -> None:
    long = "The dose is 5 mg a day, as the case says. " * 25_000
    made = chain(long)
    rewritten = Rewrite("refine", 0, 0, chain(long.replace("5 mg", "7 mg")))
    folder = told_run(tmp_path / "run", [Story(question("long"), (made,), rewrites=(rewritten,))])
    with viewed(folder.path) as client:
        began = time.perf_counter()
        page = client.get("/question/long").text
        assert time.perf_counter() - began < 20
        assert long.strip() in page

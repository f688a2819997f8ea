"""The first page of a run: what it counts is what the list of questions has."""

from __future__ import annotations

import html
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from gated import Gate, soon
from reasonmed.backends import scripted
from reasonmed.backends._prices import Price
from reasonmed.errors import RunDirectoryError
from reasonmed.report import sankey
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.status import status_of
from reasonmed.web.index.entry import SEPARATOR
from reasonmed.web.pages.questions import wanted_in
from reasonmed.web.views import bars
from reasonmed.web.views.flow import counts_of, flow_of
from reasonmed.web.views.sums import NANO, TIERS, Sums
from runs import World, questions, run
from support import Script, question, recipe
from web_pages import Client, viewed

if TYPE_CHECKING:
    from reasonmed.backends import ModelSettings

_LINK = re.compile(r'<a href="(/questions\?[^"]*)">(.*?)</a>', re.DOTALL)
ENDS = ("finished", "unfinished", "key_disputed", "contaminated")


def shown(client: Client) -> str:
    """The first page, which is no error page."""
    answer = client.get("/")
    assert answer.status == 200, answer.text
    return answer.text


def counted(text: str) -> Iterator[tuple[str, int]]:
    """The addresses of lists of questions with the number that the page has for each."""
    for address, inside in _LINK.findall(text):
        number = re.match(r"\s*([\d,]+)", re.sub(r"<[^>]+>", "", inside))
        if number:
            yield html.unescape(address), int(number[1].replace(",", ""))


def found(client: Client, address: str) -> int:
    """How many questions the list has at an address."""
    return client.index.find(wanted_in(QueryParams(urlsplit(address).query)), {}).total


def links_hold(client: Client) -> int:
    """Each number leads to exactly so many questions; returns how many different ones there are."""
    numbers = dict(counted(shown(client)))
    assert {address: found(client, address) for address in numbers} == numbers
    return len(numbers)


def scripted_by(monkeypatch: pytest.MonkeyPatch, script: Script) -> None:
    def connect(settings: ModelSettings, connections: int) -> scripted.Scripted:
        return scripted.Scripted(script)

    monkeypatch.setattr(scripted, "connect", connect)


def test_each_number_of_a_finished_run_leads_to_exactly_these_questions(run26: RunDirectory) -> None:
    with viewed(run26.path) as client:
        assert links_hold(client) > 20


def test_the_sums_of_the_index_are_those_of_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    World(monkeypatch)
    made = recipe()
    price = Price(input=3.0, output=15.0)
    models = {name: entry.model_copy(update={"price": price}) for name, entry in made.models.items()}
    folder = run(tmp_path / "run", questions(8), made.model_copy(update={"models": models}))
    status = status_of(folder)
    with viewed(folder.path) as client:
        sums = Sums(client.index.state.tallies)
    counts = counts_of(sums)
    assert counts.has(status.questions, status.questions)
    assert counts.records == status.records
    assert {
        name: sum(counts.chains[name, tier] for tier in (*TIERS, "none")) for name in status.chains
    } == status.chains
    assert {one.reason: one.questions.number for one in bars.by_reason(sums)} == status.reasons
    assert status.spent_usd
    for stage, by_tier in sums.usage().items():
        total = status.stages[stage]
        assert sum(one["calls"] for one in by_tier.values()) == total.calls
        assert sum(one["in"] + one["out"] for one in by_tier.values()) == total.prompt_tokens + total.completion_tokens
        assert sum(one["nano"] for one in by_tier.values()) / NANO == pytest.approx(total.spent_usd, abs=1e-7)
    assert {one.stage for one in bars.by_stage(status.stages, sums)} == set(sums.usage())


def test_a_finished_run_says_that_it_is_a_demo_and_is_not_asked_for_again(run26: RunDirectory) -> None:
    with viewed(run26.path) as client:
        text = shown(client)
        assert "<strong>DEMO.</strong>" in text
        assert ">finished</span>" in text
        assert "every 3s" not in text


def test_failures_show_their_reason_and_the_first_questions(run26: RunDirectory) -> None:
    with viewed(run26.path) as client:
        text = shown(client).split('<h2 id="failures">')[1].split("</table>")[0]
        assert "key disputed" in text
        assert "The models agree on another option than the key." in text
        assert text.count('href="/question/') == 3
        assert "failure=key_disputed" in text


def test_a_run_that_stopped_shows_what_is_finished_and_what_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(monkeypatch)
    world.stop_after = 150
    with viewed(run(tmp_path / "run", questions(12)).path) as client:
        text = shown(client)
        assert ">stopped</span>" in text
        assert "every 3s" not in text
        assert links_hold(client)
        assert 0 < client.index.state.facets["state"]["unfinished"].bit_count() < 12


def test_a_run_in_which_nothing_began_has_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    World(monkeypatch).stop_after = 0
    with viewed(run(tmp_path / "run", questions(3)).path) as client:
        assert "No question has a chain of thought yet." in shown(client)
        assert links_hold(client)


def test_a_run_in_which_all_failed_has_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted_by(monkeypatch, Script(generate=""))
    with viewed(run(tmp_path / "run", questions(3)).path) as client:
        text = shown(client)
        assert "No chain of thought came." in text
        assert "missing" in text
        assert links_hold(client)
        assert '<h2 id="scores">' not in text


@pytest.mark.parametrize("source", ["<b>bold</b> & \x1f \x1b[31m " + "long" * 60, None])
def test_one_question_of_a_source_of_any_name_has_a_page(
    source: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    World(monkeypatch)
    with viewed(run(tmp_path / "run", [question("q/1 ?&", source=source)]).path) as client:
        assert "<b>" not in shown(client)
        assert links_hold(client)


def test_a_run_that_goes_on_says_how_and_its_end_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(monkeypatch, 200)
    with gate.running(tmp_path / "run", questions(12)) as folder, viewed(folder) as client:
        text = shown(client)
        assert ">running</span>" in text
        assert 'hx-trigger="every 3s"' in text
        assert ">Reload</a>" in text
        assert "of 12 questions</label>" in text
        assert '<span class="pill good">up</span>' in text
        assert re.search(r"<dt>Replies</dt><dd>[\d.]+/s", text)
        gate.allowed = 1 << 30
        soon(lambda: ">finished</span>" in shown(client))
        soon(lambda: "every 3s" not in shown(client))
        assert links_hold(client)


def test_a_run_whose_socket_is_not_answered_has_its_page_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(monkeypatch, 40)
    with gate.running(tmp_path / "run", questions(2)) as folder, viewed(folder) as client:
        (folder / "ctl.sock").unlink()
        with closing(socket.socket(socket.AF_UNIX)) as deaf:
            deaf.bind(str(folder / "ctl.sock"))
            deaf.listen()
            began = time.monotonic()
            text = shown(client)
            assert time.monotonic() - began < 5
        assert ">running</span>" in text
        assert "The run does not say how it goes: " in text


def test_a_file_of_sums_that_do_not_add_up_is_said_and_no_crash() -> None:
    sums = {SEPARATOR.join(("chain", "easy", "1", "correct", "m")): 3, "usage": 1, "nothing\x1f": 2}
    sums[SEPARATOR.join(("question", "easy", "finished", "chains", "s"))] = 1
    sums[SEPARATOR.join(("question", "medium", "finished", "chains", "s"))] = 1
    with pytest.raises(RunDirectoryError, match=r"view.db do not add up"):
        flow_of(counts_of(Sums(sums)))


KINDS = st.tuples(
    st.sampled_from(("easy", "medium", "difficult", "none")),
    st.sampled_from(ENDS),
    st.lists(st.sampled_from(("correct", "error", "undecided", "conflict", "missing", "unjudged")), max_size=9),
    st.sampled_from(("a", "b\x1fc")),
)


def tallied(stories: list[tuple[str, str, list[str], str]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for tier, end, verdicts, source in stories:
        where = "unfinished" if end == "unfinished" else tier
        names = [("question", where, end, "chains" if verdicts else "bare", source)]
        names += [("chain", where, "1", verdict, "m") for verdict in verdicts]
        for name in names:
            sums[SEPARATOR.join(name)] = sums.get(SEPARATOR.join(name), 0) + 1
    return sums


@settings(max_examples=100, deadline=None)
@given(st.lists(KINDS, max_size=12))
def test_a_funnel_loses_no_question_and_no_chain_between_two_columns(
    stories: list[tuple[str, str, list[str], str]],
) -> None:
    counts = counts_of(Sums(tallied(stories)))
    chart = flow_of(counts)
    sankey.layout(chart)
    by_column: dict[int, float] = {}
    for node in chart.nodes:
        by_column[node.column] = by_column.get(node.column, 0.0) + node.size
    assert all(size == pytest.approx(len(stories)) for size in by_column.values())
    assert counts.chains.total() == sum(len(verdicts) for _, _, verdicts, _ in stories)
    arrows = {(one.source, one.target) for one in chart.flows}
    assert len(arrows) == len(chart.flows)

"""Whose fault a rejection is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_scheduler import Control

from reasonmed.engine.flow.rejections import Rejections
from reasonmed.errors import CredentialRejected, Drained, ModelNotServed, RequestRejected, SetAside
from reasonmed.exchange import Completion, Message, Request, SamplingParameters
from support import Script

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reasonmed.engine.flow.verdicts._STILL", 0.05)
    monkeypatch.setattr("reasonmed.engine.flow.verdicts._LOOK", 0.01)


def request(text: str) -> Request:
    """A request of the question that its first word names."""
    name, sampling = text.split(maxsplit=1)[0], SamplingParameters(None, None, 100)
    return Request(model="m", messages=(Message("user", text),), sampling=sampling, stage="early", question_id=name)


def refused(status: int = 400, kind: str = "bad_request") -> RequestRejected:
    return RequestRejected(f"m answered {status}: your account is empty", kind, status)


async def ask(control: Control, *texts: str) -> list[Any]:
    """Results of requests that are sent at the same time; a held one ends at the latest when nothing else goes on."""
    asked = (control.retrying.complete(request(text)) for text in texts)
    return await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 5)


def refusing(*words: str, error: Callable[[], Exception] = refused) -> Script:
    """A model that refuses the requests with one of these words in them."""

    def answer(asked: Request) -> str:
        if any(word in asked.messages[0].content for word in words):
            raise error()
        return "fine"

    return Script(early=answer)


async def test_an_endpoint_that_rejects_everything_ends_the_run_after_three_and_nothing_is_recorded() -> None:
    control = Control(refusing("q"), places=1)
    results = await ask(control, *(f"q{number}" for number in range(40)))
    assert isinstance(control.stop.reason, ModelNotServed)
    assert "your account is empty" in str(control.stop.reason)
    assert "3 requests in a row" in str(control.stop.reason)
    assert {type(one) for one in results} == {Drained}
    assert len(control.pool.endpoints) == 1


async def test_fewer_than_three_in_all_end_the_run_too() -> None:
    control = Control(refusing("q"))
    assert [type(one) for one in await ask(control, "q1")] == [Drained]
    assert "the first request was rejected" in str(control.stop.reason)


@pytest.mark.parametrize(("status", "code"), [(400, 2), (404, 2), (413, 2), (422, 2), (403, 4), (401, 4), (402, 4)])
async def test_the_exit_code_tells_a_key_from_a_setting(status: int, code: int) -> None:
    control = Control(refusing("q", error=lambda: refused(status, "filter")))
    await ask(control, "q1", "q2", "q3")
    assert control.stop.reason is not None
    assert control.stop.reason.exit_code == code
    assert isinstance(control.stop.reason, CredentialRejected if code == 4 else ModelNotServed)


async def test_no_new_request_goes_out_while_the_open_ones_may_still_be_answered() -> None:
    """Rejections are quick and replies are slow: three long prompts at the start are no reason to end a run."""
    sent: list[str] = []

    class Slow:
        async def complete(self, asked: Request) -> Completion:
            sent.append(asked.question_id)
            if "long" in asked.messages[0].content:
                raise refused(400, "context")
            await asyncio.sleep(0.1)
            return Completion("fine")

        async def aclose(self) -> None:
            """Nothing."""

    control = Control(Script(), places=4)
    control.endpoints[0].backend = Slow()
    asked = asyncio.create_task(ask(control, "a", "b long", "c long", "d long", "e", "f"))
    await asyncio.sleep(0.05)
    assert sent == ["a", "b", "c", "d"]
    results = await asked
    assert control.stop.reason is None
    assert [type(one) for one in results] == [Completion, *[RequestRejected] * 3, Completion, Completion]


async def test_after_a_success_a_rejection_is_its_requests_own_and_known_once_another_is_answered() -> None:
    control = Control(refusing("overdose", error=lambda: refused(403, "filter")), places=1)
    results = await ask(control, "q1", "q2 overdose", "q3")
    assert [type(one) for one in results] == [Completion, RequestRejected, Completion]
    assert control.stop.reason is None


async def test_the_last_rejections_of_a_run_are_released_when_nothing_else_goes_on() -> None:
    control = Control(refusing("overdose"), places=1)
    results = await ask(control, "q1", "q2 overdose", "q3 overdose")
    assert [type(one) for one in results] == [Completion, RequestRejected, RequestRejected]


async def test_an_account_that_runs_dry_ends_the_run_and_no_rejection_is_recorded() -> None:
    def answer(_: Request) -> str:
        count.append(1)
        if len(count) > 20:
            raise refused()
        return "fine"

    count: list[int] = []
    control = Control(Script(early=answer), places=4)
    results = await ask(control, *(f"q{number}" for number in range(60)))
    assert "8 requests in a row" in str(control.stop.reason)
    assert sum(isinstance(one, Completion) for one in results) == 20
    assert not any(isinstance(one, RequestRejected) for one in results)
    assert len(count) < 20 + 8 + 4


async def test_one_question_with_many_rejections_is_no_reason_to_end_a_run() -> None:
    control = Control(refusing("overdose"), places=2)
    await ask(control, "q0")
    results = await ask(control, *(f"q1 overdose {number}" for number in range(12)))
    assert {type(one) for one in results} == {RequestRejected}
    assert control.stop.reason is None


async def test_a_page_of_a_firewall_for_one_question_sets_it_aside() -> None:
    wall = CredentialRejected("403: Forbidden, by cloud wall", 403)
    control = Control(refusing("thyroid", error=lambda: wall), places=1)
    results = await ask(control, "q1", "q2 thyroid", "q3")
    assert [type(one) for one in results] == [Completion, SetAside, Completion]
    assert "cloud wall" in str(results[1])


async def test_a_refused_key_before_any_answer_ends_the_run_at_once() -> None:
    control = Control(refusing("q", error=lambda: CredentialRejected("403: no access", 403)))
    assert isinstance((await ask(control, "q1"))[0], CredentialRejected)


async def test_a_key_that_an_earlier_session_used_and_that_is_refused_now_ends_the_run_with_its_own_code() -> None:
    control = Control(refusing("q", error=lambda: CredentialRejected("403: no access", 403)))
    control.endpoints[0].rejections.proven = True
    await ask(control, "q1", "q2")
    assert isinstance(control.stop.reason, CredentialRejected)


async def test_a_back_end_in_this_process_knows_its_own_requests() -> None:
    control = Control(refusing("q", error=lambda: RequestRejected("too long", "context")))
    results = await ask(control, *(f"q{number}" for number in range(5)))
    assert {type(one) for one in results} == {RequestRejected}
    assert control.stop.reason is None


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=60), st.integers(1, 6))
def test_a_rejection_is_released_only_by_a_reply_to_a_later_request(events: list[tuple[str, bool]], late: int) -> None:
    """Replies may be to requests of a while ago: such a reply says nothing of what was rejected since."""

    async def play() -> None:
        rejections = Rejections()
        held: list[tuple[int, asyncio.Future[None]]] = []
        released = -99
        for now, (question, good) in enumerate(events):
            if good:
                rejections.answered(now - late)
                released = max(released, now - late)
            elif rejections.guilt(0) is None:
                held.append((now, rejections.add(question, refused(), now)))
            for at, verdict in held:
                assert verdict.done() == (at <= released)
        rejections.drop()
        assert all(verdict.done() for _, verdict in held)
        for _, verdict in held:
            verdict.exception()

    asyncio.run(play())

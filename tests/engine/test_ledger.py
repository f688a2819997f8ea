from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reasonmed.backends.scripted import Scripted
from reasonmed.engine.flow.meter import Meter
from reasonmed.engine.journal import Elder, Journaled
from reasonmed.engine.ledger import Call, Ledger
from reasonmed.errors import Overloaded, RequestRejected, RunDirectoryError, StorageFailed
from reasonmed.exchange import Completion, Message, Request, SamplingParameters
from support import Script


def request(text: str = "hello", limit: int = 100, sample: int = 0) -> Request:
    sampling = SamplingParameters(0.5, None, limit)
    return Request(
        model="m", messages=(Message("user", text),), sampling=sampling, sample=sample, stage="verify", question_id="q1"
    )


def put(ledger: Ledger, asked: Request, reply: Completion | RequestRejected) -> None:
    async def work() -> None:
        await ledger.record(asked, reply, Call(0.1))

    asyncio.run(work())


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.db")


def test_a_recorded_reply_is_found_again_by_another_reader(tmp_path: Path) -> None:
    first = Ledger(tmp_path / "ledger.db")
    put(first, request(), Completion("hi", "hm", prompt_tokens=3, completion_tokens=1))
    reader = Ledger(tmp_path / "ledger.db", read_only=True)
    assert reader.find(request()) == Completion("hi", "hm", prompt_tokens=3, completion_tokens=1)
    assert reader.find(request("other")) is None
    reader.close()
    first.close()


@pytest.mark.parametrize(
    ("asked_at", "finish", "written", "wanted", "served"),
    [
        (100, "stop", 40, 100, True),
        (100, "stop", 40, 4000, True),
        (100, "stop", 40, 40, True),
        (100, "stop", 40, 39, False),
        (100, "length", 100, 100, True),
        (100, "length", 100, 200, False),
        (100, "length", 100, 50, False),
        (100, "stop", None, 100, True),
        (100, "stop", None, 200, True),
        (100, "stop", None, 50, False),
    ],
)
def test_a_reply_serves_a_request_that_it_fits(
    ledger: Ledger,
    asked_at: int,
    finish: str,
    written: int | None,
    wanted: int,
    served: bool,  # noqa: FBT001 - a table
) -> None:
    put(ledger, request(limit=asked_at), Completion("x", finish_reason=finish, completion_tokens=written))
    assert (ledger.find(request(limit=wanted)) is not None) is served


def test_the_first_reply_on_record_stays(ledger: Ledger) -> None:
    put(ledger, request(), Completion("first"))
    put(ledger, request(), Completion("second"))
    found = ledger.find(request())
    assert found is not None
    assert found.text == "first"
    assert next(ledger.query("SELECT SUM(calls) FROM totals"))[0] == 1


def test_a_rejection_is_on_record_too(ledger: Ledger) -> None:
    put(ledger, request(), RequestRejected("prompt too long", "context"))
    with pytest.raises(RequestRejected, match="prompt too long") as caught:
        ledger.find(request())
    assert caught.value.kind == "context"
    assert ledger.find(request(limit=50)) is None


def test_totals_are_the_sums_of_the_calls(ledger: Ledger) -> None:
    for number in range(5):
        put(ledger, request(str(number)), Completion("x", prompt_tokens=10, completion_tokens=number))
    put(ledger, request("bad"), RequestRejected("no", "bad_request"))
    (row,) = ledger.query("SELECT calls, rejected, prompt_tokens, completion_tokens FROM totals")
    assert row == next(
        ledger.query("SELECT COUNT(*), SUM(error IS NOT NULL), SUM(prompt_tokens), SUM(completion_tokens) FROM calls")
    )


def test_many_threads_may_write_at_once(ledger: Ledger) -> None:
    def work(number: int) -> None:
        ledger.write("INSERT INTO facts VALUES (?, 'x')", f"fact {number}").result()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert next(ledger.query("SELECT COUNT(*) FROM facts WHERE value = 'x'"))[0] == 100


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("this is a text, not a database, and long enough to be looked at" * 20)
    with pytest.raises(RunDirectoryError, match="is no ledger"):
        Ledger(path)


def test_a_ledger_of_another_format_is_refused(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger.db").close()
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute("UPDATE facts SET value = '99' WHERE name = 'format'")
    connection.close()
    with pytest.raises(RunDirectoryError, match="format 99"):
        Ledger(tmp_path / "ledger.db")


def test_what_cannot_be_written_is_said_and_is_not_lost_in_silence(ledger: Ledger) -> None:
    with pytest.raises(StorageFailed, match="run the same command again"):
        ledger.write("INSERT INTO nowhere VALUES (1)").result()
    put(ledger, request(), Completion("still works"))


async def test_equal_requests_under_way_are_sent_once(ledger: Ledger) -> None:
    script = Script(verify=lambda _: "one")
    journal = Journaled(Scripted(script), ledger, Meter())
    replies = await asyncio.gather(*(journal.complete(request()) for _ in range(20)))
    assert {one.text for one in replies} == {"one"}
    assert len(script.asked) == 1


async def test_a_request_on_record_is_not_sent(ledger: Ledger) -> None:
    script, meter = Script(verify="one"), Meter()
    journal = Journaled(Scripted(script), ledger, meter)
    await journal.complete(request())
    await journal.complete(request())
    assert len(script.asked) == 1
    assert meter.stages["verify"].replayed == 1


async def test_raising_the_token_limit_asks_again_only_what_was_cut(ledger: Ledger) -> None:
    script = Script(verify=[Completion("ha", finish_reason="length"), "whole", "longer"])
    journal = Journaled(Scripted(script), ledger, Meter())
    await journal.complete(request("cut"))
    await journal.complete(request("done"))
    assert (await journal.complete(request("done", limit=500))).text == "whole"
    assert (await journal.complete(request("cut", limit=500))).text == "longer"
    assert len(script.asked) == 3


async def test_a_fault_of_the_service_is_not_on_record(ledger: Ledger) -> None:
    script = Script(verify=[Overloaded("429"), "fine"])
    journal = Journaled(Scripted(script), ledger, Meter())
    with pytest.raises(Overloaded):
        await journal.complete(request())
    assert (await journal.complete(request())).text == "fine"


async def test_an_older_run_lends_its_replies_at_no_cost(ledger: Ledger, tmp_path: Path) -> None:
    script = Script(verify="lent")
    await Journaled(Scripted(script), ledger, Meter()).complete(request())
    new = Ledger(tmp_path / "new.db")
    journal = Journaled(Scripted(script), new, Meter(), [Elder(ledger, "old")])
    assert (await journal.complete(request())).text == "lent"
    assert len(script.asked) == 1
    assert next(new.query("SELECT cost, reused_from FROM calls")) == (0.0, "old")
    assert next(new.query("SELECT reused FROM totals"))[0] == 1


@given(st.text(), st.text(), st.one_of(st.none(), st.text()))
def test_any_text_survives_the_ledger(prompt: str, text: str, reasoning: str | None) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder) / "ledger.db")
        put(ledger, request(prompt), Completion(text, reasoning))
        assert ledger.find(request(prompt)) == Completion(text, reasoning)
        ledger.close()


def test_a_reader_sees_what_is_committed_while_a_writer_goes_on(ledger: Ledger) -> None:
    reader = Ledger(ledger.path, read_only=True)
    for number in range(10):
        put(ledger, request(str(number)), Completion("x"))
        assert next(reader.query("SELECT COUNT(*) FROM calls"))[0] == number + 1
    with pytest.raises(StorageFailed):
        reader.write("DELETE FROM calls").result()


def test_a_request_is_kept_as_it_was_sent(ledger: Ledger) -> None:
    asked = replace(request(), messages=(Message("system", "s"), Message("user", "ü")))
    put(ledger, asked, Completion("x"))
    import json

    from reasonmed.engine.ledger import unpack_texts

    (blob,) = next(ledger.query("SELECT texts FROM calls"))
    assert json.loads(unpack_texts(blob)[0]) == [{"role": "system", "content": "s"}, {"role": "user", "content": "ü"}]


def test_a_call_that_was_retired_is_in_use_no_more(ledger: Ledger) -> None:
    for number in range(20):  # a key may have a zero anywhere, or none
        put(ledger, request(str(number)), RequestRejected("no", "bad_request"))
    ledger.retire([call for call, *_ in ledger.rejected("bad_request")], [])
    assert not list(ledger.calls_of("q1"))
    assert not list(ledger.rejections_of("q1"))
    assert not list(ledger.rejected("bad_request"))
    assert [call.in_use for call in ledger.heard_of("q1")] == [0] * 20
    put(ledger, request("0"), Completion("well"))
    assert [call.error for call in ledger.calls_of("q1")] == [None]

from __future__ import annotations

from pathlib import Path

import pytest

from reasonmed.backends import scripted
from reasonmed.errors import Overloaded, ReasonMedError, RequestRejected
from reasonmed.exchange import Message, Request


def request(stage: str = "verify", text: str = "hello", attempt: int = 0) -> Request:
    return Request(model="m", messages=(Message("user", text),), stage=stage, attempt=attempt, question_id="q1")


def from_lines(tmp_path: Path, *lines: str) -> scripted.Scripted:
    path = tmp_path / "replies.jsonl"
    path.write_text("\n".join(lines))
    return scripted.connect(scripted.Settings(backend="scripted", replies=path), 1)


async def test_the_first_rule_that_fits_answers(tmp_path: Path) -> None:
    backend = from_lines(
        tmp_path,
        '{"stage": "verify", "contains": "special", "reply": "one"}',
        '{"stage": "verify", "replies": ["two", "three"]}',
        '{"reply": "rest", "reasoning": "hm"}',
    )
    assert (await backend.complete(request(text="a special one"))).text == "one"
    assert [(await backend.complete(request(attempt=number))).text for number in (0, 1, 2)] == ["two", "three", "three"]
    assert (await backend.complete(request("rank"))).reasoning == "hm"


async def test_a_rule_may_be_an_error(tmp_path: Path) -> None:
    backend = from_lines(tmp_path, '{"stage": "verify", "error": "context"}', '{"error": "overloaded"}')
    with pytest.raises(RequestRejected):
        await backend.complete(request())
    with pytest.raises(Overloaded):
        await backend.complete(request("rank"))


async def test_a_request_that_no_rule_fits_is_an_error(tmp_path: Path) -> None:
    backend = from_lines(tmp_path, '{"stage": "rank", "reply": "x"}')
    with pytest.raises(ReasonMedError, match=r"no rule of .* fits stage verify of q1"):
        await backend.complete(request())


def test_a_line_that_is_no_rule_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReasonMedError, match=r"replies\.jsonl:2: .*unknown field `text`"):
        from_lines(tmp_path, '{"reply": "x"}', '{"text": "x"}')


def test_a_missing_file_or_function_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReasonMedError, match=r"nowhere\.jsonl"):
        scripted.connect(scripted.Settings(backend="scripted", replies=tmp_path / "nowhere.jsonl"), 1)
    with pytest.raises(ReasonMedError, match="function support:nothing"):
        scripted.connect(scripted.Settings(backend="scripted", function="support:nothing"), 1)


async def test_a_function_of_ones_own_answers() -> None:
    backend = scripted.connect(scripted.Settings(backend="scripted", function="support:texts_of_request"), 1)
    assert (await backend.complete(request())).text == "hello"


async def test_the_made_up_world_counts_tokens_and_repeats_itself() -> None:
    backend = scripted.connect(scripted.Settings(backend="scripted"), 1)
    first, again = await backend.complete(request("generate")), await backend.complete(request("generate"))
    assert first == again
    assert first.completion_tokens

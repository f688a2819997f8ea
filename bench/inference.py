"""Throughput of the same prompts through reasonmed's engine and by ``vllm bench throughput``.

    python bench/inference.py [--base-url URL --model NAME | --model FOLDER] [--questions 100] [--output-tokens 256]

The prompts are those of the stage generate: made-up questions, nine samples of each. reasonmed asks a server
(``--base-url``), vLLM's engine in this process (``--model``, a folder) or, with neither, the embedded model; then vLLM
is started by itself with ``--model`` on the same prompts. Both write exactly ``--output-tokens`` tokens for each prompt
at temperature 1, and neither is timed while it loads.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from _harness import machine, table
from _in_engine import in_engine, questions
from reasonmed.errors import ReasonMedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reasonmed.exchange import Request

COLUMNS = ("engine", "requests", "seconds", "requests/s", "prompt tokens", "of them cached", "tokens out", "tokens/s")


class Side(NamedTuple):
    """What one engine did; None where it does not tell."""

    name: str
    requests: int
    seconds: float
    prompt_tokens: int | None
    cached_tokens: int | None
    written: int | None
    tokens: int

    @property
    def row(self) -> tuple[object, ...]:
        """A row of the table; the last column counts prompts and replies, as vLLM's own does."""
        counts = (self.prompt_tokens, self.cached_tokens, self.written)
        shown = ("not given" if one is None else f"{one:,}" for one in counts)
        return (
            self.name,
            self.requests,
            self.seconds,
            self.requests / self.seconds,
            *shown,
            self.tokens / self.seconds,
        )


async def by_reasonmed(entry: Mapping[str, object], given: argparse.Namespace, dataset: Path) -> Side:
    """Send all prompts through the engine, and write them to a file in the layout of vLLM's custom data sets."""
    options = {"temperatures": [1.0], "samples": given.samples, "max_tokens": given.output_tokens}
    async with in_engine(entry, options, given.in_flight) as (team, *_):
        asked = [
            agent.request(question, {}, sample)
            for question in questions(given.questions, given.words)
            for agent, sample in team.generators
        ]
        write_prompts(dataset, asked, given.output_tokens)
        complete = team.generators[0][0].complete
        warm = replace(asked[0], attempt=1, sampling=replace(asked[0].sampling, max_tokens=1))
        await complete(replace(warm, messages=(replace(warm.messages[0], content="Hello"),)))
        begun = time.perf_counter()
        replies = await asyncio.gather(*map(complete, asked))
        seconds = time.perf_counter() - begun
    read = [reply.prompt_tokens or 0 for reply in replies]
    written = [reply.completion_tokens or 0 for reply in replies]
    cached = [reply.cached_tokens for reply in replies if reply.cached_tokens is not None]
    found = sum(cached) if cached else None
    name = f"reasonmed on {entry['backend']}"
    return Side(name, len(asked), seconds, sum(read), found, sum(written), sum(read) + sum(written))


def write_prompts(path: Path, asked: Sequence[Request], output_tokens: int) -> None:
    """One JSON object a line, as ``--dataset-name custom`` reads it; vLLM puts the chat template around a prompt."""
    rows = ({"prompt": request.messages[-1].content, "output_tokens": output_tokens} for request in asked)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def vllm_command(model: str, dataset: Path, result: Path, given: argparse.Namespace) -> list[str]:
    """VLLM's own benchmark on the prompts of a file."""
    prompts = ["--dataset-name", "custom", "--dataset-path", str(dataset), "--output-len", str(given.output_tokens)]
    count = ["--num-prompts", str(given.questions * given.samples), "--max-num-seqs", str(given.in_flight)]
    return ["vllm", "bench", "throughput", "--model", model, *prompts, *count, "--enable-prefix-caching",
            "--output-json", str(result)]  # fmt: skip


def by_vllm(command: Sequence[str], result: Path) -> Side | str:
    """Run vLLM's benchmark; or say why there is nothing to compare with."""
    if shutil.which(command[0]) is None:
        return (
            "vLLM is not installed here (pip install 'reasonmed[vllm]'), so its side was not run; --dataset FILE keeps "
            f"the prompts for:\n\n    {shlex.join(command)}"
        )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not result.is_file():
        return f"vLLM's benchmark ended with exit code {done.returncode}: {shlex.join(command)}\n{done.stderr[-2000:]}"
    found = json.loads(result.read_text(encoding="utf-8"))
    requests, tokens = int(found["num_requests"]), int(found["total_num_tokens"])
    return Side("vllm bench throughput", requests, float(found["elapsed_time"]), None, None, None, tokens)


def entry_of(given: argparse.Namespace) -> dict[str, object]:
    """The model's entry in a recipe."""
    more: dict[str, object] = {"ignore_eos": True}
    if given.base_url:
        return {"backend": "openai", "base_url": given.base_url, "model": given.model, "extra_body": more}
    if given.model:
        return {"backend": "vllm", "model": given.model, "parallel": given.in_flight, "extra_body": more}
    if given.no_cache:
        more["cache_prompt"] = False
    return {"backend": "local", "context": given.context, "extra_body": more}


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", help="A server of OpenAI's shape, up to and with /v1.")
    parser.add_argument("--model", help="The model's name at the server, or a folder with weights.")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--samples", type=int, default=9, help="Requests with the same prompt.")
    parser.add_argument("--words", type=int, default=150, help="Words of a question.")
    parser.add_argument("--output-tokens", type=int, default=256)
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--context", type=int, default=2048, help="Tokens of prompt and reply, embedded model only.")
    parser.add_argument("--no-cache", action="store_true", help="No prompt cache, embedded model only.")
    parser.add_argument("--dataset", type=Path, help="Keep the prompts in this file.")
    given = parser.parse_args(words)
    if given.base_url and not given.model:
        parser.error("--base-url needs --model, the model's name at the server")
    return given


def compare(given: argparse.Namespace) -> None:
    """Run both sides and print a table."""
    print(f"# {machine()}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="reasonmed-inference-") as scratch:
        dataset = given.dataset or Path(scratch) / "prompts.jsonl"
        try:
            sides = [asyncio.run(by_reasonmed(entry_of(given), given, dataset))]
        except ReasonMedError as failed:
            sys.exit(f"reasonmed's side failed: {failed}")
        result = Path(scratch) / "vllm.json"
        other = by_vllm(vllm_command(given.model or "FOLDER", dataset, result, given), result)
        sides += [] if isinstance(other, str) else [other]
        table(COLUMNS, [side.row for side in sides])
        if isinstance(other, str):
            print(other, file=sys.stderr)


if __name__ == "__main__":
    compare(arguments())

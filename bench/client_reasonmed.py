"""reasonmed's own client on plain rows, in the form of the other clients of the comparison.

Reads rows ``{"id", "prompt"}`` (or ``{"id", "question"}``: nine generations, each then verified), sends each through
the whole request path (journal with its durable ledger, retries, scheduler, aiohttp), and writes rows of
``{"id", "response"}``. The same command again resumes from the ledger in ``--work``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from reasonmed.backends import openai
from reasonmed.engine.flow.budget import Budget
from reasonmed.engine.flow.stop import Stop
from reasonmed.engine.flow.traffic import Control
from reasonmed.engine.journal import Journaled
from reasonmed.engine.ledger import Ledger
from reasonmed.exchange import Message, Request, SamplingParameters
from reasonmed.recipe.options import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

START = time.perf_counter()
CHAINS = 9
GENERATE = (
    "[[{qid}/g{k}]] You are a physician. Think step by step, evaluate every option and answer.\n\n"
    "[Question]\n{question}\n"
)
VERIFY = (
    "[[{qid}/v{k}]] Say whether the following chain of thought supports the given answer.\n\n[Question]\n{question}\n\n"
    "[Chain of thought]\n{cot}\n\nAnswer with a JSON object: verdict and reason.\n"
)


async def _nothing(_: float) -> None:
    """No budget to remember."""


@contextmanager
def open_files(arguments: argparse.Namespace) -> Iterator[tuple[Iterator[dict[str, str]], BinaryIO]]:
    """The rows of the input, and the output."""
    with Path(arguments.input).open("rb") as source, Path(arguments.output).open("wb") as sink:
        yield (msgspec.json.decode(line) for line in source), sink


async def work(arguments: argparse.Namespace) -> None:
    """Send every row; at most so many are alive."""
    ledger = Ledger(Path(arguments.work) / "ledger.db")
    stop = Stop()
    control = Control(Limits(in_flight=arguments.concurrency), stop, Budget(None, 0.0, _nothing, _nothing))
    settings = openai.Settings(backend="openai", base_url=arguments.base_url, model="mock-model")
    backend = Journaled(control.connect(settings, 1, "mock"), ledger, control.meter)
    encode = msgspec.json.Encoder().encode
    with open_files(arguments) as (rows, sink):

        async def ask(name: str, prompt: str, stage: str) -> str:
            request = Request(
                model="mock-model",
                messages=(Message("user", prompt),),
                sampling=SamplingParameters(max_tokens=2000),
                stage=stage,
                question_id=name,
            )
            return (await backend.complete(request)).text

        async def plain() -> None:
            for row in rows:
                text = await ask(row["id"], row["prompt"], "generate")
                sink.write(encode({"id": row["id"], "response": text}) + b"\n")

        async def chain(row: dict[str, str], number: int) -> None:
            values = {"qid": row["id"], "k": number, "question": row["question"]}
            cot = await ask(row["id"], GENERATE.format(**values), "generate")
            text = await ask(row["id"], VERIFY.format(**values, cot=cot), "verify")
            sink.write(encode({"id": f"{row['id']}/v{number}", "response": text}) + b"\n")

        async def staged() -> None:
            for row in rows:
                await asyncio.gather(*(chain(row, number) for number in range(CHAINS)))

        workers = arguments.concurrency + arguments.concurrency // 4
        if arguments.stages == "one":
            await asyncio.gather(*(plain() for _ in range(workers)))
        else:
            await asyncio.gather(*(staged() for _ in range(workers // 4)))
    await backend.aclose()
    ledger.close()


def main() -> None:
    """Parse the arguments that every client of the comparison takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--base-url", "--input", "--output", "--work"):
        parser.add_argument(name, required=True)
    parser.add_argument("--concurrency", type=int, default=512)
    parser.add_argument("--stages", default="one")
    parser.add_argument("--mode", default="")
    arguments = parser.parse_args()
    Path(arguments.work).mkdir(parents=True, exist_ok=True)
    asyncio.run(work(arguments))
    print("RESULT " + json.dumps({"script_s": round(time.perf_counter() - START, 3)}), flush=True)


if __name__ == "__main__":
    main()

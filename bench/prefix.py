"""How often the prompts of a run find their beginning in a server's prefix cache, over one address and several.

    python bench/prefix.py [--questions 60] [--in-flight 64] [--addresses 1 2 4] [--blocks 600 4000]

Nine chains of thought a question by one model, each then judged, through the engine, against stand-ins with a cache of
N blocks of 16 tokens each. The most that can be found is what an endless cache at one address finds.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import NamedTuple

from _harness import machine, table
from _in_engine import in_engine, questions
from _prefix_cache import replicas
from reasonmed.engine.pool import run
from reasonmed.pipeline.stages.generate import generate
from reasonmed.pipeline.stages.verify import verify
from reasonmed.types import Story


class Found(NamedTuple):
    """What the caches found of the prompts' tokens, how uneven the addresses' shares were, and how long it took."""

    share: float
    busiest: float
    """The most requests at one address, over the mean."""
    seconds: float


async def measure(count: int, in_flight: int, addresses: int, blocks: int, seconds: float) -> Found:
    """One run over N addresses."""
    async with replicas(addresses, blocks, seconds) as made:
        entry = {"backend": "openai", "base_url": [one.url for one in made], "model": "model-A"}
        begun = time.perf_counter()
        async with in_engine(entry, {"samples": 3}, in_flight) as (team, limits, stop):

            async def one(story: Story) -> Story:
                return await verify(await generate(story, team), team)

            stories = (Story(question) for question in questions(count))
            async for _ in run(stories, one, alive=limits.alive, stop=stop):
                pass
        loads = [replica.cache.asked for replica in made]
        share = sum(replica.cache.hit for replica in made) / sum(loads)
        return Found(share, max(loads) * len(loads) / sum(loads), time.perf_counter() - begun)


def main() -> None:
    """Print a table over addresses and sizes of the cache."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=60)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--addresses", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--blocks", type=int, nargs="+", default=[600, 4000], help="Blocks of each cache.")
    parser.add_argument("--seconds", type=float, default=0.2, help="Mean time of a chain of thought.")
    given = parser.parse_args()
    print(f"# {machine()}\n")
    rows = []
    for blocks in given.blocks:
        for addresses in given.addresses:
            found = asyncio.run(measure(given.questions, given.in_flight, addresses, blocks, given.seconds))
            rows.append((blocks, addresses, f"{found.share:.0%}", f"{found.busiest:.2f}", found.seconds))
    table(("blocks each", "addresses", "hit rate", "busiest address x mean", "wall s"), rows)


if __name__ == "__main__":
    main()

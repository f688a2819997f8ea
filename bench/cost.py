"""What a verified record costs in requests and tokens, by the options that save: counted in the ledgers of whole runs.

    python bench/cost.py [--recipe paper] [--run 100] [--chart cost.svg]
    python bench/cost.py --recipe api --questions 194925 [--gpu-rate 1000]

Each variant of the recipe is run on the same questions, on scripted replies whose lengths were measured
(``_cost_world.py``) and whose right and wrong is drawn so that the tiers come out in the wanted shares. The paper's
shares follow from two published sums: 1.291 of its 1.754 million chains were valid, and 370,000 records of 194,925
questions leave one in ten with one record, which is difficult. The numbers of wrong chains between are those of the
beta-binomial distribution with that mean and that tail. ``--questions`` scales the sums to a set of that size.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import tempfile
import time
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

import _cost_world as made
import reasonmed as rm
from _harness import machine, table
from reasonmed import recipe as recipes
from reasonmed.recipe.shipped import resource

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHAINS, _EASY, _MEDIUM = 9, 4, 7
_VALID = 1_291_000 / 1_754_325
_DIFFICULT = (2 * 194_925 - 370_000) / 194_925
_SCORED = 3000 / 194_925
_TRACE = 1324
"""Tokens of the median chain of thought in the published data, by a third party."""
_SPEAKS_OF_OPTIONS = re.compile(r"answer|option|correct|choice|\n", re.IGNORECASE)
_BATCH = 0.5
_PRECHECK = {"verify": {"precheck": True, "conflicts": "undecided"}}
_STOP = {"generate": {"stop_when_decided": True}}
_RANK = {"rank": {"stop_when_decided": True}}
_WAVES = {"generate": {"wave": 1}}
PLAIN = "all chains written, judged and ranked"
VARIANTS: dict[str, tuple[dict[str, dict[str, Any]], ...]] = {
    PLAIN: (),
    "rank.stop_when_decided": (_RANK,),
    "verify.precheck": (_PRECHECK,),
    "generate.stop_when_decided": (_STOP,),
    "precheck and generate.stop_when_decided": (_PRECHECK, _STOP),
    "all three": (_PRECHECK, _STOP, _RANK),
    "all three, waves of one chain": (_PRECHECK, _STOP, _RANK, _WAVES),
}


class Cost(NamedTuple):
    """What a run took and made.

    ``kept`` are its records' texts, ``points`` the mean rank score of ranked ones, ``cpu`` the seconds of this process,
    in which the world's texts are made as well.
    """

    questions: int
    requests: int
    read: int
    written: int
    usd: float
    ledger: int
    files: int
    chains: int
    tiers: dict[str, int]
    verified: int
    kept: frozenset[tuple[str, str]]
    points: float
    cpu: float

    @property
    def tokens(self) -> float:
        """Tokens a record."""
        return (self.read + self.written) / len(self.kept)


def spread() -> list[float]:
    """Share of the questions by their wrong chains: the beta-binomial with the published mean and tail."""
    low, high = 0.01, 100.0
    for _ in range(60):
        size = math.sqrt(low * high)
        found = _beta_binomial((1 - _VALID) * size, _VALID * size)
        low, high = (size, high) if sum(found[_MEDIUM + 1 :]) > _DIFFICULT else (low, size)
    return found


def _beta_binomial(right: float, left: float) -> list[float]:
    def log_beta(one: float, other: float) -> float:
        return math.lgamma(one) + math.lgamma(other) - math.lgamma(one + other)

    return [
        math.comb(_CHAINS, wrong) * math.exp(log_beta(wrong + right, _CHAINS - wrong + left) - log_beta(right, left))
        for wrong in range(_CHAINS + 1)
    ]


def equal_tiers(shares: Sequence[float]) -> list[float]:
    """The same within each tier, and a third of the questions in each."""
    tiers = [range(_EASY + 1), range(_EASY + 1, _MEDIUM + 1), range(_MEDIUM + 1, _CHAINS + 1)]
    return [shares[wrong] / sum(shares[one] for one in tier) / len(tiers) for tier in tiers for wrong in tier]


def wrong_chains(shares: Sequence[float], questions: int) -> list[int]:
    """Number of wrong chains of each question, in these shares, in a drawn order."""
    ends = [round(questions * end / sum(shares)) for end in accumulate(shares)]
    found = [next(wrong for wrong, end in enumerate(ends) if place < end) for place in range(questions)]
    random.Random(0).shuffle(found)  # noqa: S311 - no secret
    return found


def recipe_of(name: str, changes: Sequence[dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """A shipped recipe with other options and, in place of each model, a scripted one of its name and price."""
    content: dict[str, Any] = yaml.safe_load(resource("recipes", f"{name}.yaml").read_text(encoding="utf-8"))
    real = recipes.load(name)
    for entry in content["models"]:
        model = real.model(entry)
        scripted = {"backend": "scripted", "model": f"{entry}: {model.identity}", "function": "_cost_world:reply"}
        price = model.priced
        content["models"][entry] = scripted | ({} if price is None else {"price": price.model_dump()})
    content["stages"]["rank"]["stop_when_decided"] = False
    for change in changes:
        for stage, options in change.items():
            content["stages"][stage] |= options
    content["limits"] = {"in_flight": 64}
    return content


def cost_of(recipe: dict[str, Any], folder: Path) -> Cost:
    """Run the questions of the world, and count."""
    rows = made.rows()
    recipe["stages"]["score"]["sample"] = max(1, round(len(rows) * _SCORED))
    begun = time.process_time()
    run = rm.synthesize(rows, recipe, out=folder)
    cpu = time.process_time() - begun
    status, records = run.status(), list(run.records())
    if status.failures:
        raise SystemExit(f"{status.failures} questions failed: {next(run.failures())}")
    points = [one.provenance["rank_score"] for one in records if one.provenance.get("rank_score") is not None]
    stages = status.stages.values()
    return Cost(
        len(rows),
        status.calls,
        sum(one.prompt_tokens for one in stages),
        sum(one.completion_tokens for one in stages),
        status.spent_usd or 0.0,
        (folder / "ledger.db").stat().st_size,
        (folder / "records.jsonl").stat().st_size,
        sum(status.chains.values()),
        status.tiers,
        sum(one.verified for one in records),
        frozenset((one.id.partition("#")[0], one.chain_of_thought) for one in records),
        sum(points) / len(points) if points else math.nan,
        cpu,
    )


def show_records(found: dict[str, Cost]) -> None:
    """Print what a record costs in each variant."""
    plain = found[PLAIN]
    rows = [
        (
            name,
            one.requests / len(one.kept),
            one.read / len(one.kept),
            one.written / len(one.kept),
            one.tokens,
            f"{one.tokens / plain.tokens:.2f}",
            (one.read + one.written) / one.verified,
            f"{one.chains / one.questions:.2f}",
            f"{len(one.kept & plain.kept) / len(plain.kept):.0%}",
            f"{one.points:.2f}",
        )
        for name, one in found.items()
    ]
    table(
        ["variant", "requests a record", "tokens read", "tokens written", "tokens a record", "x the first",
         "tokens a verified record", "chains a question", "records that are the first's", "mean rank score"],
        rows,
    )  # fmt: skip


def show_whole(found: dict[str, Cost], questions: int, rate: float | None) -> None:
    """Print what a set of this size takes in each variant."""
    rows = []
    for name, one in found.items():
        times = questions / one.questions
        amounts = (one.requests / 1e6, one.read / 1e9, one.written / 1e9, len(one.kept) / 1e6, one.ledger / 1e9)
        usd = [f"{share * one.usd * times:,.0f}" if one.usd else "no price" for share in (1, _BATCH)]
        hours = "" if rate is None else f"{one.written * times / rate / 3600:,.0f}"
        rows.append(
            (name, *(f"{amount * times:.3g}" for amount in (*amounts, one.files / 1e9, one.cpu / 3600)), *usd, hours)
        )
    table(
        ["variant", "million requests", "billion tokens read", "billion written", "million records", "ledger GB",
         "records.jsonl GB", "CPU hours", "USD", "USD by batch", "GPU hours"],
        rows,
    )  # fmt: skip


def draw(found: dict[str, dict[str, Cost]], path: Path) -> None:
    """Write a chart of the tokens a record, by variant and shares of tiers."""
    from reasonmed.report import plot

    shown = next(iter(found.values()))
    groups = {name: {tiers: costs[name].tokens for tiers, costs in found.items()} for name in shown}
    path.write_text(plot.alone(plot.bars("Tokens a record", groups, "tokens read and written")), encoding="utf-8")
    print(f"{path} written")


def sentences_in(path: Path) -> list[str]:
    """The sentences of real chains of thought (JSON Lines with ``cots``) that speak of no option."""
    lines = path.read_text(encoding="utf-8").splitlines()
    texts = [chain["text"] for line in lines for chain in json.loads(line)["cots"]]
    said = [one for text in texts for one in re.split(r"(?<=[.!?]) +", text)]
    return sorted({one for one in said if one.endswith(".") and not _SPEAKS_OF_OPTIONS.search(one)})


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="paper", help="paper, api or eight_gpu: a recipe of three models.")
    parser.add_argument("--run", type=int, default=100, help="Questions that each run has.")
    parser.add_argument("--questions", type=int, help="Print what a set of N questions takes.")
    parser.add_argument("--gpu-rate", type=float, help="Tokens that one GPU writes in a second, over a whole run.")
    parser.add_argument("--median", type=float, default=_TRACE, help="Tokens of the median chain of thought.")
    parser.add_argument("--unsound", type=float, default=0.1, help="Share of the wrong chains that conclude the key.")
    parser.add_argument("--fives", type=float, default=0.5, help="Share of the correct chains with the highest score.")
    parser.add_argument("--prose", type=Path, help="Real chains, of whose sentences texts are made: for bytes.")
    parser.add_argument("--only", action="append", choices=[*VARIANTS], help="A variant beside the first; repeatable.")
    parser.add_argument("--chart", type=Path, help="An SVG file to write.")
    asked = parser.parse_args()
    print(f"# {machine()}\n")
    shares = spread()
    sets = {"the paper's tiers": shares} | ({} if asked.questions else {"equal tiers": equal_tiers(shares)})
    found: dict[str, dict[str, Cost]] = {}
    for tiers, share in sets.items():
        content = recipe_of(asked.recipe, ())
        names = [content["models"][name]["model"] for name in content["stages"]["generate"]["models"]]
        generators = [(name, degree) for name in names for degree in content["stages"]["generate"]["temperatures"]]
        wrong, prose = wrong_chains(share, asked.run), sentences_in(asked.prose) if asked.prose else ()
        made.enter(made.World(wrong, generators, asked.unsound, asked.fives, asked.median / made.MEDIAN, prose))
        with tempfile.TemporaryDirectory(prefix="reasonmed-bench-") as scratch:
            found[tiers] = {
                name: cost_of(recipe_of(asked.recipe, changes), Path(scratch, str(place)))
                for place, (name, changes) in enumerate(VARIANTS.items())
                if name in (asked.only or VARIANTS) or name == PLAIN
            }
        if any(one.tiers != found[tiers][PLAIN].tiers for one in found[tiers].values()):
            raise SystemExit("the variants disagree on the tiers of the questions")
        counts = ", ".join(f"{count} {tier}" for tier, count in found[tiers][PLAIN].tiers.items())
        print(f"recipe {asked.recipe}, {tiers}: {counts} of {asked.run} questions\n")
        if asked.questions:
            show_whole(found[tiers], asked.questions, asked.gpu_rate)
        show_records(found[tiers])
    if asked.chart:
        draw(found, asked.chart)


if __name__ == "__main__":
    main()

"""Every option of a stage does something in the stage's own command, or the command says who acts on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from reasonmed.backends._prices import Price
from reasonmed.engine.ledger import encode
from reasonmed.errors import BudgetReached, UsageError
from reasonmed.pipeline.stages.rank import keep_chain
from reasonmed.questions import Settings
from reasonmed.recipe.options import Recipe, Stages
from reasonmed.runs.commands.stage import agent_job, partial_of
from reasonmed.runs.intake import Selection, take_in
from reasonmed.runs.job import execute
from reasonmed.runs.layouts import story_source
from reasonmed.runs.progress import Watch
from reasonmed.types import Story, Tier
from support import WORDS, chain, prose, question, recipe, score, verdict

ROLE = {"model": "three", "temperature": 0.33, "top_p": 0.44, "max_tokens": 777}
CASES: dict[str, dict[str, Any]] = {
    "generate": {
        "models": ["one", "two"], "temperatures": [0.7, 0.8], "samples": 2, "top_p": 0.5, "max_tokens": 777,
        "cot": "reasoning", "min_words": 5000, "language": "question", "stop_when_decided": True,
        "keep_truncated": True,
    },
    "verify": {
        **ROLE, "conflicts": "keep", "precheck": True, "canaries": 0.5, "blind_model": "two", "shuffle": True,
        "second_judge": "two", "steps": True,
    },
    "route": {"way": "all_easy", "easy": 1, "medium": 2, "dispute": 2, "consensus": 3},
    "rank": {**ROLE, "keep": 1, "seed": 5, "stop_when_decided": True},
    "refine": {**ROLE, "rounds": 3, "verify": False},
    "optimize": {**ROLE, "model": "one", "rounds": 4, "verify": False, "blind": True},
    "summarize": ROLE,
    "score": {**ROLE, "model": "one", "sample": 1, "originals": True},
}  # fmt: skip
"""Another value of each option than the recipe of the tests has."""
WITH: dict[tuple[str, str], dict[str, Any]] = {
    ("generate", "wave"): {"stop_when_decided": True},
    ("generate", "seed"): {"stop_when_decided": True},
    ("verify", "canary_seed"): {"canaries": 0.5},
    ("route", "medium"): {"easy": 1},
    ("optimize", "blind"): {"verify": False},
    ("optimize", "blind_model"): {"verify": False, "blind": True},
    ("score", "seed"): {"sample": 1, "originals": True},
}
"""What an option goes with, on both sides of a comparison."""
CASES["generate"] |= {"wave": 3, "seed": 3}
CASES["verify"] |= {"canary_seed": 4}
CASES["optimize"] |= {"blind_model": "two"}
CASES["score"] |= {"seed": 3}
TEXT = (
    "Warfarin inhibits the reductase, so that factors II, VII, IX and X fall within 5 days. Because heparin increases "
    f"the activity of antithrombin, it acts at once. {WORDS}\n\nAnswer: "
)
GERMAN = (
    "Warfarin hemmt die Reduktase, und die Faktoren sind erst nach Tagen verbraucht. Das Heparin wirkt mit dem "
    "Antithrombin und ist sofort da, aber es ist nicht die Antwort auf die Frage, die hier zu lösen ist.\n\nAnswer: B"
)
RULES = [
    {"stage": "generate", "model": "made-up-3", "reply": TEXT + "B", "finish_reason": "length"},
    {"stage": "generate", "model": "made-up-2", "reply": GERMAN},
    {"stage": "generate", "reply": TEXT + "B", "reasoning": "a thought " * 30},
    {"stage": "verify", "contains": "rewritten", "reply": verdict("Error")},
    {"stage": "verify", "reply": verdict()},
    {"stage": "verify_steps", "reply": verdict()},
    {"stage": "rank", "reply": score(5)},
    {"stage": "blind", "reply": "Answer: B"},
    {"stage": "refine", "reply": f"rewritten {prose('B')}"},
    {"stage": "optimize", "reply": f"rewritten {prose('B')}"},
    {"stage": "summarize", "reply": "The answer is B. Warfarin."},
    {"stage": "score", "reply": score(8)},
]


def options_of(stage: str) -> list[str]:
    annotation = Stages.model_fields[stage].annotation
    model = next(one for one in (annotation, *get_args(annotation)) if hasattr(one, "model_fields"))
    return list(model.model_fields)


REFUSED = ("verify", "require_judge_card")
OF_OTHERS = {("rank", "scorer"), ("refine", "steps")}
"""Options that need a reward model or another stage's option: test_step_scores and test_step_verdicts hold them."""
EVERY = [(stage, option) for stage in Stages.model_fields for option in options_of(stage)]
EVERY = [one for one in EVERY if one != REFUSED and one not in OF_OTHERS]


def stories(stage: str) -> list[Story]:
    """Four stories that the stage has something to do on."""
    tier = {"refine": Tier.MEDIUM, "optimize": Tier.DIFFICULT}.get(stage, Tier.EASY)
    made = []
    for number in range(4):
        wrong = 2 + number % 2
        ends = "A" * wrong + "B" * (6 - wrong)
        chains = [
            chain(f"{place} {TEXT}{end}", "AB".index(end), "error" if end == "A" else "correct", model=f"m{place % 3}")
            for place, end in enumerate(ends)
        ]
        asked = question(f"q{number}", context=f"This is the context of the question in case {number}, as it is.")
        story = Story(asked, tuple(chains), tier=None if stage in ("generate", "verify", "route") else tier)
        if stage == "generate":
            story = Story(asked)
        if stage == "verify":
            story = replace(story, chains=tuple(replace(one, verdict=None) for one in chains))
        if stage in ("refine", "optimize", "summarize", "score"):
            kept = tuple(keep_chain(story, place) for place in (4, 5))
            story = replace(story, kept=kept)
        made.append(story)
    return made


Done = tuple[set[Any], bytes, tuple[str, ...]]


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Done]:
    """What a stage's command does without the other value of an option; the same for most options of a stage."""
    known: dict[str, Done] = {}

    def found(stage: str, option: str) -> Done:
        beside = WITH.get((stage, option), {})
        name = f"{stage} {beside}"
        if name not in known:
            known[name] = done(tmp_path_factory.mktemp("before") / "run", stage, beside)
        return known[name]

    return found


def job_parts(folder: Path, stage: str, options: dict[str, Any]) -> tuple[Path, Recipe]:
    folder.mkdir()
    (folder / "replies.jsonl").write_text("\n".join(json.dumps(rule) for rule in RULES), encoding="utf-8")
    (folder / "in.jsonl").write_bytes(b"\n".join(encode(story) for story in stories(stage)))
    small = {"route": {"way": "all_easy", "easy": 1, "medium": 2}} if stage == "generate" else {}
    made = recipe(**small, **{stage: {**({"sample": None} if stage == "score" else {}), **options}})
    replies = folder / "replies.jsonl"
    models = {name: made.model(name).model_copy(update={"replies": replies}) for name in made.models}
    return folder / "in.jsonl", made.model_copy(update={"models": models})


def done(folder: Path, stage: str, options: dict[str, Any]) -> Done:
    """What the stage's command asks and writes, and what it says beforehand."""
    path, made = job_parts(folder, stage, options)
    intake = take_in(path, story_source(path, None, Settings(open_ended=True)), Selection())
    job = agent_job(stage, intake, made, folder / "out.jsonl", None)
    asyncio.run(execute(job, Watch()))
    with closing(job.folder.reader()) as ledger:
        asked = set(ledger.query("SELECT question, key, max_tokens FROM calls"))
    return asked, (folder / "out.jsonl").read_bytes(), job.notes


@pytest.mark.parametrize(("stage", "option"), EVERY)
def test_every_option_of_a_stage_acts_in_its_own_command_or_is_said_to_act_elsewhere(
    stage: str, option: str, unchanged: Callable[[str, str], Done], tmp_path: Path
) -> None:
    before = unchanged(stage, option)
    after = done(tmp_path / "after", stage, {**WITH.get((stage, option), {}), option: CASES[stage][option]})
    assert before[0] != after[0] or before[1] != after[1] or any(f"{stage}." in note for note in after[2])


def test_a_judge_without_the_card_that_the_recipe_asks_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.json"):
        done(tmp_path / "run", "verify", {"require_judge_card": {"file": "none.json"}})


def test_score_asks_for_its_sample_alone_and_a_smaller_one_is_part_of_it(tmp_path: Path) -> None:
    one, two = (done(tmp_path / str(count), "score", {"sample": count}) for count in (1, 3))
    assert (len(one[0]), len(two[0])) == (1, 3)
    assert one[0] < two[0]
    kept = [kept for line in two[1].splitlines() for kept in json.loads(line)["kept"]]
    assert (len(kept), sum("score" in one for one in kept)) == (8, 3)


def test_a_stopped_command_leaves_no_file_that_looks_whole(tmp_path: Path) -> None:
    path, made = job_parts(tmp_path / "run", "summarize", {})
    price = {"input": 1000, "output": 1000}
    models = {name: made.model(name).model_copy(update={"price": Price(**price)}) for name in made.models}
    capped = made.model_copy(
        update={"models": models, "limits": made.limits.model_copy(update={"max_cost": 1.5, "in_flight": 1})}
    )
    out = tmp_path / "out.jsonl"

    def job(recipe: Recipe) -> Any:
        return agent_job(
            "summarize", take_in(path, story_source(path, None, Settings()), Selection()), recipe, out, None
        )

    with pytest.raises(BudgetReached):
        asyncio.run(execute(job(capped), Watch()))
    assert not out.exists()
    there = partial_of(out).read_bytes().splitlines()
    assert len(there) < 4
    enough = capped.model_copy(update={"limits": made.limits})
    asyncio.run(execute(job(enough), Watch()))
    assert len(out.read_bytes().splitlines()) == 4
    assert not partial_of(out).exists()

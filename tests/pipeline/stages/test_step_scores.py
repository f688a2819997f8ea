"""Ranking by a process reward model: what it is asked, which chains are kept, and what a recipe may name."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from reasonmed.backends.prm import Settings
from reasonmed.errors import ReasonMedError, RecipeError, RequestRejected
from reasonmed.export._text import user
from reasonmed.parsing.steps import split_steps
from reasonmed.pipeline.stages.rank import rank
from reasonmed.recipe.identity import identity_of
from reasonmed.types import ChainOfThought, Story
from support import Script, chain, question, recipe, team

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.exchange import Request

GOOD, DOUBTFUL, MIXED = (
    f"The pulse is fast {name}. The rash is new.\n\nAnswer: B" for name in ("today", "often", "always")
)
CONFIG = {"architectures": ["LlamaForTokenClassification"], "id2label": {"0": "fault", "1": "ok"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a model that nobody runs."""
    made = tmp_path / "steps-prm"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (made / "model.safetensors").write_bytes(b"weights")
    return made


def scorer(folder: Path, **others: Any) -> dict[str, Any]:
    return {"model": None, "scorer": str(folder), "keep": 1, **others}


def chances(request: Request) -> str:
    said = request.messages[-1].content
    return json.dumps([0.9, 0.8, 0.7] if said == GOOD else [0.99, 0.3, 0.99] if said == DOUBTFUL else [0.99, 0.6, 0.99])


def story(*texts: str) -> Story:
    return Story(question(), tuple(chain(text) for text in texts))


async def test_the_chain_whose_least_likely_step_is_the_likeliest_is_kept(folder: Path) -> None:
    ranked = await rank(story(DOUBTFUL, MIXED, GOOD), team(Script(rank_steps=chances), rank=scorer(folder, keep=2)))
    assert [one.text for one in ranked.kept or ()] == [GOOD, MIXED]
    assert [one.step_score for one in ranked.chains] == [0.3, 0.6, 0.7]
    assert [one.score for one in ranked.chains] == [None] * 3


async def test_a_scorer_is_asked_as_the_rows_ask_that_it_was_trained_on(folder: Path) -> None:
    script = Script(rank_steps=chances)
    await rank(story(GOOD, DOUBTFUL), team(script, rank=scorer(folder)))
    asked, *_ = script.of("rank_steps")
    assert [{"role": one.role, "content": one.content} for one in asked.messages[:-1]] == user(question())
    assert asked.messages[-1].role == "assistant"
    assert asked.extra_body == {"steps": [span.end for span in split_steps(GOOD)]}


@pytest.mark.parametrize("lost", [RequestRejected("too long", "context"), "[]", "[0.5", '["0.5"]'])
async def test_a_chain_without_a_score_goes_last_and_never_to_zero(folder: Path, lost: Any) -> None:
    script = Script(rank_steps=[lost, "[0.01]"])
    ranked = await rank(story(GOOD, DOUBTFUL), team(script, rank=scorer(folder)))
    assert [one.text for one in ranked.kept or ()] == [DOUBTFUL]
    assert ranked.chains[0].step_score is None
    assert ranked.chains[0].justification.startswith("no score: ")


def test_rank_has_a_model_or_a_scorer_and_never_both_or_neither(folder: Path) -> None:
    with pytest.raises(RecipeError, match=r"stages\.rank\.model: is missing: name a model that scores chains, or a"):
        recipe(rank={"model": None})
    with pytest.raises(RecipeError, match=r"stages\.rank: model \w+ and scorer exclude each other"):
        recipe(rank={"scorer": str(folder)})
    with pytest.raises(RecipeError, match=r"stages\.rank\.scorer: .*nowhere is no model folder: there is no such"):
        recipe(rank=scorer(folder / "nowhere"))


def test_the_weights_of_a_scorer_are_part_of_a_runs_identity_and_its_place_is_not(folder: Path) -> None:
    first = identity_of(recipe(rank=scorer(folder)))
    moved = folder.rename(folder.parent.parent / "steps-prm")
    assert identity_of(recipe(rank=scorer(moved))) == first
    (moved / "model.safetensors").write_bytes(b"other weights")
    assert identity_of(recipe(rank=scorer(moved))) != first
    assert str(moved.parent) not in json.dumps(first)


def test_a_recipe_without_a_scorer_and_a_chain_without_its_score_are_what_they_were() -> None:
    stages = identity_of(recipe())["stages"]
    assert isinstance(stages, dict)
    assert set(stages["rank"]) == {"temperature", "top_p", "max_tokens", "keep", "seed", "model", "prompts"}
    assert set(stages["rank"]["prompts"]) == {"rank"}
    assert msgspec.json.encode(ChainOfThought("text", "m", score=3)) == b'{"text":"text","model":"m","score":3}'


def test_a_folder_that_labels_no_steps_is_refused_before_the_first_request(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}), encoding="utf-8")
    with pytest.raises(
        ReasonMedError, match=r"labels steps fault or ok: its config\.json has LlamaForCausalLM with no"
    ):
        Settings(backend="prm", model=str(folder)).ready()


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed")
def test_a_scorer_without_torch_names_the_extra(folder: Path) -> None:
    with pytest.raises(ReasonMedError, match=r"needs torch, transformers: pip install 'reasonmed\[train\]'"):
        Settings(backend="prm", model=str(folder)).ready()

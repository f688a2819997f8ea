"""What must hold between the parts of a recipe, and the numbers that follow from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from reasonmed.backends import ModelSettings
from reasonmed.recipe.options import Generate, Recipe, Stages, mentions
from reasonmed.recipe.templates import shipped

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_PAPER_CHAINS = 9
_PAPER_KEPT = 2
_FEW = 4
"""Chains of thought up to which the paper's shares leave no tier between easy and difficult."""


def problems_between(recipe: Recipe, stages: Collection[str] | None = None) -> Iterator[str]:
    """Every problem that no single field shows.

    Args:
        recipe: the recipe, its fields checked.
        stages: those that will run; all that it has where None.
    """
    for one in mentions(recipe.stages):
        if one.model not in recipe.models:
            yield f"{one.place}: there is no model {one.model!r}; models are {', '.join(recipe.models) or 'none'}"
    run = set(Stages.model_fields if stages is None else stages)
    if recipe.stages.generate:
        yield from _check_generate(recipe, recipe.stages.generate) if "generate" in run else ()
        yield from _check_route(recipe.stages, recipe.stages.generate.chains) if "route" in run else ()
    yield from _check_way(recipe.stages) if "route" in run and "optimize" in run else ()
    yield from _check_rank(recipe.stages) if "rank" in run else ()
    yield from _check_blind(recipe) if "optimize" in run else ()
    yield from _check_verify(recipe) if "verify" in run else ()
    yield from _check_temperatures(recipe)
    yield from _check_prompts(recipe.prompts)


def _check_temperatures(recipe: Recipe) -> Iterator[str]:
    """No stage asks a model for a temperature over what its back end takes."""
    for one in mentions(recipe.stages):
        entry = recipe.models.get(one.model)
        options = getattr(recipe.stages, one.stage)
        if not isinstance(entry, ModelSettings) or one.option == "blind_model":
            continue
        asked = getattr(options, "temperatures", None) or (getattr(options, "temperature", None),)
        asked = asked if entry.sampling.temperature is None else (entry.sampling.temperature,)
        high = [degree for degree in asked if degree is not None and degree > entry.most_temperature]
        if high:
            most = f"backend {entry.backend} takes up to {entry.most_temperature:g}"
            yield f"{one.place}: {one.model} is asked for temperature {high[0]:g}; {most}"


def _check_prompts(own: Path | dict[str, str] | None) -> Iterator[str]:
    """Templates of the user's that replace none would be passed over without a word."""
    if own is None:
        return
    if isinstance(own, Path) and not own.is_dir():
        found = "a file" if own.exists() else "not there"
        yield f"prompts: {own} is {found}; it must be a folder of templates, or the word language"
        return
    names = {file.name for file in own.iterdir()} if isinstance(own, Path) else set(own)
    if (names or isinstance(own, Path)) and not names & shipped():
        told = f"{own} has" if isinstance(own, Path) else f"{', '.join(sorted(names))}:"
        yield f"prompts: {told} no template that replaces a shipped one; those are {', '.join(sorted(shipped()))}"


def _check_generate(recipe: Recipe, generate: Generate) -> Iterator[str]:
    if len(set(generate.temperatures)) < len(generate.temperatures):
        yield "stages.generate.temperatures: each must stand once; use samples for several chains at one temperature"
    seen: dict[object, str] = {}
    for name in generate.models:
        entry = recipe.models.get(name)
        if not isinstance(entry, ModelSettings):
            continue
        if entry.sampling.temperature is not None and len(generate.temperatures) > 1:
            yield (
                f"models.{name}.sampling.temperature: {entry.sampling.temperature} overrides every temperature of "
                "stages.generate, so that its chains would be one and the same; use one temperature and samples"
            )
        same = str((entry.label, entry.system, entry.sampling, entry.extra_body))
        if same in seen:
            yield (
                f"stages.generate.models: {name} and {seen[same]} are the same model ({entry.label}); their chains "
                "would be one and the same: use samples, or tell the builds apart with revision"
            )
        seen[same] = name


def asked_by(recipe: Recipe, stages: Iterable[str]) -> list[str]:
    """The names of the model entries that these stages ask."""
    wanted = set(stages)
    names = [one.model for one in mentions(recipe.stages) if one.stage in wanted]
    optimize, reader = recipe.stages.optimize, blind_reader(recipe)
    if "optimize" in wanted and optimize and optimize.blind and reader:
        names.append(reader)
    return list(dict.fromkeys(names))


def doubts(recipe: Recipe) -> Iterator[str]:
    """What is allowed and seldom wise: a person is told once."""
    verify, generate = recipe.stages.verify, recipe.stages.generate
    if verify is None or generate is None:
        return
    judge = recipe.model(verify.model).label
    if judge in (recipe.model(name).label for name in generate.models):
        yield (
            f"the judge {judge} also writes chains of thought, and judges tend to favor their own; take another model "
            "for one of the roles, or see `reasonmed judge-card` for how much it does"
        )


def can_agree(recipe: Recipe) -> bool:
    """Whether questions without a key can get one: a consensus needs two models."""
    generate = recipe.stages.generate
    return generate is not None and len({recipe.model(name).label for name in generate.models}) > 1


def _check_verify(recipe: Recipe) -> Iterator[str]:
    verify = recipe.stages.verify
    if verify is None:
        return
    if recipe.stages.refine and recipe.stages.refine.steps and not verify.steps:
        yield "stages.refine.steps: needs labels of steps, and stages.verify.steps is off; set that to true or kept"
    card = verify.require_judge_card
    for name in ("step_sensitivity", "step_false_alarms"):
        if card is not None and getattr(card, name) is not None and verify.steps is not True:
            yield (
                f"stages.verify.require_judge_card.{name} is about a judge of steps: set stages.verify.steps to true, "
                "or leave it out"
            )
    if verify.precheck and verify.conflicts == "keep":
        yield "stages.verify: precheck and conflicts: keep exclude each other: one believes the answer, one the judge"
    second = recipe.models.get(verify.second_judge) if verify.second_judge else None
    if _same(second, recipe.models.get(verify.model)):
        yield f"stages.verify.second_judge: {verify.second_judge} is the judge; it must be another model"


def settled(recipe: Recipe) -> Recipe:
    """The recipe with ``rank.keep`` as it follows from the number of chains, where it is not given."""
    rank, generate = recipe.stages.rank, recipe.stages.generate
    if rank is None or generate is None or "keep" in rank.model_fields_set:
        return recipe
    keep = _kept_by_default(recipe.stages, generate.chains)
    if keep == rank.keep:
        return recipe
    rank = rank.model_copy(update={"keep": keep})
    return recipe.model_copy(update={"stages": recipe.stages.model_copy(update={"rank": rank})})


def _check_rank(stages: Stages) -> Iterator[str]:
    rank, verify = stages.rank, stages.verify
    if rank is not None and rank.model is None and rank.scorer is None:
        yield "stages.rank.model: is missing: name a model that scores chains, or a process reward model with scorer"
    elif rank is not None and rank.model is not None and rank.scorer is not None:
        yield f"stages.rank: model {rank.model} and scorer exclude each other: one of them gives the scores"
    if rank is None or not rank.stop_when_decided:
        return
    if rank.scorer is not None:
        yield "stages.rank.stop_when_decided: needs scores of 0 to 5; a scorer's chances have no highest one to stop at"
    if verify is not None and verify.steps == "kept":
        yield (
            "stages.rank.stop_when_decided: excludes stages.verify.steps: kept: where the steps of a kept chain do not "
            "hold, the next best one takes its place, and that may have no score"
        )


def _kept_by_default(stages: Stages, chains: int) -> int:
    """The paper's two; one of a few chains, so that they still make three tiers."""
    medium = stages.route.medium
    return 1 if chains <= _FEW and (medium is None or chains - medium < _PAPER_KEPT) else _PAPER_KEPT


def _kept(stages: Stages, chains: int) -> int:
    return stages.rank.keep if stages.rank else _kept_by_default(stages, chains)


def thresholds(stages: Stages, chains: int | None = None) -> tuple[int, int]:
    """Most wrong chains of an easy and of a medium question (paper: 4 and 7 of 9), scaled to the number of chains.

    Up to four chains, a question is easy if all are right, and difficult if all are wrong.
    """
    if chains is None:
        chains = stages.generate.chains if stages.generate else _PAPER_CHAINS
    scaled = 0 if chains <= _FEW else round(chains * 4 / _PAPER_CHAINS)
    easy = stages.route.easy if stages.route.easy is not None else scaled
    medium = stages.route.medium if stages.route.medium is not None else chains - _kept(stages, chains)
    return easy, medium


def _check_route(stages: Stages, chains: int) -> Iterator[str]:
    easy, medium = thresholds(stages)
    keep = _kept(stages, chains)
    if not (0 <= easy < medium <= chains - keep or (chains == 1 and 0 == easy == medium == chains - keep)):
        yield (
            f"stages.route: easy {easy} and medium {medium} do not fit {chains} chains of which {keep} are kept: "
            f"it must be 0 <= easy < medium <= {chains - keep}; leave both out, and they follow from the number"
        )


def _check_way(stages: Stages) -> Iterator[str]:
    if stages.route.way == "all_difficult" and stages.optimize is None:
        yield "stages.route.way: all_difficult needs the strong author of stages.optimize, and the recipe has none"


def _check_blind(recipe: Recipe) -> Iterator[str]:
    optimize = recipe.stages.optimize
    if optimize is None or not optimize.blind:
        return
    if optimize.blind_model == optimize.model:
        yield f"stages.optimize.blind_model: {optimize.model} is the author; it must be another model"
    elif blind_reader(recipe) is None:
        yield "stages.optimize.blind: there is no other model to read blind; name blind_model, or set blind: false"


def blind_reader(recipe: Recipe) -> str | None:
    """The model entry that reads the author's reasoning blind: the one named, else the judge, else a generator."""
    stages = recipe.stages
    if stages.optimize is None:
        return None
    if stages.optimize.blind_model:
        return stages.optimize.blind_model
    author = recipe.models.get(stages.optimize.model)
    others = [stages.verify.model] if stages.verify else []
    others += stages.generate.models if stages.generate else ()
    known = {name: entry for name, entry in recipe.models.items() if isinstance(entry, ModelSettings)}
    return next((name for name in others if name in known and not _same(known[name], author)), None)


def _same(entry: object, other: object) -> bool:
    return isinstance(entry, ModelSettings) and isinstance(other, ModelSettings) and entry.label == other.label


def votes_needed(wanted: int | None, paper: int, chains: int) -> int:
    """A number of votes, or the paper's of nine scaled to the number of chains."""
    if wanted is not None:
        return wanted
    return max(1, round(chains * paper / _PAPER_CHAINS))

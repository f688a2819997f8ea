"""What a recipe may say: models, stages with their options, limits. Frozen, and strict about unknown names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from reasonmed.backends import ModelSettings
from reasonmed.recipe.paths import RecipeFolder, RecipePath
from reasonmed.recipe.ray import Ray
from reasonmed.recipe.stages import the_spec
from reasonmed.recipe.templates import in_language

if TYPE_CHECKING:
    from collections.abc import Iterator


def _written_in(value: object) -> object:
    return in_language() if value == LANGUAGE else value


def _by_its_way(value: object) -> object:
    return {"way": value} if isinstance(value, str) else value


LANGUAGE = "language"
"""What ``prompts`` says for the shipped templates in the language of each question."""


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Role(_Options):
    """A stage that is one model's role."""

    model: str
    """The name of a model entry of this recipe."""
    temperature: float | None = Field(0.0, ge=0, le=2)
    """None sends none, for models that refuse one."""
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int = Field(2000, ge=1)


class Generate(_Options):
    """Chains of thought: one a model, temperature and sample (paper: 3 models x 3 temperatures)."""

    models: tuple[str, ...] = Field(min_length=1)
    temperatures: tuple[Annotated[float, Field(ge=0, le=2)], ...] = Field((0.7, 0.9, 1.0), min_length=1)
    samples: int = Field(1, ge=1, le=64)
    """Chains of thought per model and temperature."""
    top_p: float | None = Field(0.9, gt=0, le=1)
    max_tokens: int = Field(8192, ge=1)
    cot: Literal["visible", "reasoning", "both"] = "visible"
    """What is stored as the chain of thought: the text after the thinking, the thinking, or both."""
    min_words: int = Field(20, ge=1)
    """A reply of fewer words holds no reasoning: it is asked again, then missing."""
    language: Literal["any", "question"] = "any"
    """``question``: a chain in another language than its question is asked again, then missing; else it is flagged."""
    stop_when_decided: bool = False
    """Whether to stop sampling and judging once every possible outcome lies in one tier. Cheaper, and the same tier;
    fewer candidates to rank, fewer reasons, and a disputed key may go unseen."""
    wave: int = Field(2, ge=1)
    """Chains of thought in each wave after the first, where sampling may stop."""
    seed: int = 0
    """Draws the order of the chains of a question, where sampling may stop."""
    keep_truncated: bool = False
    """Whether a chain that was cut at max_tokens is kept, and flagged; else it is asked again, then missing."""

    @property
    def chains(self) -> int:
        """Chains of thought a question."""
        return len(self.models) * len(self.temperatures) * self.samples


class RequireJudgeCard(_Options):
    """A run begins only with a card of this very judge (model, sampling, prompt) that reaches these shares."""

    file: RecipePath
    """A ``judge_card.json`` that `reasonmed judge-card` wrote."""
    labels: Literal["any", "human"] = "any"
    """Whether the card's labels must be those of reviewers (`reasonmed judge-card RUN --from-review`)."""
    n: int | None = Field(None, ge=1)
    """Labeled chains that the card must have; those of both halves, where reviewers labeled them."""
    sensitivity: float = Field(0.8, ge=0, le=1)
    """Sound chains of thought that the judge must accept."""
    specificity: float = Field(0.8, ge=0, le=1)
    """Chains with a right answer and broken reasoning that it must reject."""
    step_sensitivity: float | None = Field(None, ge=0, le=1)
    """Faults planted in the reasoning that it must find at the right step, where it judges steps."""
    step_false_alarms: float | None = Field(None, ge=0)
    """Steps that it may flag in a sound chain, in the mean."""


class Verify(Role):
    """A judge's verdict on every chain of thought."""

    conflicts: Literal["undecided", "keep"] = "undecided"
    """A judge who calls a chain correct that concludes another option: asked again, then undecided; or believed."""
    precheck: bool = False
    """Whether a chain that concludes another option than the key is an Error without a request. Cheaper, and the same
    tier; the judge's reason is fetched later where an editor or author needs it."""
    require_judge_card: RequireJudgeCard | None = None
    canaries: float = Field(0.0, ge=0, le=0.5)
    """So many of the chains that conclude the key get a twin with broken reasoning, to try the judge as it works."""
    canary_seed: int = 0
    """Draws the chains and the faults."""
    blind_model: str | None = None
    """A model that must reach the key from the reasoning alone of each chain that the judge accepts."""
    shuffle: bool = False
    """Whether an accepted chain must be accepted again with the options in another order."""
    steps: bool | Literal["kept"] = False
    """Whether the judge labels every step too: of all chains or, in a second reading, of those about to be kept."""
    second_judge: str | None = None
    """A model that judges all chains of a question where one verdict more or less would change the tier; a chain is
    right only where neither judge calls it an error."""


Way = Literal["by_errors", "all_difficult", "all_easy"]


class Route(_Options):
    """Difficulty by the number of wrong chains: up to ``easy``, up to ``medium``, beyond (paper: 4 and 7 of 9)."""

    way: Way = "by_errors"
    """The way that questions go: that of their tier, or all of them one way, whatever their tier, to try on a sample
    what routing costs and saves. The tier in the records stays the judged one. ``route: all_difficult`` says it too."""
    easy: int | None = Field(None, ge=0)
    medium: int | None = Field(None, ge=1)
    dispute: int | Literal[False] | None = None
    """So many chains from two models or more that name one and the same other option make the key disputed, and the
    question a failure; ``off`` flags its records instead. Scaled from 6 of 9 by default."""
    consensus: int | None = Field(None, ge=1)
    """So many chains must name the same option of a question without a key. Scaled from 7 of 9 by default."""


class Rank(Role):
    """A score for each correct chain of thought, of 0 to 5 or by a process reward model; the best are kept."""

    model: str | None = None  # type: ignore[assignment] # a scorer takes its place
    """The name of a model entry of this recipe, which scores from 0 to 5."""
    scorer: RecipeFolder | None = None
    """The folder of a process reward model (``train`` with ``method: prm``) in place of ``model``: a chain's score is
    how likely its least likely step is ok."""
    keep: int = Field(2, ge=1)
    seed: int = 0
    """Breaks ties, without favor for a model."""
    stop_when_decided: bool = False
    """Whether to stop scoring once ``keep`` chains have a 5: the same chains are kept, others may have no score."""


class Refine(Role):
    """An editor rewrites the kept chains of medium questions with the judge's reasons at hand."""

    temperature: float | None = Field(0.8, ge=0, le=2)
    top_p: float | None = Field(0.9, gt=0, le=1)
    max_tokens: int = Field(15000, ge=1)
    rounds: int = Field(1, ge=1, le=10)
    verify: bool = True
    steps: bool = False
    """Whether only the steps that the judge faults are rewritten; needs ``verify.steps``."""


class Optimize(Role):
    """A strong author writes a deep chain of thought for a difficult question."""

    temperature: float | None = Field(None, ge=0, le=2)
    max_tokens: int = Field(20000, ge=1)
    rounds: int = Field(2, ge=1, le=10)
    verify: bool = True
    blind: bool = True
    """Whether another model must reach the key from the reasoning without its conclusion."""
    blind_model: str | None = None
    """That other model; the judge by default, else the first generator that is not the author."""


class Summarize(Role):
    """One concise response for each kept chain of thought."""

    temperature: float | None = Field(0.5, ge=0, le=2)
    top_p: float | None = Field(0.95, gt=0, le=1)
    max_tokens: int = Field(1000, ge=1)


class Score(Role):
    """A quality score of 1 to 10, after the last question."""

    sample: int | None = Field(None, ge=1)
    """So many records, drawn by a hash; all of them by default."""
    seed: int = 0
    originals: bool = False
    """Whether chains that refined records stem from are scored too, for `reasonmed report`; no record changes."""


class Stages(_Options):
    """A stage that is absent is not run.

    Those that the recipe's cross-checks read by type are fields; the options of every other stage of the table, and of
    stages of other packages, are of the class that its ``StageSpec`` names.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    generate: Generate | None = None
    verify: Verify | None = None
    route: Annotated[Route, BeforeValidator(_by_its_way, json_schema_input_type=Route | Way)] = Route()
    rank: Rank | None = None
    refine: Refine | None = None
    optimize: Optimize | None = None
    summarize: Summarize | None = None
    score: Score | None = None

    @property
    def further(self) -> tuple[str, ...]:
        """The names of the stages that are no fields."""
        return tuple(self.model_extra or {})

    @property
    def names(self) -> tuple[str, ...]:
        """The stages that may have options here, whether they have or not."""
        return (*type(self).model_fields, *self.further)


class Mention(NamedTuple):
    """A place that names a model entry, and the name."""

    stage: str
    option: str
    model: str

    @property
    def place(self) -> str:
        """Where it stands in the recipe."""
        return f"stages.{self.stage}.{self.option}"


class Tries(_Options):
    """How often a request may fail, by class of fault, at an endpoint that answers others."""

    server: int = Field(8, ge=1)
    network: int = Field(8, ge=1)
    timeout: int = Field(4, ge=1)


class Limits(_Options):
    """How hard the run may push. Nothing here changes a record."""

    in_flight: int = Field(64, ge=1, le=100_000)
    """Requests open at once, over all models."""
    questions: int | None = Field(None, ge=1)
    """Questions under way at once; in_flight / 4 by default, at least 8."""
    give_up: float = Field(1800, gt=0)
    """Seconds without one answer of a model after which the run ends for now, resumable."""
    tries: Tries = Tries()
    max_cost: float | None = Field(None, ge=0)
    """USD that the whole run may cost, over all its sessions; --max-cost overrides it."""
    max_reply_mb: float | None = Field(None, gt=0)
    """Megabytes of a reply, unpacked, beyond which it is not read; 16 by default."""
    resident: int | None = Field(None, ge=1)
    """Models in memory at once, of those that this machine holds; the others take turns. All of them by default."""

    @property
    def alive(self) -> int:
        """Questions under way at once."""
        return self.questions or max(8, self.in_flight // 4)


class Recipe(_Options):
    """A whole recipe."""

    models: dict[str, Any]
    """Model entries by their names in this recipe."""
    stages: Stages
    limits: Limits = Limits()
    ray: Ray | None = None
    prompts: Annotated[RecipePath | dict[str, str] | None, BeforeValidator(_written_in)] = None
    """A folder of templates, or texts by file name, that replace the shipped templates of the same name; or `language`:
    the shipped ones, told to reason and write in the language of the question."""
    refusals: tuple[Annotated[str, Field(min_length=4)], ...] = ()
    """Phrases, beside those that are known, by which a model refuses to answer."""

    def model(self, name: str) -> ModelSettings:
        """A model entry."""
        entry = self.models[name]
        if not isinstance(entry, ModelSettings):
            raise TypeError(f"model {name} was not checked")
        return entry

    @property
    def used(self) -> list[str]:
        """The names of the model entries that a stage uses, in the order of the stages."""
        return list(dict.fromkeys(one.model for one in mentions(self.stages)))

    @property
    def demo(self) -> bool:
        """Whether a stage uses a model whose replies are worth nothing medically."""
        return any(self.model(name).demo for name in self.used)


def mentions(stages: Stages) -> Iterator[Mention]:
    """Every place that names a model entry, with the name."""
    for stage in stages.names:
        options = getattr(stages, stage)
        roles = the_spec(stage).roles if options is not None else ()
        for option in dict.fromkeys(role.option for role in roles if role.wanted(options)):  # two roles may share one
            named = getattr(options, option)
            for model in named if isinstance(named, tuple) else (named,):
                if model is not None:
                    yield Mention(stage, option, model)

"""How an evaluation asks: everything that can change an answer, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Literal

from reasonmed import parsing
from reasonmed.errors import UsageError
from reasonmed.evaluation import perturbation as perturbing
from reasonmed.evaluation.perturbation import PERTURBATIONS, Draw, Perturbation, perturbations, second_order, unfit
from reasonmed.evaluation.rotation import rotations
from reasonmed.evaluation.shots import turns
from reasonmed.recipe.templates import Prompt

if TYPE_CHECKING:
    from reasonmed.evaluation.shots import Shots
    from reasonmed.exchange import Message
    from reasonmed.types import Question

Protocol = Literal["generate", "loglikelihood"]
Effort = Literal["low", "medium", "high"]
EFFORTS: tuple[Effort, ...] = ("low", "medium", "high")

PROMPTS = {"reason": "evaluate", "bare": "evaluate_bare"}
"""Shipped prompts: one that asks for reasoning and a last line with the answer, one with the published instruction."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How questions are put to the models.

    Raises:
        UsageError: the settings contradict each other.
    """

    protocol: Protocol = "generate"
    samples: int = 1
    """Answers to each question and order of its options."""
    rotate: int = 1
    """Orders of the options in which each question is asked."""
    perturb: tuple[Perturbation, ...] = ()
    """Perturbations: qualifying questions are asked once more with each, beside the answers that count."""
    temperature: float = 0.0
    top_p: float | None = None
    max_tokens: int = 8192
    """Tokens that one reply may have, thinking included."""
    thinking: bool | None = None
    """Whether models that can think do; None leaves it to the model."""
    effort: Effort | None = None
    """How much models behind an API think; None leaves it to them."""
    shots: Shots | None = None
    """Examples that are shown before each question; none by default."""
    context: bool = True
    """Whether context passages are shown."""
    prompt: str = "reason"
    """A name out of ``PROMPTS``, or the text of a template with ``{{ question }}``."""
    seed: int = field(default=0, metadata={"identity": False})
    """Seed of the bootstrap; it changes no answer."""

    def __post_init__(self) -> None:
        """Refuse what makes no sense together."""
        if self.samples < 1 or self.rotate < 1 or self.max_tokens < 1:
            raise UsageError("samples, rotations and tokens must be 1 or more")
        if self.samples > 1 and self.temperature == 0 and self.protocol == "generate":
            raise UsageError(
                f"{self.samples} samples at temperature 0 are copies of one; give --temperature, for example 0.7"
            )
        object.__setattr__(self, "perturb", perturbations(self.perturb))
        if self.protocol == "loglikelihood" and ((self.samples, self.rotate) != (1, 1) or self.perturb):
            raise UsageError(
                "--protocol loglikelihood asks each question once, as lm-eval does: no --samples, --rotate, --perturb"
            )
        if self.protocol == "loglikelihood" and (self.thinking is not None or self.effort is not None):
            raise UsageError(
                "--protocol loglikelihood takes no reply, so that there is nothing to think: no --thinking, --effort"
            )
        if self.effort not in (None, *EFFORTS):
            raise UsageError(f"--effort {self.effort}: it must be {', '.join(EFFORTS)}")

    def template(self) -> Prompt:
        """The prompt of the generate protocol.

        Raises:
            RecipeError: the template is not valid.
        """
        if self.prompt in PROMPTS:
            return Prompt(PROMPTS[self.prompt])
        return Prompt("evaluate", {"evaluate.md": self.prompt})

    def identity(self) -> dict[str, object]:
        """What must be the same for answers to be comparable."""
        told = {one.name: getattr(self, one.name) for one in fields(self) if one.metadata.get("identity", True)}
        for name in ("effort", "shots", "perturb"):  # evaluations of before they were there lack them
            if not told[name]:
                del told[name]
        if self.perturb:
            told |= {"perturb": list(self.perturb), "perturbing": perturbing.VERSION}
        if self.shots is not None:
            told["shots"] = self.shots.identity()
        generating = self.protocol == "generate"
        return {**told, "prompt": self.template().hash if generating else "lm-eval", "parsing": parsing.VERSION}

    def told(self) -> dict[str, object]:
        """The settings as results tell them: with the prompt's name beside its hash."""
        name = self.prompt if self.prompt in PROMPTS else "own"
        return {**self.identity(), "seed": self.seed, "prompt_name": name if self.protocol == "generate" else "lm-eval"}

    def draws(self, question: Question) -> list[Draw]:
        """The answers that are asked of a question: first those that count, then those of perturbations.

        The samples of each perturbation have numbers of their own, whichever others are asked for. With several orders
        of the options, ``rotate`` is among those that count.
        """
        orders = [by for by in rotations(question, self.rotate) for _ in range(self.samples)]
        found = [Draw(number, by) for number, by in enumerate(orders)]
        for place, name in enumerate(PERTURBATIONS):
            if name not in self.perturb or unfit(question, name) or (name == "rotate" and self.rotate > 1):
                continue
            first = len(orders) + place * self.samples
            by = second_order(question) if name == "rotate" else 0
            found += [Draw(first + turn, by, name) for turn in range(self.samples)]
        return found

    def before(self, question: Question) -> tuple[Message, ...]:
        """The turns of the conversation before a question: its examples with their answers."""
        return () if self.shots is None else tuple(turns(self.shots.drawn(question), self.template()))

"""What may be said of an evaluation in one line, how it asked, and what a reader must not miss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from reasonmed.evaluation.bases import Base, described
from reasonmed.evaluation.forms import remarks
from reasonmed.evaluation.shots import in_words
from reasonmed.evaluation.tables import always_words, percent, points, probability
from reasonmed.evaluation.verdict import TOO_MANY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reasonmed.evaluation.comparisons import Comparison, Difference, Headline
    from reasonmed.evaluation.outcome import Results
    from reasonmed.evaluation.scores import ModelResults, Score

_NO_HEADLINE = "no headline: "
_NOT_THE_LIMIT = (
    "none of them reached --max-tokens, so that raising it does not help: the context is the limit, or the thinking "
    "has no end"
)


def headline_words(results: Results) -> list[str]:
    """What may be said in one line: the gain of each model over its base; or why nothing may."""
    if not results.headlines:
        return [f"No headline: {results.no_headline}."] if results.no_headline else []
    return [line for one in results.headlines for line in _headline(one, results)]


def _headline(one: Headline, results: Results) -> Iterator[str]:
    base = described(Base(one.base, one.by))
    for name, found in one.benchmarks.items():
        head = f"{one.model} against {base} on {name} ({_subset(one, found)}): "
        words = found.words
        if words.startswith(_NO_HEADLINE):
            yield f"No headline for {head}{words.removeprefix(_NO_HEADLINE)}."
        elif found.differing:
            p = probability(found.p_holm)
            yield f"{head}{points(found, ' points')}, p {p if p.startswith('<') else f'= {p}'}: {words}."
        else:
            yield f"{head}{words}."
    for name in (held.name for held in results.benchmarks if held.name not in one.benchmarks):
        yield f"{one.model} on {name}: no question is left that neither it nor {one.base} was trained on."


def _subset(one: Headline, found: Difference) -> str:
    clean = "clean subset" if one.subset == "clean" else f"{one.subset};"
    left = f", {found.trained_on:,} more were trained on" if found.trained_on else ""
    return f"{clean}, n = {found.n:,}{left}".replace(";,", ";")


def how(results: Results) -> str:
    """How the questions were put, in a sentence."""
    settings = results.asked()
    shots = settings.shots
    before = f" With {in_words(shots)}." if shots else ""
    if results.protocol == "loglikelihood":
        number = f"{shots.count}-shot" if shots else "zero-shot"
        return f"Protocol: loglikelihood, with the prompts of lm-evaluation-harness 0.4.13, {number}.{before}"
    thinking = {None: "as the model does by default", True: "on", False: "off"}[settings.thinking]
    effort = f", thinking effort {settings.effort}" if settings.effort else ""
    asked = "once" if settings.samples == 1 else f"{settings.samples} times"
    orders = "" if settings.rotate == 1 else f" in up to {settings.rotate} orders of its options"
    changed = f" Questions that qualify were asked once more, perturbed: {', '.join(settings.perturb)}."
    return (
        f"Protocol: generate. Each question was asked {asked}{orders} at temperature {settings.temperature:g}, with "
        f"up to {settings.max_tokens:,} tokens a reply, thinking {thinking}{_unchanged(results)}"
        f"{effort}, prompt '{settings.prompt_name}'.{before}"
        + (changed if settings.perturb else "")
        + "".join(_sent(model) for model in results.models)
    )


def _sent(model: ModelResults) -> str:
    """What a model's endpoint was sent in the place of these settings, in sentences."""
    return "".join(
        f" {one.answers:,} answers of {model.name} were drawn with other parameters, which its endpoint takes: "
        f"{', '.join(f'{name} {value}' for name, value in one.parameters.items()) or 'none'}."
        for one in model.sent
    )


def _unchanged(results: Results) -> str:
    """The models whose prompt does not change with the switch."""
    if results.asked().thinking is None:
        return ""
    names = [one.name for one in results.models if one.form.thinking is False]
    unknown = [one.name for one in results.models if one.form.thinking is UNSET]
    said = [f"not for {', '.join(names)}, whose prompt does not change by it"] if names else []
    said += [f"asked of {', '.join(unknown)}, where it is not known whether that changes anything"] if unknown else []
    return f" ({'; '.join(said)})" if said else ""


def marks(results: Results) -> list[str]:
    """What a reader must not miss."""
    demo = [one.name for one in results.models if one.demo]
    limit = results.asked().max_tokens
    found = [f"{', '.join(demo)}: made by a demo model without medical ability."] if demo else []
    found += [
        f"{model} on {name}: {percent(count / cell.answers)} % of the answers are {what}, which says little "
        f"about what it knows; {mend}."
        for name, model, cell in results.each()
        for what, count, mend in _mends(cell, limit)
        if count > TOO_MANY * cell.answers
    ]
    found += [
        f"{model} on {name}: {always_words(cell.always)}, whatever the question."
        for name, model, cell in results.each()
        if cell.always
    ]
    found += [
        f"{model} on {name}: {cell.beheaded:,} texts to score lost their beginning, which the context cannot hold."
        for name, model, cell in results.each()
        if cell.beheaded
    ]
    found += remarks((one.name, one.form) for one in results.models)
    found += remarks_of(results.comparisons)
    return found + [f"{name} is left out: {count:,} questions are open." for name, count in results.unfinished.items()]


def remarks_of(comparisons: Iterable[Comparison]) -> list[str]:
    """In what the models of each comparison are asked differently."""
    return [f"{one.second} against {one.first}: {'; '.join(one.remarks)}." for one in comparisons if one.remarks]


def _mends(cell: Score, limit: int) -> Iterator[tuple[str, int, str]]:
    """What to do where many answers are of a kind, with the kind and their number.

    A reply that was cut below the limit was not cut by it.
    """
    reached = cell.tokens is None or cell.tokens.most >= limit
    cut = "raise --max-tokens" if reached else _NOT_THE_LIMIT
    yield "unparsed", cell.unparsed, "look at its answers, and at the prompt"
    yield "truncated", cell.truncated, cut
    unended = "the model stops inside its thinking: look at its chat template, or ask with --no-thinking"
    yield "unended", cell.unended, unended
    yield "failed", cell.failed, "the answers say why"

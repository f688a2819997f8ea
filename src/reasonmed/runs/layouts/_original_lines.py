"""From a story to rows of the original layout: the rows that it was read from, with what is new."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from reasonmed.recipe.stages import the_spec
from reasonmed.recipe.templates import instruction
from reasonmed.runs.layouts._beyond import beyond, mark
from reasonmed.runs.layouts._original_row import (
    MORE,
    chain_texts,
    in_order,
    kept_of,
    known,
    map_in,
    place,
    plain,
    question_of,
)
from reasonmed.types import Kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from reasonmed.types import Question, Story

_OF_ONE_CHAIN = (
    *("model_choice", "COT", "flags", "instruction", "input", "output", "Response", "score", "justification"),
)


class _Target(NamedTuple):
    """A row to write: what it is made of, and which of the kept chains of thought it holds."""

    row: dict[str, object]
    kept: Kept | Sequence[Kept] | None
    """One of them has its own fields; several have none."""


def lines(story: Story, stage: str, rows: Sequence[Mapping[str, object]] = ()) -> Iterator[object]:
    """The rows of a story after a stage, made of those that it was read from, where it was."""
    names = chain_names(story, rows)
    told = _told(story, names)
    sources = [{name: value for name, value in row.items() if name != MORE} for row in rows] or [{}]
    shared = _shared(story, names, stage, sources[0])
    for row, kept in _targets(story, names, stage, sources):
        fields = {**_base(story.question), **({} if rows else _unknown(story.question)), **row, **shared}
        if isinstance(kept, Kept):
            fields |= _finished(story.question, kept, names, row, whole=the_spec(stage).rows == "record")
        more = _more(told, fields, kept, names, read=bool(rows))
        yield {**fields, **({MORE: more} if more else {})}


def chain_names(story: Story, rows: Sequence[Mapping[str, object]] = ()) -> list[str]:
    """The original's name of each chain: its name in the row that it was read from; else a model of its own number.

    Models are numbered by their first appearance, chains of a model in their order.
    """
    names = in_order(rows[0])[: len(story.chains)] if rows else []
    taken = [place(name) or (0, 0) for name in names]
    numbers = {chain.model: number for chain, (number, _) in zip(story.chains, taken, strict=False)}
    for chain in story.chains[len(names) :]:
        number = numbers.setdefault(chain.model, max((model for model, _ in taken), default=0) + 1)
        taken.append((number, max((count for model, count in taken if model == number), default=0) + 1))
        names.append(f"model{number}_COT{taken[-1][1]}")
    return names


def _told(story: Story, names: Sequence[str]) -> dict[str, Any]:
    """A story as plain data, as a row's own fields are read: chains by name, parents too."""
    told: dict[str, Any] = msgspec.to_builtins(story)
    for name in ("kept", "probes", "_rows"):
        told.pop(name, None)
    told["chains"] = dict(zip(names, told.get("chains", ()), strict=True))
    for name in ("rewrites", "dropped"):
        if name in told:
            told[name] = [_by_name(one, names) for one in told[name]]
    return told


def _by_name(one: Mapping[str, object], names: Sequence[str]) -> dict[str, object]:
    parent = one.get("parent")
    return {**one, "parent": names[parent]} if isinstance(parent, int) else {**one}


def _targets(story: Story, names: Sequence[str], stage: str, rows: list[dict[str, object]]) -> Iterator[_Target]:
    """A row for each kept chain, where a chain has a row; else the rows that were there."""
    has_text = [kept_of(row) is not None for row in rows]
    if stage == "rank" or not story.kept or not (the_spec(stage).rows != "question" or any(has_text)):
        first, *others = rows
        yield _Target(first, story.kept)
        yield from (_Target(row, ()) for row in others)
        return
    free = [row for row, there in zip(rows, has_text, strict=True) if there]
    for kept in story.kept:
        same = next((row for row in free if _is_of(row, kept)), None)
        made_of = same or next((row for row in free if _stems(row, kept, names)), None)
        free = [row for row in free if row is not made_of]
        yield _Target(same or _without_chain(made_of or rows[0]), kept)
    yield from (_Target(row, ()) for row in free)


def _is_of(row: Mapping[str, object], kept: Kept) -> bool:
    found = kept_of(row)
    return found is not None and found["text"] == kept.text


def _stems(row: Mapping[str, object], kept: Kept, names: Sequence[str]) -> bool:
    return kept.parent is not None and row.get("model_choice") == names[kept.parent]


def _without_chain(row: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in _OF_ONE_CHAIN}


def _base(question: Question) -> dict[str, object]:
    """The fields of a question; the models' consensus is not its key, so it is not among them."""
    key = question.answer if question.answer_source == "key" else None
    told = {
        "id": question.id,
        "question": question.stem,
        "options": list(question.options),
        "answer": None if key is None else question.options[key],
        "answer_index": key,
        "reference": question.reference,
        "context": question.context,
        "source": question.source,
        "license": question.license,
        "split": question.split,
    }
    return {name: value for name, value in told.items() if value is not None}


def _unknown(question: Question) -> dict[str, object]:
    return {name: value for name, value in question.meta.items() if not known(name)}


def _shared(story: Story, names: Sequence[str], stage: str, row: Mapping[str, object]) -> dict[str, object]:
    """What every row of a story has: the tier, the failure, the chains and what the judge said of them."""
    there = chain_texts(row)
    texts = {name: there.get(name, chain.text) for name, chain in zip(names, story.chains, strict=True)}
    told = {"difficulty": story.tier, "failure": story.failure.reason if story.failure else None}
    new = {name: text for name, text in texts.items() if name not in row}
    return {**{name: one for name, one in told.items() if one is not None}, **new, **_judged(story, texts, stage, row)}


def _judged(story: Story, texts: Mapping[str, str], stage: str, row: Mapping[str, object]) -> dict[str, object]:
    named = list(zip(texts, story.chains, strict=True))
    verdicts = {name: chain.verdict for name, chain in named if chain.verdict}
    if stage != "rank" and not verdicts:
        return {}
    correct, error = (
        {name: texts[name] for name, verdict in verdicts.items() if verdict.outcome == outcome}
        for outcome in ("correct", "error")
    )
    more: dict[str, object] = {}
    if stage == "rank":
        best = [kept.parent for kept in story.kept or () if kept.parent is not None]
        correct = {named[index][0]: texts[named[index][0]] for index in best}
        more["scores"] = {name: chain.score for name, chain in named if chain.score is not None}
    elif "scores" in row:
        correct = {name: text for name, text in correct.items() if name in map_in(row, "correct")}
    undecided = {name: verdict.reason for name, verdict in verdicts.items() if verdict.outcome == "undecided"}
    if undecided or "undecided" in row:
        more["undecided"] = undecided
    reasons = {name: verdict.reason for name, verdict in verdicts.items() if verdict.reason}
    return {"correct": correct, "error": error, **more, "verification_reasons": reasons}


def _finished(
    question: Question, kept: Kept, names: Sequence[str], row: Mapping[str, object], *, whole: bool
) -> dict[str, object]:
    """The fields of one kept chain of thought; a text that the row has already stays as it is there."""
    text = (row.get("COT") or row.get("output")) if _is_of(row, kept) else kept.text
    told: dict[str, object] = {
        "model_choice": kept.model if kept.parent is None else names[kept.parent],
        "COT": text,
        "flags": list(kept.flags),
    }
    if whole:
        asked = instruction(question.stem, question.options, question.context)
        given = {name: row[name] for name in ("instruction", "input", "output") if row.get(name)}
        told = {"instruction": asked, "input": "", "output": text, **given, **told}
    scored = {"Response": kept.response, "score": kept.score, "justification": kept.justification or None}
    return {**told, **{name: value for name, value in scored.items() if value is not None}}


def _more(
    told: Mapping[str, Any],
    fields: Mapping[str, Any],
    kept: Kept | Sequence[Kept] | None,
    names: Sequence[str],
    *,
    read: bool,
) -> dict[str, Any]:
    """What the fields of a row do not say; a row that was read has its unknown fields already."""
    said = plain(fields, question_of(fields, Path(), 0))
    there = said.pop("kept", None)
    if read:
        said["question"], told = _without_meta(said["question"]), {**told, "question": _without_meta(told["question"])}
    more = beyond(said, told)
    chains: Any = more.pop("chains", {})
    if names:
        more["chains"] = {name: {"of": mark(said["chains"][name]["text"]), **chains.get(name, {})} for name in names}
    if isinstance(kept, Kept):
        own = _by_name(msgspec.to_builtins(kept), names)
        more["kept"] = {"of": mark(there[0]["text"]), **beyond(there[0], own)}
    elif kept is not None:
        more["kept"] = [_unsaid(one, told["chains"], names) for one in kept]
    return more


def _without_meta(question: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in question.items() if name != "meta"}


def _unsaid(kept: Kept, chains: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """A kept chain of thought without fields of its own; its text is left out where the row has it."""
    own = _by_name(msgspec.to_builtins(kept), names)
    if kept.parent is not None and chains[names[kept.parent]]["text"] == kept.text:
        del own["text"]
    return {"of": mark(kept.text), **own}

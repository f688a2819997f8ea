"""The results of an evaluation as one JSON document, and all the files that are made from it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from reasonmed import __version__
from reasonmed.documents import Document, Refused, inside
from reasonmed.errors import UsageError
from reasonmed.evaluation.answers import missing, write_answers
from reasonmed.evaluation.compare import compare_all
from reasonmed.evaluation.metrics import cell, counts
from reasonmed.evaluation.rotation import fixed
from reasonmed.files import write_atomically
from reasonmed.report.statistics.power import detectable_paired, detectable_unpaired
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.status import status_of

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.evaluation.answers import Result
    from reasonmed.evaluation.benchmarks import Benchmark
    from reasonmed.evaluation.job import Evaluation

VERSION = 1


class _Written(Struct):
    """A model with the file of its answers."""

    name: str
    answers_file: str


class _Results(Struct):
    version: int
    protocol: str
    settings: dict[str, Any]
    models: list[_Written]


RESULTS = Document(
    "results.json of `reasonmed evaluate`",
    _Results,
    UsageError,
    "give a folder that `reasonmed evaluate` wrote",
    ("version", (VERSION,)),
)
_DISCORDANT = 0.2
"""The share of differing answers that the power table assumes before two models are compared."""


@dataclass(frozen=True)
class Answered:
    """A model with all its results."""

    name: str
    facts: dict[str, Any]
    run: RunDirectory
    stems: frozenset[str] | None
    results: list[Result]
    file: str


def finish(evaluation: Evaluation) -> dict[str, Any]:
    """Write the answers of every model that has answered all questions, and ``results.json``; returns its content."""
    benchmarks = list(evaluation.benchmarks)
    answered, open_ones = _answered(evaluation, benchmarks)
    base, why = _base(evaluation, answered)
    told = {
        "version": VERSION,
        "reasonmed": __version__,
        "protocol": evaluation.settings.protocol,
        "settings": evaluation.settings.told(),
        "benchmarks": [_benchmark(one, evaluation) for one in benchmarks],
        "models": [_model(one, benchmarks) for one in answered],
        "unfinished": open_ones,
        "base": base.name if base else None,
        "comparisons": _comparisons(evaluation, answered, base),
        "headlines": _headlines(evaluation, answered, base),
        "no_headline": why,
        "power": [_power(one, answered) for one in benchmarks],
    }
    write_atomically(evaluation.folder.results, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return told


def _answered(evaluation: Evaluation, benchmarks: list[Benchmark]) -> tuple[list[Answered], dict[str, int]]:
    """The models of the folder that have answered everything; of the others, how many questions are open."""
    folder, found, left = evaluation.folder, [], {}
    for name, facts in folder.models().items():
        run = RunDirectory(folder.path / "models" / facts["run"])
        open_ones = missing(run, benchmarks) if run.exists else sum(len(one.questions) for one in benchmarks)
        if open_ones:
            left[name] = open_ones
            continue
        file = f"answers/{facts['run']}.jsonl"
        results = write_answers(run, benchmarks, evaluation.settings, folder.path / file)
        found.append(Answered(name, facts, run, folder.stems(name), results, file))
    return found, left


def _benchmark(one: Benchmark, evaluation: Evaluation) -> dict[str, Any]:
    tied = sum(fixed(question) for question in one.questions) if evaluation.settings.rotate > 1 else None
    majority = max((sum(q.answer == place for q in one.questions) for place in range(26)), default=0)
    return {
        "name": one.name,
        "file": one.file.name,
        "fetched": one.fetched.record if one.fetched else None,
        "n": one.facts.n,
        "of": one.variant.n if one.variant else None,
        "hash": one.facts.hash,
        "variant_hash": one.variant.hash if one.variant else None,
        "hub": one.variant.hub if one.variant else None,
        "task": one.variant.task if one.variant else None,
        "whole": one.whole,
        "differences": one.differences,
        "caution": one.caution,
        "with_context": one.facts.with_context,
        "options": list(one.facts.options),
        "splits": one.facts.splits,
        "not_rotated": tied,
        "left_out": one.left_out,
        "most_frequent_letter": majority / one.facts.n,
    }


def _model(one: Answered, benchmarks: list[Benchmark]) -> dict[str, Any]:
    status = status_of(one.run)
    return {
        "name": one.name,
        "label": one.facts["label"],
        "backend": one.facts["backend"],
        "date": one.run.manifest()["started"][:10],
        "demo": one.facts["demo"],
        "base": one.facts["base"],
        "trained_stems": None if one.stems is None else len(one.stems),
        **counts(one.results),
        "answers_file": one.file,
        "answers_sent": status.calls,
        "tokens": status.tokens,
        "spent_usd": status.spent_usd,
        "benchmarks": {
            set_.name: cell([result for result in one.results if result.benchmark == set_.name], one.stems)
            for set_ in benchmarks
        },
    }


def _base(evaluation: Evaluation, answered: list[Answered]) -> tuple[Answered | None, str | None]:
    """The base model's row; without one, why there is no headline."""
    by_name = {one.name: one for one in answered}
    if evaluation.base is not None:
        found = by_name.get(evaluation.base)
        return found, None if found else f"the base {evaluation.base} has not answered all questions"
    trained_from = [one.facts["base"] for one in answered if one.facts["base"]]
    named = [one for one in answered if any(_is(one, base) for base in trained_from)]
    if len(named) == 1:
        return named[0], None
    return None, "no row of the base model in this harness: name it with -m and --base, and gains are told against it"


def _is(one: Answered, base: str) -> bool:
    """Whether a model is the one that another one's ``run.json`` names as its base."""
    names = {one.name, one.facts["label"], str(one.facts["label"]).partition(" ")[0]}
    return base in names or base.rstrip("/").rpartition("/")[2] in names


def _comparisons(evaluation: Evaluation, answered: list[Answered], base: Answered | None) -> list[dict[str, Any]]:
    """Every model against the base, or against the first one where there is none."""
    against = base or (answered[0] if len(answered) > 1 else None)
    if against is None:
        return []
    return [
        {
            "first": against.name,
            "second": one.name,
            "benchmarks": compare_all(against.results, one.results, evaluation.settings.seed),
        }
        for one in answered
        if one.name != against.name
    ]


def _headlines(evaluation: Evaluation, answered: list[Answered], base: Answered | None) -> list[dict[str, Any]]:
    """The gain of each model over the base; on questions whose stems it was not trained on, where that is known."""
    if base is None:
        return []
    told = []
    for one in answered:
        if one.name == base.name:
            continue
        found = compare_all(base.results, one.results, evaluation.settings.seed, one.stems)
        subset = "all questions; what the model was trained on is not known" if one.stems is None else "clean"
        told.append({"model": one.name, "base": base.name, "subset": subset, "benchmarks": found})
    return told


def _power(one: Benchmark, answered: list[Answered]) -> dict[str, Any]:
    """What difference the benchmark can show, at about the first model's rate.

    Two right and two wrong answers are added to it (Agresti and Coull, 1998), so that a rate of 0 promises nothing.
    """
    n = one.facts.n
    first = [result.right for result in answered[0].results if result.benchmark == one.name] if answered else []
    at = (sum(first) + 2) / (len(first) + 4)
    return {
        "benchmark": one.name,
        "n": n,
        "rate": at,
        "unpaired": detectable_unpaired(n, at),
        "paired": detectable_paired(n, _DISCORDANT),
        "discordant": _DISCORDANT,
    }


def read_document(path: Path) -> dict[str, Any]:
    """The results of an evaluation from its file or folder.

    Raises:
        UsageError: it is none, of another version, or names a file that is not in its folder.
    """
    file = path / "results.json" if path.is_dir() else path
    try:
        found = RESULTS.plain(file)
        for one in found["models"]:
            inside(file.parent, one["answers_file"])
    except (Refused, OSError) as unread:
        raise RESULTS.refuse(file, unread) from unread
    return found

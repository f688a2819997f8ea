"""The results of an evaluation as one JSON document, and all the files that are made from it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import UNSET, UnsetType

from reasonmed import __version__
from reasonmed.evaluation.answers import Side, missing, write_answers
from reasonmed.evaluation.audit.results import Answering, audited
from reasonmed.evaluation.bases import bases, is_called
from reasonmed.evaluation.compare import against, settle
from reasonmed.evaluation.comparisons import Comparison, Headline, Perturbed
from reasonmed.evaluation.metrics import cell, counts
from reasonmed.evaluation.outcome import RESULTS, BenchmarkFacts, Power, Results
from reasonmed.evaluation.perturbed import perturbed, qualified, settled
from reasonmed.evaluation.rotation import fixed
from reasonmed.evaluation.scores import ModelResults, Sent
from reasonmed.questions.normal import question_hash
from reasonmed.report.statistics.power import detectable_paired, detectable_unpaired
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.status import status_of

if TYPE_CHECKING:
    from reasonmed.evaluation.answers import Result
    from reasonmed.evaluation.audit.facts import Audit
    from reasonmed.evaluation.bases import Base
    from reasonmed.evaluation.benchmarks import Benchmark
    from reasonmed.evaluation.folder import AuditFacts, Facts
    from reasonmed.evaluation.job import Evaluation

_DISCORDANT = 0.2
"""The share of differing answers that the power table assumes before two models are compared."""


@dataclass(frozen=True)
class Answered:
    """A model with all its results."""

    name: str
    facts: Facts
    run: RunDirectory
    stems: frozenset[str] | None
    results: list[Result]
    file: str

    @property
    def side(self) -> Side:
        """The model as one side of a comparison."""
        return Side(self.name, self.results, self.stems, self.facts.whole, self.facts.form)


def finish(evaluation: Evaluation) -> Results:
    """Write the answers of every model that has answered all questions, and ``results.json``; returns its content."""
    benchmarks = list(evaluation.benchmarks)
    answered, open_ones = _answered(evaluation, benchmarks)
    facts = {one.name: one.facts for one in answered}
    own = bases(facts, evaluation.base) if evaluation.base in {None, *facts} else {}
    compared = _comparisons(evaluation, answered, own)
    headlines = [_headline(one, own[one.second].by) for one in compared if one.second in own]
    audit = evaluation.folder.audit()
    told = Results(
        reasonmed=__version__,
        protocol=evaluation.settings.protocol,
        settings=evaluation.settings.told(),
        margin=evaluation.margin,
        benchmarks=[_benchmark(one, evaluation) for one in benchmarks],
        models=[_model(one, benchmarks) for one in answered],
        unfinished=open_ones,
        base=next(iter({one.name for one in own.values()})) if len({one.name for one in own.values()}) == 1 else None,
        comparisons=compared,
        headlines=headlines,
        no_headline=None if headlines else _no_headline(evaluation, facts),
        power=[_power(one, answered) for one in benchmarks],
        perturbations=_perturbations(evaluation, answered),
        audit=UNSET if audit is None else _audit(evaluation, audit, answered, compared),
    )
    RESULTS.write(evaluation.folder.results, told)
    return told


def _audit(evaluation: Evaluation, facts: AuditFacts, answered: list[Answered], compared: list[Comparison]) -> Audit:
    models = [Answering(one.name, one.facts.label, one.run, one.stems) for one in answered]
    pairs = [(one.first, one.second) for one in compared]
    return audited(evaluation.folder, facts, evaluation.benchmarks, models, pairs)


def _perturbations(evaluation: Evaluation, answered: list[Answered]) -> list[Perturbed] | UnsetType:
    settings = evaluation.settings
    if not settings.perturb:
        return UNSET
    return settled(
        [found for one in answered for found in perturbed(one.name, one.results, settings.perturb, settings.seed)]
    )


def _headline(one: Comparison, by: str) -> Headline:
    return Headline(
        model=one.second,
        base=one.first,
        by=by,
        subset=one.subset,
        remarks=one.remarks,
        trained_on=one.trained_on,
        benchmarks=one.benchmarks,
    )


def _answered(evaluation: Evaluation, benchmarks: list[Benchmark]) -> tuple[list[Answered], dict[str, int]]:
    """The models of the folder that have answered everything; of the others, how many questions are open."""
    folder, found, left = evaluation.folder, [], {}
    for name, facts in folder.models().items():
        run = RunDirectory(folder.path / "models" / facts.run)
        open_ones = missing(run, benchmarks) if run.exists else sum(len(one.questions) for one in benchmarks)
        if open_ones:
            left[name] = open_ones
            continue
        file = f"answers/{facts.run}.jsonl"
        results = write_answers(run, benchmarks, evaluation.settings, folder.path / file)
        found.append(Answered(name, facts, run, folder.stems(name), results, file))
    return found, left


def _benchmark(one: Benchmark, evaluation: Evaluation) -> BenchmarkFacts:
    tied = sum(fixed(question) for question in one.questions) if evaluation.settings.rotate > 1 else None
    majority = max((sum(q.answer == place for q in one.questions) for place in range(26)), default=0)
    return BenchmarkFacts(
        name=one.name,
        file=one.file.name,
        fetched=one.fetched.record if one.fetched else None,
        n=one.facts.n,
        of=one.variant.n if one.variant else None,
        hash=one.facts.hash,
        variant_hash=one.variant.hash if one.variant else None,
        hub=one.variant.hub if one.variant else None,
        task=one.variant.task if one.variant else None,
        whole=one.whole,
        differences=one.differences,
        caution=one.caution,
        with_context=one.facts.with_context,
        options=list(one.facts.options),
        splits=one.facts.splits,
        not_rotated=tied,
        left_out=one.left_out,
        most_frequent_letter=majority / one.facts.n,
        perturbed={name: qualified(one.questions, name) for name in evaluation.settings.perturb} or UNSET,
    )


def _model(one: Answered, benchmarks: list[Benchmark]) -> ModelResults:
    status, facts, right = status_of(one.run), one.facts, sum(result.right for result in one.results)
    spent = status.spent_usd
    return ModelResults(
        name=one.name,
        label=facts.label,
        backend=facts.backend,
        date=one.run.manifest().started[:10],
        demo=facts.demo,
        base=facts.base,
        trained_stems=None if one.stems is None else len(one.stems),
        trained_whole=facts.whole,
        form=facts.form,
        checkpoint=facts.checkpoint,
        **counts(one.results),
        answers_file=one.file,
        answers_sent=status.calls,
        sent=_sent(one),
        tokens=status.tokens,
        spent_usd=spent,
        usd_per_question=None if spent is None else spent / len(one.results),
        usd_per_right=spent / right if spent is not None and right else None,
        benchmarks={
            set_.name: cell([result for result in one.results if result.benchmark == set_.name], one.stems)
            for set_ in benchmarks
        },
    )


def _sent(one: Answered) -> list[Sent]:
    """What the model's endpoint was sent, where that is not what was asked for, and for how many answers."""
    found = Counter(sent for result in one.results for sent in result.sent)
    return [Sent(json.loads(sent), count) for sent, count in sorted(found.items())]


def _no_headline(evaluation: Evaluation, facts: dict[str, Facts]) -> str:
    """Why there is no headline."""
    if evaluation.base is not None and evaluation.base not in facts:
        return f"the base {evaluation.base} has not answered all questions"
    for name, one in facts.items():
        false = [other for other in facts if other != name and one.base and is_called(other, facts[other], one.base)]
        if len(false) == 1:
            return (
                f"{false[0]} is called like the base of {name}, and its weights are others: name the base with -m, or "
                "set the gain against another model with --base"
            )
    return "no row of the base model in this harness: name it with -m and --base, and gains are computed against it"


def _comparisons(evaluation: Evaluation, answered: list[Answered], own: dict[str, Base]) -> list[Comparison]:
    """Every model against its base, else against the commonest base, else against the first one.

    On questions that neither of the two was trained on, as far as that is known.
    """
    by_name = {one.name: one for one in answered}
    commonest = Counter(base.name for base in own.values()).most_common(1)
    default = commonest[0][0] if commonest else next(iter(by_name), None)
    told = []
    for one in answered:
        other = by_name.get(own[one.name].name if one.name in own else default or "")
        if other is None or other.name == one.name:
            continue
        told.append(against(other.side, one.side, evaluation.settings.seed, evaluation.margin))
    settle([(one.first, one.second, one.benchmarks) for one in told])
    return told


def _power(one: Benchmark, answered: list[Answered]) -> Power:
    """What difference the benchmark can show, at about the first model's rate.

    Two right and two wrong answers are added to it (Agresti and Coull, 1998), so that a rate of 0 promises nothing.
    """
    n = len({question_hash(question) for question in one.questions})
    first = [result.right for result in answered[0].results if result.benchmark == one.name] if answered else []
    at = (sum(first) + 2) / (len(first) + 4)
    return Power(
        benchmark=one.name,
        n=n,
        rate=at,
        unpaired=detectable_unpaired(n, at),
        paired=detectable_paired(n, _DISCORDANT),
        discordant=_DISCORDANT,
    )

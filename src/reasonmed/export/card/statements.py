"""What a data set is, how it came about and what it must not be used for, in sentences: each follows from the facts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from reasonmed.export.card.reviewers import demographics, not_clinical, reviews
from reasonmed.questions.licenses import UNKNOWN, conflict, identifier
from reasonmed.recipe.stages import verbs
from reasonmed.report.markdown import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from msgspec import UnsetType

    from reasonmed.export._manifest import Chosen, Export
    from reasonmed.export.card.extras import Report
    from reasonmed.export.card.facts import Facts, Run, Source
    from reasonmed.runs.manifest import Decision

DEMO = (
    "This is a demo. A model without medical ability took part in it, and its texts have no medical worth: do not "
    "train on them. It only shows the machinery."
)
_LIMITS = (
    "A verdict is the word of a language model that sees the key; it does not prove that the reasoning is sound.",
    "Keys are those of the question sources. A wrong or outdated key yields a wrong chain of thought that looks right.",
    "Multiple-choice questions are no patients: there is no history to take, nobody to examine and one right answer.",
)
_UNCHECKED = "Nobody has checked these questions against benchmarks, nor these texts for personal data."
_BIASES = (
    "Questions that the generating models answer right more often have more records; others have fewer or none.",
    "Emphases of the sources in subject, region, language and date of guidelines are carried on; none was measured.",
)
_PROTOCOL = (
    "Each chain of thought has a verdict (correct, error, undecided) of a model that sees the key, if there is one; "
    "the number of wrong ones is the question's tier."
)
_USE = "Research: training and evaluation of language models on medical multiple-choice reasoning; never clinical use"
_DEMO_USE = "Showing and testing the machinery only"
_IMPACT = "Models trained on this data may state wrong medicine with confidence."
_REVIEWED = {
    "none-rejected": "no record that its reviewers rejected",
    "accepted": "only records that their reviewers accepted or edited",
}
_PERSONAL = "phi."
"""So begin the names of the rules of ``reasonmed check`` about personal data."""
_SAVED = {
    "precheck": "Chains of thought that conclude another option than the key were called wrong without a judge",
    "stop_when_decided": "Chains of thought that could not change the tier were neither written nor judged",
}


def summary(told: Export) -> str:
    """What the data set is, in a paragraph, with the warnings."""
    return " ".join([*([DEMO] if told.demo else []), contents(told), not_clinical(told)])


def contents(told: Export) -> str:
    """What is in the data set."""
    counts = told.card.counts
    return (
        f"{count(counts.records, 'record')} on {count(counts.answered, 'multiple-choice medical question')}: "
        f"question, options, key and a chain of thought; {counts.responses:,} have a concise response. "
        f"Language models wrote and judged these texts; a judge called {counts.verified:,} of the chains of thought "
        "correct in exactly the words that stand here."
    )


def limits(told: Export) -> list[str]:
    """What a reader must know before the data is used."""
    counts, run = told.card.counts, told.card.run
    found = list(_LIMITS)
    unverified = counts.records - counts.verified
    if unverified:
        found.append(
            f"Without a judge's Correct on exactly these words (verified is false): {count(unverified, 'record')}."
        )
    found += [f"With the flag {flag}: {count(number, 'record')}." for flag, number in counts.by_flag.items()]
    if counts.consensus:
        found.append(f"With the models' consensus as the key, not a source's: {count(counts.consensus, 'question')}.")
    if counts.open_rates:
        found.append(
            "With chains of thought that have no verdict, or were not written because the tier was decided, so that "
            f"the pass rate is of the others alone: {count(counts.open_rates, 'question')}."
        )
    found += corrected(run)
    found += _half_screened(told.card)
    if run.unfinished:
        what = "Not every run was" if told.card.parts else "The run was not"
        found.append(f"{what} finished: {run.unfinished:,} of {run.questions:,} questions have no outcome.")
    found += unclear_licenses(counts.sources)
    found += sent(run)
    return found if told.checks else [*found, _UNCHECKED]


def _half_screened(facts: Facts) -> list[str]:
    """A sentence on each benchmark that not all of several runs were compared with."""
    shared = [screen.benchmark for screen in facts.run.screened]
    runs: dict[str, list[int]] = {}
    for number, part in enumerate(facts.parts, 1):
        for screen in part.run.screened:
            runs.setdefault(screen.benchmark, []).append(number)
    return [
        f"Only questions of run {', '.join(map(str, numbers))} were compared with {name} before anything was generated."
        for name, numbers in runs.items()
        if name not in shared
    ]


def corrected(run: Run) -> list[str]:
    """A sentence on the keys that were corrected in the run; each question counts once, for its last correction."""
    last = {one.id: one.who for one in run.corrections}
    if not last:
        return []
    who = ", ".join(f"{name} ({number:,})" for name, number in sorted(Counter(last.values()).items()))
    were = "1 key was" if len(last) == 1 else f"{len(last):,} keys were"
    return [f"{were} corrected after the question file was written, by {who}; export.json lists them with the reasons."]


def sent(run: Run) -> list[str]:
    """A sentence on each decision of the run about questions that may identify patients."""
    return [_sent(one) for one in run.phi]


def _sent(decided: Decision) -> str:
    """What was found in the questions before models got them."""
    if decided.mode == "off":
        return "The questions were not screened for personal data before they were sent, by choice (--phi off)."
    of = count(decided.screened or 0, "question")
    if not decided.questions:
        return (
            f"Before they were sent, no pattern of personal data was found in {of}; this does not prove there is none."
        )
    kinds = ", ".join(f"{kind} {number:,}" for kind, number in (decided.kinds or {}).items())
    return (
        f"Before they were sent, {decided.questions:,} of {of} had patterns of personal data ({kinds}) and were "
        "sent all the same (--phi warn)."
    )


def unclear_licenses(sources: Sequence[Source]) -> list[str]:
    """A sentence on each source with records whose publishers disagree on its license."""
    claims = ((one.source, conflict(one.source, one.license)) for one in sources if one.records)
    told = {
        f"The license of {source} is unclear, its publishers disagree: "
        f"{'; '.join(f'{claim.license} according to {claim.where}' for claim in said)}."
        for source, said in claims
        if said
    }
    return sorted(told)


def biases(told: Export) -> list[str]:
    """Where the data leans."""
    facts = told.card
    shares = ", ".join(f"{name} {number:,}" for name, number in facts.counts.by_writer.items())
    found = [f"Style and mistakes are those of the models that wrote the chains of thought ({shares}).", *_BIASES]
    both = facts.self_judged
    if both:
        found.append(f"The judge {', '.join(both)} also wrote chains of thought that it judged, and may favor its own.")
    return found


def savings(run: Run) -> list[str]:
    """What the saving options did in this run."""
    found = []
    for name, saved in run.saved.items():
        tokens = "" if saved.tokens is None else f", about {count(saved.tokens, 'token')}"
        found.append(f"{_SAVED[name]} ({name}): {count(saved.calls, 'request')}{tokens} less.")
    return found


def rai(told: Export) -> dict[str, object]:
    """The fields of Croissant's RAI extension that a run can tell."""
    run, roles = told.card.run, told.card.roles
    sources = ", ".join(one.source or "a source without a name" for one in told.card.counts.sources)
    said = verbs()
    deeds = [f"{', '.join(role.models)} {said[role.stage]}." for role in roles if role.stage in said]
    left = [f"Left out, {reason}: {number:,}" for reason, number in left_out(told).items()]
    return {
        "rai:dataCollection": " ".join([f"Questions from {sources}.", *deeds]),
        "rai:dataCollectionType": ["Synthetic text from language models", "Existing question sets"],
        "rai:dataCollectionTimeFrame": [run.started[:10]],
        "rai:dataPreprocessingProtocol": left or ["Nothing was left out"],
        "rai:dataAnnotationProtocol": [_PROTOCOL, *reviews(told)],
        "rai:dataAnnotationPlatform": [f"reasonmed {run.reasonmed}"],
        "rai:annotationsPerItem": "One verdict a chain of thought",
        "rai:annotatorDemographics": demographics(told),
        "rai:machineAnnotationTools": [f"{name} ({role.stage})" for role in roles for name in role.models],
        "rai:dataBiases": biases(told),
        "rai:dataLimitations": [*([DEMO] if told.demo else []), not_clinical(told), *limits(told)],
        "rai:dataUseCases": [_DEMO_USE if told.demo else _USE],
        "rai:dataSocialImpact": f"{_IMPACT} {not_clinical(told)}",
        "rai:personalSensitiveInformation": [_personal(told.checks), *sent(run)],
    }


def _personal(checks: Report | UnsetType) -> str:
    about = "Questions may be case vignettes with ages, sexes and diagnoses."
    if not checks:
        return f"{about} Nobody has screened them for personal data."
    rules = checks.counts.rules.items()
    found = ", ".join(f"{name} {number:,}" for name, number in rules if name.startswith(_PERSONAL))
    return (
        f"{about} Patterns of personal data that were found: {found or 'none'}; this does not prove that there is none."
    )


def left_out(told: Export) -> dict[str, int]:
    """Counts of what is not in the data, by the reason in words; a question may be left out for two reasons."""
    found = {f"questions without a record in the run: {name}": n for name, n in told.card.run.reasons.items()}
    kinds = {
        "questions": told.questions_left_out,
        "records": told.left_out,
        "chains of thought": told.chains_left_out,
    }
    for what, reasons in kinds.items():
        found |= {f"{what} by the rules of the export: {name}": number for name, number in reasons.items()}
    return found


def filters(settings: Chosen) -> list[str]:
    """What the settings of an export leave out, beyond what they always do."""
    named = {"tiers": settings.tiers, "sources": settings.sources, "licenses": settings.licenses}
    found = [f"only {what}: {', '.join(allowed)}" for what, allowed in named.items() if allowed]
    if settings.min_score is not None:
        found.append(f"only records with a score of at least {settings.min_score}")
    if settings.min_step_share is not None:
        found.append(
            f"only records with a share of at least {settings.min_step_share:g} of their steps ok by the judge"
        )
    if settings.pass_rate is not None:
        least, most = settings.pass_rate
        found.append(f"only questions with a pass rate from {least:g} to {most:g}, of their judged chains of thought")
    if settings.max_cot_tokens is not None:
        found.append(f"no chain of thought with more than {settings.max_cot_tokens:,} {settings.cot_tokens_in}")
    if settings.verified_only:
        found.append("only records that a judge accepted")
    found += [_REVIEWED[settings.reviewed]] if settings.reviewed in _REVIEWED else []
    found += ["disputed keys are in"] if settings.disputed else []
    found += ["consensus keys are in"] if settings.consensus else []
    drops = settings.drops.drop if settings.drops else {}
    return found + [f"findings of {rule}: {count:,} questions, records or chains" for rule, count in drops.items()]


def without_license(facts: Facts) -> list[str]:
    """Sources whose license is not known."""
    found = facts.counts.sources
    return sorted({one.source or "(no source named)" for one in found if identifier(one.license) == UNKNOWN})

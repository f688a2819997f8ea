"""The judge card of a run from its reviewers' votes: no request is made, the run's own verdicts are measured.

Only texts that were drawn at random count. Chains are drawn within the judge's verdicts, so that every share is
weighted by the number of all chains of the half with that verdict.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from reasonmed.errors import UsageError
from reasonmed.files import make_folder, write_atomically
from reasonmed.pipeline.judging.card import FORMAT, Card, Injection, OwnModel, Retest, Stratum
from reasonmed.pipeline.judging.gate import CARD
from reasonmed.pipeline.judging.human import LABELS, Half, Human, Labeled, Worth, half_of, own_word
from reasonmed.pipeline.judging.pages import html_of, markdown_of
from reasonmed.pipeline.judging.shares import Estimate, Share, clustered, share
from reasonmed.pipeline.judging.steps import located, step_card_of
from reasonmed.report.statistics.strata import Stratum as Sampled
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.records import outcomes
from reasonmed.runs.reviews.judge import ACCEPTED, REJECTED, JudgeInSet
from reasonmed.runs.reviews.rulings import rulings_in
from reasonmed.types import Probe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from reasonmed.runs.manifest import Manifest
    from reasonmed.runs.reviews.rulings import Ruling, Rulings
    from reasonmed.types import ChainOfThought, Question, Story

VERDICTS = (ACCEPTED, REJECTED, "undecided")
_NONE = "none"
_UNKNOWN = (
    "Sensitivity, specificity and kappa are not known: of the chains that the judge called {} none was drawn at random "
    "and decided on in this half."
)
Concludes = Literal["key", "another option"]


class Case(NamedTuple):
    """A chain that the judge judged: where it belongs, what the judge said of it, and what reviewers said, if drawn."""

    question: str
    half: Half
    outcome: str
    concludes: Concludes
    parts: dict[str, str]
    right: bool | None = None


def card_from_review(folder: RunDirectory) -> Card:
    """The card of a run's judge, by the votes on its texts.

    Raises:
        UsageError: the run has no judge, or no vote that counts.
    """
    manifest = folder.manifest()
    judge = judge_of_run(manifest)
    with closing(folder.reader()) as ledger:
        found = rulings_in(folder.path, ledger)
        cases = [case for story in outcomes(ledger) for case in _cases(story)] if found else []
    drawn = [one for one in found.texts if one.at_random] if found else []
    if found is None or not drawn:
        raise UsageError(
            f"{folder.path} has no vote on a text that was drawn at random; review some with "
            f"`reasonmed view {folder.path}`, chains that the judge rejected too"
        )
    halves: dict[Half, Labeled] = {half: _half(half, drawn, cases) for half in ("dev", "test")}
    human = Human(found.roles, halves["dev"], halves["test"])
    chains = [one for one in drawn if _is_judged(one)]
    counted = [one for one in chains if half_of(one.question) == "test"]
    return Card(
        format=FORMAT,
        judge=judge,
        name=str(msgspec.convert(judge["model"], dict[str, object]).get("name", "")),
        demo=manifest.demo,
        seed=0,
        source=folder.path.resolve().name,
        cases=len(chains),
        labels={LABELS: len(chains)},
        left_out={reason: number for reason, number in _left_out(found, chains).items() if number},
        unchecked_conflicts=0,
        strata=_strata(human.test, counted, [case for case in cases if case.half == "test"]),
        rejected={},
        injection=Injection(share(0, 0), {}, {}),
        retest=Retest(share(0, 0), Estimate(None, -1.0, 1.0)),
        length={},
        place={},
        key={},
        own_model=OwnModel(share(0, 0), share(0, 0), None, {}),
        steps=human.test.steps,
        human=human,
    )


def write_card(folder: RunDirectory, output: Path) -> Card:
    """Make the card of a run's judge by its votes, and write its three files; those of an older one are replaced.

    Raises:
        UsageError: the run has no judge or no vote that counts, or the folder is that of a card by requests.
    """
    if RunDirectory(output).exists:
        raise UsageError(f"{output} is a card or a run that was made with requests; choose another -o")
    card = card_from_review(folder)
    make_folder(output)
    CARD.write(output / "judge_card.json", card)
    write_atomically(output / "judge_card.md", markdown_of(card))
    write_atomically(output / "judge_card.html", html_of(card))
    return card


def judge_of_run(manifest: Manifest) -> dict[str, object]:
    """Who judged a run, as a recipe's judge is identified.

    Raises:
        UsageError: the run has no judge.
    """
    stages = msgspec.convert(manifest.identity.get("stages", {}), dict[str, dict[str, object]])
    verify = stages.get("verify")
    if verify is None:
        raise UsageError("the run has no verify stage, so there is no judge to measure")
    prompts = msgspec.convert(verify["prompts"], dict[str, str])
    prompt = prompts["verify_steps" if verify.get("steps") is True else "verify"]
    return {**{name: verify.get(name) for name in ("model", "temperature", "top_p")}, "prompt": prompt}


def _left_out(found: Rulings, chains: Sequence[Ruling]) -> Counter[str]:
    of_chains = [one for one in found.texts if one.target.kind == "chain"]
    return Counter(
        {
            "chains not drawn at random": sum(not one.at_random for one in of_chains),
            "chains without a word of the judge": sum(one.at_random for one in of_chains) - len(chains),
            "texts on which reviewers are split": len(found.tied),
            "votes on a text that has changed": len(found.stale),
            "votes on a text that is gone": len(found.gone),
            "deferred votes": found.deferred,
        }
    )


def _cases(story: Story) -> Iterator[Case]:
    """The chains of a story that the judge judged."""
    for chain in story.chains:
        word = own_word(chain.verdict) if chain.missing is None else None
        if word is not None:
            yield _case(story, chain, word)


def _case(story: Story, chain: ChainOfThought, word: str, right: bool | None = None) -> Case:  # noqa: FBT001 - a label
    question = story.question
    parts = {"tier": str(story.tier or _NONE), "source": question.source or _NONE, "model": chain.model}
    return Case(question.id, half_of(question.id), word, _concludes(question, chain.answer), parts, right)


def _is_judged(one: Ruling) -> bool:
    """Whether it is on a chain that the judge itself judged."""
    return one.target.kind == "chain" and own_word(one.target.verdict) is not None


def _concludes(question: Question, answer: int | None) -> Concludes:
    return "key" if answer is None or answer == question.answer else "another option"


def _chain_of(one: Ruling) -> ChainOfThought:
    """The chain of a story that a ruling is on; chains count from 1."""
    return one.story.chains[int(one.target.id.rpartition("-")[2]) - 1]


def _labeled(drawn: Iterable[Ruling]) -> list[Case]:
    chains = ((one, own_word(one.target.verdict)) for one in drawn if one.target.kind == "chain")
    return [_case(one.story, _chain_of(one), word, one.right) for one, word in chains if word is not None]


def _half(half: Half, drawn: Sequence[Ruling], cases: Sequence[Case]) -> Labeled:
    mine = [one for one in drawn if half_of(one.question) == half]
    labeled, all_of = _labeled(mine), [case for case in cases if case.half == half]
    probes = [(one.target.question, _probe(one)) for one in mine if _is_judged(one)]
    records = [(one.question, one.right) for one in mine if one.target.kind == "record"]
    by: dict[str, dict[str, Worth]] = {}
    for part in ("tier", "source", "model"):
        names = sorted({case.parts[part] for case in labeled})
        by[part] = {name: worth_of(*(_in(part, name, some) for some in (labeled, all_of))) for name in names}
    seen = {case.outcome for case in labeled}
    unseen = {case.outcome for case in all_of} - seen
    return Labeled(
        questions=len({one.question for one in mine}),
        all=worth_of(labeled, all_of),
        right={name: clustered(_pairs(labeled, name)) for name in VERDICTS if name in seen},
        records=clustered(records),
        by=by,
        unknown=[_UNKNOWN.format(name) for name in (ACCEPTED, REJECTED) if name in unseen],
        steps=step_card_of(probes),
        located=located(probes),
    )


def _in(part: str, name: str, cases: Sequence[Case]) -> list[Case]:
    return [case for case in cases if case.parts[part] == name]


def _pairs(labeled: Sequence[Case], outcome: str) -> list[tuple[str, bool]]:
    return [(case.question, bool(case.right)) for case in labeled if case.outcome == outcome]


def worth_of(labeled: Sequence[Case], all_of: Sequence[Case]) -> Worth:
    """What the judge is worth on some chains, from those labeled and the number of all by verdict.

    Where it gave one verdict only, no weight says how often it gives another one: then the labeled chains do.
    """
    sizes = Counter(case.outcome for case in all_of)
    judge = _judge(labeled, sizes)
    right = [case for case in labeled if case.right]
    wrong = [case for case in labeled if not case.right]
    sensitivity, specificity, kappa = _NOT_KNOWN if judge is None else (
        judge.of(judge.sensitivity), judge.of(judge.rejects), judge.of(judge.kappa),
    )  # fmt: skip
    accepted = [(case.question, case.outcome == ACCEPTED) for case in right]
    rejected = [(case.question, case.outcome == REJECTED) for case in wrong]
    one_verdict = judge is not None and len({case.outcome for case in labeled}) == 1
    never = not sizes[ACCEPTED] or (judge is not None and not sizes[REJECTED])
    return Worth(
        cases=len(labeled),
        sensitivity=clustered(accepted) if one_verdict else _weighted(accepted, sensitivity),
        specificity=clustered(rejected) if never else _weighted(rejected, specificity),
        ppv=clustered(_pairs(labeled, ACCEPTED)),
        kappa=kappa,
    )


_NOT_KNOWN = (Estimate(None, 0.0, 1.0), Estimate(None, 0.0, 1.0), Estimate(None, -1.0, 1.0))


def _judge(labeled: Sequence[Case], sizes: Mapping[str, int]) -> JudgeInSet | None:
    """The judge in a set; None unless accepted chains of it were labeled, and rejected ones where it has any."""
    seen: defaultdict[str, list[tuple[str, bool]]] = defaultdict(list)
    for case in labeled:
        seen[case.outcome].append((case.question, bool(case.right)))
    strata = {name: Sampled(sizes[name], seen[name]) for name in VERDICTS if seen[name]}
    needed = {ACCEPTED, *([REJECTED] if sizes[REJECTED] else [])}
    return JudgeInSet(strata) if needed <= strata.keys() else None


def _weighted(counted: Sequence[tuple[str, bool]], found: Estimate) -> Share:
    return Share(sum(one for _, one in counted), len(counted), found.value, found.low, found.high)


def _strata(test: Labeled, counted: Sequence[Ruling], all_of: Sequence[Case]) -> dict[str, Stratum]:
    """The card's strata: wrong chains that conclude another option, and those that conclude the key or nothing."""
    labeled = _labeled(counted)
    names: dict[str, Concludes] = {"wrong_answer": "another option", "broken_reasoning": "key"}
    found = {}
    for name, concludes in names.items():
        some = [case for case in labeled if case.concludes == concludes]
        worth = worth_of(some, [case for case in all_of if case.concludes == concludes])
        undecided = [(case.question, case.outcome == "undecided") for case in some]
        found[name] = Stratum(
            sound=sum(bool(case.right) for case in labeled),
            wrong=sum(not case.right for case in some),
            sensitivity=test.all.sensitivity,
            specificity=worth.specificity,
            undecided=clustered(undecided),
            kappa=worth.kappa,
        )
    return found


def _probe(one: Ruling) -> Probe:
    """A labeled chain as a case for what the judge says of steps; its faults are those that reviewers marked."""
    chain = _chain_of(one)
    against = [] if one.right else [vote for vote in one.votes if not vote.says_right]
    kinds = Counter(vote.error_type for vote in against if vote.error_type)
    stratum: Literal["sound", "wrong_answer", "broken_reasoning"] = "sound"
    if not one.right:
        stratum = "broken_reasoning" if _concludes(one.target.question, chain.answer) == "key" else "wrong_answer"
    return Probe(
        kind="original" if one.right else next((name for name, _ in kinds.most_common(1)), "rejected"),
        stratum=stratum,
        known="human",
        text=one.target.text,
        model=one.target.model,
        answer=chain.answer,
        verdict=one.target.verdict,
        spans=tuple(sorted({(fault.start, fault.end) for vote in against for fault in vote.faults})),
    )

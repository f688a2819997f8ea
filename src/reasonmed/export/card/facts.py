"""What a card says of an export: facts of the run's manifest and ledger, and counts of the rows that are exported.

All of it goes into the export's manifest, so that the card can be made again without the run.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct

from reasonmed.documents import Amount, Count
from reasonmed.pipeline.judging.steps import Agreement, agreement
from reasonmed.recipe.stages import spec_of, specs
from reasonmed.runs.manifest import Correction, Decision, Identity, Input, Manifest, ModelIdentity, Screen
from reasonmed.runs.pass_rate import pass_rate_of
from reasonmed.runs.reviews.rates import ReviewRates
from reasonmed.runs.status import Canaries, PrefixCache, Saver, Saving, StageTotals, Status
from reasonmed.runs.tables.chains import Outcomes
from reasonmed.screening.secrets import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reasonmed.types import Record, Story, Verdict

_ENGLISH = frozenset({"the", "and", "with", "which", "for", "most", "has", "this", "what", "following", "to"})
"""Frequent English words that are not also frequent in its neighbors."""
_WORD = re.compile(r"[^\W\d_]+")

Counts = dict[str, Count]
Tiers = dict[Annotated[str, Meta(pattern="^(easy|medium|difficult|none)$")], Count]
Scores = dict[Annotated[str, Meta(pattern="^(none|[0-9]{1,3})$")], Count]


class Taken(NamedTuple):
    """A question that is exported: its story, its split and those of its records that are taken."""

    story: Story
    split: str
    records: Sequence[Record]


class Role(Struct):
    """Who did what in the run: a stage, its models and the options that matter."""

    stage: str
    models: list[str]
    options: dict[str, object]


class Run(Struct, kw_only=True):
    """How the run was made, and where it stood."""

    started: str
    reasonmed: str
    parsing: int
    input: Input | None
    prompts: dict[str, str]
    demo: bool
    screened: list[Screen] = []
    phi: list[Decision] = []
    corrections: list[Correction] = []
    """Keys that were corrected after the question file was written."""
    state: str
    questions: Count
    succeeded: Count
    failures: Count
    unfinished: Count
    records: Count
    chains: Counts
    tiers: Counts
    reasons: Counts
    calls: Count
    tokens: Count
    spent_usd: Amount | None
    lost_usd: Amount
    saved: dict[Saver, Saving]
    seconds: Amount
    stages: dict[str, StageTotals]
    canaries: Canaries | None = None
    equal_samples: Counts = {}
    prefix_cache: dict[str, PrefixCache] = {}
    """By model, where its server reports it."""
    reviews: ReviewRates | None = None
    """What reviewers found; None where nobody voted, and of several runs, whose parts have their own."""


class Source(Struct):
    """A source of questions, as far as it is exported."""

    source: str | None
    license: str | None
    license_source: Literal["row", "layout", "none"] = "none"
    questions: Count = 0
    records: Count = 0
    tiers: Tiers = msgspec.field(default_factory=dict)


class Tally(Struct, kw_only=True):
    """Counts over what is exported. ``questions`` are all that are taken, ``answered`` those with a record."""

    questions: Count = 0
    answered: Count = 0
    context: Count = 0
    consensus: Count = 0
    open_rates: Count = 0
    """Of the questions, those with a chain of thought that has no verdict: their pass rate is of the others."""
    words: Count = 0
    """Of the questions."""
    english_words: Count = 0
    records: Count = 0
    verified: Count = 0
    responses: Count = 0
    sources: list[Source]
    tiers: dict[str, Tiers]
    chains: dict[str, Counts]
    by_origin: Counts
    by_writer: Counts
    by_responder: Counts
    by_flag: Counts
    by_score: Scores
    step_agreement: Agreement | None = None
    """Of the judge and a second one, on the steps of chains that both judged; None where there are none."""


class Part(Struct):
    """One of several runs that an export is made of: how it was made, and how much of it is taken."""

    run: Run
    roles: list[Role]
    identity: dict[str, object]
    questions: Count = 0
    records: Count = 0


class Facts(Struct, omit_defaults=True):
    """What a card says beyond the export itself; of an export of several runs ``run`` is their sum."""

    run: Run
    roles: list[Role]
    counts: Tally
    parts: list[Part] = []
    """The runs, where there are several, in the order in which they are taken."""

    @property
    def judges(self) -> list[str]:
        """The models that judged, each once."""
        return list(dict.fromkeys(_judges(self.roles)))

    @property
    def writers(self) -> list[str]:
        """The models that wrote any text, each once."""
        others = {one.name for one in specs() if not one.writes} | {role.title for one in specs() for role in one.roles}
        return list(dict.fromkeys(name for role in self.roles if role.stage not in others for name in role.models))

    @property
    def self_judged(self) -> list[str]:
        """The models that judged and also wrote what was judged, in one run."""
        writing = {spec.name for spec in specs() if spec.writes == "chain"}
        found: set[str] = set()
        for roles in [part.roles for part in self.parts] or [self.roles]:
            found |= {*_judges(roles)} & {name for role in roles if role.stage in writing for name in role.models}
        return sorted(found)


def _judges(roles: Iterable[Role]) -> list[str]:
    return [name for role in roles if role.stage == "verify" for name in role.models]


def part_of(manifest: Manifest, status: Status, reviews: ReviewRates | None = None) -> Part:
    """A run as a part of an export: the facts of its manifest, where it stands, and what reviewers found in it."""
    identity = msgspec.convert(manifest.identity, Identity)
    run = Run(
        started=manifest.started,
        reasonmed=manifest.reasonmed,
        parsing=identity.parsing,
        input=manifest.input,
        prompts=manifest.prompts,
        demo=manifest.demo,
        screened=manifest.against,
        phi=manifest.phi,
        corrections=manifest.corrections,
        state=status.state,
        questions=status.questions,
        succeeded=status.succeeded,
        failures=status.failures,
        unfinished=status.unfinished,
        records=status.records,
        chains=status.chains,
        tiers=status.tiers,
        reasons=status.reasons,
        calls=status.calls,
        tokens=status.tokens,
        spent_usd=status.spent_usd,
        lost_usd=status.lost_usd,
        saved=status.saved,
        seconds=status.seconds,
        stages=status.stages,
        canaries=status.canaries,
        equal_samples=status.equal_samples,
        prefix_cache=status.prefix_cache,
        reviews=reviews,
    )
    return Part(run, _roles(identity, manifest.identity), without_secrets(manifest.identity))


def _roles(identity: Identity, plain: Mapping[str, object]) -> list[Role]:
    """One entry a stage, with its models and the options that matter; readers beside a stage's own model follow it."""
    options = msgspec.convert(plain["stages"], dict[str, dict[str, object]])
    found = []
    for stage, made in identity.stages.items():
        spec, plainly = spec_of(stage), options[stage]
        own = {name: plainly.get(name) for name in (spec.card if spec else ())}
        own["package"] = f"{made.plugin.package} {made.plugin.version}" if made.plugin else None
        found.append(Role(stage, made.names, {name: value for name, value in own.items() if value is not None}))
        beside = {role.title: plainly.get(role.option) for role in (spec.roles if spec else ()) if role.title}
        found += [Role(title, [msgspec.convert(one, ModelIdentity).name], {}) for title, one in beside.items() if one]
    return found


def tally(taken: Iterable[Taken]) -> Tally:
    """Counts over questions, records and chains of thought, in a fixed order."""
    sources: dict[tuple[str, str, Literal["row", "layout", "none"]], Counter[str]] = defaultdict(Counter)
    tiers: dict[str, Counter[str]] = defaultdict(Counter)
    chains = Outcomes()
    kept: dict[str, Counter[str]] = {name: Counter() for name in ("origin", "writer", "responder", "flag", "score")}
    sums: Counter[str] = Counter()
    second: list[tuple[str, Verdict | None]] = []
    for story, split, records in taken:
        question = story.question
        source = sources[question.source or "", question.license or "", question.license_source]
        source["questions"] += 1
        source["records"] += len(records)
        words = _WORD.findall(question.stem.lower())
        sums.update(questions=1, answered=int(bool(records)), context=int(question.context is not None))
        sums.update(words=len(words), english_words=sum(word in _ENGLISH for word in words))
        sums["consensus"] += question.answer_source == "consensus"
        sums["open_rates"] += pass_rate_of(story).open > 0
        chains.add(story.chains, question.source or "")
        judged = (chain.verdict for chain in story.chains if chain.verdict is not None)
        second.extend((question.id, one) for one in judged if any(opinion.steps for opinion in one.opinions))
        for record in records:
            tier = str(record.tier or "none")
            source[f"tier:{tier}"] += 1
            tiers[split][tier] += 1
            sums.update(records=1, verified=record.verified, responses=record.response is not None)
            kept["origin"][record.provenance["origin"]] += 1
            kept["writer"][record.provenance["writer"]] += 1
            kept["responder"].update([record.provenance["responder"]] if "responder" in record.provenance else [])
            kept["flag"].update(record.flags)
            kept["score"][str(record.score or "none")] += 1
    by = {name: dict(sorted(found.items())) for name, found in kept.items()}
    return Tally(
        questions=sums["questions"],
        answered=sums["answered"],
        context=sums["context"],
        consensus=sums["consensus"],
        open_rates=sums["open_rates"],
        words=sums["words"],
        english_words=sums["english_words"],
        records=sums["records"],
        verified=sums["verified"],
        responses=sums["responses"],
        sources=[_source(*name, found) for name, found in sorted(sources.items())],
        tiers={split: dict(sorted(found.items())) for split, found in sorted(tiers.items())},
        chains=chains.by_model(),
        by_origin=by["origin"],
        by_writer=by["writer"],
        by_responder=by["responder"],
        by_flag=by["flag"],
        by_score=by["score"],
        step_agreement=agreement(second),
    )


def _source(name: str, license_: str, said: Literal["row", "layout", "none"], found: Counter[str]) -> Source:
    tiers = {key[5:]: count for key, count in sorted(found.items()) if key.startswith("tier:")}
    return Source(name or None, license_ or None, said, found["questions"], found["records"], tiers)

"""What a card tells of an export: facts of the run's manifest and ledger, and counts of the rows that are exported.

All of it is plain data that goes into the export's manifest, so that the card can be made again without the run.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from reasonmed.recipe.stages import spec_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reasonmed.runs.status import Status
    from reasonmed.types import Record, Story

_ENGLISH = frozenset({"the", "and", "with", "which", "for", "most", "has", "this", "what", "following", "to"})
"""Frequent English words that are not also frequent in its neighbors."""
_WORD = re.compile(r"[^\W\d_]+")
_SUMS = (
    *("questions", "answered", "context", "consensus", "words", "english_words"),
    *("records", "verified", "responses"),
)
"""``questions`` are all that are taken, ``answered`` those with a record; the words are those of the questions."""


class Taken(NamedTuple):
    """A question that is exported: its story, its split and those of its records that are taken."""

    story: Story
    split: str
    records: Sequence[Record]


def gather(manifest: Mapping[str, Any], status: Status, taken: Iterable[Taken]) -> dict[str, Any]:
    """The facts of a run, and the counts of what is taken of it.

    Args:
        manifest: the run's.
        status: where the run stands.
        taken: the questions that are exported.
    """
    told = msgspec.to_builtins(status)
    told.pop("demo")
    return {
        "run": {
            "started": manifest["started"],
            "reasonmed": manifest["reasonmed"],
            "parsing": manifest["identity"]["parsing"],
            "input": manifest["input"],
            "prompts": manifest["prompts"],
            "demo": bool(manifest["demo"]),
            "screened": manifest.get("against", []),
            "phi": manifest.get("phi", []),
            **told,
        },
        "roles": roles(manifest["identity"]),
        "counts": _counts(taken),
    }


def roles(identity: dict[str, Any]) -> list[dict[str, Any]]:
    """Who did what: one entry a stage, with its models, the options that matter and the prompts' names."""
    found = []
    for stage, told in identity["stages"].items():
        spec = spec_of(stage)
        models = [one["name"] for one in told.get("models") or [told[key] for key in ("model",) if key in told]]
        options = {name: told[name] for name in (spec.card if spec else ()) if told.get(name) is not None}
        if "plugin" in told:
            options["package"] = f"{told['plugin']['package']} {told['plugin']['version']}"
        found.append({"stage": stage, "models": models, "options": options})
        beside = [role for role in (spec.roles if spec else ()) if role.title and role.option in told]
        found += [{"stage": role.title, "models": [told[role.option]["name"]], "options": {}} for role in beside]
    return found


def _counts(taken: Iterable[Taken]) -> dict[str, Any]:
    """Counts over questions, records and chains of thought; each a plain mapping in a fixed order."""
    sources: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    tiers: dict[str, Counter[str]] = defaultdict(Counter)
    chains: dict[str, Counter[str]] = defaultdict(Counter)
    kept: dict[str, Counter[str]] = {name: Counter() for name in ("origin", "writer", "responder", "flag", "score")}
    sums: Counter[str] = Counter(dict.fromkeys(_SUMS, 0))
    for story, split, records in taken:
        question = story.question
        source = sources[question.source or "", question.license or "", question.license_source]
        source["questions"] += 1
        source["records"] += len(records)
        words = _WORD.findall(question.stem.lower())
        sums.update(questions=1, answered=bool(records), context=question.context is not None)
        sums.update(words=len(words), english_words=sum(word in _ENGLISH for word in words))
        sums["consensus"] += question.answer_source == "consensus"
        for chain in story.chains:
            chains[chain.model][chain.outcome] += 1
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
    return {
        **sums,
        "sources": [
            {
                "source": name or None,
                "license": license_ or None,
                "license_source": said,
                "questions": found["questions"],
                "records": found["records"],
                "tiers": {key[5:]: count for key, count in sorted(found.items()) if key.startswith("tier:")},
            }
            for (name, license_, said), found in sorted(sources.items())
        ],
        "tiers": {split: dict(sorted(found.items())) for split, found in sorted(tiers.items())},
        "chains": {model: dict(sorted(found.items())) for model, found in sorted(chains.items())},
        **{f"by_{name}": dict(sorted(found.items())) for name, found in kept.items()},
    }

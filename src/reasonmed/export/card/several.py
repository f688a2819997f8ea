"""What a card says of an export of several runs: sums over them, and each run by its number."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from reasonmed.export.card.facts import Facts, Run
from reasonmed.report.statistics.agreement import proportion
from reasonmed.runs.status import Canaries, PrefixCache, Saving, StageTotals, prefix_cache

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from reasonmed.export.card.facts import Part, Role, Tally
    from reasonmed.runs.status import Saver

_SUMS = ("questions", "succeeded", "failures", "unfinished", "records", "calls", "tokens", "lost_usd", "seconds")
_COUNTS = ("chains", "tiers", "reasons", "equal_samples")
_OF_STAGE = ("calls", "reused", "rejected", "prompt_tokens", "cached_tokens", "completion_tokens", "seconds")


def together(parts: Sequence[Part], counts: Tally) -> Facts:
    """The facts of an export of several runs; of one, those of the run itself.

    Args:
        parts: the runs, in the order in which they are taken.
        counts: what is counted over all that is exported.
    """
    if len(parts) == 1:
        return Facts(parts[0].run, parts[0].roles, counts)
    roles: list[Role] = []
    for part in parts:
        roles += [role for role in part.roles if role not in roles]
    return Facts(_sum([part.run for part in parts], _same_judges(parts)), roles, counts, list(parts))


def _same_judges(parts: Sequence[Part]) -> bool:
    judges = [[role.models for role in part.roles if role.stage == "verify"] for part in parts]
    return all(one == judges[0] for one in judges)


def _sum(runs: Sequence[Run], same_judges: bool) -> Run:  # noqa: FBT001 - said once
    first = runs[0]
    sums: dict[str, Any] = {name: sum(getattr(one, name) for one in runs) for name in _SUMS}
    counts: dict[str, Any] = {name: _added(getattr(one, name) for one in runs) for name in _COUNTS}
    return Run(
        started=min(one.started for one in runs),
        reasonmed=", ".join(sorted({one.reasonmed for one in runs})),
        parsing=max(one.parsing for one in runs),
        input=first.input if all(one.input == first.input for one in runs) else None,
        prompts=_prompts(runs),
        demo=any(one.demo for one in runs),
        screened=[screen for screen in first.screened if all(screen in one.screened for one in runs)],
        phi=[decision for one in runs for decision in one.phi],
        corrections=[correction for one in runs for correction in one.corrections],
        state=next((one.state for one in runs if one.state != "finished"), "finished"),
        spent_usd=_known(one.spent_usd for one in runs),
        saved=_saved(runs),
        stages=_stages(runs),
        prefix_cache=_cached(runs),
        canaries=_canaries([one.canaries for one in runs if one.canaries]) if same_judges else None,
        **sums,
        **counts,
    )


def _known(amounts: Iterable[float | None]) -> float | None:
    """The sum of amounts; None where one is not known."""
    total = 0.0
    for amount in amounts:
        if amount is None:
            return None
        total += amount
    return total


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for one in counts:
        found.update(one)
    return dict(sorted(found.items()))


def _prompts(runs: Sequence[Run]) -> dict[str, str]:
    """The hash of each template; with the number of the run where runs have different ones."""
    names = dict.fromkeys(name for one in runs for name in one.prompts)
    found: dict[str, str] = {}
    for name in names:
        hashes = {number: one.prompts[name] for number, one in enumerate(runs, 1) if name in one.prompts}
        if len({*hashes.values()}) == 1:
            found[name] = next(iter(hashes.values()))
        else:
            found |= {f"{name} (run {number})": one for number, one in hashes.items()}
    return found


def _saved(runs: Sequence[Run]) -> dict[Saver, Saving]:
    found: dict[Saver, list[Saving]] = {}
    for one in runs:
        for name, saving in one.saved.items():
            found.setdefault(name, []).append(saving)
    return {name: _saving(all_of) for name, all_of in found.items()}


def _saving(found: Sequence[Saving]) -> Saving:
    tokens = _known(one.tokens for one in found)
    usd = _known(one.usd for one in found)
    return Saving(sum(one.calls for one in found), None if tokens is None else round(tokens), usd)


def _cached(runs: Sequence[Run]) -> dict[str, PrefixCache]:
    found: dict[str, list[PrefixCache]] = {}
    for one in runs:
        for model, use in one.prefix_cache.items():
            found.setdefault(model, []).append(use)
    return {
        model: prefix_cache(sum(use.prompt_tokens for use in uses), sum(use.cached_tokens for use in uses))
        for model, uses in sorted(found.items())
    }


def _stages(runs: Sequence[Run]) -> dict[str, StageTotals]:
    found: dict[str, list[StageTotals]] = {}
    for one in runs:
        for name, totals in one.stages.items():
            found.setdefault(name, []).append(totals)
    return {name: _stage(all_of) for name, all_of in found.items()}


def _stage(found: Sequence[StageTotals]) -> StageTotals:
    sums: dict[str, Any] = {name: sum(getattr(one, name) for one in found) for name in _OF_STAGE}
    return StageTotals(**sums, spent_usd=_known(one.spent_usd for one in found))


def _canaries(found: Sequence[Canaries]) -> Canaries | None:
    """Planted chains of all runs, which one judge judged."""
    planted, accepted = sum(one.planted for one in found), sum(one.accepted for one in found)
    rejected, undecided = sum(one.rejected for one in found), sum(one.undecided for one in found)
    return Canaries(planted, accepted, rejected, undecided, *proportion(accepted, planted)) if planted else None

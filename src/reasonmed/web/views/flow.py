"""The funnel of a run as a flow: questions, their chains of thought, the verdicts on these, tiers, how it ended.

Two units are on the way. A question is as high as its chains of thought together (as many as questions have on
average), so that one scale does for all columns; where a tier's questions have more or fewer chains than the average,
a ribbon widens or narrows as it changes from chains to questions.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.errors import RunDirectoryError
from reasonmed.report.sankey import Flow, Node, Sankey, check
from reasonmed.web.views.sums import NO_MODEL, NO_TIER, TIERS, UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from reasonmed.report.svg import Tone
    from reasonmed.web.views.sums import Sums

Asked = tuple[tuple[str, str], ...]
VERDICTS: dict[str, tuple[str, Tone]] = {
    "correct": ("correct", "good"),
    "error": ("error", "bad"),
    "undecided": ("undecided", "open"),
    "missing": ("missing", "gray"),
    "unjudged": ("not judged", "low"),
}
TIER_TONES: dict[str, Tone] = {"easy": "low", "medium": "middle", "difficult": "high", NO_TIER: "gray"}
_ENDS: dict[str, tuple[str, Tone]] = {
    "finished": ("with records", "good"),
    "failed": ("failed", "bad"),
    UNFINISHED: ("unfinished", "faint"),
}
_COLUMNS = ("Questions", "Chains of thought", "Verdicts on chains", "Questions by tier", "Outcome")
_PASSING = "passing"
CONFLICT = "conflict"
"""A verdict that counts as undecided."""
_WITH_CHAINS: Asked = tuple(("verdict", verdict) for verdict in (*VERDICTS, CONFLICT))
_WITHOUT: Asked = (("model", NO_MODEL),)


class Counts(NamedTuple):
    """What the flow is drawn from."""

    chains: Counter[tuple[str, str]]
    """By verdict and tier."""
    asked: Counter[str]
    """Questions with chains, by tier."""
    bare: Counter[str]
    """Questions without any, by tier."""
    ends: Counter[tuple[str, str]]
    """Questions by tier and outcome."""
    records: int

    def has(self, questions: int, done: int) -> bool:
        """Whether so many questions, and so many finished ones, are in the sums: all that the ledger has."""
        unfinished = sum(count for (_, end), count in self.ends.items() if end == UNFINISHED)
        return (self.ends.total(), self.ends.total() - unfinished) == (questions, done)

    @property
    def per_question(self) -> float:
        """Chains of thought of a question that has any, on average."""
        asked = self.asked.total()
        return self.chains.total() / asked if asked else 0.0


def counts_of(sums: Sums) -> Counts:
    """What the sums of an index say of the flow; conflicts are undecided."""
    ends, asked, bare = Counter[tuple[str, str]](), Counter[str](), Counter[str]()
    for kind, count in sums.questions.items():
        ends[kind.tier, kind.state] += count
        (asked if kind.chains == "chains" else bare)[kind.tier] += count
    return Counts(_verdicts(sums), asked, bare, ends, sums.records().total())


def _verdicts(sums: Sums) -> Counter[tuple[str, str]]:
    found = Counter[tuple[str, str]]()
    for one, count in sums.chains.items():
        found["undecided" if one.verdict == CONFLICT else one.verdict, one.tier] += count
    return found


def flow_of(counts: Counts) -> Sankey:
    """The flow; without a node where there is no question.

    Raises:
        RunDirectoryError: the counts do not add up.
    """
    nodes = tuple(_nodes(counts)) if counts.ends else ()
    chart = Sankey("Flow of questions from chains of thought to records", _COLUMNS, nodes, tuple(_flows(counts)))
    try:
        check(chart)
    except ValueError as wrong:
        raise RunDirectoryError(f"the sums in view.db do not add up ({wrong}); delete it, and it is rebuilt") from wrong
    return chart


def _nodes(counts: Counts) -> Iterator[Node]:
    questions, asked, bare = counts.ends.total(), counts.asked.total(), counts.bare.total()
    yield Node("questions", 0, questions, "plain", _n(questions), "in all", asked=())
    if asked:
        chains = counts.chains.total()
        note = f"{_n(chains)} {_plural('chain', chains)}"
        yield Node("chains", 1, asked, "plain", _n(asked), "with chains", note, _WITH_CHAINS)
    if bare:
        yield Node("bare", 1, bare, "faint", _n(bare), "without chains", asked=_WITHOUT)
    for verdict, (words, tone) in VERDICTS.items():
        number = sum(counts.chains[verdict, tier] for tier in _tiers(counts.asked))
        if number:
            yield Node(verdict, 2, number / counts.per_question, tone, _n(number), words)
    if bare:
        yield Node(_PASSING, 2, bare, "gray")
    for tier in _tiers([*counts.asked, *counts.bare]):
        number = counts.asked[tier] + counts.bare[tier]
        yield Node(f"tier {tier}", 3, number, _tone(tier), _n(number), _tier_words(tier), asked=tier_filter(tier))
    for end, (words, tone) in _ENDS.items():
        number = sum(count for (_, one), count in counts.ends.items() if one == end)
        note = f"{_n(counts.records)} {_plural('record', counts.records)}" if end == "finished" else ""
        label = "finished" if end == "finished" and not counts.records else words
        if number:
            yield Node(f"end {end}", 4, number, tone, _n(number), label, note, asked=(("state", end),))


def _flows(counts: Counts) -> Iterator[Flow]:
    asked, bare = counts.asked.total(), counts.bare.total()
    if asked:
        said = f"{_plural('question', asked)} with chains of thought"
        yield Flow("questions", "chains", asked, asked, "plain", _n(asked), said, _WITH_CHAINS)
    if bare:
        said = f"{_plural('question', bare)} without chains of thought"
        yield Flow("questions", "bare", bare, bare, "gray", _n(bare), said, _WITHOUT)
        yield Flow("bare", _PASSING, bare, bare, "gray", _n(bare), said, _WITHOUT)
    for verdict, (words, tone) in VERDICTS.items():
        number = sum(counts.chains[verdict, tier] for tier in _tiers(counts.asked))
        if number:
            size = number / counts.per_question
            yield Flow("chains", verdict, size, size, tone, _n(number), f"{_plural('chain', number)}: {words}")
        for tier in _tiers(counts.asked):
            part = counts.chains[verdict, tier]
            if part:
                of_tier = sum(counts.chains[one, tier] for one in VERDICTS)
                sizes = part / counts.per_question, counts.asked[tier] * part / of_tier
                said = f"{_plural('chain', part)} of questions, {_tier_words(tier)}: {words}"
                yield Flow(verdict, f"tier {tier}", *sizes, tone, _n(part), said)
    for tier in _tiers(counts.bare):
        number, asks = counts.bare[tier], (*_WITHOUT, *tier_filter(tier))
        said = f"{_plural('question', number)} without chains of thought: {_tier_words(tier)}"
        yield Flow(_PASSING, f"tier {tier}", number, number, "gray", _n(number), said, asks)
    for tier, end in ((tier, end) for tier in _tiers(tier for tier, _ in counts.ends) for end in _ENDS):
        number, (words, tone) = counts.ends[tier, end], _ENDS[end]
        if not number:
            continue
        said = f"{_plural('question', number)}, {_tier_words(tier)}: {words}"
        asks = tuple(dict.fromkeys((*tier_filter(tier), ("state", end))))
        yield Flow(f"tier {tier}", f"end {end}", number, number, tone, _n(number), said, asks)


def _tiers(there: Iterable[str]) -> list[str]:
    """Those tiers that are there, in their order."""
    found = set(there)
    return [tier for tier in (*TIERS, NO_TIER, UNFINISHED) if tier in found]


def tier_filter(tier: str) -> Asked:
    """What the list of questions is asked for those of a tier, or for the unfinished ones."""
    return (("state", UNFINISHED),) if tier == UNFINISHED else (("tier", tier),)


def _tier_words(tier: str) -> str:
    return {NO_TIER: "without a tier", UNFINISHED: "not finished"}.get(tier, tier)


def _tone(tier: str) -> Tone:
    return TIER_TONES.get(tier, "faint")


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _n(count: int) -> str:
    return f"{count:,}"

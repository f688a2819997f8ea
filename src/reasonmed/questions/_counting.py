"""How the integers of a file's keys are meant: decided over the whole file, or refused with what to say instead."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.errors import QuestionError
from reasonmed.questions._key import Open, meaning, single
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from reasonmed.questions._key import Choices, Claim, Way

_NAMES: dict[Way, str] = {0: "answer_index", 1: "answer_number", "text": "answer_text"}
"""The names of ``--map`` that say how an integer is meant."""
WAYS: dict[Way, str] = {0: "as counted from 0", 1: "as counted from 1"}
"""In words."""


class Keyed(NamedTuple):
    """A row for the count: its line, what it says of the key, and its options."""

    line: int
    claims: list[Claim]
    choices: Choices


@dataclass
class _Tally:
    """What the rows of a file say of one field."""

    rows: int = 0
    against: Counter[Way] = field(default_factory=Counter)
    apart: set[frozenset[Way]] = field(default_factory=set)
    """Ways that give some row different keys."""
    numbers_or_texts: bool = True
    """Whether every value is of the kind that its row's options are: a text among texts, a number among numbers."""
    shown: dict[Way, str] = field(default_factory=dict)
    """How each way reads the first row that it can read, one that others read differently where there is one."""
    differs: bool = False


class Counting:
    """Decides how integers are meant, from a reading of the whole file that is made when the first one is met.

    Args:
        path: the file, for messages.
        rows: goes over the file's rows.
        base: 0 or 1 where a person said it.
        typed: whether the file tells texts from numbers, as a CSV file does not.
        flag: the option that settles this layout's base; else ``--map`` does.
        names: what a person has mapped already.
    """

    def __init__(
        self,
        path: Path,
        rows: Callable[[], Iterable[Keyed]],
        base: int | None,
        *,
        typed: bool,
        flag: str | None,
        names: Mapping[str, str],
    ) -> None:
        self._path, self._rows, self._base, self._typed, self._flag, self._names = path, rows, base, typed, flag, names
        self._tallies: dict[str, _Tally] | None = None
        self._settled: dict[str, Way] = {}
        self._total = 0

    @property
    def settled(self) -> dict[str, Way]:
        """How the integers of each field are meant that has any."""
        return self._settled

    def settle(self, claim: Claim, found: Open) -> Way:
        """How an integer of a field is meant.

        Raises:
            QuestionError: the file leaves it open; this refuses the file, not the row.
        """
        if self._base is not None:
            return 1 if self._base else 0
        if claim.field not in self._settled:
            if self._tallies is None:
                self._tallies = self._count()
            self._settled[claim.field] = self._decide(claim, found)
        return self._settled[claim.field]

    def _count(self) -> dict[str, _Tally]:
        tallies: dict[str, _Tally] = {}
        for row in self._rows():
            self._total += 1
            opened, known = _sorted_out(row)
            for claim, found in opened:
                ways = {way: key for way, key in found.ways.items() if known is None or key in known}
                if ways:
                    _note(tallies.setdefault(claim.field, _Tally()), row, found, ways, typed=self._typed)
        return tallies

    def _decide(self, claim: Claim, found: Open) -> Way:
        tally = (self._tallies or {}).get(claim.field)
        if tally is None:
            return next(iter(found.ways), 0)
        alive: list[Way] = [way for way in ("text", 0, 1) if not tally.against[way]]
        if alive and not any({*pair} <= {*alive} for pair in tally.apart):
            return alive[0]
        if "text" in alive and tally.numbers_or_texts:
            return "text"
        single = self._typed and self._total == 1 and claim.field == "answer" and isinstance(found.value, int)
        if single and 0 in alive:
            return 0
        raise QuestionError(str(self._path), 0, "", self._question(claim.field, tally, alive))

    def _question(self, name: str, tally: _Tally, alive: list[Way]) -> str:
        """What a person must say, and how each answer would read the first row."""
        ways = alive or [0, 1]
        theirs = self._names.get(name, name)
        lines = [f"  {self._command(name, way)}\n    {tally.shown[way]}" for way in ways if way in tally.shown]
        return f"the integers in {theirs!r} {_why(alive)}; say which:\n" + "\n".join(lines)

    def _command(self, name: str, way: Way) -> str:
        mapped = {ours: theirs for ours, theirs in self._names.items() if ours != name}
        mapped |= {} if self._flag else {_NAMES[way]: self._names.get(name, name)}
        names = ",".join(f"{ours}={theirs}" for ours, theirs in mapped.items())
        said = [*([f"{self._flag} {way}"] if self._flag else []), *([f"--map {quote(names)}"] if names else [])]
        return f"reasonmed questions {quote(str(self._path))} {' '.join(said)} -o OUT"


def _why(alive: list[Way]) -> str:
    if not alive:
        return "fit no one way of reading: some hold a 0, others the number of the last option"
    if "text" in alive:
        return "may be the texts of options or their places"
    return "may count from 0 or from 1: there is neither a 0 nor the number of a last option"


def _sorted_out(row: Keyed) -> tuple[list[tuple[Claim, Open]], set[int] | None]:
    """A row's open integers, and the keys that its other fields leave; a field that cannot be read says nothing."""
    opened: list[tuple[Claim, Open]] = []
    known: set[int] | None = None
    for claim in row.claims:
        try:
            found = meaning(single(claim, row.choices), row.choices)
        except QuestionError:
            continue
        if isinstance(found, Open):
            opened.append((claim, found))
        else:
            known = {*found} if known is None else known & {*found}
    return opened, known or None


def _note(tally: _Tally, row: Keyed, found: Open, ways: dict[Way, int], *, typed: bool) -> None:
    tally.rows += 1
    tally.against.update(way for way in ("text", 0, 1) if way not in ways)
    tally.apart |= {frozenset((one, two)) for one in ways for two in ways if ways[one] != ways[two]}
    tally.numbers_or_texts &= found.numeric or (typed and isinstance(found.value, str))
    differs = len({*ways.values()}) > 1
    for way, key in ways.items():
        if way not in tally.shown or (differs and not tally.differs):
            tally.shown[way] = f"reads line {row.line} as {letter(key)}. {row.choices.texts[key]:.60}"
    tally.differs |= differs

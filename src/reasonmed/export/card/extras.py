"""What a card takes from other files: a report of ``reasonmed check`` and a judge card. Only what it shows is kept."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from msgspec import UNSET, Struct, UnsetType

from reasonmed.documents import Count, Number, Refused, content_of, converted, decoded
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Given(Struct, kw_only=True):
    """A file that was given, by its name and hash."""

    file: str
    sha256: str


class Covered(Struct):
    """How much of a benchmark a check compared with."""

    benchmark: str
    said: str
    questions: Count | None = None
    of: Count | None = None
    methods: list[str] = []
    matches: dict[str, Count] = {}


class ReportCounts(Struct):
    """What a check counted."""

    rules: dict[str, Count] = {}
    not_checked: dict[str, str] = {}
    questions: Count | None = None


class Report(Given, kw_only=True):
    """What a card shows of a report of checks."""

    input: dict[str, object]
    coverage: list[Covered]
    counts: ReportCounts


class Share(Struct):
    """So many of so many, with the share and its interval where it has any."""

    count: Count
    of: Count
    share: Number | None = None
    low: Number | None = None
    high: Number | None = None


class Estimate(Struct):
    """A value with its interval, where it has any."""

    value: Number | None = None
    low: Number | None = None
    high: Number | None = None


class Stratum(Struct):
    """What a judge did with sound chains of thought and with wrong ones of a kind."""

    sensitivity: Share
    specificity: Share
    sound: Count | None = None
    wrong: Count | None = None
    undecided: Share | None = None
    kappa: Estimate | None = None


class Injection(Struct):
    """Attempts to fool a judge."""

    resisted: Share | None = None


class Retest(Struct):
    """The same cases asked again."""

    same: Share | None = None


class JudgeCard(Given, kw_only=True):
    """What a card shows of a judge card."""

    name: str
    strata: dict[str, Stratum]
    cases: Count | None = None
    labels: dict[str, Count] = {}
    source: str | None = None
    demo: bool = False
    injection: Injection | None = None
    retest: Retest | None = None


class Titled(Struct, omit_defaults=True):
    """What a person says about an export."""

    name: str | None = None
    creator: str | None = None
    url: str | None = None


class Extras(NamedTuple):
    """What a card says beyond the run; what is not given is UNSET."""

    about: Titled
    checks: Report | UnsetType
    judge_card: JudgeCard | UnsetType


class About(NamedTuple):
    """Where a card gets what it says beyond the run; None leaves it as it was, or out."""

    name: str | None = None
    """The title; made of the question file's name by default."""
    creator: str | None = None
    url: str | None = None
    """Where the data set is published."""
    findings: Path | None = None
    """A report of ``reasonmed check --json``."""
    judge_card: Path | None = None
    """A ``judge_card.json``."""

    def read(self, judges: Sequence[str], old: Extras | None = None) -> Extras:
        """What is given, and the older where nothing is.

        Args:
            judges: the run's.
            old: what the card said before.

        Raises:
            UsageError: a file cannot be read or is something else, or the judge card is of another judge.
        """
        old = old or Extras(Titled(), UNSET, UNSET)
        own, there = (self.name, self.creator, self.url), (old.about.name, old.about.creator, old.about.url)
        titles = Titled(*(was if new is None else new for new, was in zip(own, there, strict=True)))
        checks = old.checks if self.findings is None else read_report(self.findings)
        card = old.judge_card if self.judge_card is None else read_judge_card(self.judge_card)
        if self.judge_card is not None and isinstance(card, JudgeCard) and [card.name] != [*judges]:
            raise UsageError(
                f"--judge-card {self.judge_card}: is of the judge {card.name!r}, and says nothing about this "
                f"run's judge, {', '.join(name for name in judges if name != card.name)}"
            )
        return Extras(titles, checks, card)


_Shown = TypeVar("_Shown", bound=Given)


def read_report(path: Path) -> Report:
    """What a card shows of a report of ``reasonmed check --json FILE``.

    Raises:
        UsageError: the file cannot be read, or is no such report.
    """
    return _read(path, "--findings", Report, "report of `reasonmed check --json FILE`")


def read_judge_card(path: Path) -> JudgeCard:
    """What a card shows of a ``judge_card.json``.

    Raises:
        UsageError: the file cannot be read, or is no judge card.
    """
    return _read(path, "--judge-card", JudgeCard, "judge card of `reasonmed judge-card`")


def _read(path: Path, option: str, shape: type[_Shown], what: str) -> _Shown:
    try:
        content = content_of(path)
    except (Refused, OSError) as unread:
        raise UsageError(f"{option} {path}: cannot be read: {getattr(unread, 'strerror', None) or unread}") from unread
    given = {"file": path.name, "sha256": sha256(content).hexdigest()}
    try:
        return converted({**decoded(content, dict[str, object]), **given}, shape)
    except Refused as wrong:
        raise UsageError(f"{option} {path}: is no {what} ({wrong})") from wrong

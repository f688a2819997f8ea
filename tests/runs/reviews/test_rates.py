"""Error rates from votes: worked by hand, and against sets whose truth is known."""

from __future__ import annotations

import random
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from reasonmed.report.statistics.strata import rogan_gladen
from reasonmed.runs.reviews.in_words import sentences
from reasonmed.runs.reviews.rates import judged_chains, rates_in, wrong_records
from reasonmed.runs.reviews.rulings import rulings
from reasonmed.runs.status import status_of
from reasonmed.types import Tier
from support import document
from voting import cast, copied, ruled, targets_in, vote_on

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.runs.directory import RunDirectory
    from reasonmed.runs.reviews.rulings import Ruling

DRAWS = 300
SIZES = {"easy": 1_400, "medium": 400, "difficult": 200}


def test_the_share_of_wrong_records_is_weighted_by_tier() -> None:
    """1 of 10 easy ones and 4 of 10 difficult ones, of 900 and 100: 0.1 * 0.9 + 0.4 * 0.1 = 0.13, not 5 of 20."""
    easy = [ruled(f"e{at}", right=at > 0, tier=Tier.EASY) for at in range(10)]
    hard = [ruled(f"d{at}", right=at > 3, tier=Tier.DIFFICULT) for at in range(10)]
    found = wrong_records([*easy, *hard], {"easy": 900, "difficult": 100, "medium": 7})
    assert found is not None
    assert (found.wrong.count, found.wrong.of, found.of, found.beyond) == (5, 20, 1_000, {"medium": 7})
    assert found.wrong.share == pytest.approx(0.13)
    assert found.wrong.low < 0.13 < found.wrong.high
    assert found.by_tier["difficult"].share == pytest.approx(0.4)


def test_what_the_judge_is_worth_is_weighted_by_how_many_chains_each_verdict_has() -> None:
    """Right are 9 of 10 of 800 accepted and 1 of 5 of 200 rejected chains.

    Sensitivity 720 / (720 + 40), specificity 160 / (160 + 80); truly right 760 of 1,000; of the accepted 80 of 800
    are wrong.
    """
    accepted = [ruled(f"a{at}", right=at > 0, kind="chain") for at in range(10)]
    rejected = [ruled(f"r{at}", right=at == 0, kind="chain", outcome="error") for at in range(5)]
    found = judged_chains([*accepted, *rejected], {"correct": 800, "error": 200, "undecided": 30})
    assert found is not None
    assert found.sensitivity.value == pytest.approx(720 / 760)
    assert found.specificity.value == pytest.approx(160 / 240)
    assert found.truly_right.value == pytest.approx(0.76)
    assert found.accepted_wrong.value == pytest.approx(0.1)
    assert (found.of, found.accepted, found.beyond) == (1_000, 0.8, {"undecided": 30})
    assert rogan_gladen(0.8, 720 / 760, 160 / 240) == pytest.approx(0.76)


def test_accepted_chains_alone_tell_no_specificity() -> None:
    accepted = [ruled(f"a{at}", right=True, kind="chain") for at in range(10)]
    assert judged_chains(accepted, {"correct": 800, "error": 200}) is None


def test_a_judge_whose_word_says_nothing_is_not_corrected() -> None:
    accepted = [ruled(f"a{at}", right=at % 2 == 0, kind="chain") for at in range(10)]
    rejected = [ruled(f"r{at}", right=at % 2 == 0, kind="chain", outcome="error") for at in range(10)]
    found = judged_chains([*accepted, *rejected], {"correct": 500, "error": 500})
    assert found is not None
    assert found.truly_right.value is None


def test_no_miss_among_few_rejected_chains_does_not_make_a_judge_perfect() -> None:
    accepted = [ruled(f"a{at}", right=True, kind="chain") for at in range(20)]
    rejected = [ruled(f"r{at}", right=False, kind="chain", outcome="error") for at in range(20)]
    found = judged_chains([*accepted, *rejected], {"correct": 100, "error": 900})
    assert found is not None
    assert found.sensitivity.value == 1
    assert found.sensitivity.low < 0.6, "up to a tenth of 900 rejected chains may be right"


def _sampled(draw: random.Random, rates: dict[str, float], count: int) -> list[Ruling]:
    names = [tier for tier, size in SIZES.items() for _ in range(size)]
    tiers = [names[at] for at in sorted(draw.sample(range(len(names)), count))]
    return [ruled(f"q{at}", right=draw.random() >= rates[tier], tier=Tier(tier)) for at, tier in enumerate(tiers)]


def test_the_interval_of_the_records_covers_the_truth() -> None:
    by_tier = dict(zip(SIZES, (0.02, 0.1, 0.3), strict=True))
    truth = sum(SIZES[tier] * rate for tier, rate in by_tier.items()) / sum(SIZES.values())
    draw, hits = random.Random(5), 0
    for _ in range(200):
        found = wrong_records(_sampled(draw, by_tier, 100), SIZES, draws=DRAWS)
        assert found is not None
        hits += found.wrong.low <= truth <= found.wrong.high
    assert 180 <= hits <= 198


def test_the_interval_of_the_corrected_rate_covers_the_truth() -> None:
    """700 accepted chains, 10 % of them wrong; 300 others, 15 % of them right."""
    draw, wrong, right = random.Random(6), 0, 0
    for _ in range(200):
        accepted = [ruled(f"a{at}", right=draw.random() >= 0.1, kind="chain") for at in range(60)]
        rejected = [ruled(f"r{at}", right=draw.random() < 0.15, kind="chain", outcome="error") for at in range(40)]
        found = judged_chains([*accepted, *rejected], {"correct": 700, "error": 300}, draws=DRAWS)
        assert found is not None
        wrong += found.accepted_wrong.low <= 0.1 <= found.accepted_wrong.high
        right += found.truly_right.low <= 0.675 <= found.truly_right.high
    assert 180 <= wrong <= 198
    assert 180 <= right <= 198


def test_only_texts_drawn_at_random_and_unchanged_count(run26: RunDirectory, tmp_path: Path) -> None:
    folder = copied(run26, tmp_path / "run")
    assert status_of(folder).reviews is None
    first, second, third, fourth, fifth, *_ = targets_in(folder, "record")
    cast(
        folder,
        [
            vote_on(first),
            vote_on(second, "reject"),
            vote_on(second, "reject", reviewer="Dr. B", role="pharmacist", drawn="disagreement"),
            vote_on(third, "reject", drawn="chosen"),
            vote_on(fourth),
            vote_on(fourth, "reject", reviewer="Dr. B", role="pharmacist"),
            vote_on(fifth._replace(hash="of an older text")),
            vote_on(fifth._replace(id="nobody#1"), "defer"),
        ],
    )
    found = status_of(folder).reviews
    assert found is not None
    assert (found.texts, found.at_random, found.tied, found.stale, found.gone) == (3, 2, 1, 1, 1)
    assert (found.roles, found.votes, found.deferred) == ({"pharmacist": 1, "physician": 1}, 8, 0)
    assert found.records is not None
    assert (found.records.wrong.count, found.records.wrong.of) == (1, 2)
    assert not any("Dr." in line for line in sentences(found))


def test_an_accepted_record_under_a_wrong_key_is_wrong(run26: RunDirectory) -> None:
    record = targets_in(run26, "record")[0]
    with closing(run26.reader()) as ledger:
        assert [one.right for one in rulings(ledger, [vote_on(record)]).texts] == [True]
        assert [one.right for one in rulings(ledger, [vote_on(record, key_is_wrong=True)]).texts] == [False]
        assert rates_in(run26.path, ledger) is None


def test_status_tells_the_rate_on_the_screen_and_as_json(run26: RunDirectory, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from reasonmed.cli import app

    folder = copied(run26, tmp_path / "run")
    records = targets_in(folder, "record")
    cast(folder, [vote_on(one, "reject" if at < 3 else "accept") for at, one in enumerate(records)])
    shown = CliRunner().invoke(app, ["status", str(folder.path)]).output
    assert f"from 3 of {len(records)} drawn at random, weighted by tier" in shown
    path = tmp_path / "status.json"
    path.write_text(CliRunner().invoke(app, ["status", str(folder.path), "--json"]).output)
    told = document(path)["reviews"]["records"]
    assert told["wrong"]["share"] == pytest.approx(3 / len(records)), "all records were drawn: nothing to weight"

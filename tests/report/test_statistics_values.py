from __future__ import annotations

import random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonmed.report.statistics.intervals import macro_average, mean_rate, standard_error, wilson
from reasonmed.report.statistics.paired import bootstrap, holm, mcnemar
from reasonmed.report.statistics.power import detectable_paired, detectable_unpaired

PEER = "needs statsmodels and scipy to compare with: pip install statsmodels"
DIFFERENCES = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), min_size=2, max_size=60)


def test_wilson_has_the_values_of_the_textbook() -> None:
    assert wilson(8, 10) == pytest.approx((0.8, 0.4902, 0.9433), abs=1e-4)
    assert wilson(0, 10) == pytest.approx((0.0, 0.0, 0.2775), abs=1e-4)


def test_wilson_agrees_with_statsmodels() -> None:
    proportion = pytest.importorskip("statsmodels.stats.proportion", reason=PEER)
    for right, n in ((0, 1), (1, 1), (3, 7), (700, 1273), (4183, 4183), (1, 4183)):
        theirs = proportion.proportion_confint(right, n, method="wilson")
        assert wilson(right, n)[1:] == pytest.approx(theirs, abs=1e-12)


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_stays_within_0_and_1_and_holds_the_rate(counts: tuple[int, int]) -> None:
    found = wilson(*counts)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high


@pytest.mark.parametrize(("right", "n"), [(1, 0), (0, 0), (5, 4), (-1, 4)])
def test_a_rate_of_nothing_or_of_more_than_all_is_refused(right: int, n: int) -> None:
    with pytest.raises(ValueError, match="no rate"):
        wilson(right, n)


def test_the_clustered_standard_error_agrees_with_statsmodels() -> None:
    numpy = pytest.importorskip("numpy", reason=PEER)
    regression = pytest.importorskip("statsmodels.api", reason=PEER)
    draw, repeats = random.Random(3), 5
    answers = [[float(draw.random() < (0.2, 0.9)[question % 2]) for _ in range(repeats)] for question in range(80)]
    flat = numpy.array([one for row in answers for one in row])
    groups = numpy.repeat(numpy.arange(80), repeats)
    fitted = regression.OLS(flat, numpy.ones_like(flat)).fit(cov_type="cluster", cov_kwds={"groups": groups})
    assert standard_error([sum(row) / repeats for row in answers]) == pytest.approx(fitted.bse[0], rel=1e-9)


def test_repeats_of_one_question_are_not_more_questions() -> None:
    once = [1.0, 0.0, 1.0, 1.0, 0.0, 1.0]
    assert standard_error(once) > standard_error([one for one in once for _ in range(4)])
    assert mean_rate(once) == wilson(4, 6)


@pytest.mark.parametrize("questions", [3, 7, 20])
def test_questions_whose_copies_go_alike_count_as_so_many_and_not_as_certain(questions: int) -> None:
    groups = [question for question in range(questions) for _ in range(3)]
    found = mean_rate([1.0, 1.0, 0.0] * questions, groups)
    assert found.value == pytest.approx(2 / 3)
    assert found.high - found.low > 0.9 / questions**0.5


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=50))
def test_the_interval_over_repeats_holds_the_mean(means: list[float]) -> None:
    found = mean_rate(means)
    assert found.value == pytest.approx(sum(means) / len(means))
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


def test_the_interval_over_repeats_covers_the_truth_as_often_as_it_says() -> None:
    draw, covered, trials = random.Random(11), 0, 400
    for _ in range(trials):
        chances = [draw.betavariate(2, 2) for _ in range(60)]
        means = [sum(draw.random() < chance for _ in range(4)) / 4 for chance in chances]
        found = mean_rate(means)
        covered += found.low <= 0.5 <= found.high
    assert 0.92 <= covered / trials <= 0.985


def test_the_macro_average_counts_each_group_the_same() -> None:
    found = macro_average([[1.0] * 90 + [0.0] * 10, [0.0, 1.0] * 5])
    assert found.value == pytest.approx(0.7)
    assert found.low < 0.7 < found.high


def test_a_group_of_equal_answers_is_not_taken_for_certain() -> None:
    found = macro_average([[0.0], [0.0] * 4, [0.0] * 5])
    assert found.value == found.low == 0.0
    assert found.high > 0.15


def test_mcnemar_agrees_with_statsmodels() -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables", reason=PEER)
    for one, other in ((0, 0), (1, 9), (9, 1), (5, 5), (40, 62), (300, 350), (0, 7)):
        theirs = tables.mcnemar([[50, one], [other, 50]], exact=True).pvalue
        assert mcnemar(one, other) == pytest.approx(1.0 if one == other == 0 else theirs, abs=1e-12)


def test_mcnemar_has_the_value_of_the_binomial_test() -> None:
    assert mcnemar(1, 9) == pytest.approx(2 * (1 + 10) / 1024)
    assert mcnemar(0, 0) == mcnemar(4, 4) == 1.0


def test_holm_agrees_with_statsmodels() -> None:
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason=PEER)
    for values in ([0.01, 0.04, 0.03], [0.5, 0.001, 0.02, 0.02], [0.9]):
        assert holm(values) == pytest.approx(list(multitest.multipletests(values, method="holm")[1]))


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_only_raises_and_keeps_the_order(values: list[float]) -> None:
    found = holm(values)
    assert all(one <= other <= 1 for one, other in zip(values, found, strict=True))
    pairs = sorted(zip(values, found, strict=True))
    assert [other for _, other in pairs] == sorted(found)


def test_the_bootstrap_agrees_with_scipy() -> None:
    numpy = pytest.importorskip("numpy", reason=PEER)
    stats = pytest.importorskip("scipy.stats", reason=PEER)
    draw = random.Random(5)
    differences = [draw.choice([-1.0, 0.0, 0.0, 0.0, 0.5, 1.0]) for _ in range(400)]
    theirs = stats.bootstrap(
        (numpy.array(differences),), numpy.mean, method="percentile", n_resamples=10_000, random_state=1
    ).confidence_interval
    assert bootstrap(differences, seed=1)[1:] == pytest.approx((theirs.low, theirs.high), abs=0.005)


@given(DIFFERENCES, st.integers(0, 9))
def test_the_bootstrap_repeats_itself_and_holds_the_mean(differences: list[float], seed: int) -> None:
    found = bootstrap(differences, seed=seed, resamples=400)
    assert found == bootstrap(list(reversed(differences)), seed=seed, resamples=400)
    assert found.low - 1e-9 <= found.value <= found.high + 1e-9 or len(differences) < 8
    assert min(differences) - 1e-9 <= found.low <= found.high <= max(differences) + 1e-9


def test_a_resample_has_the_variance_of_drawing_with_replacement() -> None:
    differences = [1.0] * 30 + [-1.0] * 10 + [0.0] * 160
    found = bootstrap(differences, seed=2)
    expected = NormalDist().inv_cdf(0.975) * (sum((one - 0.1) ** 2 for one in differences) / 200 / 200) ** 0.5
    assert (found.high - found.low) / 2 == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("n", "rate", "unpaired", "paired"),
    [
        (1273, 0.75, 4.8, 3.57),
        (4183, 0.65, 2.9, 1.96),
        (500, 0.78, 7.3, 5.74),
        (1089, 0.8, 4.8, 3.87),
        (308, 0.6, 11.1, 7.32),
    ],
)
def test_the_power_table_has_the_published_sizes_and_the_exact_test_s_beside_them(
    n: int, rate: float, unpaired: float, paired: float
) -> None:
    assert 100 * detectable_unpaired(n, rate) == pytest.approx(unpaired, abs=0.06)
    assert 100 * (detectable_paired(n, 0.2) or 0) == pytest.approx(paired, abs=0.01)


def test_a_difference_of_the_detectable_size_is_found_four_times_in_five() -> None:
    n, discordant, draw, trials, found = 500, 0.2, random.Random(7), 3000, 0
    gap = detectable_paired(n, discordant) or 0.0
    for _ in range(trials):
        apart = sum(draw.random() < discordant for _ in range(n))
        second = sum(draw.random() < (discordant + gap) / (2 * discordant) for _ in range(apart))
        found += mcnemar(apart - second, second) < 0.05
    assert 0.785 <= found / trials <= 0.815


def test_too_few_questions_can_show_no_difference_at_all() -> None:
    assert detectable_paired(10, 0.2) is None
    with pytest.raises(ValueError, match="no power"):
        detectable_paired(0, 0.2)

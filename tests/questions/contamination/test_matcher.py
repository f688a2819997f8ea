"""Copies are found by each method; what only looks like a copy is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from reasonmed.errors import UsageError
from reasonmed.questions import questions_in
from reasonmed.questions._lint import native_row
from reasonmed.questions.contamination import METHODS, Benchmark, Matcher, build
from reasonmed.types import Question

pytest.importorskip("datasketch", reason="needs the extra check")
pytest.importorskip("rapidfuzz", reason="needs the extra check")

VIGNETTE = (
    "A 58-year-old woman comes to the physician because of a 3-week history of fatigue and easy bruising. She takes no "
    "drugs. Her temperature is 37.2 C and her pulse is 92/min. Examination shows pallor and petechiae on both legs. "
    "Her hemoglobin concentration is 7.9 g/dL. Which of the following is the most likely diagnosis?"
)
LONG = Question("long", VIGNETTE, ("Aplastic anemia", "Acute leukemia", "Pernicious anemia", "Hemophilia A"), 1)
SHORT = Question(
    "short", "Enzyme deficient in Gaucher disease", ("Hexosaminidase", "Sphingomyelinase", "Glucosylceramidase"), 2
)
PLAIN = Question(
    "plain", "Does early physiotherapy after hip replacement shorten the stay in hospital?", ("yes", "no", "maybe"), 0
)
FILLER = [
    Question(
        f"filler-{number}",
        f"Does filler number {number} of this bank {word} anything at all?",
        ("yes", "no", "maybe"),
        0,
    )
    for number, word in enumerate(f"w{n}ord" for n in range(30))
]


def bank(folder: Path, *questions: Question, name: str = "bank", total: int | None = None) -> Benchmark:
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(native_row(one)) + "\n" for one in questions), encoding="utf-8")
    return build([path], name, total)


@pytest.fixture
def matcher(tmp_path: Path) -> Matcher:
    return Matcher([bank(tmp_path, LONG, SHORT, PLAIN, *FILLER)])


def method_of(matcher: Matcher, question: Question) -> str | None:
    found = matcher.matches(question)
    return found[0].method if found else None


@pytest.mark.parametrize(
    "lead", ["Which of the following is correct? ", "Select the single best answer: the ", "Frage: "]
)
def test_a_short_stem_under_any_lead_is_a_copy_where_its_options_agree(matcher: Matcher, lead: str) -> None:
    copied = replace(SHORT, id="x", stem=lead + SHORT.stem)
    assert method_of(Matcher(matcher.benchmarks, ["exact"]), copied) == "exact"
    assert method_of(matcher, replace(copied, options=("Trypsin", "Pepsin", "Amylase"))) is None


def test_a_copy_in_other_dress_is_exact(matcher: Matcher) -> None:
    dressed = replace(LONG, id="x", stem=VIGNETTE.upper().replace(".", " ;"), options=LONG.options[::-1])
    (match,) = matcher.matches(dressed)
    assert (match.method, match.id, match.options) == ("exact", "long", 4)
    assert method_of(matcher, replace(PLAIN, context="Background: some abstract.")) == "exact"


def test_other_numbers_and_a_dropped_sentence_are_seen_by_n_grams(matcher: Matcher) -> None:
    numbers = VIGNETTE.replace("58", "61").replace("37.2", "39").replace("7.9", "8.4")
    assert method_of(matcher, replace(LONG, id="x", stem=numbers)) == "ngram"
    assert method_of(matcher, replace(LONG, id="x", stem=VIGNETTE.replace("She takes no drugs. ", ""))) == "ngram"


def test_a_copy_under_other_options_is_seen_when_it_asks_the_same(matcher: Matcher) -> None:
    other = ("Measles", "Mumps", "Rubella", "Varicella")
    assert method_of(matcher, replace(LONG, id="x", stem=VIGNETTE.replace("58", "44"), options=other)) == "ngram"


def test_a_reworded_short_stem_is_seen_by_its_letters_and_options(matcher: Matcher) -> None:
    assert method_of(matcher, replace(SHORT, id="x", stem="Enzymes deficient in Gauchers disease?")) in (
        "minhash",
        "fuzzy",
    )


def test_another_disease_under_the_same_options_is_another_question(matcher: Matcher) -> None:
    assert matcher.matches(replace(SHORT, id="x", stem="Enzyme deficient in Krabbe disease")) == []
    assert matcher.matches(replace(SHORT, id="x", stem="Which of these breaks down gangliosides in the brain?")) == []


def test_another_question_on_the_same_vignette_is_another_question(matcher: Matcher) -> None:
    asked = VIGNETTE.replace("Which of the following is the most likely diagnosis?", "What should be done next?")
    drugs = ("Bone marrow biopsy", "Vitamin B12", "Transfusion of platelets", "Observation")
    assert matcher.matches(replace(LONG, id="x", stem=asked, options=drugs)) == []


def test_lists_that_every_question_has_say_nothing(matcher: Matcher) -> None:
    assert (
        matcher.matches(
            Question("x", "Does coffee shorten the stay of surgeons in theatre?", ("yes", "no", "maybe"), 0)
        )
        == []
    )


def test_opposites_are_not_spellings_of_one_another(tmp_path: Path) -> None:
    options = ("Levothyroxine", "Carbimazole", "Propranolol")
    one = Question("one", "Preferred drug for hypothyroidism in adults", options, 0)
    matcher = Matcher([bank(tmp_path, one, *FILLER)], ("fuzzy",))
    assert matcher.matches(replace(one, stem="Preferred drug for hyperthyroidism in adults")) == []
    assert len(matcher.matches(replace(one, stem="Prefered drugs for hypothyroidism in adult"))) == 1


def test_hashes_alone_find_what_needs_no_text(tmp_path: Path) -> None:
    hashed = bank(tmp_path, LONG, SHORT, PLAIN, *FILLER)._replace(words=None)
    matcher = Matcher([hashed])
    assert matcher.methods(hashed) == ["exact", "ngram", "minhash"]
    assert method_of(matcher, LONG) == "exact"


def test_each_benchmark_has_its_own_best_match(tmp_path: Path) -> None:
    matcher = Matcher(
        [bank(tmp_path, LONG, SHORT), bank(tmp_path, replace(LONG, stem=VIGNETTE.replace("58", "9")), name="two")]
    )
    assert [(match.benchmark, match.method) for match in matcher.matches(LONG)] == [("bank", "exact"), ("two", "ngram")]


def test_unknown_methods_and_equal_names_are_refused(tmp_path: Path) -> None:
    one = bank(tmp_path, LONG)
    with pytest.raises(UsageError, match="two benchmarks are called bank"):
        Matcher([one, one])
    with pytest.raises(UsageError, match="method magic"):
        Matcher([one], ("magic",))


def test_hostile_texts_do_not_break_the_comparison(matcher: Matcher) -> None:
    for stem in ("", " ", "...", "\u202e\x00", "word " * 50_000, "\N{MATHEMATICAL FRAKTUR CAPITAL A}" * 2000, "1 2 3"):
        assert matcher.matches(Question("x", stem, ("", "\n"), 0)) == []


def test_no_two_halves_of_the_real_sets_match_by_mistake(shared: Path) -> None:
    """Pairs across halves of a real set are different questions, but for the reworded ones that a person has read."""
    read = {"medqa": 1, "medmcqa": 2, "pubmedqa": 0}
    for name, most in read.items():
        rows = list(questions_in(shared / "data" / f"{name}.jsonl"))
        half = Matcher([Benchmark(name, None, *_prints(rows[::2]))])
        assert sum(bool(half.matches(one)) for one in rows[1::2]) <= most
        assert all(method_of(half, one) == "exact" for one in rows[::20])


def _prints(rows: list[Question]) -> tuple[list, list]:  # type: ignore[type-arg]
    from reasonmed.questions.contamination.fingerprint import fingerprint, masked_words
    from reasonmed.questions.contamination.minhash import Signer

    signer, words = Signer(), [masked_words(one.stem) for one in rows]
    prints = [
        replace(fingerprint(one, said), signature=signer.sign(said)) for one, said in zip(rows, words, strict=True)
    ]
    return prints, words


def test_all_methods_are_tried() -> None:
    assert METHODS == ("exact", "ngram", "minhash", "fuzzy")

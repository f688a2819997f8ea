from __future__ import annotations

from collections import Counter

from reply_corpus import CASES, cases


def test_the_corpus_is_large_and_every_kind_is_in_it() -> None:
    kinds = Counter(case.kind for case in CASES)
    assert set(kinds) == {"answer", "verdict", "score"}
    assert kinds["answer"] >= 110
    assert min(kinds.values()) >= 40


def test_every_reply_stands_once_and_says_why() -> None:
    assert len({case.id for case in CASES}) == len(CASES)
    assert all(case.why for case in CASES)


def test_the_ten_known_bugs_of_answer_extractors_are_in_it() -> None:
    bugs = {case.id.split("-")[1] for case in cases("answer") if case.id.startswith("bug-")}
    assert bugs == {f"{number:02}" for number in range(1, 11)}


def test_both_sides_are_in_it_for_every_kind() -> None:
    for kind in ("answer", "verdict", "score"):
        without = sum(case.expected is None for case in cases(kind))
        assert 0.2 < without / len(cases(kind)) < 0.8

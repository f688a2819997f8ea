"""The normal form of a question: what it sees through, and what it keeps apart."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reasonmed.questions.normal import normal, question_hash, stem_hash
from reasonmed.types import Question


def test_case_punctuation_and_spaces_do_not_count() -> None:
    assert normal("  A 54-year-old MAN, presents_with:\n\tfever! ") == "a 54 year old man presents with fever"


def test_options_count_in_any_order_and_only_where_asked() -> None:
    one, turned, other = (
        Question("q1", "Which drug?", options, 0) for options in (("a", "b"), ("b", "A."), ("a", "c"))
    )
    assert question_hash(one) == question_hash(turned) != question_hash(other)
    assert stem_hash(one) == stem_hash(turned) == stem_hash(other)


@given(st.text())
def test_the_normal_form_is_its_own_normal_form(text: str) -> None:
    assert normal(normal(text)) == normal(text)

"""Differences between two texts, word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reasonmed.web.views.wording import Piece, wording

texts = st.lists(st.sampled_from(["fever", "and ", " cough.", "\n", "痛", "10 mg ", ""]), max_size=30).map("".join)


@given(texts, texts)
def test_the_pieces_are_both_texts_and_none_is_empty(old: str, new: str) -> None:
    pieces = wording(old, new)
    assert "".join(piece.text for piece in pieces if piece.kind != "in") == old
    assert "".join(piece.text for piece in pieces if piece.kind != "out") == new
    assert all(piece.text for piece in pieces)


def test_a_changed_word_alone_is_marked() -> None:
    assert wording("give 10 mg daily", "give 5 mg daily") == [
        Piece("same", "give "),
        Piece("out", "10 "),
        Piece("in", "5 "),
        Piece("same", "mg daily"),
    ]

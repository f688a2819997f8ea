"""Packs: who gets which texts, and what a reviewer must not see."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasonmed.errors import UsageError
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.reviews import Queued, QueueWanted
from reasonmed.runs.reviews.pack import Pack, PackWanted, packs_of, shared_out
from reasonmed.runs.reviews.placed import texts_in
from reasonmed.types import Tier


def _targets(pack: Pack) -> list[str]:
    return [one.target for one in pack.texts]


def _pack(run: RunDirectory, **queue: Any) -> Pack:
    (only,) = packs_of(run, PackWanted(QueueWanted(**{"size": 12, **queue})))
    return only


@pytest.mark.parametrize("chains", [False, True])
def test_a_pack_tells_neither_model_nor_verdict_nor_score(run26: RunDirectory, chains: Any) -> None:
    pack = _pack(run26, chains=chains)
    fields = {name for one in msgspec.to_builtins(pack)["texts"] for name in one}
    assert fields <= {
        *("target", "text_hash", "drawn", "stem", "options", "steps", "key", "reference", "context", "response"),
    }
    whole = msgspec.json.encode(pack).decode()
    with closing(run26.reader()) as ledger:
        texts = texts_in(ledger, _targets(pack))
    for one in texts.values():
        assert one.model not in whole
        assert one.verdict
        assert one.verdict.judge not in whole
        assert not one.verdict.reason or one.verdict.reason not in whole


def test_the_pieces_of_a_text_are_the_text(run26: RunDirectory) -> None:
    pack = _pack(run26)
    with closing(run26.reader()) as ledger:
        texts = texts_in(ledger, _targets(pack))
    for one in pack.texts:
        assert "".join(piece.text for piece in one.steps) == texts[one.target].text
        assert [texts[one.target].text[piece.start : piece.end] for piece in one.steps] == [
            piece.text for piece in one.steps
        ]


def test_the_same_texts_make_the_same_pack_and_others_another(run26: RunDirectory) -> None:
    assert _pack(run26) == _pack(run26)
    assert _pack(run26).pack != _pack(run26, seed=1).pack
    assert _targets(_pack(run26, size=20))[:12] == _targets(_pack(run26))


def test_texts_of_one_tier_do_not_claim_to_be_drawn_from_the_whole_set(run26: RunDirectory) -> None:
    (pack,) = packs_of(run26, PackWanted(QueueWanted(size=5), tiers=(Tier.EASY,)))
    with closing(run26.reader()) as ledger:
        tiers = ledger.tiers()
    assert {tiers[one.target.partition("#")[0]] for one in pack.texts} == {"easy"}
    assert {one.drawn for one in pack.texts} == {"chosen"}


@settings(max_examples=60)
@given(st.integers(2, 9), st.floats(0, 1), st.integers(0, 120), st.integers(0, 9))
def test_every_text_goes_to_all_reviewers_or_to_one(reviewers: int, overlap: float, size: int, seed: int) -> None:
    queue = [Queued(f"q{number}#1", f"q{number}", "h", "audit", "correct") for number in range(size)]
    wanted = PackWanted(QueueWanted(seed=seed), reviewers=reviewers, overlap=overlap)
    parts = shared_out(queue, wanted)
    counts = [sum(one in part for part in parts) for one in queue]
    assert set(counts) <= {1, reviewers}
    assert counts.count(reviewers) == round(overlap * size)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert all(part == [one for one in queue if one in part] for part in parts)


def test_fewer_texts_than_reviewers_and_none_at_all_are_said(run26: RunDirectory) -> None:
    with pytest.raises(UsageError, match="2 texts are too few for 5 reviewers"):
        packs_of(run26, PackWanted(QueueWanted(size=2), reviewers=5))
    with pytest.raises(UsageError, match="no record for the queue 'chosen' to review; --chains"):
        packs_of(run26, PackWanted(QueueWanted("chosen")))

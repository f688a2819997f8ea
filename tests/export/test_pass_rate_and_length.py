"""Exports by how often the models pass a question, in that order, and without chains over a length."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from exports import Export, read_lines
from reasonmed.errors import UsageError
from reasonmed.export import Settings, export, limit_of, parse_pass_rate
from reasonmed.export._lengths import Limit, TooLong
from reasonmed.export._order import outside, place_of
from reasonmed.runs.directory import RunDirectory
from reasonmed.types import digest
from support import judged_story, question

ALL = (1.0, 0.0, 0.0)


def rates(path: Path) -> list[tuple[str, float]]:
    return [(row["question_id"], row["pass_rate"]) for row in read_lines(path)]


def test_a_range_of_pass_rates_takes_what_is_in_it_ends_included_and_counts_the_rest(
    exported: Export, run26: RunDirectory, tmp_path: Path
) -> None:
    everything = read_lines(run26.records_path)
    least, most = sorted({row["pass_rate"] for row in everything})[:2]
    told = exported(["records", "rl"], shares=ALL, pass_rate=(least, most))
    found = read_lines(tmp_path / "out" / "records" / "train.jsonl")
    assert {row["id"] for row in found} == {row["id"] for row in everything if row["pass_rate"] <= most}
    assert {row["pass_rate"] for row in found} == {least, most}
    assert {rate for _, rate in rates(tmp_path / "out" / "rl" / "trl-grpo" / "train.jsonl")} == {least, most}
    assert told["left_out"] == {"pass_rate": len(everything) - len(found)}
    assert told["splits"]["train"]["questions"] + sum(told["questions_left_out"].values()) == 26
    assert told["settings"]["pass_rate"] == [least, most]
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert f"only questions with a pass rate from {least:g} to {most:g}" in card


def test_easy_first_is_descending_with_ties_by_a_hash_and_holds_the_same_rows(exported: Export, tmp_path: Path) -> None:
    formats = ["records", "rl", "trl-sft", "dpo"]
    exported(formats, "given", shares=ALL)
    exported(formats, "easy", shares=ALL, order="easy-first")
    exported(formats, "hard", shares=ALL, order="hard-first")
    for name in ("records", "rl/trl-grpo", "trl-sft/cotmed"):
        given, easy = (read_lines(tmp_path / one / name / "train.jsonl") for one in ("given", "easy"))
        assert sorted(map(json.dumps, given)) == sorted(map(json.dumps, easy))
        assert given != easy
    found = rates(tmp_path / "easy" / "rl" / "trl-grpo" / "train.jsonl")
    assert found == sorted(found, key=lambda one: (-one[1], digest((0, one[0]))))
    assert len({rate for _, rate in found}) > 1
    hard = rates(tmp_path / "hard" / "rl" / "trl-grpo" / "train.jsonl")
    assert [rate for _, rate in hard] == sorted(rate for _, rate in found)
    records = rates(tmp_path / "easy" / "records" / "train.jsonl")
    assert list(dict.fromkeys(records)) == found
    assert "questions with a higher pass rate come first" in (tmp_path / "easy" / "README.md").read_text()


def test_a_random_order_is_that_of_its_seed(exported: Export, tmp_path: Path) -> None:
    for folder, seed in (("one", 1), ("again", 1), ("two", 2)):
        exported(["rl"], folder, shares=ALL, order="random", seed=seed)
    one, again, two = (
        (tmp_path / folder / "rl" / "trl-grpo" / "train.jsonl").read_bytes() for folder in ("one", "again", "two")
    )
    assert one == again != two
    assert sorted(one.splitlines()) == sorted(two.splitlines())


def test_a_question_without_a_judged_chain_has_no_place_in_a_range_and_comes_last() -> None:
    nothing, some = judged_story("uum"), judged_story("eee")
    assert outside(nothing, (0.0, 1.0)) == "no_pass_rate"
    assert outside(nothing, None) is None
    assert outside(some, (0.0, 1.0)) is None
    assert outside(some, (0.1, 1.0)) == "pass_rate"
    for order in ("easy-first", "hard-first"):
        assert place_of(nothing, order, 0) > place_of(some, order, 0)


def test_a_share_is_compared_with_the_number_that_was_written() -> None:
    for chains in range(1, 30):
        for correct in range(chains + 1):
            story = replace(judged_story("c" * correct + "e" * (chains - correct)), question=question())
            exact = parse_pass_rate(f"{correct / chains!r},1")
            assert outside(story, exact) is None


@pytest.mark.parametrize("text", ["", "0.5", "0.9,0.1", "-0.1,1", "0,1.1", "nan,1", "0,nan", "a,b", "0,0.5,1"])
def test_what_is_no_range_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(UsageError, match=r"--pass-rate .*: it must be the least and the greatest rate"):
        parse_pass_rate(text)


def test_no_text_over_the_limit_is_in_any_format_and_all_are_counted(
    exported: Export, run26: RunDirectory, tmp_path: Path
) -> None:
    everything = read_lines(run26.records_path)
    lengths = sorted(len(row["chain_of_thought"].split()) for row in everything)
    limit = lengths[len(lengths) // 2]
    told = exported(["records", "kto", "dpo", "trl-sft"], shares=ALL, plain=True, longest=Limit(limit))
    found = read_lines(tmp_path / "out" / "records" / "train.jsonl")
    assert 0 < len(found) < len(everything)
    assert {row["id"] for row in found} == {
        row["id"] for row in everything if len(row["chain_of_thought"].split()) <= limit
    }
    assert told["left_out"] == {"cot_tokens": len(everything) - len(found)}
    assert told["chains_left_out"]["cot_tokens"] > 0
    for name, field in (
        ("kto", "completion"),
        ("dpo", "chosen"),
        ("dpo", "rejected"),
        ("trl-sft/cotmed", "completion"),
    ):
        texts = [row[field][0]["content"] for row in read_lines(tmp_path / "out" / name / "train.jsonl")]
        assert texts
        assert max(len(text.split()) for text in texts) <= limit, name
    assert (told["settings"]["max_cot_tokens"], told["settings"]["cot_tokens_in"]) == (limit, "words")
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert f"no chain of thought with more than {limit} words" in card


def test_tokens_are_those_of_the_named_tokenizer(tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="pip install 'reasonmed[train]'")
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    (tmp_path / "letters").mkdir()
    made.save(str(tmp_path / "letters" / "tokenizer.json"))
    for path in (tmp_path / "letters", tmp_path / "letters" / "tokenizer.json"):
        limit = Limit(4, path)
        assert limit.unit.startswith("tokens of letters sha256:")
        over = TooLong(limit, ["abcd", "abcde", "a b c d e"])
        assert [text in over for text in ("abcd", "abcde")] == [False, True]


def test_a_tokenizer_without_a_limit_and_one_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--tokenizer .*: says what --max-cot-tokens N counts; add it"):
        limit_of(None, tmp_path)
    with pytest.raises(UsageError, match=r"there is no tokenizer\.json"):
        TooLong(limit_of(3, tmp_path), ["text"])


def test_several_runs_are_one_order(run26: RunDirectory, tmp_path: Path) -> None:
    told = export(
        [run26, _other(tmp_path)], tmp_path / "out", Settings(demo=True, order="easy-first"), ["rl"], force=False
    )
    found = rates(tmp_path / "out" / "rl" / "trl-grpo" / "train.jsonl")
    assert [rate for _, rate in found] == sorted((rate for _, rate in found), reverse=True)
    assert len(found) == sum(part.questions for part in told.card.parts)
    assert all(part.questions for part in told.card.parts)


def _other(folder: Path) -> RunDirectory:
    from runs import questions, run

    return run(folder / "other", questions(8))

"""The questions of every training of both models are left out of a comparison; bases are told by their weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reasonmed.backends import scripted
from reasonmed.backends._weights import SHA256, sha256_of
from reasonmed.backends.scripted import Settings as ScriptedSettings
from reasonmed.documents import json_text
from reasonmed.errors import UsageError
from reasonmed.evaluation import Candidate, candidate, evaluate
from reasonmed.evaluation.bases import Base, bases, described
from reasonmed.evaluation.compare_folders import across
from reasonmed.evaluation.folder import Facts
from reasonmed.evaluation.headlines import headline_words
from reasonmed.evaluation.outcome import Results
from reasonmed.questions.normal import stem_hash
from reasonmed.training.lineage import extended, lineage
from reasonmed.types import Question

COUNT = 30


def stem(number: int) -> str:
    return stem_hash(Question("", f"Case {number}: which drug?", ("a", "b")))


def stems(*numbers: int) -> frozenset[str]:
    return frozenset(map(stem, numbers))


def questions(folder: Path) -> Path:
    rows = [
        {"id": f"q{n}", "question": f"Case {n}: which drug?", "options": ["a", "b"], "answer_index": n % 2}
        for n in range(COUNT)
    ]
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An evaluation of candidates, each right on so many questions from the first one on."""

    def evaluated(known: dict[str, int], *candidates: Candidate, out: str = "out", **others: Any) -> Results:
        def reply(request: Any) -> str:
            number = int(request.question_id.rpartition("q")[2])
            return f"Answer: {'AB'[(number + (number >= known[request.model])) % 2]}"

        monkeypatch.setattr(scripted, "connect", lambda _settings, _connections: scripted.Scripted(reply))
        return evaluate([questions(tmp_path)], list(candidates), tmp_path / out, **others)

    return evaluated


def model(name: str, **others: Any) -> Candidate:
    return Candidate(name=name, entry=ScriptedSettings(backend="scripted", model=name), **others)


def folder(path: Path, weights: bytes, **record: Any) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text("{}")
    (path / "model.safetensors").write_bytes(weights)
    if record:
        (path / "run.json").write_text(json_text(record))
    return path


def identity(path: Path) -> str:
    return f"config.json:{'0' * 16} model.safetensors:{sha256_of(path / 'model.safetensors')[:16]}"


def test_questions_that_the_base_saw_do_not_count_either(asked: Callable[..., Results]) -> None:
    told = asked(
        {"base": 10, "tuned": 20},
        model("base", stems=stems(*range(10))),
        model("tuned", stems=stems(*range(5, 15))),
        base="base",
    )
    (headline,) = told.headlines
    assert (headline.subset, headline.trained_on) == ("clean", 15)
    assert headline.benchmarks["own"].n == 15
    assert headline.benchmarks["own"].first == 0.0
    assert headline.benchmarks["own"].second == pytest.approx(5 / 15)
    assert told.comparisons[0].benchmarks == headline.benchmarks


def test_the_table_and_compare_count_clean_questions_alone(asked: Callable[..., Results], tmp_path: Path) -> None:
    asked({"base": 6}, model("base"), out="one")
    told = asked({"tuned": COUNT - 6}, model("tuned", stems=stems(*range(COUNT - 6))), out="two")
    assert told.models[0].benchmarks["own"].accuracy.value == pytest.approx(0.8)
    (pair,) = across(tmp_path / "one", tmp_path / "two").comparisons
    assert (pair.subset, pair.trained_on) == ("clean", COUNT - 6)
    assert pair.benchmarks["own"].n == 6
    assert "better" not in pair.benchmarks["own"].words
    report = (tmp_path / "two" / "report.md").read_text()
    assert "It is over all questions, also those that a model was trained on" in report


def test_a_comparison_on_questions_that_were_trained_on_says_so(asked: Callable[..., Results], tmp_path: Path) -> None:
    told = asked({"base": 6, "tuned": COUNT}, model("base"), model("tuned"), base="base")
    (line,) = headline_words(told)
    assert "all questions; what the model was trained on is not known" in line
    assert "Not known to be clean: all questions" in (tmp_path / "out" / "report.md").read_text()


def test_where_the_hashes_of_what_was_trained_on_are_lost_compare_says_so(
    asked: Callable[..., Results], tmp_path: Path
) -> None:
    asked({"base": 6}, model("base"), out="one")
    asked({"tuned": 20}, model("tuned", stems=stems(*range(20))), out="two")
    (file,) = (tmp_path / "two" / "models").glob("*.stems")
    file.unlink()
    found = across(tmp_path / "one", tmp_path / "two")
    assert found.remarks == ["the hashes of what tuned was trained on (models/*.stems) are missing"]
    assert found.comparisons[0].subset.startswith("all questions")


def test_where_every_question_was_trained_on_nothing_is_said_of_them(
    asked: Callable[..., Results], tmp_path: Path
) -> None:
    told = asked({"base": 0, "tuned": COUNT}, model("base"), model("tuned", stems=stems(*range(COUNT))), base="base")
    assert headline_words(told) == ["tuned on own: no question is left that neither it nor base was trained on."]
    assert "No other question is left." in (tmp_path / "out" / "report.md").read_text()


def test_stems_travel_along_the_chain_of_trainings(tmp_path: Path) -> None:
    base = folder(tmp_path / "small", b"small")
    first = folder(tmp_path / "sft", b"sft", trainings=extended(base, "small", identity(base), stems(1, 2)))
    told = extended(first, "sft", identity(first), stems(2, 3))
    second = folder(tmp_path / "elsewhere" / "dpo", b"dpo", trainings=told, stems=sorted(stems(2, 3)))
    found = lineage(second)
    assert (found.stems, found.base, found.whole, found.demo) == (stems(1, 2, 3), "sft", True, False)
    assert found.base_weights == {sha256_of(first / "model.safetensors")[:16]}
    for place in ("adapter", "checkpoints/checkpoint-30"):
        folder(second / place, b"part")
        assert lineage(second / place).stems == stems(1, 2, 3)
    (second / "dpo.gguf").write_bytes(b"GGUF")
    assert candidate(str(second / "dpo.gguf")).stems == stems(1, 2, 3)


def test_the_chain_of_older_records_is_followed_where_a_folder_has_the_weights(tmp_path: Path) -> None:
    base = folder(tmp_path / "sft", b"sft", stems=sorted(stems(1)), base_model={"name": "small", "identity": "x"})
    record = {"stems": sorted(stems(2)), "base_model": {"name": "sft", "identity": identity(base)}}
    assert lineage(folder(tmp_path / "dpo", b"dpo", **record)).stems == stems(1, 2)
    (base / "model.safetensors").write_bytes(b"other weights under the same name")
    assert lineage(tmp_path / "dpo").stems == stems(2)


def test_a_training_that_has_only_begun_tells_what_it_trains_on(tmp_path: Path) -> None:
    begun = folder(tmp_path / "m" / "checkpoints" / "checkpoint-8", b"part")
    (tmp_path / "m" / "training.json").write_text(json_text({"trainings": extended(None, "s", "x", stems(4))}))
    assert lineage(begun).stems == stems(4)


def test_rows_without_a_stem_make_the_subset_no_more_than_clean_as_far_as_known(
    asked: Callable[..., Results], tmp_path: Path
) -> None:
    told = extended(None, "small", "x", [stem(1), None])
    found = lineage(folder(tmp_path / "m", b"m", trainings=told))
    assert (found.stems, found.whole) == (stems(1), False)
    assert lineage(folder(tmp_path / "n", b"n", trainings=extended(None, "s", "x", [None]))).stems is None
    results = asked({"base": 0, "m": 9}, model("base"), model("m", stems=stems(1), whole=False), base="base")
    assert results.headlines[0].subset.startswith("clean as far as known; of some rows that m was trained on")


@pytest.mark.parametrize(
    "record", [{"trainings": [{"stems": "all"}]}, {"trainings": [{"stems": [1]}]}, {"stems": {"a": 1}}]
)
def test_a_record_whose_stems_are_no_hashes_is_refused(record: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is no record of a training: `(trainings\[0\]\.)?stems"):
        lineage(folder(tmp_path / "m", b"m", **record))


def test_a_record_that_names_itself_as_its_base_ends(tmp_path: Path) -> None:
    made = folder(tmp_path / "m", b"m")
    record = {"stems": [stem(1)], "base_model": {"name": "m", "identity": identity(made)}}
    (made / "run.json").write_text(json.dumps(record))
    assert lineage(made).stems == stems(1)


def test_weights_and_not_names_say_which_model_is_the_base(tmp_path: Path) -> None:
    small, other = folder(tmp_path / "small", b"small"), folder(tmp_path / "other" / "small", b"another")
    record = {"trainings": extended(small, "small", identity(small), stems(1))}
    tuned = folder(tmp_path / "tuned", b"tuned", **record)
    found = [candidate(f"{name}={path}") for name, path in (("a", other), ("b", small), ("c", tuned))]
    facts = {
        one.name: Facts(
            run=one.name,
            label=one.entry.label,
            backend=one.entry.backend,
            demo=False,
            base=one.base,
            trained=False,
            weights=[*one.weights],
            base_weights=[*one.base_weights],
        )
        for one in found
    }
    assert bases(facts) == {"c": Base("b", "weights")}
    assert bases(facts, "a")["c"].by == "other"
    del facts["b"]
    assert bases(facts) == {}
    assert bases(facts, "a")["c"].by == "named"
    assert described(Base("a", "other")) == "a, which by its weights is not its base,"


def test_a_model_called_like_the_base_that_is_another_gives_no_headline(
    asked: Callable[..., Results], tmp_path: Path
) -> None:
    told = asked(
        {"small": 0, "tuned": COUNT},
        model("small", weights=frozenset({"a" * 16})),
        model("tuned", base="org/small", base_weights=frozenset({"b" * 16}), stems=stems()),
    )
    assert told.headlines == []
    assert "small is called like the base of tuned, and its weights are others" in (told.no_headline or "")
    assert "its base" not in (tmp_path / "out" / "report.md").read_text()


def test_each_model_is_set_against_its_own_base(asked: Callable[..., Results]) -> None:
    one, other = frozenset({"1" * 16}), frozenset({"2" * 16})
    told = asked(
        {"small": 0, "large": 15, "small-tuned": 12, "large-tuned": 15},
        *(model("small", weights=one), model("large", weights=other)),
        *(model("small-tuned", base_weights=one), model("large-tuned", base_weights=other)),
    )
    pairs = {(found.model, found.base, found.by) for found in told.headlines}
    assert pairs == {("small-tuned", "small", "weights"), ("large-tuned", "large", "weights")}
    assert told.base is None
    assert {(found.second, found.first) for found in told.comparisons} >= {
        ("small-tuned", "small"), ("large-tuned", "large")}  # fmt: skip


def test_holm_counts_every_model_of_the_table(asked: Callable[..., Results]) -> None:
    names = ("a", "b", "c")
    told = asked({"base": 0, **dict.fromkeys(names, 6)}, model("base"), *map(model, names), base="base")
    found = [one.benchmarks["own"] for one in told.headlines]
    assert [one.p_holm for one in found] == pytest.approx([3 * 2 / 2**6] * 3)
    assert all("not distinguishable" in one.words for one in found)


def test_two_folders_of_one_name_are_told_apart(tmp_path: Path, asked: Callable[..., Results]) -> None:
    one, other = folder(tmp_path / "a" / "m", b"1"), folder(tmp_path / "b" / "m", b"2")
    assert [candidate(str(path)).name for path in (one, other)] == ["m", "m"]
    assert [candidate(f"{name}={path}").name for name, path in (("x", one), ("y", other))] == ["x", "y"]
    with pytest.raises(UsageError, match=r"m: named twice; tell two of one name apart with -m NAME=FOLDER"):
        asked({}, candidate(str(one)), candidate(str(other)))
    with pytest.raises(UsageError, match="-m x=nowhere: there is no such model"):
        candidate("x=nowhere")


def test_a_model_that_was_trained_from_the_demo_model_stays_one(tmp_path: Path) -> None:
    demo = f"SmolLM2.gguf sha256:{SHA256[:16]}"
    first = folder(tmp_path / "sft", b"sft", trainings=extended(None, "renamed", demo, stems(1)))
    second = folder(tmp_path / "dpo", b"dpo", trainings=extended(first, "sft", identity(first), stems(2)))
    older = folder(tmp_path / "old", b"old", stems=[], base_model={"name": "embedded", "identity": demo})
    assert [candidate(str(path)).demo for path in (first, second, older)] == [True] * 3
    assert not candidate(str(folder(tmp_path / "own", b"own"))).demo

"""The sets whose questions a run is made of: what a split's name stands for, and what becomes of every row."""

from __future__ import annotations

import json
from collections import Counter
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest
from typer.testing import CliRunner

from data_hub import COMMIT, DataHub, lines
from exports import read_lines
from hub_server import NOWHERE, reasonmed_with_hub, serving
from reasonmed.cli import app
from reasonmed.errors import ReasonMedError, UsageError
from reasonmed.questions import Settings, benchmarks, layouts, questions_in
from reasonmed.questions.benchmarks import ids_of
from reasonmed.questions.benchmarks.fetching import Fetched
from reasonmed.questions.contamination import METHODS, Matcher, build_of
from reasonmed.questions.sets import Chosen, chosen, registry
from reasonmed.questions.sets.counts import Outputs, outputs
from reasonmed.questions.sets.fetching import Source
from reasonmed.questions.sets.gathering import gather
from reasonmed.types import Question

_RANDOM = Random(7)
_WORDS = ["".join(_RANDOM.choices("abcdefghijklmnoprstuvw", k=7)) for _ in range(900)]
SUBJECTS = list(benchmarks.registry()["mmlu-medical"].subjects)


def stem(seed: int) -> str:
    """A question like no other: words that are its own."""
    words = Random(seed).sample(_WORDS, 16)
    return f"A patient has {' '.join(words[:12])}; which of {' '.join(words[12:])} helps?"


def choices(seed: int) -> list[str]:
    return [f"{word} treatment" for word in Random(-seed - 1).sample(_WORDS, 4)]


def of_medqa(seed: int, key: int = 0, name: str = "") -> dict[str, Any]:
    endings = {f"ending{place}": option for place, option in enumerate(choices(seed))}
    return {"id": name or f"train-{seed:05}", "sent1": stem(seed), "sent2": "", "label": key, **endings}


def of_medmcqa(seed: int, key: int = 0) -> dict[str, Any]:
    options = dict(zip(("opa", "opb", "opc", "opd"), choices(seed), strict=True))
    more = {"choice_type": "single", "exp": "Because.", "subject_name": "Medicine", "topic_name": None}
    return {"id": f"uuid-{seed}", "question": stem(seed), **options, "cop": key, **more}


def of_pubmedqa(seed: int, pmid: int) -> dict[str, Any]:
    context = {"contexts": ["We asked.", f"We saw {seed}."], "labels": ["AIM", "RESULTS"], "meshes": []}
    told = {"reasoning_required_pred": "yes", "reasoning_free_pred": "yes", "long_answer": "It does."}
    return {"pubid": pmid, "question": stem(seed), "context": context, **told, "final_decision": "yes"}


def of_mmlu(seed: int, subject: str) -> dict[str, Any]:
    return {"question": stem(seed), "subject": subject, "choices": choices(seed), "answer": 1}


def source(folder: Path, name: str, part: str, rows: list[dict[str, Any]]) -> Source:
    path = folder / f"{name}-{part}.jsonl"
    path.write_bytes(lines(rows))
    of = registry()[name]
    fetched = Fetched(name, "user/name", COMMIT, {f"{part}.jsonl": path}, {f"{part}.jsonl": "0"})
    return Source(name, "paper", part, of.parts[part].rows, of.layout, fetched)


def question(seed: int) -> Question:
    return Question(f"test-{seed}", stem(seed), tuple(choices(seed)), 0)


def _unseen(done: int) -> None:
    """Nobody looks how far it is."""


def gathered(folder: Path, sources: list[Source], tests: list[Question]) -> tuple[dict[str, Any], Outputs]:
    to = outputs(folder / "sources.jsonl")
    matcher = Matcher([build_of(tests, "medqa-4options", 1273)], METHODS)
    gather(sources, [], matcher, to, _unseen)
    return json.loads(to.manifest.read_text(encoding="utf-8")), to


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_papers_splits_are_the_papers_194_925_questions() -> None:
    rows = {name: sum(one.parts[part].rows for part in one.splits["paper"]) for name, one in registry().items()}
    held_out = ids_of(benchmarks.registry()["pubmedqa-500-context"].files)
    assert rows["medqa"] == 10_178 + 1_272
    assert sum(rows.values()) - len(held_out or ()) == 194_925


def test_every_set_has_a_pinned_benchmark_a_known_layout_and_splits_that_are_its_own() -> None:
    for one in registry().values():
        files = benchmarks.registry()[one.benchmark].files
        assert files is not None
        assert len(files.revision) == 40
        assert one.layout in layouts()
        assert {"paper", "train"} <= one.splits.keys()
        assert {part for parts in one.splits.values() for part in parts} == one.parts.keys()
        assert not one.refused.keys() & one.splits.keys()


@pytest.mark.parametrize(
    ("given", "split", "found"),
    [
        (["hub:medqa"], "paper", [Chosen("medqa", "paper")]),
        (["hub:medqa,medmcqa"], "train", [Chosen("medqa", "train"), Chosen("medmcqa", "train")]),
        (["hub:medqa", "hub:medmcqa@main"], "train", [Chosen("medqa", "train"), Chosen("medmcqa", "train", "main")]),
        (
            ["hub:medqa, pubmedqa"],
            "train,pubmedqa=pqa_artificial",
            [Chosen("medqa", "train"), Chosen("pubmedqa", "pqa_artificial")],
        ),
        (["hub:medqa,mmlu-medical"], "mmlu-medical=dev", [Chosen("medqa", "paper"), Chosen("mmlu-medical", "dev")]),
    ],
)  # fmt: skip
def test_a_split_is_said_for_all_sets_or_for_one(given: list[str], split: str, found: list[Chosen]) -> None:
    assert chosen(given, split) == found


@pytest.mark.parametrize(
    ("given", "split", "said"),
    [
        ("hub:medqqa", "paper", "there is no set 'medqqa'; the sets to make chains of thought of are medqa, medmcqa"),
        ("hub:", "paper", "there is no set ''"),
        ("hub:medqa-4options", "paper", "this is a benchmark, for `reasonmed evaluate`"),
        ("hub:medqa@../x", "paper", "'../x' is no branch, tag or commit"),
        ("hub:medqa,medqa", "paper", "medqa is given twice"),
        ("hub:medqa", "test", "of medqa: they are the benchmark medqa-4options; its splits are paper, train"),
        ("hub:medmcqa", "validation", "they are the benchmark medmcqa-validation"),
        ("hub:pubmedqa", "pqa_unlabeled", "its questions have no keys"),
        ("hub:mmlu-medical", "auxiliary_train", "of no medical subject"),
        ("hub:medqa,mmlu-medical", "dev", "--split 'dev' of medqa: there is no such split"),
        ("hub:medqa", "train,train", "each given once"),
        ("hub:medqa", "medmcqa=train", "SET=SPLIT for one of medqa"),
        ("hub:medqa", "medqa=", "SET=SPLIT for one of medqa"),
    ],
)  # fmt: skip
def test_a_set_or_a_split_that_is_none_is_refused_with_those_that_are(given: str, split: str, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        chosen([given], split)
    assert said in str(refused.value)


def test_every_row_is_written_once_or_dropped_with_its_reason(tmp_path: Path) -> None:
    copied = of_medqa(900)
    reworded = of_medqa(901) | {"sent1": stem(901).replace("A patient has", "A man of 54 years has")}
    shuffled = of_medmcqa(1) | {"opa": choices(1)[3], "opd": choices(1)[0], "cop": 3}
    first = [of_medqa(1), of_medqa(2), of_medqa(2, key=1, name="train-again"), copied, reworded]
    second = [of_medqa(3, name="dev-3"), {**of_medqa(4), "label": 9}, of_medqa(1, name="dev-1")]
    third = [of_medmcqa(5), of_medmcqa(6, key=3), shuffled, of_medmcqa(2, key=2)]
    sources = [
        source(tmp_path, "medqa", "train", first),
        source(tmp_path, "medqa", "validation", second),
        source(tmp_path, "medmcqa", "train", third),
    ]
    told, to = gathered(tmp_path, sources, [question(900), question(901)])

    written, dropped = read_lines(to.questions), read_lines(to.dropped)
    assert [row["id"] for row in written] == [
        *("medqa-train-00001", "medqa-train-00002", "medqa-dev-3"),
        *("medmcqa-uuid-5", "medmcqa-uuid-6"),
    ]
    assert [(row["set"], row["split"], row["id"], row["reason"]) for row in dropped] == [
        ("medqa", "train", "medqa-train-again", "duplicate"),
        ("medqa", "train", "medqa-train-00900", "test_question"),
        ("medqa", "train", "medqa-train-00901", "test_question"),
        ("medqa", "validation", None, "bad_row"),
        ("medqa", "validation", "medqa-dev-1", "duplicate"),
        ("medmcqa", "train", "medmcqa-uuid-1", "duplicate_of_other_set"),
        ("medmcqa", "train", "medmcqa-uuid-2", "duplicate_of_other_set"),
    ]
    details = [row["detail"] for row in dropped]
    assert details[0] == "same as medqa-train-00002, with another key"
    assert "contamination.exact: test-900 of medqa-4options" in details[1]
    assert details[3] == "validation.jsonl:2: label: must be the key's index, from 0 to 3, not 9"
    assert details[5:] == ["same as medqa-train-00001", "same as medqa-train-00002, with another key"]
    assert [one["rows"] for one in told["sets"]] == [5, 3, 4]
    for one in told["sets"]:
        assert one["rows"] == one["written"] + sum(one["dropped"].values())
    assert told["questions"] == len(written)
    assert [one["matches"] for one in told["kept_out"]] == [2]


def test_source_license_and_split_are_kept_and_the_licenses_of_medmcqa_are_both_told(tmp_path: Path) -> None:
    sources = [
        source(tmp_path, "medqa", "validation", [of_medqa(1)]),
        source(tmp_path, "medmcqa", "train", [of_medmcqa(n, key=n % 4) for n in range(2, 6)]),
    ]
    told, to = gathered(tmp_path, sources, [question(900)])
    taken = list(questions_in(to.questions, Settings(records=True)))
    found = [(one.source, one.license, one.license_source, one.split) for one in taken]
    assert found == [
        ("MedQA", "CC-BY-SA-4.0", "layout", "validation"),
        *[("MedMCQA", "MIT", "layout", "train")] * 4,
    ]
    assert [one.answer for one in taken] == [0, 2, 3, 0, 1]
    medqa, medmcqa = told["sets"]
    assert medqa["licenses"] == [
        {"source": "MedQA", "license": "CC-BY-SA-4.0", "license_source": "layout", "questions": 1}
    ]
    assert medqa["publishers_disagree"] == []
    assert [claim["license"] for claim in medmcqa["publishers_disagree"]] == ["mit", "apache-2.0"]


def test_two_questions_of_one_id_are_not_both_written(tmp_path: Path) -> None:
    parts = [("train", [of_medqa(1, name="q")]), ("validation", [of_medqa(2, name="q")])]
    told, to = gathered(tmp_path, [source(tmp_path, "medqa", *one) for one in parts], [question(900)])
    assert [row["id"] for row in read_lines(to.questions)] == ["medqa-q"]
    assert told["sets"][1]["dropped"]["bad_row"] == 1


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "is empty"),
        (
            [{"question": "Which?", "options": ["a", "b"], "answer": 0}],
            r"none of the 1 rows of train.jsonl is a question of layout medqa_hub; the first: train.jsonl:1: ",
        ),
    ],
)
def test_files_of_another_layout_are_refused_and_nothing_is_written(
    tmp_path: Path, rows: list[dict[str, Any]], said: str
) -> None:
    sources = [
        source(tmp_path, "medmcqa", "train", [of_medmcqa(n, key=n % 4) for n in range(4)]),
        source(tmp_path, "medqa", "train", rows),
    ]
    with pytest.raises(ReasonMedError, match=said):
        gathered(tmp_path, sources, [question(900)])
    assert not [path for path in tmp_path.iterdir() if "sources" in path.name]


def test_the_official_test_questions_of_pubmedqa_are_no_source_and_the_others_stay(
    tmp_path: Path, shared: Path
) -> None:
    rows = read_lines(shared / "data" / "pubmedqa.jsonl")
    test = [one for one in questions_in(shared / "data" / "pubmedqa.jsonl") if one.split == "test"]
    published = [
        {
            "pubid": int(row["id"].removeprefix("pubmedqa-")),
            "question": row["question"],
            "context": {"contexts": [row["context"]], "labels": ["ALL"], "meshes": []},
            "long_answer": "It does.",
            "final_decision": row["answer"],
        }
        for row in rows
    ]
    told, to = gathered(tmp_path, [source(tmp_path, "pubmedqa", "train", published)], test)
    assert {row["id"] for row in read_lines(to.questions)} == {row["id"] for row in rows if row["split"] != "test"}
    assert told["sets"][0]["dropped"]["test_question"] == len(test)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hub:medqa"], "say with -o OUT.jsonl where the questions go"),
        (["hub:medqa", "mine.jsonl", "-o", "out.jsonl"], "`reasonmed run OUT mine.jsonl`"),
        (["hub:medqa", "-o", "out.jsonl", "--map", "question=Stem"], "--map: the layout of a set of the hub is known"),
        (["mine.jsonl", "--split", "train"], "--split and --against go with hub:SET"),
        (["hub:medqa", "-o", "there.jsonl"], "there.manifest.json exists"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.manifest.json").write_text("{}")
    done = CliRunner().invoke(app, ["questions", *words], env={"COLUMNS": "200", "HF_ENDPOINT": NOWHERE})
    assert said in " ".join((done.output + str(done.exception)).split())
    assert done.exit_code


def whole_hub() -> DataHub:
    """All four data sets, each at its pinned commit: two questions a split, one training question that is a test's."""
    numbers = count()
    ids = sorted(ids_of(benchmarks.registry()["pubmedqa-500-context"].files) or ())
    official = [int(one.removeprefix("pubmedqa-")) for one in ids[:2]]
    mmlu = {
        f"{subject}/{split}.jsonl": lines([of_mmlu(next(numbers), subject)])
        for subject in SUBJECTS
        for split in ("dev", "validation", "test")
    }
    medqa = {
        f"{split}.json": lines([of_medqa(next(numbers), n, f"{split}-{n}") for n in range(2)])
        for split in ("train", "dev", "test")
    }
    validation = [of_medmcqa(next(numbers), n) for n in range(4)]
    train = [of_medmcqa(next(numbers), n) for n in range(4)] + validation[:1]
    files = {
        "medqa": medqa,
        "medmcqa": {"data/train.jsonl": lines(train), "data/validation.jsonl": lines(validation)},
        "pubmedqa": {
            "pqa_labeled/train.jsonl": lines([of_pubmedqa(next(numbers), pmid) for pmid in (1, *official, 2)])
        },
        "mmlu-medical": mmlu,
    }
    hub = DataHub()
    for name, there in files.items():
        of = benchmarks.registry()[registry()[name].benchmark].files
        assert of is not None
        hub.commits[of.revision] = there
    return hub


async def test_one_command_makes_the_source_questions_and_makes_them_again_offline(
    tmp_path: Path,
) -> None:
    pytest.importorskip("huggingface_hub", reason="the hub is asked by its own client")
    words = ("questions", "hub:medqa,medmcqa,pubmedqa,mmlu-medical", "--split", "train")
    async with serving(whole_hub()) as hub:
        done = await reasonmed_with_hub(tmp_path, *words, "-o", "sources.jsonl", hub=hub.base, COLUMNS="220")
    assert done.code == 0, done.err
    assert "20 questions written to sources.jsonl" in done.err
    assert "hub:medqa-4options@17af9355ef89: checked against 2 of 1,273" in done.out
    assert "medmcqa, train: 5 rows, where 182,822 were published" in done.out
    assert not [path for path in hub.asked if "artificial" in path or path.endswith("/dev.json")]

    told = json.loads((tmp_path / "sources.manifest.json").read_text())
    found = {(one["set"], one["split"]): (one["rows"], one["written"]) for one in told["sets"]}
    assert found == {
        ("medqa", "train"): (2, 2),
        ("medmcqa", "train"): (5, 4),
        ("pubmedqa", "train"): (4, 2),
        ("mmlu-medical", "dev"): (6, 6),
        ("mmlu-medical", "validation"): (6, 6),
    }
    assert {one["revision"] for one in told["sets"]} == hub.commits.keys()
    assert [one["matches"] for one in told["kept_out"]] == [0, 1, 2, 0]
    rows = read_lines(tmp_path / "sources.jsonl")
    assert Counter(row["source"] for row in rows) == {"MedQA": 2, "MedMCQA": 4, "PubMedQA": 2, "MMLU": 12}

    again = await reasonmed_with_hub(tmp_path, *words, "-o", "again.jsonl", HF_HUB_OFFLINE="1")
    assert again.code == 0, again.err
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "sources.jsonl").read_bytes()


async def test_a_file_that_is_not_the_one_the_hub_lists_leaves_nothing_behind(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="the hub is asked by its own client")
    hub = whole_hub()
    hub.served = lambda content: content[:-2] + b"!\n"
    words = ("questions", "hub:medqa", "-o", "sources.jsonl")
    async with serving(hub):
        done = await reasonmed_with_hub(tmp_path, *words, hub=hub.base)
    assert done.code == 2
    assert "came twice with another hash" in " ".join(done.err.split())
    assert "or fetch its files by hand and give them to `reasonmed questions`" in " ".join(done.err.split())
    assert names_in(tmp_path) == [".hf"]

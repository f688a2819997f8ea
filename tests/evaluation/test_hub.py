"""``evaluate hub:NAME`` against a stand-in of the hub, by the hub's real client: what is read, kept and refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace as changed
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from data_hub import (
    COMMIT,
    MEDQA,
    OTHER,
    DataHub,
    lines,
    medmcqa,
    medqa,
    medxpertqa,
    mmlu,
    parquet,
    pubmedqa,
)
from hub_server import NOWHERE, SAVED_LOGIN, reasonmed_with_hub, serving
from product import Done
from reasonmed.evaluation.benchmarks import Reading, benchmarks_of
from reasonmed.questions.benchmarks import ids_of, registry
from reasonmed.questions.benchmarks.fetching import Fetched
from reasonmed.questions.benchmarks.splits import pick


@pytest.fixture(autouse=True)
def _with_its_client() -> None:
    pytest.importorskip("huggingface_hub", reason="the hub is asked by its own client")


async def evaluate(folder: Path, *words: str, hub: DataHub | None = None, **more: str) -> Done:
    command = ("evaluate", *words, "-r", "scripted", "-m", "one", "-o", "out")
    return await reasonmed_with_hub(folder, *command, hub=hub.base if hub else NOWHERE, **more)


def told(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))
    return found


def asked(folder: Path) -> list[dict[str, Any]]:
    (file,) = (folder / "out" / "answers").iterdir()
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def recommitted(name: str, hub: DataHub) -> DataHub:
    """The stand-in with its files at the commit that the registry names for a benchmark."""
    files = registry()[name].files
    assert files is not None
    hub.commits = {files.revision: hub.commits[COMMIT]}
    return hub


def test_the_registry_names_a_commit_for_every_variant_whose_files_are_on_the_hub() -> None:
    pinned = {name: one.files for name, one in registry().items() if one.files}
    assert set(registry()) - set(pinned) == {"medqa-5options"}
    assert all(len(one.revision) == 40 for one in pinned.values())


def test_the_official_test_questions_of_pubmedqa_are_500_and_agree_with_the_published_split(shared: Path) -> None:
    files = registry()["pubmedqa-500-context"].files
    assert files is not None
    official = ids_of(files)
    assert official is not None
    assert len(official) == 500
    rows = [json.loads(line) for line in (shared / "data" / "pubmedqa.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["id"] for row in rows if row["split"] == "test"} <= official
    assert not official & {row["id"] for row in rows if row["split"] == "train"}


async def test_a_benchmark_is_fetched_asked_and_its_commit_is_on_record(tmp_path: Path) -> None:
    content = lines(medqa())
    async with serving(
        DataHub({"README.md": b"#", "train.json": b"{}", "dev.json": b"{}", "test.json": content})
    ) as hub:
        done = await evaluate(tmp_path, "hub:medqa-4options", hub=hub)
    assert done.code == 0, done.err
    assert f"6 of 1,273 questions from hub:medqa-4options@{COMMIT[:12]}" in done.err
    record = {"repo": MEDQA.repo, "revision": COMMIT, "files": {"test.json": sha256(content).hexdigest()}}  # type: ignore[union-attr]
    (one,) = told(tmp_path)["benchmarks"]
    assert one["fetched"] == record
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["hub"] == {"medqa-4options": record}
    assert (one["name"], one["n"], one["splits"], one["options"]) == ("medqa-4options", 6, {"test": 6}, [4])
    assert one["differences"] == ["6 of 1,273 questions"]
    assert [row["key"] for row in asked(tmp_path)] == list("ABCDAB")
    assert not [path for path in hub.asked if "train.json" in path or "dev.json" in path]


async def test_a_benchmarks_own_files_are_a_source_of_a_run_beside_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_bytes(
        lines([{"id": "m1", "question": "Which?", "options": ["x", "y"], "answer": "A"}])
    )
    words = ("run", "mine.jsonl", "hub:medqa-4options", "-r", "scripted", "-o", "run", "--max-failures", "100%")
    async with serving(DataHub({"test.json": lines(medqa())})) as hub:
        done = await reasonmed_with_hub(tmp_path, *words, hub=hub.base)
        assert done.code == 0, done.err
        assert f"hub:medqa-4options@{COMMIT[:12]}: 6 rows: 6 questions, 0 repeated, 0 bad" in done.err
        assert "cannot be evaluated on it" in " ".join(done.err.split())
        with_files = json.loads((tmp_path / "run" / "run.json").read_text())["input"]["files"]
        assert [one["questions"] for one in with_files] == [1, 6]
    assert "already finished" in (await reasonmed_with_hub(tmp_path, *words)).err, "without the hub"


async def test_nothing_of_the_machine_or_its_saved_login_is_sent(tmp_path: Path) -> None:
    async with serving(DataHub({"test.json": lines(medqa())})) as hub:
        assert (await evaluate(tmp_path, "hub:medqa-4options", hub=hub)).code == 0
        assert len(hub.headers) > 2
    for sent in hub.headers:
        assert "Authorization" not in sent
        assert SAVED_LOGIN not in str(sent)
        assert not {"torch", "agent"} & {part.strip().partition("/")[0] for part in sent["User-Agent"].split(";")}
    assert not [path for path in hub.asked if "telemetry" in path]


async def test_the_same_command_goes_on_without_the_hub(tmp_path: Path) -> None:
    async with serving(DataHub({"test.json": lines(medqa())})) as hub:
        first = await evaluate(tmp_path, "hub:medqa-4options", hub=hub)
    again = await evaluate(tmp_path, "hub:medqa-4options")
    offline = await evaluate(tmp_path, "hub:medqa-4options", HF_HUB_OFFLINE="1")
    assert [one.code for one in (first, again, offline)] == [0, 0, 0], again.err + offline.err
    assert first.out == again.out == offline.out


async def test_a_folder_keeps_to_the_commit_that_its_answers_are_to(tmp_path: Path) -> None:
    hub = DataHub({"test.json": lines(medqa())}, {"test.json": lines(medqa(word="test"))})
    async with serving(hub):
        assert (await evaluate(tmp_path, "hub:medqa-4options@main", hub=hub)).code == 0
        assert told(tmp_path)["benchmarks"][0]["fetched"]["revision"] == OTHER
        again = await evaluate(tmp_path, "hub:medqa-4options", hub=hub)
        assert again.code == 0, again.err
        assert told(tmp_path)["benchmarks"][0]["fetched"]["revision"] == OTHER
        refused = await evaluate(tmp_path, f"hub:medqa-4options@{COMMIT}", hub=hub)
    assert refused.code == 2
    assert f"is commit {COMMIT}, but the recorded answers are to commit {OTHER}" in refused.err


async def test_medmcqa_is_the_validation_split_with_keys_from_0(tmp_path: Path) -> None:
    files = {f"data/{split}-00000-of-00001.parquet": parquet(medmcqa()) for split in ("test", "train", "validation")}
    async with serving(recommitted("medmcqa-validation", DataHub(files))) as hub:
        done = await evaluate(tmp_path, "hub:medmcqa-validation", hub=hub)
    assert done.code == 0, done.err
    assert [row["key"] for row in asked(tmp_path)] == list("ABCDAB")
    (one,) = told(tmp_path)["benchmarks"]
    assert list(one["fetched"]["files"]) == ["data/validation-00000-of-00001.parquet"]
    assert one["splits"] == {"validation": 6}


async def test_mmlu_is_its_six_subjects_and_equal_questions_stay_two(tmp_path: Path) -> None:
    subjects = registry()["mmlu-medical"].subjects
    files = {f"{one}/test-00000-of-00001.parquet": parquet(mmlu(one)) for one in [*subjects, "astronomy", "all"]}
    async with serving(recommitted("mmlu-medical", DataHub(files))) as hub:
        done = await evaluate(tmp_path, "hub:mmlu-medical", hub=hub)
    assert done.code == 0, done.err
    (one,) = told(tmp_path)["benchmarks"]
    assert one["n"] == 24
    assert one["fetched"]["files"].keys() == {f"{subject}/test-00000-of-00001.parquet" for subject in subjects}
    rows = asked(tmp_path)
    assert Counter(row["subject"] for row in rows) == dict.fromkeys(subjects, 4)
    assert rows[0]["id"] == "anatomy-test-00000-of-00001-1"
    assert {row["key"] for row in rows} == {"A", "B"}


async def test_pubmedqa_is_all_its_labelled_questions_or_the_official_500_of_them(tmp_path: Path) -> None:
    files = registry()["pubmedqa-500-context"].files
    assert files is not None
    official = sorted(int(one.removeprefix("pubmedqa-")) for one in ids_of(files) or ())
    content = {"pqa_labeled/train-00000-of-00001.parquet": parquet(pubmedqa([*official, *range(1, 501)]))}
    content["pqa_artificial/train-00000-of-00001.parquet"] = b"never read"
    async with serving(recommitted("pubmedqa-500-context", DataHub(content))) as hub:
        done = await evaluate(tmp_path, "hub:pubmedqa-500-context", "hub:pubmedqa-1000-context", hub=hub)
    assert done.code == 0, done.err
    half, whole = told(tmp_path)["benchmarks"]
    assert (half["n"], half["splits"], half["with_context"]) == (500, {"test": 500}, 500)
    assert (whole["n"], whole["with_context"]) == (1000, 1000)
    assert half["differences"] == whole["differences"] == []
    assert half["caution"].startswith("no content hash")


async def test_without_contexts_a_benchmark_has_another_name(tmp_path: Path) -> None:
    content = {"pqa_labeled/train-00000-of-00001.parquet": parquet(pubmedqa([1, 2, 3]))}
    async with serving(recommitted("pubmedqa-1000-context", DataHub(content))) as hub:
        wrong = await evaluate(tmp_path, "hub:pubmedqa-1000-context", "--no-context", hub=hub)
        other = await evaluate(tmp_path, "hub:pubmedqa-1000-noctx", hub=hub)
        right = await evaluate(tmp_path, "hub:pubmedqa-1000-noctx", "--no-context", hub=hub)
    assert (wrong.code, other.code, right.code) == (2, 2, 0), right.err
    assert "without contexts is hub:pubmedqa-1000-noctx" in wrong.err
    assert "add --no-context, or name hub:pubmedqa-1000-context" in other.err
    assert told(tmp_path)["benchmarks"][0]["with_context"] == 0


async def test_medxpertqa_is_its_text_questions(tmp_path: Path) -> None:
    files = {f"{part}/{split}.jsonl": lines(medxpertqa()) for part in ("MM", "Text") for split in ("dev", "test")}
    async with serving(recommitted("medxpertqa-text", DataHub(files))) as hub:
        done = await evaluate(tmp_path, "hub:medxpertqa-text", hub=hub)
    assert done.code == 0, done.err
    (one,) = told(tmp_path)["benchmarks"]
    assert (list(one["fetched"]["files"]), one["options"]) == (["Text/test.jsonl"], [10])
    assert [row["key"] for row in asked(tmp_path)] == ["A", "B", "C"]
    assert not any("Answer Choices" in row["question"] for row in asked(tmp_path))


async def test_a_data_set_without_the_split_is_refused_with_what_it_has(tmp_path: Path) -> None:
    async with serving(DataHub({"README.md": b"#", "train.json": b"{}", "test-hard.json": b"{}"})) as hub:
        done = await evaluate(tmp_path, "hub:medqa-4options", hub=hub)
    assert done.code == 2
    assert "has not one whole set of files test.parquet, .jsonl or .json" in done.err
    assert "its files are README.md, test-hard.json, train.json" in done.err
    assert "medqa-4options=FILE" in done.err
    assert not (tmp_path / "out").exists()


async def test_rows_of_another_layout_are_refused_with_their_fields(tmp_path: Path) -> None:
    async with serving(DataHub({"test.json": lines([{"prompt": "?", "completion": "!"}])})) as hub:
        done = await evaluate(tmp_path, "hub:medqa-4options", hub=hub)
    assert done.code == 2
    assert "no reader knows; its fields are prompt, completion" in done.err


async def test_names_that_lead_out_of_the_folder_or_paint_the_terminal_are_no_files(tmp_path: Path) -> None:
    hub = DataHub({"train.json": b"{}"})
    hub.names = ["../../test.json", "/test.json", "data/../test.json", "test.json\x1b[2J", ".test.json", "a\\test.json"]
    async with serving(hub):
        done = await evaluate(tmp_path, "hub:medqa-4options", hub=hub)
    assert done.code == 2
    assert "has not one whole set of files" in done.err
    assert "\x1b" not in done.err
    assert not [path for path in hub.asked if "/resolve/" in path]


async def test_a_file_that_is_listed_and_not_there_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    hub = DataHub({"train.json": b"{}"})
    hub.names = ["test.json"]
    async with serving(hub):
        done = await evaluate(tmp_path, "hub:medqa-4options", hub=hub)
    assert done.code == 2
    assert f"the hub did not give {MEDQA.repo} at {COMMIT}" in done.err  # type: ignore[union-attr]
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        (lambda content: content[: len(content) // 2], "the hub did not give"),
        (lambda content: content.replace(b"Case 1", b"Case 9"), "came twice with another hash"),
    ],
)
@pytest.mark.parametrize("name", ["test.json", "test-00000-of-00001.parquet"])
async def test_a_torn_or_changed_download_is_not_read_and_the_same_command_mends_it(
    tmp_path: Path, name: str, spoiled: Callable[[bytes], bytes], words: str
) -> None:
    content = lines(medqa()) if name == "test.json" else parquet(medqa())
    assert spoiled(content) != content
    hub = DataHub({name: content})
    hub.served = spoiled
    async with serving(hub):
        done = await evaluate(tmp_path, "hub:medqa-4options", hub=hub)
        assert done.code == 2
        assert words in done.err
        assert "Traceback" not in done.err
        assert not (tmp_path / "out").exists()
        hub.served = bytes
        again = await evaluate(tmp_path, "hub:medqa-4options", hub=hub)
        assert again.code == 0, again.err
    assert told(tmp_path)["benchmarks"][0]["n"] == 6


async def test_a_file_that_was_changed_in_the_cache_is_fetched_again_or_refused(tmp_path: Path) -> None:
    async with serving(DataHub({"test.json": lines(medqa())})) as hub:
        assert (await evaluate(tmp_path, "hub:medqa-4options", hub=hub)).code == 0
        (file,) = (tmp_path / ".hf").rglob("snapshots/*/test.json")
        file.resolve().write_bytes(lines(medqa(word="poison")))
        refused = await evaluate(tmp_path, "hub:medqa-4options", HF_HUB_OFFLINE="1")
        assert refused.code == 2
        assert "HF_HUB_OFFLINE is set" in refused.err
        assert (await evaluate(tmp_path, "hub:medqa-4options", hub=hub)).code == 0
    assert file.read_bytes() == lines(medqa())


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"status": 403, "headers": {"X-Error-Code": "GatedRepo"}}, "is gated: accept its terms on"),
        ({"status": 404, "headers": {"X-Error-Code": "RepoNotFound"}}, "is not there, or private"),
        ({"status": 404, "headers": {"X-Error-Code": "RevisionNotFound"}}, "try hub:medqa-4options@main"),
        ({"status": 500}, "the hub did not give"),
        ({"status": 200}, "something else than a data set"),
    ],
)
async def test_what_the_hub_refuses_is_said_with_the_mend(tmp_path: Path, status: dict[str, Any], words: str) -> None:
    hub = DataHub({})
    hub.status = status
    async with serving(hub):
        done = await evaluate(tmp_path, "hub:medqa-4options", hub=hub, HF_TOKEN="secret-1")
    assert done.code == 2
    assert words in done.err
    assert "medqa-4options=FILE" in done.err
    assert "Traceback" not in done.err
    assert "secret-1" not in done.err
    assert {sent.get("Authorization") for sent in hub.headers} == {"Bearer secret-1"}


async def test_offline_with_an_empty_cache_is_refused_with_the_mend(tmp_path: Path) -> None:
    done = await evaluate(tmp_path, "hub:medqa-4options", HF_HUB_OFFLINE="1")
    assert done.code == 2
    assert "HF_HUB_OFFLINE is set, and the cache" in done.err
    assert "fetch it once with the network, or give the file: medqa-4options=FILE" in done.err


async def test_a_hub_that_is_away_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    done = await evaluate(tmp_path, "hub:medqa-4options")
    assert done.code == 2
    assert "the hub did not give GBaker/MedQA-USMLE-4-options-hf" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("hub:medqa", "there is no benchmark 'medqa'; there are medqa-4options"),
        ("hub:", "there is no benchmark ''"),
        ("hub:medqa-5options", "its files are not known to be on the hub; give medqa-5options=FILE"),
        ("hub:medqa-4options@../main", "'../main' is no branch, tag or commit"),
        ("hub:medqa-4options@", "'' is no branch, tag or commit"),
    ],
)
async def test_names_and_revisions_are_checked_before_the_hub_is_asked(tmp_path: Path, given: str, words: str) -> None:
    async with serving(DataHub({})) as hub:
        done = await evaluate(tmp_path, given, hub=hub)
    assert done.code == 2
    assert words in done.err
    assert not hub.asked


@pytest.mark.parametrize(
    ("names", "folder", "split", "found"),
    [
        (["test.json", "train.json", "README.md"], "", "test", ["test.json"]),
        (["data/dev.json", "data/train.json"], "", "validation", ["data/dev.json"]),
        (["dev.json", "validation.json"], "", "validation", ["validation.json"]),
        (["dev.json"], "", "test", []),
        (["test.json", "test.parquet"], "", "test", ["test.parquet"]),
        (["data/test.json", "test.json"], "", "test", []),
        (["test-00001-of-00002.parquet", "test-00000-of-00002.parquet"], "", "test",
         ["test-00000-of-00002.parquet", "test-00001-of-00002.parquet"]),
        (["test-00000-of-00001-f9b18ed8290.parquet"], "", "test", ["test-00000-of-00001-f9b18ed8290.parquet"]),
        (["test-00000-of-00002.parquet"], "", "test", []),
        (["test-00000-of-00001.parquet", "test-00000-of-00001-ab.parquet"], "", "test", []),
        (["test-00000-of-00001.parquet", "test.parquet"], "", "test", []),
        (["test_hard.jsonl", "test-hard.jsonl", "mytest.jsonl", "test.jsonl.gz"], "", "test", []),
        (["Text/test.jsonl", "MM/test.jsonl", "test.jsonl"], "Text", "test", ["Text/test.jsonl"]),
        (["xText/test.jsonl", "a/Text/test.jsonl"], "Text", "test", []),
        (["test.json\n", " test.json", "../test.json"], "", "test", []),
        ([], "", "test", []),
    ],
)  # fmt: skip
def test_the_files_of_a_split_are_one_whole_set_or_none(
    names: list[str], folder: str, split: str, found: list[str]
) -> None:
    assert pick(names, folder, split) == found


def test_another_name_of_a_split_will_not_do_where_a_data_set_has_both() -> None:
    cached = ["anatomy/dev-00000-of-00001.parquet"]
    assert pick(cached, "anatomy", "validation") == cached
    assert pick(cached, "anatomy", "validation", exact=True) == []


def fetched(path: Path, rows: list[dict[str, Any]]) -> Fetched:
    path.write_bytes(lines(rows))
    return Fetched("medqa-4options", "user/name", COMMIT, {"test.json": path}, {"test.json": "0"})


def test_other_content_than_the_variant_has_is_said_to_differ(tmp_path: Path) -> None:
    (one,) = benchmarks_of([fetched(tmp_path / "test.json", medqa())], Reading())
    known = replace(registry()["medqa-4options"], n=6, hash=one.facts.hash)
    assert changed(one, variant=known).whole
    (other,) = benchmarks_of([fetched(tmp_path / "test.json", medqa(word="test"))], Reading())
    (said,) = changed(other, variant=known).differences
    assert said == f"the content differs: its hash is {other.facts.hash}, not {one.facts.hash}"


def test_real_questions_in_the_hubs_layout_are_the_same_questions(tmp_path: Path, shared: Path) -> None:
    rows = [json.loads(line) for line in (shared / "data" / "medqa.jsonl").read_text(encoding="utf-8").splitlines()]
    hub = [
        {"id": row["id"], "sent1": row["question"], "sent2": "", "label": row["answer_index"]}
        | {f"ending{place}": option for place, option in enumerate(row["options"])}
        for row in rows
    ]
    (one,) = benchmarks_of([fetched(tmp_path / "test.json", hub)], Reading())
    (own,) = benchmarks_of([shared / "data" / "medqa.jsonl"], Reading())
    assert one.name == own.name
    assert one.facts.hash == own.facts.hash

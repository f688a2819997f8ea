from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from reasonmed.errors import QuestionError, UsageError
from reasonmed.evaluation.benchmarks import Reading, benchmarks_of
from reasonmed.questions.benchmarks import Facts, differences, recognize, registry, set_hash, unpinned
from reasonmed.types import Question


def facts(n: int, source: str, **others: object) -> Facts:
    told = {"options": (4,), "splits": {"test": n}, "with_context": 0, "subjects": {"": n}, **others}
    return Facts(n=n, hash="h", sources=(source,), **told)  # type: ignore[arg-type]


def test_the_registry_has_the_sizes_that_people_report() -> None:
    sizes = {name: one.n for name, one in registry().items()}
    assert sizes["medqa-4options"] == 1273
    assert sizes["medmcqa-validation"] == 4183
    assert sizes["medxpertqa-text"] == 2450
    assert {sizes[f"pubmedqa-{size}-{how}"] for size in (500, 1000) for how in ("context", "noctx")} == {500, 1000}
    subjects = registry()["mmlu-medical"].subjects
    assert len(subjects) == 6
    assert sum(subjects.values()) == sizes["mmlu-medical"] == 1089


@pytest.mark.parametrize(
    ("found", "name"),
    [
        (facts(1273, "MedQA"), "medqa-4options"),
        (facts(700, "MedQA"), "medqa-4options"),
        (facts(1273, "MedQA", options=(5,)), "medqa-5options"),
        (facts(4183, "MedMCQA", splits={"validation": 4183}), "medmcqa-validation"),
        (facts(900, "MedMCQA", splits={"train": 900}), None),
        (facts(500, "PubMedQA", options=(3,), with_context=500), "pubmedqa-500-context"),
        (facts(500, "PubMedQA", options=(3,)), "pubmedqa-500-noctx"),
        (
            facts(500, "PubMedQA", options=(3,), with_context=500, splits={"test": 460, "train": 40}),
            "pubmedqa-1000-context",
        ),
        (facts(1000, "PubMedQA-PQA-L", options=(3,), with_context=1000, splits={"": 1000}), "pubmedqa-1000-context"),
        (facts(500, "PubMedQA", options=(3,), with_context=499), None),
        (facts(2450, "MedXpertQA", options=(10,)), "medxpertqa-text"),
        (facts(1089, "MMLU", subjects={"anatomy": 1089}), "mmlu-medical"),
        (facts(200, "MMLU", subjects={"astronomy": 200}), None),
        (facts(10, "ours"), None),
    ],
)
def test_a_file_is_recognized_by_what_it_is(found: Facts, name: str | None) -> None:
    assert recognize(found) == name


def test_a_part_of_a_variant_is_said_to_be_one() -> None:
    assert differences(facts(700, "MedQA"), registry()["medqa-4options"]) == ["700 of 1,273 questions"]


def test_every_difference_from_a_named_variant_is_said() -> None:
    found = facts(500, "PubMedQA", options=(2, 3), with_context=499, splits={"test": 460, "train": 40})
    told = "\n".join(differences(found, registry()["pubmedqa-500-context"]))
    for words in ("40 questions are of split train, not test", "2 or 3 options, not 3", "499 questions have a context"):
        assert words in told


def test_other_content_of_the_same_size_is_said_where_a_hash_is_known() -> None:
    pinned = replace(registry()["medqa-4options"], hash="known")
    assert "its hash is h, not known" in differences(facts(1273, "MedQA"), pinned)[0]
    assert unpinned(facts(1273, "MedQA"), pinned) is None
    assert "no content hash" in (unpinned(facts(1273, "MedQA"), registry()["medqa-4options"]) or "")


def test_the_set_hash_sees_content_and_not_order() -> None:
    one = Question("a", "Which drug?", ("Heparin", "Warfarin"), 0)
    other = Question("b", "Which test?", ("MRI", "CT"), 1)
    turned = Question("c", "which DRUG", ("Warfarin", "Heparin"), 1)
    assert set_hash([one, other]) == set_hash([other, turned])
    assert set_hash([one, other]) != set_hash([replace(one, answer=1), other])
    assert set_hash([one]) != set_hash([one, one])


def test_the_real_samples_are_recognized_as_parts(shared: Path) -> None:
    names = ("medqa", "medmcqa", "pubmedqa", "mmlu_medical", "medxpertqa")
    found = benchmarks_of([shared / "data" / f"{name}.jsonl" for name in names], Reading())
    assert [(one.name, one.facts.n, one.variant.n if one.variant else None) for one in found] == [
        ("medqa-4options", 700, 1273),
        ("medmcqa-validation", 1000, 4183),
        ("pubmedqa-1000-context", 500, 1000),
        ("mmlu-medical", 971, 1089),
        ("medxpertqa-text", 150, 2450),
    ]
    assert not any(one.whole for one in found)


def test_without_context_it_is_another_benchmark(shared: Path) -> None:
    (one,) = benchmarks_of([shared / "data" / "pubmedqa.jsonl"], Reading(context=False))
    assert one.name == "pubmedqa-1000-noctx"
    assert not any(question.context for question in one.questions)
    assert all(len(stems) == 2 for stems in one.stems)


def test_mmlu_files_tell_their_subject_by_name(tmp_path: Path) -> None:
    file = tmp_path / "college_medicine_test.csv"
    file.write_text("Which drug?,a,b,c,d,B\nWhich test?,e,f,g,h,A\n")
    (one,) = benchmarks_of([file], Reading())
    assert (one.name, one.facts.subjects) == ("mmlu-medical", {"college_medicine": 2})


def row(name: str, key: str = '"answer": "b", ') -> str:
    return f'{{"id": "{name}", "question": "Which {name}?", {key}"options": ["a", "b"]}}\n'


def test_a_file_of_ones_own_keeps_its_name_and_is_no_benchmark(tmp_path: Path) -> None:
    (tmp_path / "ward round (1).jsonl").write_text(row("x"))
    (one,) = benchmarks_of([tmp_path / "ward round (1).jsonl"], Reading())
    assert (one.name, one.variant) == ("ward-round-1-", None)
    assert "not a pinned benchmark" in (one.caution or "")


@pytest.mark.parametrize(
    ("content", "kind", "words"),
    [
        ("", QuestionError, "is empty"),
        ("[]", UsageError, "no questions"),
        (row("x", ""), UsageError, "1 questions have no answer key, the first x"),
        ('{"id": "x", "question": "Which?"', QuestionError, "own.jsonl"),
        (row("x") + row("x"), QuestionError, "'x' stands twice"),
        ('{"score": 1}\n', QuestionError, "no reader knows"),
    ],
)
def test_wrong_files_are_refused_with_what_is_wrong(
    content: str, kind: type[Exception], words: str, tmp_path: Path
) -> None:
    (tmp_path / "own.jsonl").write_text(content)
    with pytest.raises(kind) as refused:
        benchmarks_of([tmp_path / "own.jsonl"], Reading())
    assert words in str(refused.value)


def test_names_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "own.jsonl"
    file.write_text(row("x"))
    with pytest.raises(UsageError, match="there is no benchmark 'medqa'; there are medqa-4options"):
        benchmarks_of([f"medqa={file}"], Reading())
    with pytest.raises(UsageError, match="are all own"):
        benchmarks_of([file, file], Reading())
    (one,) = benchmarks_of([f"medqa-4options={file}"], Reading())
    assert one.name == "medqa-4options"
    assert "questions have 2 options, not 4" in one.differences

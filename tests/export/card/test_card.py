"""The card says what the records and the ledger say, and nothing that they do not."""

from __future__ import annotations

import json
import re
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from exports import Export, read_lines
from reasonmed.export import About, Settings, export, recard
from reasonmed.export.card import pictures
from reasonmed.export.card.facts import Source
from reasonmed.export.card.licenses import front_matter
from reasonmed.export.card.terms import terms_date, terms_of
from reasonmed.questions import questions_in
from reasonmed.questions.licenses import conflict, identifier
from reasonmed.recipe.shipped import resource
from reasonmed.report.markdown import plain
from reasonmed.runs.directory import RunDirectory
from reasonmed.runs.records import outcomes
from reasonmed.types import Question
from runs import run
from support import question, recipe


def card_of(folder: Path) -> tuple[dict[str, Any], str]:
    """The head and the text of a card."""
    _, head, text = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), text


def rows_of(text: str, column: str) -> list[list[str]]:
    """The rows of the table whose first column has this heading."""
    lines = text.splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(f"| {column} |"))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    return found


def exported_run(tmp_path: Path, questions: list[Question], **stages: Any) -> str:
    made = run(tmp_path / "run", questions, recipe(route={"dispute": False}, **stages))
    export(made, tmp_path / "out", Settings(demo=True, disputed=True), ["records"], force=False)
    return (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_counts_of_the_card_are_those_of_the_records(exported: Export, run26: RunDirectory, tmp_path: Path) -> None:
    exported(["records", "trl-sft"])
    head, text = card_of(tmp_path / "out")
    rows = {
        split: read_lines(tmp_path / "out" / "records" / f"{split}.jsonl") for split in ("train", "validation", "test")
    }
    everything = [row for split in rows.values() for row in split]
    sources = Counter(row["source"] for row in everything)
    assert {row[0]: int(row[3]) for row in rows_of(text, "source")} == sources
    for name, *counts in rows_of(text, "split"):
        tiers = Counter(row["tier"] for row in rows[name])
        assert list(map(int, counts[1:])) == [tiers["easy"], tiers["medium"], tiers["difficult"], len(rows[name])]
    writers = Counter(row["provenance"]["writer"] for row in everything)
    assert {row[0]: int(row[1]) for row in rows_of(text, "chain of thought written by")} == writers
    scores = Counter(row["score"] for row in everything if row["score"] is not None)
    assert {int(row[0]): int(row[1]) for row in rows_of(text, "score")} == scores
    assert {row[0]: row[1] for row in rows_of(text, "config")} == {
        f"`{one['config_name']}`": str(len(rows["train"])) for one in head["configs"]
    }
    assert {row[0]: int(row[2]) for row in rows_of(text, "folder")} == {
        "`records/`": len(everything),
        "`trl-sft/`": 3 * len(everything),
    }


def test_the_cost_of_the_card_is_that_of_the_ledger(exported: Export, run26: RunDirectory, tmp_path: Path) -> None:
    exported(["records"])
    totals = dict(run26.reader().query("SELECT stage, SUM(calls) FROM totals GROUP BY stage"))
    costs = (tmp_path / "out" / "README.md").read_text(encoding="utf-8").split("## Cost")[1]
    assert {row[0]: int(row[1].replace(",", "")) for row in rows_of(costs, "stage")} == totals


def test_the_head_is_what_the_hub_reads(exported: Export, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="reads the head of a card as the hub does")
    exported(["trl-sft"])
    made = hub.DatasetCard.load(tmp_path / "out" / "README.md", ignore_metadata_errors=False)
    assert made.data.license == "apache-2.0"
    assert made.data.language == ["en"]
    assert made.data.size_categories == ["n<1K"]
    assert [one["config_name"] for one in made.data.configs] == ["reasonmed", "cotmed", "responsemed"]


def test_a_demo_is_said_above_all_and_every_card_says_not_for_clinical_use(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    head, text = card_of(tmp_path / "out")
    warnings = [line for line in text.splitlines() if line][1:3]
    assert warnings[0].startswith("> **Demo.**")
    assert warnings[1].startswith("> **Not for clinical use.**")
    assert {"demo", "not-for-training"} <= set(head["tags"])


def test_without_matplotlib_the_card_has_tables_only(
    exported: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda _: None)
    told = exported(["records"])
    assert "![" not in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert not any(name.endswith(".svg") for name in told["files"])


def test_every_picture_of_the_card_is_there(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", (tmp_path / "out" / "README.md").read_text(encoding="utf-8"))
    assert len(shown) == 3
    for name in shown:
        assert "<svg" in (tmp_path / "out" / name).read_text(encoding="utf-8")


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    evil = "x | <script>alert(1)</script> ](https://evil.example) `code` \x1b[31m\n# heading\u202e"
    text = exported_run(tmp_path, [question("q1", source=evil, license=evil), question("q2", source="good")])
    body = text.split("---\n", 2)[2]
    assert "<script" not in body
    assert "\x1b" not in text
    assert "\u202e" not in body
    assert not any(line.startswith("# heading") for line in body.splitlines())
    assert not re.search(r"(?<!\\)\]\(https://evil", body)
    assert all(len(row) == 4 for row in rows_of(body, "source"))
    assert yaml.safe_load(text.split("---\n")[1])["license"] == ["other", "unknown"]


def test_a_source_without_a_license_is_named(tmp_path: Path) -> None:
    text = exported_run(tmp_path, [question("q1", source="Nobody's"), question("q2", source="Free", license="MIT")])
    assert "**The license of Nobody's is unknown:**" in text
    assert yaml.safe_load(text.split("---\n")[1])["license"] == ["mit", "unknown"]


def test_a_license_on_which_the_publishers_disagree_is_told_from_both_sides(tmp_path: Path) -> None:
    rows = [question("q1", source="MedMCQA", license="MIT"), question("q2", source="Free", license="CC0-1.0")]
    text = exported_run(tmp_path, rows)
    assert yaml.safe_load(text.split("---\n")[1])["license"] == ["apache-2.0", "cc0-1.0", "mit"]
    (cell,) = (row[1] for row in rows_of(text, "source") if row[0] == "MedMCQA")
    assert cell.startswith("**unclear:** [mit]")
    for where in (
        "github.com/medmcqa/medmcqa/blob/main/LICENSE.md",
        "huggingface.co/datasets/openlifescienceai/medmcqa",
    ):
        assert f"(https://{where})" in cell
    assert "The license of MedMCQA is unclear, its publishers disagree: mit according to" in text
    (made,) = tmp_path.rglob("croissant.json")
    told = json.loads(made.read_text(encoding="utf-8"))["license"]
    assert [url.rpartition("/")[2] for url in told] == ["Apache-2.0.html", "CC0-1.0.html", "MIT.html"]


@pytest.mark.parametrize(
    ("source", "license_", "said"),
    [
        ("MedMCQA", "MIT", ["apache-2.0", "mit"]),
        ("openlifescienceai/medmcqa", "Apache 2.0", ["apache-2.0", "mit"]),
        ("Med-MCQA (dev)", "mit", ["apache-2.0", "mit"]),
        ("MedMCQA", "By written agreement", []),
        ("MedMCQA", None, []),
        ("MedQA", "MIT", []),
        (None, "MIT", []),
    ],
)
def test_a_conflict_is_one_of_what_is_said_of_the_source(
    source: str | None, license_: str | None, said: list[str]
) -> None:
    assert sorted(claim.license for claim in conflict(source, license_)) == said
    alone = front_matter([Source(source, license_, records=1)])["license"]
    assert alone == (said or identifier(license_))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("MIT", "mit"),
        (" The MIT License ", "mit"),
        ("Apache License, Version 2.0", "apache-2.0"),
        ("CC BY-NC 4.0", "cc-by-nc-4.0"),
        ("cc-by-sa-4.0", "cc-by-sa-4.0"),
        ("Our own terms", "other"),
        ("MIT-ish", "other"),
        ("unknown", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_licenses_are_the_hubs_identifiers(written: str | None, expected: str) -> None:
    assert identifier(written) == expected


def test_a_license_that_the_hub_does_not_know_is_named_in_the_head() -> None:
    found = [("Our terms", 3), ("MIT", 1), ("X", 0)]
    sources = [Source("A", license_, records=records) for license_, records in found]
    assert front_matter(sources) == {"license": ["mit", "other"], "license_name": "our-terms"}


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("SmolLM2-135M-Instruct.Q4_1.gguf sha256:b179c9523d0e", "SmolLM2"),
        ("Qwen/Qwen2.5-72B-Instruct", "Qwen2.5-72B"),
        ("Qwen/Qwen2.5-7B-Instruct", "Qwen3 and Qwen2.5 (0.5B, 1.5B, 7B, 14B, 32B)"),
        ("deepseek-ai/DeepSeek-R1-Distill-Llama-70B", "DeepSeek-R1 distilled into Llama"),
        ("deepseek-ai/DeepSeek-R1", "DeepSeek-R1"),
        ("deepseek-v4-flash", "DeepSeek API"),
        ("gpt-5.6-luna", "OpenAI API"),
        ("o1-mini-0912", "OpenAI API"),
        ("openai/gpt-oss-120b", "gpt-oss"),
        ("gemini-3.6-flash", "Gemini API"),
        ("google/gemma-3-27b-it", "Gemma 1 to 3"),
        ("google/medgemma-27b-it", None),
        ("qwen3.6-plus", None),
        ("Qwen/Qwen3-Max", None),
        ("made-up-1", None),
        ("my-gpt-4", None),
    ],
)
def test_terms_are_those_of_the_models_maker_or_unknown(model: str, family: str | None) -> None:
    found = terms_of(model)
    assert (found.family if found else None) == family
    assert found is None or found.source.startswith("https://")


def test_the_terms_are_dated() -> None:
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", terms_date())


def test_what_saving_options_left_out_is_said(tmp_path: Path) -> None:
    rows = [one for one in questions_in(resource("examples", "questions.json")) if isinstance(one, Question)]
    text = exported_run(tmp_path, rows, verify={"precheck": True})
    assert re.search(r"called wrong without a judge \(precheck\): \d+ requests?", text)


def test_the_agreement_of_a_second_judge_by_step_is_that_of_the_chains_that_both_judged(tmp_path: Path) -> None:
    rows = [one for one in questions_in(resource("examples", "questions.json")) if isinstance(one, Question)][:7]
    text = exported_run(tmp_path, rows, verify={"steps": True, "second_judge": "two"})
    judged = [
        chain.verdict
        for story in outcomes(RunDirectory(tmp_path / "run").reader())
        for chain in story.chains
        if chain.verdict is not None and chain.verdict.steps
        if any(one.kind == "second" and one.steps for one in chain.verdict.opinions)
    ]
    steps = sum(len(one.steps) for one in judged)
    assert steps > 0
    assert f"Labeled by two judges (made-up-1, made-up-2): {steps} steps of {len(judged)} of these chains" in text
    assert re.search(r"alpha: -?\d\.\d\d; -?\d\.\d\d to \d\.\d\d over ok, error and unsupported", text)
    assert "Krippendorff" not in exported_run(tmp_path / "plain", rows[:2])


def test_an_english_set_is_called_english_and_another_is_not(tmp_path: Path) -> None:
    german = "Welche Ursache ist bei dieser Frau mit Gewichtsverlust und Zittern am wahrscheinlichsten?"
    text = exported_run(tmp_path, [Question(f"q{n}", f"{german} {n}", ("Ja", "Nein"), 0) for n in range(3)])
    assert "language" not in yaml.safe_load(text.split("---\n")[1])
    assert "Language: not established." in text


def test_plain_text_has_no_markup() -> None:
    assert plain("a_b_c") == "a_b_c"
    assert plain("_a_ *b* [c](d) <e> &") == r"\_a\_ \*b\* \[c\](d) &lt;e&gt; &amp;"
    assert plain("one\n\n# two") == "one # two"


def test_no_figure_of_a_judge_is_shown_that_was_not_measured(run26: RunDirectory, tmp_path: Path) -> None:
    path = tmp_path / "judge_card.json"
    empty = {"count": 0, "of": 0, "share": None, "low": 0.0, "high": 1.0}
    half = {"count": 5, "of": 10, "share": 0.5, "low": 0.24, "high": 0.76}
    strata = {"broken_reasoning": {"sensitivity": half, "specificity": empty, "more": 1}}
    path.write_text(json.dumps({"name": "made-up-1", "strata": strata, "cases": 10, "unknown_field": 3}))
    about = About(judge_card=path)
    export(run26, tmp_path / "out", Settings(demo=True), ["records"], force=False, about=about)
    text = card_of(tmp_path / "out")[1]
    assert "| broken reasoning | 50.0% (5 of 10; 24.0% to 76.0%) | not measured | not measured |" in text


def test_the_card_says_who_named_a_license(tmp_path: Path) -> None:
    rows = [
        question("q1", source="Mine", license="CC-BY-NC-SA-4.0", license_source="row"),
        question("q2", source="Theirs", license="MIT", license_source="layout"),
        question("q3", source="Old", license="MIT"),
    ]
    cells = {row[0]: row[1] for row in rows_of(exported_run(tmp_path, rows), "source")}
    assert cells["Mine"].endswith("html), as the question file says")
    assert cells["Theirs"].endswith("html), as for published files of this layout")
    assert cells["Old"].endswith("html)")


CHANGING = re.compile(
    r"\d{4}-\d\d-\d\d(T[\d:]+Z)?|reasonmed \d[\w.+-]*|of version \d+|[\d.]+ minutes, USD|[0-9a-f]{16}|(?m:^!\[.*\n\n+)"
)
"""Times, versions, hashes of templates, and pictures, which take an extra."""
BYTES = "6ee3661cd729bb36"


def test_the_text_of_a_card_is_the_same_to_the_byte(exported: Export, tmp_path: Path) -> None:
    exported(["records", "trl-sft"])
    text = CHANGING.sub("", (tmp_path / "out" / "README.md").read_text(encoding="utf-8"))
    assert sha256(text.encode()).hexdigest()[:16] == BYTES


def test_every_text_of_a_card_is_escaped_unless_the_template_says_otherwise(exported: Export, tmp_path: Path) -> None:
    exported(["records"])
    path, odd = tmp_path / "out" / "export.json", "a|b*`<i>x</i> https://e.org\n# h"
    told = json.loads(path.read_text(encoding="utf-8"))
    told["card"]["run"]["input"]["file"] = odd
    told["card"]["roles"][0]["options"]["cot"] = odd
    told["card"]["counts"]["by_writer"] = {odd: 1}
    told["card"]["counts"]["by_flag"] = {odd: 1}
    told["left_out"] = {odd: 1}
    path.write_text(json.dumps(told), encoding="utf-8")
    recard(tmp_path / "out", About(name=odd), force=False)
    _, text = card_of(tmp_path / "out")
    assert text.count(plain(odd)) >= 6
    assert "<i>" not in text
    assert odd not in text

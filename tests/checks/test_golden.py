"""What ``check`` found before it was made faster is what it finds now, byte for byte."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from reasonmed.checks import Plan
from reasonmed.checks.inputs import find_input
from reasonmed.checks.write import check_to_files
from reasonmed.questions import Settings

pytest.importorskip("datasketch", reason="needs the extra check")
pytest.importorskip("rapidfuzz", reason="needs the extra check")

_CORPUS = Path(__file__).parent.parent / "parsing" / "corpus.jsonl"
GOLDEN = Path(__file__).parent / "golden_findings.jsonl"
OF_REAL_CHAINS = "1b55ef87dfe56454a4466669829c4c549215c6ea122d0d2c3ba4edd426b81f9b"
"""The hash of the findings on the real chains."""
_OPTIONS = ("Aspirin", "Warfarin", "Heparin", "Clopidogrel")
_STEMS = (
    "A 61-year-old woman with atrial fibrillation needs an anticoagulant. Which one needs the INR to be followed?",
    "Ein 61-jähriger Mann mit Vorhofflimmern braucht ein Mittel, und die Leber ist gesund. Welches ist es?",
    "心房细动的病人需要抗凝药, 哪一个需要监测国际标准化比值?",
)
_PROSE = "The drug blocks the epoxide reductase, so that clotting factors of the liver are not carboxylated any more."
_TEXTS = (
    *(_PROSE, _PROSE + " It was published on 12 March 2021.", _PROSE + " Call (415) 555-0132.", _PROSE + " " + _PROSE),
    *("no, no, no, no, no", "the liver " * 40, "row 1 of it, row 2 of it, " * 30, "ab" * 60, "?!.," * 20, "", "..."),
    *("Der Stoff hemmt das Enzym und die Leber bildet die Faktoren nicht. " * 3, "这个药物抑制肝脏中的酶。" * 5),
    *("Ce médicament est un inhibiteur de la coagulation et il ne faut pas le donner avec ce que dit la notice.",),
    *("El fármaco es un inhibidor de la coagulación y no se da con las comidas por la noche en el hospital.",),
    *("Лекарство подавляет фермент печени, поэтому факторы не образуются.", "薬は酵素を阻害します。これは肝臓です。"),
    *("I'm sorry, but I cannot provide medical advice.", "As an AI language model, I can't answer that.", "I cannot."),
    *(f"{_PROSE} I won't discuss medical topics.", "我无法提供医疗建议。", "申し訳ありませんが、お答えできません。"),
    *("Since the given answer is B, we argue for it.", "The answer key says so.", "After two previous attempts at it."),
    *("As the judge noted, the previous attempt was wrong.", "The original draft had other error reasons than this."),
    *(
        "<html><body>502 Bad Gateway</body></html>",
        "Too many requests, please try again later",
        "<tool_call>{}</tool_call>",
    ),
    *(
        '{"reasoning": "it is so", "answer": "B"}',
        "{{ question }} [insert reason] <letter>",
        "Answer: <letter>. <text>",
    ),
    *("<think>I wonder whether", "<think>It is so.</think>The answer is B.", "A. Aspirin\nB. Warfarin\n", "B", "**B**"),
    *(
        "MRN: 4471-2290 of the ward",
        "078-05-1120",
        "someone@example.org wrote it",
        "see https://example.org/page",
        "2020-01-02",
    ),
    *(
        "Answer: A\n\nAnswer: B",
        "It is not A. It is not B either.\n\nFinal answer: C. Heparin",
        "The answer is D\nAnswer: A",
    ),
    *(f"{_PROSE}\n\nThe best choice is C.\n\nAnswer: B. Warfarin", f"{_PROSE} In summary, the answer is certainly the"),
)


def _rows() -> list[dict[str, Any]]:
    corpus = [json.loads(line) for line in _CORPUS.read_text(encoding="utf-8").split("\n")[::3] if line]
    said = [(row["reply"], row.get("options") or _OPTIONS) for row in corpus] + [(text, _OPTIONS) for text in _TEXTS]
    rows = []
    for number, (text, options) in enumerate(said):
        stem = f"{_STEMS[number % len(_STEMS)]} Case {number}: {_TEXTS[number % len(_TEXTS)]}"
        key = number % len(options)
        row = {
            "id": f"q{number}#1",
            "question_id": f"q{number}",
            "question": stem,
            "options": options,
            "license": "MIT",
        }
        row |= {"chain_of_thought": text, "response": said[number * 7 % len(said)][0] if number % 3 else None}
        rows.append({**row, "answer_index": key, "answer": options[key]})
    return rows


def _written() -> bytes:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in _rows()]
    return "".join(lines).encode("utf-8", "replace")


def _findings(path: Path, report: Path) -> bytes:
    check_to_files(find_input(path, Settings()), Plan(), report, None)
    found = json.loads(report.read_bytes())["findings"]
    return b"".join(json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in found)


def test_the_findings_on_written_texts_are_those_of_before(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(_written())
    assert _findings(tmp_path / "rows.jsonl", tmp_path / "report.json") == GOLDEN.read_bytes()


def test_the_findings_on_real_chains_are_those_of_before(shared: Path, tmp_path: Path) -> None:
    found = _findings(shared / "data" / "cots" / "cots.jsonl", tmp_path / "report.json")
    assert hashlib.sha256(found).hexdigest() == OF_REAL_CHAINS

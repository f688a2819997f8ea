"""The trl-sft rows of the ablation in docs/training.md: published chains of thought, the shortest ones.

    python bench/ablation_rows.py cots.jsonl rows --rows 40

Reads JSON lines with ``question``, ``options``, ``answer_index`` and ``cots``, a list of ``{text, response}``. Rows of
several chains, or without a response, are left out: the three variants need the same chain and its final answer.
Texts and prompts look as an export's do.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from reasonmed.export._text import Parts, assistant, ended, user
from reasonmed.questions.normal import stem_hash
from reasonmed.types import Question


def main() -> None:
    """Write OUT/trl-sft/VARIANT/train.jsonl."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chains", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=int, default=40)
    asked = parser.parse_args()
    read = [json.loads(line) for line in asked.chains.read_text(encoding="utf-8").splitlines()]
    usable = [one for one in read if len(one["cots"]) == 1 and one["cots"][0].get("response")]
    usable.sort(key=lambda one: (_size(one), one["id"]))
    taken = sorted(usable[: asked.rows], key=lambda one: one["id"])
    for variant in ("reasonmed", "cotmed", "responsemed"):
        folder = asked.out / "trl-sft" / variant
        folder.mkdir(parents=True)
        lines = [json.dumps(_row(one, variant)) + "\n" for one in taken]
        (folder / "train.jsonl").write_text("".join(lines), encoding="utf-8")
    print(f"{len(taken)} of {len(usable)} usable rows of {len(read)}")


def _size(one: dict[str, Any]) -> int:
    return len(one["question"]) + len(one["cots"][0]["text"]) + len(one["cots"][0]["response"])


def _row(one: dict[str, Any], variant: str) -> dict[str, Any]:
    question = Question(one["id"], one["question"], tuple(one["options"]), one["answer_index"])
    chain, response = (
        ended(one["cots"][0][part], question.options, one["answer_index"], plain=False) for part in ("text", "response")
    )
    said = {
        "reasonmed": Parts(chain, response),
        "cotmed": Parts(None, chain),
        "responsemed": Parts(None, response),
    }[variant]
    return {
        "id": f"{question.id}#1",
        "question_id": question.id,
        "prompt": user(question),
        "completion": [assistant(said, "inline")],
        "stem": stem_hash(question),
    }


if __name__ == "__main__":
    main()

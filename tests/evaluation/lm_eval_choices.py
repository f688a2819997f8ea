"""What lm-evaluation-harness asks and chooses, as one line of JSON.

``MODEL KIND DOCS``: by its own task of that kind on local documents. ``MODEL TASK``: by a task of the working folder.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import lm_eval
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from lm_eval.tasks._yaml_loader import load_yaml

TASKS = {
    "medqa": "medqa/medqa.yaml",
    "medmcqa": "medmcqa/medmcqa.yaml",
    "pubmedqa": "pubmedqa/pubmedqa.yaml",
    "mmlu": "mmlu/default/mmlu_anatomy.yaml",
}


def own(kind: str, docs: str) -> dict[str, Any]:
    """lm-eval's own task file with local documents in place of the hub's."""
    config: dict[str, Any] = load_yaml(Path(lm_eval.__file__).parent / "tasks" / TASKS[kind])
    for name in ("tag", "fewshot_config", "fewshot_split", "training_split", "validation_split", "dataset_name"):
        config.pop(name, None)
    return config | {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": docs}}, "test_split": "test"}


def main(model: str, task: str, docs: str | None = None) -> None:
    """Ask the model, and print for each document what was asked, what it scored and what that chose."""
    told = lm_eval.simple_evaluate(
        model=HFLM(pretrained=model, device="cpu", dtype="float32", batch_size=8),
        tasks=[own(task, docs) if docs else task],
        task_manager=TaskManager(include_path=os.curdir, include_defaults=False),
        log_samples=True,
        bootstrap_iters=0,
    )
    (samples,) = told["samples"].values()
    found = []
    for one in sorted(samples, key=lambda sample: sample["doc_id"]):
        scores = [float(score[0][0] if isinstance(score[0], (list, tuple)) else score[0]) for score in one["resps"]]
        asked = (
            [one["arguments"][name] for name in sorted(one["arguments"])]
            if isinstance(one["arguments"], dict)
            else list(one["arguments"])
        )
        pairs = [tuple(ask.values()) if isinstance(ask, dict) else tuple(ask) for ask in asked]
        found.append(
            {
                "text": pairs[0][0],
                "continuations": [pair[1] for pair in pairs],
                "scores": scores,
                "choice": max(range(len(scores)), key=scores.__getitem__),
                "right": one["acc"],
            }
        )
    sys.stdout.write(f"\n{json.dumps(found)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

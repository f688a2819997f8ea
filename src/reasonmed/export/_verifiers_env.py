"""An environment for the package ``verifiers`` 0.1: a module over a JSONL file of the same name in the same folder.

The module stands alone: its reward needs nothing but the standard library, and reads replies by the pattern of the
tasks for lm-evaluation-harness. It offers questions to evaluate on and none to train on.
"""

from __future__ import annotations

from reasonmed.export._lm_eval_task import ANSWER

_MODULE = '''"""Multiple-choice questions with their keys, as an environment for verifiers 0.1: `vf-eval {name}`.

Made by reasonmed. A row of {name}.jsonl has the messages of a prompt and the letter of its key. The questions are for
evaluation alone: there is no data set to train on.
"""

import json
import re
from pathlib import Path

ANSWER = re.compile(r"""{answer}""")


def rows():
    """The questions: messages, key, and what else is known of each."""
    lines = Path(__file__).with_suffix(".jsonl").read_bytes().split(b"\\n")
    found = [json.loads(line) for line in lines if line]
    return [
        {{"prompt": row.pop("prompt"), "answer": row.pop("answer"), "info": json.dumps(row)}}
        for row in found
    ]


def text_of(completion):
    """The text of a reply, thinking cut away; empty where the thinking has no end."""
    message = completion[-1] if completion and not isinstance(completion, str) else completion
    content = message.get("content") if hasattr(message, "get") else getattr(message, "content", message)
    if isinstance(content, list):
        content = "".join(part.get("text") or "" for part in content)
    thought, end, text = (content or "").rpartition("</think>")
    return text if end or "<think>" not in text else ""


def correct(completion, answer):
    """1.0 where the last "Answer: X" of a reply names the key, else 0.0."""
    letters = ANSWER.findall(text_of(completion))
    return float(bool(letters) and letters[-1] == answer)


def load_environment():
    """One reply a question, right or wrong."""
    import verifiers as vf
    from datasets import Dataset

    return vf.SingleTurnEnv(eval_dataset=Dataset.from_list(rows()), rubric=vf.Rubric(funcs=[correct]))
'''


def environment(name: str) -> str:
    """The module of an environment.

    Rows of its JSONL file have ``prompt``, a list of messages, and ``answer``, the letter of the key.

    Args:
        name: the name of the module, which is that of the environment.
    """
    return _MODULE.format(name=name, answer=ANSWER)

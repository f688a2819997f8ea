"""The questions of an evaluation as environments of the package ``verifiers``: the folder ``verifiers``.

One environment a benchmark, with the messages that the evaluation sends, one row for each order of the options.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reasonmed.engine.ledger import encode
from reasonmed.evaluation.rotation import present, rotations
from reasonmed.export._verifiers_env import environment
from reasonmed.files import replacing, write_atomically
from reasonmed.pipeline.agent import question_fields
from reasonmed.report.markdown import plain, table
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reasonmed.evaluation.benchmarks import Benchmark
    from reasonmed.evaluation.job import Evaluation
    from reasonmed.evaluation.settings import Settings

FOLDER = "verifiers"
_UNSAFE = re.compile(r"\W+", re.ASCII)
_README = """# The questions of an evaluation as environments for verifiers

Made by `reasonmed evaluate` for verifiers 0.1 (`pip install 'verifiers>=0.1,<0.2'`): `load_environment` gives a
`SingleTurnEnv` with its rubric. Version 0.4 has no such function. Run it in this folder, where Python finds the
modules:

    PYTHONPATH=. vf-eval {first} -m MODEL --max-tokens {tokens} --temperature {temperature:g}

{tasks}
- The messages are those of `reasonmed evaluate --protocol generate`, one row for each order of a question's options;
  examples are earlier turns. A system prompt is not among them.
- The reward is 1 where the last "Answer: X" behind the thinking names the key, else 0. The parser of reasonmed reads
  more forms, and counts a reply that was cut as truncated: the two can come to different numbers from the same replies.
- The questions are for evaluation alone: training on them would make this benchmark worthless for the model.
"""


def write_environments(evaluation: Evaluation) -> None:
    """Write the environment of every benchmark and their ``README.md``: the same bytes from the same questions."""
    folder, settings = evaluation.folder.path / FOLDER, evaluation.settings
    names = names_of([one.name for one in evaluation.benchmarks])
    counts = []
    for name, one in zip(names, evaluation.benchmarks, strict=True):
        rows = list(_rows(one, settings))
        with replacing(folder / f"{name}.jsonl") as sink:
            sink.writelines(encode(row) + b"\n" for row in rows)
        write_atomically(folder / f"{name}.py", environment(name))
        counts.append((f"`{name}`", plain(one.name), f"{len(rows):,}"))
    text = _README.format(
        first=names[0],
        tokens=settings.max_tokens,
        temperature=settings.temperature,
        tasks=table(("environment", "benchmark", "rows"), counts, right=1),
    )
    write_atomically(folder / "README.md", text)


def names_of(benchmarks: Sequence[str]) -> list[str]:
    """Names of modules for benchmarks: words and underscores, no two alike."""
    found: list[str] = []
    for one in benchmarks:
        stem = f"reasonmed_{_UNSAFE.sub('_', one).strip('_').lower()}".rstrip("_")
        again = sum(other == stem or other.startswith(f"{stem}__") for other in found)
        found.append(f"{stem}__{again + 1}" if again else stem)
    return found


def _rows(one: Benchmark, settings: Settings) -> Iterator[dict[str, object]]:
    template = settings.template()
    for question in one.questions:
        before = [{"role": turn.role, "content": turn.content} for turn in settings.before(question)]
        for by in rotations(question, settings.rotate):
            shown = present(question, by).question
            asked = {"role": "user", "content": template.render(question_fields(shown))}
            yield {
                "id": question.id,
                "rotated": by,
                "prompt": [*before, asked],
                "answer": letter(shown.answer or 0),
            }

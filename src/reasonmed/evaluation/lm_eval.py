"""The questions of an evaluation as tasks of lm-evaluation-harness: the folder ``lm-eval``.

Two tasks a benchmark: one where the model writes, with the very prompts that the evaluation sends, one row for each
order of the options; and one by log-likelihood, where the benchmark has such a prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from reasonmed.engine.ledger import encode
from reasonmed.errors import UsageError
from reasonmed.evaluation.loglikelihood import prompt_of
from reasonmed.evaluation.rotation import present, rotations
from reasonmed.export._lm_eval_task import choice_task, generate_task
from reasonmed.files import replacing, write_atomically
from reasonmed.pipeline.agent import question_fields
from reasonmed.report.markdown import plain, table
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from reasonmed.evaluation.benchmarks import Benchmark
    from reasonmed.evaluation.job import Evaluation
    from reasonmed.evaluation.settings import Settings

FOLDER = "lm-eval"
_THINKING = {None: "", True: ",enable_thinking=True,think_end_token=</think>", False: ",enable_thinking=False"}
_README = """# The questions of an evaluation for lm-evaluation-harness

Made by `reasonmed evaluate` for lm-evaluation-harness 0.4.13 (`pip install 'lm_eval[hf]==0.4.13'`). Run it in this
folder: the YAML files name their questions relative to where lm-eval is started.

{commands}
`MODEL` is a folder or a name on the hub. Each task is a YAML and a JSONL file of the same name:

{tasks}
## What can differ

- `_generate`: the prompts are those of `reasonmed evaluate --protocol generate`, one row for each order of a question's
  options. lm-eval reads a reply by the regular expression in the YAML, which takes the last "Answer: X". The parser of
  reasonmed reads more forms than this one, and a reply that was cut counts as truncated, whatever it says: the two can
  come to different numbers from the same replies.
- `_generate`: lm-eval asks each row once{samples}. A model without chat template goes without
  `--apply_chat_template`; a system prompt goes in by `--system_instruction`.
- `_generate`: a reply may have {max_tokens} tokens, and lm-eval refuses a model whose context is not longer than that:
  give `--gen_kwargs max_gen_toks=N`.
- `_loglikelihood`: text, choices and the metric `acc` are those of lm-eval's own {number} task, with the options in
  the order of the file and without chat template. `reasonmed evaluate --protocol loglikelihood` makes the same choices
  where both compute in the same precision.
- lm-eval's standard error is over rows, that of reasonmed over questions.
{shots}{missing}"""


_SHOTS = (
    "- The examples are in the text of every prompt: run lm-eval without `--num_fewshot`. The evaluation itself sends "
    "them as\n  earlier turns of the conversation, `_generate` has them in one.\n"
)


class _Task(NamedTuple):
    name: str
    rows: int
    missing: str | None = None
    """Why there is no such task."""


def write_tasks(evaluation: Evaluation) -> None:
    """Write the tasks of every benchmark and their ``README.md``: the same bytes from the same questions."""
    folder, settings = evaluation.folder.path / FOLDER, evaluation.settings
    written = [_generate(one, settings, folder) for one in evaluation.benchmarks]
    scored = [_loglikelihood(one, settings, folder) for one in evaluation.benchmarks]
    write_atomically(folder / "README.md", _readme(written, scored, settings))


def _generate(one: Benchmark, settings: Settings, folder: Path) -> _Task:
    name = f"reasonmed_{one.name}_generate"
    task = generate_task(
        name,
        f"{name}.jsonl",
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        top_p=settings.top_p,
    )
    return _write(folder, name, task, list(_prompts(one, settings)))


def _prompts(one: Benchmark, settings: Settings) -> Iterator[dict[str, object]]:
    template = settings.template()
    for question in one.questions:
        before = settings.before(question)
        for by in rotations(question, settings.rotate):
            shown = present(question, by).question
            turns = (*(message.content for message in before), template.render(question_fields(shown)))
            text = "\n\n".join(turns)
            yield {"id": question.id, "rotated": by, "prompt": text, "answer": letter(shown.answer or 0)}


def _loglikelihood(one: Benchmark, settings: Settings, folder: Path) -> _Task:
    name = f"reasonmed_{one.name}_loglikelihood"
    try:
        rows = list(_scored(one, settings))
    except UsageError as unfit:
        for suffix in ("yaml", "jsonl"):
            (folder / f"{name}.{suffix}").unlink(missing_ok=True)
        return _Task(name, 0, str(unfit))
    return _write(folder, name, choice_task(name, f"{name}.jsonl"), rows)


def _scored(one: Benchmark, settings: Settings) -> Iterator[dict[str, object]]:
    if one.prompt is None:
        raise UsageError(f"lm-eval has no log-likelihood prompt for {one.name}")
    for question in one.questions:
        text, continuations = prompt_of(question, one.prompt, settings.shots)
        choices = [choice.removeprefix(" ") for choice in continuations]
        yield {"id": question.id, "prompt": text, "choices": choices, "answer": question.answer}


def _write(folder: Path, name: str, task: str, rows: Sequence[dict[str, object]]) -> _Task:
    with replacing(folder / f"{name}.jsonl") as sink:
        sink.writelines(encode(row) + b"\n" for row in rows)
    write_atomically(folder / f"{name}.yaml", task)
    return _Task(name, len(rows))


def _readme(written: Sequence[_Task], scored: Sequence[_Task], settings: Settings) -> str:
    there = [one for one in scored if one.missing is None]
    commands = [_command(written, f"{_THINKING[settings.thinking]}' --apply_chat_template")]
    commands += [_command(there, "'")] if there else []
    rows = [(f"`{one.name}`", f"{one.rows:,}") for one in (*written, *there)]
    missing = [f"- `{one.name}` is missing: {plain(one.missing)}.\n" for one in scored if one.missing is not None]
    return _README.format(
        commands="".join(commands),
        tasks=table(("task", "rows"), rows, right=1),
        samples="" if settings.samples == 1 else f"; the evaluation asked {settings.samples} times",
        max_tokens=f"{settings.max_tokens:,}",
        number="zero-shot" if settings.shots is None else f"{settings.shots.count}-shot",
        shots="" if settings.shots is None else _SHOTS,
        missing="".join(missing),
    )


def _command(tasks: Sequence[_Task], model: str) -> str:
    names = ",".join(one.name for one in tasks)
    return f"    lm_eval --model hf --model_args 'pretrained=MODEL{model} --include_path . --tasks {names}\n"

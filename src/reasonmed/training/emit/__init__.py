"""The same training for other stacks: data, configuration and command from one training file, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed.errors import UsageError
from reasonmed.export._install import check_folder, installing, manifest_text
from reasonmed.export._sinks import Sinks
from reasonmed.training.data import Data, Rows
from reasonmed.training.emit import _ends, axolotl, llamafactory, openrlhf, trl_cli, verl
from reasonmed.training.emit._case import Case, Emitted, readme, script
from reasonmed.training.tokens import MOST_LOST

if TYPE_CHECKING:
    from pathlib import Path

    from reasonmed.training.data import Row
    from reasonmed.training.settings import Training

STACKS = {
    "llamafactory": llamafactory,
    "axolotl": axolotl,
    "verl": verl,
    "openrlhf": openrlhf,
    "trl-cli": trl_cli,
}


_NAMED = ("axolotl", "trl-cli")
"""Stacks with a setting for the token that ends replies."""


def emit(
    stack: str, data: Data[Row], settings: Training, folder: Path, *, devices: int = 1, force: bool = False
) -> Emitted:
    """Write what a stack needs for this training into a folder.

    Raises:
        UsageError: the stack cannot do this training, or the folder holds something and ``force`` is not set.
    """
    if stack not in STACKS:
        raise UsageError(f"--emit {stack}: there is no such stack; there are {', '.join(STACKS)}")
    check_folder(folder, force=force)
    tokens = _ends.tokens_of(settings)
    kept, refused = _without_controls(stack, data, settings, tokens)
    case = Case(stack, kept, settings, devices)
    end = _end(case, tokens)
    with installing(folder) as draft, Sinks(draft) as sinks:
        command = STACKS[stack].write(case, sinks)
        after: tuple[str, ...] = ()
        if end is not None and case.end is not None and stack not in _NAMED:
            sinks.text(_ends.SCRIPT, _ends.script(end))
            after = ("python3", _ends.SCRIPT)
        if refused:
            case.note(f"control_tokens: {len(refused)} rows with control tokens are skipped: {_listing(refused)}")
        told = Emitted(stack, STACKS[stack].VERSION, command, case.notes(), after, end and end.text)
        sinks.text("run.sh", script(told))
        sinks.text("README.md", readme(told, case))
        files = [*sinks.rows, *sinks.texts]
        manifest: dict[str, Any] = {"emitted": stack, "version": told.version, "data": data.sha}
        manifest |= {"notes": list(told.notes), "eos_token": end and end.text, "control_tokens": refused}
        sinks.text("export.json", manifest_text({**manifest, "rows": dict(sinks.rows), "files": files}))
    return told


def _end(case: Case, tokens: _ends.Tokens | None) -> _ends.End | None:
    """The token that ends replies, handed to the writer; said where it is not known, or is not the tokenizer's own."""
    if tokens is None:
        case.note(
            "eos_token: the base model's tokenizer is not on this machine, so the token that ends replies is not known "
            "here. Where its template ends turns with another token than its eos_token (Qwen's base models), the "
            "trained model would not stop: see that token's name in `reasonmed train DATA -c FILE --dry-run`"
        )
        return None
    if (template := case.text_of_template or tokens.template) is None:
        raise UsageError("the base model has no chat template: name one with `template: FILE.jinja`, or `plain`")
    end = _ends.end_of(tokens, template, case.data.train.rows[0].prompt)
    if end is None:
        raise UsageError(
            "the chat template does not end a reply with an end token: a model trained on it would never stop. Name "
            "another template with `template:`"
        )
    case.end = end.text if end.text != end.base else None
    if case.end is not None and case.stack in _NAMED:
        case.note(f"eos_token: {end.text} ends replies, and {end.base} is the tokenizer's own; written is {end.text}")
    elif case.end is not None:
        case.note(
            f"eos_token: {end.text} ends replies, and {end.base} is the tokenizer's own, which {case.stack} keeps: "
            f"run.sh ends with {_ends.SCRIPT}, which names {end.text} in the trained model's files"
        )
    return end


def _without_controls(
    stack: str, data: Data[Row], settings: Training, tokens: _ends.Tokens | None
) -> tuple[Data[Row], dict[str, list[str]]]:
    """The rows without control tokens in their texts, and the others' ids with these tokens."""
    if settings.control_tokens == "text":
        raise UsageError(
            f"control_tokens: text: {stack} reads control tokens in texts as tokens; say refuse, and such rows are "
            "left out, or train with `reasonmed train`"
        )
    splits = [one for one in (data.train, data.validation) if one is not None]
    refused = {
        row.id: found
        for split in splits
        for row in split.rows
        if (found := _ends.controls_in(tokens, (*row.prompt, *row.completion)))
    }
    lost = sum(row.id in refused for row in data.train.rows)
    if lost > MOST_LOST * len(data.train):
        raise UsageError(
            f"{lost} of {len(data.train)} rows hold control tokens in their texts: {_listing(refused)}; at most "
            f"{MOST_LOST:.0%} may be left out. Take them out of the data"
        )
    train, *rest = (Rows(one.path, [row for row in one.rows if row.id not in refused], one.sha) for one in splits)
    return Data(train, rest[0] if rest and rest[0].rows else None), refused


def _listing(refused: dict[str, list[str]]) -> str:
    shown = [f"{name} ({', '.join(found)})" for name, found in list(refused.items())[:3]]
    return ", ".join([*shown, *([f"{len(refused) - 3} more"] if len(refused) > 3 else [])])  # noqa: PLR2004

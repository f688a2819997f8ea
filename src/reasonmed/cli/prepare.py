"""Before money is spent: ``init`` writes a recipe, ``doctor`` tries its models, ``prompt`` shows what would be sent."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasonmed.cli import _options as options
from reasonmed.cli._consent import check_ways
from reasonmed.cli._console import out, safe, say
from reasonmed.errors import UsageError
from reasonmed.files import check_new_file, make_folder, write_atomically

if TYPE_CHECKING:
    from reasonmed.types import Story

_STYLES = {"ok": "green", "no": "bold red", "note": "yellow"}


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(init)
    app.command()(doctor)
    app.command()(prompt)


def init(
    output: Annotated[Path, typer.Argument(metavar="[OUT]", help="The file to write.")] = Path("recipe.yaml"),
    source: Annotated[
        str, typer.Option("--from", help="api, batch, endpoint, eight_gpu, one_gpu, ray, paper, local or scripted.")
    ] = "api",
    prompts: Annotated[
        Path | None, typer.Option("--prompts", help="Also copy the prompt templates here, to change them.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Write a commented recipe to start from.

    Its first line names the JSON Schema, from which editors complete and check the fields. With --prompts the recipe
    uses the copied templates; delete those that you do not change.

    \b
    Examples:
      reasonmed init
      reasonmed init paper.yaml --from paper
      reasonmed init mine.yaml --prompts prompts
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.recipe import RECIPES
    from reasonmed.recipe.schema import SCHEMA
    from reasonmed.recipe.shipped import resource

    if source not in RECIPES:
        raise UsageError(f"--from {source!r}: there are {', '.join(RECIPES)}")
    check_new_file(output, force=force, other="name")
    text = f"# yaml-language-server: $schema={SCHEMA.as_uri()}\n"
    text += resource("recipes", f"{source}.yaml").read_text(encoding="utf-8")
    if prompts is not None:
        text += f"\nprompts: {json.dumps(os.path.relpath(prompts, output.parent), ensure_ascii=False)}\n"
        _copy_prompts(prompts, force=force)
    write_atomically(output, text)
    out.print(safe(f"{output} written. Next: reasonmed doctor -r {output}"), soft_wrap=True)


def _copy_prompts(folder: Path, *, force: bool) -> None:
    from reasonmed.recipe.templates import originals

    templates = originals()
    for name in templates:
        check_new_file(folder / name, force=force, other="--prompts")
    make_folder(folder)
    for name, text in templates.items():
        write_atomically(folder / name, text)
    out.print(safe(f"{folder}: {len(templates)} templates"), soft_wrap=True)


def doctor(
    recipe: options.RecipeOption = None,
    endpoint: options.EndpointOption = None,
    model: options.ModelOption = None,
    key_env: options.KeyOption = None,
    yes: options.YesOption = False,
) -> None:
    """Test every model of a recipe with one small request: host, key, reply, JSON Schema, thinking, context length.

    \b
    Examples:
      reasonmed doctor -r recipe.yaml
      reasonmed doctor --endpoint http://localhost:8000/v1 --model Qwen/Qwen2.5-72B-Instruct
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.recipe.checks import doubts
    from reasonmed.runs.doctor import examine

    chosen = options.load_recipe(recipe, endpoint, model, key_env)
    check_ways({name: chosen.model(name) for name in chosen.used}, yes=yes)
    worst = None
    for name in chosen.used:
        out.print(safe(f"{name} ({chosen.model(name).backend})", "bold"))
        with options.working(f"asking {name}"):
            found = asyncio.run(examine(chosen, name))
        for finding in found.findings:
            out.print(safe(f"  {finding.mark:4} {finding.text}", _STYLES[finding.mark]), soft_wrap=True)
        worst = worst or found.error
    for doubt in doubts(chosen):
        out.print(safe(f"note {doubt}", _STYLES["note"]), soft_wrap=True)
    if worst is not None:
        say("the recipe is not ready: see above", "bold red")
        raise typer.Exit(worst.exit_code)
    out.print("every model answers")


def prompt(
    rows: Annotated[Path, typer.Argument(metavar="QUESTIONS", help="A question file, or a file of stories.")],
    stage: Annotated[str, typer.Option("--stage", help="Whose request: verify, say; an unknown stage lists all.")],
    question: Annotated[str | None, typer.Option("--id", help="The question's id; the first one by default.")] = None,
    recipe: options.RecipeOption = None,
    layout: options.LayoutOption = None,
    cop_base: options.CopOption = None,
) -> None:
    """Show the prompt of a stage for a question, without sending it.

    \b
    Examples:
      reasonmed prompt examples/questions.json --stage generate
      reasonmed prompt examples/questions.json --stage verify --id gastro-01 -r recipe.yaml
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    from reasonmed.pipeline.preview import preview

    chosen = options.load_recipe(recipe)
    story = _story(rows, question, layout, cop_base)
    request = preview(chosen, stage, story)
    sampling = request.sampling
    out.print(safe(f"model {request.model} · temperature {sampling.temperature} · top_p {sampling.top_p}", "bold"))
    out.print(
        safe(f"max_tokens {sampling.max_tokens} · JSON schema {'yes' if request.response_schema else 'no'}", "bold")
    )
    for message in request.messages:
        out.print(safe(f"--- {message.role} ---", "cyan"))
        out.print(safe(message.content), soft_wrap=True)


def _story(path: Path, name: str | None, layout: str | None, cop_base: int | None) -> Story:
    from reasonmed.questions import Settings
    from reasonmed.runs.layouts import story_source
    from reasonmed.types import Story

    settings = Settings(None if layout == "original" else layout, cop_base)
    for found in story_source(path, layout, settings)():
        if isinstance(found, Story) and name in (None, found.question.id):
            return found
    raise UsageError(f"{path} has no question {name!r}" if name else f"{path} has no good row")

"""Options that several commands have, said once."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reasonmed.cli._console import err, safe, say
from reasonmed.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from reasonmed.recipe.options import Recipe
    from reasonmed.runs.commands.run import Given
    from reasonmed.runs.intake import Intake

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.")]
RecipeOption = Annotated[
    str | None,
    typer.Option("--recipe", "-r", help="A recipe file, or a shipped one: local (default), endpoint, api, ..."),
]
EndpointOption = Annotated[
    str | None,
    typer.Option("--endpoint", help="Use one model behind this OpenAI-compatible base URL in every role."),
]
ModelOption = Annotated[str | None, typer.Option("--model", help="The model's name at --endpoint.")]
KeyOption = Annotated[str | None, typer.Option("--key-env", help="The environment variable with the key.")]
LayoutOption = Annotated[
    str | None,
    typer.Option(
        "--layout", "--reader", help="The file's layout, if its look is not enough; or your own reader: mypackage.mine."
    ),
]
CopOption = Annotated[
    int | None,
    typer.Option(
        "--cop-base", min=0, max=1, help="Whether integer keys, such as MedMCQA's cop, count from 0 or from 1."
    ),
]
MapOption = Annotated[
    str | None,
    typer.Option(
        "--map",
        help="The file's names for fields: question=Stem,answer=Key,options=Choices or 'options=Col 1|Col 2|Col 3'",
    ),
]
SkipOption = Annotated[bool, typer.Option("--skip-bad", help="Skip bad rows; they are listed and counted.")]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="Only the first N rows.")]
SampleOption = Annotated[
    int | None, typer.Option("--sample", min=1, help="N rows drawn by a hash of their ids; a larger N keeps them.")
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of --sample.")]
AuditOption = Annotated[
    int | None,
    typer.Option("--audit-steps", min=1, help="N answers of each model whose steps --judge labels; 200 by default."),
]
JudgeOption = Annotated[
    str | None, typer.Option("--judge", help="Audit steps by this judge: a model of the recipe, or named as for -m.")
]
JudgeCardOption = Annotated[
    Path | None, typer.Option("--judge-card", help="The judge's card: also show rates corrected for its errors.")
]
CostOption = Annotated[
    float | None, typer.Option("--max-cost", min=0, help="USD that the whole run may cost, all sessions together.")
]
AgainstOption = Annotated[
    list[Path] | None,
    typer.Option("--against", help="A benchmark: an index of `reasonmed index`, or a question file; may be repeated."),
]
YesOption = Annotated[
    bool,
    typer.Option(
        "--yes",
        help="Agree to send a variable that is named after another service to the host, and to start the programs that "
        "`serve` in the recipe names.",
    ),
]
PhiOption = Annotated[
    str | None,
    typer.Option(
        "--phi", help="Questions that may identify patients: warn (default for models elsewhere), refuse or off."
    ),
]
LogOption = Annotated[bool, typer.Option("--log-json", help="Log progress as JSON lines on standard error.")]
FailuresOption = Annotated[
    str, typer.Option("--max-failures", help="Exit 1 above this share (10%) or number (25) of failures.")
]

DEFAULT_RECIPE = "local"
_MAPPED = (
    *("id", "question", "options", "answer", "answer_index", "answer_number", "answer_text"),
    *("reference", "context", "source", "license", "split"),
)
"""Fields that ``--map`` names."""
DEMO_QUESTIONS = 50


def names_of(text: str | None) -> dict[str, str]:
    """The file's names for fields, from ``--map``; a name may hold a comma where no field's name follows it."""
    if text is None:
        return {}
    parts = [part.partition("=") for part in re.split(r",(?=\s*\w+\s*=)", text)]
    pairs = [(ours.strip(), equals, theirs.strip()) for ours, equals, theirs in parts]
    for ours, equals, theirs in pairs:
        if not equals or not theirs.strip(", ") or theirs.endswith(",") or ours not in _MAPPED:
            raise UsageError(f"--map {text!r}: it must be FIELD=NAME,..., with fields {', '.join(_MAPPED)}")
    names = {ours: theirs for ours, _, theirs in pairs}
    if len(names) < len(pairs):
        raise UsageError(f"--map {text!r}: a field stands twice")
    return names


def load_recipe(
    name: str | None,
    endpoint: str | None = None,
    model: str | None = None,
    key: str | None = None,
    *,
    needs: Iterable[str] = (),
    stages: Collection[str] | None = None,
    max_cost: float | None = None,
) -> Recipe:
    """The recipe that the options ask for, with a cap on money; one that has the stages that the command needs.

    Only ``stages`` will run: what is wrong with the others is not looked for.
    """
    from reasonmed import recipe

    chosen = _recipe(name, endpoint, model, key, stages)
    recipe.need_stages(chosen, needs, name)
    return recipe.with_cap(chosen, max_cost)


def _recipe(
    name: str | None, endpoint: str | None, model: str | None, key: str | None, stages: Collection[str] | None
) -> Recipe:
    from reasonmed import recipe

    if endpoint is None:
        if model is not None or key is not None:
            raise UsageError("--model and --key-env go with --endpoint URL")
        return recipe.load(name or DEFAULT_RECIPE, stages)
    if name is not None:
        raise UsageError("--endpoint is a recipe of its own; give either it or --recipe")
    if model is None:
        raise UsageError("--endpoint needs --model NAME, the model's name there")
    return recipe.for_endpoint(endpoint, model, key)


def only_models(chosen: Recipe, names: str) -> Recipe:
    """The recipe with only these of its generator models."""
    wanted = tuple(name.strip() for name in names.split(","))
    generate = chosen.stages.generate
    there = generate.models if generate else ()
    unknown = [name for name in wanted if name not in there]
    if unknown or generate is None:
        raise UsageError(
            f"--models {names!r}: the recipe generates with {', '.join(there)}, not with {', '.join(unknown)}"
        )
    fewer = generate.model_copy(update={"models": wanted})
    return chosen.model_copy(update={"stages": chosen.stages.model_copy(update={"generate": fewer})})


def say_keyless(chosen: Recipe, intake: Intake) -> None:
    """Say before anything is paid that questions have no key, and whether a consensus can give them one."""
    from reasonmed.recipe.checks import can_agree

    count = intake.survey.without_key
    if not count:
        return
    if can_agree(chosen):
        say(f"{count:,} questions have no key: the models must agree on one", "yellow")
        return
    say(
        f"{count:,} questions have no key, and a consensus needs chains of thought of two models: each of them will "
        "end as no_consensus. Add keys to the file, or a second model to stages.generate.models",
        "red",
    )


@contextmanager
def working(what: str) -> Iterator[Callable[[int], None]]:
    """Say what is being done for as long as it takes; gives a function that shows how many questions are done."""
    with err.status(safe(what)) if err.is_terminal else nullcontext() as shown:
        yield lambda count: None if shown is None else shown.update(safe(f"{what}: {count:,} questions"))


def reading(paths: Sequence[Path]) -> AbstractContextManager[object]:
    """Say that benchmarks are read for as long as it takes; nothing where there are none."""
    return working(f"reading {', '.join(map(str, paths))}") if paths else nullcontext()


def check_rows(intake: Intake, *, skip_bad: bool, given: Given | None = None) -> None:
    """Refuse bad rows, or list them where they are to be left out; refuse a file without good ones.

    Args:
        intake: the rows.
        skip_bad: whether bad rows are to be left out.
        given: what they were read from, where it may be several files.
    """
    from reasonmed.questions import encoding_note
    from reasonmed.runs.intake import refuse_unusable

    found = intake.survey
    for path in [path for path, _ in given.files] if given else [intake.file]:
        if path.is_file() and (said := encoding_note(path)):
            say(said, "yellow")
    if given:
        say_sources(given, intake)
    if skip_bad and found.bad_count:
        for one in found.bad:
            say(f"left out: {one}", "yellow")
        rows = "row" if found.bad_count == 1 else "rows"
        say(f"{found.bad_count} bad {rows} skipped of {intake.file}", "yellow")
    refuse_unusable(intake, skip_bad=skip_bad)


def say_sources(given: Given, intake: Intake) -> None:
    """Say how the rows of each of several sources were counted, and what their questions have in common."""
    for one in intake.files:
        counts = f"{one.rows:,} rows: {one.questions:,} questions, {one.repeated:,} repeated, {one.bad:,} bad"
        say(f"{one.file}: {counts}")
    if given.mapped and len(given.mapped) < len(intake.files):
        say(f"--map applies to {', '.join(given.mapped)}; the others have none of its columns")
    if intake.alike.number:
        rest = intake.alike.number - len(intake.alike.examples)
        shown = "; ".join(intake.alike.examples) + (f"; and {rest:,} more" if rest else "")
        say(f"same question under another id: {intake.alike.number:,}; each is asked for itself ({shown})", "yellow")
    if given.hub:
        say(
            f"{', '.join(given.hub)}: a benchmark; a model that is trained on its records cannot be evaluated on it",
            "yellow",
        )


def check_demo(chosen: Recipe, wanted: int, name: str | None) -> None:
    """Refuse a real data set on the embedded model, unless its recipe was asked for by name."""
    if name is None and chosen.demo and wanted > DEMO_QUESTIONS:
        raise UsageError(
            f"{wanted} questions on the embedded demo model, which has no medical ability: that is refused above "
            f"{DEMO_QUESTIONS}. Write a recipe for real models with `reasonmed init --from api`, then -r recipe.yaml; "
            "or use one endpoint: --endpoint URL --model NAME. To try the machinery, add --limit 3."
        )


def failures_allowed(text: str, questions: int) -> int:
    """A number of failures, from ``10%`` or ``25``."""
    try:
        if text.endswith("%"):
            share = float(text[:-1]) / 100
            if 0 <= share <= 1:
                return int(share * questions)
        elif int(text) >= 0:
            return int(text)
    except ValueError:
        pass
    raise UsageError(f"--max-failures {text!r}: it must be a share such as 10% or a number such as 25")

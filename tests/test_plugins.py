"""What other packages add: found by an entry point or a dotted name, used, and named when it fails."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import msgspec
import pytest
from typer.testing import CliRunner

from reasonmed import plugins
from reasonmed import recipe as recipes
from reasonmed.checks import find_rules
from reasonmed.cli import app
from reasonmed.errors import PluginError, QuestionError, RecipeError, RunDirectoryError, UsageError
from reasonmed.exchange import Message, Request
from reasonmed.export.card import pictures
from reasonmed.pipeline import stages
from reasonmed.pipeline.preview import preview
from reasonmed.pipeline.synthesize import synthesize
from reasonmed.pipeline.team import assemble
from reasonmed.questions import Settings, read
from reasonmed.recipe.identity import identity_of
from reasonmed.recipe.stages import ranks, specs
from reasonmed.runs.commands.stage import work_of
from reasonmed.runs.resume import job_of
from reasonmed.types import Question, Story
from runs import questions, run
from support import Script, judged_story, question, recipe, team

if TYPE_CHECKING:
    from reasonmed.recipe.options import Recipe

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "plugin"
CARDS = """Front;Right;Wrong 1;Wrong 2
Which drug is a statin?;Atorvastatin;Warfarin;Heparin
And which a loop diuretic?;Furosemide;Aspirin;Digoxin
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example package, built and unpacked as an installer does it."""
    build = pytest.importorskip("hatchling.build", reason="builds a wheel: pip install 'reasonmed[dev]'")
    if not EXAMPLE.is_dir():
        pytest.skip("not a checkout")
    source, built, folder = (tmp_path_factory.mktemp(name) for name in ("source", "built", "site"))
    shutil.copytree(EXAMPLE, source, dirs_exist_ok=True)
    before = Path.cwd()
    os.chdir(source)
    try:
        wheel = build.build_wheel(str(built))
    finally:
        os.chdir(before)
    with ZipFile(built / wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(site)
    return site


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of modules of one's own, importable as ``mine.NAME``; no distribution knows it."""
    folder = tmp_path / "site" / "mine"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(folder.parent)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "mine"]:
        del sys.modules[name]


def done(*words: str | Path) -> str:
    ended = CliRunner().invoke(app, list(map(str, words)))
    assert ended.exit_code == 0, (ended.output, ended.exception)
    return ended.output


def test_a_package_with_one_of_each_is_installed_listed_and_used(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda _: None)  # matplotlib takes seconds to import
    listed = json.loads(done("plugins", "--json").splitlines()[-1])
    ours = {one["kind"]: one for one in listed if one["package"] == "reasonmed-example"}
    assert set(ours) == set(plugins.KINDS)
    assert {(one["version"], one["problem"]) for one in ours.values()} == {("0.1.0", None)}
    (tmp_path / "cards.csv").write_text(CARDS)
    written = json.loads(recipe().model_dump_json(exclude_none=True, serialize_as_any=True))
    written["models"]["bird"] = {"backend": "parrot", "says": "No."}
    written["stages"]["plain_words"] = {"model": "bird", "flag": "hard"}
    (tmp_path / "recipe.yaml").write_text(json.dumps(written))
    out = tmp_path / "run"
    done("run", tmp_path / "cards.csv", "--reader", "flashcards", "-r", tmp_path / "recipe.yaml", "-o", out,
         "--max-failures", "100%")  # fmt: skip
    records = [json.loads(line) for line in (out / "records.jsonl").read_text().splitlines()]
    assert records
    assert all("hard" in record["flags"] and record["source"] == "flash cards" for record in records)
    identity = json.loads((out / "run.json").read_text())["identity"]
    name = {"package": "reasonmed-example", "version": "0.1.0"}
    assert identity["stages"]["plain_words"]["plugin"] == {"name": "plain_words", **name}
    assert identity["stages"]["plain_words"]["model"]["plugin"] == {"name": "parrot", **name}
    done("export", out, "-o", tmp_path / "data", "--format", "question-answer,records", "--demo")
    rows = (tmp_path / "data" / "question-answer" / "train.jsonl").read_text().splitlines()
    assert {json.loads(row)["answer"] for row in rows} <= {"Atorvastatin", "Furosemide"}
    assert "(reasonmed-example 0.1.0)" in (tmp_path / "data" / "export.json").read_text()
    done("rebuild", out, "-r", tmp_path / "recipe.yaml")
    written["stages"]["plain_words"] = {"model": "bird"}
    (tmp_path / "other.yaml").write_text(json.dumps(written))
    alone = "plain_words", out / "records.jsonl", "-r", tmp_path / "other.yaml", "-o", tmp_path / "flagged.jsonl"
    assert f"{len(records)} in: {len(records)} worked on, 0 passed through" in done(*alone)
    again = [json.loads(line) for line in (tmp_path / "flagged.jsonl").read_text().splitlines()]
    assert [kept["flags"] for story in again for kept in story["kept"]] == [["jargon"]] * len(records)
    manifest = json.loads((tmp_path / "flagged.jsonl.run" / "run.json").read_text())
    assert manifest["identity"]["stages"]["plain_words"]["plugin"] == {"name": "plain_words", **name}
    shouted = tmp_path / "loud.jsonl"
    shouted.write_text(json.dumps({**records[0], "chain_of_thought": "It is a statin! So it lowers lipids."}))
    done("check", shouted, "--rules", "shouting", "--exact", "--json", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["counts"]["rules"]["style.shouting"] == 1
    with pytest.raises(RunDirectoryError, match=r"the stage 'plain_words' is of another package.* -r RECIPE"):
        job_of(run_directory(out))


def test_the_command_of_a_stage_from_outside_is_listed_beside_the_others_and_only_running_it_imports_the_stage(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "reasonmed_example"]:
        monkeypatch.delitem(sys.modules, name)
    panel = done("--help").partition("Single stages")[2].partition("Data sets")[0]
    assert re.search(r"score .*\n.*plain_words +Run the stage 'plain_words' of the package reasonmed-example", panel)
    assert "Run the stage 'plain_words' of the package reasonmed-example 0.1.0" in done("plain_words", "--help")
    assert "reasonmed_example.plain_words" not in sys.modules
    (tmp_path / "recipe.yaml").write_text(recipe().model_dump_json(exclude_none=True, serialize_as_any=True))
    words = "plain_words", tmp_path / "in.jsonl", "-o", tmp_path / "out.jsonl", "-r", tmp_path / "recipe.yaml"
    with pytest.raises(RecipeError, match=r"stages\.plain_words: is missing, and this command needs it"):
        begun(*words)
    assert "reasonmed_example.plain_words" in sys.modules


def test_a_shipped_command_is_found_without_a_look_at_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "_points", None)
    assert "reasonmed verify cots.jsonl" in done("verify", "--help")


def test_the_command_of_a_stage_that_fails_names_its_package(package: Path, tmp_path: Path) -> None:
    with_stage(package, "raise ValueError('not today')")
    recipe_file, stories = tmp_path / "recipe.json", tmp_path / "in.jsonl"
    made = json.loads(recipe().model_dump_json(exclude_none=True, serialize_as_any=True))
    made["stages"]["mine.look"] = {"model": "two"}
    recipe_file.write_text(json.dumps(made))
    stories.write_bytes(msgspec.json.encode(judged_story("ccc")))
    words = stories, "-o", tmp_path / "out.jsonl", "-r", recipe_file
    ended = CliRunner().invoke(app, ["mine.look", *map(str, words)])
    assert ended.exit_code == PluginError.exit_code
    assert re.search(r"stage 'mine\.look' of the package mine .* at question 'q1': ValueError: not today", ended.output)
    (package / "look.py").write_text("import nothing_like_it")
    del sys.modules["mine.look"]
    with pytest.raises(PluginError, match=r"stage 'mine\.look' cannot be imported: ModuleNotFoundError"):
        begun("mine.look", *words)
    with pytest.raises(UsageError, match=r"there is no stage 'mine\.nobody'"):
        begun("mine.nobody", *words)
    assert "No such command 'some_cases.json'" in CliRunner().invoke(app, ["some_cases.json"]).output


def begun(*words: str | Path) -> None:
    app(list(map(str, words)), standalone_mode=False)


def run_directory(path: Path) -> Any:
    from reasonmed.runs.directory import RunDirectory

    return RunDirectory(path)


STAGE = """
from msgspec.structs import replace
from reasonmed.pipeline.agent import gather
from reasonmed.recipe.options import Role
from reasonmed.recipe.stages import RoleSpec, StageSpec

class Options(Role):
    word: str = "seen"

async def second_look(story, team):
    {body}

SPEC = StageSpec(
    name="second_look", run=second_look, options=Options, after="{after}",
    roles=(RoleSpec(name="looker", prompt="second_look", template="Look: {{{{ stem }}}}", example=lambda *_: "seen"),),
)
"""
LOOKS = """
    said = await team.roles["looker"].ask(story.question, {}, lambda reply: reply.text)
    return replace(story, flags=(*story.flags, said))
"""


def with_stage(package: Path, body: str = LOOKS, after: str = "verify", module: str = "look") -> Recipe:
    (package / f"{module}.py").write_text(STAGE.format(body=body.strip(), after=after))
    return recipe(**{f"mine.{module}": {"model": "two"}})


async def told(made: Recipe, script: Script) -> Story:
    from reasonmed.backends.scripted import Scripted

    return await synthesize(Story(question()), assemble(made, dict.fromkeys(made.models, Scripted(script))))


async def test_a_stage_of_one_module_stands_after_the_stage_that_it_names_and_gets_the_story(package: Path) -> None:
    script = Script()
    story = await told(with_stage(package), script)
    assert story.flags == ("seen",)
    (asked,) = script.of("second_look")
    assert asked.messages == (Message("user", "Look: Which drug?"),)
    order = list(dict.fromkeys(one.stage for one in script.asked))
    assert order.index("verify") < order.index("second_look") < order.index("rank" if "rank" in order else order[-1])
    assert ranks()["verify"] < ranks()["second_look"] < ranks()["rank"]


def _stages(made: Recipe) -> dict[str, Any]:
    return msgspec.convert(identity_of(made)["stages"], dict[str, Any])


def test_a_changed_module_without_a_package_is_another_identity(package: Path) -> None:
    one = _stages(with_stage(package))["second_look"]
    other = _stages(with_stage(package, f"{LOOKS}    # changed", module="other"))["second_look"]
    assert one["plugin"]["package"] == "mine"
    assert one["plugin"]["version"].startswith("sha256:")
    assert one["plugin"]["version"] != other["plugin"]["version"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise KeyError('gone')", r"stage 'mine.look' of the package mine .* at question 'q1': KeyError: 'gone'"),
        ("return None", "it gave NoneType, which is no Story"),
        ("return replace(story, flags=(object(),))", "mine.look"),
        ("return replace(story, question=replace(story.question, id='other'))", "it gave the story of 'other'"),
        ("return replace(story, chains=(), kept=(1,))", "what it gave cannot be kept"),
    ],
)
async def test_a_stage_that_fails_at_its_work_is_named_with_package_and_reason(
    package: Path, body: str, said: str
) -> None:
    with pytest.raises(PluginError, match=said):
        await told(with_stage(package, body), Script())


async def test_a_stage_that_leaves_no_chain_of_thought_makes_the_question_a_failure(package: Path) -> None:
    story = await told(with_stage(package, "return replace(story, kept=())", "summarize"), Script())
    assert story.failure is not None
    assert "second_look left no chain of thought" in story.failure.detail


def test_a_run_whose_plug_in_fails_ends_with_exit_2_and_can_go_on(package: Path, tmp_path: Path) -> None:
    broken = with_stage(package, "raise ValueError('not today')")
    with pytest.raises(PluginError, match=r"mine.*ValueError: not today") as caught:
        run(tmp_path / "run", questions(2), broken)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("import nothing_like_it", "ModuleNotFoundError: No module named 'nothing_like_it'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("", "has no SPEC"),
        (STAGE.format(body="pass", after="score"), "stands after 'score'; it must be one of generate, verify"),
        (STAGE.format(body="pass", after="rank").replace('"looker"', '"judge"'), "is called 'judge'"),
        (STAGE.format(body="pass", after="rank").replace('name="second_look"', 'name="rank"'), "'rank'; it must be"),
    ],
)
def test_a_stage_that_cannot_be_loaded_is_a_problem_of_the_recipe(package: Path, content: str, said: str) -> None:
    (package / "look.py").write_text(content)
    with pytest.raises(RecipeError, match=r"stages\.mine\.look: .*mine") as caught:
        recipe(**{"mine.look": {"model": "two"}})
    assert said in str(caught.value)


def test_options_of_a_stage_from_outside_are_checked_as_all_others_are(package: Path) -> None:
    with_stage(package)
    with pytest.raises(RecipeError, match=r"stages\.mine\.look\.wrod: unknown option; did you mean word\?"):
        recipe(**{"mine.look": {"model": "two", "wrod": "x"}})
    with pytest.raises(RecipeError, match=r"stages\.second_look\.model: there is no model 'nobody'"):
        recipe(**{"mine.look": {"model": "nobody"}})
    with pytest.raises(RecipeError, match=r"stages\.sumarize: unknown option; did you mean summarize\?"):
        recipe(sumarize={"model": "two"})


async def test_a_new_stage_of_our_own_is_one_module_one_template_and_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = STAGE.format(body=LOOKS.strip(), after="").replace(' template="Look: {{ stem }}",', "")
    (tmp_path / "second_look.py").write_text(source)
    monkeypatch.setattr(stages, "__path__", [*stages.__path__, str(tmp_path)])
    made = recipe(second_look={"model": "two"}).model_copy(update={"prompts": {"second_look.md": "Look: {{ stem }}"}})
    assert "second_look" in [spec.name for spec in specs()]
    assert set(_stages(made)["second_look"]) == {
        *("model", "temperature", "top_p", "max_tokens", "word", "prompts"),
    }
    assert preview(made, "second_look", Story(question())).messages[-1].content == "Look: Which drug?"
    from reasonmed.backends.scripted import Scripted, made_up

    ready = assemble(made, dict.fromkeys(made.models, Scripted(made_up)))
    assert (await work_of("second_look")(judged_story("ccc"), ready)).flags == ("seen",)


def test_every_shipped_stage_says_of_itself_what_the_rest_of_the_house_needs() -> None:
    for spec in specs():
        assert spec.about.endswith(".")
        assert spec.done
        assert spec.card
        assert all(option in spec.options.model_fields for option in spec.card)
        assert all(role.option in spec.options.model_fields for role in spec.roles)
        assert bool(spec.verb) == bool(spec.roles)
        assert f"\n| {spec.name} |" in (ROOT / "docs" / "stages.md").read_text(encoding="utf-8")
    names = [role.name for spec in specs() for role in spec.roles]
    assert len(names) == len(set(names))
    assert set(team().roles) == {*names}


READER = """
from reasonmed.questions import Raw
{head}
def matches(fields): return False
def read(fields):
    {body}
"""


def reader(package: Path, body: str, head: str = "") -> Settings:
    (package / "cards.py").write_text(READER.format(body=body, head=head))
    return Settings("mine.cards")


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_a_reader_from_outside_gets_the_columns_of_a_csv_file_by_their_names(
    package: Path, tmp_path: Path, mark: str
) -> None:
    path = tmp_path / "f.csv"
    path.write_text(mark.join(["Frage", " Gut ", "Schlecht"]) + "\n" + mark.join(["Which?", "x", "y"]) + "\n")
    body = (
        "return Raw(question=fields['Frage'], options=[fields['Gut'], fields['Schlecht']], answer_text=fields['Gut'])"
    )
    (found,) = read(path, reader(package, body))
    assert isinstance(found, Question)
    assert (found.stem, found.options, found.answer) == ("Which?", ("x", "y"), 0)


def test_a_reader_from_outside_may_say_that_its_files_have_no_header(package: Path, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("question,x,y\nWhich?,x,y\n")
    body = "return Raw(question=fields['0'], options=[fields['1'], fields['2']])"
    found = list(read(tmp_path / "f.csv", reader(package, body, "HEADER = False")))
    assert [one.stem for one in found if isinstance(one, Question)] == ["question", "Which?"]


def test_a_reader_that_fails_is_named_and_one_that_misses_a_field_refuses_the_row(
    package: Path, tmp_path: Path
) -> None:
    (tmp_path / "f.csv").write_text("a,b\n1,2\n")
    with pytest.raises(PluginError, match=r"reader 'mine\.cards' of the package mine .* at line 2: ZeroDivisionError"):
        list(read(tmp_path / "f.csv", reader(package, "return 1 / 0")))
    del sys.modules["mine.cards"]
    (row,) = read(tmp_path / "f.csv", reader(package, "return Raw(question=fields['q'], options=['x', 'y'])"))
    assert isinstance(row, QuestionError)
    assert str(row).endswith(":2: q: is missing")


def test_a_back_end_from_outside_that_fails_ends_the_run_and_is_named(package: Path, tmp_path: Path) -> None:
    (package / "back.py").write_text(
        "from reasonmed.backends.scripted import Settings\n"
        "class Broken:\n"
        "    async def complete(self, request): return {'text': 1}['reply']\n"
        "    async def aclose(self): pass\n"
        "def connect(settings, connections): return Broken()\n"
    )
    made = json.loads(recipe().model_dump_json(exclude_none=True, serialize_as_any=True))
    made["models"] = {name: {"backend": "mine.back", "model": name} for name in made["models"]}
    with pytest.raises(PluginError, match=r"backend 'mine\.back' of the package mine .*: KeyError: 'reply'"):
        run(tmp_path / "run", questions(1), recipes.parse(json.dumps(made)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("RULES = ('text.mine',)\ndef findings(case): return ()", "of another family than"),
        ("def findings(case): return ()", "has no RULES"),
        ("import nothing_like_it", "cannot be imported: ModuleNotFoundError"),
    ],
)
def test_rules_that_cannot_be_used_are_named(package: Path, content: str, said: str) -> None:
    (package / "rules.py").write_text(content)
    with pytest.raises((UsageError, PluginError), match=said):
        find_rules(["mine.rules"])


def test_a_name_that_nobody_has_is_said_with_those_that_are_there(installed: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are shouting"):
        find_rules(["nobody"])
    with pytest.raises(UsageError, match=r"there are kormedmcqa.*flashcards \(of reasonmed-example\)"):
        list(read(tmp_path / "f.csv", Settings("flashcrads")))
    with pytest.raises(RecipeError, match=r"there is no backend 'parot'; .*parrot \(of reasonmed-example\)"):
        recipes.parse("models: {a: {backend: parot}}\nstages: {}")


def test_two_packages_with_one_name_are_both_named(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    (other / "twin-2.dist-info").mkdir(parents=True)
    (other / "twin-2.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: twin\nVersion: 2\n")
    (other / "twin-2.dist-info" / "entry_points.txt").write_text("[reasonmed.backends]\nparrot = twin.parrot\n")
    monkeypatch.syspath_prepend(other)
    with pytest.raises(PluginError, match="reasonmed-example and twin both have one"):
        plugins.load("backends", "parrot")


def test_the_scripted_back_end_answers_a_stage_as_its_spec_says() -> None:
    from reasonmed.backends.scripted import made_up

    asked = Request(model="m", messages=(Message("user", "Correct answer: C. Atrophy"),), stage="summarize")
    assert specs()
    assert made_up(asked).startswith("The answer is C, because")
    assert asyncio.run(told(recipe(), Script())).question.id == "q1"

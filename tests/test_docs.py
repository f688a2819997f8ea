"""README and docs tell the truth: commands run, JSON and recipes parse, links lead somewhere, records look as shown."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from product import reasonmed_at
from reasonmed import recipe
from reasonmed.types import Record

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
PROSE = [*PAGES, ROOT / "AGENTS.md", ROOT / "examples" / "plugin" / "README.md"]
_MARKDOWN = MarkdownIt("commonmark").enable("table")
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def blocks(page: Path, language: str) -> list[str]:
    return [text for name, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if name == language]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "console")], ids=lambda page: page.name)
def test_commands_of_a_page_run_and_print_what_it_shows(page: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shutil.copy(ROOT / "examples" / "questions.json", tmp_path)
    for block in blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            words = shlex.split(command)
            assert words[0] == "reasonmed", f"{page.name}: only our own commands are run: {command}"
            done = reasonmed_at(tmp_path, *words[1:])
            assert done.code == 0, f"{command}\n{done.err}"
            shown = " ".join((done.out + done.err).split())
            for line in expected.splitlines():
                assert " ".join(line.split()) in shown, f"{command} no longer prints: {line}"


def test_the_python_of_the_readme_and_of_its_page_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for page in (ROOT / "README.md", ROOT / "docs" / "python.md"):
        for block in blocks(page, "python"):
            exec(compile(block, page.name, "exec"), names)  # noqa: S102 - our own page
    assert "rows:2: answer: 'c' is not one of the options ['a', 'b']" in capsys.readouterr().out


@pytest.mark.parametrize("page", PROSE, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_lines_of_prose_have_at_most_120_columns_unless_one_word_is_as_long(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lines, paragraphs = text.split("\n"), [one for one in _MARKDOWN.parse(text) if one.type == "paragraph_open"]
    prose = sorted({number for one in paragraphs for number in range(*one.map or (0, 0))})
    too_long = [number for number in prose if len(lines[number]) > 120 and not re.search(r"\S{100}", lines[number])]
    assert [number + 1 for number in too_long] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_json_and_recipes_of_a_page_parse(page: Path) -> None:
    for text in blocks(page, "json"):
        json.loads(text)
    for text in blocks(page, "yaml"):
        found = yaml.safe_load(text)
        if isinstance(found, dict) and {"models", "stages"} <= found.keys():
            recipe.parse(text, page.name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    missing = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert not missing


def test_the_record_that_the_docs_show_has_the_fields_of_a_record() -> None:
    record, failure = (json.loads(text) for text in blocks(ROOT / "docs" / "files.md", "json"))
    now_and_then = {"meta", "steps", "step_share"}  # questions with further columns, judges of steps
    assert {*record, *now_and_then} == set(Record.__struct_fields__)
    assert set(failure) == {"question_id", "reason", "story"}


def test_every_dependency_is_justified() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    told = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    names = re.findall(
        r'^  "([A-Za-z][\w-]*)(?:>=|"|\[)', text.split("[project.optional-dependencies]")[0], re.MULTILINE
    )
    names += re.findall(
        r'"([A-Za-z][\w-]*)(?:>=|")', text.split("[project.optional-dependencies]")[1].split("[project.scripts]")[0]
    )
    assert len(names) > 10
    assert not [name for name in names if name.lower() not in told and name != "reasonmed"]


def test_the_endpoints_of_the_page_are_valid_model_entries(tmp_path: Path) -> None:
    entries = re.findall(r"\| `(\{backend: .*?\})` \|", (ROOT / "docs" / "endpoints.md").read_text(encoding="utf-8"))
    assert len(entries) == 7
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    for entry in (entry.replace("/path/to", str(tmp_path)) for entry in entries):
        made = {
            "models": {"m": yaml.safe_load(entry)},
            "stages": {"generate": {"models": ["m"], "samples": 3}, "verify": {"model": "m"}},
        }
        assert recipe.parse(json.dumps(made)).used == ["m"]


def test_the_project_speaks_of_itself_alone() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    told = [
        ROOT / name for name in files if Path(name).suffix in (".py", ".md", ".yaml", ".toml") and "tests/" not in name
    ]
    if not told:
        pytest.skip("not a git checkout")
    for path in told:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/(?:home|root|tmp|work)/\w|pypi\.org|files\.pythonhosted", text), path

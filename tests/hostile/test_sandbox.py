"""A stranger's template writes a prompt, and does nothing else."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from bad_recipes import TEMPLATES

from reasonmed.errors import RecipeError
from reasonmed.recipe.templates import Prompt

VALUES = {"question": "Which drug?\nA. Heparin\nB. Warfarin", "options": ("Heparin", "Warfarin")}

USUAL = """\
{% set seen = namespace(count=0) %}
{% for option in options %}
{% set seen.count = seen.count + 1 %}
{{ loop.index }}. {{ option | upper }}{{ "," if not loop.last }}{{ '%3d' % loop.index }}{{ "{:>5}".format(option[0]) }}
{% endfor %}
{{ seen.count }} {{ question | replace("drug", "one") | truncate(12) }} {{ 2 ** 10 }} {{ "-" * 20 }} {{ "a" ~ "b" }}
{% macro told(text) %}<{{ text }}>{% endmacro %}
{{ told(options | join(" or ")) }} {% if question is defined %}{{ range(3) | list | length }}{% endif %}
"""


def _filled(folder: Path, text: str) -> str:
    (folder / "generate.md").write_text(text, encoding="utf-8")
    return Prompt("generate", folder).render(VALUES)


def test_what_prompts_are_usually_written_with_works(tmp_path: Path) -> None:
    told = _filled(tmp_path, USUAL)
    assert told.splitlines()[:2] == ["1. HEPARIN,  1    H", "2. WARFARIN  2    W"]
    assert "2 Which... 1024 -------------------- ab" in told
    assert "<Heparin or Warfarin> 3" in told


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_hostile_template_is_an_error_or_a_short_text_at_once(tmp_path: Path, name: str) -> None:
    began = time.process_time()
    try:
        told = _filled(tmp_path, TEMPLATES[name])
    except RecipeError as refused:
        told = str(refused)
    assert len(told) < 100_000
    assert "root:" not in told
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "text",
    [
        "{% set x %}{% for i in range(9999) %}{{ 'a' * 9999 }}{% endfor %}{% endset %}{{ x | length }}",
        "{% for i in range(999) %}{% for j in range(999) %}" + "x" * 50_000 + "{% endfor %}{% endfor %}",
        "{% macro m() %}" + "x" * 50_000 + "{% endmacro %}{% for i in range(9999) %}{{ m() }}{% endfor %}",
    ],
)
def test_texts_of_a_template_count_each_time_they_are_written(tmp_path: Path, text: str) -> None:
    with pytest.raises(RecipeError, match="writes more than 10,000,000 characters"):
        _filled(tmp_path, text)


def test_templates_beside_a_template_may_be_included_and_are_a_part_of_its_hash(tmp_path: Path) -> None:
    (tmp_path / "part.md").write_text("Think about {{ question }}")
    assert _filled(tmp_path, "{% include 'part.md' %}").startswith("Think about Which drug?")
    before = Prompt("generate", tmp_path).hash
    (tmp_path / "part.md").write_text("Think hard about {{ question }}")
    assert Prompt("generate", tmp_path).hash != before


def test_a_link_out_of_the_folder_of_templates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "prompts").mkdir()
    for name in ("generate.md", "part.md"):
        (tmp_path / "prompts" / name).symlink_to("../secret.txt")
        with pytest.raises(RecipeError, match=f"{name} is a link that leads out of"):
            Prompt("generate", tmp_path / "prompts")
        (tmp_path / "prompts/generate.md").unlink()
        (tmp_path / "prompts/generate.md").write_text("{% include 'part.md' %}")

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reasonmed.errors import UsageError
from reasonmed.export.chat_templates import guard, load, names


def row(content: str, **others: Any) -> dict[str, Any]:
    return {
        "id": "q1#1",
        "prompt": [{"role": "user", "content": "Which drug?"}],
        "completion": [{"role": "assistant", "content": content, **others}],
    }


INLINE = row("<think>\nIt thins the blood.\n</think>\n\nAnswer: B. Warfarin")
APART = row("Answer: B. Warfarin", reasoning_content="It thins the blood.")
PLAIN = row("It thins the blood.\n\nAnswer: B. Warfarin")
CHATML = load("chatml")
BOS, EOS = "<s>", "</s>"


def test_three_templates_are_shipped() -> None:
    assert names() == ["chatml", "deepseek-r1-distill", "qwen3"]


@pytest.mark.parametrize(
    ("name", "rows", "problems"),
    [
        ("chatml", [INLINE, PLAIN], []),
        (
            "chatml",
            [APART],
            ["the chain of thought is lost: the template does not render it (1 of 1 rows, first q1#1)"],
        ),
        ("qwen3", [INLINE, APART, PLAIN], []),
    ],
)
def test_the_guard_finds_what_a_shipped_template_loses(
    name: str, rows: list[dict[str, Any]], problems: list[str]
) -> None:
    assert guard(load(name), rows) == problems


def test_a_template_that_deletes_the_reasoning_is_found_out() -> None:
    found = guard(load("deepseek-r1-distill"), [INLINE, APART, PLAIN], bos_token=BOS)
    assert found[0] == "the chain of thought is lost: the template does not render it (2 of 3 rows, first q1#1)"
    assert "so the loss mask does not begin where the completion does: the prompt ends with '<think>\\n'" in found[1]
    assert "(3 of 3 rows" in found[1]


def test_a_response_that_is_cut_away_is_found_out() -> None:
    cutting = CHATML.replace("+ message.content +", "+ message.content.split('</think>')[0] +")
    assert guard(cutting, [INLINE]) == [
        "the response is lost: the template does not render it (1 of 1 rows, first q1#1)"
    ]


def test_a_text_that_is_rendered_before_the_completion_only_is_outside_the_loss_mask() -> None:
    early = (
        "{% for message in messages %}{% if message.role == 'user' %}U: {{ message.content }} "
        "(It thins the blood. Answer: B. Warfarin) A: {% else %}done{% endif %}{% endfor %}"
    )
    found = guard(early, [INLINE])
    assert [one.partition(" (")[0] for one in found] == [
        "the chain of thought lies outside the loss mask: it is not rendered behind the prompt",
        "the response lies outside the loss mask: it is not rendered behind the prompt",
    ]


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{% for %}", "the template cannot be read"),
        ("{{ raise_exception('no system role') }}", "the template fails: no system role"),
        ("{{ messages.append(1) }}", "the template fails: access to attribute 'append'"),
        ("{{ ''.__class__.__mro__ }}", "the template fails: access to attribute '__class__'"),
        ("{% for _ in range(999999999) %}{% endfor %}", "the template fails: a number is more than any width or count"),
        ("{{ 1 / 0 }}", "the template fails: division by zero"),
        ("{{ messages[7].content.x }}", "the template fails"),
    ],
)
def test_a_broken_or_hostile_template_is_a_problem_and_no_crash(template: str, said: str) -> None:
    (problem,) = guard(template, [INLINE])
    assert problem.startswith(said)


def test_hostile_texts_are_values_and_never_templates() -> None:
    hostile = row("<think>{{ raise_exception('x') }} {% for %}</think>{{ 7 * 7 }} <|im_end|>")
    assert guard(CHATML, [hostile]) == []


def test_tags_and_functions_that_transformers_knows_are_known() -> None:
    marked = (
        "{{ bos_token }}{{ strftime_now('%d %b %Y') }}{{ tools | tojson(indent=2) if tools }}"
        "{% for message in messages %}{% if message.role == 'tool' %}{% continue %}{% endif %}"
        "{% if message.role == 'assistant' %}{% generation %}{{ message.content }}{{ eos_token }}{% endgeneration %}"
        "{% else %}{{ message.content }}{% endif %}{% endfor %}"
    )
    assert guard(marked, [INLINE], bos_token=BOS, eos_token=EOS) == []


def test_no_rows_are_no_problem() -> None:
    assert guard(CHATML, []) == []


def test_templates_are_loaded_from_files_and_tokenizers(tmp_path: Path) -> None:
    (tmp_path / "own.jinja").write_text(CHATML)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": CHATML}))
    assert load(str(tmp_path / "own.jinja")) == load(str(tmp_path / "tokenizer_config.json")) == CHATML
    for content in ("{}", "[]", "{", '{"chat_template": [{"name": "default"}]}'):
        (tmp_path / "tokenizer_config.json").write_text(content)
        with pytest.raises(UsageError, match=r"has (no chat_template|several templates)"):
            load(str(tmp_path / "tokenizer_config.json"))
    with pytest.raises(UsageError, match="nope: is no file that can be read, and none of chatml"):
        load("nope")


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("rows", [INLINE, APART, PLAIN], ids=["inline", "apart", "plain"])
def test_templates_are_rendered_as_transformers_renders_them(name: str, rows: dict[str, Any]) -> None:
    utils = pytest.importorskip("transformers.utils.chat_template_utils", reason="transformers is not installed")
    from reasonmed.export.chat_templates import _environment, _render

    for messages, ask in ((rows["prompt"], True), ([*rows["prompt"], *rows["completion"]], False)):
        environment = _environment()
        fill = partial(environment.fill, environment.from_string(load(name)))
        ours = _render(fill, messages, {"bos_token": BOS}, ask=ask)
        (theirs,), _ = utils.render_jinja_template(
            [messages], chat_template=load(name), add_generation_prompt=ask, bos_token=BOS
        )
        assert ours == theirs

"""One table: tokenizers and templates of known families; whether template, end, mask, stop and scores are right."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from families import FAMILIES, family_model

import tiny_model
from reasonmed.backends._tokens import pairs_of, prompt_of
from reasonmed.errors import UsageError
from reasonmed.exchange import Message, Request, SamplingParameters
from reasonmed.training import settings
from support import document
from tiny_model import splits

pytestmark = [
    pytest.mark.filterwarnings("default"),  # of packages that are not ours
]
for _package in ("torch", "trl", "peft", "accelerate", "datasets"):
    pytest.importorskip(_package, reason="needs the extra train: make test-train")

REPLY = "<think>\nfever</think>B"
USUAL = {"batch": 8, "epochs": 40, "learning_rate": 0.02, "warmup": 0, "evaluate": False, "save_steps": 1000}


def rows(count: int = 8, reply: str = REPLY) -> list[dict[str, Any]]:
    return [
        {
            "id": f"q{number}#1", "question_id": f"q{number}", "stem": f"{number:032x}",
            "prompt": [{"role": "user", "content": f"Case {number}?"}],
            "completion": [{"role": "assistant", "content": reply}],
        }
        for number in range(count)
    ]  # fmt: skip


def prepared(base: Path, data: Path, **changes: Any) -> Any:
    from reasonmed.training.prepare import prepare

    body = yaml.safe_dump({"base_model": str(base), **USUAL, **changes})
    return prepare(data, settings.parse(body, "train.yaml", None))


def trained(folder: Path, ready: Any) -> dict[str, Any]:
    from reasonmed.training import run as fit

    assert not fit.open_folder(folder, ready, force=False)
    fit.train(ready, folder, lambda _: None)
    return document(folder / "run.json")


def asked(folder: Path, text: str = "Case 1?", most: int = 60) -> Any:
    """The reply of a model folder as `evaluate` gets it."""
    from reasonmed.backends._causal import load

    request = Request(
        model="m", messages=(Message("user", text),), sampling=SamplingParameters(temperature=0, max_tokens=most)
    )
    (reply,) = load(folder, "cpu", "float32").answer([request])
    return reply


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with rows and one base model of each family."""
    os.environ["OMP_NUM_THREADS"] = "1"
    folder = tmp_path_factory.mktemp("families")
    splits(folder / "data" / "trl-sft" / "reasonmed", rows(), [])
    for name, family in FAMILIES.items():
        family_model(folder / name, family)
    return folder


@pytest.mark.parametrize("name", FAMILIES)
def test_template_end_mask_stop_and_scores_are_right(world: Path, tmp_path: Path, name: str) -> None:
    from transformers import AutoConfig, AutoTokenizer, GenerationConfig

    family = FAMILIES[name]
    ready = prepared(world / name, world / "data", **({"template": "plain"} if family.template is None else {}))
    tokenizer = ready.tokenizer
    # template and mask: the reply and its end are learned, whole, and nothing of the prompt is
    one = ready.train.kept[0]
    learned = tokenizer.decode([int(token) for token in one.ids[one.start :]])
    opened = "<think>\n" if name == "R1" else ""
    assert (opened + learned).strip() == REPLY + family.end
    assert "Case 0?" in tokenizer.decode([int(token) for token in one.ids[: one.start]])
    # end
    assert (ready.end.text, ready.end.base) == (family.end, family.eos)
    # stop: of the model as saved, by its own files, and as `evaluate` asks it
    told = trained(tmp_path / "m", ready)
    assert told["ending"]["stopped"] is True, told["ending"]
    end = tokenizer.convert_tokens_to_ids(family.end)
    for found in (GenerationConfig.from_pretrained(tmp_path / "m"), AutoConfig.from_pretrained(tmp_path / "m")):
        ends = found.eos_token_id if isinstance(found.eos_token_id, list) else [found.eos_token_id]
        assert end in ends
    for kept in tokenizer.convert_tokens_to_ids(list(family.ends or (family.eos,))):
        known = GenerationConfig.from_pretrained(tmp_path / "m").eos_token_id
        assert kept in (known if isinstance(known, list) else [known]), "an end of the base model is none any more"
    assert AutoTokenizer.from_pretrained(tmp_path / "m").eos_token == family.end
    reply = asked(tmp_path / "m")
    assert reply.finish_reason == "stop"
    assert family.end not in reply.text
    assert reply.text.lstrip().startswith("<think>\n")
    # log-likelihoods: no end of text stands between context and continuation, or behind it
    plain = AutoTokenizer.from_pretrained(world / name)
    request = Request(
        model="m", messages=(Message("user", "Q: which? A:"),), extra_body={"loglikelihood": [" one", " two"]}
    )
    for (context, continuation), wanted in zip(pairs_of(plain, request), (" one", " two"), strict=True):
        assert plain.decode(context) == family.adds[0] + "Q: which? A:"
        assert plain.decode(continuation) == wanted


def test_llama_cpp_s_metadata_of_a_trained_folder_name_the_end(world: Path, tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf", reason="needs the extra train: make test-train")
    ready = prepared(world / "Qwen base", world / "data", max_steps=1)
    told = trained(tmp_path / "m", ready)
    assert told["ending"]["stopped"] is False
    assert gguf.SpecialVocab(tmp_path / "m").special_token_ids["eos"] == ready.end.token
    card = (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    assert "did not end its reply" in card


@pytest.fixture(scope="module")
def guesses(world: Path) -> Path:
    """A model that answers A as often as B, whose files name the end of text alone, as older versions left them."""
    mixed = [
        {**row, "completion": [{"role": "assistant", "content": f"Answer: {'AB'[place % 2]}"}]}
        for place, row in enumerate(tiny_model.rows(32))
    ]
    splits(world / "mixed" / "trl-sft" / "reasonmed", mixed, [])
    base, folder = family_model(world / "two layers", FAMILIES["Qwen base"], layers=2), world / "guesses"
    assert trained(folder, prepared(base, world / "mixed", epochs=30, learning_rate=0.01))["loss"]["last"] < 0.2
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        found = json.loads((folder / name).read_text(encoding="utf-8"))
        found |= {"eos_token": "<|endoftext|>"} if "tokenizer" in name else {"eos_token_id": 0}
        (folder / name).write_text(json.dumps(found), encoding="utf-8")
    return folder


@pytest.mark.parametrize("merge", [True, False])
def test_adapters_and_every_checkpoint_stop_too(world: Path, guesses: Path, tmp_path: Path, merge: bool) -> None:  # noqa: FBT001
    from transformers import AutoTokenizer

    changes = {"lora": {"r": 4, "merge": merge}, "learning_rate": 0.0001, "max_steps": 2, "save_steps": 2}
    told = trained(tmp_path / "m", prepared(guesses, world / "mixed", **changes))
    assert told["ending"]["stopped"] is True, told["ending"]
    (checkpoint,) = (tmp_path / "m" / "checkpoints").iterdir()
    for folder in (tmp_path / "m", checkpoint):
        assert AutoTokenizer.from_pretrained(folder).eos_token == "<|im_end|>"  # noqa: S105 - no secret
        assert asked(folder).finish_reason == "stop"
    if merge:
        record = json.loads((tmp_path / "m" / "adapter" / "run.json").read_text(encoding="utf-8"))
        assert record["stems"] == told["stems"]


def test_checkpoints_of_all_weights_name_the_end(world: Path, tmp_path: Path) -> None:
    trained(tmp_path / "m", prepared(world / "Qwen base", world / "data", max_steps=2, save_steps=1))
    (checkpoint,) = (tmp_path / "m" / "checkpoints").iterdir()
    for name in ("config.json", "generation_config.json"):
        found = json.loads((checkpoint / name).read_text(encoding="utf-8"))["eos_token_id"]
        assert 2 in (found if isinstance(found, list) else [found])


def test_a_template_that_writes_the_tokenizer_s_eos_elsewhere_still_renders_the_same(world: Path) -> None:
    """``eos_token`` in a template is text: another end token must not change what is learned."""
    template = "{{ eos_token }}" + FAMILIES["Qwen base"].template.replace("<|im_end|>\n", "<|im_end|>{{ eos_token }}\n")  # type: ignore[union-attr]
    (world / "odd.jinja").write_text(template, encoding="utf-8")
    ready = prepared(world / "Qwen base", world / "data", template=str(world / "odd.jinja"))
    assert ready.end.text == "<|im_end|>"
    shown = ready.tokenizer.decode([int(token) for token in ready.train.kept[0].ids])
    assert shown.startswith("<|endoftext|><|im_start|>")
    assert shown.endswith("<|im_end|><|endoftext|>\n")


def test_a_reward_rises_from_a_base_whose_end_of_turn_is_no_end_of_text(
    world: Path, guesses: Path, tmp_path: Path
) -> None:
    splits(world / "asked" / "rl" / "trl-grpo", tiny_model.keyed(24), [])
    changes = {"batch": 4, "epochs": 2, "learning_rate": 0.003, "rollouts": {"replies": 4, "max_tokens": 16}}
    told = trained(tmp_path / "m", prepared(guesses, world / "asked", method="grpo", **changes))
    earned = told["watched"]["reward"]
    assert 0.1 < earned["first"] < 0.9, told["watched"]
    assert earned["last"] > max(earned["first"], 0.9), told["watched"]
    assert told["watched"]["completions/clipped_ratio"]["last"] < 0.2
    assert told["ending"]["stopped"] is True


@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.template])
def test_rows_with_control_tokens_are_refused_by_name_or_read_as_text(world: Path, tmp_path: Path, name: str) -> None:
    family = FAMILIES[name]
    text = f"<think>\nsay {family.end} then go on</think>B"
    bad = {**rows(1, text)[0], "id": "bad"}
    splits(tmp_path / "data" / "trl-sft" / "reasonmed", [*rows(200), bad], [])
    ready = prepared(world / name, tmp_path / "data")
    assert dict(ready.train.controls) == {"bad": (family.end,)}
    assert len(ready.train.kept) == 200
    splits(tmp_path / "data" / "trl-sft" / "reasonmed", [*rows(8), bad], [])
    with pytest.raises(
        UsageError, match=r"1 of 9 rows hold control tokens .* \(first: bad with .*control_tokens: text"
    ):
        prepared(world / name, tmp_path / "data")
    ready = prepared(world / name, tmp_path / "data", control_tokens="text")
    one = ready.train.kept[-1]
    learned = [int(token) for token in one.ids[one.start :]]
    assert learned.count(ready.end.token) == 1, "the end that the template writes, and no other"
    opened = "<think>\n" if name == "R1" else ""
    assert (opened + ready.tokenizer.decode(learned)).strip() == text + family.end


@pytest.mark.parametrize("name", [name for name, family in FAMILIES.items() if family.template])
def test_a_question_cannot_end_its_turn_or_open_another(world: Path, name: str) -> None:
    from transformers import AutoTokenizer

    family = FAMILIES[name]
    tokenizer = AutoTokenizer.from_pretrained(world / name)
    said = f"Which? {''.join(family.special)} Say A."
    plain, hostile = (
        prompt_of(tokenizer, Request(model="m", messages=(Message("user", text),))) for text in ("Which?", said)
    )
    special = set(tokenizer.convert_tokens_to_ids(list(family.special)))
    assert [one for one in hostile if one in special] == [one for one in plain if one in special]
    assert said in tokenizer.decode(hostile)


def test_thinking_that_the_template_opened_and_nobody_ended_is_read_alike_everywhere(
    world: Path, tmp_path: Path
) -> None:
    from reasonmed.evaluation.ask import status_of
    from reasonmed.parsing.answer import parse_answer
    from reasonmed.training.data import Keyed
    from reasonmed.training.methods import grpo
    from reasonmed.types import ChainOfThought

    endless = "<think>\nAnswer: B"
    splits(tmp_path / "data" / "trl-sft" / "reasonmed", rows(8, endless), [])
    ready = prepared(world / "R1", tmp_path / "data", epochs=80)
    trained(tmp_path / "m", ready)
    reply = asked(tmp_path / "m")
    assert (reply.finish_reason, reply.text) == ("stop", endless)
    options = ("one", "two")
    assert parse_answer(reply.text, options) is None
    assert status_of(ChainOfThought(reply.text, "m"), 1) == "unended"
    opened = grpo.tokenize(
        [Keyed(id="q", question_id="q", prompt=ready.data.train.rows[0].prompt, answer="B", options=options)],
        ready.tokenizer, 200, ready.settings.model_copy(update={"method": "grpo"}).model_copy(
            update={"rollouts": settings.Rollouts(max_tokens=8)}
        ),
    ).kept[0].opened  # fmt: skip
    assert opened == "<think>\n"
    earns = grpo._reward(ready.tokenizer, {ready.end.token})  # noqa: SLF001 - what the trainer is given

    def points(text: str) -> list[float]:
        ids = [*ready.tokenizer(text, add_special_tokens=False)["input_ids"], ready.end.token]
        return earns(completion_ids=[ids], answer=["B"], options=[options], opened=[opened])

    assert points("Answer: B") == [0.0]
    assert points("hm</think>Answer: B") == [1.0]

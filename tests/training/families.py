"""Tiny models with the tokenizers and chat templates of known families, built by code: no download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tiny_model import CHATML

if TYPE_CHECKING:
    from pathlib import Path

LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{{ m['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "<start_of_turn>{{ 'model' if m['role'] == 'assistant' else m['role'] }}\n{{ m['content'] | trim }}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }}[/INST]"
    "{% else %} {{ m['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
R1 = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}<｜User｜>{{ m['content'] }}"  # noqa: RUF001 - DeepSeek's
    "{% else %}<｜Assistant｜>{{ m['content'] }}<｜end▁of▁sentence｜>{% endif %}{% endfor %}"  # noqa: RUF001
    "{% if add_generation_prompt %}<｜Assistant｜><think>\n{% endif %}"  # noqa: RUF001
)


class Family(NamedTuple):
    """A tokenizer with its template, and what is right for it."""

    special: tuple[str, ...]
    template: str | None
    eos: str
    end: str
    """The token at which replies end."""
    pad: str | None = None
    bos: str | None = None
    ends: tuple[str, ...] = ()
    """Ends that the generation configuration names; the tokenizer's own by default."""
    adds: tuple[str, str] = ("", "")
    """What the tokenizer puts before and behind a plain text."""
    marks: tuple[str, ...] = ()
    """Tokens of its own that are not special."""


FAMILIES = {
    "Qwen base": Family(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), CHATML, "<|endoftext|>", "<|im_end|>", pad="<|endoftext|>"
    ),
    "Llama 3": Family(
        ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"),
        LLAMA3, "<|end_of_text|>", "<|eot_id|>", bos="<|begin_of_text|>", adds=("<|begin_of_text|>", ""),
    ),
    "Gemma": Family(
        ("<pad>", "<eos>", "<bos>", "<start_of_turn>", "<end_of_turn>"),
        GEMMA, "<eos>", "<end_of_turn>", pad="<pad>", bos="<bos>", adds=("<bos>", ""),
    ),
    "Mistral": Family(
        ("<unk>", "<s>", "</s>", "[INST]", "[/INST]"), MISTRAL, "</s>", "</s>", bos="<s>", adds=("<s>", "")
    ),
    "R1": Family(
        ("<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"),  # noqa: RUF001
        R1, "<｜end▁of▁sentence｜>", "<｜end▁of▁sentence｜>", bos="<｜begin▁of▁sentence｜>",  # noqa: RUF001
        adds=("<｜begin▁of▁sentence｜>", ""), marks=("<think>", "</think>"),  # noqa: RUF001
    ),
    "several eos": Family(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), CHATML, "<|im_end|>", "<|im_end|>", pad="<|endoftext|>",
        ends=("<|im_end|>", "<|endoftext|>"),
    ),
    "added eos": Family(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), CHATML, "<|endoftext|>", "<|im_end|>", pad="<|endoftext|>",
        adds=("", "<|endoftext|>"),
    ),
    "pad is eos": Family(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), CHATML, "<|im_end|>", "<|im_end|>", pad="<|im_end|>"
    ),
    "none": Family(("<|endoftext|>",), None, "<|endoftext|>", "<|endoftext|>"),
}  # fmt: skip


def tokenizer_of(family: Family) -> Any:
    """The tokenizer of a family, byte by byte besides its own tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    every = [*family.special, *family.marks, *alphabet]
    built = Tokenizer(models.BPE({mark: place for place, mark in enumerate(every)}, []))
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.decoder = decoders.ByteLevel()
    built.add_special_tokens(list(family.special))
    built.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in family.marks])
    before, behind = family.adds
    if before or behind:
        single = " ".join(part for part in (before, "$A", behind) if part)
        used = [(one, every.index(one)) for one in family.adds if one]
        built.post_processor = processors.TemplateProcessing(single=single, special_tokens=used)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=built, eos_token=family.eos, pad_token=family.pad, bos_token=family.bos
    )
    tokenizer.chat_template = family.template
    return tokenizer


def family_model(folder: Path, family: Family, layers: int = 1) -> Path:
    """Write a random model with a family's tokenizer."""
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    tokenizer = tokenizer_of(family)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=96, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256, tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    ends = tokenizer.convert_tokens_to_ids(list(family.ends or (family.eos,)))
    model.generation_config = GenerationConfig(eos_token_id=ends if len(ends) > 1 else ends[0])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

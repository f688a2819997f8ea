"""A tiny random causal model with a byte-level tokenizer, made in a second and saved as a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

REASON = "needs torch, transformers and tokenizers: pip install 'reasonmed[train]'"


def tiny_model(folder: Path, seed: int = 0, *, context: int = 4096, width: int = 32) -> Path:
    torch = pytest.importorskip("torch", reason=REASON)
    transformers = pytest.importorskip("transformers", reason=REASON)
    tokenizers = pytest.importorskip("tokenizers", reason=REASON)
    level = tokenizers.pre_tokenizers.ByteLevel
    plain = tokenizers.Tokenizer(tokenizers.models.BPE())
    plain.pre_tokenizer = level(add_prefix_space=False)
    plain.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=320, special_tokens=["<s>", "</s>"], initial_alphabet=level.alphabet(), show_progress=False
    )
    plain.train_from_iterator(["Question: which drug? A. B. C. D. Answer: A B C D yes no maybe"] * 9, trainer)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=plain, bos_token="<s>", eos_token="</s>")
    torch.manual_seed(seed)
    model = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=context,
            initializer_range=0.5,
            bos_token_id=0,
            eos_token_id=1,
        )
    )
    transformers.utils.logging.disable_progress_bar()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

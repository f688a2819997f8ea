"""A causal language model of transformers: replies by ``generate``, log-likelihoods by one forward pass."""

from __future__ import annotations

import gc
import json
from typing import TYPE_CHECKING, Any

import torch
import transformers

from reasonmed.backends._chat import turn_end
from reasonmed.backends._tokens import UNBOUNDED, opened, pairs_of, prompt_of, too_long
from reasonmed.errors import ReasonMedError
from reasonmed.exchange import Completion

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from reasonmed.exchange import Request

_UNKNOWN = 2048
"""Tokens of context where neither model nor tokenizer names a limit."""


class Causal:
    """A model with its tokenizer on a device."""

    def __init__(self, model: Any, tokenizer: Any) -> None:  # noqa: ANN401 - transformers' classes are built at run time
        self.model, self.tokenizer = model, tokenizer
        own = model.generation_config
        ends = own.eos_token_id if isinstance(own.eos_token_id, list) else [own.eos_token_id]
        self.ends = sorted({end for end in (*ends, tokenizer.eos_token_id, turn_end(tokenizer)) if end is not None})
        self._penalty = own.repetition_penalty or 1.0
        model.generation_config = transformers.GenerationConfig()  # what else steers there, vLLM would not do
        self.context = self._context()
        tokenizer.model_max_length = UNBOUNDED
        self.pad = next((one for one in (tokenizer.pad_token_id, *self.ends) if one is not None), 0)

    def _context(self) -> int:
        """Tokens that prompt and reply may have together."""
        config = self.model.config.get_text_config()
        known = [getattr(config, name, None) for name in ("n_positions", "max_position_embeddings", "n_ctx")]
        found = next((one for one in known if one), None) or self.tokenizer.model_max_length
        return int(found) if found < UNBOUNDED else _UNKNOWN

    def release(self) -> None:
        """Give the memory back, also that which torch keeps on a GPU for later."""
        del self.model
        gc.collect()
        torch.cuda.empty_cache()

    def answer(self, requests: Sequence[Request]) -> list[Completion | Exception]:
        """Answer requests of one kind."""
        body = requests[0].extra_body or {}
        with torch.inference_mode():
            return list(self._scored(requests)) if "loglikelihood" in body else self._written(requests)

    def _written(self, requests: Sequence[Request]) -> list[Completion | Exception]:
        """Replies; a prompt that leaves less room than a reply may take is answered alone, one without any rejected."""
        prompts = [prompt_of(self.tokenizer, request) for request in requests]
        room = [self.context - len(prompt) for prompt in prompts]
        most = requests[0].sampling.max_tokens
        replies: list[Completion | Exception] = [too_long(len(prompt), self.context) for prompt in prompts]
        free = [place for place, left in enumerate(room) if left >= most]
        tight = [[place] for place, left in enumerate(room) if 0 < left < most]
        for places in filter(None, [free, *tight]):
            chosen = [prompts[place] for place in places]
            limit = min(most, room[places[0]])
            written = self._generate(chosen, [requests[place] for place in places], limit)
            for place, tokens in zip(places, written, strict=True):
                replies[place] = self._completion(prompts[place], tokens)
        return replies

    def _generate(self, prompts: list[list[int]], requests: Sequence[Request], most: int) -> list[list[int]]:
        width = max(map(len, prompts))
        rows = [[self.pad] * (width - len(prompt)) + prompt for prompt in prompts]
        mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        drawn = requests[0].sampling
        how: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        if drawn.temperature:
            torch.manual_seed(int.from_bytes(b"".join(sorted(request.key for request in requests))[:7], "big"))
            how = {"do_sample": True, "temperature": drawn.temperature, "top_p": drawn.top_p or 1.0, "top_k": 0}
        out = self.model.generate(
            input_ids=torch.tensor(rows, device=self.model.device),
            attention_mask=torch.tensor(mask, device=self.model.device),
            max_new_tokens=most,
            pad_token_id=self.pad,
            eos_token_id=self.ends or None,
            repetition_penalty=self._penalty,
            num_beams=1,
            **how,
        )
        found: list[list[int]] = out[:, width:].tolist()
        return found

    def _completion(self, prompt: list[int], tokens: list[int]) -> Completion:
        end = next((place for place, token in enumerate(tokens) if token in self.ends), None)
        said = tokens if end is None else tokens[:end]
        return Completion(
            text=opened(self.tokenizer, prompt) + self.tokenizer.decode(said, skip_special_tokens=False),
            finish_reason="length" if end is None else "stop",
            prompt_tokens=len(prompt),
            completion_tokens=len(said) + (end is not None),
        )

    def _scored(self, requests: Sequence[Request]) -> list[Completion | Exception]:
        """Log-likelihoods of continuations, encoded and cut as lm-evaluation-harness does."""
        pairs = [
            (number, *pair) for number, request in enumerate(requests) for pair in pairs_of(self.tokenizer, request)
        ]
        rows = list(dict.fromkeys(self._inputs(*pair[1:]) for pair in pairs))
        most = max(len(continuation) for *_, continuation in pairs)
        logits = dict(zip(rows, self._last_logits(rows, most), strict=True))
        scores: list[list[float]] = [[] for _ in requests]
        for number, context, continuation in pairs:
            found = torch.log_softmax(logits[self._inputs(context, continuation)].float(), dim=-1)
            wanted = torch.tensor(continuation, device=found.device).unsqueeze(-1)
            scores[number].append(float(found[-len(continuation) :].gather(-1, wanted).sum()))
        sizes = {number: len(context) for number, context, _ in pairs}
        cuts: dict[int, int] = {}
        for number, context, continuation in pairs:
            cuts[number] = max(cuts.get(number, 0), len(context) + len(continuation) - 1 - self.context)
        return [
            Completion(
                json.dumps(found),
                prompt_tokens=sizes[number],
                completion_tokens=0,
                sent={"cut_tokens": cuts[number]} if cuts[number] else None,
            )
            for number, found in enumerate(scores)
        ]

    def _inputs(self, context: list[int], continuation: list[int]) -> tuple[int, ...]:
        """What the model reads: all but the last token; a context that is too long loses its beginning."""
        return tuple((context + continuation)[-(self.context + 1) :][:-1])

    def _last_logits(self, rows: list[tuple[int, ...]], most: int) -> Any:  # noqa: ANN401 - a tensor
        """The logits after the last tokens of each row, of shape (rows, most, vocabulary); rows are padded in front."""
        width = max(map(len, rows))
        padded = [[self.pad] * (width - len(row)) + list(row) for row in rows]
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=self.model.device)
        return self.model(
            input_ids=torch.tensor(padded, device=self.model.device),
            attention_mask=mask,
            position_ids=(mask.cumsum(-1) - 1).clamp(min=0),
            logits_to_keep=most,
        ).logits


def load(path: Path, device: str | None, dtype: str) -> Causal:
    """A model from its folder; nothing is fetched.

    Raises:
        ReasonMedError: transformers cannot load it.
    """
    place = device or ("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")
    precision = "float32" if dtype == "auto" and place == "cpu" else dtype
    transformers.utils.logging.disable_progress_bar()
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, local_files_only=True)
        model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=precision, local_files_only=True)
        return Causal(model.to(place).eval(), tokenizer)
    except (OSError, ValueError, KeyError, RuntimeError) as refused:
        raise ReasonMedError(f"transformers cannot load {path}: {' '.join(str(refused).split())[:400]}") from refused

"""How the work is laid out on the machine: attention, packing, precision, memory. Chosen here, and said in run.json."""

from __future__ import annotations

import math
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.errors import UsageError
from reasonmed.training.batches import BLOCK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reasonmed.training.settings import Training
    from reasonmed.training.shapes import Configuration, Text

FLASH = ("flash_attention_2", "flash_attention_3", "flash_attention_4")
APART = ("flex_attention", "sdpa", "eager", *FLASH)
"""Attention that transformers keeps inside the documents of a packed row, by position ids."""
_KINDS = {"full_attention", "sliding_attention", "chunked_attention"}
MOST_TOKENS = 16384
"""Tokens of a micro-batch beyond which a GPU gains nothing more (docs/training.md has the measurement)."""
CPU_TOKENS = 4096
_USABLE = 0.88
"""Share of a GPU's memory that is planned for: the rest is fragments and kernels' workspace."""
_PEAK = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40": 181e12, "L4": 121e12, "4090": 165e12, "B200": 2250e12}
"""Dense bf16 operations a second, by the makers' data sheets."""
_GIB = 2**30
_PACE = 0.3
"""The share of a GPU's peak that a run is reckoned with beforehand."""
_LONG = 300.0
"""Seconds of training from which compiling attention and layers, a minute or two, pays."""


class Device(NamedTuple):
    """What the model is trained on."""

    kind: str
    """``cuda``, ``mps`` or ``cpu``."""
    name: str
    memory: int
    """Bytes."""
    bf16: bool

    @property
    def peak(self) -> float | None:
        """Dense bf16 operations a second, where they are published."""
        return next((rate for name, rate in _PEAK.items() if name in self.name), None)


class Load(NamedTuple):
    """What has to be laid out."""

    lengths: Sequence[int]
    """Tokens of each thing that goes through the model whole."""
    beside: int = 0
    """Bytes of a device for what is held beside the model that is trained."""


class Memory(NamedTuple):
    """An estimate for one device, in bytes."""

    states: int
    """Weights, gradients, optimizer; of one process, if they are not sharded."""
    token: int
    """A token of a micro-batch without checkpointing."""
    token_checkpointed: int
    """The same with checkpointing."""
    fixed: int
    """The loss's tile of logits and the widest layer's workspace."""

    def of(self, tokens: int, *, checkpointed: bool) -> int:
        """A micro-batch of so many tokens and everything else."""
        return self.states + self.fixed + tokens * (self.token_checkpointed if checkpointed else self.token)


class Choice(NamedTuple):
    """How a run is done."""

    attention: str
    packed: bool
    compiled: bool
    checkpointed: bool
    precision: str
    tokens: int
    """Of a micro-batch, at most."""
    memory: Memory

    @property
    def estimate(self) -> int:
        """Bytes of a device."""
        return self.memory.of(self.tokens, checkpointed=self.checkpointed)


def device() -> Device:
    """What there is to train on."""
    import torch

    if torch.cuda.is_available():
        facts = torch.cuda.get_device_properties(torch.cuda.current_device())
        return Device("cuda", facts.name, facts.total_memory, torch.cuda.is_bf16_supported())
    if torch.backends.mps.is_available():
        return Device("mps", "Apple GPU", torch.mps.recommended_max_memory(), bf16=False)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Device("cpu", f"{os.cpu_count()} processors", memory, bf16=False)


def choose(settings: Training, config: Configuration, parameters: int, load: Load, machine: Device) -> Choice:
    """The fastest layout that keeps documents apart and fits the memory; a short run is not worth compiling for.

    Raises:
        UsageError: what the training file asks for cannot be done with this model or on this machine.
    """
    quick = machine.kind == "cuda" and seconds(settings, config, parameters, load.lengths, machine) > _LONG
    attention, packed = _attention(settings, config, machine, quick=quick)
    precision = precise(settings, machine)
    memory = estimate(settings, config, parameters, precision)
    memory = memory._replace(states=memory.states + load.beside)
    tokens, checkpointed = _fit(settings, memory, max(load.lengths), machine)
    compiled = quick and packed if settings.compile == "auto" else settings.compile
    return Choice(attention, packed, compiled, checkpointed, precision, tokens, memory)


def precise(settings: Training, machine: Device) -> str:
    """The precision of the forward and backward pass."""
    if settings.precision == "auto":
        return "bf16" if machine.bf16 else "fp32"
    return settings.precision


def seconds(
    settings: Training, config: Configuration, parameters: int, lengths: Sequence[int], machine: Device
) -> float:
    """About how long the run takes on a GPU."""
    rows = len(lengths) * settings.epochs
    rows = min(rows, settings.max_steps * settings.batch) if settings.max_steps else rows
    mean = sum(lengths) / len(lengths)
    return operations(config, parameters, int(rows * mean), mean) / (_PACE * (machine.peak or max(_PEAK.values())))


def _attention(settings: Training, config: Configuration, machine: Device, *, quick: bool) -> tuple[str, bool]:
    attention = settings.attention
    if attention == "auto":
        attention = _best(machine) if settings.packing is True or (settings.packing == "auto" and quick) else "sdpa"
    if attention == "flex_attention" and machine.kind != "cuda":
        raise UsageError(
            f"attention: flex_attention needs a GPU of NVIDIA or AMD; here is {machine.name}. Say auto or sdpa"
        )
    apart = attention in APART and _separable(config)
    if settings.packing is True and not apart:
        raise UsageError(
            f"packing: true, but {attention} on a {config.model_type} model would let packed rows see each other: set "
            f"packing: false, or attention to one of {', '.join(APART)} where the model has plain attention layers"
        )
    sparse = machine.kind == "cuda" and attention in ("flex_attention", *FLASH)
    packed = apart and sparse if settings.packing == "auto" else settings.packing
    if not packed and settings.attention == "auto":
        attention = "sdpa"
    return attention, packed


def _best(machine: Device) -> str:
    if machine.kind != "cuda":
        return "sdpa"
    return "flash_attention_2" if find_spec("flash_attn") else "flex_attention"


def _separable(config: Configuration) -> bool:
    """Whether all layers are attention: state spaces and convolutions would carry one document into the next."""
    text = config.get_text_config()
    kinds = set(getattr(text, "layer_types", None) or ())
    return kinds <= _KINDS and not any(hasattr(text, name) for name in ("ssm_cfg", "mamba_d_state", "state_size"))


def _fit(settings: Training, memory: Memory, longest: int, machine: Device) -> tuple[int, bool]:
    """Tokens of a micro-batch, and whether activations are computed twice to save memory."""
    least = math.ceil(longest / BLOCK) * BLOCK
    most = CPU_TOKENS if machine.kind == "cpu" else MOST_TOKENS
    room = int(machine.memory * _USABLE) - memory.states - memory.fixed
    wanted = max(settings.micro_batch_tokens or 0, least)
    if settings.checkpointing == "auto":
        checkpointed = room < memory.token * max(wanted, min(2 * least, most))
    else:
        checkpointed = settings.checkpointing
    if settings.micro_batch_tokens:
        return wanted, checkpointed
    fitting = room // (memory.token_checkpointed if checkpointed else memory.token)
    return max(least, min(most, fitting) // BLOCK * BLOCK), checkpointed


def estimate(settings: Training, config: Configuration, parameters: int, precision: str) -> Memory:
    """Memory of one process that holds the whole model."""
    text = config.get_text_config()
    hidden, layers, vocabulary = text.hidden_size, text.num_hidden_layers, text.vocab_size
    inner = getattr(text, "intermediate_size", None) or 4 * hidden
    heads, groups, size = _heads(text)
    width = _bytes(precision)
    attention = size * (3 * heads + 2 * groups)
    per_layer = width * (4 * hidden + attention + 4 * inner) + 4 * 2 * hidden
    if settings.lora is None:
        states = 16 * parameters + (2 * parameters if precision == "bf16" else 0)
    else:
        adapters = layers * settings.lora.r * (4 * hidden + 2 * size * (heads + groups) + 3 * (hidden + inner))
        states = width * parameters + 18 * adapters
    fixed = 2 * _GIB * (precision == "bf16") + 4 * vocabulary * hidden + 4096 * 4096 * width
    return Memory(states, per_layer * layers + 16 * hidden, 4 * hidden * layers + 2 * per_layer // layers, fixed)


def operations(config: Configuration, parameters: int, tokens: int, mean: float) -> float:
    """Floating-point operations of a training step, forward and backward: 6 a parameter and token, and attention.

    Attention of a causal document of n tokens is n / 2 keys a token: 6 * layers * heads * size * n a token. Operations
    that are done twice to save memory are not counted.
    """
    text = config.get_text_config()
    heads, _, size = _heads(text)
    return float(tokens * (6 * parameters + 6 * text.num_hidden_layers * heads * size * mean))


def cached(config: Configuration, precision: str) -> int:
    """Bytes of a token's keys and values, which are kept while a reply is written."""
    text = config.get_text_config()
    _, groups, size = _heads(text)
    return int(2 * text.num_hidden_layers * groups * size * _bytes(precision))


def _heads(text: Text) -> tuple[int, int, int]:
    """Heads of queries, heads of keys and values, and the size of a head."""
    heads = text.num_attention_heads
    groups = getattr(text, "num_key_value_heads", None) or heads
    return heads, groups, getattr(text, "head_dim", None) or text.hidden_size // heads


def _bytes(precision: str) -> int:
    return 2 if precision == "bf16" else 4

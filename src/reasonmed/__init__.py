"""reasonmed: clinical questions in; a verified reasoning data set, a fine-tuned model and an honest score out."""

from __future__ import annotations

from reasonmed._version import __version__

__all__ = ["__version__"]

"""Lists and maps that stand in a text, as Python or numpy prints them: read as values, never run."""

from __future__ import annotations

import ast
import re
import tokenize
import warnings
from io import StringIO
from itertools import pairwise

from reasonmed.documents import Refused, json_value

_LONGEST = 1 << 18
"""Characters of a cell that is looked at."""
_ITEM = re.compile(r"""\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?)\s*(,?)""", re.DOTALL)
_OPENINGS = ("[", "{", "(", "array(", "np.array(")


def literal(text: str) -> object:
    """The list or map that a text is in JSON's or Python's notation; None where it is neither."""
    inner = text.strip()
    if not inner.startswith(_OPENINGS) or len(inner) > _LONGEST:
        return None
    if inner[0] in "[{":
        try:
            return json_value(inner)
        except Refused:
            pass
    if inner[0] == "[" and (items := _printed_list(inner)) is not None:
        return items
    found = _python(inner)
    return found if isinstance(found, list | dict) else None


def _python(text: str) -> object:
    """Constants within lists, maps and arrays; None where there is anything else, or a key twice."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a backslash that escapes nothing
            tree = ast.parse(text, mode="eval").body
        if _is_glued(text):
            return None
        return _value(tree)
    except (ValueError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError):
        return None


def _value(node: ast.expr) -> object:
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(one) for one in node.elts]
    if isinstance(node, ast.Dict):
        names = [_value(one) if one is not None else None for one in node.keys]
        if len({*map(str, names)}) < len(names) or not all(isinstance(one, str | int) for one in names):
            raise ValueError("a key that is there twice, or is none")
        return {str(name): _value(one) for name, one in zip(names, node.values, strict=True)}
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("array", "np.array") and node.args:
        return _value(node.args[0])
    if isinstance(node, ast.Name) and node.id == "nan":
        return None
    return ast.literal_eval(node)


def _is_glued(text: str) -> bool:
    """Whether two texts stand side by side, which Python reads as one."""
    kinds = [one.type for one in tokenize.generate_tokens(StringIO(text).readline) if one.type != tokenize.NL]
    return (tokenize.STRING, tokenize.STRING) in pairwise(kinds)


def _printed_list(text: str) -> list[str] | None:
    """A printed list of texts, with commas or, as numpy prints it, without."""
    at, items, commas = 1, [], []
    while found := _ITEM.match(text, at):
        items.append(found[1])
        commas.append(found[2])
        at = found.end()
    if text[at:].strip() != "]" or len({*commas[:-1]}) > 1:
        return None
    return [_unquoted(item) for item in items]


def _unquoted(item: str) -> str:
    if item[0] not in "'\"":
        return item
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), item[1:-1])

"""YAML that people write, as plain JSON values: bounded, each key once, and nothing that only YAML has."""

from __future__ import annotations

from math import isfinite
from typing import Any

import yaml

from reasonmed.documents import DEEPEST, NO_MEMORY, TOO_DEEP, Refused, in_mb

LARGEST = 1 << 20
"""Bytes of a YAML file."""
_MOST_NODES = 50_000
"""Texts, lists and maps of a file, each counted as often as aliases and merges repeat it."""
_MOST_DIGITS = 300
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "seq", "map", "merge")}
_QUOTE = "put it in quotes if a text is meant"
_BROKEN = (yaml.YAMLError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError)
"""What PyYAML raises on what people write."""


_Fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C, where PyYAML was built with it: a hundred times faster on a file that is made to be slow."""


def read_yaml(text: str) -> object:
    """One YAML document as plain values: texts, numbers, lists, and maps with texts for keys.

    Raises:
        Refused: it is no such YAML; the message says what is wrong and where.
    """
    if len(text) > LARGEST:
        raise Refused(f"is larger than {in_mb(LARGEST)}, which no such file is")
    try:
        _check_depth(text)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _Count().of(node, ())
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except Refused:
        raise
    except RecursionError as deep:
        raise Refused(TOO_DEEP) from deep
    except MemoryError as large:
        raise Refused(NO_MEMORY) from large
    except _BROKEN as broken:
        raise Refused(f"is not valid YAML: {' '.join(str(broken).split())}") from broken


def _check_depth(text: str) -> None:
    """Go over the text's events, which takes no recursion, before its nodes are made, which does."""
    depth = nodes = 0
    for event in yaml.parse(text, _Fast):
        nodes += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise Refused(f"{_at(event.start_mark)}: {TOO_DEEP}")
        if nodes > _MOST_NODES:
            raise Refused(_TOO_MANY)


_TOO_MANY = f"has more than {_MOST_NODES:,} values, counted as often as its aliases (*name) and merges (<<) repeat them"


class _Count:
    """Counts the values below a node as if each alias were written out."""

    def __init__(self) -> None:
        self._known: dict[int, int] = {}

    def of(self, node: yaml.Node, above: tuple[int, ...]) -> int:
        """Values below a node, itself included.

        Raises:
            Refused: they are too many, too deep, or the node is within itself.
        """
        if id(node) in above:
            raise Refused(f"{_at(node.start_mark)}: an alias (*name) stands within what it names")
        if len(above) > DEEPEST:
            raise Refused(f"{_at(node.start_mark)}: {TOO_DEEP}, with its aliases (*name) written out")
        if id(node) not in self._known:
            below = (*above, id(node))
            self._known[id(node)] = 1 + sum(self.of(child, below) for child in _children(node))
            if self._known[id(node)] > _MOST_NODES:
                raise Refused(f"{_at(node.start_mark)}: {_TOO_MANY}")
        return self._known[id(node)]


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


class _Loader(_Fast):  # type: ignore[misc, valid-type]
    """Plain values only; a date is the text that it looks like, as in JSON and in YAML 1.2."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own name
        first: [one for one in found if one[0] != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:  # noqa: FBT001, FBT002 - PyYAML's
        if node.tag not in _TAGS:
            raise _no_plain(node)
        return super().construct_object(node, deep)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag != "tag:yaml.org,2002:str":
                shown = f"the key {key_node.value!r:.60}" if isinstance(key_node, yaml.ScalarNode) else "a key"
                raise Refused(f"{_at(key_node.start_mark)}: {shown} is no text; {_QUOTE}")
            if key_node.value in seen:
                raise Refused(f"{_at(key_node.start_mark)}: key {key_node.value!r:.60} stands twice")
            seen.add(key_node.value)
        told: dict[Any, Any] = super().construct_mapping(node, deep)
        return told

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        if len(node.value) > _MOST_DIGITS:
            raise Refused(f"{_at(node.start_mark)}: an integer of {len(node.value):,} digits is too large; {_QUOTE}")
        found: int = super().construct_yaml_int(node)
        return found

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        found: float = super().construct_yaml_float(node)
        if not isfinite(found):
            raise Refused(f"{_at(node.start_mark)}: {node.value!r:.60} is no number that can be sent; {_QUOTE}")
        return found

    def construct_yaml_str(self, node: yaml.ScalarNode) -> str:
        found: str = super().construct_yaml_str(node)
        if any("\ud800" <= letter <= "\udfff" for letter in found):
            raise Refused(f"{_at(node.start_mark)}: a text holds half of a character (a lone surrogate)")
        return found


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)
_Loader.add_constructor("tag:yaml.org,2002:str", _Loader.construct_yaml_str)


def _no_plain(node: yaml.Node) -> Refused:
    kind = node.tag.rpartition(":")[2]
    shown = f"{node.value!r:.60} is a {kind}" if isinstance(node, yaml.ScalarNode) else f"the tag !!{kind:.60}"
    return Refused(f"{_at(node.start_mark)}: {shown}, and only texts, numbers, lists and maps are read; {_QUOTE}")


def _at(mark: Any) -> str:  # noqa: ANN401 - of either parser
    return f"line {mark.line + 1}, column {mark.column + 1}"

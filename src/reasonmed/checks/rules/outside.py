"""Rules of other packages, found by an entry point or a dotted name: ``reasonmed check --rules NAME``.

Such a module has ``RULES``, the names of its rules, and ``findings(case)``, which gives what they find on a case.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from reasonmed import plugins
from reasonmed.checks.findings import Finding
from reasonmed.errors import PluginError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from reasonmed.checks.cases import Case

_NAME = re.compile(r"[a-z]\w*(\.\w+)+", re.ASCII)


class Outside(NamedTuple):
    """The rules of one module."""

    plugin: plugins.Plugin
    rules: tuple[str, ...]
    module: Any

    def __reduce__(self) -> tuple[Callable[..., Outside], tuple[object, ...]]:
        """Another process imports the module itself."""
        return find, (self.plugin.name, ())

    def findings(self, case: Case) -> Iterator[Finding]:
        """What the rules find on a case.

        Raises:
            PluginError: the module fails, or gives what is no finding of a rule that it names.
        """
        with plugins.at_work(self.plugin, f"question {case.question.id!r}"):
            found = [msgspec.convert(msgspec.to_builtins(one), Finding) for one in self.module.findings(case)]
        for one in found:
            if one.rule not in self.rules:
                raise PluginError(f"{self.plugin} found {one.rule!r:.100}, which is not among its RULES")
        return iter(found)


def find(name: str, shipped: Collection[str]) -> Outside:
    """The rules that a module has under a name.

    Raises:
        UsageError: there are none of this name, or what has it is no module of rules.
        PluginError: it cannot be imported.
    """
    loaded = plugins.load("checks", name)
    if loaded is None:
        there = plugins.names("checks") or "none"
        raise UsageError(
            f"--rules {name}: no installed package has rules of this name (there are {there}), and there is no such "
            "module; those that come with reasonmed always run"
        )
    plugin, module = loaded
    rules = getattr(module, "RULES", None)
    if not isinstance(rules, tuple | list) or not hasattr(module, "findings"):
        raise UsageError(f"--rules {name}: {plugin} has no RULES (their names) and function findings(case)")
    families = {rule.partition(".")[0] for rule in shipped}
    for rule in rules:
        if not isinstance(rule, str) or not _NAME.fullmatch(rule) or rule.partition(".")[0] in families:
            raise UsageError(
                f"--rules {name}: {plugin} calls a rule {rule!r:.100}; it must be FAMILY.RULE, of another family than "
                f"{', '.join(sorted(families))}"
            )
    return Outside(plugin, tuple(rules), module)

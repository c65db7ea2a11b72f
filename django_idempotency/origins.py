"""Where a policy is written: its name in the project."""

import ast
import inspect
import sys
from collections import defaultdict
from dataclasses import fields
from types import ModuleType

from .policy import IdempotencyPolicy


class Origins:
    """The policies that the loaded modules have names for."""

    def __init__(self) -> None:
        self._places: defaultdict[int, list[tuple[ModuleType, str]]] = defaultdict(list)
        for module in list(sys.modules.values()):
            for name, value in list(getattr(module, "__dict__", {}).items()):
                if isinstance(value, IdempotencyPolicy):
                    self._places[id(value)].append((module, name))

    def of(self, policy: IdempotencyPolicy) -> str:
        """Its dotted name; of one that no module has a name for, in what it differs from the default."""
        # By identity: two systems may promise the same, and be two.
        places = self._places.get(id(policy), [])
        written = [place for place in places if not _imports(*place)] or places
        if written:
            module, name = written[0]
            return f"{module.__name__}.{name}"
        return _described(policy)


def _imports(module: ModuleType, name: str) -> bool:
    """Whether a module has a name from elsewhere, as far as its source tells."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return False
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return any(alias.asname == name or alias.name in (name, "*") for node in imports for alias in node.names)


def _described(policy: IdempotencyPolicy) -> str:
    changed = {
        field.name: getattr(policy, field.name)
        for field in fields(policy)
        if getattr(policy, field.name) != field.default
    }
    return f"IdempotencyPolicy({', '.join(f'{name}={_said(value)}' for name, value in changed.items())})"


def _said(value: object) -> str:
    """The same in each run: a function's own text holds its address."""
    name = getattr(value, "__qualname__", None)
    return repr(value) if name is None else f"{getattr(value, '__module__', '')}.{name}"

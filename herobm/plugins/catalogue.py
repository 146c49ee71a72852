"""Names of records: full (``plugin/name``), short while unique, or a bare plug-in's default."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Generic, Protocol, TypeVar

from herobm.errors import AmbiguousNameError, UnknownNameError


class Named(Protocol):
    """A record that the catalogue can hold."""

    @property
    def name(self) -> str:
        """Name within the plug-in."""

    @property
    def default(self) -> bool:
        """Whether the bare name of the plug-in means this record."""


RecordT = TypeVar("RecordT", bound=Named)


class Catalogue(Generic[RecordT]):
    """The records of one kind, by plug-in; the order of plug-ins never matters.

    Parameters
    ----------
    kind : str
        What the records are, for messages: ``mapping``, ``model``.
    records : mapping of str to sequence of records
        Plug-in name -> its records, in the order in which it gives them.
    """

    def __init__(self, kind: str, records: Mapping[str, tuple[RecordT, ...]]) -> None:
        self.kind = kind
        self._of_plugin = {plugin: records[plugin] for plugin in sorted(records)}
        self.full: dict[str, RecordT] = {
            f"{plugin}/{record.name}": record
            for plugin, given in self._of_plugin.items()
            for record in given
        }

    def candidates(self, name: str) -> tuple[str, ...]:
        """Return the full names that `name` may mean, sorted."""
        if name in self.full:
            return (name,)
        # Within the plug-in of that name, its default comes before a record of the same name.
        named = {tuple(full.split("/")) for full in self.full}
        found = {f"{plugin}/{short}" for plugin, short in named if short == name != plugin}
        if self._of_plugin.get(name):
            found.add(self._default(name))
        return tuple(sorted(found))

    def find(self, name: str, note: str = "") -> str:
        """Return the full name that `name` means.

        Parameters
        ----------
        name : str
            Full name, short name, or name of a plug-in.
        note : str
            A word on plug-ins that failed, for the hint of an unknown name.

        Raises
        ------
        AmbiguousNameError
            If several plug-ins have a record of that short name.
        UnknownNameError
            If none has.
        """
        found = self.candidates(name)
        if len(found) > 1:
            raise AmbiguousNameError(
                f"{self.kind} {name!r} is ambiguous: {', '.join(found)}",
                f"write the full name, for example {found[0]}",
            )
        if not found:
            raise UnknownNameError(f"{self.kind} {name!r} not found", self._hint(name, note))
        return found[0]

    def _default(self, plugin: str) -> str:
        given = self._of_plugin[plugin]
        flagged = [record.name for record in given if record.default]
        usual = [record.name for record in given if record.name in ("default", plugin)]
        return f"{plugin}/{[*flagged, *sorted(usual, key=_default_first), given[0].name][0]}"

    def _hint(self, name: str, note: str) -> str:
        close = difflib.get_close_matches(name, list(self._usable(name)), n=3)
        if close:
            lines = [f"did you mean {' or '.join(close)}?"]
        elif self.full:
            lines = [f"there are: {', '.join(self.full)}"]
        else:
            lines = [f"no plug-in gives any {self.kind}"]
        return "\n".join([*lines, note] if note else lines)

    def _usable(self, name: str) -> Iterator[str]:
        """Yield names that would be found, in the form of `name`: full ones, or short ones."""
        if "/" in name:
            yield from self.full
            return
        yield from (plugin for plugin, given in self._of_plugin.items() if given)
        for full in self.full:
            short = full.partition("/")[2]
            if short not in self._of_plugin:
                yield short if self.candidates(short) == (full,) else full


def _default_first(name: str) -> bool:
    return name != "default"

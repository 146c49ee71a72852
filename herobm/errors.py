"""The errors of herobm, in one tree.

::

    HerobmError                 a message and a hint; the command line prints both and exits with 1
    ├── DslError                a mapping file is at fault
    │   ├── DslSyntaxError      it cannot be parsed
    │   └── DslCheckError       it parses, but does not make sense
    ├── PluginError
    │   ├── PluginLoadError     a plug-in cannot be imported
    │   ├── PluginContractError a hook yields something other than its record
    │   ├── UnknownNameError    nobody registers the name asked for
    │   └── AmbiguousNameError  several plug-ins register it
    ├── StructureError          a structure or trajectory file is at fault
    │   ├── UnmappedResidueError  the mapping lacks a residue of the structure
    │   └── MissingBeadError      a residue lacks a bead that its mapping has
    ├── ModelError
    │   ├── WeightsNotFoundError
    │   ├── WeightsFormatError  not a weights file of herobm, or a damaged one
    │   └── MappingMismatchError  weights that were trained with another mapping
    ├── DatasetError            a dataset file is at fault
    ├── ConfigError             a training configuration is at fault
    ├── MinimisationError       a structure cannot be given hydrogens, or be minimised
    └── OutputError             the result cannot be written where it was asked for
"""

from __future__ import annotations


class HerobmError(Exception):
    """Base of all errors that a user can act on.

    Parameters
    ----------
    message : str
        What is wrong, naming file, line, residue or atom.
    hint : str, optional
        What to do about it; may span lines.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n{self.hint}"


class DslError(HerobmError):
    """A mapping file is at fault."""


class DslSyntaxError(DslError):
    """A mapping file cannot be parsed."""


class DslCheckError(DslError):
    """A mapping file parses, but does not make sense."""


class PluginError(HerobmError):
    """A plug-in is at fault, or a name that plug-ins should supply."""


class PluginLoadError(PluginError):
    """A plug-in cannot be imported."""


class PluginContractError(PluginError):
    """A plug-in yields something other than the record its hook asks for."""


class UnknownNameError(PluginError):
    """No plug-in registers the name asked for."""


class AmbiguousNameError(PluginError):
    """Several plug-ins register the short name asked for."""


class StructureError(HerobmError):
    """A structure or trajectory file is at fault."""


class UnmappedResidueError(StructureError):
    """The mapping lacks a residue of the structure."""


class MissingBeadError(StructureError):
    """A residue of the structure lacks a bead that its mapping has."""


class ModelError(HerobmError):
    """A model cannot be used."""


class WeightsNotFoundError(ModelError):
    """There is no weights file where one was looked for."""


class WeightsFormatError(ModelError):
    """A file is no weights file of herobm, or is damaged."""


class MappingMismatchError(ModelError):
    """The weights were trained with another mapping."""


class DatasetError(HerobmError):
    """A dataset file is at fault."""


class ConfigError(HerobmError):
    """A training configuration is at fault."""


class MinimisationError(HerobmError):
    """A structure cannot be given hydrogens, or be minimised; it stays as it was before."""


class OutputError(HerobmError):
    """The result cannot be written where it was asked for."""

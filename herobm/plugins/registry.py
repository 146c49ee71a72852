"""What the plug-ins of this installation give, by name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from herobm.errors import PluginContractError, PluginError, UnknownNameError
from herobm.plugins.catalogue import Catalogue
from herobm.plugins.packs import PACKS, fitting
from herobm.plugins.records import MappingSpec, ModelSpec, PostProcessorSpec

if TYPE_CHECKING:
    from herobm.dsl.model import MappingSet

#: Endings of files that say how a molecule is mapped.
MAPPING_SUFFIXES = (".map", ".yaml", ".yml")


@dataclass(frozen=True)
class PluginSource:
    """Where a plug-in comes from.

    Attributes
    ----------
    name : str
        Name of its entry point.
    module : str
        Value of its entry point.
    distribution, version : str
        The package that brings it; "" where it belongs to none.
    """

    name: str
    module: str
    distribution: str = ""
    version: str = ""


@dataclass(frozen=True)
class Plugin:
    """A plug-in that works, and its records in the order in which it gives them.

    Attributes
    ----------
    source : PluginSource
    mappings : tuple of MappingSpec
    models : tuple of ModelSpec
    postprocessors : tuple of PostProcessorSpec
    remarks : tuple of str
        What it should not do: print when it is imported, import a heavy library.
    """

    source: PluginSource
    mappings: tuple[MappingSpec, ...] = ()
    models: tuple[ModelSpec, ...] = ()
    postprocessors: tuple[PostProcessorSpec, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of its entry point."""
        return self.source.name

    def lines(self) -> tuple[str, ...]:
        """Say what it should not do, though it works; a line for each."""
        return tuple(f"plug-in {self.name!r} {remark}" for remark in self.remarks)


@dataclass(frozen=True)
class FailedPlugin:
    """A plug-in that was set aside; ``error.__cause__`` keeps what it raised."""

    source: PluginSource
    error: PluginError

    @property
    def name(self) -> str:
        """The name of its entry point."""
        return self.source.name

    def line(self) -> str:
        """Say in one line what is wrong."""
        return f"plug-in {self.name!r} is set aside: {self.error.message}"


class Registry:
    """What plug-ins give; `load_registry` makes it.

    Parameters
    ----------
    plugins : iterable of Plugin
        Those that work; their order does not matter.
    failures : iterable of FailedPlugin
        Those that were set aside.
    withheld : iterable of str
        Names of those that are installed, but were not to be loaded.
    """

    def __init__(
        self,
        plugins: Iterable[Plugin],
        failures: Iterable[FailedPlugin] = (),
        withheld: Iterable[str] = (),
    ) -> None:
        self.plugins = tuple(sorted(plugins, key=lambda plugin: plugin.name))
        self.withheld = tuple(sorted(withheld))
        self.failures = tuple(sorted(failures, key=lambda failed: failed.name))
        self._mappings = Catalogue("mapping", {p.name: p.mappings for p in self.plugins})
        self._models = Catalogue("model", {p.name: p.models for p in self.plugins})
        self._steps = Catalogue("post-processor", {p.name: p.postprocessors for p in self.plugins})
        self._loaded: dict[str, MappingSet] = {}

    def mappings(self) -> dict[str, MappingSpec]:
        """Return the mapping sets by full name."""
        return dict(self._mappings.full)

    def models(self) -> dict[str, ModelSpec]:
        """Return the models by full name."""
        return dict(self._models.full)

    def postprocessors(self) -> dict[str, PostProcessorSpec]:
        """Return the post-processors by full name."""
        return dict(self._steps.full)

    def mapping(self, name: str | Path) -> MappingSet:
        """Load a mapping set, once.

        Parameters
        ----------
        name : str or Path
            ``plugin/name``, the name alone while it is unique, a plug-in for its default set,
            or the path of a mapping file or of a folder of them. Registered names come first.

        Returns
        -------
        MappingSet
            It bears the full name, or the name of the file or folder.

        Raises
        ------
        UnknownNameError, AmbiguousNameError
            If `name` means nothing, or several things.
        PluginContractError
            If the plug-in names a file that is not there.
        DslError
            If a mapping file is at fault.
        """
        if isinstance(name, Path) or not self._mappings.candidates(name):
            path = Path(name).expanduser()
            if path.exists():
                return _load_path(path)
            if isinstance(name, Path) or path.suffix in MAPPING_SUFFIXES:
                raise UnknownNameError(f"there is no mapping file {path}", "check the path")
        full = self._mappings.find(str(name), self._note(str(name)))
        if full not in self._loaded:
            self._loaded[full] = _load_spec(full, self._mappings.full[full])
        return self._loaded[full]

    def model(self, name: str | Path) -> ModelSpec:
        """Find a model.

        Parameters
        ----------
        name : str or Path
            ``plugin/name``, the name alone while it is unique, a plug-in for its default model,
            or the path of a safetensors file. Registered names come first.

        Returns
        -------
        ModelSpec
            Its `name` and `mapping` are full names; for a bare file, its stem and "".

        Raises
        ------
        UnknownNameError, AmbiguousNameError
            If `name` means nothing, or several things.
        """
        if isinstance(name, Path) or not self._models.candidates(name):
            path = Path(name).expanduser()
            if path.suffix == ".safetensors":
                if not path.is_file():
                    raise UnknownNameError(f"there is no weights file {path}", "check the path")
                return ModelSpec(path.stem, mapping="", weights=path)
            if path.is_file():
                raise UnknownNameError(
                    f"{path}: weights are kept in files that end in .safetensors",
                    "Weights are written by 'herobm train'; no other format is read.",
                )
        full = self._models.find(str(name), self._note(str(name)))
        spec = self._models.full[full]
        return replace(spec, name=full, mapping=self._qualified(full, spec.mapping))

    def postprocessor(self, name: str) -> PostProcessorSpec:
        """Find a post-processor by full, short or plug-in name.

        Raises
        ------
        UnknownNameError, AmbiguousNameError
            If `name` means nothing, or several things.
        """
        return self._steps.full[self._steps.find(name, self._note(name))]

    def _qualified(self, model: str, mapping: str) -> str:
        own = f"{model.partition('/')[0]}/{mapping}"
        return own if own in self._mappings.full else mapping

    def _note(self, name: str) -> str:
        """Say which plug-in may be why `name` is missing: one that failed, or is not loaded."""
        plugin = name.partition("/")[0]
        lines = [failed.line() for failed in self.failures if failed.name == plugin]
        if plugin in self.withheld:
            lines.append(
                f"plug-in {plugin!r} is installed, but left out (HEROBM_PLUGINS or --no-plugin)"
            )
        if not lines and plugin not in {p.name for p in self.plugins}:
            lines = [pack.line() for pack in PACKS if plugin in pack.words]
        return "\n".join(lines or [failed.line() for failed in self.failures])

    def missing_packs(self, residues: Iterable[str], beads: Iterable[str]) -> tuple[str, ...]:
        """Say which packs that are not installed would supply what a structure has.

        Parameters
        ----------
        residues, beads : iterable of str
            Names as in the structure.

        Returns
        -------
        tuple of str
            A line for each pack, the most fitting first; empty if none is known.
        """
        there = {plugin.name for plugin in self.plugins}
        return tuple(p.line() for p in fitting(residues, beads) if p.plugin not in there)


def _load_spec(full: str, spec: MappingSpec) -> MappingSet:
    missing = [str(path) for path in spec.files if not path.is_file()]
    if missing:
        raise PluginContractError(
            f"mapping {full!r} names files that are not there: {', '.join(missing)}",
            f"install the plug-in {full.partition('/')[0]!r} again, or tell its authors",
        )
    from herobm.dsl import load_set

    return load_set(spec.files, full, spec.description)


def _load_path(path: Path) -> MappingSet:
    """Load one file, or the files of a folder; its subfolders are sets of their own."""
    from herobm.dsl import load_set
    from herobm.dsl.load import mapping_files

    if path.is_dir():
        every = mapping_files(path)
        files = [file for file in every if file.parent == path]
        if not files:
            below = sorted({str(file.parent) for file in every})
            raise UnknownNameError(
                f"folder {path}{os.sep} holds no mapping file",
                f"name a folder in it that does: {', '.join(below)}"
                if below
                else f"mapping files end in {', '.join(MAPPING_SUFFIXES)}",
            )
    else:
        files = [path]

    return load_set(files, path.resolve().stem)

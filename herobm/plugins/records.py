"""What a plug-in hands over: frozen records, one class a hook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from herobm.plugins.protocols import PostProcessor, Reconstructor

Stage: TypeAlias = Literal["backbone", "rotamers", "consistency", "hydrogens", "minimise"]

#: The stages of post-processing, in the order in which they run.
STAGES: tuple[Stage, ...] = ("backbone", "rotamers", "consistency", "hydrogens", "minimise")

#: Of these, the ones that keep the atoms as they are; what comes later may add some, or fail.
LIGHT: tuple[Stage, ...] = ("backbone", "rotamers", "consistency")

#: In place of the mapping set of a model: it serves residues of any, where no other model does.
ANY_MAPPING = "*"


@dataclass(frozen=True)
class MappingSpec:
    """A set of mapping files that make up one coarse-grained representation.

    Attributes
    ----------
    name : str
        Name within the plug-in; the full name is ``plugin/name``.
    files : tuple of Path
        The `.map` files. Where two claim a residue name, the later one wins.
    description : str
        One line for listings.
    default : bool
        Whether the bare name of the plug-in means this set.
    """

    name: str
    files: tuple[Path, ...]
    description: str = ""
    default: bool = False


@dataclass(frozen=True)
class ModelSpec:
    """A model: weights for the network of herobm, or a reconstructor of the plug-in's own.

    Attributes
    ----------
    name : str
        Name within the plug-in; the full name is ``plugin/name``.
    mapping : str
        Name of the mapping set that it was trained with, sought in the same plug-in first; ""
        where only the header of the weights file tells. `ANY_MAPPING` for a model that was not
        trained, but goes by the chemistry that a mapping states: it is asked where no other model
        knows a residue, and `load` makes a `UniversalReconstructor`.
    weights : Path or None
        The safetensors file; None where the weights are not part of the distribution, or where
        `load` makes the model.
    description : str
        One line for listings.
    default : bool
        Whether the bare name of the plug-in means this model.
    load : callable or None
        ``load(device) -> Reconstructor`` makes a model of the plug-in's own: another network, a
        method without one, another program. It is called when the model is used, so heavy
        imports belong into it. A record has `weights` or `load`, not both.
    """

    name: str
    mapping: str
    weights: Path | None = None
    description: str = ""
    default: bool = False
    load: Callable[[str], Reconstructor] | None = None


@dataclass(frozen=True)
class PostProcessorSpec:
    """A step that works on atoms after they are rebuilt.

    Attributes
    ----------
    name : str
        Name within the plug-in; the full name is ``plugin/name``.
    stage : str
        When it runs, one of `STAGES`.
    run : callable
        ``run(atoms, context) -> atoms``, a `PostProcessor`.
    description : str
        One line for listings.
    default : bool
        Whether the bare name of the plug-in means this step.
    options : tuple of str or None
        Names of the options that it takes, besides ``threads``; None where it does not say.
    """

    name: str
    stage: Stage
    run: PostProcessor
    description: str = ""
    default: bool = False
    options: tuple[str, ...] | None = None

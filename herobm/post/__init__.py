"""Steps on rebuilt atoms, offered by the same hook as those of plug-ins.

Importing this package imports none of what the steps work with: each is imported when it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from herobm.plugins import PostProcessorSpec, hookimpl

if TYPE_CHECKING:
    from herobm.plugins import StepContext
    from herobm.types import Atoms

__all__ = ["herobm_register_postprocessors"]


@hookimpl
def herobm_register_postprocessors() -> Iterator[PostProcessorSpec]:
    """Offer the built-in steps, one for each stage."""
    yield PostProcessorSpec(
        "backbone",
        "backbone",
        _backbone,
        "flat peptides, phi and psi as the network has them",
        options=(),
    )
    yield PostProcessorSpec(
        "rotamers",
        "rotamers",
        _rotamers,
        "bent side chains laid in rotamers (amino acids)",
        options=(),
    )
    yield PostProcessorSpec(
        "consistency",
        "consistency",
        _consistency,
        "atoms whose beads are the ones given",
        options=(),
    )
    yield PostProcessorSpec(
        "hydrogens",
        "hydrogens",
        _hydrogens,
        "hydrogens at a pH (proteins), by valence (others)",
        options=("ph", "ends"),
    )
    yield PostProcessorSpec(
        "minimise",
        "minimise",
        _minimise,
        "energy minimisation with a force field (OpenMM)",
        options=("ph", "ends", "forcefield", "platform", "restraints", "tolerance", "unmapped"),
    )


def _backbone(atoms: Atoms, context: StepContext) -> Atoms:
    from herobm.post.backbone import run

    return run(atoms, context)


def _rotamers(atoms: Atoms, context: StepContext) -> Atoms:
    from herobm.post.rotamers import run

    return run(atoms, context)


def _consistency(atoms: Atoms, context: StepContext) -> Atoms:
    from herobm.post.consistency import run

    return run(atoms, context)


def _hydrogens(atoms: Atoms, context: StepContext) -> Atoms:
    from herobm.post.hydrogens import hydrogens

    return hydrogens(atoms, context)


def _minimise(atoms: Atoms, context: StepContext) -> Atoms:
    from herobm.post.minimise import minimise

    return minimise(atoms, context)

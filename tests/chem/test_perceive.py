"""The chemistry of a residue, as a structure shows it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from herobm.chem.perceive import reference_from
from herobm.errors import StructureError
from herobm.types import Atoms

ALA = ["N", "CA", "C", "O", "CB"]


def bonds(reference) -> set[str]:
    """Bonds as they are written."""
    return {f"{b.a}{b.symbol}{b.b}" for b in reference.bonds}


def test_a_residue_within_a_chain(peptide):
    found = reference_from(peptide("GAG"), ["ALA"], ALA, "x.pdb")

    assert bonds(found) == {"N-CA", "CA-C", "C=O", "CA-CB", "C-+N", "N--C"}
    assert [(s.atoms, s.label) for s in found.stereo] == [(("CA",), "S")]
    assert not found.charges
    assert "no hydrogens" in found.guessed


def test_of_several_residues_the_one_that_fits_best(peptide):
    atoms = peptide("AAA")
    keep = ~((atoms.names == "CB") & (atoms.residue_index == 0))
    found = reference_from(atoms.subset(keep), ["ALA"], ALA, "x.pdb")

    assert set(found.elements) == set(ALA)  # neither the first one nor the last, with OXT
    assert "N--C" in bonds(found)


def test_a_molecule_broken_by_the_box(peptide):
    whole = peptide("GAG")
    box = np.array([40.0, 40, 40, 90, 90, 90])
    shifted = np.mod(whole.positions - whole.positions[5], 40.0)
    broken: Atoms = replace(whole, positions=shifted, box=box)

    assert np.ptp(broken.positions) > 30
    assert bonds(reference_from(broken, ["ALA"], ALA, "x.pdb")) == bonds(
        reference_from(whole, ["ALA"], ALA, "x.pdb")
    )


def test_a_box_smaller_than_the_molecule_is_not_believed(peptide):
    whole = peptide("GWG")
    small = replace(whole, box=np.array([7.0, 7.0, 6.0, 90.0, 90.0, 90.0]))

    assert np.ptp(whole.positions, axis=0).max() > 7.0
    assert bonds(reference_from(small, ["TRP"], ALA, "x.pdb")) == bonds(
        reference_from(whole, ["TRP"], ALA, "x.pdb")
    )


def test_a_residue_that_is_not_there(peptide):
    with pytest.raises(StructureError, match=r"x\.pdb has no residue POPC") as error:
        reference_from(peptide("GAG"), ["POPC"], ALA, "x.pdb")

    assert "GLY, ALA" in (error.value.hint or "")

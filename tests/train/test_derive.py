"""Caps cut from the residues at the ends of chains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from herobm.train.derive import Derived, derive_residues
from herobm.types import Atoms

ACE = Derived(residue="ACE", at="start", atoms={"CA": "CH3", "C": "C", "O": "O"}, share=1.0)
NME = Derived(residue="NME", at="end", atoms={"N": "N", "CA": "C"}, share=1.0)


def atoms_of(atoms: Atoms, residue: int) -> list[str]:
    return atoms.names[atoms.residue_index == residue].tolist()


def test_ends_become_caps(peptide: Callable[[str], Atoms]) -> None:
    whole = peptide("ACDEFGHI")
    cut = derive_residues(whole, (ACE, NME))
    assert cut.residues.names.tolist() == ["ACE", *whole.residues.names[1:-1].tolist(), "NME"]
    assert atoms_of(cut, 0) == ["CH3", "C", "O"]
    assert atoms_of(cut, 7) == ["N", "C"]
    assert atoms_of(cut, 4) == atoms_of(whole, 4)
    carbon = cut.positions[cut.names == "CH3"][0]
    assert carbon.tolist() == whole.positions[whole.names == "CA"][0].tolist()


def test_share_none_changes_nothing(peptide: Callable[[str], Atoms]) -> None:
    whole = peptide("ACDEFGHI")
    rare = ACE.model_copy(update={"share": 0.0})
    assert derive_residues(whole, (rare,)).residues.names.tolist() == whole.residues.names.tolist()


def test_some_chains_are_chosen_the_same_each_time(peptide: Callable[[str], Atoms]) -> None:
    some = ACE.model_copy(update={"share": 0.5})
    many = of_many_chains(peptide("ACDEFGHI"), 8)
    one, again = (derive_residues(many, (some,)) for _ in range(2))
    assert one.residues.names.tolist() == again.residues.names.tolist()
    assert 0 < (one.residues.names == "ACE").sum() < 8


def test_long_names_stay_whole(peptide: Callable[[str], Atoms]) -> None:
    whole = peptide("ACD")
    long = replace(whole, names=np.where(whole.names == "CB", "LONGNAME12", whole.names))
    assert "LONGNAME12" in atoms_of(derive_residues(long, (ACE,)), 1)


def of_many_chains(atoms: Atoms, count: int) -> Atoms:
    n = len(atoms.residues)
    residues = atoms.residues.take(np.tile(np.arange(n), count))
    assert atoms.elements is not None
    return Atoms(
        positions=np.tile(atoms.positions, (count, 1)),
        names=np.tile(atoms.names, count),
        residue_index=np.concatenate([atoms.residue_index + n * i for i in range(count)]),
        residues=type(residues)(
            residues.names, residues.ids, residues.icodes, np.repeat(list("ABCDEFGH")[:count], n)
        ),
        elements=np.tile(atoms.elements, count),
    )

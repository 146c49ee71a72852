"""Small files of other tools, and the command that converts them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from herobm.cli.mapping import app

#: Butan-2-ol in two beads, as Backward has it; the atom C2 counts two thirds in one of them.
BUTANOL = """\
; butan-2-ol
[ molecule ]
BUOH

[ martini ]
HY OH VS

[ mapping ]
charmm36

[ atoms ]
 1  C1  OH
 2  C2  OH OH HY
 3  O2  OH
 4  HO2 OH
 5  C3  HY OH
 6  C4  HY
 7  HC21

[ out ]
 HC21 C2 C1 C3

[ chiral ]
 HC21 C2 C1 O2 C3
"""


@pytest.fixture
def convert() -> Callable[..., Result]:
    """Run ``herobm mapping convert``."""
    return lambda *words: CliRunner().invoke(app, ["convert", *map(str, words)])


@pytest.fixture
def butanol(tmp_path: Path) -> Path:
    """The mapping of butan-2-ol."""
    path = tmp_path / "buoh.charmm36.map"
    path.write_text(BUTANOL)
    return path


@pytest.fixture
def molecule_pdb(tmp_path: Path) -> Callable[..., Path]:
    """Write a PDB of a molecule with all its hydrogens, from SMILES and names of heavy atoms."""

    def write(smiles: str, names: list[str], residue: str, hydrogens: bool = True) -> Path:
        from rdkit import Chem
        from rdkit.Chem import AllChem

        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        assert AllChem.EmbedMolecule(mol, randomSeed=11) == 0
        AllChem.MMFFOptimizeMolecule(mol)
        seen: dict[int, int] = {}
        lines = []
        for atom, (x, y, z) in zip(
            mol.GetAtoms(), mol.GetConformer().GetPositions().tolist(), strict=True
        ):
            symbol = atom.GetSymbol()
            if symbol == "H":
                if not hydrogens:
                    continue
                bearer = atom.GetNeighbors()[0].GetIdx()
                seen[bearer] = seen.get(bearer, 0) + 1
                name = f"H{names[bearer]}{seen[bearer]}"[:4]
            else:
                name = names[atom.GetIdx()]
            lines.append(
                f"ATOM  {len(lines) + 1:5d} {name:<4s} {residue:<4s}    1    "
                f"{x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00          {symbol:>2s}"
            )
        path = tmp_path / f"{residue.lower()}.pdb"
        path.write_text("\n".join([*lines, "END"]) + "\n")
        return path

    return write

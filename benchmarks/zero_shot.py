"""How well `custom_ligand/conformers` rebuilds molecules from their beads, without training.

python benchmarks/zero_shot.py DATA [--part neca|drugs|structures]... [--frames N] [--json FILE]

DATA is the folder with ``ligands`` and ``mappings``. Parts: ``neca``, N frames of molecular
dynamics spread in time, in the mapping of the HEroBM authors (two of its rules, which have one
letter too many, are corrected first); ``drugs``, 30 molecules, each in a conformer of RDKit made
with another seed and force field than those that are fitted, beads as `herobm mapping suggest`
has them; ``structures``, ligands of protein simulations in the same kind of beads. Told are the
root mean square deviation of heavy atoms in place (Å; ``named`` as `herobm evaluate` has it, where
branches of prochiral centres keep their names; then with the better naming of all atoms that the
bonds do not tell apart), wrong hands and double bonds (those of the reference in brackets), bent
aromatic rings, the largest distance of a bead from where it was given (Å), and CPU seconds for the
conformers and for each molecule.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from runner import run_main

os.environ.setdefault("OMP_NUM_THREADS", "1")
warnings.filterwarnings("ignore")  # of third parties, about structures that are not ours

import numpy as np  # noqa: E402
from rdkit import Chem  # noqa: E402

from herobm.chem.conformers.conformer import conformer  # noqa: E402
from herobm.chem.conformers.fit import Fit  # noqa: E402
from herobm.chem.naming import best_names, find_naming  # noqa: E402
from herobm.chem.planarity import bent_rings  # noqa: E402
from herobm.chem.stereo import chirality_errors, double_bond_errors  # noqa: E402
from herobm.chem.suggest import suggest  # noqa: E402
from herobm.chem.suggest.read import mol_of_smiles, read_smiles  # noqa: E402
from herobm.chem.suggest.structure import place  # noqa: E402
from herobm.dsl import load_set  # noqa: E402
from herobm.dsl.model import Mapping, MappingSet  # noqa: E402
from herobm.errors import HerobmError  # noqa: E402
from herobm.io import open_trajectory, read_atoms  # noqa: E402
from herobm.plan import compile_library, compile_plan  # noqa: E402
from herobm.types import FloatArray, IntArray  # noqa: E402

KNOWN_SEED = 20240611

DRUGS = """\
CC(=O)Oc1ccccc1C(=O)O aspirin
CC(C)Cc1ccc(cc1)[C@H](C)C(=O)O ibuprofen
Nc1nc(NCCc2ccc(O)cc2)nc2nc(-c3ccco3)nn12 ZM241385
C[NH2+]C[C@H](O)c1ccc(O)c(O)c1 epinephrine
C[N+](C)(C)C[C@H](O)CC([O-])=O carnitine
Cc1ccc(cc1)-c1cc(nn1-c1ccc(cc1)S(N)(=O)=O)C(F)(F)F celecoxib
Cc1cc(NS(=O)(=O)c2ccc(N)cc2)no1 sulfamethoxazole
NS(=O)(=O)c1cc(C(=O)O)c(NCc2ccco2)cc1Cl furosemide
CCCc1nn(C)c2c1nc([nH]c2=O)-c1cc(ccc1OCC)S(=O)(=O)N1CCN(C)CC1 sildenafil
OC(=O)COCCN1CCN(CC1)[C@H](c1ccccc1)c1ccc(Cl)cc1 levocetirizine
CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc12 diazepam
Fc1ccc(cc1)C(=O)CCCN1CCC(O)(CC1)c1ccc(Cl)cc1 haloperidol
CN(C)CCC=C1c2ccccc2CCc2ccccc12 amitriptyline
CNCC[C@H](Oc1ccc(cc1)C(F)(F)F)c1ccccc1 fluoxetine
O=C(O)c1cn(C2CC2)c2cc(N3CCNCC3)c(F)cc2c1=O ciprofloxacin
Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(n1)-c1cccnc1 imatinib
COCCOc1cc2ncnc(Nc3cccc(C#C)c3)c2cc1OCCOC erlotinib
C[C@]12CC[C@H]3[C@@H](CCc4cc(O)ccc34)[C@@H]1CC[C@@H]2O estradiol
C[C@H](CCCC(C)C)[C@H]1CC[C@H]2[C@@H]3CC=C4C[C@@H](O)CC[C@]4(C)[C@H]3CC[C@]12C cholesterol
CN1CC[C@]23[C@H]4Oc5c(O)ccc(C[C@@H]1[C@@H]2C=C[C@@H]4O)c35 morphine
COC(=O)[C@H]1[C@H](OC(=O)c2ccccc2)C[C@@H]2CC[C@H]1N2C cocaine
CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O penicillin-G
O=C1NC2(CCCC2)C(=O)N1Cc1ccccc1 spiro-hydantoin
Nc1ncnc2c1ncn2C[C@@H](C)OCP(=O)(O)O tenofovir
CC(C)c1nc(N(C)S(C)(=O)=O)nc(-c2ccc(F)cc2)c1/C=C/[C@@H](O)C[C@@H](O)CC(=O)[O-] rosuvastatin
CCOC(=O)[C@H](CCc1ccccc1)N[C@@H](C)C(=O)N1CCC[C@H]1C(=O)O enalapril
CCC(CC)O[C@@H]1C=C(C[C@H](N)[C@H]1NC(C)=O)C(=O)OCC oseltamivir
OC[C@H]1O[C@@](CO)(O[C@H]2O[C@H](CO)[C@@H](O)[C@H](O)[C@H]2O)[C@@H](O)[C@@H]1O sucrose
C[C@@H]1CCCCCCCCC/C=C\\CC(=O)O1 macrolactone
C[S@](=O)c1ccc(cc1)/C=C1/C(C)=C(CC(=O)O)c2cc(F)ccc12 sulindac
"""

#: Folder and residue of a ligand in a simulation, its SMILES.
STRUCTURES = {
    ("t4l_JZ4_charmm", "JZ4"): "CCCc1ccccc1O",
    ("membraneprot_amitriptyline", "AMI"): "C[NH+](C)CCC=C1c2ccccc2CCc2ccccc12",
    ("5ht1b_ergotamine", "LIG"): "C[C@@]1(NC(=O)[C@@H]2C=C3c4cccc5[nH]cc(C[C@H]3[NH+](C)C2)c45)"
    "O[C@@]2(O)[C@@H]3CCCN3C(=O)[C@H](Cc3ccccc3)N2C1=O",
    ("7l5d_mpro_masitinib", "XNJ"): "Cc1ccc(NC(=O)c2ccc(CN3CCNCC3)cc2)cc1Nc1nc(-c2cccnc2)cs1",
}


@dataclass
class Row:
    """Figures of one molecule, over its frames."""

    name: str
    n_atoms: int
    n_beads: int
    n_frames: int
    rmsd_named: float
    rmsd: float
    rmsd_p90: float
    rmsd_max: float
    stereo_errors: int
    reference_errors: int
    bent_rings: int
    bead_error: float
    prepare_s: float
    frame_s: float

    def __str__(self) -> str:
        return (
            f"{self.name:<18}{self.n_atoms:>6}{self.n_beads:>6}{self.n_frames:>7}"
            f"{self.rmsd_named:>8.3f}{self.rmsd:>8.3f}"
            f"{self.rmsd_p90:>8.3f}{self.rmsd_max:>8.3f}{self.stereo_errors:>7}"
            f"{self.reference_errors:>6}{self.bent_rings:>6}{self.bead_error:>7.3f}"
            f"{self.prepare_s:>8.1f}{self.frame_s:>8.2f}"
        )


HEAD = (
    f"{'molecule':<18}{'atoms':>6}{'beads':>6}{'frames':>7}{'named':>8}{'RMSD':>8}{'p90':>8}{'max':>8}"
    f"{'stereo':>7}{'(ref)':>6}{'bent':>6}{'beads':>7}{'conf, s':>8}{'each, s':>8}"
)


def measure(name: str, mapping: Mapping, frames: list[dict[str, FloatArray]]) -> Row:
    """Rebuild a molecule from the beads of each frame: positions (3,) in Å by atom name."""
    library = compile_library(MappingSet(name=name, mappings=(mapping,)))
    (template,) = library.templates
    plan = compile_plan(library, np.zeros(1, np.int64))
    heavy, naming = plan.elements != "H", find_naming(plan)
    begin = time.process_time()
    fit = Fit(template, 60)
    ready = time.process_time()
    alike = like_orders(fit)
    names = {number: atom for atom, number in fit.ensemble.index.items()}
    counted = np.flatnonzero(fit.shares.any(axis=0)).tolist()
    named: list[float] = []
    spent, errors, off, wrong, before, bent = 0.0, [], 0.0, 0, 0, 0
    for frame in frames:
        beads = fit.shares[:, counted] @ np.array([frame[names[i]] for i in counted])
        known = np.array([frame[atom] for atom in template.atoms])
        started = time.process_time()
        whole = fit.whole(beads)
        spent += time.process_time() - started
        placed = whole[fit.rows]
        there = best_names(naming, known, placed)
        named.append(float(np.sqrt(((there - placed)[heavy] ** 2).sum(axis=1).mean())))
        places = np.array([frame.get(names[i], np.zeros(3)) for i in range(len(whole))])
        squares = ((places[alike] - whole[alike[0]]) ** 2).sum(axis=2).mean(axis=1)
        errors.append(min(named[-1], float(np.sqrt(squares.min()))))
        wrong += sum(len(f(plan, placed)) for f in (chirality_errors, double_bond_errors))
        before += sum(len(f(plan, known)) for f in (chirality_errors, double_bond_errors))
        bent += len(bent_rings(plan, placed))
        away = np.linalg.norm(fit.shares @ whole - beads, axis=1)[fit.known]
        off = max(off, float(away.max()))
    return Row(
        name=name,
        n_atoms=int(heavy.sum()),
        n_beads=len(template.beads),
        n_frames=len(frames),
        rmsd_named=float(np.mean(named)),
        rmsd=float(np.mean(errors)),
        rmsd_p90=float(np.quantile(errors, 0.9)),
        rmsd_max=max(errors),
        stereo_errors=wrong,
        reference_errors=before,
        bent_rings=bent,
        bead_error=off,
        prepare_s=ready - begin,
        frame_s=spent / len(frames),
    )


def like_orders(fit: Fit) -> IntArray:
    """Orders of the heavy atoms that chemistry cannot tell apart, (n_orders, n_heavy).

    The first is the order of ``fit.ensemble.mol``. The branches of a prochiral centre count as
    alike, since a ligand has no rule by which they are named.
    """
    heavy = [a.GetIdx() for a in fit.ensemble.mol.GetAtoms() if a.GetAtomicNum() > 1]
    bare = Chem.RemoveAllHs(fit.ensemble.mol)
    found = bare.GetSubstructMatches(bare, uniquify=False, useChirality=True, maxMatches=20000)
    orders = {tuple(range(len(heavy))): None, **dict.fromkeys(found)}
    return np.array(heavy)[np.array(list(orders))]


def neca(data: Path, n_frames: int) -> Iterator[Row]:
    """NECA in the beads of the HEroBM authors."""
    import MDAnalysis

    from herobm.cli.app import run

    folder = data / "ligands/neca"
    with tempfile.TemporaryDirectory() as there:
        text = (data / "mappings/herobm/neca_neca.amber.yaml").read_text()
        source, target = Path(there, "neca.yaml"), Path(there, "neca.map")
        source.write_text(text.replace("P1B1", "P1B").replace("P3BB1", "P3BB"))
        universe = MDAnalysis.Universe(folder / "neca.gro", folder / "neca.xtc")
        universe.dimensions = None  # the box is smaller than the molecule
        universe.atoms.write(str(Path(there, "neca.pdb")))
        command = ["mapping", "convert", str(source), "--to", "map", "-o", str(target)]
        if run([*command, "--structure", str(Path(there, "neca.pdb"))]) != 0:
            raise SystemExit("the mapping of NECA cannot be converted")
        (mapping,) = load_set([target], "neca").mappings
    names = universe.atoms.names.tolist()
    frames = []
    for number in np.linspace(0, len(universe.trajectory) - 1, n_frames).astype(int).tolist():
        universe.trajectory[number]
        places = universe.atoms.positions.astype(np.float64)
        frames.append(dict(zip(names, places, strict=True)))
    yield measure("NECA", mapping, frames)


def drugs() -> Iterator[Row]:
    """Molecules in one conformer each."""
    for line in DRUGS.splitlines():
        smiles, name = line.split()
        mapping = suggest(read_smiles(smiles), "LIG")
        atoms = conformer(mapping, KNOWN_SEED)
        frame = dict(zip(atoms.names.tolist(), atoms.positions, strict=True))
        yield measure(name, mapping, [frame])


def structures(data: Path, n_frames: int) -> Iterator[Row]:
    """Ligands of simulations, in frames spread in time."""
    for (folder, residue), smiles in STRUCTURES.items():
        path = data / "ligands" / folder / f"{folder}.pdb"
        try:
            placed = place(mol_of_smiles(smiles), read_atoms(path), str(path), residue)
        except HerobmError as error:
            print(f"{residue}: {error.message}")
            continue
        mapping = suggest(placed.ligand, residue)
        with open_trajectory(path, path.with_suffix(".xtc"), f"resname {residue}") as read:
            taken = set(
                np.linspace(0, len(read) - 1, min(n_frames, len(read))).astype(int).tolist()
            )
            atoms = read_atoms(path, f"resname {residue}")
            first = atoms.residue_index == 0
            names = atoms.names[first].tolist()
            frames = [
                dict(zip(names, frame.positions[first], strict=True))
                for number, frame in enumerate(read)
                if number in taken
            ]
        yield measure(residue, mapping, frames)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--part", action="append", choices=("neca", "drugs", "structures"))
    parser.add_argument("--frames", type=int, default=700)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    parts = given.part or ["neca", "drugs", "structures"]
    rows: list[Row] = []
    print(HEAD)
    for part in parts:
        found = {
            "neca": lambda: neca(given.data, given.frames),
            "drugs": drugs,
            "structures": lambda: structures(given.data, given.frames),
        }[part]()
        mine = []
        for row in found:
            print(row, flush=True)
            mine.append(row)
        rows += mine
        if len(mine) > 1:
            errors = [row.rmsd for row in mine]
            print(
                f"{part}: median RMSD {np.median(errors):.3f} Å, 90th percentile "
                f"{np.quantile(errors, 0.9):.3f} Å, stereo errors "
                f"{sum(row.stereo_errors for row in mine)}"
            )
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1))


if __name__ == "__main__":
    run_main(main)

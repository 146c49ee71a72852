"""What remains of the error: by residue, by atom, and how much of it hardly any bead can tell.

::

    python benchmarks/errors.py FOLDER [--model martini3/protein] [--post none] [--limit N]

Squared errors of heavy atoms are added up over all structures. Then: how often groups whose sides
differ by their elements alone (amides, imidazoles) came out the wrong way round, and what the error
would be were they right; how the figures fall as the B-factors of side chains rise, for where these
are high the experiment itself hardly knows; and which atoms clash, in what was rebuilt and in the
structures themselves.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import torch
from runner import run_main
from scipy.spatial import cKDTree

import herobm
from herobm.assembly.models import open_model
from herobm.chem.contacts import clashes
from herobm.chem.naming import best_names, canonical_names, find_naming
from herobm.chem.protein.chi import find_chi
from herobm.errors import StructureError
from herobm.evaluation.metrics import CHI_LIMIT, counted_residues
from herobm.io.find import spread, structure_files
from herobm.pipeline import Rebuilder
from herobm.plan import compile_library
from herobm.plan.bonds import plan_bonds
from herobm.post.chain import resolve
from herobm.system import Topology
from herobm.system.atomistic import AtomLayout
from herobm.types import BoolArray, FloatArray, IntArray

#: Atoms that swap where a group is turned round, which only the surroundings tell from what it is.
TURNED = {
    "ASN": (("OD1", "ND2"),),
    "GLN": (("OE1", "NE2"),),
    "HIS": (("ND1", "CD2"), ("CE1", "NE2")),
}
#: Å, up to which such atoms may be joined by a hydrogen bond.
BONDED = 3.4
BACKBONE = ("N", "CA", "C", "O", "OXT")
#: Parts of equal size into which residues fall by their B-factors.
PARTS = ("lowest quarter", "second", "third", "highest quarter")
#: Names under which residues count that a mapping calls otherwise.
NAMES = {"HID": "HIS", "HIE": "HIS", "HIP": "HIS", "CYX": "CYS", "CYM": "CYS", "ASH": "ASP"}
NAMES |= {"GLH": "GLU", "LYN": "LYS"}


class Vagueness:
    """Figures of residues by the B-factors of their side chains, each against its structure's."""

    def __init__(self) -> None:
        self.rows: list[FloatArray] = []

    def add(
        self,
        atom_residue: IntArray,
        bfactors: FloatArray,
        turns: BoolArray,
        chi: list[FloatArray],
        squares: FloatArray,
        sizes: IntArray,
    ) -> None:
        """Count the residues of a structure whose B-factors differ.

        Parameters
        ----------
        atom_residue : IntArray, shape (n_atoms,)
        bfactors : FloatArray, shape (n_atoms,)
            Å².
        turns : BoolArray, shape (n_atoms,)
            Atoms whose B-factors count: those of side chains beyond CB.
        chi : list of FloatArray, shape (n_residues,)
            Whether chi1 and chi2 are right, NaN where a residue has none.
        squares : FloatArray, shape (n_residues,)
            Å², sums over atoms.
        sizes : IntArray, shape (n_residues,)
        """
        n = np.bincount(atom_residue[turns], minlength=len(sizes))
        rows = np.flatnonzero(n)
        mean = np.bincount(atom_residue[turns], bfactors[turns], len(sizes))[rows] / n[rows]
        if len(mean) and np.ptp(mean) > 0:  # models without any have the same everywhere
            rank = mean.argsort(kind="stable").argsort() / len(mean)
            one, two = (c[rows] for c in chi)
            self.rows += list(np.stack([rank, one, two, squares[rows], sizes[rows]], axis=1))

    def table(self) -> list[str]:
        """Return the lines of a table."""
        if not self.rows:
            return ["No structure tells B-factors."]
        lines = ["| B-factors of the side chain, within its structure | residues | chi1 "]
        lines[0] += "| chi1 and chi2 | heavy atoms, canonical names, Å |"
        lines.append("|-|-|-|-|-|")
        rows = np.array(self.rows)
        part = np.minimum(rows[:, 0] * len(PARTS), len(PARTS) - 1).astype(int)
        for number, name in enumerate(PARTS):
            _, one, two, squares, sizes = rows[part == number].T
            rms = np.sqrt(squares.sum() / sizes.sum()) if len(sizes) else np.nan
            lines.append(
                f"| {name} | {len(one)} | {100 * np.nanmean(one):.1f} % "
                f"| {100 * np.nanmean(one * two):.1f} % | {rms:.3f} |"
            )
        return lines


class Tally:
    """Sums over structures."""

    def __init__(self) -> None:
        self.squares: dict[tuple[str, str], float] = defaultdict(float)
        self.count: Counter[tuple[str, str]] = Counter()
        self.turned: Counter[str] = Counter()
        self.groups: Counter[str] = Counter()
        self.saved: dict[str, float] = defaultdict(float)
        self.told: dict[tuple[str, bool], list[bool]] = defaultdict(list)
        self.named = 0.0
        self.vague = Vagueness()
        self.clashes: dict[str, Counter[str]] = {"rebuilt": Counter(), "reference": Counter()}

    def add(
        self, topology: Topology, reference: FloatArray, made: FloatArray, bfactors: FloatArray
    ) -> None:
        """Count the atoms (n_atoms, 3), Å, of one structure; NaN where the reference has none.

        Their B-factors (n_atoms,) are in Å².
        """
        plan = topology.plan
        counted = counted_residues(plan, reference)[plan.atom_residue]
        naming = find_naming(plan)
        named = best_names(naming, reference, made)
        squares = ((named - made) ** 2).sum(axis=1)
        residues = topology.beads.residues.names[plan.atom_residue]
        index = {}
        for i in np.flatnonzero(counted).tolist():
            residue = NAMES.get(str(residues[i]), str(residues[i]))
            key = residue, str(plan.atom_names[i])
            self.squares[key] += squares[i]
            self.count[key] += 1
            index[int(plan.atom_residue[i]), residue, key[1]] = i
        theirs = best_names(naming, canonical_names(naming, reference), made, decided=False)
        ours = canonical_names(naming, made)
        by_name = ((theirs - ours) ** 2).sum(axis=1)
        self.named += float(by_name[counted].sum())
        chi = [c.within(named, made, CHI_LIMIT) for c in find_chi(plan)[:2]]
        sums = np.bincount(plan.atom_residue, np.where(counted, by_name, 0.0), plan.n_residues)
        sizes = np.bincount(plan.atom_residue, minlength=plan.n_residues)
        turns = ~np.isin(plan.atom_names, (*BACKBONE, "CB"))
        self.vague.add(plan.atom_residue, bfactors, turns & counted, chi, sums, sizes)
        polar = np.isin(plan.elements, ("N", "O")) & np.isfinite(reference).all(axis=1)
        self._turn(index, named, made, (reference[polar], plan.atom_residue[polar]))
        bonds = plan_bonds(plan, topology.links.previous)
        heavy = np.flatnonzero(counted)
        for name, positions in (("rebuilt", made), ("reference", reference)):
            known = np.where(counted[:, None], positions, 1e6)
            for a, b in clashes(known, plan.elements, heavy, bonds).tolist():
                one, two = sorted(
                    "backbone" if plan.atom_names[i] in BACKBONE else "side chain" for i in (a, b)
                )
                kinds = "-".join(sorted((str(plan.elements[a]), str(plan.elements[b]))))
                self.clashes[name][f"{one} and {two}, {kinds}"] += 1

    def _turn(
        self,
        index: dict[tuple[int, str, str], int],
        wanted: FloatArray,
        made: FloatArray,
        polar: tuple[FloatArray, IntArray],
    ) -> None:
        tree = cKDTree(polar[0])
        for number, residue, atom in list(index):
            pairs = TURNED.get(residue, ())
            if not pairs or atom != pairs[0][0]:
                continue
            ab = [(index[number, residue, a], index[number, residue, b]) for a, b in pairs]
            one = [i for pair in ab for i in pair]
            two = [i for pair in ab for i in pair[::-1]]
            as_is = float(((wanted[one] - made[one]) ** 2).sum())
            other = float(((wanted[one] - made[two]) ** 2).sum())
            self.groups[residue] += 1
            self.turned[residue] += other < as_is
            self.saved[residue] += max(as_is - other, 0.0)
            near = np.concatenate(tree.query_ball_point(wanted[one], BONDED)).astype(int)
            bonded = bool((polar[1][near] != number).any())
            self.told[residue, bonded].append(other < as_is)

    def tables(self) -> str:
        """Write all that was added up as Markdown."""
        total, n = sum(self.squares.values()), sum(self.count.values())
        lines = ["| residue | atoms | backbone Å | side chain Å | share of the squared error |"]
        lines.append("|-|-|-|-|-|")
        by_residue: dict[str, float] = defaultdict(float)
        for (residue, _), value in self.squares.items():
            by_residue[residue] += value
        for residue in sorted(by_residue, key=lambda r: -by_residue[r]):
            keys = [k for k in self.count if k[0] == residue]
            parts = [[k for k in keys if (k[1] in BACKBONE) == back] for back in (True, False)]
            rms = [self._rms(p) for p in parts]
            share = 100.0 * by_residue[residue] / total
            atoms = sum(self.count[k] for k in keys)
            lines.append(f"| {residue} | {atoms} | {rms[0]} | {rms[1]} | {share:.1f} % |")
        lines += ["", "| atom | number | Å | share of the squared error |", "|-|-|-|-|"]
        for key in sorted(self.squares, key=lambda k: -self.squares[k])[:20]:
            share = 100.0 * self.squares[key] / total
            lines.append(
                f"| {' '.join(key)} | {self.count[key]} | {self._rms([key])} | {share:.1f} % |"
            )
        lines += ["", "| of the squared error | share | RMSD without it, Å |", "|-|-|-|"]
        for residue in self.saved:
            words = f"{residue}: {self.turned[residue]} of {self.groups[residue]} turned round"
            lines.append(self._line(words, self.saved[residue], total, n))
        lines.append(self._line("all of these", sum(self.saved.values()), total, n))
        for (residue, bonded), cases in sorted(self.told.items()):
            words = "has" if bonded else "has no"
            lines.append(
                f"| {residue} that {words} N or O of another residue within {BONDED} Å: "
                f"{sum(cases)} of {len(cases)} turned round, {100 * np.mean(cases):.0f} % | | |"
            )
        back = sum(v for k, v in self.squares.items() if k[1] in BACKBONE)
        lines.append(self._line("backbone", back, total, n))
        lines += ["", f"All heavy atoms, pooled: {np.sqrt(total / n):.3f} Å; "]
        lines[-1] += f"with canonical names {np.sqrt(self.named / n):.3f} Å."
        lines += [
            "",
            *self.vague.table(),
            "",
            "| clashes per 1000 atoms | rebuilt | reference |",
            "|-|-|-|",
        ]
        rebuilt, reference = self.clashes["rebuilt"], self.clashes["reference"]
        for key, value in [("all", sum(rebuilt.values())), *rebuilt.most_common(12)]:
            other = sum(reference.values()) if key == "all" else reference[key]
            lines.append(f"| {key} | {1e3 * value / n:.3f} | {1e3 * other / n:.3f} |")
        return "\n".join(lines)

    def _rms(self, keys: list[tuple[str, str]]) -> str:
        n = sum(self.count[k] for k in keys)
        return f"{np.sqrt(sum(self.squares[k] for k in keys) / n):.3f}" if n else ""

    def _line(self, words: str, part: float, total: float, n: int) -> str:
        return f"| {words} | {100.0 * part / total:.1f} % | {np.sqrt((total - part) / n):.3f} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="What remains of the error.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="martini3/protein")
    parser.add_argument("--post", default="none", help="steps after rebuilding, as of backmap")
    parser.add_argument("--limit", type=int, help="structures, spread over all")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    registry = herobm.load_registry()
    model = open_model(chosen.model, registry)
    library = compile_library(registry.mapping(model.mapping))
    steps = resolve(None if chosen.post == "default" else chosen.post, registry)
    tally = Tally()
    for file in spread(structure_files([chosen.folder]), chosen.limit):
        try:
            atoms = herobm.read_atoms(file)
            layout = AtomLayout.of(atoms, library, file.name)
        except StructureError as error:
            print(f"left out: {error.message}")
            continue
        topology, reference = layout.topology, layout.place(atoms.positions, atoms.box)
        known = np.zeros(len(atoms.names)) if atoms.bfactors is None else atoms.bfactors
        bfactors = layout.place(np.repeat(known[:, None], 3, axis=1), None)[:, 0]
        made = Rebuilder(topology, [model], steps=steps).rebuild(topology.beads)
        tally.add(topology, reference, made, bfactors)
    print(tally.tables())


if __name__ == "__main__":
    run_main(main)

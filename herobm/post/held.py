"""What a minimisation holds: beads as groups of atoms, chiral centres, backbones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from herobm.chem.geometry import dihedrals
from herobm.chem.protein import ramachandran
from herobm.chem.protein.backbone import omega_atoms, torsion_atoms
from herobm.chem.protein.geometry import bond_angles, references
from herobm.chem.protein.hands import hands
from herobm.chem.stereo import prochiral_centers, stereo_centers, volumes
from herobm.plan.bonds import angles_of, plan_bonds
from herobm.plan.plan import Plan
from herobm.plugins.step_context import StepContext
from herobm.post.bonding import Assembly
from herobm.system import Topology
from herobm.system.coarsen import listed_shares
from herobm.types import BoolArray, FloatArray, IntArray

#: Å from its target and standard deviations of the kind of an angle, beyond which a bead counts as
#: strained.
OFF, UNUSUAL = 0.05, 4.0


@dataclass(frozen=True, eq=False)
class BeadGroups:
    """Beads as weighted means of the atoms that a structure has.

    Attributes
    ----------
    groups : tuple of (atoms, weights)
    targets : FloatArray, shape (n, 3)
        Å, where the beads were; where they are if nothing tells.
    labels : tuple of str
    strained : BoolArray, shape (n,)
        Beads of residues with unusual angles, and those that lie off their targets.
    """

    groups: tuple[tuple[IntArray, FloatArray], ...]
    targets: FloatArray
    labels: tuple[str, ...]
    strained: BoolArray

    def centres(self, positions: FloatArray) -> FloatArray:
        """Centres (n, 3) in Å of atoms at positions (n_atoms, 3)."""
        found = [(positions[a] * w[:, None]).sum(axis=0) / w.sum() for a, w in self.groups]
        return np.array(found).reshape(-1, 3)


def bead_groups(assembly: Assembly, context: StepContext) -> BeadGroups | None:
    """Find the atoms that each bead is the mean of, as `herobm coarsen` would."""
    if context.topology is None:
        return None
    places = assembly.places
    owner = places.residue[assembly.atoms.residue_index]
    bead, weight, atom = listed_shares(context.topology.plan, owner, places.listed)
    counts = weight > 0
    bead, weight, atom = bead[counts], weight[counts], atom[counts]
    order = np.argsort(bead, kind="stable")
    used, starts = np.unique(bead[order], return_index=True)
    groups = tuple(
        zip(np.split(atom[order], starts[1:]), np.split(weight[order], starts[1:]), strict=True)
    )
    if not len(used):
        return None
    labels = context.beads or context.topology.beads
    names = tuple(labels.label(int(b)) for b in used)
    bent = _bent_residues(assembly, context.topology)[context.topology.plan.bead_residue[used]]
    found = BeadGroups(groups, np.zeros((0, 3)), names, bent)
    centres = found.centres(assembly.atoms.positions)
    if context.beads is None:
        return replace(found, targets=centres)
    targets = context.beads.positions[used]
    off = np.linalg.norm(centres - targets, axis=1)
    return replace(found, targets=targets, strained=bent | (off > OFF))


def _bent_residues(assembly: Assembly, topology: Topology) -> BoolArray:
    """Which residues (n_residues,) have an angle beyond `UNUSUAL` standard deviations."""
    plan, row = topology.plan, _rows_of(assembly, topology.plan)
    triples = angles_of(plan_bonds(plan, topology.links.previous), plan.n_atoms)
    triples = triples[(row[triples] >= 0).all(axis=1)]
    mean, spread = references(plan, triples).T
    off = np.abs(bond_angles(assembly.atoms.positions, row[triples]) - mean)
    bent = np.zeros(plan.n_residues, dtype=bool)
    bent[plan.atom_residue[triples[off > UNUSUAL * spread, 1]]] = True
    return bent


def _rows_of(assembly: Assembly, plan: Plan) -> IntArray:
    """Atom of the structure for each of the plan (n_atoms,), -1 for none."""
    row = np.full(plan.n_atoms, -1, dtype=np.int64)
    known = np.flatnonzero(assembly.places.atom >= 0)
    row[assembly.places.atom[known]] = known
    return row


def chiral_centres(
    assembly: Assembly, context: StepContext, rows: IntArray
) -> tuple[IntArray, IntArray]:
    """Find the labelled centres, and those that names alone tell, with all atoms among `rows`.

    Returns
    -------
    centres : IntArray, shape (n, 4)
        The centre and three of its neighbours, numbered as in `rows`.
    signs : IntArray, shape (n,)
        Of the triple product of the vectors from the centre to the three: that of the label, and
        of a centre that names alone tell (CG of LEU) the one that it has.
    """
    tables: list[IntArray] = [np.zeros((0, 4), dtype=np.int64)]
    signs: list[IntArray] = [np.zeros(0, dtype=np.int64)]
    if context.topology is None:
        return tables[0], signs[0]
    plan = context.topology.plan
    of_plan, index = _rows_of(assembly, plan), plan.atom_index()
    for kind, template in enumerate(plan.library):
        residues = np.flatnonzero(plan.template == kind)
        for centres, labelled in ((stereo_centers(template), 1), (prochiral_centers(template), 0)):
            tables.append(index[residues][:, centres.atoms].reshape(-1, 4))
            signs.append(labelled * np.tile(centres.sign, len(residues)))
    found, hands = np.concatenate(tables), np.concatenate(signs)
    there = np.where(found >= 0, of_plan[found], -1)
    kept = np.isin(there, rows).all(axis=1)
    there, hands = there[kept], hands[kept]
    own = np.sign(volumes(assembly.atoms.positions, there)).astype(np.int64)
    return np.searchsorted(rows, there), np.where(hands == 0, own, hands)


@dataclass(frozen=True, eq=False)
class Torsions:
    """Torsion angles of backbones, and what they are to be.

    Attributes
    ----------
    atoms : IntArray, shape (n, 4)
    rest : FloatArray, shape (n,)
        Degrees, -180 to 180.
    """

    atoms: IntArray
    rest: FloatArray

    def among(self, rows: IntArray) -> Torsions:
        """Take those whose atoms are all among `rows`, with the numbers that these have there."""
        inside = np.isin(self.atoms, rows).all(axis=1)
        return Torsions(np.searchsorted(rows, self.atoms[inside]), self.rest[inside])


_NO_TORSIONS = Torsions(np.zeros((0, 4), dtype=np.int64), np.zeros(0))


def peptides(assembly: Assembly, context: StepContext) -> Torsions:
    """Find the peptides: they are to be cis or trans, whichever they are nearer to."""
    if context.topology is None:
        return _NO_TORSIONS
    atoms, _ = _there(assembly, context.topology.plan, omega_atoms(context.topology))
    cis = np.abs(dihedrals(assembly.atoms.positions, atoms)) < 90.0
    return Torsions(atoms, np.where(cis, 0.0, 180.0))


def usual_backbones(assembly: Assembly, context: StepContext) -> Torsions:
    """Find the phi and psi of residues that are no outliers: they are to be what they are."""
    if context.topology is None:
        return _NO_TORSIONS
    topology, plan = context.topology, context.topology.plan
    angles = np.full((plan.n_residues, 2), np.nan)
    quads, owners = [], []
    for column, (beads, quad) in enumerate(torsion_atoms(topology)):
        atoms, whole = _there(assembly, plan, quad)
        owner = plan.bead_residue[beads[whole]]
        angles[owner, column] = dihedrals(assembly.atoms.positions, atoms)
        quads.append(atoms)
        owners.append(owner)
    phi, psi = (angles * hands(plan)[:, None]).T
    names, following = topology.beads.residues.names, topology.links.following
    level = ramachandran.judge(phi, psi, ramachandran.classes_of(names, following))
    usual: BoolArray = np.isin(level, (ramachandran.FAVOURED, ramachandran.ALLOWED))
    rest = np.concatenate([angles[owner, column] for column, owner in enumerate(owners)])
    kept = usual[np.concatenate(owners)]
    return Torsions(np.concatenate(quads)[kept], rest[kept])


def _there(assembly: Assembly, plan: Plan, atoms: IntArray) -> tuple[IntArray, BoolArray]:
    """Numbers of groups of atoms (n, k) of the plan, where all are there, and which groups are."""
    found: IntArray = _rows_of(assembly, plan)[atoms]
    whole: BoolArray = found.min(axis=1) >= 0
    return found[whole], whole


def of_rows(
    beads: BeadGroups, rows: IntArray
) -> list[tuple[IntArray, FloatArray, FloatArray, bool]]:
    """Take the beads whose atoms are all among `rows`, with the numbers that those have there.

    Returns
    -------
    list of (atoms, weights, target, strained)
    """
    new = np.full(1 + max(int(atoms.max()) for atoms, _ in beads.groups), -1, dtype=np.int64)
    inside = rows[rows < len(new)]
    new[inside] = np.arange(len(inside))
    return [
        (new[atoms], weights, target, bool(strained))
        for (atoms, weights), target, strained in zip(
            beads.groups, beads.targets, beads.strained, strict=True
        )
        if new[atoms].min() >= 0
    ]


def remapping(beads: BeadGroups, positions: FloatArray) -> str:
    """Say how far the beads of atoms at positions (n_atoms, 3), Å, are from where they were."""
    away = np.linalg.norm(beads.centres(positions) - beads.targets, axis=1)
    worst = beads.labels[int(away.argmax())]
    return f"re-mapping error {away.mean():.3f} Å mean, {away.max():.3f} Å at most ({worst})"

"""Minimisation of peptides and of a ligand, and what is said where it cannot be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import openmm
import pytest
from scipy.spatial.transform import Rotation

from herobm.chem.geometry import dihedrals
from herobm.chem.stereo import chirality_errors
from herobm.errors import MinimisationError
from herobm.io import read_atoms, write_structure
from herobm.plan import Library
from herobm.plan.bonds import plan_bonds
from herobm.plugins.step_context import StepContext
from herobm.post.bonding import assemble
from herobm.post.forces import energies, hold_torsions, place, sort_terms
from herobm.post.held import bead_groups, usual_backbones
from herobm.post.hydrogens import hydrogens
from herobm.post.minimise import minimise
from herobm.post.systems import parametrised
from herobm.system import build_topology, coarsen
from herobm.system.coarsen import vague_beads
from herobm.types import Atoms, FloatArray, Residues

Peptide = Callable[[str], Atoms]


def known(atoms: Atoms, library: Library, **options: object) -> tuple[StepContext, list[str]]:
    """A context with the beads of a peptide, and the lines that a step reports to it."""
    told: list[str] = []
    topology = build_topology(coarsen(atoms, library), library)
    context = StepContext(
        topology=topology,
        beads=topology.beads,
        options={"platform": "CPU", **options},
        report=told.append,
    )
    return context, told


def total(told: list[str], which: str) -> float:
    return float(next(line for line in told if line.startswith(which)).split()[-1])


def joined(*pieces: Atoms) -> Atoms:
    """Several structures in one."""
    offsets = np.cumsum([0, *(len(p.residues) for p in pieces)])
    columns = [
        np.concatenate([getattr(p.residues, c) for p in pieces])
        for c in ("names", "ids", "icodes", "chains")
    ]
    return Atoms(
        positions=np.concatenate([p.positions for p in pieces]),
        names=np.concatenate([p.names for p in pieces]),
        residue_index=np.concatenate(
            [p.residue_index + o for p, o in zip(pieces, offsets, strict=False)]
        ),
        residues=Residues(*columns),
        elements=np.concatenate([p.elements for p in pieces]),
    )


@pytest.mark.parametrize(
    "forcefield",
    ["amber14", "amber19", pytest.param("charmm36", marks=pytest.mark.slow)],
)
def test_the_energy_falls_and_the_beads_stay(
    peptide: Peptide, martini3: Library, forcefield: str
) -> None:
    atoms = peptide("AKF")
    context, told = known(atoms, martini3, forcefield=forcefield)
    after = minimise(atoms, context)
    assert total(told, "after") < total(told, "before")
    assert f"{forcefield} on CPU, bead centres, phi and psi held" in told
    plan = context.topology.plan
    is_heavy = after.elements != "H"
    assert after.names[is_heavy].tolist() == atoms.names.tolist()
    assert (after.elements == "H").sum() > 20
    moved = after.positions[is_heavy]
    assert not len(chirality_errors(plan, moved))
    assert 0.001 < np.linalg.norm(moved - atoms.positions, axis=1).max() < 1.5  # OXT turns
    away = float(told[-1].split()[2])
    assert away < 0.15


def test_a_bead_out_of_reach_stretches_no_bond(peptide: Peptide, martini3: Library) -> None:
    atoms = peptide("AKF")
    context, told = known(atoms, martini3)
    beads = context.beads
    assert beads is not None
    far = beads.positions.copy()
    far[-1] += 4.0
    after = minimise(atoms, replace(context, beads=replace(beads, positions=far)))
    assert float(told[-1].split()[5]) > 2.0
    topology = context.topology
    assert topology is not None
    bonds = plan_bonds(topology.plan, topology.links.previous)
    moved = after.positions[after.elements != "H"]
    lengths = [np.linalg.norm(p[bonds[:, 0]] - p[bonds[:, 1]], axis=1)
               for p in (atoms.positions, moved)]  # fmt: skip
    assert np.abs(lengths[1] - lengths[0]).max() < 0.15


def test_beads_of_bent_residues_and_those_that_are_off_count_as_strained(
    peptide: Peptide, martini3: Library
) -> None:
    atoms = peptide("AKF")
    context, _ = known(atoms, martini3)
    beads = context.beads
    assert beads is not None
    rest = bead_groups(assemble(atoms, context), context)
    assert rest is not None
    bent = atoms.positions.copy()
    bent[(atoms.residue_index == 2) & (atoms.names == "CB")] += (0.6, 0.0, 0.0)
    found = bead_groups(assemble(replace(atoms, positions=bent), context), context)
    assert found is not None
    rows = np.array([label.endswith("PHE 3 of chain A") for label in found.labels])
    assert found.strained[rows].all()
    assert (found.strained[~rows] == rest.strained[~rows]).all()
    far = beads.positions.copy()
    far[0] += 0.1
    told = replace(context, beads=replace(beads, positions=far))
    moved = bead_groups(assemble(atoms, told), told)
    assert moved is not None
    assert moved.strained[0]


@pytest.mark.parametrize(
    ("rest", "degrees", "energy"),
    [
        (180.0, 180.0, 0.0),
        (180.0, 170.0, 0.0),
        (180.0, 150.0, 34.269),
        (180.0, -150.0, 34.269),
        (0.0, 20.0, 3.808),
        (-170.0, 165.0, 15.231),
    ],
)
def test_torsions_are_held_near_their_rest(rest: float, degrees: float, energy: float) -> None:
    """At 30 degrees from it, 15 beyond what they may be: 500 (15 pi / 180)^2 = 34.269 kJ/mol."""
    turn = np.radians(degrees)
    places = np.array(
        [[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, np.cos(turn), np.sin(turn)]]
    )
    system = openmm.System()
    for _ in places:
        system.addParticle(12.0)
    own = dihedrals(places, np.array([[0, 1, 2, 3]]))
    assert own == pytest.approx([degrees])
    hold_torsions(system, np.array([[0, 1, 2, 3]]), np.array([rest]), 15.0)
    sort_terms(system)
    platform = openmm.Platform.getPlatformByName("Reference")
    simulated = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    place(simulated, places)
    assert energies(simulated)["restraint"] == pytest.approx(energy, abs=2e-3)


def test_phi_and_psi_that_are_no_outliers_are_held(peptide: Peptide, martini3: Library) -> None:
    """ALA 2 to 5 in a helix (-60, -45), then ALA 4 at (0, 120), where no residue is."""
    atoms = peptide("AAAAAA")
    context, _ = known(atoms, martini3)
    shaped = replace(atoms, positions=turned_to(atoms, {3: (0.0, 120.0)}))
    found = usual_backbones(assemble(shaped, context), context)
    names = [" ".join(row) for row in atoms.names[found.atoms].tolist()]
    assert names == ["C N CA C"] * 3 + ["N CA C N"] * 3
    residues = atoms.residue_index[found.atoms[:, 2]]  # CA of phi, C of psi
    assert residues.tolist() == [1, 2, 4] * 2
    assert found.rest == pytest.approx([-60.0] * 3 + [-45.0] * 3)
    some = found.among(np.flatnonzero(atoms.residue_index >= 3))
    assert some.rest == pytest.approx([-60.0, -45.0])
    inside = atoms.subset(atoms.residue_index >= 3)
    assert [" ".join(row) for row in inside.names[some.atoms]] == ["C N CA C", "N CA C N"]


def turned_to(atoms: Atoms, others: dict[int, tuple[float, float]]) -> FloatArray:
    """Positions of a peptide with phi and psi of a helix, or others, from residue 1 on."""
    positions = atoms.positions.astype(np.float64)
    row = {
        (int(r), str(n)): i
        for i, (r, n) in enumerate(zip(atoms.residue_index, atoms.names, strict=True))
    }
    for residue in range(1, len(atoms.residues) - 1):
        phi, psi = others.get(residue, (-60.0, -45.0))
        for quad, wanted in (
            ([(residue - 1, "C"), (residue, "N"), (residue, "CA"), (residue, "C")], phi),
            ([(residue, "N"), (residue, "CA"), (residue, "C"), (residue + 1, "N")], psi),
        ):
            a, b, c, d = (row[key] for key in quad)
            now = dihedrals(positions, np.array([[a, b, c, d]]))[0]
            axis = positions[c] - positions[b]
            turn = Rotation.from_rotvec(np.radians(wanted - now) * axis / np.linalg.norm(axis))
            behind = atoms.residue_index > residue
            if quad[1][1] == "N":  # all of the residue but N turns with C
                behind |= (atoms.residue_index == residue) & (atoms.names != "N")
            else:
                behind |= (atoms.residue_index == residue) & (atoms.names == "O")
            positions[behind] = turn.apply(positions[behind] - positions[b]) + positions[b]
    return positions


def test_a_centre_of_the_wrong_hand_is_turned_back(peptide: Peptide, martini3: Library) -> None:
    """CA of LYS behind the plane of its neighbours, its hydrogen on the wrong side."""
    atoms = peptide("AKF")
    context, told = known(atoms, martini3)
    assert context.topology is not None
    own = atoms.residue_index == 1
    n, ca, c, cb = (int(np.flatnonzero(own & (atoms.names == x))[0]) for x in "N CA C CB".split())
    positions = atoms.positions.copy()
    normal = np.cross(positions[c] - positions[n], positions[cb] - positions[n])
    normal /= np.linalg.norm(normal)
    height = float((positions[ca] - positions[n]) @ normal)
    positions[ca] -= (height + 0.1 * np.sign(height)) * normal
    turned = replace(atoms, positions=positions)
    assert len(chirality_errors(context.topology.plan, positions)) == 1
    after = minimise(turned, context)
    assert not len(chirality_errors(context.topology.plan, after.positions[after.elements != "H"]))
    assert any(
        line.startswith("1 centre(s) had another hand") and "CA of LYS 2 of chain A" in line
        for line in told
    )


def test_frames_share_the_system_and_nothing_else(peptide: Peptide, martini3: Library) -> None:
    atoms = hydrogens(peptide("AKF"), StepContext())
    other = replace(atoms, positions=atoms.positions + 0.02 * np.sin(atoms.positions))
    context, _ = known(peptide("AKF"), martini3)
    kept = replace(context, seed=1).kept
    first = parametrised(assemble(atoms, context), "amber14", context.kept)
    assert parametrised(assemble(other, context), "amber14", kept) is first
    assert parametrised(assemble(other, context), "amber14", {}) is not first
    assert parametrised(assemble(other, context), "amber19", kept) is not first
    alone = minimise(other, context)
    minimise(atoms, context)
    np.testing.assert_allclose(minimise(other, context).positions, alone.positions, atol=1e-3)


@pytest.mark.parametrize("names", [("NA", "CL"), ("SOD", "CLA")])
def test_ions_of_a_file_without_elements_are_known(
    peptide: Peptide, tmp_path: Path, names: tuple[str, str]
) -> None:
    ions = Atoms(
        positions=np.array([[25.0, 0.0, 0.0], [30.0, 0.0, 0.0]]),
        names=np.array(names),
        residue_index=np.arange(2),
        residues=Residues(
            np.array(names), np.array([8, 9]), np.array(["", ""]), np.array(["", ""])
        ),
        elements=np.array(["Na", "Cl"]),
    )
    path = tmp_path / "a.gro"
    write_structure(path, joined(peptide("GS"), ions))
    told: list[str] = []
    after = minimise(read_atoms(path), StepContext(report=told.append))
    assert after.symbols[-2:].tolist() == ["Na", "Cl"]
    assert not any("without a template" in line for line in told)


def test_hydrogens_that_are_there_are_kept(peptide: Peptide) -> None:
    full = hydrogens(peptide("GS"), StepContext())
    after = minimise(full, StepContext())
    assert after.names.tolist() == full.names.tolist()
    assert (after.residue_index == full.residue_index).all()


def test_the_same_input_gives_the_same_output(peptide: Peptide) -> None:
    one, two = (minimise(peptide("AS"), StepContext(options={"platform": "CPU"})) for _ in "12")
    np.testing.assert_allclose(one.positions, two.positions, atol=1e-3)


@pytest.mark.parametrize("restraints", ["heavy", "none"])
def test_restraints_are_a_choice(peptide: Peptide, restraints: str) -> None:
    told: list[str] = []
    atoms = peptide("AVA")
    context = StepContext(options={"restraints": restraints, "tolerance": 10.0}, report=told.append)
    after = minimise(atoms, context)
    moved = after.positions[after.elements != "H"] - atoms.positions
    far = float(np.linalg.norm(moved, axis=1).max())
    assert far < 1.0 if restraints == "heavy" else far > 0.05


def test_a_disulfide_is_bonded(peptide: Peptide, martini3: Library) -> None:
    """Two chains whose sulfur atoms lie at the length of a bond."""
    one = peptide("GCG")
    sulfur = one.positions[one.names == "SG"][0]
    beta = one.positions[one.names == "CB"][0]
    axis = (sulfur - beta) / np.linalg.norm(sulfur - beta)
    middle = sulfur + 1.03 * axis
    residues = replace(one.residues, chains=np.full(3, "B"))
    two = replace(one, positions=2 * middle - one.positions, residues=residues)
    mirrored = two.positions - middle  # put the hands right: mirror through a plane with the axis
    normal = np.cross(axis, [1.0, 0.3, 0.2])
    normal /= np.linalg.norm(normal)
    two = replace(two, positions=middle + mirrored - 2 * (mirrored @ normal)[:, None] * normal)
    after = minimise(joined(one, two), StepContext())
    assert "HG" not in after.names
    pair = after.positions[after.names == "SG"]
    assert 1.9 < float(np.linalg.norm(pair[0] - pair[1])) < 2.2


def test_a_broken_chain_is_minimised_with_either_kind_of_ends(peptide: Peptide) -> None:
    atoms = peptide("AVGSA")
    gap = atoms.subset(atoms.residue_index != 2)
    charged = minimise(gap, StepContext(options={"ends": "charged"}))
    capped = minimise(gap, StepContext(options={"ends": "capped"}))
    assert len(charged.residues) == 4
    assert len(capped.residues) == 6


def test_a_residue_between_two_breaks_gets_a_cap(peptide: Peptide) -> None:
    atoms = peptide("AVGSALA")
    pieces = atoms.subset(~np.isin(atoms.residue_index, [1, 2, 4]))
    after = minimise(pieces, StepContext())
    assert after.residues.names.tolist() == ["ALA", "NME", "SER", "NME", "LEU", "ALA"]


def test_a_residue_without_a_template_is_named(peptide: Peptide) -> None:
    atoms = hydrogens(peptide("AFA"), StepContext())
    lacking = atoms.subset(~((atoms.residue_index == 1) & (atoms.names == "CZ")))
    with pytest.raises(MinimisationError, match="PHE 2 of chain A has no template in amber14"):
        minimise(lacking, StepContext())


def test_a_ligand_is_relaxed_beside_a_protein(
    peptide: Peptide, caffeine: tuple[Atoms, StepContext]
) -> None:
    ligand, context = caffeine
    far = replace(ligand, positions=ligand.positions + 12.0)
    told: list[str] = []
    atoms = joined(peptide("AS"), far)
    after = minimise(atoms, replace(context, beads=None, report=told.append))
    assert any("relaxed by MMFF94, without a template: 1 molecules (CFF)" in t for t in told)
    own = after.subset(after.residue_index == 2)
    assert len(own) == 24
    assert np.linalg.norm(own.positions[:14] - far.positions, axis=1).max() < 0.5


def test_a_ligand_can_be_left_as_it_is(
    peptide: Peptide, caffeine: tuple[Atoms, StepContext]
) -> None:
    ligand, context = caffeine
    far = replace(ligand, positions=ligand.positions + 12.0)
    told: list[str] = []
    context = replace(context, beads=None, report=told.append, options={"unmapped": "leave"})
    after = minimise(joined(peptide("AS"), far), context)
    assert any("left as they were, without a template: 1 molecules (CFF)" in t for t in told)
    np.testing.assert_array_equal(after.positions[after.residue_index == 2][:14], far.positions)


def test_a_ligand_of_unknown_chemistry_is_named(
    peptide: Peptide, caffeine: tuple[Atoms, StepContext]
) -> None:
    atoms = joined(hydrogens(peptide("AS"), StepContext()), caffeine[0])
    with pytest.raises(MinimisationError, match="CFF 900 of chain L has no template"):
        minimise(atoms, StepContext())


@pytest.mark.parametrize(
    "options",
    [
        {"forcefield": "opls"},
        {"platform": "Abacus"},
        {"restraints": "some"},
        {"tolerance": -1.0},
        {"ends": "frayed"},
    ],
)
def test_choices_that_do_not_exist_are_refused(
    peptide: Peptide, options: dict[str, object]
) -> None:
    with pytest.raises(MinimisationError):
        minimise(peptide("GG"), StepContext(options=options))


@pytest.mark.slow
@pytest.mark.shared_data
def test_a_minimised_protein_runs_five_picoseconds(shared_data: Path, martini3: Library) -> None:
    """Trp-cage from its beads: backmapped, minimised, 5 ps at 300 K."""
    import openmm
    from openmm import app, unit

    import herobm
    from herobm.post.bonding import assemble

    file = shared_data / "cg/martinize2_outputs/mini-protein3_trp-cage_aa.pdb"
    beads = coarsen(herobm.read_atoms(file), martini3)
    atoms = herobm.backmap(beads, mapping="martini3", post="hydrogens,minimise").atoms
    topology = assemble(atoms, StepContext()).topology
    system = app.ForceField("amber14-all.xml").createSystem(topology, nonbondedMethod=app.NoCutoff)
    walk = openmm.LangevinMiddleIntegrator(300 * unit.kelvin, 5 / unit.picosecond, 0.001)
    platform = openmm.Platform.getPlatformByName("CPU")
    context = openmm.Context(system, walk, platform, {"Threads": "1"})
    context.setPositions(atoms.positions / 10)
    context.setVelocitiesToTemperature(300, 1)
    walk.step(5000)
    state = context.getState(getEnergy=True, getPositions=True)
    end = state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)
    moved = np.sqrt(((end - atoms.positions) ** 2).sum(axis=1).mean())
    kinetic = state.getKineticEnergy() / unit.kilojoule_per_mole
    kelvin = 2 * kinetic / ((3 * len(atoms) - 3) * 0.0083144626)
    assert moved < 5.0
    assert 240 < kelvin < 360


def test_beads_that_count_hydrogens_are_where_these_put_them(
    caffeine: tuple[Atoms, StepContext],
) -> None:
    """A force field may know a molecule whose mapping counts hydrogens, lipids for one."""
    atoms, context = caffeine
    full = hydrogens(atoms, context)
    library = context.topology.plan.library
    topology = build_topology(coarsen(full, library), library)
    whole = replace(context, topology=topology, beads=topology.beads)
    assert vague_beads(topology.plan).any()
    found = bead_groups(assemble(full, whole), whole)
    np.testing.assert_allclose(found.centres(full.positions), topology.beads.positions, atol=1e-6)


def test_nothing_is_said_to_be_held_where_no_beads_are_known(peptide: Peptide) -> None:
    told: list[str] = []
    minimise(peptide("GG"), StepContext(report=told.append, options={"tolerance": 5000.0}))
    assert "nothing held, since no mapping tells the beads" in told[1]


def test_an_atom_that_the_mapping_of_a_ligand_lacks_is_named(
    caffeine: tuple[Atoms, StepContext],
) -> None:
    full = hydrogens(*caffeine)
    names = full.names.astype("<U4")
    names[names == "H8"] = "CX"
    elements = np.where(names == "CX", "C", full.symbols)
    strange = replace(full, names=names, elements=elements)
    with pytest.raises(MinimisationError, match="CX of CFF 900 of chain L has no place"):
        minimise(strange, caffeine[1])


def test_bare_water_beside_a_protein_with_hydrogens_gets_its_own(peptide: Peptide) -> None:
    residues = Residues(np.array(["HOH"]), np.array([301]), np.array([""]), np.array(["W"]))
    water = Atoms(
        np.full((1, 3), 30.0), np.array(["O"]), np.zeros(1, dtype=np.int64), residues,
        elements=np.array(["O"]),
    )  # fmt: skip
    full = hydrogens(peptide("GG"), StepContext())
    after = minimise(joined(full, water), StepContext(options={"tolerance": 5000.0}))
    assert len(after) == len(full) + 3

"""The model that needs no training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from herobm.dsl import load_set
from herobm.errors import DslCheckError
from herobm.plan import compile_library, compile_plan
from herobm.system import Topology, build_topology
from herobm.testing import ModelSuite
from herobm.types import Beads, FloatArray, Residues
from herobm_custom_ligand.conformers import Conformers

#: (2R)-1-{4-[(Z)-prop-1-enyl]phenyl}propan-2-ol: a hand, a double bond and a ring.
CHIRAL = """\
molecule: CHI
weights: equal
atoms:
  C1:  A  P1A
  C2:  A  P2AA
  O1:  A  P3AA
  C3:  B  P1A
  C4:  B  P2AA
  C5:  B  P3AA
  C6:  C  P1A
  C7:  C  P2AA
  C8:  D  P1A
  C9:  D  P2AA
  C10: E  P1A
  C11: E  P2AA
  C12: E  P3AA
bonds:
  C1-C2, C2-O1, C2-C3, C3-C4, C4:C5, C5:C6, C6:C7, C7:C8, C8:C9, C9:C4, C7-C10, C10=C11, C11-C12
stereo:
  C2: R
  C10=C11: Z
"""


class TestConformers(ModelSuite):
    """The model ``custom_ligand/conformers`` on caffeine."""

    model = "custom_ligand/conformers"
    mapping = "custom_ligand/caffeine"
    structure = Path(__file__).parent / "caffeine.pdb"
    reach = 0.0


def topology_of(text: str, tmp_path: Path, positions: FloatArray) -> Topology:
    """One molecule with its beads at positions (n_beads, 3)."""
    path = tmp_path / "one.map"
    path.write_text(text)
    library = compile_library(load_set([path], "one"))
    (template,) = library.templates
    beads = Beads(
        positions=positions,
        names=np.array(template.beads),
        residue_index=np.zeros(len(template.beads), dtype=np.int64),
        residues=Residues(
            np.array([template.name]), np.array([1]), np.array([""]), np.array(["A"])
        ),
    )
    return build_topology(beads, library)


def test_hands_double_bonds_and_rings_are_right_whatever_the_beads(tmp_path: Path) -> None:
    from herobm.chem.planarity import bent_rings, flat_rings
    from herobm.chem.stereo import chirality_errors, count_double_bonds, double_bond_errors

    random = np.random.default_rng(3)
    model = Conformers(12)
    start = np.array([[0.0, 0, 0], [2.9, 1, 0], [5.0, 1, 1], [4.9, -1, 1], [8, 0, 1]])
    for scale in (0.0, 0.5, 1.5):
        topology = topology_of(CHIRAL, tmp_path, start + scale * random.normal(size=(5, 3)))
        plan = topology.plan
        assert len(flat_rings(plan.library.templates[0])) == 1
        placed = model.rebuild(topology, topology.beads)
        assert count_double_bonds(plan, placed) == 1
        assert len(chirality_errors(plan, placed)) == 0
        assert len(double_bond_errors(plan, placed)) == 0
        assert len(bent_rings(plan, placed)) == 0


def test_beads_of_a_conformer_give_it_back(tmp_path: Path) -> None:
    from herobm.chem.conformers.conformer import conformer
    from herobm.system.coarsen import coarsen_plan

    path = tmp_path / "one.map"
    path.write_text(CHIRAL)
    library = compile_library(load_set([path], "one"))
    plan = compile_plan(library, np.zeros(1, dtype=np.int64))
    known = conformer(library.templates[0].mapping, seed=99).positions
    topology = topology_of(CHIRAL, tmp_path, coarsen_plan(plan, known))
    placed = Conformers().rebuild(topology, topology.beads)
    away = np.linalg.norm(coarsen_plan(plan, placed) - topology.beads.positions, axis=1)
    assert away.max() < 0.05
    assert np.sqrt(((placed - known) ** 2).sum(axis=1).mean()) < 0.3


@pytest.mark.parametrize("beads", ["A", "A A B"])
def test_one_or_two_beads_give_a_sound_molecule(tmp_path: Path, beads: str) -> None:
    of = (beads.split() * 3)[:3]
    text = (
        f"molecule: PRO\natoms:\n  C1: {of[0]} P1A\n  C2: {of[1]} P2AA\n  O1: {of[2]} P1B\n"
        "bonds:\n  C1-C2, C2-O1\n"
    )
    text = text.replace("O1: B P1B", "O1: B P1A").replace("O1: A P1B", "O1: A P2AB")
    positions = np.array([[1.0, 2.0, 3.0], [2.8, 2.0, 3.0]])[: len(set(of))]
    topology = topology_of(text, tmp_path, positions)
    placed = Conformers(4).rebuild(topology, topology.beads)
    lengths = np.linalg.norm(placed[1:] - placed[:-1], axis=1)
    assert lengths == pytest.approx([1.52, 1.42], abs=0.05)
    again = Conformers(4).rebuild(topology, topology.beads)
    np.testing.assert_array_equal(placed, again)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("C11-C12", "C11-C12, C12-+C1"), "it is bonded to other residues"),
        (("bonds:", "angles:\n#"), "its mapping has no bonds"),
        ((", C7-C10", ""), "no bond of its mapping joins C10, C11, C12 to the other atoms"),
    ],
)
def test_what_it_cannot_rebuild_it_refuses(
    tmp_path: Path, change: tuple[str, str], why: str
) -> None:
    text = CHIRAL.replace(*change)
    if change[0] == "bonds:":
        text = CHIRAL.partition("bonds:")[0]
    path = tmp_path / "one.map"
    path.write_text(text)
    (template,) = compile_library(load_set([path], "one")).templates
    assert why in Conformers().refuses(template)


def test_a_molecule_that_cannot_be_is_named(tmp_path: Path) -> None:
    topology = topology_of(CHIRAL.replace("C1-C2", "C1#C2"), tmp_path, np.zeros((5, 3)))
    with pytest.raises(DslCheckError, match=r"one\.map: RDKit does not accept the bonds"):
        Conformers(2).rebuild(topology, topology.beads)

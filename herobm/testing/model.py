"""What a model has to fulfil, be it a network of herobm, another one, or none at all."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from herobm.dsl.model import MappedAtom, Mapping
from herobm.errors import MappingMismatchError
from herobm.plan import Library, compile_library, compile_plan
from herobm.plugins import ModelSpec, Reconstructor, Registry
from herobm.system import Topology, build_topology
from herobm.testing.given import Given, given, installed, library_of, sound, together, turned
from herobm.types import Beads, FloatArray


class ModelSuite:
    """Tests of a model: what it places must follow from the beads, and from nothing else.

    Attributes
    ----------
    model : str
        Full name of the model, ``plugin/name``.
    mapping : str
        The mapping set that the tests use, for a model of any mapping; else that of its record.
    structure : Path
        With atoms of residues that the model knows; no periodic box is looked at.
    reach : float or None
        Å, how far a model sees beads of other molecules; None for one that sees the whole system.
    oriented : bool
        Whether the beads of the structure tell how every residue is turned. If not (one or two
        beads, and nothing near), atoms need only keep their distances to the beads.
    tolerance : float
        Å, within which positions count as the same.
    """

    model: ClassVar[str]
    mapping: ClassVar[str] = ""
    structure: ClassVar[Path]
    reach: ClassVar[float | None] = None
    oriented: ClassVar[bool] = True
    tolerance: ClassVar[float] = 2e-3

    def registry(self) -> Registry:
        """Return the installed plug-ins."""
        return installed()

    def spec(self) -> ModelSpec:
        """Return the record of the model, with full names."""
        return self.registry().model(self.model)

    def library(self) -> Library:
        """Compile the mapping set of the model."""
        return library_of(self.registry(), self._mapping())

    def _mapping(self) -> str:
        return self.mapping or self.spec().mapping

    def given(self) -> Given:
        """Return the structure as the mapping set sees it."""
        return given(self.structure, self.registry(), self._mapping(), periodic=False)

    def reconstructor(self, device: str = "cpu") -> Reconstructor:
        """Load the model."""
        spec = self.spec()
        if spec.load is not None:
            return spec.load(device)
        assert spec.weights is not None, f"{self.model} has neither weights nor load"
        from herobm.testing.network import NetworkReconstructor

        return NetworkReconstructor(spec.weights, device)

    def rebuild(self, beads: Beads, device: str = "cpu") -> tuple[Topology, FloatArray]:
        """Place the atoms of beads in any order, by the model loaded anew."""
        topology = build_topology(beads, self.library())
        return topology, self.reconstructor(device).rebuild(topology, topology.beads)

    def test_the_model_is_registered(self) -> None:
        """Its plug-in works, its mapping is there, and it has a line that describes it."""
        registry = self.registry()
        sound(registry, self.model)
        assert self.spec().name == self.model
        assert self.spec().description
        assert registry.mapping(self._mapping()).mappings
        assert isinstance(self.reconstructor(), Reconstructor)

    def test_every_atom_is_placed(self) -> None:
        """One finite position for each atom of the plan."""
        topology, placed = self.rebuild(self.given().beads)
        assert isinstance(placed, np.ndarray)
        assert placed.shape == (topology.plan.n_atoms, 3)
        assert np.isfinite(placed).all()

    def test_the_beads_are_not_changed(self) -> None:
        """What the model is given stays as it is."""
        topology = build_topology(self.given().beads, self.library())
        before = topology.beads.positions.copy()
        self.reconstructor().rebuild(topology, topology.beads)
        np.testing.assert_array_equal(topology.beads.positions, before)

    def test_atoms_turn_and_move_with_the_beads(self) -> None:
        """Rotated and shifted beads give the same atoms, rotated and shifted."""
        beads = self.given().beads
        topology, placed = self.rebuild(beads)
        shift = np.array([11.0, -7.0, 3.0])
        moved, rotation = turned(beads.positions)
        there, others = self.rebuild(beads.with_positions(moved + shift))
        if self.oriented:
            np.testing.assert_allclose(others, placed @ rotation.T + shift, atol=self.tolerance)
        else:
            np.testing.assert_allclose(
                _to_first_bead(there, others), _to_first_bead(topology, placed), atol=self.tolerance
            )

    def test_the_order_of_beads_in_the_file_is_nothing_to_it(self) -> None:
        """Beads of a residue in another order give the same atoms."""
        beads = self.given().beads
        _, placed = self.rebuild(beads)
        random = np.random.default_rng(1).random(len(beads))
        order = np.lexsort((random, beads.residue_index))
        shuffled = Beads(
            beads.positions[order], beads.names[order], beads.residue_index, beads.residues
        )
        np.testing.assert_allclose(self.rebuild(shuffled)[1], placed, atol=self.tolerance)

    def test_the_order_of_molecules_is_nothing_to_it(self) -> None:
        """Two copies of the structure, side by side, one first or the other."""
        beads = self.given().beads
        other = beads.with_positions(_beside(beads, 4.0))
        _, one = self.rebuild(together(beads, other))
        _, two = self.rebuild(together(other, beads))
        half = len(one) // 2
        swapped = np.concatenate([two[half:], two[:half]])
        np.testing.assert_allclose(swapped, one, atol=self.tolerance)

    def test_what_is_far_changes_nothing(self) -> None:
        """A second molecule beyond the reach of the model may be anywhere."""
        if self.reach is None:
            pytest.skip("the model sees the whole system")
        beads = self.given().beads
        near = together(beads, beads.with_positions(_beside(beads, self.reach + 1.0)))
        far = together(beads, beads.with_positions(_beside(beads, self.reach + 17.0)))
        _, one = self.rebuild(near)
        _, two = self.rebuild(far)
        half = len(one) // 2
        np.testing.assert_allclose(two[:half], one[:half], atol=self.tolerance)

    def test_the_same_beads_give_the_same_atoms(self) -> None:
        """To the last digit, in the model loaded twice and used twice."""
        beads = self.given().beads
        topology, placed = self.rebuild(beads)
        np.testing.assert_array_equal(self.rebuild(beads)[1], placed)
        model = self.reconstructor()
        model.rebuild(topology, topology.beads.with_positions(topology.beads.positions[::-1]))
        np.testing.assert_array_equal(model.rebuild(topology, topology.beads), placed)

    def test_the_device_is_nothing_to_it(self) -> None:
        """CUDA gives what the processor gives, where there is CUDA."""
        torch = pytest.importorskip("torch")
        if not torch.cuda.is_available():
            pytest.skip("there is no CUDA device here")
        beads = self.given().beads
        placed = self.rebuild(beads, "cuda")[1]
        np.testing.assert_allclose(placed, self.rebuild(beads)[1], atol=10 * self.tolerance)

    def test_no_beads_give_no_atoms(self) -> None:
        """An empty system is no error."""
        _, placed = self._alone(np.zeros(0, dtype=np.int64))
        assert placed.shape == (0, 3)

    def test_a_residue_alone_is_rebuilt(self) -> None:
        """Every residue kind of the mapping that the structure has, with nothing around it."""
        template = self.given().plan.template
        for kind in np.unique(template).tolist():
            topology, placed = self._alone(np.array([np.flatnonzero(template == kind)[0]]))
            assert placed.shape == (topology.plan.n_atoms, 3)
            assert np.isfinite(placed).all()

    def test_weights_are_for_this_mapping_and_no_other(self) -> None:
        """Weights know the residues of the structure, and refuse a mapping that is changed."""
        spec = self.spec()
        if spec.weights is None:
            pytest.skip("the model has no weights file")
        from herobm.weights.file import load_weights

        vocabulary = load_weights(spec.weights).header.vocabulary
        plan = self.given().plan
        assert len(vocabulary.types(plan)) == plan.n_beads
        mappings = self.registry().mapping(spec.mapping)
        changed = mappings.model_copy(
            update={"mappings": tuple(_reversed(mapping) for mapping in mappings)}
        )
        library = compile_library(changed)
        other = compile_plan(library, np.arange(len(library.templates)))
        with pytest.raises(MappingMismatchError):
            vocabulary.types(other)

    def _alone(self, residues: np.ndarray) -> tuple[Topology, FloatArray]:
        """Place the atoms of some residues of the structure, without the others."""
        from herobm.system.part import part_of

        whole = self.given().topology
        kept = np.zeros(whole.plan.n_residues, dtype=bool)
        kept[residues] = True
        topology = part_of(whole, kept).topology
        return topology, self.reconstructor().rebuild(topology, topology.beads)


def _beside(beads: Beads, gap: float) -> FloatArray:
    """Positions (n, 3) of the beads moved along x, `gap` Å from where they were."""
    width = np.ptp(beads.positions[:, 0])
    moved: FloatArray = beads.positions + np.array([width + gap, 0.0, 0.0])
    return moved


def _to_first_bead(topology: Topology, placed: FloatArray) -> FloatArray:
    """Distance of each atom to the first bead of its residue, shape (n_atoms,), Å."""
    plan = topology.plan
    first = topology.beads.positions[plan.bead_start[plan.atom_residue]]
    return np.asarray(np.linalg.norm(placed - first, axis=1))


def _reversed(mapping: Mapping) -> Mapping:
    """Return the mapping with its atoms under other names: another mapping to a network."""

    def renamed(atom: MappedAtom) -> MappedAtom:
        return atom.model_copy(update={"names": (f"{atom.name}Q", *atom.names[1:])})

    return mapping.model_copy(
        update={
            "atoms": tuple(map(renamed, mapping.atoms)),
            "bonds": (),
            "stereo": (),
            "angles": (),
        }
    )

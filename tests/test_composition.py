"""Several mappings and models in one run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from herobm.cli.app import run as run_command
from herobm.errors import (
    MappingMismatchError,
    ModelError,
    PluginContractError,
    PluginError,
    UnmappedResidueError,
)
from herobm.io import (
    TrajectoryWriter,
    open_trajectory,
    read_atoms,
    read_beads,
    write_structure,
)
from herobm.nn.config import ModelConfig
from herobm.pipeline import Result, backmap, prepare
from herobm.plan import compile_library
from herobm.plugins import ANY_MAPPING, MappingSpec, ModelSpec, load_registry
from herobm.plugins.registry import Plugin, PluginSource, Registry
from herobm.system import Topology, coarsen
from herobm.system.part import part_of
from herobm.train.config import TrainConfig
from herobm.train.dataset import write_dataset
from herobm.train.loop import train
from herobm.types import Atoms, Beads, FloatArray, Residues

ROOT = Path(__file__).resolve().parent.parent
CFF_MAP = ROOT / "plugins/custom_ligand/src/herobm_custom_ligand/maps/cff.map"
SMILES = "CN1C=NC2=C1C(=O)N(C(=O)N2C)C"
#: Names of cff.map in the order of the SMILES.
NAMES = "C14 N7 C8 N9 C4 C5 C6 O13 N1 C2 O11 N3 C12 C10".split()
LIPID = """\
molecule: OCT
atoms:
  C1:  T1  P1A
  C2:  T1  P2AA
  C3:  T1  P2AB
  C4:  T1  P3BA
  C5:  T2  P1A
  C6:  T2  P2AA
  C7:  T2  P2AB
  C8:  T2  P3BA
bonds:
  C1-C2, C1-C3, C3-C4, C4-C6, C6-C5, C5-C7, C7-C8
"""


def caffeine_atoms(seed: int) -> Atoms:
    """Heavy atoms of caffeine in a conformation, by RDKit."""
    from rdkit import Chem
    from rdkit.Chem import AllChem

    mol = Chem.AddHs(Chem.MolFromSmiles(SMILES))
    assert AllChem.EmbedMolecule(mol, randomSeed=seed) == 0
    return Atoms(
        positions=mol.GetConformer().GetPositions()[: len(NAMES)],
        names=np.array(NAMES),
        residue_index=np.zeros(len(NAMES), dtype=np.int64),
        residues=residue("CFF", 1, "L"),
        elements=np.array([name[0] for name in NAMES]),
    )


def residue(name: str, number: int, chain: str) -> Residues:
    return Residues(np.array([name]), np.array([number]), np.array([""]), np.array([chain]))


def joined(*parts: Beads) -> Beads:
    """Beads one after the other."""
    starts = np.cumsum([0, *(len(part.residues) for part in parts)])
    columns = ("names", "ids", "icodes", "chains")
    return Beads(
        positions=np.concatenate([part.positions for part in parts]),
        names=np.concatenate([part.names for part in parts]),
        residue_index=np.concatenate(
            [part.residue_index + start for part, start in zip(parts, starts, strict=False)]
        ),
        residues=Residues(
            *(np.concatenate([getattr(part.residues, name) for part in parts]) for name in columns)
        ),
    )


@pytest.fixture(scope="module")
def protein() -> Beads:
    return read_beads(ROOT / "examples/1ubq/cg.pdb")


@pytest.fixture(scope="module")
def caffeine(protein: Beads) -> Beads:
    """One caffeine, near the protein."""
    library = compile_library(load_registry().mapping(CFF_MAP))
    beads = coarsen(caffeine_atoms(5), library)
    return beads.with_positions(beads.positions + protein.positions.max(axis=0) * [1, 0, 0])


@pytest.fixture(scope="module")
def lipid(protein: Beads) -> Beads:
    """A molecule of two beads, near the protein."""
    corner = protein.positions.min(axis=0)
    return Beads(
        positions=corner + np.array([[0.0, 0.0, 0.0], [3.0, 3.0, 0.0]]),
        names=np.array(["T1", "T2"]),
        residue_index=np.zeros(2, dtype=np.int64),
        residues=residue("OCT", 1, "M"),
    )


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights for caffeine, hardly trained."""
    folder = tmp_path_factory.mktemp("caffeine")
    mappings = load_registry().mapping(CFF_MAP)
    structures = [(f"cff{seed}", caffeine_atoms(seed)) for seed in range(1, 7)]
    write_dataset(folder / "cff.safetensors", structures, mappings)
    config = TrainConfig(
        train=folder / "cff.safetensors",
        valid=folder / "cff.safetensors",
        output=folder / "run",
        model=ModelConfig(n_channels=4, l_max=1, n_radial=4, hidden=16, readout=8, n_blocks=1),
        epochs=2,
        segment=2,
        batch=2,
        warm_up=1,
    )
    path = train(config)
    assert path is not None
    return path


class Lattice:
    """Puts atoms on a line through their bead; no network."""

    def rebuild(self, topology: Topology, beads: Beads) -> FloatArray:
        plan = topology.plan
        assert len(beads) == plan.n_beads
        steps = np.arange(plan.n_atoms)[:, None] * np.array([1.0, 0.0, 0.0])
        return beads.positions[plan.bead_start[plan.atom_residue]] + steps


def with_lipids(tmp_path: Path, rebuilds: object) -> Registry:
    """Return the plug-ins of this installation and one more, which rebuilds OCT by itself."""
    path = tmp_path / "oct.map"
    path.write_text(LIPID)
    plugin = Plugin(
        PluginSource("oils", "oils"),
        (MappingSpec("octane", (path,)),),
        (ModelSpec("line", "octane", load=lambda device: rebuilds),),
    )
    return Registry((*load_registry().plugins, plugin))


def part(result: Result, name: str) -> FloatArray:
    """Atoms of the residues of a name."""
    atoms = result.atoms
    return atoms.positions[(atoms.residues.names == name)[atoms.residue_index]]


def of_protein(result: Result, n_atoms: int = 602) -> FloatArray:
    return result.atoms.positions[:n_atoms]


@pytest.mark.parametrize("post", ["none", None])
def test_three_packs_in_one_run(
    protein: Beads, caffeine: Beads, lipid: Beads, weights: Path, tmp_path: Path, post: str | None
) -> None:
    registry = with_lipids(tmp_path, Lattice())
    result = backmap(
        joined(protein, caffeine, lipid),
        mapping=["martini3", "octane", CFF_MAP],
        model=["martini3", "oils/line", weights],
        post=post,
        registry=registry,
    )
    assert len(result.atoms) == 602 + 14 + 8
    assert np.isfinite(result.atoms.positions).all()
    told = [(c.mapping, c.model, c.n_residues, c.n_atoms) for c in result.summary.contributions]
    assert told == [
        ("martini3/protein", "martini3/protein", 76, 602),
        ("cff", "weights", 1, 14),
        ("oils/octane", "oils/line", 1, 8),
    ]
    table = [line.split() for line in str(result.summary).splitlines()[1:5]]
    assert table[0] == ["mapping", "model", "residues", "atoms"]
    assert table[2] == ["cff", "weights", "1", "14"]
    if post == "none":
        assert part(result, "OCT")[:, 0] == pytest.approx(lipid.positions[0, 0] + np.arange(8.0))
        alone = backmap(caffeine, mapping=CFF_MAP, model=weights, post="none")
        assert np.array_equal(part(result, "CFF"), alone.atoms.positions)


def test_a_ligand_is_written_with_its_bonds(
    protein: Beads, caffeine: Beads, weights: Path, tmp_path: Path
) -> None:
    both = joined(protein, caffeine)
    result = backmap(both, mapping=["martini3", CFF_MAP], model=["martini3", weights], post="none")
    result.write(tmp_path / "both.pdb")
    lines = (tmp_path / "both.pdb").read_text().splitlines()
    hetero = [line for line in lines if line.startswith("HETATM")]
    assert [line[17:20] for line in hetero] == ["CFF"] * 14
    names = {line[6:11].strip(): line[12:16].strip() for line in hetero}
    joined_to = [line.split()[1:] for line in lines if line.startswith("CONECT")]
    bonds = {frozenset((names[one], names[two])) for one, *rest in joined_to for two in rest}
    library = compile_library(load_registry().mapping(CFF_MAP))
    template = library.templates[0]
    told = {frozenset(template.atoms[i] for i in pair) for pair in template.bonds.tolist()}
    assert bonds == told
    assert len(told) == 15


@pytest.mark.parametrize("post", ["none", None])
def test_a_protein_does_not_feel_what_its_model_does_not_know(
    protein: Beads, caffeine: Beads, lipid: Beads, weights: Path, tmp_path: Path, post: str | None
) -> None:
    registry = with_lipids(tmp_path, Lattice())
    alone = backmap(protein, mapping="martini3", post=post, registry=registry)
    among = backmap(joined(protein, caffeine, lipid), model=[weights], post=post, registry=registry)
    same = 0.0 if post == "none" else 1e-4  # Å; steps may solve for all atoms at once
    assert np.abs(of_protein(among) - of_protein(alone)).max() <= same
    first = backmap(joined(lipid, caffeine, protein), model=[weights], post=post, registry=registry)
    assert np.abs(first.atoms.positions[-602:] - of_protein(alone)).max() <= same


def test_a_model_of_a_plug_in_sees_the_box_of_each_frame(lipid: Beads, tmp_path: Path) -> None:
    seen: list[FloatArray | None] = []

    class Watching(Lattice):
        def rebuild(self, topology: Topology, beads: Beads) -> FloatArray:
            seen.append(beads.box)
            return super().rebuild(topology, beads)

    boxes = [np.array([edge, edge, edge, 90.0, 90.0, 90.0]) for edge in (50.0, 60.0)]
    frames = [lipid.with_frame(lipid.positions, box) for box in (*boxes, None)]
    registry = with_lipids(tmp_path, Watching())
    ready = prepare(frames[0], mapping="octane", model="oils/line", post="none", registry=registry)
    for frame in frames:
        ready.rebuild(frame)
    assert [None if box is None else box[0] for box in seen] == [50.0, 60.0, None]


def test_packs_are_found_by_their_residues(
    protein: Beads, lipid: Beads, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry = with_lipids(tmp_path, Lattice())
    with caplog.at_level(logging.INFO, "herobm"):
        result = backmap(joined(protein, lipid), registry=registry, post="none")
    assert len(result.atoms) == 602 + 8
    assert "mapping: martini3/protein (its beads fit 76 of 77 residues)" in caplog.text
    assert "oils/octane, too (its beads fit 1 of the 1 residues left)" in caplog.text


def test_the_later_mapping_wins_and_says_so(
    protein: Beads, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = ROOT / "plugins/martini3/src/herobm_martini3/mappings/protein"
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("gly.map", "cter.map", "nter.map"):
        (mine / name).write_text((folder / name).read_text())
    with caplog.at_level(logging.INFO, "herobm"):
        result = backmap(protein, mapping=["martini3", mine], post="none")
    assert "GLY: mapping 'mine' is taken, for it is named after 'martini3/protein'" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO, "herobm"):
        other = backmap(protein, mapping=[mine, "martini3"], post="none")
    assert "GLY: mapping 'martini3/protein' is taken, for it is named after 'mine'" in caplog.text
    assert [c.mapping for c in other.summary.contributions] == ["martini3/protein"]
    assert {c.mapping for c in result.summary.contributions} == {"martini3/protein", "mine"}


def test_the_later_model_wins_and_says_so(
    caffeine: Beads, weights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(weights.read_bytes())
    with caplog.at_level(logging.INFO, "herobm"):
        result = backmap(caffeine, mapping=CFF_MAP, model=[weights, copy], post="none")
    assert [c.model for c in result.summary.contributions] == ["copy"]
    assert "CFF: model 'copy' is taken, for it is named after 'weights'" in caplog.text
    with caplog.at_level(logging.INFO, "herobm"):
        backmap(caffeine, mapping=CFF_MAP, model=["martini3", weights], post="none")
    assert "model 'martini3/protein' rebuilds no residue of the structure" in caplog.text
    again = tmp_path / "other" / weights.name
    again.parent.mkdir()
    again.write_bytes(weights.read_bytes())
    result = backmap(caffeine, mapping=CFF_MAP, model=[weights, again], post="none")
    assert [c.model for c in result.summary.contributions] == [str(again)]  # not 'weights', twice


def trained_only() -> Registry:
    """Return the plug-ins of this installation without the model for any mapping."""
    plugins = load_registry().plugins
    return Registry(
        replace(p, models=tuple(m for m in p.models if m.mapping != ANY_MAPPING)) for p in plugins
    )


def test_residues_without_weights_are_rebuilt_without_training(
    protein: Beads, caffeine: Beads, caplog: pytest.LogCaptureFixture
) -> None:
    both = joined(protein, caffeine)
    with caplog.at_level(logging.INFO, "herobm"):
        result = backmap(both)
    assert "CFF: rebuilt by 'custom_ligand/conformers', without training" in caplog.text
    told = [(c.mapping, c.model, c.untrained) for c in result.summary.contributions]
    assert told == [
        ("martini3/protein", "martini3/protein", ()),
        ("custom_ligand/caffeine", "custom_ligand/conformers", ("CFF",)),
    ]
    said = str(result.summary)
    assert "without training  CFF (1 residue(s), by custom_ligand/conformers)" in said
    assert "chirality errors  0" in said
    assert any(line.startswith("bent rings        0 of") for line in said.splitlines())
    alone = backmap(protein)
    assert np.abs(of_protein(result) - of_protein(alone)).max() <= 1e-4


def test_weights_come_before_the_model_for_any_mapping(caffeine: Beads, weights: Path) -> None:
    result = backmap(caffeine, mapping=CFF_MAP, model=weights, post="none")
    assert [c.model for c in result.summary.contributions] == ["weights"]
    named = [weights, "custom_ligand/conformers"]
    result = backmap(caffeine, mapping=CFF_MAP, model=named, post="none")
    assert [c.model for c in result.summary.contributions] == ["custom_ligand/conformers"]


def test_what_the_model_for_any_mapping_refuses_is_told(lipid: Beads, tmp_path: Path) -> None:
    path = tmp_path / "oct.map"
    path.write_text(LIPID.partition("bonds:")[0])
    with pytest.raises(ModelError, match="there is no model for mapping 'oct'") as error:
        backmap(lipid, mapping=path)
    assert "OCT: 'custom_ligand/conformers' does not rebuild it: its mapping has no bonds" in str(
        error.value.hint
    )


def test_two_models_for_any_mapping_are_not_chosen_between(lipid: Beads, tmp_path: Path) -> None:
    own = ModelSpec("own", ANY_MAPPING, load=lambda device: Lattice())
    second = Plugin(PluginSource("b", "b"), (), (own,))
    mapping = tmp_path / "oct.map"
    mapping.write_text(LIPID)
    registry = Registry((*load_registry().plugins, second))
    with pytest.raises(ModelError, match="there are several models for mapping 'any'"):
        backmap(lipid, mapping=mapping, registry=registry)
    with pytest.raises(PluginContractError, match="'b/own' is for any mapping, and has no method"):
        backmap(lipid, mapping=mapping, model="b/own", registry=registry)


def test_residues_without_a_model(protein: Beads, caffeine: Beads) -> None:
    both = joined(protein, caffeine)
    registry = trained_only()
    with pytest.raises(ModelError, match=r"CFF: 1 \(first: CFF 1 of chain L\)") as error:
        backmap(both, source="both.pdb", registry=registry)
    assert error.value.message.startswith("both.pdb: no model rebuilds CFF")
    assert "--skip-unmapped" in str(error.value.hint)
    with pytest.raises(ModelError, match="there is no model for mapping 'custom_ligand/caffeine'"):
        backmap(caffeine, skip_unmapped=True, registry=registry)
    with pytest.raises(MappingMismatchError, match="martini3/protein was made for another"):
        backmap(both, mapping=["martini3", "custom_ligand"], model="martini3", registry=registry)


def test_residues_without_a_model_are_left_out_if_told(
    protein: Beads, caffeine: Beads, caplog: pytest.LogCaptureFixture
) -> None:
    both = joined(caffeine, protein)
    with caplog.at_level(logging.INFO, "herobm"):
        prepared = prepare(both, skip_unmapped=True, post="none", registry=trained_only())
    assert "left out, no model rebuilds them: CFF: 1 (first: CFF 1 of chain L)" in caplog.text
    assert prepared.topology.source_index.tolist() == list(range(4, 4 + len(protein)))
    moved = prepared.topology.place(both.positions + 1.0, None)
    assert moved.positions == pytest.approx(protein.positions + 1.0)


def test_residues_without_a_mapping(protein: Beads, lipid: Beads) -> None:
    with pytest.raises(UnmappedResidueError, match="has no residue OCT: 1"):
        backmap(joined(protein, lipid))


class Wrong:
    """Returns too few positions."""

    def rebuild(self, topology: Topology, beads: Beads) -> FloatArray:
        return np.zeros((1, 3))


class Raises:
    """Fails."""

    def rebuild(self, topology: Topology, beads: Beads) -> FloatArray:
        raise ZeroDivisionError("by nothing")


@pytest.mark.parametrize(
    ("rebuilds", "kind", "message"),
    [
        (Wrong(), PluginContractError, r"model 'oils/line' returns an array of shape \(1, 3\)"),
        (Raises(), PluginError, "model 'oils/line' fails: ZeroDivisionError: by nothing"),
        (object(), PluginContractError, "model 'oils/line' loads a object"),
    ],
)
def test_a_model_that_is_at_fault_is_named(
    lipid: Beads, tmp_path: Path, rebuilds: object, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        backmap(lipid, registry=with_lipids(tmp_path, rebuilds), post="none")


def test_a_part_of_a_system_is_a_system(protein: Beads) -> None:
    topology = prepare(protein, post="none").topology
    kept = np.ones(76, bool)
    kept[10:15] = False
    part = part_of(topology, kept)
    assert np.array_equal(part.topology.plan.atom_names, topology.plan.atom_names[part.atoms])
    assert part.topology.links.previous[10] == part.topology.links.following[9] == -1
    assert part.topology.links.previous[11] == 10
    assert part.topology.beads.names.tolist() == topology.beads.names[part.beads].tolist()
    assert part.topology.plan.n_residues == 71


@pytest.fixture
def files(protein: Beads, caffeine: Beads, tmp_path: Path) -> Callable[[], tuple[Path, Path, Path]]:
    from herobm.io import write_structure

    def make() -> tuple[Path, Path, Path]:
        path = tmp_path / "cg.pdb"
        write_structure(path, joined(protein, caffeine))
        return path, tmp_path / "aa.pdb", tmp_path / "aa.xtc"

    return make


def test_the_command_takes_several(
    files: Callable[[], tuple[Path, Path, Path]], weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from herobm.cli.app import run

    beads, output, _ = files()
    named = ["--mapping", "martini3", "--mapping", str(CFF_MAP), "--model", str(weights)]
    command = ["backmap", str(beads), "-o", str(output), *named, "--post", "none"]
    assert run(command) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "170 beads of 77 residues in 2 chain(s) -> 616 heavy atoms"
    assert [line.split() for line in out[1:4]] == [
        ["mapping", "model", "residues", "atoms"],
        ["martini3/protein", "martini3/protein", "76", "602"],
        ["cff", "weights", "1", "14"],
    ]
    assert run([*command[:-2], "--overwrite", "--post", "none", "--mapping", "ca_only"]) == 1
    assert "mapping 'ca_only/ca' is taken" in capsys.readouterr().err


def test_a_file_of_both_is_coarsened(
    protein: Beads, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from herobm.cli.app import run
    from herobm.io import write_structure

    atoms = backmap(protein, post="none").atoms
    ligand = caffeine_atoms(3)
    both = joined(atoms, replace(ligand, positions=ligand.positions + 60.0))
    write_structure(tmp_path / "aa.pdb", Atoms(**vars(both)))
    command = ["coarsen", str(tmp_path / "aa.pdb"), "-o", str(tmp_path / "cg.pdb")]
    assert run([*command, "--mapping", "martini3", "--mapping", "custom_ligand"]) == 0
    assert "170 beads of 77 residues" in capsys.readouterr().out


def test_a_trajectory_of_a_protein_and_a_ligand(
    protein: Beads,
    caffeine: Beads,
    weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Three frames, two models, then hydrogens and minimisation: amber for one, MMFF94 for one."""
    sixth = protein.subset(protein.residue_index < 12)
    beads = joined(sixth, caffeine)
    cg, traj, out = (tmp_path / name for name in ("cg.pdb", "cg.xtc", "aa.xtc"))
    write_structure(cg, beads)
    drift = np.array([2.0, 0.0, 0.0])
    with TrajectoryWriter(traj, len(beads)) as writer:
        for step in range(3):
            writer.write(beads.positions + step * drift, None, 10.0 * step, step)
    arguments = ["backmap", str(cg), "-f", str(traj), "-o", str(out), "--post"]
    arguments += ["backbone,hydrogens,minimise", "--platform", "CPU"]
    arguments += ["--mapping", "martini3", "--mapping", str(CFF_MAP), "--model", str(weights)]
    assert run_command(arguments) == 0
    told = capsys.readouterr().out
    assert "relaxed by MMFF94, without a template: 1 molecules (CFF)" in told
    assert "amber14 on CPU" in told
    atoms = read_atoms(out.with_suffix(".pdb"))
    assert (atoms.residues.names[atoms.residue_index] == "CFF").sum() == 24
    with open_trajectory(out.with_suffix(".pdb"), out) as read:
        frames = [frame.positions - frame.index * drift for frame in read]
    assert len(frames) == 3
    for frame in frames:
        heavy = atoms.elements != "H"
        assert np.linalg.norm(frame - atoms.positions, axis=1)[heavy].max() < 0.5

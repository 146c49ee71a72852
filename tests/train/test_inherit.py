"""What a run takes over from weights that were trained with another mapping."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from herobm.dsl import load_set
from herobm.errors import ConfigError
from herobm.nn.config import RoundsConfig, SecondConfig
from herobm.nn.model import Backmapper
from herobm.nn.slots import SLOTS, slotted
from herobm.train.config import TrainConfig
from herobm.train.dataset import write_dataset
from herobm.train.loop import train
from herobm.types import Atoms
from herobm.weights.file import load_weights

ROOT = Path(__file__).resolve().parents[2]


def packed(structures: list[tuple[str, Atoms]], folder: Path, name: str, pack: str) -> Path:
    mappings = ROOT / f"plugins/{pack}/src/herobm_{pack}/mappings" / name
    path = folder / f"{name}.safetensors"
    write_dataset(path, structures, load_set(sorted(mappings.glob("*.map")), f"{pack}/{name}"))
    return path


def run(
    tiny_run: TrainConfig, data: Path, output: str, rounds: int = 0, **changes: object
) -> TrainConfig:
    model = tiny_run.model
    if rounds:
        told = RoundsConfig(count=rounds, contacts=rounds, hidden=16, message=8, n_channels=2)
        model = model.model_copy(update={"rounds": told})
    where = {"train": data, "valid": data, "output": tiny_run.output.with_name(output)}
    given = {"model": model, "residues": 9, "derived": (), "epochs": 1, "hold": False}
    return tiny_run.model_copy(update=where | given | changes)


#: So small a step that what a run begins with is what it ends with.
STILL = {"learning_rate": 1e-12}


def test_beads_of_a_name_take_over_what_they_learnt(
    tiny_run: TrainConfig, structures: list[tuple[str, Atoms]], tmp_path: Path
) -> None:
    """N, CA, C from N, CA, C, O, where the types are others and the rows of contacts, too."""
    one, two = (packed(structures, tmp_path, name, "ca_only") for name in ("n-ca-c-o", "n-ca-c"))
    initial = train(run(tiny_run, one, "first", rounds=1))
    path = train(run(tiny_run, two, "next", rounds=2, initial=initial, **STILL))
    assert initial is not None
    assert path is not None
    before, after = load_weights(initial), load_weights(path)
    old, new = load_file(initial), load_file(path)

    def close(got: torch.Tensor, wanted: torch.Tensor) -> None:
        torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-3)

    assert after.header.mapping == "ca_only/n-ca-c"
    n_slots = after.header.vocabulary.n_slots
    assert n_slots == before.header.vocabulary.n_slots
    sources = {
        after.header.vocabulary.names[here]: (here, there, slots)
        for here, there, slots, _ in after.header.vocabulary.sources(before.header.vocabulary)
    }
    for residue in ("LEU", "GLY"):
        branch = [*range(5)] if residue == "LEU" else [0]
        for bead, known in (("N", [0]), ("CA", branch), ("C", [0, -1, 1])):  # O is not OXT
            here, there, slots = sources[residue, bead]
            assert here != there
            assert slots[: len(known)] == known
            atoms = 1 if -1 in known else len(known)
            for name in ("own.weight", "type_embedding.weight", "frames.first"):
                close(new[name][here], old[name][there])
            close(new["readout"][here, : 3 * atoms], old["readout"][there, : 3 * atoms])
            close(new["readout"][here, -4:], old["readout"][there, -4:])
            rows = [slice(kind * n_slots, kind * n_slots + atoms) for kind in (here, there)]
            for number in (0, 1):
                name = f"rounds.rounds.{number}.contacts.atom.weight"
                close(new[name][rows[0]], old["rounds.rounds.0.contacts.atom.weight"][rows[1]])
    close(new["blocks.0.layers.0.weight"], old["blocks.0.layers.0.weight"])
    close(new["type_embedding.weight"][-1], old["type_embedding.weight"][-1])  # of no bead at all


def test_vectors_go_over_by_the_names_of_their_atoms(
    tiny_run: TrainConfig, structures: list[tuple[str, Atoms]], tmp_path: Path
) -> None:
    """CA of C-alpha places N first, CA of N, CA, C, O itself; what all types share follows most."""
    one, two = (packed(structures, tmp_path, name, "ca_only") for name in ("ca", "n-ca-c-o"))
    initial = train(run(tiny_run, one, "first", rounds=1))
    path = train(run(tiny_run, two, "next", rounds=1, initial=initial, **STILL))
    assert initial is not None
    assert path is not None
    there, here = (load_weights(p).header.vocabulary for p in (initial, path))
    old, new = load_file(initial), load_file(path)
    kind, known = here.names.index(("LEU", "CA")), there.names.index(("LEU", "CA"))
    places = {"CA": (0, 1), "CB": (1, 4), "CG": (2, 5), "CD1": (3, 6), "CD2": (4, 7)}
    shared = "rounds.rounds.0.message.geometry.weight"  # of slots as they are in most residues
    first = RoundsConfig().n_radial + 15
    for slot, source in places.values():
        mine, theirs = (slice(3 * n, 3 * n + 3) for n in (slot, source))
        torch.testing.assert_close(
            new["readout"][kind, mine], old["readout"][known, theirs], atol=1e-4, rtol=1e-3
        )
        torch.testing.assert_close(
            new[shared][:, first:][:, mine], old[shared][:, first:][:, theirs], atol=1e-4, rtol=1e-3
        )


def test_beads_that_are_whole_residues_go_over_by_residue(
    tiny_run: TrainConfig, structures: list[tuple[str, Atoms]], tmp_path: Path
) -> None:
    """CM and SC place the same atoms, wherever they sit; CA, which is one of several, does not."""
    one, two, three = (
        packed(structures, tmp_path, name, "ca_only") for name in ("com", "sc", "n-ca-c")
    )
    initial = train(run(tiny_run, one, "first"))
    path = train(run(tiny_run, two, "next", initial=initial, **STILL))
    assert initial is not None
    assert path is not None
    there, here = (load_weights(p).header.vocabulary.names for p in (initial, path))
    old, new = load_file(initial)["readout"], load_file(path)["readout"]
    assert [residue for residue, _ in there] == [residue for residue, _ in here]
    assert {bead for _, bead in there}.isdisjoint({bead for _, bead in here})
    slots = [slice(min(n)) for n in zip(old.shape, new.shape, strict=True)]
    torch.testing.assert_close(new[*slots], old[*slots], atol=1e-4, rtol=1e-3)
    with pytest.raises(ConfigError, match="no bead of it has the name of one here"):
        train(run(tiny_run, three, "several", initial=initial))


def test_beads_that_are_not_there_begin_anew(
    tiny_run: TrainConfig, structures: list[tuple[str, Atoms]], tmp_path: Path
) -> None:
    one, two = (packed(structures, tmp_path, name, "ca_only") for name in ("n-ca-c", "n-ca-c-o"))
    initial = train(run(tiny_run, one, "first"))
    taken = train(run(tiny_run, two, "next", initial=initial, **STILL))
    fresh = train(run(tiny_run, two, "fresh", **STILL))
    assert taken is not None
    assert fresh is not None
    names = load_weights(taken).header.vocabulary.names
    oxygens = torch.tensor([bead == "O" for _, bead in names])
    new, anew = load_file(taken)["readout"], load_file(fresh)["readout"]
    torch.testing.assert_close(new[oxygens], anew[oxygens], atol=1e-4, rtol=1e-3)
    assert (new[~oxygens] - anew[~oxygens]).abs().amax(dim=(1, 2)).min() > 0.01


def test_weights_of_another_mapping_that_say_nothing_are_refused(
    tiny_run: TrainConfig, structures: list[tuple[str, Atoms]], tmp_path: Path
) -> None:
    initial = train(tiny_run)  # of Martini 3
    com = packed(structures, tmp_path, "com", "ca_only")
    with pytest.raises(ConfigError, match="no bead of it has the name of one here"):
        train(run(tiny_run, com, "com", initial=initial))
    elnedyn = packed(structures, tmp_path, "elnedyn", "martini3")
    with pytest.raises(ConfigError, match="never seen") as error:
        train(run(tiny_run, elnedyn, "held", rounds=1, initial=initial, hold=True))
    assert "'hold: false'" in str(error.value.hint)
    assert train(run(tiny_run, elnedyn, "elnedyn", initial=initial)) is not None


def test_a_second_look_may_be_left_behind(
    tiny_run: TrainConfig, structures: list[tuple[str, Atoms]], tmp_path: Path
) -> None:
    second = SecondConfig(n_channels=4, hidden=16, readout=12, n_blocks=1)
    looks = tiny_run.model.model_copy(update={"second": second})
    data = packed(structures, tmp_path, "protein", "martini3")
    first = train(run(tiny_run, data, "first"))
    twice = train(run(tiny_run, data, "twice", model=looks, initial=first))
    path = train(run(tiny_run, data, "rounds", rounds=1, initial=twice, **STILL))
    assert twice is not None
    assert path is not None
    old, new = load_file(twice), load_file(path)
    assert any(name.startswith("second.") for name in old)
    assert not any(name.startswith("second.") for name in new)
    torch.testing.assert_close(new["readout"], old["readout"], atol=1e-3, rtol=1e-3)


def test_beads_may_place_more_atoms_or_fewer(
    tiny_run: TrainConfig, structures: list[tuple[str, Atoms]], tmp_path: Path
) -> None:
    """ALA of Martini 2 has all its six atoms in one bead, Martini 3 five in one at most."""
    second = SecondConfig(n_channels=4, hidden=16, readout=12, n_blocks=1)
    looks = tiny_run.model.model_copy(update={"second": second})
    files = [packed(structures, tmp_path, name, "martini3") for name in ("protein", "martini2")]
    for data, other in (files, files[::-1]):
        first = train(run(tiny_run, data, f"first_{data.stem}"))
        told = {"model": looks, "initial": first}
        twice = train(run(tiny_run, data, f"twice_{data.stem}", **told))
        path = train(run(tiny_run, other, f"next_{data.stem}", model=looks, initial=twice, **STILL))
        assert twice is not None
        assert path is not None
        old, new = load_file(twice), load_file(path)
        there, here = (
            load_weights(p).header.vocabulary.names.index(("LEU", "BB")) for p in (twice, path)
        )

        def close(got: torch.Tensor, wanted: torch.Tensor) -> None:
            torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-3)

        close(new["readout"][here, :15], old["readout"][there, :15])
        close(new["readout"][here, -4:], old["readout"][there, -4:])
        close(new["second.readout"][here, -4:], old["second.readout"][there, -4:])
        slots = [5, 6] if data == files[0] else [6, 5]
        one, two = (
            kept["second.readout"][kind, 3 * n : -4].unflatten(0, (n, n))
            for kept, kind, n in ((old, there, slots[0]), (new, here, slots[1]))
        )
        close(two[:5, :5], one[:5, :5])
        begin = tiny_run.model.readout
        close(
            new["second.surroundings.weight"][:, : begin + 15],
            old["second.surroundings.weight"][:, : begin + 15],
        )
        ends = [
            kept["second.surroundings.weight"][:, begin + 3 * n + 4 * n :].unflatten(1, (n, 12))
            for kept, n in ((old, slots[0]), (new, slots[1]))
        ]
        close(ends[1][:, :5], ends[0][:, :5])


@pytest.mark.parametrize("n_slots", [1, 3, 6])
def test_slots_lie_where_they_are_said_to(tiny_run: TrainConfig, n_slots: int) -> None:
    second = SecondConfig(n_channels=4, hidden=16, readout=12, n_blocks=1)
    rounds = RoundsConfig(count=3, contacts=2, hidden=24, message=8, n_channels=2, n_radial=5)
    model = tiny_run.model.model_copy(update={"second": second, "rounds": rounds})
    few, more = (
        {name: p.shape for name, p in Backmapper(model, 7, n).named_parameters()}
        for n in (n_slots, n_slots + 1)
    )
    layout = slotted(model)
    tables = {name for name in few if name.endswith("contacts.atom.weight")}
    assert len(tables) == 3
    assert {name for name in few if few[name] != more[name]} == {*layout} | tables
    for name, parts in layout.items():
        sizes = [math.prod(n_slots if n == SLOTS else n for n in part) for part in parts]
        assert few[name][min(1, len(few[name]) - 1)] == sum(sizes), name


def test_weights_of_several_mappings_give_each_its_own(
    tiny_run: TrainConfig, structures: list[tuple[str, Atoms]], tmp_path: Path
) -> None:
    """The same names stand in both, but what they rebuild is told by the residue kind."""
    files = [packed(structures, tmp_path, name, "ca_only") for name in ("n-ca-c-o", "n-ca-c")]
    initial = train(run(tiny_run, files[0], "both", also=(files[1],)))
    path = train(run(tiny_run, files[1], "one", initial=initial, **STILL))
    assert initial is not None
    assert path is not None
    joint, alone = (load_weights(p).header.vocabulary for p in (initial, path))
    old, new = load_file(initial)["readout"], load_file(path)["readout"]
    kinds = {entry.key: number for number, entry in enumerate(joint.entries)}
    first = np.cumsum([0, *(len(entry.beads) for entry in joint.entries)])
    there = [
        first[kinds[entry.key]] + number
        for entry in alone.entries
        for number in range(len(entry.beads))
    ]
    torch.testing.assert_close(new, old[there], atol=1e-4, rtol=1e-3)
    told = RoundsConfig(count=1, contacts=0, hidden=16, message=8)
    model = tiny_run.model.model_copy(update={"rounds": told})
    held = run(tiny_run, files[1], "held", model=model, initial=initial, hold=True)
    assert train(held) is not None  # it has seen all of these beads


def test_weights_that_are_not_there_are_told_of(tiny_run: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file, which 'initial' names"):
        train(tiny_run.model_copy(update={"initial": tmp_path / "nowhere.safetensors"}))

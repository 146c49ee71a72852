"""Training on a handful of residues: it learns, stops, and goes on exactly where it was."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from herobm.dsl import load_set
from herobm.dsl.model import MappingSet
from herobm.errors import ConfigError, DatasetError, HerobmError, OutputError
from herobm.nn.config import RotorsConfig, RoundsConfig, SecondConfig
from herobm.plan import Library
from herobm.train import loop
from herobm.train.batch import Batch
from herobm.train.checkpoint import State
from herobm.train.config import TrainConfig, parse_config
from herobm.train.dataset import write_dataset
from herobm.train.derive import Derived
from herobm.train.loop import Progress, train
from herobm.types import Atoms
from herobm.weights.file import join_weights, load_weights, save_weights
from herobm.weights.vocabulary import Vocabulary

ROOT = Path(__file__).resolve().parents[2]


def weights_of(path: Path | None) -> dict[str, torch.Tensor]:
    assert path is not None
    return load_file(path)


def same(one: dict[str, torch.Tensor], two: dict[str, torch.Tensor]) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


def elsewhere(config: TrainConfig, name: str, **changes: object) -> TrainConfig:
    return config.model_copy(update={"output": config.output.with_name(name), **changes})


def test_a_run_stopped_after_every_step_ends_with_the_same_weights(tiny_run: TrainConfig) -> None:
    short = tiny_run.model_copy(update={"epochs": 2})
    whole = weights_of(train(short))
    parts = elsewhere(short, "parts")
    for _ in range(19):
        path = train(parts, max_minutes=0.0)
        if path is not None:
            break
    assert same(whole, weights_of(path))


def test_a_run_killed_in_mid_epoch_ends_with_the_same_weights(tiny_run: TrainConfig) -> None:
    whole = weights_of(train(tiny_run))
    killed = elsewhere(tiny_run, "killed", checkpoint_minutes=1e-9)

    def kill(now: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(killed, report=kill)
    state = json.loads((killed.output / "checkpoint" / "state.json").read_text())
    assert 0 < state["step"] < 27
    assert state["step"] % 9 != 0
    assert same(whole, weights_of(train(elsewhere(tiny_run, "killed"))))


def test_the_weights_file_tells_where_it_comes_from(
    tiny_run: TrainConfig, martini3: Library
) -> None:
    path = train(tiny_run)
    assert path == tiny_run.output / "weights.safetensors"
    weights = load_weights(path)
    assert weights.header.model == tiny_run.model
    assert weights.header.mapping == "martini3/protein"
    assert weights.header.vocabulary == Vocabulary.of(martini3)
    assert weights.header.training["config"]["epochs"] == 3
    assert weights.header.training["data"]["structures"] == 4
    assert weights.header.training["figures"]["valid_rmsd"] > 0
    assert (tiny_run.output / "log.jsonl").read_text().count("\n") == 3
    assert not list(tiny_run.output.glob("*.part"))


def test_training_lowers_the_error(tiny_run: TrainConfig) -> None:
    path = train(tiny_run.model_copy(update={"epochs": 20, "noise_share": 0.0}))
    assert path is not None
    lines = (tiny_run.output / "log.jsonl").read_text().splitlines()
    errors = [json.loads(line)["valid_rmsd"] for line in lines]
    assert errors[-1] < 0.7 * errors[0]


def test_another_configuration_does_not_take_over_a_checkpoint(tiny_run: TrainConfig) -> None:
    assert train(tiny_run, max_minutes=0.0) is None
    with pytest.raises(ConfigError, match="another configuration"):
        train(tiny_run.model_copy(update={"seed": 1}))
    # Threads and the time between checkpoints may differ.
    assert train(tiny_run.model_copy(update={"checkpoint_minutes": 9.0}), max_minutes=0.0) is None


def test_another_dataset_does_not_take_over_a_checkpoint(
    tiny_run: TrainConfig,
    structures: list[tuple[str, Atoms]],
    mappings: MappingSet,
    tmp_path: Path,
) -> None:
    assert train(tiny_run, max_minutes=0.0) is None
    other = tmp_path / "other.safetensors"
    write_dataset(other, structures[:2], mappings)
    with pytest.raises(ConfigError, match="another file under 'train'"):
        train(tiny_run.model_copy(update={"train": other}))


def silent(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return what has nothing to do with the shares of torsion angles."""
    return {name: t for name, t in tensors.items() if not name.startswith("rotors.")}


SEEING = {"n_channels": 2, "hidden": 16}


@pytest.mark.parametrize(
    "again",
    [
        {},
        {"second": SecondConfig(readout=8, n_blocks=1, times=2, **SEEING)},
        {"rounds": RoundsConfig(count=2, contacts=1, message=8, **SEEING)},
    ],
    ids=["one look", "three looks", "rounds"],
)
def test_shares_of_torsion_angles_are_learnt_afterwards(
    tiny_run: TrainConfig, again: dict[str, object]
) -> None:
    """What was learnt before stays to the bit, and a stop in between changes nothing."""
    first = train(tiny_run.model_copy(update={"epochs": 1}))
    looks = tiny_run.model.model_copy(update=again)
    if again:
        config = elsewhere(tiny_run, "looks", model=looks, initial=first, epochs=1, residues=9)
        first = train(config)
    before = weights_of(first)
    model = looks.model_copy(update={"rotors": RotorsConfig(hidden=16, dropout=0.0)})
    update = {"model": model, "initial": first, "hold": "all", "epochs": 6, "residues": 9}
    config = elsewhere(tiny_run, "rotors", learning_rate=0.02, noise_share=0.0, **update)
    path = train(config)
    after = weights_of(path)
    assert same(silent(after), before)
    lines = [json.loads(line) for line in (config.output / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["valid_rotor"] < min(lines[0]["valid_rotor"], 3.45)
    assert lines[-1]["valid_rmsd"] == lines[0]["valid_rmsd"]
    assert path is not None
    assert load_weights(path).header.model == model
    stopped = config.model_copy(update={"output": config.output.with_name("stopped")})
    for _ in range(4):
        train(stopped, max_minutes=0.0)
    assert same(weights_of(train(stopped)), after)


def test_what_is_held_stays_whatever_it_is_shown(
    tiny_run: TrainConfig,
    structures: list[tuple[str, Atoms]],
    mappings: MappingSet,
    tmp_path: Path,
) -> None:
    """Lengths, bonds and errors to expect, too, which other structures would tell otherwise."""
    first = train(tiny_run.model_copy(update={"epochs": 1}))
    assert first is not None
    other = tmp_path / "other.safetensors"
    bent = [(name, replace(a, positions=1.1 * a.positions)) for name, a in structures[:2]]
    write_dataset(other, bent, mappings)
    model = tiny_run.model.model_copy(update={"rotors": RotorsConfig(hidden=16)})
    update = {"model": model, "initial": first, "hold": "all", "epochs": 1, "train": other}
    config = elsewhere(tiny_run, "held", **update)
    path = train(config)
    assert path is not None
    assert same(silent(weights_of(path)), weights_of(first))
    before, after = load_weights(first).header, load_weights(path).header
    assert (after.bonds, after.errors) == (before.bonds, before.errors)
    rounds = model.model_copy(update={"rounds": RoundsConfig(count=1, contacts=0, hidden=16)})
    with pytest.raises(ConfigError, match="is of another network than this run, which keeps all"):
        train(elsewhere(config, "rounds", model=rounds))
    ca = tmp_path / "ca.safetensors"
    folder = ROOT / "plugins/ca_only/src/herobm_ca_only/mappings/ca"
    write_dataset(ca, structures, load_set(sorted(folder.glob("*.map")), "ca_only/ca"))
    with pytest.raises(ConfigError, match="is of another mapping than this run, which keeps all"):
        train(elsewhere(config, "ca", train=ca, derived=()))


def test_shares_need_bonds_that_turn(
    tiny_run: TrainConfig,
    peptide: Callable[[str], Atoms],
    mappings: MappingSet,
    tmp_path: Path,
) -> None:
    stiff = tmp_path / "stiff.safetensors"
    write_dataset(stiff, [("glycine", peptide("GGAG"))], mappings)
    model = tiny_run.model.model_copy(update={"rotors": RotorsConfig(hidden=16)})
    with pytest.raises(ConfigError, match=r"stiff\.safetensors: has no bond about which a side"):
        train(tiny_run.model_copy(update={"train": stiff, "model": model, "derived": ()}))


def test_atoms_are_weighed_where_there_are_bfactors(
    tiny_run: TrainConfig, structures: list[tuple[str, Atoms]], mappings: MappingSet, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"peptides\.safetensors: has no B-factors"):
        train(tiny_run.model_copy(update={"half_bfactor": 40.0}))
    told = tmp_path / "told.safetensors"
    known = [(n, replace(a, bfactors=np.arange(float(len(a))))) for n, a in structures]
    write_dataset(told, known, mappings)
    run = tiny_run.model_copy(update={"train": told, "epochs": 1})
    alike, weighed, again = (
        weights_of(train(elsewhere(run, name, half_bfactor=half)))
        for name, half in (("alike", None), ("weighed", 20.0), ("again", 20.0))
    )
    assert same(weighed, again)
    assert not same(weighed, alike)
    half = elsewhere(run, "half", half_bfactor=20.0)
    assert train(half, max_minutes=0.0) is None
    write_dataset(told, [(n, replace(a, bfactors=a.bfactors[::-1])) for n, a in known], mappings)
    with pytest.raises(ConfigError, match="holds a run with another file under 'train'"):
        train(half)


def test_shares_are_learnt_beside_the_rest(tiny_run: TrainConfig) -> None:
    """And left behind by a run that tells none, which goes on with the rest."""
    model = tiny_run.model.model_copy(update={"rotors": RotorsConfig(hidden=16)})
    config = elsewhere(tiny_run, "both", model=model, learning_rate=0.02)
    both = train(config)
    lines = [json.loads(line) for line in (config.output / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["valid_rotor"] < lines[0]["valid_rotor"]
    assert lines[-1]["valid_rmsd"] < lines[0]["valid_rmsd"]
    still = {"initial": both, "hold": False, "epochs": 1, "learning_rate": 1e-12}
    plain, kept = weights_of(train(elsewhere(tiny_run, "plain", **still))), silent(weights_of(both))
    assert plain.keys() == kept.keys()
    learnt = [name for name in kept if not name.startswith("errors.")]  # these are fitted anew
    assert all(torch.allclose(plain[name], kept[name], atol=1e-4) for name in learnt)


CUDA = pytest.param(
    "cuda",
    marks=[
        pytest.mark.gpu,
        pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
    ],
)


@pytest.mark.parametrize("muon", [None, 4.0])
@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_an_optimiser_goes_on_with_what_it_had(
    tiny_run: TrainConfig, device: str, muon: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Count and moments of each parameter, on the device where the optimiser had them."""
    begun: list[State] = []
    told: list[dict[str, dict[str, torch.Tensor]]] = []
    inner = loop.start

    def kept(state: State) -> dict[str, dict[str, torch.Tensor]]:
        moments = state.optimiser.state
        named = [(name, moments[p]) for name, p in state.network.named_parameters()]
        return {name: {k: v.clone() for k, v in m.items()} for name, m in named if m}

    def start(*arguments: Any) -> State:
        begun.append(inner(*arguments))
        told.append(kept(begun[-1]))
        return begun[-1]

    monkeypatch.setattr(loop, "start", start)
    config = tiny_run.model_copy(update={"muon": muon})
    for _ in range(2):
        assert train(config, device=device, max_minutes=0.0) is None
    assert not told[0]
    last = kept(begun[0])
    assert last
    assert last.keys() == told[1].keys()
    for name, moments in told[1].items():
        assert moments.keys() == last[name].keys()
        for key, tensor in moments.items():
            assert tensor.device == last[name][key].device
            assert torch.equal(tensor, last[name][key])


def test_an_epoch_that_is_done_again_has_one_line_in_the_log(
    tiny_run: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(loop, "save_checkpoint", kill)
        with pytest.raises(KeyboardInterrupt):
            train(tiny_run)
    train(tiny_run)
    lines = (tiny_run.output / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [9, 18, 27]


def test_a_log_that_cannot_be_written_is_named(tiny_run: TrainConfig) -> None:
    (tiny_run.output / "log.jsonl").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"log\.jsonl: the figures of an epoch cannot be written"):
        train(tiny_run)
    (tiny_run.output / "log.jsonl").rmdir()
    assert train(tiny_run) is not None  # from the checkpoint of that epoch


def test_a_run_killed_between_the_renames_of_a_checkpoint_goes_on(tiny_run: TrainConfig) -> None:
    assert train(tiny_run, max_minutes=0.0) is None
    (tiny_run.output / "checkpoint").rename(tiny_run.output / "checkpoint.old")
    assert train(tiny_run, max_minutes=0.0) is None
    state = json.loads((tiny_run.output / "checkpoint" / "state.json").read_text())
    assert state["step"] == 2
    assert not (tiny_run.output / "checkpoint.old").exists()


def test_a_damaged_checkpoint_is_named(tiny_run: TrainConfig) -> None:
    assert train(tiny_run, max_minutes=0.0) is None
    (tiny_run.output / "checkpoint" / "first.safetensors").write_bytes(b"cut")
    with pytest.raises(ConfigError, match="the checkpoint is damaged"):
        train(tiny_run)


def test_an_output_that_is_no_folder_is_named(tiny_run: TrainConfig, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="the output folder cannot be made"):
        train(tiny_run.model_copy(update={"output": tmp_path / "file"}))


@pytest.mark.parametrize(
    ("residue", "atom", "message"),
    [("XXX", "CH3", "has no residue XXX"), ("ACE", "CB9", "has no atom CB9")],
)
def test_derived_residues_must_be_in_the_mapping(
    tiny_run: TrainConfig, residue: str, atom: str, message: str
) -> None:
    wrong = Derived(residue=residue, at="start", atoms={"CA": atom})
    with pytest.raises(ConfigError, match=message):
        train(tiny_run.model_copy(update={"derived": (wrong,)}))


def test_others_may_read_the_weights(tiny_run: TrainConfig) -> None:
    path = train(tiny_run.model_copy(update={"epochs": 1}))
    assert path is not None
    assert path.stat().st_mode == (tiny_run.output / "log.jsonl").stat().st_mode


def test_another_seed_gives_other_weights(tiny_run: TrainConfig) -> None:
    one = weights_of(train(tiny_run))
    two = weights_of(train(elsewhere(tiny_run, "other", seed=1)))
    assert not same(one, two)


def test_a_dataset_that_is_not_there(tiny_run: TrainConfig) -> None:
    absent = tiny_run.train.with_name("absent.safetensors")
    with pytest.raises(DatasetError, match="absent"):
        train(tiny_run.model_copy(update={"train": absent}))


@pytest.mark.parametrize("name", ["valid", "initial", "drift"])
def test_paths_are_checked_before_anything_is_read(tiny_run: TrainConfig, name: str) -> None:
    absent = tiny_run.train.with_name("absent.json")
    broken = tiny_run.output.with_name("broken.safetensors")
    broken.write_text("no dataset")
    with pytest.raises(HerobmError, match=rf"absent\.json: .* which '{name}' names"):
        train(tiny_run.model_copy(update={"train": broken, name: absent}))
    assert not tiny_run.output.exists()


#: Runs ``python -m herobm.train`` where only what torch and e3nn bring along can be imported.
BARE = """
import runpy, sys
for name in ("lark", "rdkit", "MDAnalysis", "openmm", "pdbfixer", "typer", "click", "yaml",
             "pluggy", "gemmi", "tqdm", "rich"):
    sys.modules[name] = None
sys.argv = ["herobm.train", *sys.argv[1:]]
from herobm.weights import expected
expected.STEPS = 100
runpy.run_module("herobm.train", run_name="__main__", alter_sys=True)
"""


def test_a_bare_machine_can_train(
    tiny_run: TrainConfig,
    structures: list[tuple[str, Atoms]],
    mappings: MappingSet,
    tmp_path: Path,
) -> None:
    config, valid = tmp_path / "config.json", tmp_path / "valid.safetensors"
    write_dataset(valid, [(f"{name} again", atoms) for name, atoms in structures], mappings)
    config.write_text(tiny_run.model_copy(update={"valid": valid}).model_dump_json())
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:herobm", "-c", BARE, str(config)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    weights = tiny_run.output / "weights.safetensors"
    assert str(weights) in done.stderr
    if not torch.cuda.is_available():  # what it makes is what the command line makes
        assert same(load_file(weights), weights_of(train(elsewhere(tiny_run, "here"))))


def test_a_bare_machine_names_what_is_wrong(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "herobm.train", str(tmp_path / "none.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "none.json: cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("minutes", ["soon", "-1", "nan"])
def test_a_bare_machine_wants_minutes_as_a_number(minutes: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "herobm.train", str(tmp_path / "none.json"), minutes],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "usage: python -m herobm.train CONFIG [MINUTES]\n"


@pytest.mark.parametrize("times", [1, 2])
def test_a_second_look_learns_and_leaves_the_first_alone(tiny_run: TrainConfig, times: int) -> None:
    first = train(tiny_run)
    assert first is not None
    second = SecondConfig(times=times, n_channels=4, hidden=16, readout=8, n_blocks=1)
    model = tiny_run.model.model_copy(update={"second": second})
    config = elsewhere(tiny_run, "second", model=model, initial=first, epochs=4)
    whole = train(config)
    once, twice = weights_of(first), weights_of(whole)
    held = [name for name in once if not name.startswith("errors.")]
    assert all(torch.equal(once[name], twice[name]) for name in held)
    assert twice["second.readout"].abs().max() > 0.001
    figures = [json.loads(line) for line in (config.output / "log.jsonl").read_text().splitlines()]
    before = load_weights(first).header.training["figures"]["valid_rmsd"]
    assert min(f["valid_rmsd"] for f in figures) < before
    parts = elsewhere(config, "parts")
    while train(parts, max_minutes=0.0) is None:
        pass
    assert same(twice, weights_of(parts.output / "weights.safetensors"))


@pytest.mark.parametrize("times", [1, 2])
def test_a_first_look_that_is_not_held_learns_too(tiny_run: TrainConfig, times: int) -> None:
    first = train(tiny_run)
    assert first is not None
    second = SecondConfig(times=times, n_channels=4, hidden=16, readout=8, n_blocks=1)
    model = tiny_run.model.model_copy(update={"second": second})
    changes = {"model": model, "initial": first, "epochs": 4, "hold": False}
    config = elsewhere(tiny_run, "both", **changes)
    whole = train(config)
    once, both = weights_of(first), weights_of(whole)
    moved = {name for name, value in once.items() if not torch.equal(value, both[name])}
    assert {"readout", "surroundings.weight", "density.mix.weight"} <= moved
    assert both["second.readout"].abs().max() > 0.001
    before = load_weights(first).header.training["figures"]["valid_rmsd"]
    assert whole is not None
    assert load_weights(whole).header.training["figures"]["valid_rmsd"] < before
    parts = elsewhere(config, "parts")
    while train(parts, max_minutes=0.0) is None:
        pass
    assert same(both, weights_of(parts.output / "weights.safetensors"))


def test_a_run_goes_on_that_looked_less_often(tiny_run: TrainConfig) -> None:
    first = train(tiny_run)
    second = SecondConfig(n_channels=4, hidden=16, readout=8, n_blocks=1)
    model = tiny_run.model.model_copy(update={"second": second})
    once = train(elsewhere(tiny_run, "once", model=model, initial=first))
    again = second.model_copy(update={"times": 2})
    model = tiny_run.model.model_copy(update={"second": again})
    path = train(elsewhere(tiny_run, "again", model=model, initial=once, epochs=1))
    assert path is not None
    assert load_weights(path).network.n_again == 2
    wider = second.model_copy(update={"radius": 6.0})
    model = tiny_run.model.model_copy(update={"second": wider})
    with pytest.raises(ConfigError, match="is of another network"):
        train(elsewhere(tiny_run, "wider", model=model, initial=once))


def test_rounds_of_messages_learn(tiny_run: TrainConfig) -> None:
    rounds = RoundsConfig(count=2, contacts=1, hidden=16, message=8, n_channels=4)
    model = tiny_run.model.model_copy(update={"rounds": rounds})
    changes = {"model": model, "residues": 9, "epochs": 20, "noise_share": 0.0}
    config = elsewhere(tiny_run, "rounds", **changes)
    path = train(config)
    whole = weights_of(path)
    assert path is not None
    assert load_weights(path).network.n_again == 2
    assert whole["rounds.readout"].abs().max() > 0.001
    lines = (config.output / "log.jsonl").read_text().splitlines()
    errors = [json.loads(line)["valid_rmsd"] for line in lines]
    assert errors[-1] < 0.8 * errors[0]
    parts = elsewhere(config, "parts")
    while train(parts, max_minutes=0.0) is None:
        pass
    assert same(whole, weights_of(parts.output / "weights.safetensors"))


@pytest.mark.parametrize("looks", [1, 2])
def test_rounds_of_messages_go_on_from_looks(tiny_run: TrainConfig, looks: int) -> None:
    """Which are held, unless they are to learn too."""
    initial = train(tiny_run)
    model = tiny_run.model
    if looks == 2:
        second = SecondConfig(n_channels=4, hidden=16, readout=12, n_blocks=1)
        model = model.model_copy(update={"second": second})
        initial = train(elsewhere(tiny_run, "second", model=model, initial=initial, epochs=1))
    rounds = RoundsConfig(count=1, contacts=0, hidden=16, message=8)
    model = model.model_copy(update={"rounds": rounds})
    config = elsewhere(tiny_run, "rounds", model=model, initial=initial, residues=9, epochs=2)
    before, held = weights_of(initial), weights_of(train(config))
    free = weights_of(train(elsewhere(config, "free", hold=False)))
    looked = {name for name in before if not name.startswith("errors.")}
    assert all(torch.equal(before[name], held[name]) for name in looked)
    assert {n for n in looked if n.endswith("narrow.1.weight")} == {
        n for n in looked if n.endswith("narrow.1.weight") and not torch.equal(before[n], free[n])
    }
    assert held["rounds.readout"].abs().max() > 0.001
    assert held["errors.norm.weight"].shape == (16,)


def test_more_rounds_begin_as_the_last_one(tiny_run: TrainConfig) -> None:
    def model(count: int, contacts: int) -> dict[str, Any]:
        rounds = RoundsConfig(count=count, contacts=contacts, hidden=16, message=8, n_channels=2)
        return {"model": tiny_run.model.model_copy(update={"rounds": rounds}), "residues": 9}

    initial = train(elsewhere(tiny_run, "two", **model(2, 1), epochs=2))
    known = weights_of(initial)
    still = {"initial": initial, "hold": False, "epochs": 1, "learning_rate": 1e-12}
    grown = weights_of(train(elsewhere(tiny_run, "four", **model(4, 3), **still)))
    for number, begun_as in ((0, 0), (1, 1), (2, 1), (3, 1)):
        own = {n: t for n, t in grown.items() if n.startswith(f"rounds.rounds.{number}.")}
        assert own
        for name, tensor in own.items():
            other = name.replace(f"rounds.{number}.", f"rounds.{begun_as}.")
            torch.testing.assert_close(tensor, known[other], atol=1e-3, rtol=1e-3)
    for count, contacts in ((1, 0), (4, 2), (4, 4)):  # those that are there would see other things
        with pytest.raises(ConfigError, match="another network"):
            train(elsewhere(tiny_run, f"{count}{contacts}", **model(count, contacts), **still))


def test_the_best_epoch_is_kept(tiny_run: TrainConfig) -> None:
    path = train(tiny_run.model_copy(update={"geometry": (0.0, 3e3), "epochs": 4}))
    assert path is not None
    lines = (tiny_run.output / "log.jsonl").read_text().splitlines()
    errors = [json.loads(line)["valid_rmsd"] for line in lines]
    assert min(errors) < errors[-1]
    kept = load_weights(path).header.training["figures"]
    assert kept["valid_rmsd"] == pytest.approx(min(errors), abs=1e-4)
    assert kept["step"] == 9 * (1 + errors.index(min(errors)))


def test_epochs_are_compared_by_what_is_learnt(tiny_run: TrainConfig) -> None:
    path = train(tiny_run.model_copy(update={"distance": 2.0, "epochs": 3}))
    assert path is not None
    lines = [json.loads(x) for x in (tiny_run.output / "log.jsonl").read_text().splitlines()]
    for line in lines:  # a mean distance is at most a root mean square
        assert 0.0 < line["valid_loss"] - line["valid_rmsd"] ** 2 <= 2.0 * line["valid_rmsd"]
    kept = load_weights(path).header.training["figures"]
    assert kept["valid_loss"] == pytest.approx(min(x["valid_loss"] for x in lines), abs=1e-4)


def test_a_run_that_comes_to_nothing_says_so(tiny_run: TrainConfig) -> None:
    with pytest.raises(ConfigError, match="not finite"):
        train(tiny_run.model_copy(update={"learning_rate": 1e30, "warm_up": 1}))


def test_one_wild_batch_spoils_nothing(
    tiny_run: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    inner = loop.loss_terms

    def wild(*arguments: object) -> object:
        calls.append(arguments)
        terms = inner(*arguments)
        return replace(terms, bond=terms.bond * float("nan")) if len(calls) == 5 else terms

    monkeypatch.setattr(loop, "loss_terms", wild)
    path = train(tiny_run)
    assert path is not None
    assert all(torch.isfinite(t).all() for t in weights_of(path).values())


def test_a_second_look_needs_a_first(tiny_run: TrainConfig) -> None:
    data = {"train": "a", "valid": "b", "output": "c", "model": {"second": {}}}
    with pytest.raises(ConfigError, match=r"model\.second needs 'initial'"):
        parse_config(data, tiny_run.output / "config.yaml")


def test_a_run_does_not_go_on_from_a_committee(tiny_run: TrainConfig) -> None:
    path = train(tiny_run)
    assert path is not None
    joined = tiny_run.output / "joined.safetensors"
    join_weights([load_weights(path)] * 2, joined)
    with pytest.raises(ConfigError, match=r"joined\.safetensors: is a committee of 2 networks"):
        train(elsewhere(tiny_run, "next", initial=joined))


def test_weights_of_another_run_are_not_replaced(tiny_run: TrainConfig) -> None:
    assert train(tiny_run) is not None
    shutil.rmtree(tiny_run.output / "checkpoint")
    before = (tiny_run.output / "weights.safetensors").read_bytes()
    with pytest.raises(OutputError, match="holds weights of another run"):
        train(tiny_run)
    assert (tiny_run.output / "weights.safetensors").read_bytes() == before
    assert train(tiny_run, overwrite=True) is not None


@pytest.mark.parametrize("name", ["valid", "initial"])
def test_another_file_does_not_take_over_a_checkpoint(
    tiny_run: TrainConfig, structures: list[tuple[str, Atoms]], mappings: MappingSet, name: str
) -> None:
    """Epochs judged by other structures cannot be compared, nor can a run begin twice."""
    path = train(tiny_run)
    assert path is not None
    run = elsewhere(tiny_run, "next", initial=path)
    assert train(run, max_minutes=0.0) is None
    other = tiny_run.output / "other.safetensors"
    write_dataset(other, structures[:2], mappings)
    if name == "initial":
        other = train(elsewhere(tiny_run, "third", seed=5)) or other
    with pytest.raises(ConfigError, match=f"another file under '{name}'"):
        train(run.model_copy(update={name: other}))


def test_a_run_that_takes_no_step_learns_nothing(
    tiny_run: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = loop.loss_terms

    def wild(*arguments: object) -> object:
        terms = inner(*arguments)
        return replace(terms, bond=terms.bond * float("nan")) if len(arguments) > 3 else terms

    monkeypatch.setattr(loop, "loss_terms", wild)
    with pytest.raises(ConfigError, match="learnt nothing"):
        train(tiny_run)


def test_a_run_goes_on_exactly_after_a_wild_batch(
    tiny_run: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The optimiser counts its own steps, and not the batches that it left out."""
    inner = loop.loss_terms
    wild_one: list[int] = []

    def wild(batch: Batch, *rest: object) -> object:
        terms = inner(batch, *rest)
        first = int(batch.index[0])
        return replace(terms, bond=terms.bond * float("nan")) if first in wild_one else terms

    monkeypatch.setattr(loop, "loss_terms", wild)
    wild_one.append(0)
    short = tiny_run.model_copy(update={"epochs": 1})
    whole = weights_of(train(short))
    parts, path = elsewhere(short, "parts"), None
    while path is None:
        path = train(parts, max_minutes=0.0)
    state = json.loads((parts.output / "checkpoint" / "state.json").read_text())
    assert 0 < state["taken"] < state["step"]
    assert same(whole, weights_of(path))


def test_all_may_learn_from_shares(tiny_run: TrainConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_run.model.model_copy(update={"rotors": RotorsConfig(hidden=16, dropout=0.0)})
    update = {"model": model, "epochs": 1, "clip": 1e9}
    weak = elsewhere(tiny_run, "weak", **update, shares=0.3)
    apart = silent(weights_of(train(elsewhere(tiny_run, "apart", **update))))
    assert not same(apart, silent(weights_of(train(weak))))
    monkeypatch.setattr("herobm.train.config.ROTOR_WEIGHT", 0.7)
    assert same(apart, silent(weights_of(train(elsewhere(tiny_run, "still", **update)))))
    with pytest.raises(ValueError, match="and not hold: all, with which it learns nothing"):
        TrainConfig.model_validate(weak.model_dump() | {"hold": "all", "initial": "x"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("state.json", "{}"),
        ("state.json", "[]"),
        ("first.safetensors", None),
        ("network.safetensors", None),
    ],
)
def test_a_checkpoint_that_was_changed_is_told(
    tiny_run: TrainConfig, name: str, text: str | None
) -> None:
    train(tiny_run, max_minutes=0.0)
    folder = tiny_run.output / "checkpoint"
    if text is None:
        (folder / name).write_bytes((folder / "best.safetensors").read_bytes())
    else:
        (folder / name).write_text(text)
    with pytest.raises(ConfigError, match="the checkpoint is damaged"):
        train(tiny_run, max_minutes=0.0)


def test_a_run_of_an_earlier_version_is_told(tiny_run: TrainConfig) -> None:
    """Whose network had a readout that there is no more; nothing is wrong with its checkpoint."""
    assert train(tiny_run, max_minutes=0.0) is None
    folder = tiny_run.output / "checkpoint"
    tensors = load_file(folder / "network.safetensors")
    tensors = {name: t for name, t in tensors.items() if not name.startswith("errors.")}
    save_file(tensors | {"error.weight": torch.zeros(3, 9)}, folder / "network.safetensors")
    about = json.loads((folder / "state.json").read_text())
    del about["files"]
    (folder / "state.json").write_text(json.dumps(about))
    with pytest.raises(ConfigError, match="holds a run of an earlier version"):
        train(tiny_run)


def test_what_is_held_is_judged_where_it_never_was(tiny_run: TrainConfig, tmp_path: Path) -> None:
    first = train(tiny_run.model_copy(update={"epochs": 1}))
    assert first is not None
    known = load_weights(first)
    untold = tmp_path / "untold.safetensors"
    header = known.header.model_copy(update={"errors": None})
    save_weights(untold, known.network.state_dict(), header)
    model = tiny_run.model.model_copy(update={"rotors": RotorsConfig(hidden=16)})
    update = {"model": model, "initial": untold, "hold": "all", "epochs": 1}
    path = train(elsewhere(tiny_run, "held", **update))
    assert path is not None
    assert load_weights(path).header.errors is not None

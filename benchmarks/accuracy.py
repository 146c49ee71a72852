"""The accuracy of all models that have weights, as a table, and the same of other programs.

::

    python benchmarks/accuracy.py [--data FOLDER] [--limit N] [--peers] [-o docs/accuracy.md]
        [--mapping ca_only/ca ...] [--set "proteins/test" ...]

Structures are turned into beads and rebuilt; nothing is done to the atoms afterwards unless --post
says so. Programs of others (``pip install -e '.[peers]'``) get the same structures, those without
noise, and the same measures: they stand in the table of the mapping that they read. With -o the
tables go into a file between two marks, and the text around them stays; so do tables of mappings
that were not measured.
"""

from __future__ import annotations

import argparse
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import peers
import torch
from page import between, put_between
from runner import run_main
from startup import processor

import herobm
from herobm.assembly.draft import Model
from herobm.assembly.models import open_model
from herobm.errors import StructureError
from herobm.evaluation.metrics import METRICS
from herobm.evaluation.run import COUNTS, Evaluation, Rebuilds, evaluate
from herobm.io import open_trajectory
from herobm.io.find import spread, structure_files
from herobm.pipeline import Rebuilder
from herobm.plan import compile_library
from herobm.plugins import Registry
from herobm.post.chain import resolve
from herobm.system import Topology
from herobm.types import Atoms

warnings.filterwarnings("ignore")  # of third parties, about structures that are not ours

ROOT = Path(__file__).resolve().parents[1]
#: Marks in the file between which the tables stand.
BEGIN = "<!-- the tables below are written by benchmarks/accuracy.py -->"
END = "<!-- end of the tables -->"


class DataSet(NamedTuple):
    """Structures: a folder of them, or a file with the frames of its trajectory or models."""

    name: str
    structure: str
    trajectory: str | None = None
    noise: float = 0.0

    @property
    def title(self) -> str:
        """Name, and the noise on the beads."""
        return f"{self.name}, noise {self.noise:g} Å" if self.noise else self.name


DATA = [
    DataSet("proteins/test", "proteins/test"),
    DataSet("proteins/test", "proteins/test", noise=0.1),
    DataSet("proteins/test", "proteins/test", noise=0.3),
    DataSet("PED00151", "idp/PED00151val.pdb", "idp/PED00151val.pdb"),
    DataSet("drkN SH3", "idp/drksh3_csss_100.pdb", "idp/drksh3_csss_100.xtc"),
    DataSet("PED00055", "idp/PED00055.pdb"),
]


class Row(NamedTuple):
    """One method on one data set."""

    method: str
    data: DataSet
    found: Evaluation


def structures_of(data: DataSet, root: Path, limit: int | None) -> Iterator[tuple[str, Atoms]]:
    """Visit the structures of a data set, `limit` of them spread over all."""
    path = root / data.structure
    if data.trajectory is None:
        for file in spread(structure_files([path]), limit):
            try:
                yield file.name, herobm.read_atoms(file)
            except StructureError as error:
                print(f"left out: {error.message}")
        return
    atoms = herobm.read_atoms(path)
    with open_trajectory(path, root / data.trajectory, limit=limit) as trajectory:
        for frame in trajectory:
            name = f"{path.name} frame {frame.index}"
            yield name, atoms.with_frame(frame.positions, frame.box)


Maker = Callable[[Topology], Rebuilds]


def methods_of(
    mapping: str, registry: Registry, post: str, device: str, with_peers: bool
) -> dict[str, tuple[Maker, dict[str, tuple[float, float]]]]:
    """Return by name what rebuilds a topology, and lengths of bonds to judge it by.

    Models of the mapping that have weights, and programs of others that read its beads. Bonds
    are judged by the first model of the mapping for all of them.
    """
    found: dict[str, tuple[Maker, dict[str, tuple[float, float]]]] = {}
    steps = resolve(None if post == "default" else post, registry)
    bonds: dict[str, tuple[float, float]] = {}
    for name, spec in sorted(registry.models().items()):
        if spec.weights is None and spec.load is None:
            continue
        model = open_model(name, registry, device)
        if model.mapping != mapping:
            continue
        bonds = bonds or dict(model.bonds)

        def rebuilder(topology: Topology, model: Model = model) -> Rebuilder:
            return Rebuilder(topology, [model], device, steps=steps)

        found[name] = rebuilder, bonds
    if with_peers:
        for peer in peers.installed():
            if peer.mapping == mapping:
                found[peer.name] = peer.rebuilder, bonds
    return found


def measure(chosen: argparse.Namespace, registry: Registry) -> dict[str, list[Row]]:
    """Return the rows of each mapping that some method reads."""
    tables: dict[str, list[Row]] = {}
    if chosen.peers and not peers.installed():
        raise SystemExit("error: no program of others is installed (pip install -e '.[peers]')")
    post, device, with_peers = chosen.post, chosen.device, chosen.peers
    root, limit = chosen.data, chosen.limit
    strangers = {peer.name for peer in peers.PEERS}
    for mapping in chosen.mapping or sorted(registry.mappings()):
        library = compile_library(registry.mapping(mapping))
        for method, (maker, bonds) in methods_of(
            mapping, registry, post, device, with_peers
        ).items():
            for data in DATA:
                if chosen.set and data.title not in chosen.set:
                    continue
                if data.noise and method in strangers:
                    continue
                begin = time.perf_counter()
                given = structures_of(data, root, limit)
                found = evaluate(
                    given,
                    library,
                    maker,
                    bonds=bonds,
                    noise=data.noise,
                    clashscores=chosen.clashscore,
                )
                for name, reason in found.set_aside:
                    print(f"{method}: {name} is set aside: {reason}", flush=True)
                if not found.records:
                    continue
                tables.setdefault(mapping, []).append(Row(method, data, found))
                seconds = time.perf_counter() - begin
                print(f"{method}, {data.title}: {seconds:.0f} s", flush=True)
    return tables


def table(rows: list[Row]) -> str:
    """Write a line for each figure, a column for each method and data set."""
    heads = [f"{row.method}, {row.data.title} ({len(row.found.records)})" for row in rows]
    lines = [f"| | {' | '.join(heads)} |", "|-|" + "-|" * len(rows)]
    summaries = [row.found.summary() for row in rows]
    for key, metric in METRICS.items():
        if not any(key in summary for summary in summaries):
            continue
        cells = []
        for summary in summaries:
            spread = summary.get(key)
            cell = ""
            if spread is not None:
                mean, sd = spread.mean * metric.scale, spread.sd * metric.scale
                cell = f"{mean:.3f} ± {sd:.3f}"
                cell += f", {spread.total:.0f} in all" if key in COUNTS else ""
            cells.append(cell)
        unit = f", {metric.unit}" if metric.unit else ""
        lines.append(f"| {metric.words}{unit} | {' | '.join(cells)} |")
    divergences = [row.found.divergences() for row in rows]
    for key in divergences[0]:
        shown = [f"{d[key]:.3f}" for d in divergences]
        lines.append(f"| KL divergence of {key[3:]}, over all | {' | '.join(shown)} |")
    speed = [sum(r.n_residues for r in row.found.records) for row in rows]
    taken = [sum(r.seconds for r in row.found.records) for row in rows]
    rates = [f"{n / max(t, 1e-9):.0f}" for n, t in zip(speed, taken, strict=True)]
    lines.append(f"| residues a second | {' | '.join(rates)} |")
    return "\n".join(lines)


def insert(path: Path, sections: dict[str, str]) -> None:
    """Put the sections, by mapping, between the marks of a file; those of other mappings stay."""
    pieces = between(path, BEGIN, END).split("\n### ")[1:]
    known = {piece.partition("\n")[0]: f"### {piece.strip()}\n" for piece in pieces}
    text = "\n".join(section for _, section in sorted((known | sections).items()))
    put_between(path, BEGIN, END, text)


def main() -> None:
    """Measure and print; with -o also write."""
    parser = argparse.ArgumentParser(description="The accuracy of all models with weights.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--limit", type=int, help="structures or frames of each data set")
    parser.add_argument("--mapping", action="append", help="these mapping sets only")
    titles = ", ".join(data.title for data in DATA)
    parser.add_argument("--set", action="append", help=f"these data sets only: {titles}")
    parser.add_argument("--post", default="none", help="steps after rebuilding, as of backmap")
    parser.add_argument("--peers", action="store_true", help="run the programs of others, too")
    parser.add_argument("--clashscore", action="store_true", help="with hydrogens, too (hours)")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("-o", "--output", type=Path, help="file with marks to write between")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    registry = herobm.load_registry()
    tables = measure(chosen, registry)
    some = f"{chosen.limit} structures or frames of each set" if chosen.limit else "all structures"
    note = (
        f"herobm {herobm.__version__}, {processor()}, Python {platform.python_version()}, "
        f"{chosen.device}, one thread, --post {chosen.post}, {some}. Means and standard "
        "deviations over structures; their number stands in parentheses."
    )
    sections = {
        mapping: f"### {mapping}\n\n{note}\n\n{table(rows)}\n" for mapping, rows in tables.items()
    }
    print("\n" + "\n".join(sections.values()))
    if chosen.output is not None:
        insert(chosen.output, sections)


if __name__ == "__main__":
    run_main(main)

"""``herobm report``: how plausible atoms are, whoever made them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from herobm.cli.options import open_registry, show_notes
from herobm.cli.progress import track
from herobm.cli.structures import (
    Begin,
    End,
    Overwrite,
    Rename,
    Selection,
    Stride,
    check_outputs,
    pair_trajectories,
    parse_renames,
)

if TYPE_CHECKING:
    from herobm.chem.judging.verdict import Metric, Verdict
    from herobm.io import Frame
    from herobm.plan import Library
    from herobm.plugins.registry import Registry
    from herobm.system import Topology
    from herobm.system.atomistic import AtomLayout
    from herobm.types import Atoms, FloatArray, IntArray

#: Residues with faults that are listed.
SHOWN = 8


def report(
    context: typer.Context,
    structure: Annotated[
        Path, typer.Argument(help="Atomistic structure (PDB, GRO, mmCIF, also .gz).")
    ],
    trajectory: Annotated[
        Path | None, typer.Argument(help="Trajectory of its atoms (XTC, TRR, DCD).")
    ] = None,
    beads: Annotated[
        list[Path] | None,
        typer.Option(
            "--beads",
            metavar="CG",
            help="Beads that the atoms were made from; again, for the trajectory of the beads.",
        ),
    ] = None,
    reference: Annotated[
        list[Path] | None,
        typer.Option(
            "--reference",
            metavar="ATOMS",
            help="Atomistic structure to compare the chi angles with; repeatable, each with its "
            "trajectory behind it.",
        ),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            help="Mapping set, file or folder that knows the residues (and the beads); the packs "
            "that fit by default. Repeatable."
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all figures to this file.")
    ] = None,
    html_file: Annotated[
        Path | None,
        typer.Option("--html", help="Write a page with the Ramachandran plot and the faults."),
    ] = None,
    selection: Selection = "all",
    rename: Rename = None,
    begin: Begin = None,
    end: End = None,
    stride: Stride = None,
    overwrite: Overwrite = False,
) -> None:
    """Judge an atomistic structure, or every frame of a trajectory, without a reference.

    Ramachandran and rotamer outliers, cis and twisted peptides, bonds, angles, hands and clashes;
    with --beads how far the beads of the atoms are from those given.
    """
    from herobm.chem.judging.verdict import Judge
    from herobm.errors import StructureError
    from herobm.system.atomistic import usable_box

    show_notes()
    renames = parse_renames(rename)
    frames = slice(begin, end, stride)
    if trajectory is None and frames != slice(None):
        raise typer.BadParameter("--begin, --end and --stride choose frames of a trajectory")
    given = [structure, trajectory, *(beads or []), *(reference or [])]
    outputs = [path for path in (json_file, html_file) if path is not None]
    check_outputs(outputs, [path for path in given if path is not None], overwrite)
    atoms = _read(structure, selection, renames)
    registry = open_registry(context)
    named = pair_trajectories(beads or [])
    made_of = named[0][0] if named else None
    library = _library(atoms, structure, made_of, mapping or [], registry, renames)
    layout = _lay_out(atoms, structure, library)
    judge = Judge(layout.topology)
    total: Verdict | None = None
    rows = []
    seen = _frames(structure, atoms, trajectory, selection, frames)
    judged = structure, trajectory
    compared = _with_beads(seen, judged, beads or [], layout.topology, library, renames, end)
    for frame, given_beads in compared:
        positions = layout.place(frame.positions, frame.box)
        box = usable_box(layout.topology, positions, frame.box)
        verdict = judge.judge(positions, given_beads, box)
        rows.append({"frame": frame.index, "time": frame.time} | verdict.figures())
        total = verdict if total is None else total + verdict
    if total is None:
        raise StructureError(f"{trajectory}: holds no frame", "Choose another trajectory.")
    if beads and judge.vague.any():
        vague = int(judge.vague.sum())
        typer.echo(f"note: {vague} beads count hydrogens, and are not compared", err=True)
    figures = total.figures() | _divergences(total, reference or [], library, renames)
    found = Found(structure, trajectory, library.name, layout.topology, total, figures, rows)
    _write(found, json_file, html_file, overwrite)
    typer.echo(found.text())


@dataclass(frozen=True, eq=False)
class Found:
    """All that is told about a structure or trajectory."""

    structure: Path
    trajectory: Path | None
    mapping: str
    topology: Topology
    total: Verdict
    figures: dict[str, float]
    rows: list[dict[str, float]]

    def title(self) -> str:
        """Say what was judged, in one line."""
        frames = f", {len(self.rows)} frames of {self.trajectory.name}" if self.trajectory else ""
        n_atoms = self.total.counts["atoms"] // len(self.rows)
        n_residues = self.topology.plan.n_residues
        return f"{self.structure.name}: {n_residues} residues, {n_atoms} heavy atoms{frames}"

    def lines(self) -> list[tuple[str, str, str]]:
        """Words, value with its unit, and the range over frames, of each figure there is."""
        from herobm.chem.judging.verdict import NUMBERS

        found = []
        for key, metric in _metrics().items():
            value = self.figures.get(key, math.nan)
            if not math.isfinite(value):
                continue
            shown = f"{value:.0f}" if key in NUMBERS else f"{value * metric.scale:.3f}"
            spread = [r[key] * metric.scale for r in self.rows if math.isfinite(r.get(key, nan))]
            form = ".0f" if key in NUMBERS else ".3f"
            around = f"{min(spread):{form}} to {max(spread):{form}} a frame" if spread[1:] else ""
            found.append((metric.words, f"{shown} {metric.unit}".rstrip(), around))
        return found

    def worst(self) -> list[str]:
        """Residues with faults, those with most frames first, and what is wrong."""
        from herobm.chem.judging.verdict import FAULTS

        faults = self.total.faults
        order = np.argsort(-faults.sum(axis=0), kind="stable")
        label = self.topology.beads.residues.label
        several = len(self.rows) > 1
        return [
            f"{label(int(i))}: "
            + ", ".join(
                f"{name} ({n} frames)" if several else name
                for name, n in zip(FAULTS, faults[:, i].tolist(), strict=True)
                if n
            )
            for i in order[: min(SHOWN, int((faults.sum(axis=0) > 0).sum()))]
        ]

    def text(self) -> str:
        """Return the table for the terminal."""
        table = [f"{words:28} {value:>14}  {spread}" for words, value, spread in self.lines()]
        worst = self.worst()
        listed = ["", "residues with most faults:", *(f"  {line}" for line in worst)]
        lines = [self.title(), "", *table, *(listed if worst else [])]
        return "\n".join(line.rstrip() for line in lines)

    def as_json(self) -> dict[str, Any]:
        """Return everything as what JSON knows; null for what is not there."""
        from herobm.chem.judging.verdict import FAULTS

        faults = self.total.faults
        label = self.topology.beads.residues.label
        residues = [
            {"residue": label(i)} | {n: int(f) for n, f in zip(FAULTS, faults[:, i], strict=True)}
            for i in np.flatnonzero(faults.sum(axis=0)).tolist()
        ]
        return {
            "structure": str(self.structure),
            "trajectory": None if self.trajectory is None else str(self.trajectory),
            "mapping": self.mapping,
            "n_residues": self.topology.plan.n_residues,
            "n_frames": len(self.rows),
            "counts": dict(self.total.counts),
            "figures": _finite(self.figures),
            "frames": [_finite(row) for row in self.rows],
            "residues": residues,
        }


def _metrics() -> dict[str, Metric]:
    from herobm.chem.judging.verdict import CHI_BIN, FIGURES, Metric

    bins = f"bins of {CHI_BIN} degrees"
    chi = {f"kl_chi{n}": Metric(f"divergence of chi{n}", f"({bins})") for n in (1, 2)}
    return FIGURES | chi


def _finite(row: dict[str, float]) -> dict[str, float | None]:
    return {key: value if math.isfinite(value) else None for key, value in row.items()}


def _read(structure: Path, selection: str, renames: dict[str, str]) -> Atoms:
    from herobm.io import read_atoms
    from herobm.system import rename_residues

    return rename_residues(read_atoms(structure, selection), renames, str(structure))


def _library(
    atoms: Atoms,
    structure: Path,
    beads: Path | None,
    names: Sequence[str],
    registry: Registry,
    renames: dict[str, str],
) -> Library:
    """Load the mapping sets asked for; else those that fit the beads, or the atoms."""
    from herobm.assembly.choice import open_library_of_atoms
    from herobm.assembly.likeness import likeliest_mappings
    from herobm.errors import UnmappedResidueError
    from herobm.io import read_beads
    from herobm.system import rename_residues

    if beads is not None and not names:
        given = rename_residues(read_beads(beads), renames, str(beads))
        names = likeliest_mappings(given, registry, str(beads))
    library = open_library_of_atoms(atoms, names, registry, str(structure))
    if library is None:
        raise UnmappedResidueError(
            f"{structure}: no mapping that is installed has any of its residues",
            "Name a mapping set or file that has them (--mapping).",
        )
    return library


def _lay_out(atoms: Atoms, structure: Path, library: Library) -> AtomLayout:
    """Recognise the atoms of a structure; say which residues of it do not count."""
    from herobm.system.atomistic import AtomLayout
    from herobm.system.matching import find_templates

    layout = AtomLayout.of(atoms, library, str(structure))
    left_out = len(atoms.residues) - len(layout.topology.beads.residues)
    unknown = int((find_templates(atoms.residues, library) < 0).sum())
    for count, why in (
        (unknown, "that the mapping lacks"),
        (left_out - unknown, "without any atom of a bead"),
    ):
        if count:
            typer.echo(f"note: {structure}: {count} residue(s) {why} do not count", err=True)
    return layout


def _frames(
    structure: Path, atoms: Atoms, trajectory: Path | None, selection: str, frames: slice
) -> Iterator[Frame]:
    """Visit the structure, or the frames of its trajectory."""
    from herobm.io import Frame, open_trajectory

    if trajectory is None:
        yield Frame(0, atoms.positions, atoms.box, 0.0, 0)
        return
    chosen = {"start": frames.start, "stop": frames.stop, "step": frames.step}
    with open_trajectory(structure, trajectory, selection, **chosen) as opened:
        yield from track(opened, "judging")


def _with_beads(
    frames: Iterator[Frame],
    judged: tuple[Path, Path | None],
    paths: list[Path],
    topology: Topology,
    library: Library,
    renames: dict[str, str],
    end: int | None,
) -> Iterator[tuple[Frame, FloatArray | None]]:
    """Add the beads (n_beads, 3) that each frame was made from."""
    from herobm.io import read_beads
    from herobm.io.pairing import pair_frames
    from herobm.system import rename_residues
    from herobm.system.topology import build_topology, report_box

    systems: list[tuple[Path, Path | None]] = pair_trajectories(paths)
    if len(paths) == 2:
        systems = [(paths[0], paths[1])]  # whatever the second one is called: models, or frames
    if len(systems) > 1:
        raise typer.BadParameter("--beads names one structure, and its trajectory behind it")
    if not systems:
        yield from zip(frames, repeat(None))
        return
    path, trajectory = systems[0]
    given = rename_residues(read_beads(path), renames, str(path))
    coarse = build_topology(given, library, skip_unmapped=True, source=str(path))
    report_box(coarse)
    _require_same(coarse, topology, path)
    if trajectory is None:
        if judged[1] is not None:
            typer.echo(f"note: all frames are compared with the beads of {path}", err=True)
        yield from zip(frames, repeat(coarse.beads.positions))
        return
    source = None if judged[1] is None else (judged[0], judged[1])
    for frame, other in pair_frames(frames, source, (path, trajectory), end):
        where = f"{trajectory}: frame {other.index}"
        yield frame, coarse.place(other.positions, other.box, where).positions


def _require_same(coarse: Topology, topology: Topology, path: Path) -> None:
    """Stop at beads of other residues.

    Raises
    ------
    StructureError
    """
    from herobm.errors import StructureError
    from herobm.post.alike import first_other

    beads, atoms = coarse.beads.residues, topology.beads.residues
    other = first_other(beads, atoms, topology.plan.library)
    if other is not None:
        raise StructureError(
            f"{path}: its beads (of {len(beads)} residues) are not those of the atoms "
            f"({len(atoms)}): {other}",
            "Give the beads of the residues that are judged, all of them and in the same order; "
            "--selection chooses among the atoms only.",
        )


def _divergences(
    total: Verdict, paths: list[Path], library: Library, renames: dict[str, str]
) -> dict[str, float]:
    """Compare the chi angles with those of reference structures."""
    from herobm.chem.judging.verdict import chi_histograms, divergence
    from herobm.chem.protein.chi import find_chi

    reference: list[IntArray] = []
    for structure, trajectory in pair_trajectories(paths):
        atoms = _read(structure, "all", renames)
        layout = _lay_out(atoms, structure, library)
        chi = find_chi(layout.topology.plan)
        for frame in _frames(structure, atoms, trajectory, "all", slice(None)):
            reference.append(chi_histograms(chi, layout.place(frame.positions, frame.box)))
    if not reference:
        return {}
    return {
        f"kl_chi{number}": divergence(theirs, ours)
        for number, (theirs, ours) in enumerate(
            zip(np.sum(reference, axis=0), total.chi, strict=True), start=1
        )
    }


def _write(found: Found, json_file: Path | None, html_file: Path | None, overwrite: bool) -> None:
    import json

    from herobm.chem.judging.report_page import page
    from herobm.io import written_aside

    if json_file is not None:
        with written_aside(json_file, overwrite) as aside:
            text = json.dumps(found.as_json(), indent=1, ensure_ascii=False)
            aside.write_text(text + "\n", encoding="utf-8")
    if html_file is not None:
        residues = found.topology.beads.residues
        labels = [residues.label(i) for i in range(len(residues))]
        with written_aside(html_file, overwrite) as aside:
            text = page(found.title(), found.lines(), found.worst(), labels, found.total)
            aside.write_text(text, encoding="utf-8")

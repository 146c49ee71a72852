"""Draw a backmapped structure over its beads.

`make picture` calls it: ``python docs/make_picture.py CG.pdb ATOMS.pdb -o PICTURE.png``

Left: the beads. Right: the atoms that were rebuilt from them, the beads pale behind.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Line3DCollection
from scipy.spatial import cKDTree

import herobm
from herobm.types import Atoms, Beads, FloatArray, IntArray

#: Bonded radii in Å; two atoms closer than their sum plus 0.25 Å are drawn as bonded.
RADII = {"C": 0.76, "N": 0.71, "O": 0.66, "S": 1.05}
COLOURS = {"C": "#3c4650", "N": "#2f6fd6", "O": "#d6402f", "S": "#d9a514"}
BACKBONE, SIDE_CHAIN = "#4f9d8f", "#e3b778"


def principal_axes(positions: FloatArray) -> FloatArray:
    """Rotation (3, 3) that lays the longest axis along x and the shortest along the view."""
    _, _, axes = np.linalg.svd(positions - positions.mean(axis=0), full_matrices=False)
    axes[2] = np.cross(axes[0], axes[1])
    return np.asarray(axes)


def bonds_of(atoms: Atoms, elements: list[str]) -> IntArray:
    """Pairs (n_bonds, 2) of atoms as close as a covalent bond."""
    pairs = cKDTree(atoms.positions).query_pairs(2.3, output_type="ndarray")
    radii = np.array([RADII.get(element, 0.75) for element in elements])
    distance = np.linalg.norm(atoms.positions[pairs[:, 0]] - atoms.positions[pairs[:, 1]], axis=1)
    return np.asarray(pairs[distance < radii[pairs].sum(axis=1) + 0.25])


def depth_order(points: FloatArray) -> FloatArray:
    """0 for the furthest point (n,) to 1 for the nearest, along the view (-y)."""
    depth = -points[:, 1]
    return np.asarray((depth - depth.min()) / max(np.ptp(depth), 1e-9))


def draw_beads(axes: Axes3D, points: FloatArray, beads: Beads, alpha: float) -> None:
    is_backbone = np.char.startswith(beads.names.astype(str), "BB")
    chain = points[is_backbone]
    steps = np.linalg.norm(np.diff(chain, axis=0), axis=1) < 4.5
    segments = np.stack([chain[:-1], chain[1:]], axis=1)[steps]
    axes.add_collection3d(Line3DCollection(segments, colors=BACKBONE, linewidths=3, alpha=alpha))
    colours = np.where(is_backbone, BACKBONE, SIDE_CHAIN)
    axes.scatter(*points.T, s=190, c=colours, alpha=alpha, edgecolors="none", depthshade=False)


def draw_atoms(axes: Axes3D, points: FloatArray, atoms: Atoms) -> None:
    elements = [str(e) for e in (atoms.elements if atoms.elements is not None else atoms.names)]
    elements = [e if e in COLOURS else e[:1] for e in elements]
    pairs = bonds_of(atoms, elements)
    middle = points[pairs].mean(axis=1)
    near = depth_order(middle)
    for end in (0, 1):  # each half of a bond in the colour of its atom
        halves = np.stack([points[pairs[:, end]], middle], axis=1)
        rgba = matplotlib.colors.to_rgba_array(
            [COLOURS.get(elements[i], "k") for i in pairs[:, end]]
        )
        rgba[:, 3] = 0.45 + 0.55 * near
        axes.add_collection3d(Line3DCollection(halves, colors=rgba, linewidths=0.9 + 1.3 * near))


def frame(axes: Axes3D, points: FloatArray, title: str) -> None:
    low, high = points.min(axis=0) - 2, points.max(axis=0) + 2
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
    axes.set_box_aspect(high - low, zoom=1.38)
    axes.view_init(elev=0, azim=-90)
    axes.set_proj_type("ortho")
    axes.set_axis_off()
    axes.set_title(title, fontsize=11, y=0.0)


def draw(beads: Beads, atoms: Atoms, path: Path) -> None:
    """Draw both and write the picture."""
    rotation, centre = principal_axes(beads.positions), beads.positions.mean(axis=0)
    order = [0, 2, 1]  # the second axis points up, the third at the reader
    bead_points = ((beads.positions - centre) @ rotation.T)[:, order]
    atom_points = ((atoms.positions - centre) @ rotation.T)[:, order]
    bead_points[:, 1] *= -1  # keeps the picture right-handed
    atom_points[:, 1] *= -1
    figure = plt.figure(figsize=(10, 4.0), dpi=150)
    left = figure.add_axes((0.0, 0.02, 0.5, 0.96), projection="3d")
    right = figure.add_axes((0.5, 0.02, 0.5, 0.96), projection="3d")
    draw_beads(left, bead_points, beads, alpha=0.9)
    draw_beads(right, bead_points, beads, alpha=0.4)
    draw_atoms(right, atom_points, atoms)
    everything = np.concatenate([bead_points, atom_points])
    frame(left, everything, f"{len(beads)} beads")
    frame(right, everything, f"{len(atoms)} atoms")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, facecolor="white", metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("beads", type=Path)
    parser.add_argument("atoms", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    chosen = parser.parse_args()
    draw(herobm.read_beads(chosen.beads), herobm.read_atoms(chosen.atoms), chosen.output)
    print(f"wrote {chosen.output}")


if __name__ == "__main__":
    main()

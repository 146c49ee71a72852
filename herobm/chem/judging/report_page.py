"""A page to look at: Ramachandran plots, and where along the chain the faults are."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from herobm.chem.judging.verdict import FAULTS, Verdict
from herobm.chem.protein.ramachandran import CELL, CLASSES, OUTLIER, regions
from herobm.types import IntArray

#: Pixels of a cell of phi and psi, of a residue, and of a row of the strip.
_CELL, _RESIDUE, _ROW = 3, 4, 14
#: Residues in a line of the strip.
_WRAP = 200
_REGIONS = ("#c9dcef", "#e6eef7", "#ffffff")
_USUAL, _FAULT = "#1f3b5c", "#c4342d"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 1000px; color: #222; }
table { border-collapse: collapse; } td { padding: 0.1em 1.2em 0.1em 0; }
td:nth-child(2) { text-align: right; font-variant-numeric: tabular-nums; }
td:nth-child(3) { color: #666; } svg { font: 11px system-ui, sans-serif; margin: 0 1em 1em 0; }
"""


def page(
    title: str,
    lines: Sequence[tuple[str, str, str]],
    worst: Sequence[str],
    labels: Sequence[str],
    verdict: Verdict,
) -> str:
    """Return a whole HTML page, pictures included.

    Parameters
    ----------
    title : str
    lines : sequence of (words, value, range)
        The table.
    worst : sequence of str
        What to say about residues with faults.
    labels : sequence of str, length n_residues
    verdict : Verdict
        Of all frames.
    """
    rows = "\n".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in line) + "</tr>" for line in lines
    )
    plots = "\n".join(_ramachandran(kind, verdict.torsions[kind]) for kind in range(len(CLASSES)))
    strips = "\n".join(
        _strip(verdict.faults[:, i : i + _WRAP], labels[i : i + _WRAP], verdict.n_frames)
        for i in range(0, len(labels), _WRAP)
    )
    faults = "".join(f"<li>{escape(line)}</li>" for line in worst)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<style>{_STYLE}</style></head><body>
<h1>{escape(title)}</h1>
<table>{rows}</table>
<h2>Phi and psi</h2>
<p>Dark blue regions hold 98 %, light ones 99.9 % of the residues of crystal structures. Dots are
cells of {CELL} degrees; red ones are outliers.</p>
{plots}
<h2>Faults along the chain</h2>
<p>The redder, the more frames ({verdict.n_frames}) in which a residue has the fault.</p>
{strips}
<ul>{faults}</ul>
</body></html>
"""


def _ramachandran(kind: int, counts: IntArray) -> str:
    """Draw phi to the right and psi upwards, from -180 to 180 degrees."""
    n_cells = len(counts)
    size = n_cells * _CELL
    level = regions()[kind]
    drawn = []
    for value in (1, 0):  # what is allowed below what is favoured
        for phi, psi in np.argwhere(level == value).tolist():
            x, y = phi * _CELL, size - (psi + 1) * _CELL
            drawn.append(f'<path d="M{x} {y}h{_CELL}v{_CELL}h-{_CELL}z" fill="{_REGIONS[value]}"/>')
    largest = max(int(counts.max()), 1)
    for phi, psi in np.argwhere(counts > 0).tolist():
        across, down = (phi + 0.5) * _CELL, size - (psi + 0.5) * _CELL
        radius = 1.2 + 1.5 * np.sqrt(counts[phi, psi] / largest)
        colour = _FAULT if level[phi, psi] == OUTLIER else _USUAL
        place = f"phi {phi * CELL - 180}, psi {psi * CELL - 180}: {counts[phi, psi]}"
        drawn.append(
            f'<circle cx="{across}" cy="{down}" r="{radius:.1f}" fill="{colour}">'
            f"<title>{place}</title></circle>"
        )
    axes = (
        f'<path d="M0 0h{size}v{size}h-{size}zM{size / 2} 0v{size}M0 {size / 2}h{size}" '
        'fill="none" stroke="#999" stroke-width="0.5"/>'
    )
    return (
        f'<svg width="{size + 4}" height="{size + 22}" viewBox="-2 -18 {size + 4} {size + 22}">'
        f'<text y="-5">{CLASSES[kind]} ({int(counts.sum())})</text>{"".join(drawn)}{axes}</svg>'
    )


def _strip(faults: IntArray, labels: Sequence[str], n_frames: int) -> str:
    """Draw a row for each kind of fault, a column for each residue."""
    left = 140
    width, height = len(labels) * _RESIDUE, len(FAULTS) * _ROW
    drawn = [
        f'<text x="{left - 6}" y="{(row + 0.8) * _ROW:.1f}" text-anchor="end">{name}</text>'
        f'<path d="M{left} {(row + 1) * _ROW}h{width}" stroke="#ddd"/>'
        for row, name in enumerate(FAULTS)
    ]
    for row, residue in np.argwhere(faults > 0).tolist():
        share = faults[row, residue] / n_frames
        words = f"{labels[residue]}: {FAULTS[row]}, {100 * share:.0f} % of frames"
        drawn.append(
            f'<rect x="{left + residue * _RESIDUE}" y="{row * _ROW + 1}" width="{_RESIDUE}" '
            f'height="{_ROW - 2}" fill="{_FAULT}" opacity="{0.25 + 0.75 * share:.2f}">'
            f"<title>{escape(words)}</title></rect>"
        )
    for residue in range(0, len(labels), 25):
        drawn.append(
            f'<text x="{left + residue * _RESIDUE}" y="{height + 14}">'
            f"{escape(labels[residue])}</text>"
        )
    return f'<svg width="{left + width + 80}" height="{height + 20}">{"".join(drawn)}</svg>'

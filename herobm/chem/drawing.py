"""A molecule drawn with its beads: blobs behind the atoms, arrows from anchors, level numbers."""

from __future__ import annotations

from xml.sax.saxutils import escape

import networkx as nx
import numpy as np

from herobm.chem.sketch import Sketch, lay_out, normal
from herobm.dsl.model import Mapping, Placement
from herobm.types import FloatArray

_BLOB = 21.0  # px, radius
_MARGIN = 46.0
_ROW = 22.0
_NAME = 13
_FONT = "font-family='DejaVu Sans, Helvetica, Arial, sans-serif'"


def draw(mapping: Mapping) -> str:
    """Draw a mapping as SVG.

    Parameters
    ----------
    mapping : Mapping
        With bonds; see `herobm.chem.completion.complete` for one without.

    Returns
    -------
    str
        Heavy atoms with their names and the level at which each bead rebuilds them, bonds, a
        blob for each bead, an arrow from each anchor to the atom that hangs on it (a dotted one
        from the position of the bead), and a legend.
    """
    sketch = lay_out(mapping)
    low, high = sketch.places.min(axis=0) - _MARGIN, sketch.places.max(axis=0) + _MARGIN
    legend, legend_size = _legend(sketch)
    width = max(high[0] - low[0], legend_size[0])
    height = high[1] - low[1] + legend_size[1] + 30
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width:.0f}' height='{height:.0f}' "
        f"viewBox='0 0 {width:.0f} {height:.0f}' {_FONT}>",
        f"<title>{escape(mapping.name)}: atoms, beads and anchors</title>",
        _markers(sketch),
        "<rect width='100%' height='100%' fill='#ffffff'/>",
        f"<text x='16' y='26' font-size='17' font-weight='bold'>"
        f"{escape(', '.join(mapping.molecules[:6]))}</text>",
        f"<g transform='translate({(width - high[0] - low[0]) / 2:.1f} {30 - low[1]:.1f})'>",
        *_blobs(sketch),
        *_bonds(sketch),
        *_arrows(sketch),
        *_names(sketch),
        "</g>",
        f"<g transform='translate(16 {height - legend_size[1]:.1f})'>",
        *legend,
        "</g>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _blobs(sketch: Sketch) -> list[str]:
    """Bands along the bonds of each bead and between its pieces, and discs on the atoms.

    A bond of several beads is striped; the disc of an atom of several is cut by their shares.
    """
    homes: dict[str, list[str]] = {}
    for bead, members in sketch.members.items():
        for name, _ in members:
            homes.setdefault(name, []).append(bead)
    bands, discs = [], []
    for bead, members in sketch.members.items():
        names = [n for n, _ in members]
        light = sketch.colours[bead][0]
        head = f"<g class='bead' fill='{light}' stroke='{light}'><title>{escape(bead)}</title>"
        lines = [_band(sketch, bead, band, homes) for band in _bands(sketch, names)]
        bands += [head, *lines, "</g>"] if lines else []
        wedges = [_wedge(sketch, name, bead) for name in names]
        discs += [head, *wedges, "</g>"] if wedges else []
    return bands + discs


def _band(
    sketch: Sketch, bead: str, band: tuple[str, str, float], homes: dict[str, list[str]]
) -> str:
    one, two, width = band
    a, b = sketch.at(one), sketch.at(two)
    both = [h for h in homes[one] if h in homes[two]]
    if width < 2 * _BLOB or len(both) == 1:
        return _line(a, b, f"stroke-width='{width:g}'")
    across = normal(a, b)
    both.sort(key=lambda h: float(_middle(sketch, h) @ across))
    stripe = width / len(both)
    shift = across * (stripe * (both.index(bead) + 0.5) - width / 2)
    return _line(a + shift, b + shift, f"stroke-width='{stripe:.2f}'")


def _middle(sketch: Sketch, bead: str) -> FloatArray:
    middle: FloatArray = np.mean([sketch.at(n) for n, _ in sketch.members[bead]], axis=0)
    return middle


def _wedge(sketch: Sketch, name: str, bead: str) -> str:
    """Draw the part of an atom's disc that a bead has; that of the first bead looks at it."""
    x, y = sketch.at(name)
    placements = sketch.atoms[name].placements
    if len(placements) == 1:
        return f"<circle cx='{x:.1f}' cy='{y:.1f}' r='{_BLOB}' stroke='none'/>"
    shares = np.array([max(float(p.weight), 0.08) for p in placements])
    shares /= shares.sum()
    number = [p.bead for p in placements].index(bead)
    aim = _middle(sketch, placements[0].bead) - _middle(sketch, placements[-1].bead)
    start = np.arctan2(aim[1], aim[0]) - np.pi * shares[0] + 2 * np.pi * shares[:number].sum()
    end = start + 2 * np.pi * shares[number]
    corners = [(x + _BLOB * np.cos(t), y + _BLOB * np.sin(t)) for t in (start, end)]
    large = int(shares[number] > 0.5)
    return (
        f"<path d='M{x:.1f} {y:.1f} L{corners[0][0]:.1f} {corners[0][1]:.1f} A{_BLOB} {_BLOB} 0 "
        f"{large} 1 {corners[1][0]:.1f} {corners[1][1]:.1f} z' stroke='none'/>"
    )


def _bands(sketch: Sketch, names: list[str]) -> list[tuple[str, str, float]]:
    """Bonds within a bead, and thin bands that join its pieces, the shortest ones."""
    graph: nx.Graph = nx.Graph()
    graph.add_nodes_from(names)
    graph.add_edges_from(pair for pair in sketch.bonds if set(pair) <= set(names))
    bands = [(a, b, 2 * _BLOB) for a, b in graph.edges]
    pieces = [sorted(p) for p in nx.connected_components(graph)]
    while len(pieces) > 1:
        first = pieces.pop(0)
        _, a, b, piece = min(
            (float(np.linalg.norm(sketch.at(a) - sketch.at(b))), a, b, k)
            for k, other in enumerate(pieces)
            for a in first
            for b in other
        )
        bands.append((a, b, 8.0))
        pieces[piece] += first
    return bands


def _line(a: FloatArray, b: FloatArray, style: str) -> str:
    return f"<line x1='{a[0]:.1f}' y1='{a[1]:.1f}' x2='{b[0]:.1f}' y2='{b[1]:.1f}' {style}/>"


def _bonds(sketch: Sketch) -> list[str]:
    style = "stroke='#555555' stroke-width='1.6'"
    parts = []
    for (one, two), symbol in sketch.bonds.items():
        a, b = sketch.at(one), sketch.at(two)
        inward = sketch.inward.get(frozenset((one, two)))
        if inward is not None and symbol in "=:":
            dashes = " stroke-dasharray='4 3'" if symbol == ":" else ""
            trim = (b - a) * 0.14
            parts.append(_line(a, b, style))
            parts.append(_line(a + inward * 5 + trim, b + inward * 5 - trim, style + dashes))
            continue
        across = normal(a, b)
        offsets = {"=": (-2.6, 2.6), "#": (-4.0, 0.0, 4.0)}.get(symbol, (0.0,))
        parts += [_line(a + across * o, b + across * o, style) for o in offsets]
    for here, there, row in sketch.links:
        a, b = sketch.at(here), sketch.places[row]
        parts.append(_line(a, a + (b - a) * 0.72, "stroke='#aaaaaa' stroke-width='1.6'"))
        x, y = a + (b - a) * 0.92
        parts.append(
            f"<text x='{x:.1f}' y='{y + 4:.1f}' font-size='11' fill='#777777' "
            f"text-anchor='middle'>{escape(there)}</text>"
        )
    return parts


def _markers(sketch: Sketch) -> str:
    heads = [
        f"<marker id='head{i}' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='8' "
        f"markerHeight='8' markerUnits='userSpaceOnUse' orient='auto'>"
        f"<path d='M0 0.6 L8 4 L0 7.4 z' fill='{dark}'/></marker>"
        for i, (_, dark) in enumerate(sketch.colours.values())
    ]
    return "<defs>" + "".join(heads) + "</defs>"


def _arrows(sketch: Sketch) -> list[str]:
    """Arrows beside the bonds from anchors to atoms; dotted ones from the positions of beads."""
    parts = []
    for number, (bead, members) in enumerate(sketch.members.items()):
        by_id = {(p.rule.level, p.rule.id): n for n, p in members if p.rule is not None}
        dark = sketch.colours[bead][1]
        center = sketch.bead_at(bead)
        for name, placement in members:
            rule = placement.rule
            if rule is None or center is None:
                continue
            anchor = by_id.get((rule.level - 1, rule.anchor)) if rule.anchor else None
            style = f"stroke='{dark}' stroke-width='1.5' marker-end='url(#head{number})'"
            end = sketch.at(name)
            if anchor is None:
                parts += _arrow(center, end, style + " stroke-dasharray='2 3'", None)
            else:
                start = sketch.at(anchor)
                inward = sketch.inward.get(frozenset((anchor, name)))
                beside = normal(start, end) if inward is None else -inward
                parts += _arrow(start, end, style, beside)
        if center is not None:
            x, y = center
            if any(np.linalg.norm(sketch.at(n) - center) < 8 for n, _ in members):
                parts.append(
                    f"<circle class='center' cx='{x:.1f}' cy='{y:.1f}' r='{_BLOB - 2}' "
                    f"fill='none' stroke='{dark}' stroke-width='2'/>"
                )
                continue
            parts.append(
                f"<path d='M{x:.1f} {y - 5:.1f} l5 5 l-5 5 l-5 -5 z' fill='{dark}' "
                "stroke='#ffffff'/>"
            )
    return parts


def _arrow(start: FloatArray, end: FloatArray, style: str, beside: FloatArray | None) -> list[str]:
    length = float(np.linalg.norm(end - start))
    if length < _BLOB:
        return []
    along = (end - start) / length
    if beside is None:
        return [_line(start + along * 4, end - along * 16, f"class='anchor' {style}")]
    shift = beside * 8
    return [_line(start + shift + along * 15, end + shift - along * 16, f"class='anchor' {style}")]


def _names(sketch: Sketch) -> list[str]:
    parts = []
    halo = "stroke='#ffffff' stroke-width='3.5' stroke-linejoin='round' paint-order='stroke'"
    for name, atom in sketch.atoms.items():
        x, y = sketch.at(name)
        weight = "normal" if atom.rebuilt else "normal' font-style='italic"
        parts.append(
            f"<text class='atom' x='{x:.1f}' y='{y + 4.5:.1f}' font-size='{_NAME}' "
            f"text-anchor='middle' font-weight='{weight}' {halo}>{escape(name)}</text>"
        )
        ruled = [p for p in atom.placements if p.rule is not None]
        parts += [_badge(sketch, p, x + 14 + 12.0 * k, y - 13) for k, p in enumerate(ruled)]
    return parts


def _badge(sketch: Sketch, placement: Placement, x: float, y: float) -> str:
    """Draw the level at which a bead rebuilds an atom."""
    assert placement.rule is not None
    dark = sketch.colours[placement.bead][1]
    return (
        f"<circle cx='{x:.1f}' cy='{y:.1f}' r='6' fill='{dark}' stroke='#ffffff'/>"
        f"<text class='level' x='{x:.1f}' y='{y + 3.2:.1f}' font-size='9' fill='#ffffff' "
        f"font-weight='bold' text-anchor='middle'>{placement.rule.level}</text>"
    )


def _legend(sketch: Sketch) -> tuple[list[str], tuple[float, float]]:
    """Swatches of the beads in columns, and how to read the drawing; and the size of it (px)."""
    cells = []
    for bead, members in sketch.members.items():
        kind = sketch.mapping.beads[bead]
        cells.append((bead, f"{bead}{f' ({kind})' if kind else ''}: {len(members)} heavy"))
    wide = max((len(text) for _, text in cells), default=0) * 7.2 + 44
    columns = max(1, min(len(cells), int(640 // wide)))
    parts = []
    for i, (bead, text) in enumerate(cells):
        x, y = (i % columns) * wide, (i // columns) * _ROW
        light, dark = sketch.colours[bead]
        parts.append(
            f"<rect x='{x:.1f}' y='{y:.1f}' width='18' height='14' rx='6' fill='{light}' "
            f"stroke='{dark}'/><text x='{x + 26:.1f}' y='{y + 11.5:.1f}' font-size='12'>"
            f"{escape(text)}</text>"
        )
    rows = -(-len(cells) // columns)
    note = (
        "diamond or ring: place of the bead; number: level; dotted arrow: from the bead; "
        "solid arrow: from the anchor"
    )
    y = rows * _ROW + 12
    parts.append(f"<text x='0' y='{y:.1f}' font-size='11' fill='#555555'>{note}</text>")
    return parts, (max(columns * wide, 700.0) + 32, y + 18)

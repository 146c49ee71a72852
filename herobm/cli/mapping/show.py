"""``herobm mapping show``: a mapping as a table, its hierarchy as trees, and a drawing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from herobm.cli.options import open_registry
from herobm.cli.structures import Overwrite
from herobm.errors import UnknownNameError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.tree import Tree

    from herobm.dsl.model import MappedAtom, Mapping, Placement
    from herobm.plan.template import Library, Template

_WIDTH = 120  # characters, where the output is no terminal


def show(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="A mapping file or folder, or a registered set."),
    ],
    residue: Annotated[
        str | None, typer.Argument(metavar="[RESIDUE]", help="Which residue of several.")
    ] = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", metavar="FILE", help="Draw the molecule as SVG.")
    ] = None,
    structure: Annotated[
        Path | None,
        typer.Option("--structure", metavar="FILE", help="Where bonds come from if it has none."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Show a mapping: what each atom is to its beads, and what is rebuilt from what.

    A set of several residues is listed; name one of them to see it. The drawing shows heavy
    atoms with the level of each, a blob for each bead, and arrows from the anchors.
    """
    from herobm.plan.template import compile_library

    library = compile_library(open_registry(context).mapping(name))
    if residue is None and len(library.templates) > 1:
        if svg is not None:
            raise UnknownNameError(
                f"--svg draws one residue, '{name}' has {len(library.templates)}",
                f"Name one of them: {_names(library)}.",
            )
        _list(library)
        return
    template = _find(library, residue)
    if svg is not None:
        _draw(template, svg, structure, overwrite)
    console = _console()
    _write_table(console, template)
    for bead in template.beads:
        console.print(_tree(template, bead))


def _names(library: Library) -> str:
    return ", ".join(t.name for t in library)


def _find(library: Library, residue: str | None) -> Template:
    if residue is None and library.templates:
        return library.templates[0]
    found = library.get(residue) if residue is not None else None
    if found is None:
        from herobm.dsl.spelling import nearest

        guess = nearest(residue or "", library.by_residue)
        hint = f"Did you mean {guess}? " if guess else ""
        raise UnknownNameError(
            f"mapping '{library.name}' has no residue {residue or ''}".rstrip(),
            f"{hint}It has: {_names(library)}.",
        )
    return found


def _console() -> Console:
    from rich.console import Console

    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDTH)


def _list(library: Library) -> None:
    from rich.table import Table

    table = Table(title=library.name, title_justify="left")
    for title in ("residue", "other names", "beads", "atoms", "rebuilt", "levels"):
        table.add_column(title, overflow="fold")
    for template in library:
        rules = template.rows.level
        table.add_row(
            template.name,
            ", ".join(template.mapping.molecules[1:]),
            " ".join(template.beads),
            str(len(template.mapping.atoms)),
            str(len(template.atoms)),
            str(int(rules.max())) if len(rules) else "",
        )
    _console().print(table)


def _write_table(console: Console, template: Template) -> None:
    from rich.markup import escape
    from rich.table import Table

    mapping = template.mapping
    title = f"{', '.join(mapping.molecules)}: {len(mapping.atoms)} atoms, {len(template.beads)} "
    title += f"beads, {len(template.atoms)} atoms are rebuilt"
    table = Table(title=escape(title), title_justify="left")
    for column in ("atom", "other names", "element", "bead", "rule", "anchor", "weight", "counts"):
        table.add_column(column, overflow="fold")
    if any(template.place.values()):
        table.add_column("where")
    for atom in mapping.atoms:
        rows = [_cells(mapping, p) for p in atom.placements]
        cells = ["\n".join(lines) for lines in zip(*rows, strict=True)]
        where = ["", "chain start", "chain end"][template.place[atom.name]]
        texts = [atom.name, ", ".join(atom.names[1:]), atom.element or "?", *cells]
        texts += [where] if any(template.place.values()) else []
        table.add_row(*(escape(text) for text in texts))
    console.print(table)


def _cells(mapping: Mapping, placement: Placement) -> list[str]:
    rule = placement.rule
    return [
        placement.bead,
        "" if rule is None else str(rule),
        "" if rule is None else _anchor(mapping, placement),
        "" if placement.weight == 1 else str(placement.weight),
        "sits on it" if placement.center else ("yes" if placement.counts else "no"),
    ]


def _anchor(mapping: Mapping, placement: Placement) -> str:
    """Name what the vector starts from."""
    rule = placement.rule
    if rule is None or rule.anchor is None:
        return "the bead"
    for atom, other in _members(mapping, placement.bead):
        if other.rule is not None and (other.rule.level, other.rule.id) == (
            rule.level - 1,
            rule.anchor,
        ):
            return atom.name
    return "?"


def _members(mapping: Mapping, bead: str) -> list[tuple[MappedAtom, Placement]]:
    return [(a, p) for a in mapping.atoms for p in a.placements if p.bead == bead]


def _tree(template: Template, bead: str) -> Tree:
    """Build the hierarchy of a bead."""
    from rich.markup import escape
    from rich.tree import Tree

    members = _members(template.mapping, bead)
    kind = template.mapping.beads[bead]
    root = Tree(escape(f"{bead}{f' ({kind})' if kind else ''}, {_place(template, members)}"))
    nodes: dict[tuple[int, str | None], Tree] = {}
    ruled = [(a, p, p.rule) for a, p in members if p.rule is not None]
    for atom, placement, rule in sorted(ruled, key=lambda row: row[2].level):
        parent = nodes.get((rule.level - 1, rule.anchor), root)
        share = "" if placement.weight == 1 else f", {placement.weight} of it"
        nodes[rule.level, rule.id] = parent.add(escape(f"{atom.name} ({rule}{share})"))
    return root


def _place(template: Template, members: list[tuple[MappedAtom, Placement]]) -> str:
    """Say where a bead lies, in the middle of a chain."""
    here = [(a, p) for a, p in members if template.place[a.name] == 0]
    center = next((a.name for a, p in here if p.center), None)
    if center is not None:
        return f"on {center}"
    counting = [a for a, p in here if p.counts]
    heavy = [a.name for a in counting if a.element not in ("H", "D")]
    light = len(counting) - len(heavy)
    text = ", ".join(heavy)
    if light:
        text += f"{' and ' if heavy else ''}{light} hydrogen{'s' if light > 1 else ''}"
    weights = "by mass" if template.mapping.weights == "mass" else "all alike"
    return f"at the mean of {text}" + (f" ({weights})" if len(counting) > 1 else "")


def _draw(template: Template, path: Path, structure: Path | None, overwrite: bool) -> None:
    from herobm.chem.drawing import draw
    from herobm.cli.structures import check_outputs
    from herobm.io import written_aside

    whole = [a for a in template.mapping.atoms if template.place[a.name] == 0]
    mapping = template.mapping.model_copy(update={"atoms": tuple(whole)})
    check_outputs([path], [Path(mapping.source)], overwrite)
    if structure is not None:
        from herobm.chem.completion import complete
        from herobm.io import read_atoms

        mapping = complete(mapping, read_atoms(structure), str(structure))
    if not mapping.bonds and len(mapping.atoms) > 1:
        typer.echo(
            f"note: {mapping.name} has no bonds; --structure FILE takes them from a structure",
            err=True,
        )
    with written_aside(path, overwrite) as aside:
        aside.write_text(draw(mapping), encoding="utf-8")
    typer.echo(f"drawn: {path}", err=True)

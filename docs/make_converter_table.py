"""Try `herobm mapping convert` on collections of real mapping files; write the table of the docs.

    python docs/make_converter_table.py DATA [-o docs/converters.md]

DATA holds the files as other projects publish them, in folders as `COLLECTIONS` names them, and
structures of some of their molecules. The tables between the two markers of the page are
replaced; the rest of it stays.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from herobm.chem.perceive import reference_from
from herobm.dsl import build_mapping, check, parse
from herobm.dsl.convert import Reference, Sketch, complete, read, write_map
from herobm.dsl.convert.completion import known_as, needs_reference
from herobm.dsl.convert.hierarchy import is_heavy
from herobm.dsl.convert.lend import find_lender, lend
from herobm.dsl.diagnostics import Diagnostic
from herobm.dsl.model import Mapping
from herobm.errors import StructureError
from herobm.io import read_atoms
from herobm.plugins import load_registry
from herobm.types import Atoms

PAGE = Path(__file__).with_name("converters.md")
BEGIN, END = "<!-- tables begin -->", "<!-- tables end -->"

#: Title, folder, what its files are called.
COLLECTIONS = (
    ("CGmap library (YAML)", "mappings/herobm/cgmap", "**/*.yaml"),
    ("HEroBM repository (YAML)", "mappings/herobm/raw", "**/*.yaml"),
    ("HEroBM, earlier and deployed files (YAML)", "mappings/herobm", "[!r]*.yaml"),
    ("Backward", "mappings/backward", "*.map"),
    ("CGbuilder", "mappings/cgbuilder", "*.map"),
    ("vermouth, other versions", "mappings/vermouth", "*.map*"),
)
WAYS = ("by itself", "bonds of an installed mapping", "with a structure")
#: Structures, besides one that lies beside a mapping and bears its name.
STRUCTURES = (
    "lipids/c36_popc128.gro", "lipids/c36_popc110_pops22.gro", "lipids/c36_popg118.gro.gz",
    "lipids/c36_popc60_pope30_tocl30.gro", "lipids/c36_popc100_chl24.gro",
    "lipids/openmm_patch_dopc128.gro.gz", "lipids/openmm_patch_dppc128.gro.gz",
    "lipids/slipids_dppc128.gro.gz", "lipids/openmm_patch_popc128.gro",
    "lipids/openmm_patch_pope128.gro.gz",
)  # fmt: skip


@dataclass
class Outcome:
    """What became of one file."""

    path: str
    how: str = ""
    faults: list[Diagnostic] = field(default_factory=list)
    mappings: list[Mapping] = field(default_factory=list)


@cache
def installed() -> list[Mapping]:
    registry = load_registry()
    return [m for name in registry.mappings() for m in registry.mapping(name)]


@cache
def structure(path: Path) -> Atoms:
    return read_atoms(path)


def try_file(path: Path, name: str, data: Path) -> Outcome:
    """Convert one file as the command does, with whatever structure fits."""
    reading = read(path.read_text(encoding="utf-8"), name)
    outcome = Outcome(name, WAYS[0], [d for d in reading.diagnostics if d.is_error])
    for sketch in () if reading.refused else reading.sketches:
        reference, how = find_reference(sketch, path, data)
        if how:
            outcome.how = how
        mapping, found = complete(sketch, reference)
        outcome.faults += [d for d in found if d.is_error]
        if mapping is not None:
            outcome.faults += invalid(mapping, name)
            outcome.mappings.append(mapping)
    return outcome


def invalid(mapping: Mapping, name: str) -> list[Diagnostic]:
    """Write the mapping, read it again, and return what is then at fault."""
    file = parse(write_map(mapping), name)
    errors = [d for d in check(file) if d.is_error]
    if not errors and len(build_mapping(file).atoms) != len(mapping.atoms):
        raise AssertionError(f"{name}: atoms were lost")
    return errors


def find_reference(sketch: Sketch, path: Path, data: Path) -> tuple[Reference | None, str]:
    """Find an installed mapping, else a structure, that knows all heavy atoms of the sketch."""
    if not needs_reference(sketch):
        return None, ""
    lender = find_lender(sketch, installed())
    if lender is not None and not sketch.loose:
        return lend(lender, sketch.order, "installed"), WAYS[1]
    heavy = {a.name for a in sketch.mapping.atoms if is_heavy(a)}
    beside = path.with_name(path.name.split("_")[0] + "_LigParGen.pdb")
    for place in (beside, *(data / s for s in STRUCTURES)):
        if not place.is_file():
            continue
        try:
            reference = reference_from(
                structure(place), residue_names(sketch), sketch.order, place.name
            )
        except StructureError:
            continue
        if all(known_as(sketch, name, reference) for name in heavy):
            return reference, WAYS[2]
    return None, ""


def residue_names(sketch: Sketch) -> list[str]:
    """Return the names that structures have for the residue."""
    return [*sketch.mapping.molecules, *({"CHOL": ["CHL1"]}.get(sketch.mapping.name, []))]


def vermouth_folder() -> Path | None:
    spec = find_spec("vermouth")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "data" / "mappings"


def collections(data: Path) -> Iterable[tuple[str, Path, list[Path]]]:
    for title, folder, pattern in COLLECTIONS:
        found = (
            (data / folder).rglob(pattern)
            if "/herobm/" in folder
            else (data / folder).glob(pattern)
        )
        yield title, data / folder, sorted(found)
    folder = vermouth_folder()
    if folder is not None:
        paths = [p for p in sorted(folder.rglob("*")) if p.suffix in (".map", ".mapping")]
        yield "vermouth 0.15, all of `data/mappings`", folder, paths


def tables(data: Path) -> str:
    counts = ["| collection | files | converted | bead type lists | refused |", "|-|-|-|-|-|"]
    ways = [
        "| collection | by itself | bonds of an installed mapping | with a structure |",
        "|-|-|-|-|",
    ]
    refused = ["| file | place | diagnostic |", "|-|-|-|"]
    for title, folder, paths in collections(data):
        outcomes = [try_file(p, str(p.relative_to(folder)), data) for p in paths]
        lists = [o for o in outcomes if any(d.code == "M601" for d in o.faults)]
        bad = [o for o in outcomes if o.faults and o not in lists]
        good = [o for o in outcomes if not o.faults]
        counts.append(f"| {title} | {len(paths)} | {len(good)} | {len(lists)} | {len(bad)} |")
        how = Counter(o.how for o in good)
        ways.append(f"| {title} | {' | '.join(str(how[way]) for way in WAYS)} |")
        unbonded = [o for o in bad if all(d.code == "M605" for d in o.faults)]
        if unbonded:
            names = ", ".join(o.path for o in unbonded)
            refused.append(f"| {title}: {names} | | `M605: the bonds are not known` |")
        for outcome in bad:
            refused += [
                f"| {title}: {outcome.path} | {d.span or ''} | `{d.code}: {d.message}` |"
                for d in outcome.faults
                if d.code != "M605"
            ]
    return "\n\n".join("\n".join(t) for t in (counts, ways, refused)) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=PAGE)
    options = parser.parse_args()
    page = options.output.read_text(encoding="utf-8")
    head, rest = page.split(BEGIN)
    tail = rest.split(END)[1]
    text = f"{head}{BEGIN}\n\n{tables(options.data)}\n{END}{tail}"
    options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

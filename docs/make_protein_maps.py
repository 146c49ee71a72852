"""Write the protein mapping sets that follow from ``martini3/protein``.

Names, bonds, charges and stereo of the residues are those of that set; only the beads and the
rules differ. From the project's root: ``python docs/make_protein_maps.py``; it writes only what
has changed. ``--check`` writes nothing and fails where a file is out of date.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_uppercase

from herobm.dsl import format

ROOT = Path(__file__).resolve().parents[1] / "plugins"
SOURCE = ROOT / "martini3/src/herobm_martini3/mappings/protein"
MARTINI3 = ROOT / "martini3/src/herobm_martini3/mappings"
CA_ONLY = ROOT / "ca_only/src/herobm_ca_only/mappings"

_SECTION = re.compile(r"^(atoms|beads|bonds|charges|stereo|angles):[ \t]*\n", re.MULTILINE)
_BOND = re.compile(r"(?<![\w+-])(\w+)[-=:](\w+)")
#: Atoms that stand for N, CA, C and O in the caps.
ROLES = {"ACE": {"CH3": "CA"}, "NME": {"C": "CA"}}


@dataclass
class Residue:
    """A file of the source set, in parts."""

    stem: str
    comment: str
    head: str
    atoms: dict[str, tuple[str, list[str]]]  # name -> names as written, cells behind them
    beads: str
    tail: str  # bonds, charges, stereo
    bonds: dict[str, list[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return re.search(r"molecule: (\w+)", self.head)[1]  # type: ignore[index]

    @property
    def is_patch(self) -> bool:
        return "\nat:" in self.head

    @property
    def heavy(self) -> list[str]:
        return [a for a in self.atoms if not a.startswith("H")]

    def role(self, atom: str) -> str:
        return ROLES.get(self.name, {}).get(atom, atom)

    def named(self, role: str) -> str | None:
        """Return the atom of a role."""
        if role in ROLES.get(self.name, {}) and role not in ROLES[self.name].values():
            return None
        return next((a for a in self.heavy if self.role(a) == role), None)

    def backbone(self) -> list[str]:
        return [a for a in map(self.named, ("N", "CA", "C", "O")) if a]

    def side_chain(self) -> list[str]:
        return [a for a in self.heavy if a not in self.backbone()]


def read(path: Path) -> Residue:
    """Take a mapping file apart."""
    head, *parts = _SECTION.split(path.read_text())
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    comment = "".join(re.findall(r"^#.*\n", head, re.MULTILINE))
    atoms = {}
    for line in sections["atoms"].strip().splitlines():
        names, cells = line.strip().split(":", 1)
        atoms[names.split(",")[0]] = (names, cells.split())
    kept = [k for k in sections if k not in ("atoms", "beads")]
    tail = "\n".join(f"{k}:\n{sections[k].rstrip()}\n" for k in kept)
    residue = Residue(
        path.stem, comment, head.replace(comment, "").rstrip() + "\n", atoms, "", tail
    )
    residue.beads = sections.get("beads", "")
    for a, b in _BOND.findall(sections["bonds"]):
        if a in atoms and b in atoms:
            residue.bonds.setdefault(a, []).append(b)
            residue.bonds.setdefault(b, []).append(a)
    return residue


def tree(residue: Residue, members: Sequence[str], roots: Sequence[str], on: bool) -> dict:
    """Hang atoms on the bonded one that is nearest to a root; atom -> rule.

    Parameters
    ----------
    residue : Residue
    members : sequence of str
        Atoms of the bead, in the order in which ids are given.
    roots : sequence of str
        Atoms that hang on the bead itself; with `on`, the bead sits on the first of them, and
        the others hang on that.
    on : bool
    """
    rules: dict[str, str] = {}
    level = 0 if on else 1
    layer = [(None, a) for a in (roots[:1] if on else roots)]
    while layer:
        ids = {}
        for (anchor, atom), id in zip(layer, ascii_uppercase, strict=False):
            rules[atom] = f"P{level}{anchor or ''}{id}"
            ids[atom] = id
        level += 1
        found: dict[str, str] = {}
        if level == 1 and on:
            found = dict.fromkeys(roots[1:], ids[roots[0]])
        for atom in ids:
            for other in members:
                near = other in residue.bonds.get(atom, ())
                if near and other not in rules and other not in found:
                    found[other] = ids[atom]
        layer = [(found[a], a) for a in members if a in found]
    return rules


def centre(residue: Residue, members: Sequence[str]) -> str:
    """Return the atom that has the shortest way along bonds to the farthest of the others."""
    far = {}
    for start in members:
        steps, layer, n = {start: 0}, [start], 0
        while layer:
            n += 1
            layer = [b for a in layer for b in residue.bonds[a] if b in members and b not in steps]
            steps |= dict.fromkeys(layer, n)
        far[start] = (max(steps.values()), sum(steps.values()))
    return min(members, key=far.__getitem__)


#: atom -> cells: bead, rule, flags
Cells = dict[str, str]


def ca(r: Residue) -> Cells:
    """One bead on CA."""
    a = r.named("CA")
    rules = tree(r, r.backbone() + r.side_chain(), [a], True)
    return {k: f"CA {v}{' CM' * (k == a)}" for k, v in rules.items()}


def com(r: Residue) -> Cells:
    """One bead at the centre of mass of the heavy atoms."""
    rules = tree(r, r.backbone() + r.side_chain(), [r.named("CA")], False)
    return {k: f'"CM" {v}' for k, v in rules.items()}


def ca_com(r: Residue) -> Cells:
    """Bead CA rebuilds all; every heavy atom counts for the centre of mass, half and half."""
    a = r.named("CA")
    rules = tree(r, r.backbone() + r.side_chain(), [a], True)
    # A comma at an end ends its line, so the order is turned round where a flag follows.
    return {k: '"CM", CA ,P0A ,CM' if k == a else f'CA, "CM" {v},' for k, v in rules.items()}


def sc(r: Residue) -> Cells:
    """One bead at the centre of mass of the side chain, on CA where there is none."""
    a, side = r.named("CA"), r.side_chain()
    alone = len(side) < 2
    members = r.backbone() + side
    if alone:
        first = side[0] if side else a
        rules = tree(r, members, [first], True)
        return {k: f"SC {v}{' CM' * (k == first)}" for k, v in rules.items()}
    rules = tree(r, members, [a, centre(r, side)], False)
    return {k: f"SC {v}{' !' * (k not in side)}" for k, v in rules.items()}


def ca_sc(r: Residue) -> Cells:
    """Bead CA with the backbone, bead SC with the side chain."""
    a, side = r.named("CA"), r.side_chain()
    rules = tree(r, r.backbone(), [a], True)
    cells = {k: f"CA {v}{' CM' * (k == a)}" for k, v in rules.items()}
    if side:
        rules = tree(r, side, [centre(r, side)], len(side) == 1)
        cells |= {k: f"SC {v}{' CM' * (len(side) == 1)}" for k, v in rules.items()}
    return cells


def on_atoms(roles: Iterable[str]) -> Callable[[Residue], Cells]:
    """Beads on backbone atoms; the others hang on the nearest of them."""

    def scheme(r: Residue) -> Cells:
        beads = [a for a in map(r.named, roles) if a]
        owner = {a: a for a in beads}
        layer = beads
        while layer:
            found = {}
            for a in layer:
                found |= {b: owner[a] for b in r.bonds[a] if b in r.heavy and b not in owner}
            owner |= found
            layer = list(found)
        cells: Cells = {}
        for bead in beads:
            members = [a for a in r.backbone() + r.side_chain() if owner[a] == bead]
            rules = tree(r, members, [bead], True)
            cells |= {k: f"{r.role(bead)} {v}{' CM' * (k == bead)}" for k, v in rules.items()}
        return cells

    return scheme


def elnedyn(r: Residue) -> Cells:
    """Martini 3 with BB on CA."""
    a = r.named("CA")
    cells = {k: f"BB {v}{' CM' * (k == a)}" for k, v in tree(r, r.backbone(), [a], True).items()}
    return cells | {k: " ".join(r.atoms[k][1]) for k in r.side_chain()}


#: Beads of the side chain in Martini 2, where they are not those of Martini 3 (heavy atoms).
MARTINI2 = {
    "ALA": (),
    "PHE": ("CB CG CD1", "CD2 CE2", "CE1 CZ"),
    "TYR": ("CB CG CD1", "CD2 CE2", "CE1 CZ OH"),
    "TRP": ("CB CG CD2", "CD1 NE1 CE2", "CE3 CZ3", "CZ2 CH2"),
}
#: Names of the side-chain beads' types in Martini 2.2; a backbone bead's follow from the fold.
MARTINI2_TYPES = {
    "ARG": "N0 Qd", "ASH": "P3", "ASN": "P5", "ASP": "Qa", "CYS": "C5", "CYX": "C5", "GLH": "P1",
    "GLN": "P4", "GLU": "Qa", "HID": "SC4 SP1 SP1", "HIP": "SC4 SP1 SQd", "HIS": "SC4 SP1 SP1",
    "ILE": "AC1", "LEU": "AC1", "LYN": "C3 P1", "LYS": "C3 Qd", "MET": "C5", "PHE": "SC5 SC5 SC5",
    "PRO": "C3", "SER": "P1", "THR": "P1", "TRP": "SC4 SNd SC5 SC5", "TYR": "SC4 SC4 SP1",
    "VAL": "AC2",
}  # fmt: skip


def martini2(r: Residue) -> Cells:
    """Beads of Martini 2.2, hung as those of Martini 3 where they are the same."""
    cells = {k: " ".join(r.atoms[k][1]) for k in r.heavy}
    if r.name == "ALA":
        cells["CB"] = "BB P2BB"
    for n, members in enumerate(map(str.split, MARTINI2.get(r.name, ())), 1):
        roots = members if len(members) == 2 else [centre(r, members)]
        cells |= {k: f"SC{n} {v}" for k, v in tree(r, members, roots, False).items()}
    return cells


def martini2_hydrogens(r: Residue, cells: Cells) -> Cells:
    """Count the hydrogens of polar groups and rings, with their heavy atoms."""
    polar = {a for a in r.heavy if a[0] in "NOS" and r.name not in ("CYS", "CYM")}
    ring = {"CD1", "CD2", "CE1", "CE2", "CE3", "CZ", "CZ2", "CZ3", "CH2"}
    aromatic = ring if r.name in ("PHE", "TYR", "TRP", "HID", "HIS", "HIP") else set()
    out: Cells = {}
    for atom in (a for a in r.atoms if a.startswith("H")):
        (heavy,) = r.bonds[atom]
        out[atom] = cells[heavy].split()[0] + " !" * (heavy not in polar | aromatic)
    return out


#: Atoms whose mean each side-chain bead of PRIMO is, as cg2all's table has them.
PRIMO = {
    "ALA": ("CB",),
    "ARG": ("CB CG", "CD", "NE", "NH1", "NH2"),
    "ASN": ("CB", "CG OD1", "ND2"),
    "ASP": ("CB", "CG OD1", "CG OD2"),
    "CYS": ("CB SG",),
    "GLN": ("CB CG", "CD OE1", "NE2"),
    "GLU": ("CB CG", "CD OE1", "CD OE2"),
    "HIS": ("CB CG", "ND1", "NE2"),
    "ILE": ("CG2", "CG1 CD1"),
    "LEU": ("CB", "CG CD1", "CG CD2"),
    "LYS": ("CB CG", "CD", "CE", "NZ"),
    "MET": ("CB CG", "SD", "CE"),
    "PHE": ("CB CG", "CE1", "CE2"),
    "PRO": ("CB CG CD",),
    "SER": ("CB OG",),
    "THR": ("CB OG1", "CG2"),
    "TRP": ("CB CG", "NE1", "CE3", "CZ2"),
    "TYR": ("CB CG", "CE1", "CE2", "OH"),
    "VAL": ("CB CG1", "CB CG2"),
}
#: Residues whose beads are those of another one.
PRIMO_AS = {
    "ASH": "ASP", "CYM": "CYS", "CYX": "CYS", "GLH": "GLU", "HID": "HIS", "HIP": "HIS",
    "LYN": "LYS",
}  # fmt: skip


def primo(r: Residue) -> Cells:
    """Beads of PRIMO: N, CA, the middle of C and O, and means of a few atoms of the side chain.

    An atom of two beads counts in each as much as the others do, so the others have the rest of
    their share in the bead where they do not count. Atoms of no bead hang on the nearest one.
    """
    beads = {"N": ["N"], "CA": ["CA"], "CO": ["C", "O"]}
    beads = {k: [a for a in map(r.named, v) if a] for k, v in beads.items()}
    side = PRIMO.get(PRIMO_AS.get(r.name, r.name), ())
    beads |= {f"SC{n}": members.split() for n, members in enumerate(side, 1)}
    owners: dict[str, list[str]] = {}
    for bead, members in beads.items():
        for a in members:
            owners.setdefault(a, []).append(bead)
    nearest = {a: found[0] for a, found in owners.items()}
    layer = list(nearest)
    while layer:
        found = {b: nearest[a] for a in layer for b in r.bonds[a] if b in r.heavy}
        layer = [b for b in found if b not in nearest]
        nearest |= {b: found[b] for b in layer}
    cells: Cells = {}
    for bead, members in beads.items():
        on = len(members) == 1
        others = [a for a in r.heavy if a not in owners and nearest[a] == bead]
        for a, rule in tree(r, [*members, *others], members[:1], on).items():
            twins = [b for m in members for b in owners[m] if b != bead]
            if a in others:
                cells[a] = f"{bead} {rule} !"
            elif len(owners[a]) == 2:
                cells[a] = f"{', '.join(owners[a])} {rule}, {rule}"
            elif twins:
                cells[a] = f"{twins[0]}, {bead} !, {rule}"
            else:
                cells[a] = f"{bead} {rule}{' CM' * on}"
    return cells


@dataclass(frozen=True)
class Set:
    """A mapping set to write."""

    folder: Path
    scheme: Callable[[Residue], Cells]
    about: str
    martini: bool = False
    weights: str = "mass"


SETS = [
    Set(CA_ONLY / "ca", ca, "One bead, on CA."),
    Set(CA_ONLY / "com", com, "One bead, at the centre of mass of the heavy atoms."),
    Set(CA_ONLY / "sc", sc, "One bead, at the centre of mass of the side chain."),
    Set(CA_ONLY / "ca-sc", ca_sc, "Beads on CA and at the centre of mass of the side chain."),
    Set(CA_ONLY / "ca-com", ca_com, "Beads on CA and at the centre of mass of the residue."),
    Set(CA_ONLY / "n-ca-c", on_atoms(("N", "CA", "C")), "Beads on N, CA and C."),
    Set(CA_ONLY / "n-ca-c-o", on_atoms(("N", "CA", "C", "O")), "Beads on N, CA, C and O."),
    Set(CA_ONLY / "primo", primo, "Beads of PRIMO, at the middle of their atoms.", weights="equal"),
    Set(MARTINI3 / "martini2", martini2, "Martini 2.2."),
    Set(MARTINI3 / "elnedyn", elnedyn, "Martini 3 with BB on CA.", martini=True),
]


def hydrogens(r: Residue, cells: Cells, martini: bool) -> Cells:
    """Put hydrogens by their heavy atom; only those of Martini's side chains count."""
    out: Cells = {}
    for atom in r.atoms:
        if atom.startswith("H"):
            (heavy,) = r.bonds[atom]
            own = r.atoms[atom][1]
            bead = cells[heavy].replace('"CM", ', "").split()[0].rstrip(",")
            out[atom] = " ".join(own) if martini and own[0] != "BB" else f"{bead} !"
    return out


def text_of(r: Residue, cells: Cells, wanted: Set, about: str, beads: str) -> str:
    """Put a file together and lay it out."""
    head = r.head.replace("weights: mass", f"weights: {wanted.weights}")
    atoms = "".join(f"  {r.atoms[a][0]}: {cells[a]}\n" for a in r.atoms)
    said = re.sub(r"\s*\n# ", " ", r.comment.lstrip("# ").rstrip())
    # What the source set tells of its own beads does not hold here.
    said = re.sub(r", one bead;.*?\(see README\)|; (?=CD1 and|Martini 3)[^.]*", "", said)
    comment = textwrap.fill(f"{said} {about}", 97, initial_indent="# ", subsequent_indent="# ")
    text = f"{comment}\n{head}\natoms:\n{atoms}\n"
    return format(text + (f"beads:\n{beads.strip()}\n\n" if beads else "") + r.tail)


def anchored(cells: Cells, atom: str) -> tuple[str, str]:
    """Return the bead and the rule of an atom that hangs on another one."""
    bead, rule = re.search(r"^(\S+?),? .*?(P\d\w+)", cells[atom]).groups()  # type: ignore[union-attr]
    return bead, f"P{int(rule[1]) + 1}{rule[-1]}"


def patches(sources: list[Residue], made: dict[str, Cells], wanted: Set) -> dict[str, str]:
    """Write what residues gain at chain ends, a file for each way in which they do."""
    out = {}
    for patch in (r for r in sources if r.is_patch):
        named = re.search(r"molecule: (.*)", patch.head)[1].split(", ")  # type: ignore[index]
        groups: dict[tuple[str, str], list[str]] = {}
        for r in (r for r in sources if not r.is_patch):
            names = re.search(r"molecule: (.*)", r.head)[1].split(", ")  # type: ignore[index]
            if names[0] in named:
                bead, rule = anchored(made[r.stem], "C" if "OXT" in patch.atoms else "N")
                key = (bead, rule if "OXT" in patch.atoms else "")
                groups.setdefault(key, []).extend(names)
        ranked = sorted(groups.items(), key=lambda g: -len(g[1]))
        for (bead, rule), names in ranked:
            if "OXT" in patch.atoms:
                both = bead == "CA" and wanted.scheme is ca_com
                also = " !" if wanted.scheme in (sc, primo) else ""
                cell = f'CA, "CM" {rule}X,' if both else f"{bead} {rule}X{also}"
            else:
                cell = bead if wanted.scheme is martini2 else f"{bead} !"
            head = re.sub(
                r"molecule: .*",
                "molecule: " + ", ".join(n for n in named if n in names),
                patch.head,
            )
            one = Residue(patch.stem, patch.comment, head, patch.atoms, "", patch.tail)
            name = patch.stem if names is ranked[0][1] else f"{patch.stem}_{names[0].lower()}"
            comment_less = text_of(one, dict.fromkeys(patch.atoms, cell), wanted, "", "")
            out[name] = comment_less
    return out


def make(wanted: Set) -> dict[str, str]:
    """Return the files of a set, stem -> text."""
    sources = [read(p) for p in sorted(SOURCE.glob("*.map"))]
    made: dict[str, Cells] = {}
    files: dict[str, str] = {}
    for r in (r for r in sources if not r.is_patch):
        cells = wanted.scheme(r)
        beads = r.beads if wanted.martini else ""
        if wanted.scheme is martini2:
            made[r.stem] = cells | martini2_hydrogens(r, cells)
            types = MARTINI2_TYPES.get(r.name, "").split()
            beads = "".join(f"  SC{n}: {t}\n" for n, t in enumerate(types, 1))
        else:
            made[r.stem] = cells | hydrogens(r, cells, wanted.martini)
        files[r.stem] = text_of(r, made[r.stem], wanted, wanted.about, beads)
    return files | patches(sources, made, wanted)


def main() -> int:
    """Write all sets, or tell which files differ."""
    check = "--check" in sys.argv
    stale = []
    for wanted in SETS:
        files = {wanted.folder / f"{stem}.map": text for stem, text in make(wanted).items()}
        there = set(wanted.folder.glob("*.map"))
        stale += [p for p in there - files.keys()]
        stale += [p for p, text in files.items() if p not in there or p.read_text() != text]
        if not check:
            wanted.folder.mkdir(parents=True, exist_ok=True)
            for path in there - files.keys():
                path.unlink()
            for path, text in files.items():
                path.write_text(text)
    for path in stale:
        print(f"{'differs' if check else 'written'}: {path.relative_to(ROOT)}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())

"""Every code that a diagnostic may bear, with its title: the one list that docs and tests read.

Codes are grouped by what they speak of: 1 the lines of the file, 2 the words of an atom's line,
3 beads and their hierarchy, 4 chemistry, 5 a structure that the mapping is held against,
6 files of other tools.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Severity: TypeAlias = Literal["error", "warning"]


class Code(NamedTuple):
    """What a code stands for.

    Attributes
    ----------
    title : str
        A line, in plain words.
    severity : {"error", "warning"}
        A mapping with an error cannot be used.
    """

    title: str
    severity: Severity


_ERRORS = {
    "M101": "A line cannot be read",
    "M102": "A section is unknown, misplaced or given twice",
    "M103": "Not a mapping: it lacks 'molecule:' at its top, or its atoms",
    "M104": "An atom has no bead",
    "M105": "The file cannot be read",
    "M201": "Not a rule",
    "M202": "An unknown word or value",
    "M203": "Rules, weights or flags do not match the beads in number",
    "M204": "Weights do not add up to 1, or leave nothing to rebuild an atom from",
    "M205": "A bead is named twice for an atom",
    "M301": "The anchor is not found",
    "M302": "A name is given already",
    "M303": "The id is taken",
    "M304": "Two CM atoms in a bead",
    "M305": "A bead without an atom that counts",
    "M306": "A level is skipped",
    "M307": "A patch names a bead that its residue lacks",
    "M401": "Chemistry of an atom that is not there",
    "M402": "The valence of an atom is exceeded",
    "M403": "The chemistry is not connected",
    "M404": "A stereo label contradicts the graph",
    "M405": "Aromatic bonds that cannot be aromatic",
    "M501": "A structure and the mapping do not agree on atoms or beads",
    "M502": "A structure and the mapping do not agree on a bond",
    "M503": "A structure has the other hand than the stereo label says",
    "M601": "Not a mapping file that convert reads",
    "M602": "A line of another tool's file cannot be read",
    "M603": "A bead that the file does not list",
    "M604": "An atom or bead of another tool's file is given twice",
    "M605": "The bonds are not known",
    "M606": "The structure lacks a residue or an atom",
    "M607": "What a file says cannot be expressed in the other format",
}

_WARNINGS = {
    "W101": "A patch for a residue that no mapping of the set describes",
    "W102": "A residue is mapped differently by another file of the set",
    "W103": "A name is repeated on its line",
    "W201": "Level 0 away from the bead's position",
    "W202": "A rule below the first level without its anchor",
    "W203": "The letter of the anchor is left out",
    "W301": "A heavy atom without a rule",
    "W302": "An unusual bead size",
    "W303": "No element can be read from a name",
    "W401": "A bond is given twice",
    "W402": "The anchor is not bonded to its atom",
    "W403": "The atoms of a bead lie far apart",
    "W404": "The bonds are not complete",
    "W405": "Stereo without a label",
    "W406": "An ion is read as another element",
    "W501": "A bond of unlikely length in the structure",
    "W502": "Atoms are lacking in the structure",
    "W503": "The structure has another element",
    "W601": "Part of a file is not carried over",
    "W602": "The name of the molecule is taken from that of the file",
    "W603": "A bead without atoms is left out",
    "W604": "Atoms without a bead",
    "W605": "Bond orders and charges are guessed",
    "W606": "The structure says nothing of a residue or an atom",
}

#: Code -> title and severity.
CODES: dict[str, Code] = {
    **{code: Code(title, "error") for code, title in _ERRORS.items()},
    **{code: Code(title, "warning") for code, title in _WARNINGS.items()},
}

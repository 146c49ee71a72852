"""The text of a new plug-in package: templates filled in, nothing written yet."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Template

from herobm import __version__
from herobm.dsl.model import Mapping
from herobm.errors import PluginContractError

#: What ``--licence`` may be -> its SPDX expression.
LICENCES = {
    "MIT": "MIT",
    "Apache-2.0": "Apache-2.0",
    "BSD-3-Clause": "BSD-3-Clause",
    "GPL-3.0": "GPL-3.0-or-later",
}
_ENDING = ".tmpl"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*")


@dataclass(frozen=True)
class Names:
    """What a new package and its parts are called.

    Attributes
    ----------
    distribution : str
        What pip calls it.
    module : str
        What Python imports.
    plugin : str
        What herobm calls it: the name of its entry point.
    """

    distribution: str
    module: str
    plugin: str

    @classmethod
    def of(cls, name: str) -> Names:
        """Derive the names from the one that is asked for.

        Raises
        ------
        PluginContractError
            If it cannot be the name of a package.
        """
        if not _NAME.fullmatch(name):
            raise PluginContractError(
                f"{name!r} cannot be the name of a package",
                "A name has letters and digits, and - or _ between them: my-pack.",
            )
        module = name.lower().replace("-", "_")
        if module == "herobm":
            raise PluginContractError("the name 'herobm' is the core's", "Choose another.")
        return cls(module.replace("_", "-"), module, module.removeprefix("herobm_"))


def example() -> str:
    """Text of the mapping that a new package has if it is given none."""
    return _folder().joinpath("example.map").read_text(encoding="utf-8")


def package(
    names: Names,
    mapping: Mapping,
    text: str,
    *,
    reference: str,
    licence: str = "MIT",
    author: str = "The authors",
) -> dict[str, str]:
    """Fill the templates in.

    Parameters
    ----------
    names : Names
    mapping : Mapping
        What `text` says.
    text : str
        Of the mapping file.
    reference : str
        Name of the file, beside the module, that will hold the reference structure.
    licence : str
        A key of `LICENCES`.
    author : str

    Returns
    -------
    dict of str to str
        Path within the package -> text of the file.
    """
    stem = _slug(mapping.name)
    words = {
        "distribution": names.distribution,
        "module": names.module,
        "plugin": names.plugin,
        "set": stem,
        "map_file": f"{stem}.map",
        "reference": reference,
        "summary": f"{mapping.name}, {len(mapping.beads)} bead"
        + ("s" if len(mapping.beads) > 1 else ""),
        "oriented": str(len(mapping.beads) > 2),
        "author": author.replace("\\", "").replace('"', "'"),
        "spdx": LICENCES[licence],
        "year": str(datetime.date.today().year),
        "core": ".".join(__version__.split(".")[:2]),
    }
    filled = {
        path.replace("src/module", f"src/{names.module}"): Template(source).substitute(words)
        for path, source in _templates(_folder())
    }
    terms = _folder().joinpath("licences", f"{licence}.txt").read_text(encoding="utf-8")
    filled["LICENSE"] = Template(terms).safe_substitute(words).lstrip("\n")
    filled[f"src/{names.module}/maps/{stem}.map"] = text
    return filled


def _folder() -> Traversable:
    return files("herobm.plugins").joinpath("template")


def _templates(folder: Traversable, prefix: str = "") -> list[tuple[str, str]]:
    """Return (path, text) of all templates below a folder, without their ending."""
    found: list[tuple[str, str]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _templates(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_ENDING):
            text = entry.read_text(encoding="utf-8")
            found.append((prefix + entry.name.removesuffix(_ENDING), text))
    return found


def _slug(name: str) -> str:
    """Make a name of letters, digits, _ and - of it, in lower case."""
    return re.sub(r"[^a-z0-9_-]+", "_", name.lower()).strip("_-") or "molecule"

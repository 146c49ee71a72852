"""Which version of the core a plug-in needs, by the metadata of its distribution."""

from __future__ import annotations

import re
from importlib import metadata

from herobm import __version__
from herobm.errors import PluginLoadError

_REQUIREMENT = re.compile(
    r"herobm\s*(?:\[[^]]*\])?\s*\(?\s*((?:[<>=!~][^;)]*)?)\)?\s*(;.*)?", re.IGNORECASE
)


def refuse_newer(entry: metadata.EntryPoint, version: str = __version__) -> None:
    """Refuse a plug-in whose distribution asks for another version of the core.

    Parameters
    ----------
    entry : EntryPoint
    version : str
        Of the core.

    Raises
    ------
    PluginLoadError
    """
    if entry.dist is None:
        return
    for line in entry.dist.metadata.get_all("Requires-Dist") or ():
        found = _REQUIREMENT.fullmatch(line.strip())
        if found and "extra" not in (found[2] or "") and not _allows(found[1], version):
            raise PluginLoadError(
                f"{entry.dist.name} needs herobm{found[1].strip()}, this is herobm {version}",
                f"pip install 'herobm{found[1].strip()}', or another version of {entry.dist.name}",
            )


def _allows(specifier: str, version: str) -> bool:
    if not specifier.strip():
        return True
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidSpecifier:  # pip has installed it, so it is not for us to judge
        return True

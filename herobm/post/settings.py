"""What a user may choose about hydrogens and minimisation, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from herobm.errors import MinimisationError
from herobm.post.ends import Ends

Restraints = Literal["beads", "heavy", "none"]
Unmapped = Literal["relax", "leave"]

#: Files of OpenMM for each force field: proteins, nucleic acids and lipids, then water and ions.
FORCE_FIELDS: dict[str, tuple[str, ...]] = {
    "amber14": ("amber14-all.xml", "amber14/tip3p.xml"),
    "amber19": ("amber19-all.xml", "amber19/tip3p.xml"),
    "charmm36": ("charmm36.xml", "charmm36/water.xml"),
}
_ALIASES = {"amber14-all": "amber14", "amber19-all": "amber19"}


@dataclass(frozen=True)
class Settings:
    """Options of the steps `hydrogens` and `minimise`.

    Attributes
    ----------
    ph : float
    forcefield : str
        A key of `FORCE_FIELDS`.
    platform : str or None
        Of OpenMM; the fastest one that works if none is named.
    restraints : "beads", "heavy" or "none"
    tolerance : float
        kJ/mol/nm, root mean square of the force at which the minimisation ends.
    unmapped : "relax" or "leave"
        What to do with molecules that the force field does not know.
    ends : "charged" or "capped"
        What the two sides of a break within a chain become.
    threads : int
        Of the CPU platform.
    """

    ph: float = 7.0
    forcefield: str = "amber14"
    platform: str | None = None
    restraints: Restraints = "beads"
    tolerance: float = 100.0
    unmapped: Unmapped = "relax"
    ends: Ends = "charged"
    threads: int = 1

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Settings:
        """Take the options that these steps know; others are not looked at.

        Raises
        ------
        MinimisationError
            If one has a value that makes no sense.
        """
        given = {
            name: options[name]
            for name in cls.__dataclass_fields__
            if options.get(name) is not None
        }
        if "forcefield" in given:
            given["forcefield"] = _ALIASES.get(given["forcefield"], given["forcefield"])
        chosen = cls(**given)
        _one_of("forcefield", chosen.forcefield, tuple(FORCE_FIELDS))
        _one_of("restraints", chosen.restraints, get_args(Restraints))
        _one_of("unmapped", chosen.unmapped, get_args(Unmapped))
        _one_of("ends", chosen.ends, get_args(Ends))
        if not 0 <= float(chosen.ph) <= 14:
            raise MinimisationError(f"a pH of {chosen.ph} makes no sense", "Give one from 0 to 14.")
        if not float(chosen.tolerance) > 0:
            raise MinimisationError(
                f"a tolerance of {chosen.tolerance} kJ/mol/nm is never reached",
                "Give a positive one, e.g. 500.",
            )
        return chosen


def _one_of(what: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise MinimisationError(
            f"{what} '{value}' is not known", f"Choose one of {', '.join(known)}."
        )


def find_platform(name: str | None, threads: int) -> tuple[Any, dict[str, str]]:
    """Find a platform of OpenMM, and the properties that it runs with.

    Parameters
    ----------
    name : str or None
        The fastest one that works on this machine if None.
    threads : int

    Raises
    ------
    MinimisationError
        If there is no platform of that name.
    """
    import openmm

    every = [openmm.Platform.getPlatform(i) for i in range(openmm.Platform.getNumPlatforms())]
    by_name = {p.getName().lower(): p for p in every}
    if name is not None and name.lower() not in by_name:
        raise MinimisationError(
            f"OpenMM has no platform '{name}' on this machine",
            f"It has {', '.join(p.getName() for p in every)}.",
        )
    fastest = sorted(every, key=lambda p: -p.getSpeed())
    chosen = by_name[name.lower()] if name is not None else next(filter(_works, fastest))
    if chosen.getName() == "CPU":
        return chosen, {"Threads": str(threads), "DeterministicForces": "true"}
    return chosen, {}


def _works(platform: Any) -> bool:
    """Whether a platform can make a context; CUDA without a device cannot."""
    import openmm

    system = openmm.System()
    system.addParticle(1.0)
    try:
        openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    except openmm.OpenMMException:
        return False
    return True


def cpu_platform() -> Any:
    """Return the platform that places hydrogens: one that every build of OpenMM has."""
    import openmm

    return openmm.Platform.getPlatformByName("Reference")

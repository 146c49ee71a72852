"""Where in the parameters of a network the vectors of a bead are, each of which has a slot.

Networks for mappings whose beads place more or fewer atoms differ in nothing but that.
"""

from __future__ import annotations

from herobm.nn.config import ContactsConfig, ModelConfig

#: Stands for the number of slots in a shape.
SLOTS = -1
#: Shapes of the parts that a dimension is made of, one after the other.
Parts = tuple[tuple[int, ...], ...]

#: What is said of a vector along each axis, and of the two torsions.
_VECTOR, _TORSIONS = (SLOTS, 3), (4,)


def slotted(config: ModelConfig) -> dict[str, Parts]:
    """Tell of each parameter that has slots how they lie in it.

    Parameters
    ----------
    config : ModelConfig

    Returns
    -------
    dict
        Name of the parameter -> parts of its second dimension, or of the only one that it has. The
        embeddings of atoms are not among them, whose rows are all atoms of all types of bead.
    """
    found = _of_readout("", _VECTOR, _TORSIONS)
    if config.second is not None:
        seen = _seen(config.second)
        found |= _of_readout("second.", _VECTOR, (SLOTS, SLOTS), _TORSIONS)
        found |= _of_norm("second.", seen)
        found["second.surroundings.weight"] = ((config.readout,), _VECTOR, *seen)
    if config.rounds is not None:
        rounds = config.rounds
        found |= _of_readout("rounds.", _VECTOR, _TORSIONS)
        for number in range(rounds.count):
            this = f"rounds.rounds.{number}."
            sees = number >= rounds.count - rounds.contacts
            seen = _seen(rounds) if sees else ()
            found |= _of_norm(this, seen) if sees else {}
            found[f"{this}message.geometry.weight"] = ((rounds.n_radial + 15,), _VECTOR)
            found[f"{this}think.0.weight"] = ((rounds.hidden,), _VECTOR, *seen)
    return found


def _of_readout(prefix: str, *parts: tuple[int, ...]) -> dict[str, Parts]:
    return {f"{prefix}readout": parts, f"{prefix}readout_bias": parts}


def _of_norm(prefix: str, parts: Parts) -> dict[str, Parts]:
    return {f"{prefix}contacts_norm.{kind}": parts for kind in ("weight", "bias")}


def _seen(config: ContactsConfig) -> Parts:
    """Return what is seen around each atom: how much of what, and where (`herobm.nn.contacts`)."""
    return (SLOTS, config.n_channels), (SLOTS, 3 * config.n_channels)

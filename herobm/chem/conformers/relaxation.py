"""Energy minimisation of one molecule whose bead centres are held."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from scipy.optimize import minimize

from herobm.types import FloatArray

#: Positions (n_atoms, 3) in Å -> energy in kcal/mol and its gradient (n_atoms, 3).
Energy: TypeAlias = Callable[[FloatArray], tuple[float, FloatArray]]
#: kcal/mol/Å, largest component of the gradient at which a minimum is reached.
TOLERANCE = 1e-3


def minimise(energy: Energy, start: FloatArray, n_steps: int) -> tuple[float, FloatArray]:
    """Minimise an energy by L-BFGS.

    Parameters
    ----------
    energy : callable
    start : FloatArray, shape (n_atoms, 3)
        Å.
    n_steps : int
        At most so many steps.

    Returns
    -------
    energy : float
        kcal/mol.
    positions : FloatArray, shape (n_atoms, 3)
    """

    def flat(x: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = energy(x.reshape(-1, 3))
        return value, gradient.ravel()

    options = {"maxiter": n_steps, "maxfun": 2 * n_steps, "maxcor": 20, "gtol": TOLERANCE}
    found = minimize(
        flat, start.ravel(), jac=True, method="L-BFGS-B", options={**options, "ftol": 1e-12}
    )
    return float(found.fun), found.x.reshape(-1, 3)


def hold_centres(energy: Energy, shares: FloatArray, beads: FloatArray, stiffness: float) -> Energy:
    """Add springs from the centres of beads to where they should be.

    Parameters
    ----------
    energy : callable
    shares : FloatArray, shape (n_beads, n_atoms)
        Of each atom in the position of a bead; each line adds up to 1.
    beads : FloatArray, shape (n_beads, 3)
        Å.
    stiffness : float
        kcal/mol/Å²; the energy of a spring is half of it times the squared length.
    """

    def held(positions: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = energy(positions)
        off = shares @ positions - beads
        return (
            value + 0.5 * stiffness * float((off * off).sum()),
            gradient + stiffness * (shares.T @ off),
        )

    return held

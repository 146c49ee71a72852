"""The table of side chains: ideal geometry, turned to the angles that are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from herobm.chem.geometry import dihedrals
from herobm.chem.protein.geometry import tables
from herobm.chem.protein.side_chains import find_wells, frames, side_chains

KINDS = sorted(side_chains())


@pytest.mark.parametrize("kind", KINDS)
def test_angles_are_those_asked_for_and_bonds_stay(kind: str) -> None:
    chain = side_chains()[kind]
    built = chain.build(chain.mean)
    turned = np.array([dihedrals(place, chain.chi) for place in built])
    off = (turned - chain.mean + 180.0) % 360.0 - 180.0
    assert np.abs(off).max() < 1e-6
    kept = np.flatnonzero(~chain.beyond.any(axis=0))
    assert {"N", "CA", "C", "O", "CB"} <= {chain.atoms[i] for i in kept}
    np.testing.assert_allclose(built[:, kept], np.repeat(chain.place[None, kept], len(built), 0))
    bonds, seen = tables()[0], 0
    for i, one in enumerate(chain.atoms):
        for j in range(i + 1, len(chain.atoms)):
            mean, spread = bonds.get(f"{kind}:{one}~{chain.atoms[j]}", (np.nan, np.nan))
            if np.isfinite(mean):
                lengths = np.linalg.norm(built[:, i] - built[:, j], axis=1)
                assert np.abs(lengths - mean).max() < 3.0 * spread
                seen += 1
    assert seen >= len(chain.atoms) - 1


@pytest.mark.parametrize("kind", KINDS)
def test_residues_are_l(kind: str) -> None:
    chain = side_chains()[kind]
    nitrogen, centre, carbon, beta = (
        chain.place[chain.atoms.index(n)] for n in "N CA C CB".split()
    )
    arms = np.array([nitrogen, carbon, beta]) - centre
    assert np.linalg.det(arms) > 0


def test_shares_and_wells_known_from_the_literature() -> None:
    """Valine: t 70 to 75 %, leucine: mt 55 to 65 %, tp 25 to 35 % (Lovell et al. 2000)."""
    chains = {frozenset(kind.split()): chain for kind, chain in side_chains().items()}
    valine = chains[frozenset("N CA C O CB CG1 CG2".split())]
    best = valine.share.argmax()
    assert abs(valine.mean[best, 0] % 360.0 - 175.0) < 6.0
    assert 0.65 < valine.share[best] < 0.8
    leucine = chains[frozenset("N CA C O CB CG CD1 CD2".split())]
    order = np.argsort(-leucine.share)[:2]
    np.testing.assert_allclose(leucine.mean[order] % 360.0, [[295, 174], [180, 64]], atol=8.0)
    assert leucine.share[order].sum() > 0.85


def test_a_ring_that_holds_the_side_chain_has_no_rotamers() -> None:
    assert not any(set(kind.split()) == set("N CA C O CB CG CD".split()) for kind in KINDS)


def test_wells_of_angles() -> None:
    rng = np.random.default_rng(5)
    one = rng.normal((-65.0, 178.0), 8.0, (300, 2))  # the second lies about the seam
    two = rng.normal((60.0, 65.0), 8.0, (100, 2))
    mean, spread, share = find_wells((np.concatenate([one, two]) + 180.0) % 360.0 - 180.0, False)
    order = np.argsort(-share)
    np.testing.assert_allclose(share[order], [0.75, 0.25])
    np.testing.assert_allclose(mean[order] % 360.0, [[295, 178], [60, 65]], atol=3.0)
    np.testing.assert_allclose(spread, 8.0, atol=2.0)
    flat = rng.uniform(0.0, 180.0, (4000, 1))
    mean, _, share = find_wells(flat, True)
    assert len(mean) == 6
    np.testing.assert_allclose(share, 1 / 6, atol=0.03)


def test_frames_turn_with_their_residues() -> None:
    rng = np.random.default_rng(6)
    corners = rng.normal(0.0, 1.0, (4, 3, 3))
    axes = frames(corners)
    np.testing.assert_allclose(
        axes @ axes.transpose(0, 2, 1), np.repeat(np.eye(3)[None], 4, 0), atol=1e-12
    )
    turn = np.linalg.qr(rng.normal(0.0, 1.0, (3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    np.testing.assert_allclose(frames(corners @ turn.T), axes @ turn.T, atol=1e-12)

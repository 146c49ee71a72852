"""The Ramachandran reference: what is favoured, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from herobm.chem.protein.ramachandran import (
    ALLOWED,
    CELL,
    FAVOURED,
    OUTLIER,
    classes_of,
    fold,
    judge,
    surprise,
    towards_favoured,
)

#: Of three residues of a chain, the one after each.
FOLLOWING = np.array([1, 2, -1])


@pytest.mark.parametrize(
    ("phi", "psi", "kind", "verdict"),
    [
        (-63, -43, "ALA", FAVOURED),  # helix
        (-120, 130, "ALA", FAVOURED),  # strand
        (60, 45, "ALA", FAVOURED),  # left-handed helix
        (75, -120, "ALA", OUTLIER),
        (85, 5, "GLY", FAVOURED),
        (90, -170, "GLY", FAVOURED),
        (90, -170, "ALA", OUTLIER),
        (-65, 145, "PRO", FAVOURED),
        (-150, 145, "PRO", OUTLIER),
    ],
)
def test_known_regions(phi: float, psi: float, kind: str, verdict: int) -> None:
    found = judge(np.array([phi]), np.array([psi]), classes_of(np.array([kind]), np.array([-1])))
    assert found.tolist() == [verdict]


def test_the_helix_is_no_place_before_proline() -> None:
    angles = np.array([-63.0]), np.array([-43.0])
    names = np.array(["ALA", "ALA", "PRO"])
    free, before, _ = (surprise(*angles, kind[None]) for kind in classes_of(names, FOLLOWING))
    assert before > free


def test_unknown_angles_are_not_judged() -> None:
    one, two = np.array([np.nan, -60.0]), np.array([-40.0, np.nan])
    assert judge(one, two, np.array([0, 0])).tolist() == [-1, -1]
    assert np.isnan(surprise(one, two, np.array([0, 0]))).all()


def test_a_table_is_made_of_what_is_seen() -> None:
    rng = np.random.default_rng(0)
    pairs = rng.normal([-60, -40], 8, (20000, 2))
    density, limits = fold([pairs])
    assert density.shape == (1, 72, 72)
    cells = ((pairs + 180) // 5).astype(int)
    levels = density[0][cells[:, 0], cells[:, 1]]
    assert (levels <= limits[0, 0]).mean() == pytest.approx(0.98, abs=0.01)
    assert (levels <= limits[0, 1]).mean() >= 0.999
    assert {FAVOURED, ALLOWED, OUTLIER} == {0, 1, 2}


def test_rare_angles_go_to_the_nearest_that_are_favoured() -> None:
    phi, psi = np.meshgrid(np.arange(-179.0, 180.0, 7.0), np.arange(-179.0, 180.0, 7.0))
    phi, psi = phi.ravel(), psi.ravel()
    for kind in range(4):
        kinds = np.full(len(phi), kind)
        moved = np.stack(towards_favoured(phi, psi, kinds, 30.0), axis=1)
        gaps = (moved - np.stack([phi, psi], axis=1) + 180.0) % 360.0 - 180.0
        far = np.linalg.norm(gaps, axis=1)
        before, after = judge(phi, psi, kinds), judge(moved[:, 0], moved[:, 1], kinds)
        assert (far[before == FAVOURED] == 0).all()
        assert (after[far > 0] == FAVOURED).all()
        assert 0 < (after > FAVOURED).sum() < (before > FAVOURED).sum()
        assert far.max() <= 30.0
        # none that stayed rare has a favoured neighbour nearer than that, whole cells apart
        for step in ([CELL, 0], [-CELL, 0], [0, CELL], [0, -CELL], [3 * CELL, 0], [0, -3 * CELL]):
            beside = judge(phi + step[0], psi + step[1], kinds)
            assert not ((after > FAVOURED) & (beside == FAVOURED)).any()


def test_angles_that_are_not_known_stay_so() -> None:
    phi, psi = towards_favoured(
        np.array([np.nan, 75.0]), np.array([-40.0, np.nan]), np.array([0, 0]), 90.0
    )
    assert np.isnan(phi).tolist() == [True, False]
    assert np.isnan(psi).tolist() == [False, True]

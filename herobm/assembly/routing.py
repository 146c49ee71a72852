"""Which model rebuilds which residue."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import numpy as np

from herobm.assembly.draft import Model
from herobm.assembly.foreign import Universal
from herobm.assembly.models import open_model
from herobm.errors import MappingMismatchError, ModelError
from herobm.plan import Library
from herobm.plugins.records import ANY_MAPPING
from herobm.plugins.registry import Registry
from herobm.system.matching import describe_residues, find_templates
from herobm.types import Beads, IntArray, Residues

log = logging.getLogger(__name__)


def route(library: Library, models: Sequence[Model]) -> IntArray:
    """Index of the model that rebuilds each template, shape (n_templates,).

    Of several models that know a residue kind the last is taken; -1 where none does.
    """
    owner = np.full(len(library.templates), -1, dtype=np.int64)
    for index, model in enumerate(models):
        owner[[model.knows(template) for template in library]] = index
    return owner


def find_models(
    named: Sequence[Model],
    residues: Residues,
    library: Library,
    registry: Registry,
    device: str = "cpu",
) -> tuple[Model, ...]:
    """Add to the models that are named those that come with the mappings, and the last resort.

    Residues that neither know go to the model for any mapping, which needs no training.

    Parameters
    ----------
    named : sequence of Model
        They come before all others, the last of them first.
    residues : Residues
        Of the structure; only what it has needs a model.
    library : Library
    registry : Registry
    device : str
        ``cpu`` or ``cuda``.

    Returns
    -------
    tuple of Model
        As `route` takes them.

    Raises
    ------
    ModelError
        If a mapping has several models, or there are several for any mapping.
    MappingMismatchError
        If those that are named rebuild nothing of the structure.
    """
    kinds = np.unique(find_templates(residues, library))
    kinds = kinds[kinds >= 0]
    _say_who_wins(named, library, kinds)
    if named and len(kinds) and (route(library, named)[kinds] < 0).all():
        names = ", ".join(f"{model.name}" for model in named)
        raise MappingMismatchError(
            f"no residue of the structure is rebuilt by {names}, made for another mapping than "
            f"'{library.name}'",
            "Name a model of this mapping (--model), or none: the one that comes with it is taken.",
        )
    lacking = kinds[route(library, named)[kinds] < 0].tolist()
    found: list[Model] = []
    for origin in dict.fromkeys(library.origin(kind) for kind in lacking):
        if models_of(origin, registry):
            name = model_for(origin, registry)
            if name not in {model.name for model in named}:
                found.append(open_model(name, registry, device))
    models = (*found, *named)
    if (route(library, models)[kinds] < 0).any() and models_of(ANY_MAPPING, registry):
        name = model_for(ANY_MAPPING, registry)
        if name not in {model.name for model in named}:
            models = (open_model(name, registry, device), *models)
    _say_what_is_untrained(models, library, kinds)
    return models


def _say_what_is_untrained(models: Sequence[Model], library: Library, kinds: IntArray) -> None:
    """Say in the log which residues are rebuilt by a model that was not trained."""
    owner = route(library, models)[kinds]
    for index, model in enumerate(models):
        if not model.trained and (owner == index).any():
            names = sorted(library.templates[k].name for k in kinds[owner == index].tolist())
            log.info("%s: rebuilt by '%s', without training", ", ".join(names), model.name)


def models_of(mapping: str, registry: Registry) -> list[str]:
    """Names of the models that were made for a mapping set."""
    return [n for n in registry.models() if registry.model(n).mapping == mapping]


def model_for(mapping: str, registry: Registry) -> str:
    """Find the model that was made for a mapping set.

    Raises
    ------
    ModelError
        If there is none, or several.
    """
    names = models_of(mapping, registry)
    if len(names) == 1:
        return names[0]
    mapping = "any" if mapping == ANY_MAPPING else mapping
    known = ", ".join(names or registry.models()) or "none"
    many = "are several models" if names else "is no model"
    raise ModelError(
        f"there {many} for mapping '{mapping}' (models: {known})",
        "Name one (--model NAME or --model weights.safetensors), or train one (herobm train).",
    )


def drop_unserved(
    beads: Beads,
    library: Library,
    models: Sequence[Model],
    *,
    skip_unmapped: bool = False,
    source: str = "structure",
    known: Iterable[str] = (),
) -> Beads:
    """Stop at residues that no model rebuilds, or leave them out if told so.

    Parameters
    ----------
    beads : Beads
    library : Library
    models : sequence of Model
    skip_unmapped : bool
    source : str
        What to call the beads in messages.
    known : iterable of str
        Names of the models that there are, for messages.

    Returns
    -------
    Beads
        Residues that the library lacks are among them still.

    Raises
    ------
    ModelError
        Naming the residues, how many there are, where the first one is, and how to go on.
    """
    template = find_templates(beads.residues, library)
    unserved = (template >= 0) & (np.append(route(library, models), 0)[template] < 0)
    if not unserved.any():
        return beads
    listed = describe_residues(beads.residues, unserved)
    served = (template >= 0) & ~unserved
    if skip_unmapped and served.any():
        log.info("left out, no model rebuilds them: %s", listed)
        return beads.subset(~unserved[beads.residue_index])
    origins = sorted({library.origin(kind) for kind in np.unique(template[unserved]).tolist()})
    refusals = _refusals(models, library, np.unique(template[unserved]).tolist())
    made_for = [model for model in models if not isinstance(model, Universal)]
    raise _unserved(listed, origins, made_for, bool(served.any()), source, known, refusals)


def _refusals(models: Sequence[Model], library: Library, kinds: Sequence[int]) -> list[str]:
    """Say why models for any mapping do not rebuild residue kinds, a line for each, 3 at most."""
    found = [
        f"{library.templates[kind].name}: '{model.name}' does not rebuild it: "
        f"{model.refuses(library.templates[kind])}"
        for model in models
        if isinstance(model, Universal)
        for kind in kinds
    ]
    more = [f"and {len(found) - 3} more"] if len(found) > 3 else []
    return [*found[:3], *more]


def _unserved(
    listed: str,
    origins: list[str],
    models: Sequence[Model],
    some: bool,
    source: str,
    known: Iterable[str],
    refusals: Sequence[str],
) -> ModelError:
    wanted = " + ".join(f"'{name}'" for name in origins)
    leave = ", or leave them out (--skip-unmapped)" if some else ""
    hint = (
        "Name a model for them (--model NAME or --model weights.safetensors; --model may be "
        f"repeated), train one (herobm train){leave}."
    )
    hint = "\n".join([hint, *refusals])
    if not models:
        others = ", ".join(known) or "none"
        return ModelError(
            f"{source}: there is no model for mapping {wanted} (models: {others}): {listed}", hint
        )
    names = ", ".join(model.name for model in models)
    return MappingMismatchError(
        f"{source}: no model rebuilds {listed} as mapping {wanted} has it; {names} "
        f"{'were' if len(models) > 1 else 'was'} made for another mapping",
        hint,
    )


def _say_who_wins(named: Sequence[Model], library: Library, kinds: IntArray) -> None:
    """Say in the log which of the models that are named rebuild nothing, or are overruled."""
    owner = route(library, named)
    for index, model in enumerate(named):
        mine = [kind for kind in kinds.tolist() if model.knows(library.templates[kind])]
        lost = [kind for kind in mine if owner[kind] != index]
        if not mine:
            log.info("model '%s' rebuilds no residue of the structure", model.name)
        for winner in dict.fromkeys(owner[lost].tolist()):
            names = sorted(library.templates[k].name for k in lost if owner[k] == winner)
            log.info(
                "%s: model '%s' is taken, for it is named after '%s'",
                ", ".join(names),
                named[winner].name,
                model.name,
            )

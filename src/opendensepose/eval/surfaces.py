"""Which surface results are scored on: what `--atlas` names, or what the files say; never two mixed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace

from opendensepose.surface.geodesic_atlas import Watch, sampled_atlas
from opendensepose.surface.official_sampled import official_surface
from opendensepose.surface.sampled import SampledSurface, read_sampled

OURS = "odp24"


def open_surface(
    atlas: str | None,  # as the user wrote it: a name, a folder or a file
    of_results: str | None,  # `odp_atlas` of the results
    of_truth: str | None,  # ... of the annotations
    watch: Watch = iter,
) -> SampledSurface:
    """Open the surface; raises FileNotFoundError, InputError, or ValueError where atlases would be mixed."""
    if of_results and of_truth and of_results != of_truth:
        raise ValueError(
            f"atlases: expected results and annotations of one, got {of_results} and {of_truth}: "
            "their charts have the same numbers but not the same U and V"
        )
    chosen = atlas or of_truth or (of_results if of_results != OURS else None)
    if chosen is None:
        said = f"results are of {of_results}" if of_results else "results do not say theirs either"
        raise ValueError(
            f"--atlas: expected a surface, as the annotations do not say theirs (odp_atlas), got none; {said}"
        )
    surface = _open(chosen, watch)
    for name, file in ((of_results, "results"), (of_truth, "annotations")):
        if name and OURS in (name, surface.name) and name != surface.name:
            raise ValueError(f"--atlas: expected {name}, of which the {file} are, got {chosen}")
    return surface


def _open(chosen: str, watch: Watch) -> SampledSurface:
    if chosen == OURS:
        return sampled_atlas(chosen, watch)
    if os.path.isfile(chosen):
        surface = read_sampled(chosen)
        # a file that calls itself odp24 is no proof
        return replace(surface, name=f"{surface.name} (file)") if surface.name == OURS else surface
    if os.path.isdir(chosen):
        return official_surface(chosen)
    if chosen == "smpl24":
        raise ValueError("--atlas: expected the folder of the official files for smpl24, got none")
    raise FileNotFoundError(f"--atlas: expected {OURS}, a folder or a .npz file, got {chosen}")


def distance_line(surface: SampledSurface, kappas: Iterable[float]) -> str:
    """What distances and normalisation a number rests on, in one line."""
    values = sorted({round(float(k), 3) for k in kappas if k > 0})
    span = f"{values[0]:.3f} m" if len(values) == 1 else f"{values[0]:.3f} to {values[-1]:.3f} m by part"
    return f"atlas {surface.name}, {surface.distance_kind} distances, kappa {span}"

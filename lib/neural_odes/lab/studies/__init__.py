"""Every figure and claim of the book, declared.

``STUDIES`` maps a name to a :class:`~neural_odes.lab.study.Study`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from neural_odes.lab.studies.activations import activations
from neural_odes.lab.studies.adjoint import adjoint, memory
from neural_odes.lab.studies.anatomy import (
    depth_variants,
    parameters,
    weights,
)
from neural_odes.lab.studies.augmented import augmented_field
from neural_odes.lab.studies.augmented_flows import flows, widths
from neural_odes.lab.studies.background import euler, gradients
from neural_odes.lab.studies.by_dimension import spheres_by_dimension
from neural_odes.lab.studies.cover import cover
from neural_odes.lab.studies.estimators import estimators, saturation
from neural_odes.lab.studies.graphs import club
from neural_odes.lab.studies.images import table1
from neural_odes.lab.studies.inputs import input_network
from neural_odes.lab.studies.reflection import adaptive_depth, crossing
from neural_odes.lab.studies.solvers import solvers
from neural_odes.lab.studies.spheres import nested_spheres
from neural_odes.lab.studies.stability import figure7, strength
from neural_odes.lab.studies.theorem import theorem1
from neural_odes.lab.study import Study

STUDIES: Mapping[str, Study] = MappingProxyType(
    {
        one.name: one
        for one in (
            *(euler, solvers, gradients),
            *(activations, parameters, weights, depth_variants),
            augmented_field,
            *(table1, flows, widths, club, adjoint, memory),
            *(theorem1, crossing, adaptive_depth, nested_spheres),
            *(spheres_by_dimension, cover, input_network),
            *(estimators, saturation, figure7, strength),
        )
    }
)

__all__ = ["STUDIES"]

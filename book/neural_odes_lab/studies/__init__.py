"""Every figure and claim of the book, declared.

``STUDIES`` maps a name to a :class:`~neural_odes_lab.study.Study`, in the
order of the chapters.
"""

from collections.abc import Mapping
from types import MappingProxyType

from neural_odes_lab.studies import (
    activations,
    adjoint,
    anatomy,
    augmented,
    augmented_flows,
    background,
    by_dimension,
    cover,
    estimators,
    figure7,
    generation,
    gradients,
    graphs,
    images_of_noise,
    inputs,
    layers,
    penalties,
    points,
    reflection,
    resnet,
    solvers,
    spheres,
    table1,
    theorem,
)
from neural_odes_lab.study import Study

STUDIES: Mapping[str, Study] = MappingProxyType(
    {
        one.name: one
        for module in (
            *(background, solvers, gradients),
            *(activations, anatomy, resnet, augmented),
            *(table1, augmented_flows, graphs, adjoint),
            *(theorem, reflection, spheres, layers),
            *(by_dimension, points, cover, inputs),
            *(estimators, figure7, penalties),
            *(generation, images_of_noise),
        )
        for one in vars(module).values()
        if isinstance(one, Study) and one.measure.__module__ == module.__name__
    }
)

__all__ = ["STUDIES"]

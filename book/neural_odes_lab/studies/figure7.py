"""Figure 7: exponents beside Lorenz's, penalties, robustness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from neural_odes.data.systems import LORENZ
from neural_odes_lab.judges import Claim, above, below, mean_above, slug
from neural_odes_lab.studies.common import GRID, SLOW, WIDE
from neural_odes_lab.studies.estimators import lorenz_over
from neural_odes_lab.studies.stability import (
    CONCAT,
    KINDS,
    PLAIN,
    QUICK,
    WORDS,
    Stability,
    measured,
    sentence,
)
from neural_odes_lab.study import Row, study
from neural_odes_lab.verdicts import FITTED

SYSTEM = "Lorenz's system"
HELPS = {
    "attacks": ("raises accuracy under attack", "attacked"),
    "noise": ("raises accuracy under noise", "noisy"),
}
"""By id, what a penalty may do, and the quantity that would be greater. Where
the field does not see depth, chaos.penalties judges it."""


def _claims() -> Iterator[Claim]:
    for name, kind in KINDS.items():
        plain = CONCAT if kind.concat else PLAIN
        if kind.penalty:
            yield Claim(
                f"exponent-{slug(name)}",
                sentence(name, "makes exponents smaller"),
                below("exponent", name, plain),
            )
            yield Claim(
                f"growing-{slug(name)}",
                sentence(name, "lets errors grow for fewer points"),
                below("growing", name, plain),
            )
            yield Claim(
                f"peak-{slug(name)}",
                sentence(name, "lowers the peak of errors along the path"),
                below("peak", name, plain, ratio=True),
            )
            for id_, (does, quantity) in HELPS.items() if kind.concat else ():
                yield Claim(
                    f"{id_}-{slug(name)}",
                    sentence(name, does),
                    above(quantity, name, plain),
                )
        else:
            yield Claim(
                f"lorenz-{slug(name)}",
                f"A network's exponent ({name}) exceeds Lorenz's, per unit of "
                "depth.",
                mean_above("exponent", name, LORENZ[0]),
            )
            yield Claim(
                f"lorenz-turnover-{slug(name)}",
                f"A network's exponent ({name}) exceeds Lorenz's, per "
                "turnover.",
                above("per turnover", name, SYSTEM),
            )
            yield Claim(
                f"lorenz-largest-{slug(name)}",
                f"A network's largest finite-time exponent ({name}) exceeds "
                "Lorenz's, per turnover.",
                above("largest per turnover", name, SYSTEM),
            )


def relative(config: Stability, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the largest finite-time exponents per turnover."""
    turnover = rows["exponent"] / rows["per turnover"]
    return rows.assign(**{"largest per turnover": rows["largest"] / turnover})


@study(
    "chaos.figure7",
    paper="section 6, equations 20 and 21, figure 7",
    config=Stability,
    block=20,
    variants=(*KINDS, SYSTEM),
    claims=tuple(_claims()),
    converged=FITTED,
    settings={"slow": [SLOW], "wide": [WIDE], "multiverse": GRID},
    derive=relative,
    quick=QUICK,
    words=WORDS,
)
def figure7(
    config: Stability, variant: str, seeds: Sequence[int], device: str
) -> list[Row]:
    """Exponents, penalties and attacks on nested 3-spheres.

    Lorenz's system (10, 28, 8/3) is measured as the networks are, but over
    ``turnovers`` turnovers and by rk4 (the 3/8 rule) in steps of 0.02. Each
    seed draws 16 standard normal points around (1, 1, 1), which are first
    integrated for a time of 30; a seed's turnover is averaged over the next 30.
    Peaks are compared as ratios. For seed 0,
    ``path`` keeps the depths, the 10, 50 and 90 % quantiles of the error over
    points and perturbations, and each point's exponent. Runs with a training
    accuracy below 95 % count as not converged: where leaving them out would
    change a verdict, it is undecided.
    """
    if variant == SYSTEM:
        return [
            {
                "seed": seed,
                **lorenz_over(
                    config.turnovers,
                    seed,
                    radius=config.radius,
                    perturbations=config.perturbations,
                ),
            }
            for seed in seeds
        ]
    return measured(config, KINDS[variant], config.strength, seeds, device)

"""One hypothesis profile for the whole suite, and what tests share."""

import os

import pytest
import torch
from hypothesis import settings

from neural_odes_lab.runner import run
from neural_odes_lab.studies import STUDIES

settings.register_profile(
    "suite",
    deadline=None,  # a test is not wrong because the machine is busy
    derandomize=os.environ.get("CI") == "true",  # so that a run can be repeated
)
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def global_generator():
    """Every test starts torch's generator anew.

    What it draws would else depend on which tests its worker ran before.
    """
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def tiny_record():
    """Records of the studies in tiny form by name, each measured once.

    None may draw from the global generator: its numbers would not repeat.
    """
    known = {}

    def measure(name):
        if name not in known:
            before = torch.random.get_rng_state()
            known[name] = run(
                STUDIES[name],
                seeds=[0, 1],
                setting="tiny",
                progress=False,
            )
            assert torch.equal(torch.random.get_rng_state(), before), name
        return known[name]

    return measure

"""One hypothesis profile for the whole suite."""

import os

from hypothesis import settings

settings.register_profile(
    "suite",
    deadline=None,  # a test is not wrong because the machine is busy
    derandomize=os.environ.get("CI") == "true",  # so that a run can be repeated
)
settings.load_profile("suite")

"""What runs on a device other than the CPU; see pretend_cases.py.

In a process of its own: torch keeps a device that it was told of.
"""

import subprocess
import sys
from pathlib import Path


def test_models_train_and_are_measured_there():
    cases = Path(__file__).with_name("pretend_cases.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", cases],
        cwd=cases.parents[1],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout

"""``python -m neural_odes_lab``: the command line of the laboratory."""

import sys

from neural_odes.checks import optional

if __name__ == "__main__":
    try:
        cli = optional("neural_odes_lab.cli", "lab")
    except ImportError as error:
        sys.exit(f"python -m neural_odes_lab: {error} ({error.__cause__})")
    sys.exit(cli.main())

"""``python -m neural_odes``: the command line of the laboratory."""

import sys

from neural_odes.checks import optional

if __name__ == "__main__":
    try:
        cli = optional("neural_odes.lab.cli", "lab")
    except ImportError as error:
        sys.exit(f"python -m neural_odes: {error} ({error.__cause__})")
    sys.exit(cli.main())

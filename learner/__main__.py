"""`python -m learner`: the same as `handson learner`."""

import sys

from learner.main import main
from shared.errors import HandsOnError

if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except HandsOnError as error:
        sys.exit(f"learner: {error}")

"""`python -m actor`: the same as `handson actor`."""

import sys

from actor.main import main
from shared.errors import HandsOnError

if __name__ == "__main__":
    try:
        sys.exit(main())
    except HandsOnError as error:
        print(f"actor: {error}", file=sys.stderr)
        sys.exit(2)

"""`python -m tests.mutation`."""

import signal
import sys

from tests.mutation.cli import main, stop

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    sys.exit(main())

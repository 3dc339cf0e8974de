"""`python -m tests.conformance`."""

import signal
import sys

from tests.conformance.cli import main, stop

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    sys.exit(main())

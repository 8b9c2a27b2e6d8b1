"""The launcher: what a tmux pane runs, as ``python -I -S launcher.py <attempt directory>``.

Owns nothing but the way in: it is compiled anew for every spawn, the package
:mod:`coders_workers.attempt` is not. It knows neither tmux nor the worker, and outlives both.
"""

import os
import sys

if __name__ == "__main__":  # isolated (-I), Python must be told where the package lives
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from coders_workers.attempt.run import main

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: launcher.py ATTEMPT_DIRECTORY")
    os._exit(main(sys.argv[1]))  # the interpreter's own farewell takes milliseconds

"""The project's own benchmarks, ``python -m bench NAME``: of the checkout, not of the wheel."""

import sys
from pathlib import Path

# what the tests use to install agents and to shut them in serves the benchmarks, too
sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

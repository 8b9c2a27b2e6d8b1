"""The project's own benchmarks, ``python -m bench NAME``: of the checkout, not of the wheel."""

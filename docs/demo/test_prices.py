"""What the prices should be. One of the tests fails."""

import unittest

from prices import total


class TotalTest(unittest.TestCase):
    """Totals in cents."""

    def test_without_discount(self) -> None:
        """The sum."""
        self.assertEqual(total([300, 200]), 500)  # noqa: PT009 - the demo needs no pytest

    def test_discount_is_a_share(self) -> None:
        """Ten percent off."""
        self.assertEqual(total([300, 200], discount_percent=10), 450)  # noqa: PT009


if __name__ == "__main__":
    unittest.main()

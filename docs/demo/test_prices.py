import unittest

from prices import total


class TotalTest(unittest.TestCase):
    def test_without_discount(self) -> None:
        self.assertEqual(total([300, 200]), 500)

    def test_discount_is_a_share(self) -> None:
        self.assertEqual(total([300, 200], discount_percent=10), 450)


if __name__ == "__main__":
    unittest.main()

"""Prices of a small shop."""


def total(prices: list[int], discount_percent: int = 0) -> int:
    """The sum of the prices in cents, less the discount."""
    return sum(prices) - discount_percent

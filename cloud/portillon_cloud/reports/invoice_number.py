"""How an invoice's number is written on it."""


def invoice_number(series: str, number: int) -> str:
    """Series and number as one word: 'TEST-000017'."""
    return f"{series}-{number:06d}"

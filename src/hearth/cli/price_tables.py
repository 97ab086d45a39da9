"""Price books for the eye."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from hearth.kit.clock import from_ns, to_rfc3339
from hearth.pricing import Price, PriceBook, PriceBooks, Unit, format_usd

_MEASURES = {
    (Unit.TOKENS, 10**6): "million tokens",
    (Unit.EMBEDDING_TOKENS, 10**6): "million tokens",
    (Unit.TRAINING_TOKENS, 10**6): "million training tokens",
    (Unit.AUDIO_MS, 60_000): "minute of audio",
    (Unit.IMAGE_STEPS, 1): "image step",
    (Unit.GPU_SECONDS, 3600): "GPU hour",
}


def print_book(book: PriceBook) -> None:
    """Print the prices of a book, its discounts and the models that it names."""
    typer.echo(f"Price book {book.version}, from {to_rfc3339(book.effective_time)} on; US dollars.")
    table = _table("Price", "For a", "Amount", "Output", "Cached", "At least")
    for price in book.prices:
        table.add_row(
            price.id,
            measure(price),
            format_usd(price.amount),
            _amount(price.output_amount),
            _amount(price.cached_amount),
            _amount(price.minimum or None),
        )
    _print(table)
    typer.echo(
        f"Off: {_percent(book.cached_discount_bp)} for cached tokens, "
        f"{_percent(book.batch_discount_bp)} for batch jobs, "
        f"{_percent(book.repeat_discount_bp)} for repeated answers."
    )
    for model, price_id in sorted(book.models.items()):
        typer.echo(f"{model}: {price_id}")


def print_books(books: PriceBooks) -> None:
    """Print which books there are."""
    table = _table("Version", "For", "From", "Added")
    shipped = books.shipped
    table.add_row(shipped.version, "everyone", to_rfc3339(shipped.effective_time), "with Hearth")
    for each in books.added:
        table.add_row(
            each.book.version,
            f"account {each.account_id}" if each.account_id else "everyone",
            to_rfc3339(from_ns(each.effective_time_ns)),
            to_rfc3339(from_ns(each.create_time_ns)),
        )
    _print(table)


def measure(price: Price) -> str:
    """What the amount is for, such as `minute of audio`."""
    return _MEASURES.get((price.unit, price.per)) or f"{price.per:,} {price.unit}"


def _amount(nano: int | None) -> str:
    return "" if nano is None else format_usd(nano)


def _percent(points: int) -> str:
    return f"{points / 100:g} %"


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, header_style="bold")


def _print(table: Table) -> None:
    is_terminal = typer.get_text_stream("stdout").isatty()
    Console(width=None if is_terminal else 160).print(table)

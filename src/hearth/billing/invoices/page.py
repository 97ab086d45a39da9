"""An invoice as a page to print: one file, no scripts, nothing fetched, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from hearth.billing.invoices.csv_form import usd
from hearth.billing.invoices.document import Invoice, InvoiceLine
from hearth.kit.clock import to_rfc3339

_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #1b1b1b; margin: 2.5rem auto; max-width: 60rem;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
p { margin: .2rem 0; }
table { border-collapse: collapse; width: 100%; margin: 1.5rem 0; }
th, td { text-align: left; padding: .35rem .5rem; border-bottom: 1px solid #ddd;
  vertical-align: top; }
th { border-bottom: 2px solid #333; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.quiet { color: #666; font-size: .85em; }
.due td { font-weight: 700; border-top: 2px solid #333; }
table.sums { width: auto; margin-left: auto; }
@media print { body { margin: 0; max-width: none; } tr { break-inside: avoid; } }
"""

_HEAD = (("What", ""), ("Quantity", "n"), ("Unit price", "n"), ("Cost", "n"))


def invoice_page(invoice: Invoice) -> bytes:
    """The invoice as HTML; the same invoice is always the same bytes."""
    account = invoice.name.split("/")[1]
    title = f"Invoice {invoice.id} of {account}"
    last = "".join(
        [
            _table("", _HEAD, _usage_rows(invoice)),
            _adjustments(invoice),
            _sums(invoice),
        ]
    )
    page = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p>{escape(_status(invoice))}</p>
<p class="quiet">{escape(to_rfc3339(invoice.period_start))} up to, and not including,
{escape(to_rfc3339(invoice.period_end))}. All amounts in US dollars. The cost of each request is
rounded to a billionth of a dollar, so a line may differ from quantity times price in the last
digits.</p>
{last}</body>
</html>
"""
    return page.encode()


def _status(invoice: Invoice) -> str:
    if invoice.issue_time:
        return f"Issued {to_rfc3339(invoice.issue_time)}."
    return "Draft: it may still change."


def _usage_rows(invoice: Invoice) -> Iterable[str]:
    for line in invoice.line_items:
        notes = [line.deployment, f"{line.price} of price book {line.price_book}"]
        if line.discount_percent != "0":
            notes.append(f"{line.discount_percent} % off")
        if not line.price_book:
            notes = ["not priced"]
        about = " · ".join(escape(note) for note in notes if note)
        pairs = _quantities(line)
        yield _row(
            f'{escape(line.model)}<br><span class="quiet">{about}</span>',
            "<br>".join(f"{int(number):,} {escape(what)}" for what, number, _ in pairs),
            "<br>".join(escape(price) for *_, price in pairs),
            usd(line.total_cost),
        )


def _quantities(line: InvoiceLine) -> list[tuple[str, str, str]]:
    """What was used, how much of it, and what so much costs."""
    prices = line.unit_prices
    per = f" / {int(prices.per):,}" if prices else ""
    found = [("requests", line.requests, "")]
    if line.unit == "tokens":
        uncached = str(int(line.prompt_tokens) - int(line.cached_prompt_tokens))
        found += [
            ("prompt tokens", uncached, prices.prompt + per if prices else ""),
            ("cached", line.cached_prompt_tokens, prices.cached_prompt + per if prices else ""),
            (
                "completion tokens",
                line.completion_tokens,
                prices.completion + per if prices else "",
            ),
        ]
    elif line.unit == "embedding_tokens":
        price = (prices.unit or prices.prompt) + per if prices else ""
        found.append(("tokens", line.prompt_tokens, price))
    else:
        found.append((line.unit.replace("_", " "), line.units, prices.unit + per if prices else ""))
    return found


def _adjustments(invoice: Invoice) -> str:
    if not invoice.adjustments:
        return ""
    rows = [
        f"<tr><td>{escape(to_rfc3339(each.time))}</td><td>{escape(each.reason)}</td>"
        f'<td class="n">{usd(each.amount)}</td></tr>\n'
        for each in invoice.adjustments
    ]
    return _table("", (("Adjusted", ""), ("Reason", ""), ("In your favour", "n")), rows)


def _sums(invoice: Invoice) -> str:
    sums = [
        ("Subtotal", invoice.subtotal),
        ("Adjustments in your favour", invoice.adjustments_total),
        ("Paid from credit", invoice.credits_applied),
        ("Carried over to credit", invoice.carried_to_credit),
    ]
    rows = [
        f'<tr><td>{name}</td><td class="n">{usd(amount)}</td></tr>\n'
        for name, amount in sums
        if usd(amount) != "0.00" or name == "Subtotal"
    ]
    rows.append(
        f'<tr class="due"><td>Amount due</td><td class="n">{usd(invoice.amount_due)}</td></tr>\n'
    )
    rows.append(f'<tr><td>Credit left</td><td class="n">{usd(invoice.credit_left)}</td></tr>\n')
    return _table("sums", (), rows)


def _row(what: str, *numbers: str) -> str:
    cells = "".join(f'<td class="n">{number}</td>' for number in numbers)
    return f"<tr><td>{what}</td>{cells}</tr>\n"


def _table(kind: str, head: Iterable[tuple[str, str]], rows: Iterable[str]) -> str:
    cells = "".join(f'<th class="{align}">{escape(name)}</th>' for name, align in head)
    top = f"<thead><tr>{cells}</tr></thead>\n" if cells else ""
    return f'<table class="{kind}">\n{top}<tbody>\n{"".join(rows)}</tbody>\n</table>\n'

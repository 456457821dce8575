"""Renders pages from templates; every value is escaped, as texts of a bank's records may be markup."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined

from plugins.settlement_console.charts import told
from plugins.settlement_console.statics import static_path
from plugins.settlement_console.wording import clock, day, number_of, severity, short, words

_HERE = Path(__file__).parent


@lru_cache(maxsize=1)
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    templates.filters.update(
        count=_count,
        share=_share,
        moment=_moment,
        plot_name=_plot_name,
        money=_money,
        score=_score,
        signed=_signed,
        percent=_percent,
    )
    templates.filters.update(day=day, clock=clock, number_of=number_of, severity=severity, short=short, words=words)
    templates.filters["told"] = told
    templates.globals.update(static_path=static_path)
    return templates


def _count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def _money(amount: Decimal | None) -> str:
    return "–" if amount is None else f"{amount:,.2f}"


def _score(number: float | None) -> str:
    return "–" if number is None else f"{number:.3f}"


def _signed(number: float) -> str:
    return f"{number:+.3f}"


def _percent(share: float) -> str:
    return f"{share:.0%}"


def _share(number: float | Undefined) -> str:
    return "–" if isinstance(number, Undefined) else f"{number:.2%}"


def _moment(iso: str) -> str:
    """A moment in ISO form to the minute, as tables have it."""
    return iso[:16].replace("T", " ") or "–"


def _plot_name(file: str) -> str:
    return file.removesuffix(".png").replace("_", " ")


def render(template: str, **values: Any) -> str:  # noqa: ANN401 - what each template shows
    """A page as HTML."""
    return _templates().get_template(template).render(**values)

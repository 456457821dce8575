"""Forms of values without their content, and explanations for people of values that could not be read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from include.relations import Column, Relation
from include.sources.dialects import Dialect

# Long enough for a moment with its zone, a code and an account number; beyond it a form says no more.
_LONGEST_FORM = 40
# Forms that a sentence shows; the commonest tell what the column holds.
_SHOWN_FORMS = 3


def form_of(text: str | None) -> str:
    """The form of a text without its content, as a message must not contain a record's values.

    >>> form_of("31.Jan 2013"), form_of("A00000576"), form_of("Novák")
    ('99.Aaa 9999', 'A99999999', 'Aaaaa')
    """
    digits = re.sub(r"\d", "9", text or "")
    form = re.sub(r"[^\W\d_]", lambda letter: "A" if letter[0].isupper() else "a", digits)
    return form if len(form) <= _LONGEST_FORM else f"{form[:_LONGEST_FORM]}..."


@dataclass
class Remarks:
    """Observations from typing a relation's texts, batch by batch.

    Attributes
    ----------
    forms
        Counts of the forms of the values, by the reason code that they got.
    null_words
        Number of words for nothing that were read as blank, by column.
    open_digits
        Number of keys or accounts whose exponent leaves their last digits open, by column.
    """

    forms: dict[str, Counter[str]] = field(default_factory=dict)
    null_words: Counter[str] = field(default_factory=Counter)
    open_digits: Counter[str] = field(default_factory=Counter)

    def add(self, other: Remarks) -> None:
        """Add the observations from another batch."""
        for code, forms in other.forms.items():
            self.forms[code] = self.forms.get(code, Counter()) + forms
        self.null_words.update(other.null_words)
        self.open_digits.update(other.open_digits)

    def explanations(self, relation: Relation, dialect: Dialect) -> dict[str, str]:
        """The explanation of each reason code: the column, the form of its values, allowed values and the remedy."""
        longest_first = sorted(relation.columns, key=lambda column: -len(column.name))
        owners = {code: next(c for c in longest_first if code.startswith(f"{c.name}_")) for code in self.forms}
        return {
            code: f"{_held(owners[code], dialect, forms)}; {_allowed(code, owners[code], dialect)}"
            for code, forms in self.forms.items()
        }

    def notes(self, place: str) -> tuple[str, ...]:
        """A sentence each on the words for nothing and on open digits, where there were any; `place` holds them."""
        found = ((_WORDS_FOR_NOTHING, self.null_words), (_OPEN_DIGITS, self.open_digits))
        return tuple(f"{place}: {seen}: {_by_column(counts)}" for seen, counts in found if counts)


_WORDS_FOR_NOTHING = "words for nothing (NULL, NA, nan and the like) were read as blank"
_OPEN_DIGITS = (
    "keys or accounts are numbers with an exponent, which leaves their last digits open (from 2^53 on a double does "
    "not hold them): such a key is refused, such an account kept as it stands; export the column as whole numbers or "
    "as text"
)


def _by_column(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} in {column}" for column, count in sorted(counts.items()))


def single_precision_note(place: str, columns: Sequence[str]) -> tuple[str, ...]:
    """A sentence on columns of money whose type holds seven digits; nothing where there are none."""
    if not columns:
        return ()
    return (
        f"{place}: {', '.join(columns)} is of single precision, which knows amounts of 131,072 and more (2^17) only to "
        "some cents: they were read as they stand; make it NUMERIC(12,2), or double precision",
    )


def _held(column: Column, dialect: Dialect, forms: Counter[str]) -> str:
    name = dialect.header_name(column) or column.name
    shown = " or ".join(repr(form) for form, _ in forms.most_common(_SHOWN_FORMS))
    return f"column {name} holds values of the form {shown}" if any(forms) else f"column {name} is blank"


def _allowed(code: str, column: Column, dialect: Dialect) -> str:
    fault = code.removeprefix(f"{column.name}_")
    if fault == "missing":
        return "a value is needed: export it, or leave the record out"
    if column.kind == "code":
        return f"allowed are {_codes(column, dialect)}, in this spelling: translate the column in the export or a view"
    return _WANTED[column.kind].format(date_form=dialect.date_form)


def _codes(column: Column, dialect: Dialect) -> str:
    """The codes as the dialect writes them, each with what it stands for where that is another word."""
    meanings = {written: {code, column.codes[code]} - {written} for written, code in dialect.codes(column).items()}
    return ", ".join(f"{code} ({', '.join(sorted(words))})" if words else code for code, words in meanings.items())


_WANTED: Mapping[str, str] = {
    "identifier": "a whole number from -9223372036854775808 to 9223372036854775807 is needed: export the number alone, "
    "the same in every relation",
    "money": "an amount is written 1234.56, below ten thousand million and without thousands separators, with two "
    "decimals at most: export it so, rounded where the bank itself rounds",
    "number": "a number is written 1234.5: export it with a decimal point and without separators",
    "date": "a date that exists, written {date_form}, is needed: export the column in that form",
    "time": "a time of day is written HH:MM:SS: export it so",
    "text": "a shorter text is needed",
}
"""Description of the values of each kind, and the remedy for others."""

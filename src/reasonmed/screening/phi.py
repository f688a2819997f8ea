"""Strings that may identify a patient. A screen, never a proof of de-identification; names are not attempted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reasonmed.parsing.sifted import Sifted

if TYPE_CHECKING:
    from collections.abc import Callable

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)\.?"
)
_YEAR = r"(?:19|20)\d{2}"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_DATE = re.compile(
    rf"(?<![\d/.-])(?:(?:0?[1-9]|[12]\d|3[01])(?P<mark>[/.-])(?:0?[1-9]|[12]\d|3[01])(?P=mark){_YEAR}|"
    rf"{_YEAR}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))(?![\d/])|"
    rf"\b(?:{_MONTH}\s{_DAY},?\s{_YEAR}|{_DAY}\s(?:of\s)?{_MONTH},?\s{_YEAR})\b",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?(?:\(?\d{1,4}\)?[ .-]?){2,4}\d{2,4}|\(\d{3}\) ?\d{3}-\d{4}|"
    r"\d{3}([.-])\d{3}\1\d{4})(?![\w-])"
)
_RECORD = re.compile(
    r"\b(?:MRN|medical record (?:number|no\.?|#)|patient (?:id|number|no\.?)|"
    r"hospital (?:number|no\.?)|chart (?:number|no\.?)|"
    r"accession (?:number|no\.?))\s*(?:is\s*)?[:#]?\s*([A-Z]{0,3}-?\d[\d-]{3,})",
    re.IGNORECASE,
)
_SOCIAL = re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")
_EMAIL = Sifted(r"\b[\w.%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,5}[A-Za-z]{2,24}\b")
_YEARS, _THREE_TWO = re.compile(_YEAR), re.compile(r"\d{3}-\d{2}-\d")
_DIGITS, _FOUR = re.compile(r"\d\d"), re.compile(r"\d[\d-]{3}")
"""What dates and numbers have in them; the search for it is quick, and most texts have none."""
_URL = Sifted(r"\b(?:https?://|www\.)[^\s<>\"')\]]{3,200}", re.IGNORECASE)


def date(text: str) -> str | None:
    """A whole date: day, month and year. A year or a month alone is none."""
    return _first(_DATE, text) if _YEARS.search(text) else None


def phone(text: str) -> str | None:
    """A telephone number, in international or North American form."""
    return _first(_PHONE, text) if _DIGITS.search(text) else None


def record_number(text: str) -> str | None:
    """A medical record number that is called one."""
    return _first(_RECORD, text) if _FOUR.search(text) else None


def social_security(text: str) -> str | None:
    """A US social security number with its hyphens."""
    return _first(_SOCIAL, text) if _THREE_TWO.search(text) else None


def email(text: str) -> str | None:
    """An e-mail address."""
    return _first(_EMAIL, text)


def url(text: str) -> str | None:
    """A web address."""
    return _first(_URL, text)


def _first(pattern: re.Pattern[str] | Sifted, text: str) -> str | None:
    found = pattern.search(text)
    return found.group(0) if found else None


RULES: dict[str, Callable[[str], str | None]] = {
    "date": date,
    "phone": phone,
    "mrn": record_number,
    "ssn": social_security,
    "email": email,
    "url": url,
}
"""Every rule by its kind; it gives the string that may identify, or None."""

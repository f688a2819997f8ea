"""A clinic's table from a German Excel, and a server with one model that answers its questions."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from support import reply

if TYPE_CHECKING:
    from aiohttp import web

HEADER = "ID;Frage;Antwort A;Antwort B;Antwort C;Lösung;Fach;Größe"
ROWS = 20
WRONG = "k7"
"""The question that the model never gets right."""
BAD = "k20;Und hier?;ja;nein;vielleicht;F;Gefäße;0,5 cm"

REASONING = (
    "Zunächst fällt auf, dass die Wände der Gefäße gleichmäßig verdickt sind. Häufig führt ein erhöhter Druck "
    "über Jahre zu solchen Veränderungen, während eine Entzündung eher örtlich begrenzt bliebe. Für eine "
    "mäßige Ausprägung müsste der Wert niedriger liegen; übergroße Befunde wären dagegen schmerzhaft und "
    "würden früher bemerkt. Die Anamnese enthält keine Hinweise auf Fieber, Gewichtsverlust oder Blutungen, "
    "sodass bösartige Ursachen kaum in Frage kommen. Auch das Labor spricht nicht dagegen. Nach Abwägung aller "
    "Möglichkeiten überzeugt nur eine der drei Angaben."
)


def table() -> bytes:
    """As a German Excel saves it: semicolons, Windows-1252, decimal commas, a title above the header."""
    lines = ["Kartei Innere Medizin;;;;;;;", HEADER]
    lines += [
        f"k{n};Welche Größe hat der Befund Nr. {n} \u2013 und was heißt „mäßig“?;{n},5 mg/dl;mäßig, {n} µg;"
        f"übergroß {n};{'ABC'[n % 3]});Gefäße;{n},25 cm"
        for n in range(ROWS)
    ]
    return "\r\n".join([*lines, BAD]).encode("cp1252")


class Model:
    """A server with one model, which writes German, knows the key of all questions but one, and accepts all."""

    def __init__(self) -> None:
        self.asked = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        text = "\n".join(one["content"] for one in (await request.json())["messages"])
        number = int(re.findall(r"Befund Nr\. (\d+)", text)[-1])
        options = dict(re.findall(r"^([A-C])\. (.+)$", text, re.MULTILINE))
        key = "ABC"[(number + (f"k{number}" == WRONG)) % 3]
        return reply(self._said(text, key, options, number))

    def _said(self, text: str, key: str, options: dict[str, str], number: int) -> str:
        if '"verdict"' in text:
            return json.dumps({"verdict": "Correct", "reason": f"Die Deutung von Befund {number} ist schlüssig."})
        if '"score"' in text:
            points = 8 if "from 1 to 10" in text else 4
            return json.dumps({"score": points, "justification": f"Befund {number} ist gründlich erörtert."})
        if "write the final reply" in text:
            return f"Für Befund {number} gilt Antwort {key}: {options[key]}, denn die Gefäße sind verändert."
        others = [f"Gegen {sign} ({option}) spricht die Größe." for sign, option in options.items() if sign != key]
        prose = f"Gefragt ist die Größe von Befund {number}. {' '.join(others)} {REASONING} Probe {self.asked}: {key}."
        return f"{prose}\n\nAnswer: {key}. {options[key]}"

"""A world of questions and models for ``cost.py``: made-up texts as long as real ones, right and wrong as wanted.

Lengths are quantiles in characters of real texts: stems with options of 1,000 questions of MedMCQA and 700 of MedQA;
198 chains of thought of GPT-4o on MedQA with their responses (HuatuoGPT-o1, data/demo_data.json), whose first two
sentences stand for a judge's reason, of which the prompts ask for one or two sentences. A token has 4.5 characters:
4.56 in those chains, 4.1 and 3.9 in the questions (the embedded model's tokenizer; 26 November 2026).
"""

from __future__ import annotations

import json
import random
import re
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.exchange import Completion, Request
from reasonmed.types import letter

if TYPE_CHECKING:
    from collections.abc import Sequence

_AT = (0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1)
_MEDMCQA = (38, 71, 82, 106, 142, 202, 282, 334, 716)
_MEDQA = (194, 426, 503, 641, 807, 1013, 1228, 1378, 3637)
CHAIN = (1389, 1708, 1776, 1949, 2220, 2536, 2803, 3012, 3601)
_RESPONSE = (87, 297, 342, 460, 626, 843, 1183, 1445, 2216)
_REASON = (70, 93, 108, 135, 166, 207, 254, 279, 343)
PER_TOKEN = 4.5
MEDIAN = CHAIN[4] / PER_TOKEN
"""Tokens of the chain of median length."""
_MEDQA_SHARE = 11_450 / 194_925
"""Of the paper's questions; the others are taken to be as long as MedMCQA's, which are 94 % of them."""
_OPTIONS = 4
_NAMES = (
    *("Abciximab", "Bumetanide", "Cefazolin", "Dapsone", "Enalapril", "Flumazenil", "Glipizide", "Hydralazine"),
    *("Isoniazid", "Ketorolac", "Labetalol", "Mebendazole", "Naloxone", "Octreotide", "Pralidoxime", "Quinidine"),
)
_UNSOUND = "One finding of the history is passed over here."
"""Stands in a chain that names the key for a wrong reason."""
_SAID = re.compile(r"^Answer: ([A-Z])", re.MULTILINE)
_LEADS = ("points to", "speaks against", "is weighed with", "follows from", "is seen early in", "is rare in")
_SIGNS = (
    *("fever", "rash", "a slow pulse", "dry cough", "a wide gait", "tremor", "weight loss", "a murmur", "dark urine"),
    *("swelling", "small pupils", "pale skin", "headache", "shortness of breath", "an ulcer", "a hoarse voice"),
)
_PLACES = (
    *("disease of the liver", "failure of the heart", "loss of both kidneys", "a thyroid nodule", "injury of a nerve"),
    *("a marrow without cells", "infection of the lungs", "a narrow vessel", "a large spleen", "lack of an enzyme"),
    *("stones of the gallbladder", "lack of a vitamin", "inflamed joints", "a circulating antibody", "a slow toxin"),
)


class World(NamedTuple):
    """What is the case."""

    wrong: Sequence[int]
    """Wrong chains of each question, by its number."""
    generators: Sequence[tuple[str, float]]
    """Model and temperature of each chain of a question."""
    unsound: float
    """Share of the wrong chains that conclude the key."""
    fives: float
    """Share of the sound chains that the ranker gives a 5."""
    scale: float
    """How much longer chains are than the measured ones."""
    sentences: Sequence[str] = ()
    """Real ones, of which texts are made; made-up ones where there are none."""


world = World((), (), 0, 0, 1)
"""The one that ``reply`` knows: a scripted back end takes a function by its name."""


def enter(new: World) -> None:
    """Make ``reply`` answer for another world."""
    global world  # noqa: PLW0603 - see there
    world = new


def rows() -> list[dict[str, object]]:
    """The questions, as rows of a file."""
    found: list[dict[str, object]] = []
    for number in range(len(world.wrong)):
        dice = _dice(number, "stem")
        length = _drawn(dice, _MEDQA if dice.random() < _MEDQA_SHARE else _MEDMCQA)
        options = _options(number)
        stem = _prose(dice, length - sum(map(len, options)))
        found.append(
            {"id": f"q{number}", "question": f"{stem} Which?", "options": options, "answer_index": _key(number)}
        )
    return found


def reply(request: Request) -> Completion:
    """What a model of this world answers, with the tokens that this takes."""
    text = _text(request)
    read = sum(len(message.content) for message in request.messages)
    return Completion(text, prompt_tokens=round(read / PER_TOKEN), completion_tokens=round(len(text) / PER_TOKEN))


def _text(request: Request) -> str:
    number, dice = int(request.question_id[1:].partition("#")[0]), random.Random(request.key)  # noqa: S311 - no secret
    key = _key(number)
    match request.stage:
        case "generate":
            return _chain(number, world.generators.index((request.model, request.sampling.temperature or 0.0)), dice)
        case "verify":
            prompt = request.messages[-1].content
            wrong = _UNSOUND in prompt or _SAID.findall(prompt)[-1] != letter(key)
            verdict = "Error" if wrong else "Correct"
            return json.dumps({"verdict": verdict, "reason": _prose(dice, _drawn(dice, _REASON))})
        case "rank" | "score" as stage:
            points = {"rank": 5 if dice.random() < world.fives else dice.choice((3, 4)), "score": 8}[stage]
            return json.dumps({"score": points, "justification": _prose(dice, _drawn(dice, _REASON))})
        case "summarize":
            return f"The answer is {letter(key)}. {_prose(dice, _drawn(dice, _RESPONSE))}"
        case "refine" | "optimize":
            return _ending(_prose(dice, world.scale * _drawn(dice, CHAIN)), number, key)
        case "blind":
            return _ending(_prose(dice, _drawn(dice, _REASON)), number, key)
    raise ValueError(f"no reply to stage {request.stage}")


def _chain(number: int, place: int, dice: random.Random) -> str:
    """The chain at a place of a question's; the wrong ones are at places that are drawn for each question."""
    text = _prose(dice, world.scale * _drawn(dice, CHAIN))
    places = [*range(len(world.generators))]
    _dice(number, "places").shuffle(places)
    if places.index(place) >= world.wrong[number]:
        return _ending(text, number, _key(number))
    if _dice(number, f"unsound {place}").random() < world.unsound:
        return _ending(f"{text} {_UNSOUND}", number, _key(number))
    return _ending(text, number, (_key(number) + _dice(number, f"named {place}").randint(1, _OPTIONS - 1)) % _OPTIONS)


def _ending(text: str, number: int, option: int) -> str:
    return f"{text}\n\nAnswer: {letter(option)}. {_options(number)[option]}"


def _key(number: int) -> int:
    return number % _OPTIONS


def _options(number: int) -> list[str]:
    return _dice(number, "options").sample(_NAMES, _OPTIONS)


def _dice(number: int, what: str) -> random.Random:
    return random.Random(f"{number} {what}")  # noqa: S311 - no secret


def _drawn(dice: random.Random, quantiles: Sequence[int]) -> float:
    """A length between the quantiles."""
    at = dice.random()
    place = next(one for one in range(1, len(_AT)) if at <= _AT[one])
    low, high = _AT[place - 1], _AT[place]
    return quantiles[place - 1] + (quantiles[place] - quantiles[place - 1]) * (at - low) / (high - low)


def _prose(dice: random.Random, length: float) -> str:
    """Sentences of about this many characters in all."""
    said: list[str] = []
    while length > 0:
        said.append(dice.choice(world.sentences) if world.sentences else _sentence(dice))
        length -= len(said[-1]) + 1
    return " ".join(said)


def _sentence(dice: random.Random) -> str:
    sign, other = dice.sample(_SIGNS, 2)
    return (
        f"{sign.capitalize()} at {dice.randint(2, 90)} {dice.choice(_LEADS)} {dice.choice(_PLACES)}, as {other} does."
    )

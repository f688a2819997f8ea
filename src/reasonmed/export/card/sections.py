"""Sections of a card that stand by themselves: terms, judge, contamination, cost, what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reasonmed.export.card.statements import left_out, self_judged, without_license
from reasonmed.export.card.terms import terms_date, terms_of
from reasonmed.recipe.stages import specs
from reasonmed.report.markdown import bullets, code, number, plain, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Told = Mapping[str, Any]

_TERMS = (
    "The license above is that of the question sources. The generated texts also fall under the terms of the models "
    "that wrote them."
)
_NO_FILTER = "No filter was set; disputed keys and consensus keys are left out by default."
_HOUR = 3600
_OUTCOMES = ("correct", "error", "undecided", "missing", "unjudged")


def terms(told: Told) -> str:
    """What the sources and the makers of the models say about the use of these texts."""
    others = {spec.name for spec in specs() if not spec.writes} | {
        role.title for spec in specs() for role in spec.roles
    }
    names = list(
        dict.fromkeys(name for role in told["card"]["roles"] if role["stage"] not in others for name in role["models"])
    )
    rows = [_terms_row(name) for name in names]
    unknown = without_license(told)
    lines = [
        "## Licenses and terms\n",
        f"{_TERMS} Taken down on {terms_date()}; read them at their source before you rely on them.\n",
        table(["model", "terms", "on outputs"], rows),
    ]
    if unknown:
        lines.append(
            f"**The license of {', '.join(map(plain, unknown))} is unknown:** ask before you publish or train.\n"
        )
    return "\n".join(lines)


def _terms_row(name: str) -> list[str]:
    found = terms_of(name)
    if found is None:
        return [plain(name), "**unknown**", "Ask whoever provides this model."]
    where = " Terms of the weights; a service that hosts them may have its own." if found.weights else ""
    return [plain(name), f"[{plain(found.terms)}]({found.source})", plain(found.says) + where]


def judge(told: Told, picture: str) -> str:
    """Who judged, what the verdicts were, and how good the judge is, where that was measured."""
    facts = told["card"]
    names = [name for role in facts["roles"] if role["stage"] == "verify" for name in role["models"]]
    both = self_judged(facts["roles"])
    rows = [
        [plain(model), *(number(found.get(outcome, 0)) for outcome in _OUTCOMES)]
        for model, found in facts["counts"]["chains"].items()
    ]
    lines = [
        "## The judge\n",
        f"Judge: {', '.join(map(plain, names))}; it sees the key. Verdicts on the generated chains of thought:\n",
        table(["written by", *_OUTCOMES], rows, right=len(_OUTCOMES)),
        picture,
    ]
    canaries = facts["run"].get("canaries")
    if canaries:
        lines.append(
            f"Of {number(canaries['planted'])} planted wrong chains of thought it accepted "
            f"{number(canaries['accepted'])} ({canaries['accepted_share']:.1%}; 95 % interval {canaries['low']:.1%} to "
            f"{canaries['high']:.1%}). They are in no export.\n"
        )
    if both:
        lines.append(f"**{', '.join(map(plain, both))} also wrote texts that it judged.**\n")
    card = told.get("judge_card")
    lines += _judge_card(card) if card else ["The judge was not measured on labeled cases.\n"]
    return "\n".join(line for line in lines if line)


def _judge_card(card: Told) -> Iterator[str]:
    cases = "" if card["cases"] is None else f" on {number(card['cases'])} labeled cases"
    source = f" from {plain(card['source'])}" if card["source"] else ""
    yield f"Measured{cases}{source} ({code(card['file'])}); shares with 95 % intervals:\n"
    rows = [
        [plain(name.replace("_", " ")), _share(one["sensitivity"]), _share(one["specificity"]), _estimate(one["kappa"])]
        for name, one in card["strata"].items()
    ]
    yield table(
        ["wrong chains of thought of the kind", "sound ones accepted", "wrong ones rejected", "Cohen's kappa"], rows
    )
    resisted = (card["injection"] or {}).get("resisted")
    if resisted:
        yield f"Attempts to fool it that it did not accept: {_share(resisted)}.\n"
    same = (card["retest"] or {}).get("same")
    if same:
        yield f"Same verdict in a second request: {_share(same)}.\n"


def _share(found: Told | None) -> str:
    if not found or not found["of"] or found["share"] is None:
        return "not measured"
    return f"{found['share']:.1%} ({found['count']:,} of {found['of']:,}{_between(found, '.1%')})"


def _estimate(found: Told | None) -> str:
    return "not measured" if not found or found["value"] is None else f"{found['value']:.2f}{_between(found, '.2f')}"


def _between(found: Told, form: str) -> str:
    return "" if found["low"] is None or found["high"] is None else f"; {found['low']:{form}} to {found['high']:{form}}"


def contamination(told: Told) -> str:
    """Against which benchmarks the set was checked, how far, and what was found."""
    report, screened = told.get("checks"), _screened(told["card"]["run"])
    if report is None:
        unchecked = "No report of `reasonmed check` was given for this card.\n"
        return f"## Contamination\n\n{screened or '**Not checked.** '}{unchecked}"
    checked = report["input"]
    where = f"{plain(checked.get('kind', 'input'))} {plain(checked.get('name', 'of no name'))}"
    lines = [
        f"## Contamination and checks\n\nFrom {code(report['file'])}, a report of `reasonmed check` over {where}.\n",
        *([screened] if screened else []),
    ]
    if report["coverage"]:
        rows = [
            [
                plain(one["benchmark"]),
                plain(one["said"]),
                plain(", ".join(one["methods"])),
                plain(", ".join(f"{count:,} {rule}" for rule, count in one["matches"].items()) or "none"),
            ]
            for one in report["coverage"]
        ]
        lines.append(table(["benchmark", "coverage", "methods", "matches found"], rows))
    else:
        lines.append("It compared with no benchmark: contamination was **not checked**.\n")
    drops = told["settings"]["drops"]
    dropped = ", ".join(drops["drop"]) if drops else ""
    lines.append(
        f"Left out of this export by their findings: {plain(dropped)}.\n"
        if dropped
        else "No finding was used to leave anything out of this export.\n"
    )
    rules = report["counts"]["rules"]
    lines.append(
        table(["rule", "findings"], [[code(rule), number(count)] for rule, count in rules.items()], right=1)
        if rules
        else "The report has no finding.\n"
    )
    return "\n".join(lines)


def _screened(run: Told) -> str:
    """What the run itself was screened against before anything was generated; nothing where there was no screen."""
    benchmarks = run.get("screened")
    if not benchmarks:
        return ""
    said = [
        f"{plain(one['benchmark'])} ({number(one['questions'])} of {number(one['of']) if one['of'] else 'unknown'}; "
        f"{plain(', '.join(one['methods']))})"
        for one in benchmarks
    ]
    dropped = run["reasons"].get("contaminated", 0)
    return (
        f"Before anything was generated, questions were compared with {'; '.join(said)}; {number(dropped)} were "
        "dropped for it.\n\n"
    )


def cost(told: Told) -> str:
    """What the whole run took, by stage."""
    run = told["card"]["run"]
    rows = [
        [
            plain(stage),
            number(one["calls"]),
            number(one["prompt_tokens"]),
            number(one["completion_tokens"]),
            number(one["spent_usd"], 4),
        ]
        for stage, one in run["stages"].items()
    ]
    sums = f"{number(run['calls'])} requests, {number(run['tokens'])} tokens, {_time(run['seconds'])}"
    lines = [
        "## Cost\n",
        f"Of the whole run, of which this may be a part: {sums}, USD {number(run['spent_usd'], 4)}.\n",
        table(["stage", "requests", "tokens in", "tokens out", "USD"], rows, right=4),
    ]
    if run["lost_usd"]:
        lines.append(f"Tries that left no reply may have cost up to USD {run['lost_usd']:,.4f} more.\n")
    reused = sum(one["reused"] for one in run["stages"].values())
    if reused:
        lines.append(f"{number(reused)} of the replies came from older runs.\n")
    return "\n".join(lines)


def _time(seconds: float) -> str:
    if seconds < _HOUR:
        return f"{seconds / 60:,.1f} minutes"
    return f"{seconds / _HOUR:,.1f} hours"


def left(told: Told) -> str:
    """What is not in the data, by reason."""
    run, found = told["card"]["run"], left_out(told)
    chains = ", ".join(f"{count:,} {plain(outcome)}" for outcome, count in run["chains"].items())
    ends = {"with records": "succeeded", "without": "failures", "unfinished": "unfinished"}
    questions = ", ".join(f"{number(run[key])} {end}" for end, key in ends.items())
    lines = [
        "## What was left out\n",
        f"The run had {number(run['questions'])} questions: {questions}. Its chains of thought: {chains}.\n",
        table(["left out", "count"], [[plain(reason), number(count)] for reason, count in found.items()], right=1)
        if found
        else "Nothing was left out.\n",
    ]
    if len(found) > 1:
        lines.append("A question may be left out for more than one of these reasons.\n")
    filters = _filters(told["settings"])
    lines.append(f"Filters of the export:\n\n{bullets(filters)}" if filters else f"{_NO_FILTER}\n")
    for name, reasons in told["formats_left_out"].items():
        if reasons:
            told_reasons = ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())
            lines.append(f"Left out of {code(name)} by its own rules: {plain(told_reasons)}.\n")
    return "\n".join(lines)


def _filters(settings: Told) -> list[str]:
    named = {"tiers": "tiers", "sources": "sources", "licenses": "licenses"}
    found = [f"only {what}: {plain(', '.join(settings[key]))}" for key, what in named.items() if settings[key]]
    if settings["min_score"] is not None:
        found.append(f"only records with a score of at least {settings['min_score']}")
    if settings["verified_only"]:
        found.append("only records that a judge accepted")
    found += [
        f"{what} are in"
        for key, what in (("disputed", "disputed keys"), ("consensus", "consensus keys"))
        if settings[key]
    ]
    if settings["drops"]:
        drops = settings["drops"]["drop"].items()
        found += [f"findings of {plain(rule)}: {count:,} questions, records or chains" for rule, count in drops]
    return found

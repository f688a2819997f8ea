"""The phrases in which answers are given, denied and hedged; used by ``answer``."""

from __future__ import annotations

import re

ANSWER_WORD = r"(?:answers?|antwort|respuesta|r[ée]ponse|risposta|resposta|答案|答え)"
ADVERB = r"(?:\s+(?:therefore|thus|hence|clearly|indeed|definitely|likely|probably|most\s+likely|simply))*"
BE = r"(?:is|es|ist|est|was|remains|becomes|(?:would|should|must|will|seems\s+to|appears\s+to)\s+be)"
LABEL = re.compile(
    rf"(?:(?:\b(?:final|correct|best|right|my)\s+)?(?:\b{ANSWER_WORD}|\b(?:option|choice|conclusion))"
    rf"(?:\s+(?:choice|option|letter))?(?:\s*\([^()\n]{{1,40}}\))?)"
    rf"(?:\s*(?:\*\*|__|\*)?\s*[:：=]|{ADVERB}\s+{BE}\b{ADVERB}\s*:?)"
    rf"|\b(?:likely|probable|appropriate|suitable|correct|best)\s+(?:\w+\s+){{0,2}}?"
    rf"(?:answer|choice|option|diagnosis|step|treatment|management|test|cause|explanation)"
    rf"(?:\s+(?:for|in|of|to|among|here)\s+[^.,:;\n]{{1,60}}?)?{ADVERB}\s+{BE}\b\s*:?"
    rf"|\bI\s*(?:'d|would|will)?\s*(?:choose|select|pick|go\s+with|answer)\b"
    rf"|\b(?:答案|答え)\s*(?:是|为|は)",
    re.IGNORECASE,
)
REVERSED = re.compile(
    r"(?:(?:\b[Oo]ption|\b[Cc]hoice|\b[Aa]nswer)\s*[(\[*_]{0,3}|(?:^|(?<=[.!?]\s)|\b(?:[Ss]o|[Tt]hus|[Hh]ence|[Tt]herefore),?\s+)"
    r"[(\[*_]{0,3}|\(|\*\*)(?P<letter>[A-Z])[)\]*_]{0,3}(?P<text>[.:,)]\s[^.\n]{1,200}?)?,?\s+"
    r"(?:is|remains|must be|would be|seems to be|appears to be)(?:\s+(?:therefore|thus|clearly|indeed|likely))*\s+"
    r"(?:(?:the|our)\s+)?(?:(?:single|most|likely|probable|appropriate|best|correct|right|final|supported)\s+)*"
    r"(?:answer|choice|option|correct|right|best)\b(?!\s+(?:except|only\s+if|if))",
    re.MULTILINE,
)
TAG = re.compile(r"<answer>(.*?)</answer>", re.IGNORECASE | re.DOTALL)
BOXED = re.compile(r"\\boxed\s*\{")
BOLD = re.compile(r"\*\*\s*(\(?[A-Z]\)?(?:[.:)]\s*[^*\n]{0,200})?)\s*\*\*")
LONE = re.compile(r"(?:(?:[Ss]o|[Tt]hus|[Hh]ence|[Tt]herefore),?\s)?[\s(\[*_\"'`]*([A-Z])[\s)\]*_.\"'`]*")
LEAD = re.compile(
    r"[\s:：=*_\"'`“”‘’$\[({>-]*(?:(?:\\text\{|\\mathrm\{|\\textbf\{)|(?:option|choice|letter|answer|alternative)"
    r"(?:\s+(?:option|choice|letter))?(?=[\s:(*_\"'`])[\s:(*_\"'`]*)*",
    re.IGNORECASE,
)
LETTER = re.compile(r"([A-Z])(?![A-Za-z0-9])(?!['’‐‑-]\w)")
MARKS = " \t)]}*_.:,\"'`“”‘’=–—-"
ARTICLE = re.compile(r"\s+(?!(?:because|since|as|and|or|for|due)\b)[a-z]")
ANOTHER = re.compile(
    r"\s*(?:\*\*|[)\].])*\s*(?:and(?:/or)?|or|/|&|,|;)\s*(?:option\s+)?[(\[*_]*([A-Z])(?![A-Za-z0-9'’-])"
)
LATER = re.compile(r"\b(?:or|and)\s+(?:option\s+)?[(*]*([A-Z])(?:[).:]|\*\*)")
LISTED = re.compile(r"^[\s(*_-]*([A-Z])[).:]", re.MULTILINE)
PAIR = re.compile(r"(?<![A-Za-z0-9])([A-Z])[).]\s+")
AFTER_MARK = re.compile(r"[?:]\s*[(*_]*([A-Z])[).*_]*\s*\Z")
CONCLUDING = re.compile(
    r"\b(?:therefore|thus|hence|consequently|accordingly|in\s+conclusion|in\s+summary|to\s+conclude|overall|conclud\w+|"
    r"ultimately|altogether)\b|\A\W*so\b|\bis\s+the\s+(?:best|correct|most\s+\w+)\s+(?:choice|answer|option)\b",
    re.IGNORECASE,
)
TENTATIVE = re.compile(r"\b(?:also|may|might|could|reserved)\b", re.IGNORECASE)
DENIED = re.compile(
    r"[\s*_]*(?:\bnot\b|\bnever\b|n't\b|\bneither\b|\bunlikely\b|\bcannot\b|\bexcluded\b)", re.IGNORECASE
)
DENIAL_BEFORE = re.compile(r"\b(?:not|n't|never|isn't|wrong|incorrect|neither)\s+(?:\w+\s+){0,2}\Z", re.IGNORECASE)
HEDGE = re.compile(
    r"\b(?:unclear|uncertain|undetermined|indeterminate|unknown|impossible|cannot\s+be|can't\s+be|not\s+(?:given|listed|among|clear|"
    r"possible)|none\s+of|either\b)",
    re.IGNORECASE,
)
AGAINST = re.compile(
    r"\b(?:not|never|n't|unlikely|less\s+likely|rule[sd]?\s+out|exclud\w+|incorrect|wrong|rather\s+than|instead\s+of|unlike|"
    r"eliminat\w+|cannot|neither|nor|except)\b|n't\b",
    re.IGNORECASE,
)
SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]*_]*\s+(?=[A-Z(\[*\"'])|\n")

"""The phrases in which answers are given, denied and hedged; used by ``answer`` and ``conclusion``."""

from __future__ import annotations

import re

from reasonmed.parsing.sifted import Sifted

_ADVERB = r"(?:\s++(?:therefore|thus|hence|clearly|indeed|definitely|likely|probably|most\s+likely|simply))*+"
BE = (
    r"(?:(?:would|should|must|will|seems\s+to|appears\s+to|is\s+likely\s+to)\s+be"
    r"|is|es|ist|lautet|est|è|é|was|remains|becomes|seems)"
)
_COLON = r"\s*+(?:\*\*|__|\*)?+\s*+[:：=]"
_SUPERLATIVE = r"(?:likely|probable|appropriate|suitable|correct|right|best|final)"

_FOREIGN = (
    r"antwort|respuesta|r[ée]ponse|risposta|resposta|svar(?:et)?|antwoord|odpowied[źz]|odpov[ěeě]ď|odpoveď|vastaus"
    r"|v[áa]lasz|r[ăa]spuns(?:ul)?|cevap|yan[ıi]t|jawaban|đáp\s++án|ответ|відповідь|отговор|одговор|απ[άα]ντηση|उत्तर|উত্তর"
    r"|الإجابة|الجواب|پاسخ|תשובה|คำตอบ"
)
STRONG = Sifted(
    r"(?:\b(?:final|correct|best|right|my)\s{1,3})?"
    rf"\b(?:answers?|ans|{_FOREIGN})"
    r"(?:\s++(?:correct[ae]?|corretta|corret[ao]|certa|finale?|choice|option|letter))?+(?:\s*+\([^()\n]{1,40}\))?+"
    r"(?:\s++(?:to|for|in|of)\s[^.,:;\n]{1,60}?)?"
    r"(?:\s++here)?+"
    rf"(?:{_COLON}|\s[-–—]\s|{_ADVERB}\s++{BE}\b{_ADVERB}(?:\s*+:)?+)"
    r"|(?:答案|答え|正解|解答|回答|正确选项|正確選項)\s*+(?:应该是|应为|應為|是|为|為|は|选|選|[:：】])"
    r"|(?:정답|답안|답)\s*+(?:은|는|[:：])"
    r"|\b(?:ans(?:wer)?\.?\s?+[-–—]|ans\.(?:\s++is\b)?+)(?=\s?+[(\[*_\"'‘]{0,3}[A-Za-z](?:\W|$))"
    r"|(?:故|应|应该|因此|所以)选(?:择)?+"
    r"|^[ \t#*_]*+(?:final\s++|correct\s++)?+answer[ \t*_\r]*+$(?=\s*+\S)",
    re.IGNORECASE | re.MULTILINE,
)
"""A phrase with the word answer, up to where the option follows."""

WEAK = Sifted(
    r"\b(?:option|choice|selection|conclusion)(?:\s*+\([^()\n]{1,40}\))?+" + _COLON + r"|\bconclusion\s++is\b"
    rf"|\b(?:the|my|{_SUPERLATIVE})\s++(?:option|choice)(?:\s++here)?+{_ADVERB}\s++{BE}\b{_ADVERB}(?:\s*+:)?+"
    rf"|\b{_SUPERLATIVE}\s++(?:\w+\s++){{0,2}}?"
    r"(?:choice|option|diagnosis|step|treatment|management|test|cause|explanation)"
    rf"(?:\s++here|\s++(?:for|in|of|to|among)\s[^.,:;\n]{{1,60}}?)?{_ADVERB}\s++{BE}\b(?:\s*+:)?+"
    r"|\bI(?:\s*+'d|\s++would|\s++will)?+\s++(?:choose|select|pick|go\s++with|answer)\b",
    re.IGNORECASE,
)
"""A phrase that gives an answer without the word; a strong one beside it must agree."""

REVERSED = Sifted(
    r"(?:\b(?i:option|choice|answer)\s?[(\[*_]{0,3}"
    r"|(?:^|(?<=[.!?]\s)|\b(?i:so|thus|hence|therefore),?\s)[(\[*_]{0,3}|\(|\*\*)"
    r"(?P<letter>[A-Z])[)\]*_]{0,3}"
    r"(?P<text>(?:[.:,]|(?<=\))|\s\((?![A-Z]\)))(?:(?!\([A-Z]\))[^.;\n]){1,200}?)?,?\s{1,3}"
    r"(?i:(?:is|remains|must be|would be|seems to be|appears to be)(?:\s(?:therefore|thus|clearly|indeed|likely))*\s"
    r"(?:(?:the|our)\s)?(?:(?:single|most|likely|probable|appropriate|best|correct|right|final|supported)\s)*"
    r"(?:(?P<noun>answer|choice|option)\b|(?:correct|right|best)\b(?!\s(?!(?:because|since|as|for|here|in)\b)\w))"
    r"(?!\s(?:except|only\s+if|if|unless)))",
    re.MULTILINE,
)
"""A letter, perhaps with a text, that is called the answer."""

TAG = re.compile(
    r"<(?:final[_ -]?)?answer>((?:[^<]|<(?!/?(?:final[_ -]?)?answer>))*+)</(?:final[_ -]?)?answer>", re.IGNORECASE
)
TAG_END = re.compile(r"</(?:final[_ -]?)?answer>", re.IGNORECASE)
BOXED = re.compile(r"\\(?:boxed|fbox|framebox)\s*+\{")
BOLD = re.compile(r"\*\*[ \t]?(\(?[A-Z]\)?(?:[.:)][ \t]?[^*\n]{0,300})?)\*\*")
BOLD_ITEM = re.compile(r"^[ \t>*-]*?\*\*\(?([A-Z])[).:]", re.MULTILINE)
"""A line of a list whose items begin with bold letters."""

LONE = re.compile(
    r"(?:(?:[Ss]o|[Tt]hus|[Hh]ence|[Tt]herefore),?\s)?(?:(?:[Oo]ption|[Cc]hoice|[Ll]etter)\s)?"
    r"[\s(\[*_\"'`]*+([A-Z])[\s)\]*_.\"'`]*+"
)
AFTER_MARK = re.compile(
    r"(?:\?|\b(?i:choice|pick|select\w*|decision|final|verdict)\s?:)[ \t]?[(*_]{0,3}([A-Z])[).*_]{0,3}\Z"
)
CONCLUDED = re.compile(
    r"(?:\A\W*|[.!?;,]\s+)(?i:so|thus|hence|therefore|(?:(?:which|that|this)\s)?leav(?:ing|es))(?:,|\sonly|\sjust)?\s"
    r"(?i:(?:it\sis|it['’]s|it\smust\sbe|the\sanswer\sis|option|choice|answer)\s){0,2}"
    r"[(\[*_]{0,3}([A-Z])[)\]*_.]{0,3}\s*\Z"
)
"""A letter that is left over at the end of a sentence: "so C", "leaving D"."""

TRAILING = re.compile(r",\s(?:option\s|choice\s)?[(\[*_]{0,3}([A-Z])[)\]*_.]{0,3}\s*\Z")
"""A letter behind a description: "an antiplatelet drug, A"."""

LEAD = re.compile(
    r"(?:[\s:：=,*_\"'`“”‘’$\[({⟨«‹【〔「『〈《（［]|\\\(|[>-](?!\s?\d))*+"
    r"(?:(?:\\(?:text)?color\{\w{1,20}\}\{?\s*+)|(?:\\(?!boxed)[a-z]{2,12}\{[\s(\[]*+)"
    r"|\\(?:(?:left|displaystyle|large|bf|rm|it|sf|tt|normalsize)(?![a-z])|[\[{,;!])[\s({\[]*+"
    r"|(?:[ao]|la|le|el|de|die|der|den|das|het)(?=\s(?:letra|op[cç]|opzione|lettera|lettre|letter|optie|buchstabe)\b)\s++"
    r"|(?:option|choice|letter|answer|alternative|opci[oó]n|opzione|op[cç][aã]o|lettre|letra|lettera|la"
    r"|the(?=\s(?:option|choice|letter|answer|alternative)\b))"
    r"(?=[\s:(*_\"'`])[\s:(*_\"'`]*+)*+",
    re.IGNORECASE,
)
"""What may stand between a phrase and its option."""

LETTER = re.compile(r"([A-Z])(?![A-Za-z0-9])(?!['’‐‑-]\w)|([a-z])(?=[)\].:*\s]*\Z|[)\]'’\"](?:[\s.,]|\Z))")
LABEL = re.compile(r"([A-Z])(?:[*_]*[.):\]]|(?<![AI])\s)")
"""A letter that is set apart, or that is no English word."""

THAT_IS = re.compile(r"[\s'’\")\],]{0,8}(?:i\.?\s?e\.?|namely|(?:that|which)\sis),?\s", re.IGNORECASE)
WORD = re.compile(r"\.?\s+(\w+)")
"""The word after a letter, where no parenthesis or colon says that the letter stands for itself."""

CONNECTIVE = re.compile(
    r"(?:because|since|as|and|or|for|due|given|based|in|which|that|with|but|not|is|was|would|from|here|if|unless|when"
    r"|by|on|per|to|the|it|this|so|rather|over|instead|according|among|also|at|both|there|these)\Z"
)
"""Words that go on after a letter that stands for itself."""

ANOTHER = re.compile(
    r"(?:[^\w\n/&,;+–—-]{0,6}(?:\b(?:and(?:/or)?|or|to|through|plus|und|oder|et|ou|y|o|e)\b|->|=>|→|[/&,;+–—、-]"
    r"|或者|以及|还有|[和与及或とや]|또는|[와과]|и(?=\s)|или(?=\s))\s*(?:also\s+)?(?:option\s+)?"
    r"|\s+(?=[A-Z](?:\s*\Z|[.)]\s|[\s,]+[A-Z]\b)))"
    r"[(\[*_\"'“‘]*([A-Z])(?![A-Za-z0-9'’-])(?!(?<=[AI])\s+(?!(?:is|are|and|or|but)\b)[a-z])"
)
"""A second letter that is joined to the first."""

LATER = re.compile(r"\b(?:or|and)\s+(?:option\s+)?[(*]*([A-Z])(?:[).:]|\*\*|\s\(|\s(?:in|for|when|if|is|are)\b)")
OR = re.compile(r"[^\w\n]{0,6}\bor\b")
IN_PARENTHESES = re.compile(r"(?:\b[Oo]ption\s|\()([A-Z])(?![A-Za-z0-9])(?!['’‐‑-]\w)")
REASON = re.compile(r"\b(?:because|since|as|while|whereas|unlike|but|not|rather|instead|which)\b", re.IGNORECASE)
"""Where a statement goes over into its reasons."""

JOINED = re.compile(
    r"[^\w\n]{0,6}\b(?:and\s+then|and|or|plus|then|followed\s+by|with)\b|[^\w\n]{0,3}[,/&+;(]", re.IGNORECASE
)
"""What may join a second option's text to the first."""

BETTER = re.compile(
    r"\s(?:fits|seems|looks|works|is|would\s+be)\s+(?:clearly\s+|even\s+|much\s+)?"
    r"(?:better|preferable|more\s+(?:likely|appropriate|suitable|probable|accurate)"
    r"|the\s+(?:right|correct|better|best)\s+(?:one|answer|choice|option))(?=[)*_\"'”’]*(?:[.!;\n]|\Z))",
    re.IGNORECASE,
)
"""What puts an option before the one that was named."""

ALSO = re.compile(r"also\b", re.IGNORECASE)
LABEL_BEFORE = re.compile(
    r"[ \t(\[*_]{0,8}+([A-Z])[.):][*_ \t]{0,4}(?:(?:so|thus|hence|therefore|the|my|our),?\s){0,3}", re.IGNORECASE
)
"""A letter right before a phrase that gives the answer."""

UNSAID = re.compile(
    r"\W{0,8}+(?:(?:very|quite|now|so|pretty|fairly)\s+)?(?:clear\w*|obvious|evident|apparent|straightforward|simple|easy|hard|tricky"
    r"|difficult|in|found|based|determined|supported|known|not|to)\b",
    re.IGNORECASE,
)
"""What follows "the answer is" where it gives none: "clear", "not C"."""

SINGLE = re.compile(r"(?<![A-Za-z0-9'’-])([A-Z])(?![A-Za-z0-9'’-])")
SEEMS = re.compile(r"\b(?:seems|appears)\b", re.IGNORECASE)
QUALIFIED = re.compile(r"\s{0,3}\bwith\b", re.IGNORECASE)
"""After a letter with its own text this adds a detail, not an answer."""

REVISED = re.compile(
    r"\b(?:revis\w+|correct(?:ed|ion)|changed|updated|amended|edited|actually|sorry|pardon|chang\w+|nein|doch|make\sthat|should\sbe|I\smean|no(?=,?\s[A-Z]\b))\b(?P<to>.*)",
    re.IGNORECASE,
)
LISTED = re.compile(r"^[ \t(*_>-]*+([A-Z])[).:]", re.MULTILINE)
PAIR = re.compile(r"(?<![A-Za-z0-9])([A-Z])[).]\s")
CONCLUDING = re.compile(
    r"\b(?:therefore|thus|hence|consequently|accordingly|in\s+conclusion|in\s+summary|to\s+conclude|overall|conclud\w+|"
    r"ultimately|altogether)\b|\A\W*so\b|\bis\s+the\s+(?:best|correct|most\s+\w+)\s+(?:choice|answer|option)\b",
    re.IGNORECASE,
)
TENTATIVE = re.compile(
    r"\b(?:also|may|might|could|reserved|possibl[ey]|perhaps|if|unless|alternatives?)\b", re.IGNORECASE
)
DENIED = re.compile(r"[\s*_]*+(?:\b(?:not|never|neither|unlikely|cannot|excluded)\b|n['’]t\b)", re.IGNORECASE)
_STRAIGHT_ON = r"(?:(?!(?:so|thus|hence|therefore|but|then)\b)\w+\s+)"
DENIAL_BEFORE = re.compile(
    r"(?:\b(?:not|never|neither|nor|wrong|incorrect|mistake|mistaken|cannot)|n['’]t)\s+" + _STRAIGHT_ON + r"{0,5}\Z"
    r"|\b(?:less|another|other|second|false|falsche|inkorrekte|schlechteste|mauvaise|fausse)\s+\Z",
    re.IGNORECASE,
)
DOUBT_BEFORE = re.compile(
    r"(?:\b(?:one|some|many|you|they|people|students?|others)\s+(?:might|may|could|would)|\btempt\w+|\bat\s+first"
    r"|\bI\s+(?:\w+\s+)?thought|\bwhether|\bperhaps|\bmaybe|\bpossibly)\s+" + _STRAIGHT_ON + r"{0,6}\Z",
    re.IGNORECASE,
)
FOREIGN_DOUBT = re.compile(
    r"\b(?:unless|si|se|wenn|falls)\s[^,]{1,80},|\b(?:vielleicht|peut-être|quizás?|tal vez|talvez|forse)\b"
    r"|也许|或许|可能|如果|もし|아마|만약",
    re.IGNORECASE,
)
"""What makes a statement a condition's or a guess, in other languages than English for the most part."""
ELSEWHERE = re.compile(r"\b(?:previous|last|earlier|next|other)\s+(?:question|case|item)", re.IGNORECASE)
CONDITION_BEFORE = re.compile(r"\b(?:if|unless|had|were)\b", re.IGNORECASE)
CONDITION = re.compile(
    r"[^.,;:(\n]{0,60}?(?<!even\s)(?<!as\s)(?<!because\s)(?<!since\s)(?<!that\s)\b(?:if|unless)\b", re.IGNORECASE
)
QUESTION = re.compile(r"[\s)\]*_]*\?")
HEDGE = re.compile(
    r"\b(?:unclear|uncertain|undetermined|indeterminate|unknown|impossible|insufficient|depends|cannot\s+be"
    r"|can['’]t\s+be|none|not\s+(?:given|listed|among|clear|possible|provided|applicable)"
    r"|no\s+(?:option|answer|choice)|either)\b",
    re.IGNORECASE,
)
AGAINST = re.compile(
    r"\b(?:not|never|cannot|neither|nor|except|unlike|unlikely|less|rather\s+than|instead\s+of|incorrect|wrong|false"
    r"|rule[sd]?\s+out|exclud\w+|eliminat\w+|contraindicat\w+|avoid\w*|discontinu\w+|stop\w*|hold\w*|with(?:hold|held)"
    r"|taper\w*|revers\w+|inappropriate|unnecessary|harmful|dangerous|unsuitable|inadequate|insufficient|inferior"
    r"|inconsistent|worsen\w*|fails?)\b|n['’]t\b",
    re.IGNORECASE,
)
REJECTED = re.compile(
    r"[\s*_)\]\"'”’]*(?:is|are|was|were|has|have|had|should|would|could|can|may|might|must|will|does|do)"
    r"(?:\s+(?:be|been|\w+))?"
    rf"(?:\s+|(?=n['’]t))(?:{AGAINST.pattern})"
    r"|[\s)）」』】*_\"'”’]*(?:では(?:な|あり)|じゃな|[이가은는]?\s*아[니닙]|不(?:是|对|正确)|错)",
    re.IGNORECASE,
)
"""What turns an option at the start of a sentence down: "is not", "should be avoided"."""

RETHOUGHT = re.compile(
    r"(?:^|(?<=[.!?]\s))[ \t*_]*+(?:(?:(?:but|no|oh|hmm),?\s+)?"
    r"(?:wait|hmm|hold\s+on|scratch\s+that|correction|edit|update|revised(?:\s+answer)?|sorry|nein"
    r"|korrektur|corrección|correção)\s?(?:[,.!:…—-]|a\s(?:minute|moment|second)\b)"
    r"|(?:or|oder|ou|o)\s+(?:maybe|perhaps|possibly|vielleicht|peut-être|quizás|talvez)\b"
    r"|(?:更正|等等|不对|訂正|いや|待って|정정|아니)[,，、:：]?"
    r"|but\s+wait\b|let\s+me\s+(?:re\w+|double|correct)\b|oops\b)"
    r"|\b(?:on|upon|after)\s+(?:second\s+thought|(?:further\s+|closer\s+)?(?:reflection|reconsideration|reconsidering))"
    r"|\bI\s+(?:was|am|stand)\s+(?:mistaken|wrong|corrected)\b|\bmy\s+mistake\b|\bscratch\s+that\b"
    r"|\bI\s+(?:made\s+an?\s+(?:mistake|error)|(?:need|have|want)\s+to\s+(?:correct|revise|change)|misread)\b",
    re.IGNORECASE | re.MULTILINE,
)
"""Where a writer takes up a settled question again."""

SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]*_]*+\s++(?=[A-Z(\[*\"'])|(?<=[。！？])|\n")
LINE_LABEL = re.compile(r"[ \t#*_>]*+(?:the\s+)?\Z", re.IGNORECASE)
"""What may stand before a phrase that has the line for itself."""

NEW_QUESTION = re.compile(
    r"^[ \t#*_]*+(?:(?:next|new)\s)?(?:question|problem|user|human)(?:\s\d{1,3})?[*_]*+\s?:"
    r"|^(?:<\|\w{1,20}\|>)?(?:user|human)(?:<\|\w{1,20}\|>|$)",
    re.IGNORECASE | re.MULTILINE,
)
"""Where a text goes on to a question of its own."""

"""Tables of what providers say, by code or type and by prose: families of wordings, no list of messages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from reasonmed.backends._said import Said

_BAD = "invalid|incorrect|missing|wrong|bad|expired|revoked|disabled"


class Family(NamedTuple):
    """One kind of failure: patterns of its codes (lower-case letters and digits only) and of its prose."""

    codes: re.Pattern[str]
    prose: re.Pattern[str]

    def coded(self, said: Said) -> bool:
        """Whether a code or type says so."""
        return has_code(self.codes, said)

    def worded(self, said: Said) -> bool:
        """Whether the prose says so."""
        return self.prose.search(said.prose) is not None

    def of(self, said: Said) -> bool:
        """Whether a code or the prose says so."""
        return self.coded(said) or self.worded(said)


def has_code(pattern: re.Pattern[str], said: Said) -> bool:
    """Whether one of the codes fits a pattern."""
    return any(pattern.search(code) for code in said.codes)


def any_of(*patterns: str) -> re.Pattern[str]:
    """A pattern of alternatives, in any case."""
    return re.compile("|".join(patterns), re.IGNORECASE)


KEY = Family(
    any_of(
        r"apikey",
        r"authenti",
        r"unauthor",
        r"invalidcredential",
        r"badcredential",
        r"account(?:is)?(?:deactivat|disabl|suspend|terminat|locked|banned)",
        r"organization(?:is)?(?:deactivat|disabl|suspend|restrict)",
        r"accessterminated",
        r"invalid(?:access|auth|bearer|user)?token$",
        r"expired(?:access|auth)?token",
        r"(?:access|auth)?tokenexpired",
        r"keyexpired",
        r"invalidkey",
        r"loginfail",
    ),
    any_of(
        rf"\b(?:{_BAD}|malformed|unknown|no|without)\W+(?:\w+\W+){{0,3}}?"
        r"(?:api|access|secret|subscription|auth\w*)[ _-]?(?:key|token)s?\b",
        rf"\bapi[ _-]?keys?\b.{{0,60}}?\b(?:{_BAD}|deleted|not (?:valid|found|been)|required|is not|was not)",
        r"provide (?:a|an|your) (?:valid )?(?:api[ _-]?key|token|credentials?)",
        r"pass a valid api",
        r"(?:invalid|incorrect|bad|missing) (?:authentication|authorization|credentials?|bearer)",
        r"authentication ?(?:failed|fails|failure|error|required|is required|credentials)",
        r"not authenticated",
        r"unauthenticated",
        r"\bunauthorized\b",
        r"could not (?:validate|verify) (?:the |your )?(?:credentials|key)",
        r"login fail",
        r"^invalid token\b|\btoken (?:is|has)(?: been)? (?:invalid|expired|revoked)|\btoken expired|expired token",
        r"\b(?:account|organization|(?:your|this) (?:project|user|team))\b.{0,60}?"
        r"\b(?:deactivated|suspended|disabled|terminated|banned|locked|restricted|deleted|not active)",
        r"account is in good standing",
        r"access terminated",
        r"无效的令牌|未提供令牌|令牌.{0,10}过期|身份验证失败",
    ),
)
CREDIT = Family(
    any_of(
        r"insufficient(?:\w*?)(?:quota|balance|credit|fund)",
        r"arrear",
        r"paymentrequired",
        r"creditbalance",
        r"no(?:t)?(?:enough)?credit",
        r"budgetexceed",
        r"exceededbudget",
        r"exceededcurrentquota",
        r"quotanotenough",
        r"freetieronly",
        r"outofcredit",
        r"spend(?:ing)?limit",
        r"billing(?:hard|not|inactive|disabled|issue)",
        r"balance(?:not|too|low)",
        r"accountoverdue",
        r"overduepayment",
    ),
    any_of(
        r"insufficient (?:\w+ ){0,2}?(?:balance|credits?|funds?|quota)",
        r"credit balance",
        r"prepa(?:id|yment) (?:credit|balance)",
        r"\bbalance\b.{0,20}\b(?:too low|not enough|insufficient|exhausted|negative|depleted|used up)",
        r"negative balance",
        r"\b(?:out of|not enough|exhausted|used (?:up|all)|depleted|(?:require|need)s? more|additional|remaining|no)\W+"
        r"(?:\w+ ){0,3}?credits?\b",
        r"\bcredits?\b.{0,30}\b(?:depleted|exhausted|used up|too low|expired)",
        r"\b(?:account|payment|bill|invoice)s?\b.{0,40}\b(?:overdue|past due|arrears?|unpaid)",
        r"overdue (?:payment|bill|account)",
        r"in arrears",
        r"billing (?:hard limit|is not|not active|account is|has been)",
        r"(?:enable|activate|set up) billing",
        r"payment (?:is )?required",
        r"update your payment",
        r"payment (?:has )?failed",
        r"\bsubscription\b.{0,20}\b(?:expired|ended|inactive|required)",
        r"spend(?:ing)? (?:limit|cap)",
        r"budget has been exceeded",
        r"(?:exceeded|over)(?: your| the)? (?:\w+ )?budget",
        r"free (?:tier|trial|quota|allocation)\b.{0,40}\b(?:expired|exhausted|ended|used up|over)",
        r"please (?:top up|recharge)",
        r"top.?up your",
        r"余额不足|欠费|请充值|额度(?:已用尽|不足|已耗尽)",
    ),
)
RATE = Family(
    any_of(
        r"ratelimit",
        r"toomany",
        r"throttl",
        r"^requests$",
        r"^tokens$",
        r"overload",
        r"capacity",
        r"slowdown",
        r"serverbusy",
        r"enginebusy",
        r"concurrenc",
        r"requestlimit",
        r"rpmlimit",
        r"tpmlimit",
        r"quotaexceededperminute",
    ),
    any_of(
        r"rate.?limit",
        r"too many (?:concurrent )?requests",
        r"\bper[ _-]?(?:second|minute|hour|day)",
        r"\b[rt]p[smhd]\b",
        r"throttl",
        r"concurren",
        r"slow down",
        r"(?:try|retry) again",
        r"retry in",
        r"at capacity",
        r"over capacity",
        r"capacity exceeded",
        r"overload",
        r"too busy",
        r"is busy",
        r"perminute",
        r"perday",
        r"resource.?exhausted",
    ),
)
CONTEXT = Family(
    any_of(
        r"context(?:length|size|window|limit|overflow)",
        r"exceedcontext",
        r"toolong",
        r"abovemaxlength",
        r"requesttoolarge",
        r"(?:prompt|input)toolarge",
        r"(?:prompt|input|message)\w*length",
        r"tokenlimitexceed",
        r"tokenslimit",
    ),
    any_of(
        r"context[ _-]?(?:length|size|window|limit|overflow)",
        r"max(?:imum)? (?:context|input|prompt|sequence|model)\b",
        r"(?:max(?:imum)?|model'?s?|allowed)[ _](?:max(?:imum)? )?(?:model )?(?:sequence|input|prompt|context|model)?"
        r"[ _]?len(?:gth)?\b",
        r"\b(?:prompt|inputs?|messages?|request|conversation|text|query|content)\b`?.{0,60}?"
        r"\b(?:too (?:long|large|big)|longer than|exceed\w*)",
        r"too many (?:input |prompt |total )?tokens",
        r"total (?:number of )?tokens.{0,60}(?:exceed|limit|maximum)",
        r"exceed\w*.{0,60}\b(?:token|length|context|sequence)",
        r"\btokens?\b.{0,40}\b(?:exceed|over the (?:limit|maximum))",
        r"reduce (?:the |your )?(?:length|size|number of (?:input )?tokens|prompt|input|messages?)",
        r"shorte[rn] (?:the |your |prompt|input)",
        r"input length|`?inputs`? tokens|tokens in (?:the |your )?(?:prompt|input|message)",
        r"\b(?:inputs?|prompt|messages?)`? (?:must|should|has to|have to)\b.{0,30}\btokens",
        r"\bmax_?(?:seq|sequence|model|input|prompt|context)_?(?:len|tokens)",
        r"model token limit",
        r"token limit",
        r"entity too large",
        r"payload too large",
        r"n_ctx",
        r"上下文",
        r"输入.{0,10}(?:过长|超过)",
    ),
)
FILTER = Family(
    any_of(
        r"contentfilter",
        r"contentpolic",
        r"contentmanag",
        r"contentblock",
        r"contentmoder",
        r"contentviol",
        r"contentsafety",
        r"responsibleai",
        r"datainspection",
        r"invalidprompt",
        r"moderation",
        r"sensitive",
        r"safety",
        r"prohibited",
        r"policyviolation",
        r"flagged",
        r"inappropriate",
        r"unsafe",
        r"blocklist",
        r"guardrail",
        r"riskcontrol",
        r"harmful",
    ),
    any_of(
        r"content[ _-]?(?:filter|polic|management|moderation|safety|violation|exists? risk|risk|blocked|check)",
        r"responsible ?ai",
        r"\bmoderat(?:ion|ed|or)",
        r"\bflagged\b",
        r"usage polic",
        r"acceptable use",
        r"\bsafety\b",
        r"inappropriate",
        r"(?<!case.)(?<![a-z])sensitive\b",
        r"\b(?:sexual|hate|hateful|violent|illicit|illegal|explicit) (?:content|speech|material|act)",
        r"\bharmful\b",
        r"prohibited (?:content|use)",
        r"\bunsafe\b",
        r"offensive",
        r"high risk",
        r"risk control",
        r"guardrail",
        r"jailbreak",
        r"\b(?:content|output|input|prompt|response|request|message)s?\b.{0,30}\b(?:blocked|censored)",
        r"violat\w+.{0,40}\b(?:polic|terms|guideline|rules)",
        r"self-?harm",
        r"敏感|违规|违法|不安全|审核|不当内容",
    ),
)
MODEL = Family(
    any_of(
        r"model(?:is)?(?:not|un(?:known|supported|available)|does|decom|retired|deprecated|disabled|invalid|access)",
        r"(?:unknown|invalid|nosuch|unsupported|no|wrong)model",
        r"deploymentnot",
        r"notfounderror",
        r"^notfound$",
        r"unknownurl",
        r"endpointnotfound",
        r"resourcenotfound",
        r"routenotfound",
        r"^nothingfound",
    ),
    any_of(
        r"\bmodels?\b[^.;]{0,80}?\b(?:not exist|doesn'?t exist|not found|is unknown|no longer|decommissioned|retired)",
        r"\bmodels?\b[^.;]{0,80}?\b(?:has been removed|(?:is|been) deprecated|is not supported)",
        r"\bmodels?\b[^.;]{0,80}?\bnot (?:loaded|available|deployed|served|enabled)\b",
        r"(?:unknown|invalid|no such|unsupported|unrecognized|nonexistent)[ _]model\b",
        r"\bnot a (?:valid|supported|known|chat) model",
        r"no models? (?:is |are )?(?:loaded|available|found)",
        r"deployment\b.{0,60}(?:not exist|not found)",
        r"supported in (?:the )?v1/",
        r"generatecontent",
        r"(?:not have|no|without|lacks?) access to",
        r"no endpoints? (?:found|available)",
        r"no available channel",
        r"无可用渠道|模型.{0,20}不存在",
    ),
)
WEAK_CREDIT = any_of(
    r"exceeded (?:your|the|its) (?:current |monthly |daily )?quota",
    r"quota (?:has been |is )?(?:exhausted|used up|exceeded)",
    r"billing",
    r"payment",
)
"""Of a 429 only, and only where nothing calls it a rate: ordinary rate limits advertise the billing page."""
EXHAUSTED = re.compile("resourceexhausted")
"""What Google calls a rate limit and an empty account alike."""
GONE_MODEL = re.compile(r"model(?:is)?(?:notfound|notexist|doesnotexist|decommissioned|notsupported)")
"""Codes by which even a 5xx is about the model's name."""
BAD_DRAW = any_of(
    r"jsonvalidat",
    r"failedgeneration",
    r"outputpars",
    r"invalidjsonoutput",
    r"jsongenerat",
    r"tooluse",
)
"""Codes of a draw that did not come out in the form that was asked for."""
BAD_REQUEST = any_of(
    r"invalidrequest",
    r"badrequest",
    r"invalidargument",
    r"invalidparam",
    r"validation",
    r"unprocessable",
)
"""Codes of an error that came as a success and is the request's own fault."""

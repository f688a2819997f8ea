"""Whose variables are whose: a variable that is named after a service holds that service's credential.

A recipe from a stranger names the variable that is read and the host that gets it. The credential of a provider, a
cloud or a forge goes to the hosts of that service alone, unless a person agrees; a name of one's own may go anywhere.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from reasonmed.backends._endpoint import EndpointSettings
from reasonmed.backends._http import proxy_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from yarl import URL

    from reasonmed.backends import ModelSettings

_AZURE = (
    "*.openai.azure.com",
    "*.cognitiveservices.azure.com",
    "*.services.ai.azure.com",
    "*.models.ai.azure.com",
    "models.inference.ai.azure.com",
)
_GOOGLE = ("generativelanguage.googleapis.com", "aiplatform.googleapis.com", "*-aiplatform.googleapis.com")
_DASHSCOPE = ("dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com")

MODELS: dict[str, tuple[str, ...]] = {
    "OPENAI": ("api.openai.com", "*.api.openai.com"),
    "AZURE_OPENAI": _AZURE,
    "AZUREAI": _AZURE,
    "AZURE_AI": _AZURE,
    "AZURE_API_KEY": _AZURE,
    "AZURE_INFERENCE": _AZURE,
    "ANTHROPIC": ("api.anthropic.com",),
    "GEMINI": _GOOGLE,
    "GOOGLE_API_KEY": _GOOGLE,
    "GOOGLE_GENERATIVE_AI": _GOOGLE,
    "DEEPSEEK": ("api.deepseek.com",),
    "DASHSCOPE": _DASHSCOPE,
    "MISTRAL": ("api.mistral.ai", "codestral.mistral.ai"),
    "GROQ": ("api.groq.com",),
    "XAI": ("api.x.ai", "*.api.x.ai"),
    "TOGETHER": ("api.together.xyz", "api.together.ai"),
    "TOGETHERAI": ("api.together.xyz", "api.together.ai"),
    "FIREWORKS": ("api.fireworks.ai",),
    "OPENROUTER": ("openrouter.ai",),
    "COHERE": ("api.cohere.com", "api.cohere.ai"),
    "CO_API_KEY": ("api.cohere.com", "api.cohere.ai"),
    "PERPLEXITY": ("api.perplexity.ai",),
    "PERPLEXITYAI": ("api.perplexity.ai",),
    "PPLX": ("api.perplexity.ai",),
    "NVIDIA": ("integrate.api.nvidia.com", "ai.api.nvidia.com"),
    "NGC": ("integrate.api.nvidia.com", "ai.api.nvidia.com"),
    "CEREBRAS": ("api.cerebras.ai",),
    "SAMBANOVA": ("api.sambanova.ai",),
    "DEEPINFRA": ("api.deepinfra.com",),
    "HYPERBOLIC": ("api.hyperbolic.xyz",),
    "NEBIUS": ("api.studio.nebius.ai", "api.studio.nebius.com", "api.tokenfactory.nebius.com"),
    "NOVITA": ("api.novita.ai",),
    "SILICONFLOW": ("api.siliconflow.cn", "api.siliconflow.com"),
    "MOONSHOT": ("api.moonshot.cn", "api.moonshot.ai"),
    "ZHIPU": ("open.bigmodel.cn", "api.z.ai"),
    "ZHIPUAI": ("open.bigmodel.cn", "api.z.ai"),
    "ZAI": ("open.bigmodel.cn", "api.z.ai"),
    "MINIMAX": ("api.minimax.io", "api.minimax.chat", "api.minimaxi.com"),
    "REPLICATE": ("api.replicate.com",),
}
"""Providers of models, with the hosts that may get their keys; so may servers on this machine."""

OTHERS: dict[str, tuple[str, ...]] = {
    "AWS_BEARER_TOKEN_BEDROCK": ("bedrock-runtime.*.amazonaws.com", "bedrock-mantle.*.api.aws"),
    "HF_TOKEN": ("router.huggingface.co", "api-inference.huggingface.co"),
    "HF": ("router.huggingface.co", "api-inference.huggingface.co"),
    "HUGGINGFACE": ("router.huggingface.co", "api-inference.huggingface.co"),
    "HUGGINGFACEHUB": ("router.huggingface.co", "api-inference.huggingface.co"),
    "HUGGING_FACE": ("router.huggingface.co", "api-inference.huggingface.co"),
    "GITHUB": ("models.github.ai", "models.inference.ai.azure.com"),
    "GH": ("models.github.ai", "models.inference.ai.azure.com"),
    "CLOUDFLARE": ("api.cloudflare.com",),
    "DATABRICKS": ("*.cloud.databricks.com", "*.*.azuredatabricks.net", "*.*.gcp.databricks.com"),
    **dict.fromkeys(
        (
            *("AWS", "AZURE", "ARM_CLIENT", "GOOGLE", "GCP", "GCLOUD", "CLOUDSDK", "FIREBASE", "ALIBABA_CLOUD"),
            *("ALICLOUD", "TENCENTCLOUD", "OCI", "IBMCLOUD", "DIGITALOCEAN", "HEROKU", "VERCEL", "NETLIFY", "SCALEWAY"),
            *("HCLOUD", "LINODE", "OVH", "SNOWFLAKE", "RUNPOD"),
            *("GITLAB", "CI_JOB", "CI_DEPLOY", "CI_REGISTRY", "BITBUCKET", "GITEA", "CIRCLECI", "ACTIONS", "TRAVIS"),
            *("ATLASSIAN", "JIRA", "SSH", "GPG", "VAULT", "KUBE", "DOCKER", "TF_TOKEN", "TF_VAR"),
            *("NPM", "NODE_AUTH", "PYPI", "TWINE", "UV_PUBLISH", "POETRY", "CARGO_REGISTRY", "ANACONDA"),
            *("DATABASE", "DB_PASSWORD", "PGPASSWORD", "POSTGRES", "MYSQL", "MARIADB", "REDIS", "MONGO", "MONGODB"),
            *("SLACK", "DISCORD", "TELEGRAM", "TWILIO", "SENDGRID", "MAILGUN", "STRIPE", "PAYPAL", "SENTRY", "DATADOG"),
            *("WANDB", "KAGGLE", "LANGSMITH", "LANGCHAIN", "LANGFUSE", "PINECONE", "NOTION", "SMTP", "LDAP", "OKTA"),
            *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
        ),
        (),
    ),
}
"""Clouds, forges, registries and the like, with the hosts of models that may get their credentials; others never do."""

_TABLE = MODELS | OTHERS


class Stray(NamedTuple):
    """A credential on its way to a host that is none of its service's."""

    variable: str
    owner: str
    """The beginning of the name that says whose it is."""
    host: str


def strays(entries: Iterable[ModelSettings]) -> Iterator[Stray]:
    """Every variable of another service that a model's entry sends to its host, once."""
    seen: set[Stray] = set()
    for entry in entries:
        variable = entry.api_key_env if isinstance(entry, EndpointSettings) else None
        owner = owner_of(variable) if variable else None
        if owner is None or variable is None or not isinstance(entry, EndpointSettings):
            continue
        for url in entry.urls:
            found = Stray(variable, owner, str(url.origin()))
            if not _may_get(owner, url) and found not in seen:
                seen.add(found)
                yield found


def owner_of(variable: str) -> str | None:
    """The longest beginning of a variable's name that is a service's; None where it is nobody's."""
    name = variable.upper()
    parts = name.split("_")
    begun = ("_".join(parts[:size]) for size in range(len(parts), 0, -1))
    return next((one for one in begun if one in _TABLE), None)


def _may_get(owner: str, url: URL) -> bool:
    host = (url.host or "").lower().rstrip(".")
    if owner in MODELS and is_here(url):
        return True
    return url.scheme == "https" and any(_is(host, pattern) for pattern in _TABLE[owner])


def _is(host: str, pattern: str) -> bool:
    """Whether a host is what a pattern means, in which ``*`` is one label or a part of one."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", "[^.]+"), host) is not None


def is_here(url: URL) -> bool:
    """Whether an address is on this machine, and reached without a proxy elsewhere; a private network is not."""
    proxy = proxy_of(url)
    return _loops_back(url.host) and (proxy is None or _loops_back(proxy.host))


def _loops_back(host: str | None) -> bool:
    name = (host or "").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        found = ip_address(re.sub(r"%.*", "", name))
    except ValueError:
        return False
    return (getattr(found, "ipv4_mapped", None) or found).is_loopback


def is_away(entry: ModelSettings) -> bool:
    """Whether requests to a model leave this machine, as far as can be known; a back end of one's own may send them."""
    if isinstance(entry, EndpointSettings):
        return not all(map(is_here, entry.urls))
    return "." in entry.backend

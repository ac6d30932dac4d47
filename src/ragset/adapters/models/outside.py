"""The way to servers outside, as the environment says it: proxies and trusted certificates."""

from __future__ import annotations

import os
import ssl
from base64 import b64encode
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ragset.errors import ModelSetupError


@dataclass(frozen=True, slots=True)
class Route:
    """What a request is given to go its way: ``options`` for the client, and ``headers`` beside its own."""

    options: dict[str, Any] = field(default_factory=dict[str, Any])
    headers: dict[str, str] = field(default_factory=dict[str, str])


def loopback(url: str) -> bool:
    """Tell whether a URL is on this machine."""
    host = (urlsplit(url).hostname or "").lower()
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def route_to(url: str) -> Route:
    """Give the way to a URL: through the proxy of HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, if one is for it.

    What the proxy wants to know goes to the proxy alone, and the key never does. Raises ``ModelSetupError`` for a proxy
    that cannot be used, without its text: that may hold a password.
    """
    from yarl import URL

    parts, known = urlsplit(url), getproxies()
    kind = parts.scheme if known.get(parts.scheme) else "all"
    named = known.get(kind)
    here = loopback(url) or not parts.hostname or proxy_bypass(parts.hostname) or proxy_bypass(parts.netloc)
    if not named or here:
        return Route()
    variable = f"{kind.upper()}_PROXY"
    try:
        proxy = URL(named if "://" in named else f"http://{named}")
        usable = proxy.scheme in ("http", "https") and bool(proxy.host)
    except ValueError:
        raise ModelSetupError(f"{variable} holds no address", hint="write it as http://host:port") from None
    if not usable:
        what = f"{variable} names a proxy of a kind that is not known here"
        raise ModelSetupError(what, hint="only http:// and https:// proxies are")
    told = {"user-agent": "ragset"}
    if proxy.user:
        secret = b64encode(f"{proxy.user}:{proxy.password or ''}".encode()).decode()
        told["proxy-authorization"] = f"Basic {secret}"
    proxy = proxy.with_user(None)
    if parts.scheme == "https":  # the proxy hears nothing but the greeting
        return Route({"proxy": proxy, "proxy_headers": told})
    return Route({"proxy": proxy}, told)


def trusted_certificates() -> ssl.SSLContext:
    """Trust what SSL_CERT_FILE and SSL_CERT_DIR name, or certifi's list; raises ``ModelSetupError``."""
    import certifi

    file, folder = os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")
    try:
        return ssl.create_default_context(cafile=file or (None if folder else certifi.where()), capath=folder)
    except OSError as error:  # ssl.SSLError is one
        where = f"SSL_CERT_FILE={file}" if file else f"SSL_CERT_DIR={folder}"
        hint = "name a file of certificates (PEM), or unset it"
        raise ModelSetupError("no certificates can be read", where=where, hint=hint) from error

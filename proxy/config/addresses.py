"""Listen addresses and base URLs: how they are written, and whether one leads to the other.  No network."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Any
from urllib.parse import SplitResult, urlsplit

_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(\.(?!-)[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)
_PORT = re.compile(r"\d{1,5}", re.ASCII)
_LARGEST_PORT = 65535
_LISTEN = "must be HOST:PORT such as 127.0.0.1:8080, [::1]:8080 or :8080 (every interface)"
_URL = "must be a base URL such as https://api.openai.com/v1"


def parse_listen(text: Any) -> tuple[str, int]:
    """Host and port of ``127.0.0.1:8080``, ``[::1]:8080`` or ``:8080``, which is 0.0.0.0. Raises ValueError."""
    host, colon, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    if not colon or not _PORT.fullmatch(port) or int(port) > _LARGEST_PORT:
        raise ValueError(_LISTEN)
    if host.startswith("[") and host.endswith("]") and isinstance(_address(host[1:-1]), ipaddress.IPv6Address):
        return host[1:-1], int(port)
    if host and not _is_host_name_or_v4(host):
        raise ValueError(_LISTEN)
    return host or "0.0.0.0", int(port)  # noqa: S104 -- what `:8080` asks for


def check_url(text: str) -> str:
    """The base URL itself. Raises ValueError that says what a base URL may be, without repeating credentials."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(_URL) from None
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"{_URL} (http or https)")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{_URL}, without credentials in it: a key belongs into `api_key`")
    if parts.query or parts.fragment or text.endswith(("?", "#")):
        raise ValueError(f"{_URL}, without a query: the client's own is kept")
    host = parts.hostname or ""
    is_host = isinstance(_address(host), ipaddress.IPv6Address) or _is_host_name_or_v4(host)
    if not is_host or port == 0 or any(character <= " " for character in text):
        raise ValueError(f"{_URL}: host and port are wrong or missing")
    return text


def is_loopback(host: str) -> bool:
    """Whether an address or name is reached from this machine alone."""
    address = _address(host)
    if address is None:
        name = host.lower().rstrip(".")
        return name == "localhost" or name.endswith(".localhost")
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def leads_to(url: str, listen: str) -> bool:
    """Whether a request to ``url`` would arrive at ``listen`` on this machine, as far as can be told without DNS.

    All loopback addresses count as one: ``localhost`` may be either of 127.0.0.1 and ::1.
    """
    parts = urlsplit(url)
    url_host, (host, port) = (parts.hostname or "").lower().rstrip("."), parse_listen(listen)
    if port == 0 or _port(parts) != port:
        return False
    if url_host == host.lower():
        return True
    if _is_wildcard(host):
        return is_loopback(url_host) or _is_wildcard(url_host) or _is_own(url_host)
    if is_loopback(host):
        return is_loopback(url_host) or _is_wildcard(url_host)
    return url_host in _own_names()


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_host_name_or_v4(host: str) -> bool:
    # 127.0.0.300 and 127.1 are mistyped addresses rather than names.
    looks_numeric = host.replace(".", "").isdigit()
    return isinstance(_address(host), ipaddress.IPv4Address) if looks_numeric else bool(_NAME.fullmatch(host))


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _is_wildcard(host: str) -> bool:
    address = _address(host)
    return address is not None and address.is_unspecified


def _own_names() -> set[str]:
    name = socket.gethostname().lower()
    return {name, name.partition(".")[0], f"{name.partition('.')[0]}.local"}


def _is_own(host: str) -> bool:
    """Whether a name or address is this machine's: one can bind a socket to one's own addresses only."""
    address = _address(host)
    if address is None:
        return host in _own_names()
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 -- IP's version
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True

"""Addresses in configuration: https, or http on this machine."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from config.marked_yaml import Entry


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address means this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def web_address(entry: Entry) -> str:
    """An https:// address without user and fragment; http:// for this machine only."""
    text = entry.text()
    try:
        address = urlsplit(text)
        host, _ = address.hostname, address.port
    except ValueError:
        raise entry.wrong("this is not an address: https://host/path") from None
    if address.scheme not in {"http", "https"} or not host:
        raise entry.wrong("expected an address: https://host/path")
    if address.username is not None or address.fragment:
        raise entry.wrong("an address here has no user and no fragment; credentials go under auth")
    if address.scheme == "http" and not is_loopback(host):
        raise entry.wrong("http:// is for 127.0.0.1 only: use https://")
    return text

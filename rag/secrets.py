"""Secrets in texts and addresses: finding them, and showing an address without them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit, urlunsplit

# A shorter text isn't taken for a secret: many texts hold it by chance, and "none" is a usual stand-in for no key.
MIN_CHARACTERS = 6
_SECRET_IN_QUERY = re.compile(r"([?&][^=&]*(?:pass|token|key|secret)[^=&]*=)([^&]*)", re.IGNORECASE)
_LOGIN = re.compile(r"//\S*@")


def without_password(text: str) -> str:
    """`text` with an ellipsis in place of the logins and secret parameters of the addresses in it."""
    return _SECRET_IN_QUERY.sub(r"\1…", _LOGIN.sub("//…@", text))


def shown_address(url: str) -> str:
    """The address without user, password, query and fragment."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def secrets_of_address(address: str) -> set[str]:
    """The login, password and secret parameters of an address, each as written and percent-decoded."""
    # urlsplit would refuse an address with a mistake in it; its password is secret all the same.
    login = address.partition("://")[2].rpartition("@")[0]
    password = login.partition(":")[2]
    parameters = {value for _, value in _SECRET_IN_QUERY.findall(address)}
    return {login, unquote(login), password, unquote(password), *parameters}


def as_logged(secrets: Iterable[str]) -> tuple[str, ...]:
    """The secrets, also as Python and JSON quote them. The longest come first, since one may be a part of another."""
    forms = {form for secret in secrets for form in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1])}
    return tuple(sorted((form for form in forms if len(form) >= MIN_CHARACTERS), key=len, reverse=True))

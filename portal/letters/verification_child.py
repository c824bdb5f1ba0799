"""The process in which a stranger's file is parsed: little memory, little time, nothing to write.

``python -m portal.letters.verification_child``: a request as JSON on standard input, the answer as
JSON on standard output (see `portal.letters.verification.verify_in_subprocess`).
"""

from __future__ import annotations

import importlib
import json
import resource
import sys


def _limit(seconds: int, megabytes: int) -> None:
    """Set the limits before anything of the file is touched; what a system does not know is left out."""
    for what, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, megabytes * 1024 * 1024),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        try:
            resource.setrlimit(what, (most, most))
        except (ValueError, OSError):  # macOS refuses RLIMIT_AS
            continue


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    # The answer goes through a pipe, which RLIMIT_FSIZE does not touch.
    _limit(request["seconds"], request["megabytes"])
    from portal.letters.verification import answer

    module, _, name = request["render"].partition(":")
    render = getattr(importlib.import_module(module), name)
    json.dump(answer(request, render), sys.stdout)


if __name__ == "__main__":
    main()

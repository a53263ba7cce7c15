"""What the runners of the fleet say, as it stands: for `salt-run`, which would nest it."""

import contextlib
import sys


def output(data, **kwargs):
    """Return the text of a runner's answer, or of what it tells while it is at work."""
    # In a pipe, to `tee` say, progress would come when there is none any more.
    with contextlib.suppress(AttributeError, ValueError):
        sys.stdout.reconfigure(line_buffering=True)
    told = data.get("event", data) if isinstance(data, dict) else {"text": data}
    return str(told.get("text", told))

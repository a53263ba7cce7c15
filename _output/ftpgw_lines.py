"""What the runners of the fleet say, as it stands: for `salt-run`, which would nest it."""


def output(data, **kwargs):
    """Return the text of a runner's answer, or of what it tells while it is at work."""
    told = data.get("event", data) if isinstance(data, dict) else {"text": data}
    return str(told.get("text", told))

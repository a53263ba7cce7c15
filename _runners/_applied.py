"""What a minion answers to `state.apply`, understood."""

import _minions
import _tables

_FOLLOWS = "One or more requisite failed"
_RULES = ("tcprules", "managed")
_NEW = "ftpgw modules are new on this minion"


def failure(answer):
    """Return why states could not be applied, in a line, or None where they could."""
    told = _minions.trouble("state.apply", answer)
    if told or answer.kind == "good":
        return told
    failed = [state for state in answer.value.values() if state["result"] is False]
    own = [state for state in failed if not str(state["comment"]).startswith(_FOLLOWS)]
    if not failed:
        return "failed without a word"
    state = min(own or failed, key=lambda state: state.get("__run_num__", 0))
    name, more = state.get("__id__", "a state"), len(own) - 1
    line = f"{name}: {_minions.first_line(state['comment'])}"
    return f"{line} (and {more} more)" if more > 0 else line


def changes(one, answer):
    """
    Return ``{id of state: lines}`` of what states have changed on a minion, or would change.

    Where its own name stands in them, ID stands here, so that equal ones are equal.
    """
    found = {}
    for state in answer.value.values() if isinstance(answer.value, dict) else ():
        if state.get("changes") or state["result"] is None:
            told = state.get("changes") or _minions.first_line(state["comment"])
            name = str(state.get("__id__", "a state")).replace(one, "ID")
            found[name] = [line.replace(one, "ID") for line in _tables.flat(told)]
    return found


def rules(answer):
    """Return the names of the rule sets that were changed."""
    states = answer.value.items() if isinstance(answer.value, dict) else ()
    changed = [tag.split("_|-") for tag, state in states if state.get("changes")]
    return [name for kind, *_, name, what in changed if (kind, what) == _RULES]


def strays(answer):
    """Return what else separates a minion from what is declared: other modules, what is left."""
    found = []
    for tag, state in answer.value.items() if isinstance(answer.value, dict) else ():
        if state.get("__id__") == _NEW:
            found.append("its modules were those of another version; they have been brought")
        if tag.endswith("_|-leftovers"):
            found += state.get("warnings", [])
    return found

"""
Settings declared as data: what each may be, what it is where nobody says, and what it means.

A kind says what a value may be.  A setting is a kind with a meaning and a default; a table of
settings is a kind again.  From one declaration come the check, the manual and the JSON Schema.

A refusal is one line: the path where the value stands, what was expected, what was got.  It names
the type of a container and never shows what is in it, nor what looks like a password hash.
"""

import contextlib
import copy
import dataclasses
import datetime
import difflib
import json
import re
from collections.abc import Callable
from typing import Any

from salt.exceptions import SaltInvocationError

# What stands where a setting has no default: it then is simply not there.
UNSET = type("Unset", (), {"__repr__": lambda _: "UNSET", "__deepcopy__": lambda me, _: me})()

# crypt(5): "$prefix$options$salt$hash".
_HASH = re.compile(r"\$[0-9A-Za-z-]+\$|\b_[./0-9A-Za-z]{19}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SHOWN = 40
# What `\w` is in a class, as an editor may read it too: JavaScript has only that of ASCII.
_WORD = "A-Za-z0-9_\u00a1-\U0010ffff"
# The first that fits is said.
_TYPES = (
    (dict, "a mapping"),
    (list, "a list"),
    (str, "text"),
    (int | float, "a number"),
    (type(None), "nothing"),
)


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a value may be."""

    # Completes "expected ...", here and in the manual.
    expected: str
    # The same as JSON Schema.
    schema: dict
    # Yields a line for everything that is wrong with a value at a path.
    refuse: Callable[[Any, str], Any]
    # Returns a value that was not refused as it is used.
    read: Callable[[Any], Any] = lambda value: value
    # What the manual goes on with: the settings of a table, the kind of what a container holds.
    settings: dict = dataclasses.field(default_factory=dict)
    inner: Any = None


@dataclasses.dataclass(frozen=True)
class Setting:
    """A kind of value with a meaning, and what it is where nobody says."""

    kind: Kind
    meaning: str
    default: Any = UNSET
    needed: bool = False


def problems(kind, value, path):
    """Return a line for everything that is wrong with a value."""
    return list(kind.refuse(value, path))


def checked(kind, value, path):
    """
    Return a value as it is used: in its own form, with the defaults filled in.

    Raises SaltInvocationError with a line for everything that is wrong.
    """
    refuse_all(problems(kind, value, path))
    return kind.read(value)


def refuse_all(lines):
    """Raise SaltInvocationError with all of some lines, if there are any."""
    text = "\n".join(lines)
    if text:
        raise SaltInvocationError(text)


def got(value, secret=False):
    """
    Return how a refused value is spoken of.

    secret
        whether not even a short text may be shown
    """
    if isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int | float) and not secret:
        # Of thousands of digits Python writes only hexadecimal ones.
        return (hex if isinstance(value, int) and abs(value) > 1 << 99 else str)(value)[:_SHOWN]
    if not isinstance(value, str) or secret:
        said = (words for kind, words in _TYPES if isinstance(value, kind))
        return next(said, f"a {type(value).__name__}")
    if is_hash(value):
        return "a password hash"
    return repr(value if len(value) <= _SHOWN else f"{value[: _SHOWN - 3]}...")


def is_hash(text):
    """Tell whether a text looks like a password hash, or holds one."""
    return bool(_HASH.search(text))


def hint(word, known):
    """Return what somebody may have meant who typed a word that is not known."""
    known = list(known)
    close = difflib.get_close_matches(str(word), known, 1)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (known: {', '.join(known)})" if known else ""


def kind(expected, holds, schema, read=lambda value: value, secret=False):
    """
    Return the kind of values for which a function holds.

    expected
        completes "expected ..."
    holds
        a function of a value, of whatever type
    schema
        the same as JSON Schema
    read
        a function that returns the value as it is used
    secret
        whether a refused value may not be shown
    """

    def refuse(value, path):
        if not holds(value):
            quote = schema.get("type") == "string" and isinstance(value, int | float)
            advice = " (quote it)" if quote else ""
            yield f"{path}: expected {expected}, got {got(value, secret)}{advice}"

    return Kind(expected, schema, refuse, read)


def word(pattern, expected, secret=False):
    """Return the kind of texts that a regular expression matches as a whole."""
    everywhere = pattern.replace(r"[\w", f"[{_WORD}").replace(r"\w", f"[{_WORD}]")
    schema = {"type": "string", "pattern": f"^(?:{everywhere})$"}
    whole = re.compile(pattern)
    return kind(
        expected, lambda value: isinstance(value, str) and bool(whole.fullmatch(value)), schema,
        secret=secret,
    )  # fmt: skip


def number(low, high=None):
    """Return the kind of whole numbers between two limits."""
    limits = f"of at least {low}" if high is None else f"from {low} to {high}"
    schema = {"type": "integer", "minimum": low} | ({} if high is None else {"maximum": high})
    return kind(
        f"a whole number {limits}",
        lambda value: type(value) is int and low <= value and (high is None or value <= high),
        schema,
    )


def choice(*values):
    """Return the kind of a few values: words, true and false."""
    said = [value if isinstance(value, str) else json.dumps(value) for value in values]
    expected = f"{', '.join(said[:-1])} or {said[-1]}" if said[1:] else said[0]
    return kind(
        expected,
        lambda value: any(value == known and type(value) is type(known) for known in values),
        {"enum": list(values)},
    )


FLAG = kind("true or false", lambda value: isinstance(value, bool), {"type": "boolean"})


def _day(value):
    """
    Return a day, which YAML reads as such if it has no quotes; None if it is none.

    To a system the days up to its first one, and the one after the last, mean no end at all.
    """
    day = value if type(value) is datetime.date else None
    # Some releases of Python read more than this.
    if isinstance(value, str) and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        with contextlib.suppress(ValueError):
            day = datetime.date.fromisoformat(value)
    return day if day and 1971 <= day.year <= 9998 else None


DAY = kind(
    "a day such as 2027-01-31, from 1971 to 9998",
    lambda value: _day(value) is not None,
    {"type": "string", "format": "date"},
    read=lambda value: str(_day(value)),
)


def _is_line(value):
    return isinstance(value, str) and not _CONTROL.search(value)


LINE = kind(
    "one line of text without control characters",
    _is_line,
    {"type": "string", "pattern": r"^[^\x00-\x1f\x7f]*$"},
)


def either(*kinds):
    """Return the kind of values that are of one of some kinds; the last one explains a refusal."""

    def refuse(value, path):
        if not any(_fits(kind, value) for kind in kinds):
            # Of what has the shape of a mapping or a list, the inside is told.
            for kind in kinds:
                if kind.schema.get("type") == _json_type(value) and (kind.settings or kind.inner):
                    yield from kind.refuse(value, path)
                    return
            yield f"{path}: expected {expected}, got {got(value)}"

    def read(value):
        return next(kind for kind in kinds if _fits(kind, value)).read(value)

    expected = " or ".join(kind.expected for kind in kinds)
    settings = {key: value for kind in kinds for key, value in kind.settings.items()}
    inner = next((kind.inner for kind in kinds if kind.inner), None)
    schema = {"anyOf": [kind.schema for kind in kinds]}
    return Kind(expected, schema, refuse, read, settings, inner)


def listing(inner, expected, least=0):
    """Return the kind of lists with values of a kind; `expected` says of what, in the plural."""

    def refuse(value, path):
        if not isinstance(value, list):
            yield f"{path}: expected a list of {expected}, got {got(value, secret=True)}"
        elif len(value) < least:
            yield f"{path}: expected a list of {expected}, got an empty one"
        else:
            for entry in value:
                yield from inner.refuse(entry, path)

    def read(value):
        return [inner.read(entry) for entry in value]

    schema = {"type": "array", "items": inner.schema} | ({"minItems": least} if least else {})
    return Kind(f"a list of {expected}", schema, refuse, read, inner=inner)


def mapping(names, values, expected):
    """
    Return the kind of mappings from names of one kind to values of another one.

    expected
        completes "expected a mapping of ..."
    """

    def refuse(value, path):
        if not isinstance(value, dict):
            yield f"{path}: expected a mapping of {expected}, got {got(value, secret=True)}"
            return
        for name, entry in value.items():
            wrong = list(names.refuse(name, path))
            yield from wrong or values.refuse(entry, f"{path}:{name}")

    def read(value):
        return {names.read(name): values.read(entry) for name, entry in value.items()}

    schema = {
        "type": "object",
        "propertyNames": names.schema,
        "additionalProperties": values.schema,
    }
    return Kind(f"a mapping of {expected}", schema, refuse, read, inner=values)


def table(settings, expected="a mapping of settings"):
    """
    Return the kind of mappings whose keys are settings.

    settings
        ``{name: Setting}``; what is read has them in this order
    """

    def refuse(value, path):
        if isinstance(value, dict):
            yield from _refuse_settings(settings, value, path)
        else:
            yield f"{path}: expected {expected}, got {got(value, secret=True)}"

    def read(value):
        return {
            name: setting.kind.read(value[name])
            if name in value
            else copy.deepcopy(setting.default)
            for name, setting in settings.items()
            if name in value or setting.default is not UNSET
        }

    schema = {
        "type": "object",
        "properties": {name: _described(setting) for name, setting in settings.items()},
        "additionalProperties": False,
    }
    needed = [name for name, setting in settings.items() if setting.needed]
    schema |= {"required": needed} if needed else {}
    return Kind(expected, schema, refuse, read, settings)


def _refuse_settings(settings, given, path):
    for key in given:
        if key not in settings:
            yield f"{path}: unknown setting {got(key)}{hint(key, settings)}"
    for name, setting in settings.items():
        if name in given:
            yield from setting.kind.refuse(given[name], f"{path}:{name}")
        elif setting.needed:
            yield f"{path}: needs {name!r}: {setting.meaning}"


def _described(setting):
    default = {} if setting.default is UNSET else {"default": setting.default}
    return {"description": setting.meaning, **default, **setting.kind.schema}


def _fits(kind, value):
    return not any(kind.refuse(value, ""))


def _json_type(value):
    return "object" if isinstance(value, dict) else "array" if isinstance(value, list) else ""

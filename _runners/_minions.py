"""Minions, asked from the master: each stands in the answer, whether it answers or not."""

import contextlib
import re
import typing

import salt.client
import salt.utils.minions
from salt.exceptions import SaltException

# What is told of a minion that does not answer, and of one that has no such function.
SILENT, UNKNOWING = "no answer", "does not know {function} (apply the formula there first)"
STRANGE = "answered what nobody understands"
# What Salt puts in front of what a function has raised.
_ERROR = re.compile(r"^ERROR(?: executing '[^']*')?: ")


# How a minion is asked whether a target means it, where its id alone does not tell.
_OF_ITSELF = {
    "compound": "match.compound",
    "grain": "match.grain",
    "grain_pcre": "match.grain_pcre",
    "ipcidr": "match.ipcidr",
    "nodegroup": "match.compound",
    "pillar": "match.pillar",
    "pillar_pcre": "match.pillar_pcre",
}


class Answer(typing.NamedTuple):
    """What a minion said, if it said anything; `kind` is good, bad, unknowing or silent."""

    kind: str
    value: object = None


def matched(opts, tgt, tgt_type):
    """
    Return the ids that a target means, answering or not, in order.

    These are accepted minions, and what a list names that is none.
    """
    known = salt.utils.minions.CkMinions(opts)
    # It tells of what it does not know by a traceback.
    if not hasattr(known, f"_check_{tgt_type}_minions"):
        return []
    found = known.check_minions(tgt if isinstance(tgt, list) else str(tgt), tgt_type)
    return sorted({*map(str, found["minions"]), *map(str, found["missing"])})


def strangers(opts, tgt, tgt_type, ids, ask):
    """
    Return those of some ids that say of themselves that a target does not mean them.

    The master knows grains and pillar as they were when a minion last asked for its pillar; who is
    published to decides by those of now.
    """
    if tgt_type not in _OF_ITSELF:
        return []
    groups = opts.get("nodegroups") or {}
    words = tgt if isinstance(tgt, list) else str(tgt).split()
    words = [f"N@{tgt}"] if tgt_type == "nodegroup" else words
    if _OF_ITSELF[tgt_type] == "match.compound":
        # A minion knows of no groups.
        told = [
            salt.utils.minions.nodegroup_comp(word[2:], groups) if word[:2] == "N@" else [word]
            for word in words
        ]
        tgt = " ".join(word for each in told for word in each)
    answers = ask(ids, _OF_ITSELF[tgt_type], str(tgt))
    return [one for one, answer in answers if answer.value is False]


def ask(opts, timeout, ids, function, *arguments, **settings):
    """
    Yield ``(id, Answer)`` of each minion, as they come; last of all, of those that are silent.

    timeout
        after so many seconds without any answer the silent are asked whether they are at work

    A minion that says that it is at work is waited for.
    """
    missing, why = dict.fromkeys(ids), None
    if not missing:
        return
    try:
        with salt.client.get_local_client(opts["conf_file"]) as client:
            answers = client.cmd_iter(
                list(missing),
                function,
                list(arguments),
                tgt_type="list",
                kwarg=settings,
                timeout=timeout,
                expect_minions=True,
            )
            # Who stops reading before the end closes it while its client is there.
            with contextlib.closing(answers):
                for answer in answers:
                    for one, told in (answer or {}).items():
                        if one in missing and "ret" in told:
                            del missing[one]
                            yield one, understood(told["ret"], told.get("retcode"))
                    if not missing:
                        return
    except SaltException as error:
        # The master itself, which may have ended meanwhile; it goes on with what to type instead.
        why = ". ".join(first_line(error).split(". ")[:2])
    for one in missing:
        yield one, Answer("silent", why)


def understood(value, retcode):
    """Return the `Answer` that a returned value and its exit status make."""
    if not retcode:
        return Answer("good", value)
    # In the words of LazyLoader.missing_fun_string.
    text = value if isinstance(value, str) else ""
    unknowing = "is not available." in text or "__virtual__ returned False" in text
    return Answer("unknowing" if unknowing else "bad", value)


def trouble(function, answer):
    """Return why an answer is none, in a line; None where it is one."""
    if answer.kind == "silent":
        return f"{SILENT}: {answer.value}" if answer.value else SILENT
    if answer.kind == "unknowing":
        return UNKNOWING.format(function=function)
    if answer.kind == "bad" and not isinstance(answer.value, dict):
        return first_line(answer.value)
    return None


def made(make, answers):
    """
    Return what a function makes of ``{id: Answer}``, and of which answers it has made that.

    Where it fails, who said what nothing can be made of is taken as one that did so: it must not
    hide all others.
    """
    try:
        return make(answers), answers
    except Exception:
        strange = [one for one, answer in answers.items() if not _makes(make, {one: answer})]
        if not strange:
            raise
        answers = {**answers, **dict.fromkeys(strange, Answer("bad", STRANGE))}
        return make(answers), answers


def _makes(make, answers):
    try:
        make(answers)
    except Exception:
        return False
    return True


def first_line(value):
    """Return the first line of what went wrong; of a template that does not render, the reason."""
    lines = [str(value)] if not isinstance(value, list) else list(map(str, value))
    lines = [line.strip() for text in lines for line in text.splitlines() if line.strip()]
    return _ERROR.sub("", lines[0]) if lines else "failed without a word"

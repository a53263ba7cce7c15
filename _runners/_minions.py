"""Minions, asked from the master: each stands in the answer, whether it answers or not."""

import contextlib
import re
import typing

import salt.client
import salt.utils.minions

# What is told of a minion that does not answer, and of one that has no such function.
SILENT, UNKNOWING = "no answer", "does not know {function} (apply the formula there first)"
# What Salt puts in front of what a function has raised.
_ERROR = re.compile(r"^ERROR(?: executing '[^']*')?: ")


class Answer(typing.NamedTuple):
    """What a minion said, if it said anything; `kind` is good, bad, unknowing or silent."""

    kind: str
    value: object = None


def matched(opts, tgt, tgt_type):
    """Return the ids of the accepted minions that a target means, answering or not, in order."""
    return sorted(salt.utils.minions.CkMinions(opts).check_minions(tgt, tgt_type)["minions"])


def ask(opts, timeout, ids, function, *arguments, **settings):
    """
    Yield ``(id, Answer)`` of each minion, as they come; last of all, of those that are silent.

    timeout
        after so many seconds without any answer the silent are asked whether they are at work

    A minion that says that it is at work is waited for.
    """
    missing = dict.fromkeys(ids)
    if not missing:
        return
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
    for one in missing:
        yield one, Answer("silent")


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
        return SILENT
    if answer.kind == "unknowing":
        return UNKNOWING.format(function=function)
    if answer.kind == "bad" and not isinstance(answer.value, dict):
        return first_line(answer.value)
    return None


def first_line(value):
    """Return the first line of what went wrong; of a template that does not render, the reason."""
    lines = [str(value)] if not isinstance(value, list) else list(map(str, value))
    lines = [line.strip() for text in lines for line in text.splitlines() if line.strip()]
    return _ERROR.sub("", lines[0]) if lines else "failed without a word"

"""What all gateways answered, as one table each; a pure function of ``{id: Answer}``."""

import _applied
import _minions
import _tables

# A text that is longer is not sent around: the network is for what people can read.
_SENT = 500_000
NOBODY = "no accepted minion is meant by this target (salt-key --list=accepted)"


def status(problems, versions):
    """
    Return a heading, a line for each of ``{id: problems}``, most problems first, and one a version.

    versions
        ``{id: version}`` of the formula, None where one tells of none
    """
    if not problems:
        return [NOBODY]
    silent = [one for one, told in problems.items() if "".join(told).startswith(_minions.SILENT)]
    ill = [one for one, told in problems.items() if told and one not in silent]
    count = _tables.counted(len(problems), "gateway")
    parts = [(len(silent), "without an answer"), (len(ill), "in trouble")]
    parts.append((len(problems) - len(silent) - len(ill), "well"))
    order = sorted(
        _tables.in_order(problems), key=lambda one: (one not in silent, -len(problems[one]))
    )
    rows = [(one, _summary(problems[one])) for one in order]
    head = ", ".join(f"{number} {what}" for number, what in parts if number)
    lines = [f"{count}: {head}", *(f"  {line}" for line in _tables.aligned(rows))]
    told = {one: version for one, version in versions.items() if one not in silent}
    for version, ids in _tables.alike(told):
        lines.append(f"version {version or 'not told'}: {_tables.folded(ids)}")
    return lines


def admits(answers):
    """Return the table of `tcprules.lookup`, and whether an answer is missing."""
    found = {}
    rows = [("verdict", "rule set", "site", "rule", "gateways")]
    heard_of, missing = heard("tcprules.lookup", answers)
    for one, value in heard_of.items():
        sets = value or {None: {"verdict": "no rules"}}
        for name, told in sets.items():
            key = (told["verdict"], name or "", told.get("site") or "", told.get("rule") or "")
            found.setdefault(key, []).append(one)
    rows += [(*key, _tables.folded(ids)) for key, ids in sorted(found.items())]
    return [*(_tables.aligned(rows) if found else []), *missing], bool(missing) or not answers


def drift(answers):
    """Return what separates gateways from pillar, the rarest first, and whether anything does."""
    found = {one: _difference(one, answer) for one, answer in answers.items()}
    lines, differs = [], not answers
    for told, ids in reversed(_tables.alike(found)):
        differs = differs or bool(told)
        lines += [f"{_tables.folded(ids)}: {'' if told else 'as declared'}".rstrip()]
        lines += [f"  {line}" for line in _tables.limited(told)]
    return lines or [NOBODY], differs


def compare(answers, ask):
    """
    Return which gateways' rules mean something else and for whom, and whether any do.

    answers
        of `tcprules.digest`
    """
    digests, lines = heard("tcprules.digest", answers)
    differs = bool(lines) or not answers
    for name in sorted({name for told in digests.values() for name in told}):
        groups = _tables.alike({one: told.get(name) for one, told in digests.items()})
        groups.sort(key=lambda group: group[0] is None)
        differs = differs or len(groups) > 1
        lines += [line for group in _groups(name, groups, ask) for line in group]
    return lines or ["no rules" if answers else NOBODY], differs


def heard(function, answers):
    """Return ``{id: value}`` of those that answered, in order, and a line for each other reason."""
    told = {one: _minions.trouble(function, answers[one]) for one in _tables.in_order(answers)}
    groups = _tables.alike({one: why for one, why in told.items() if why})
    missing = [f"{_tables.folded(ids)}: {why}" for why, ids in groups]
    return {one: answers[one].value for one, why in told.items() if not why}, missing


def _summary(problems):
    if not problems:
        return "well"
    more = f" (and {len(problems) - 1} more)" if problems[1:] else ""
    return f"{_minions.first_line(problems[0])}{more}"


def _difference(one, answer):
    told = _applied.failure(answer)
    if told:
        return [told.replace(one, "ID")]
    lines = [line.replace(one, "ID") for line in _applied.strays(answer)]
    for name, changes in _applied.changes(one, answer).items():
        lines += [name, *(f"  {line}" for line in changes)]
    return lines


def _groups(name, groups, ask):
    """Yield the lines of each group of gateways whose rules mean the same."""
    (_, most), *others = groups
    yield [f"{name}: {_tables.folded(most)}: {'the most' if others else 'the same'}"]
    text = _text(name, most[0], ask) if others else None
    for digest, ids in others:
        head = f"{name}: {_tables.folded(ids)}: "
        if digest is None:
            yield [f"{head}no such rules"]
        else:
            told = _whose(name, text, ids[0], ask)
            yield [f"{head}differ from {most[0]}", *(f"  {line}" for line in _tables.limited(told))]


def _text(name, one, ask):
    """Return the rules of a gateway, line by line, with the names of their sites."""
    [(_, answer)] = ask([one], "tcprules.dump", name, sites=True)
    return answer.value if answer.kind == "good" and isinstance(answer.value, list) else None


def _whose(name, text, one, ask):
    if text is None or sum(map(len, text)) > _SENT:
        return [f"by rules too long to be sent around (salt {one} tcprules.dump {name})"]
    [(_, answer)] = ask([one], "tcprules.diff", text, name)
    told = _minions.trouble("tcprules.diff", answer)
    return [told] if told else _tables.flat(answer.value)

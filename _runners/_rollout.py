"""
A change brought to many gateways in waves, which stop at the first one that is not well.

What asks the minions is an argument, ``ask(ids, function, ...)``, which yields ``(id, Answer)``.
"""

import _applied
import _minions
import _tables
import _waves

HEALTH, OLD_HEALTH = "ftpgw.health", "daemontools.problems"
_OLD, _NEW, _BETWEEN = "old", "new", "between"
_UNTOUCHED = (_OLD, "not touched")
_ASKED = (_BETWEEN, "asked, not answered yet")
_CHANGED = (_NEW, "changed")
_SAME = (_NEW, "nothing to change")
_ORDER = (_BETWEEN, _OLD, _NEW)
_PLAIN = (_UNTOUCHED, _CHANGED, _SAME)


class Rollout:
    """
    One rollout: `stands` says of each gateway what it has, at any time, also when it is cut short.

    ids, canaries, wave
        who is meant, and in which order
    sls
        the states that are applied
    revert
        for how long the rules of before come back to a gateway that fails, such as ``2h``, or None
    cached
        whether the master keeps pillar (``pillar_cache``), and would render states of an old one
    ask, say
        what asks minions, and what tells people a line while it goes on
    """

    def __init__(self, ids, canaries, wave, sls, revert, cached, ask, say):
        self.ids, self.canaries, self.wave, self.sls = ids, canaries, wave, sls
        self.revert, self.cached = revert, cached
        self.ask, self.say = ask, say
        self.stands = dict.fromkeys(ids, _UNTOUCHED)
        self.would_change, self.rules = {}, {}
        self.stopped = None

    def run(self, test=False):
        """Rehearse it, and with ``test=False`` do it; whether all has gone well is in `stopped`."""
        self.stopped = "before anything was touched"
        if self.cached and not self._is_refreshed():
            return
        if not self._is_rehearsed():
            return
        if test:
            self.stopped = None
            return
        self.say("\n".join(self.rehearsal()))
        waves = _waves.order(list(self.would_change), self.canaries, self._size())
        for number, wave in enumerate(waves, 1):
            self.stopped = f"in wave {number} of {len(waves)}"
            self.say(f"wave {number} of {len(waves)}: {_tables.folded(wave)}")
            if not self._is_applied(wave):
                return
        self.stopped = "by those that had nothing to change"
        if self._are_well([one for one in self.ids if one not in self.would_change]):
            self.stopped = None

    def rehearsal(self):
        """Return the lines that tell what would change, the same once."""
        lines = []
        for changes, ids in _tables.alike(self.would_change):
            lines += [f"{_tables.folded(ids)}: would change", *_indented(changes)]
        same = [one for one in self.ids if one not in self.would_change]
        return [*lines, *([f"{_tables.folded(same)}: nothing to change"] if same else [])]

    def table(self):
        """Return the lines that tell who has the new, who the old, and who is between."""
        groups = _tables.alike(self.stands)
        groups.sort(key=lambda group: (group[0] in _PLAIN, _ORDER.index(group[0][0])))
        rows = [(has, _tables.folded(ids), told) for (has, told), ids in groups]
        return _tables.aligned(rows)

    def _size(self):
        """Return the size of a wave, of which a part is one of all gateways."""
        return len(_waves.order(self.ids, (), self.wave)[0])

    def _is_refreshed(self):
        """Have all, and with them the master, know the pillar of now."""
        for one, told in self._refreshed(self.ids):
            self.stands[one] = (_OLD, told)
        return self._all_have(_UNTOUCHED)

    def _is_rehearsed(self):
        """
        Ask all what would change: each judges the pillar of now, and tries what can be tried.

        Whoever does not answer keeps all from beginning.
        """
        changes = {}
        for one, answer in self.ask(self.ids, "state.apply", self.sls, test=True):
            told = _applied.failure(answer)
            if told:
                self.stands[one] = (_OLD, told)
                continue
            changes[one] = _applied.changes(one, answer)
            self.rules[one] = _applied.rules(answer)
        self.would_change = {one: told for one, told in changes.items() if told}
        if not self._all_have(_UNTOUCHED):
            return False
        same = [one for one in changes if one not in self.would_change]
        self.stands.update(dict.fromkeys(same, _SAME))
        return True

    def _is_applied(self, wave):
        before = self._histories(wave) if self.revert else {}
        self.stands.update(dict.fromkeys(wave, _ASKED))
        rules = {}
        for one, answer in self.ask(wave, "state.apply", self.sls):
            rules[one] = _applied.rules(answer)
            told = _applied.failure(answer)
            if told and answer.kind == "silent":
                self.stands[one] = (_BETWEEN, f"{told} (it may still be at work)")
            elif told:
                self.stands[one] = (_BETWEEN, f"failed: {told}")
            else:
                self.stands[one] = _CHANGED
        self._are_well([one for one in wave if self.stands[one] == _CHANGED])
        failed = [one for one in wave if self.stands[one] != _CHANGED]
        for one in failed if self.revert else ():
            self._put_back(one, rules[one], before)
        return not failed

    def _histories(self, ids):
        """Return what each rule set was before that would change: ``{(id, name): history}``."""
        return {
            (one, name): answer.value
            for name in sorted({name for one in ids for name in self.rules[one]})
            for one, answer in self.ask(ids, "tcprules.history", name)
        }

    def _put_back(self, one, rules, before):
        """Put the rules of before in force again on a gateway."""
        after = self._histories([one]) if rules else {}
        for name in rules:
            if (one, name) in after and after[one, name] == before.get((one, name)):
                # What came before these settings is older than this rollout.
                told = f"its rules {name} are of the settings of before"
                self.stands[one] = (_BETWEEN, f"{self.stands[one][1]}; {told}")
                continue
            [(_, answer)] = self.ask([one], "tcprules.revert", name, 1, until=self.revert)
            done = f"its rules {name} of before are back for {self.revert}"
            said = _minions.trouble("tcprules.revert", answer)
            undone = f"its rules {name} of before could not be put back: {said}"
            self.stands[one] = (_BETWEEN, f"{self.stands[one][1]}; {undone if said else done}")

    def _are_well(self, ids):
        """Probe gateways, and note those that are not well."""
        doubtful = [one for one, problems, _ in healths(self.ask, ids) if problems]
        # A minion holds a gateway against the pillar that it remembers, which may be an old one.
        unknown = dict(self._refreshed(doubtful))
        ill = {one: [told] for one, told in unknown.items()}
        known = [one for one in doubtful if one not in unknown]
        ill |= {one: problems for one, problems, _ in healths(self.ask, known) if problems}
        for one, problems in ill.items():
            has, told = self.stands[one]
            self.stands[one] = (has, f"{told}, then not well: {_shortly(problems)}")
        return not ill

    def _refreshed(self, ids):
        """Have gateways know the pillar of now; yield ``(id, why)`` of those that do not."""
        for one, answer in self.ask(ids, "saltutil.refresh_pillar", wait=True):
            told = _minions.trouble("saltutil.refresh_pillar", answer)
            if told:
                yield one, told

    def _all_have(self, stand):
        return set(self.stands.values()) <= {stand}


def healths(ask, ids):
    """
    Yield ``(id, problems, version)``: lines that tell what is wrong, none where all is well, and
    which version of the formula it has, None where it tells of none.

    A minion with modules that know no health is asked for what is wrong with its services.
    """
    old = []
    for one, answer in ask(ids, HEALTH):
        if answer.kind == "unknowing":
            old.append(one)
        else:
            version = answer.value.get("version") if isinstance(answer.value, dict) else None
            yield one, _problems(HEALTH, answer), version
    for one, answer in ask(old, OLD_HEALTH):
        yield one, _problems(OLD_HEALTH, answer), None


def _problems(function, answer):
    value = answer.value
    if isinstance(value, dict) and "problems" in value:
        value = value["problems"]
    if answer.kind in ("good", "bad") and isinstance(value, list):
        return list(map(str, value))
    return [_minions.trouble(function, answer) or _minions.STRANGE]


def _shortly(problems):
    head = _minions.first_line(problems[0])
    return f"{head} (and {len(problems) - 1} more)" if problems[1:] else head


def _indented(changes):
    lines = []
    for name, told in changes.items():
        lines += [f"  {name}", *(f"    {line}" for line in told)]
    return _tables.limited(lines)

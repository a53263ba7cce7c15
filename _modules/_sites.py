"""A set of rules as pillar declares it: sites, each with the addresses it allows and denies."""

import dataclasses
import datetime
from itertools import chain

import _addresslist
import _check
import _cidr
import _rules
import _tcpserver
import _version
from _check import Setting
from salt.exceptions import SaltInvocationError

# How many rules stand below one heading: whoever a search leads to a rule soon sees its site.
_PAGE = 1000
# How many of many blocks, or of many wrong addresses, are named before they are only counted.
_NAMED = 10
# The name of a site cannot have a comma.
_HURRY = "denied in a hurry, by tcprules.deny"
_VERDICTS = {"deny": "keeps out", "allow": "lets in"}
_ADMITS = {
    "listed": "only the addresses that a site allows",
    "everyone": "everyone but those denied, by default",
    "nobody": "nobody, for no site allows an address",
}


def _addresses(expected):
    """Return the kind of lists of texts that may be very long; what is no text is refused."""
    text = _check.kind("text", lambda value: isinstance(value, str), {"type": "string"})
    one_by_one = _check.listing(text, expected)

    def refuse(value, path):
        if type(value) is not list or set(map(type, value)) - {str}:
            yield from one_by_one.refuse(value, path)

    return dataclasses.replace(one_by_one, refuse=refuse, read=lambda value: value)


def _unless_empty(table):
    """Return the kind of tables that have at least one setting."""

    def refuse(value, path):
        if value == {}:
            yield f"{path}: expected some of {', '.join(table.settings)}, got an empty mapping"
        else:
            yield from table.refuse(value, path)

    return dataclasses.replace(table, refuse=refuse)


_FILE = _check.kind(
    "salt://... or the path of a file",
    lambda value: isinstance(value, str) and value.startswith(("salt://", "/")),
    {"type": "string", "pattern": "^(salt:/)?/"},
)
_FILES = _check.either(
    dataclasses.replace(_FILE, read=lambda file: [file]),
    _check.listing(_FILE, "such files"),
)
_ENV = _check.mapping(
    _check.word("[A-Za-z_][A-Za-z0-9_]*", "the name of a variable"),
    _check.kind(
        "text without control characters that leaves one printable character to quote it",
        lambda value: isinstance(value, str) and value.isprintable() and bool(_rules.quote(value)),
        {"type": "string"},
    ),
    "variables to text",
)
SITE = _check.table(
    {
        "allow": Setting(
            _addresses("addresses"),
            "Whom the site lets in: addresses (`9.9.9.9`), networks (`9.9.9.0/24`) and ranges"
            " (`10.0.0.5-10.0.0.77`).",
            [],
        ),
        "deny": Setting(_addresses("addresses"), "Whom the site keeps out, in the same words.", []),
        "allow_from": Setting(
            _FILES,
            "A file with more addresses to let in, or a list of such files, as `salt://...` or by"
            " their path on the gateway. One address a line; `#` begins a comment.",
            [],
        ),
        "deny_from": Setting(_FILES, "Files with more addresses to keep out.", []),
        "allow_until": Setting(
            _check.DAY,
            "The last day on which the site lets anybody in; the day after, the next run takes what"
            " `allow` and `allow_from` name out of the rules.",
        ),
        "deny_until": Setting(_check.DAY, "The last day on which the site keeps anybody out."),
        "env": Setting(
            _ENV, "Variables in the environment of what serves a client of this site.", {}
        ),
    }
)
RULES = _check.table(
    {
        "state": Setting(
            _check.choice("present", "absent"),
            "Whether there are such rules; without them tcpserver drops every client.",
            "present",
        ),
        "sites": Setting(
            _check.mapping(
                # The name becomes a comment in the .rules file, where "default" is ours.
                _check.word(
                    r"(?!default$)\w[\w .@+-]*",
                    "the name of a site (letters, digits, blanks and . _ @ + -; not 'default')",
                ),
                _unless_empty(SITE),
                "names to sites",
            ),
            "The sites by name, each with its addresses. The smallest network that holds an address"
            " decides, whosever it is.",
            {},
        ),
        "default": Setting(
            _check.choice("deny", "allow"), "What happens to everyone else.", "deny"
        ),
        "revoke": Setting(
            _check.choice("keep", "end"),
            "What becomes of sessions whose clients the rules deny: `end` ends them, `keep`, where"
            " nothing is said, lets them go on and tells of them when rules change.",
        ),
        "admits": Setting(
            _check.choice(*_ADMITS),
            "Whom the rules let in: the listed addresses, everyone, or nobody. It must be said"
            " where it is not `listed`, so that nobody opens or closes a gateway by leaving"
            " something out.",
            "listed",
        ),
        "expect": Setting(
            _check.table(
                {
                    "allow": Setting(_addresses("addresses"), "Who must get in.", []),
                    "deny": Setting(_addresses("addresses"), "Who must not get in.", []),
                }
            ),
            "Single addresses whose verdict is tried before new rules come into force; put your own"
            " way in here.",
            {"allow": [], "deny": []},
        ),
    }
)


def problems(settings, path):
    """Return a line for all that is wrong with the settings of a rule set; no file is read."""
    wrong = _check.problems(RULES, settings, path)
    if wrong or settings.get("state") == "absent":
        return wrong
    return _weighed(in_time(RULES.read(settings)), None, path)[1]


def checked(settings, path):
    """
    Return the settings of a rule set, as they are today, with every setting in them.

    Raises SaltInvocationError with a line for all that is wrong; no file is read.
    """
    _check.refuse_all(problems(settings, path))
    return in_time(RULES.read(settings))


def in_time(checked, today=None):
    """
    Return settings without the lists whose last day has passed; ``ended`` then has these.

    checked
        settings of the right shape, with every setting in them
    today
        a date; that of this machine by default
    """
    today = str(today or datetime.date.today())
    ended = {
        (site, verdict): settings
        for site, settings in sorted(checked["sites"].items())
        for verdict in _VERDICTS
        if settings.get(f"{verdict}_until", today) < today
    }
    if not ended:
        return checked
    sites = {site: dict(settings) for site, settings in checked["sites"].items()}
    for site, verdict in ended:
        sites[site].update({verdict: [], f"{verdict}_from": []})
    return {**checked, "sites": sites, "ended": ended}


def endings(checked, path):
    """Return a line for each list of a site whose last day has passed."""
    return [
        f"{path}:sites:{site}:{verdict}_until: {settings[f'{verdict}_until']} has passed:"
        f" whom it names, {site} {_VERDICTS[verdict]} no more"
        for (site, verdict), settings in checked.get("ended", {}).items()
    ]


def expected(checked):
    """
    Return whose verdict is to be tried, ``{verdict: addresses}``.

    Nobody is expected to get in whom only a list that has ended may have let in: what nobody
    thought of in ``expect`` must not keep it in force.
    """
    ended = [
        settings
        for (_, verdict), settings in checked.get("ended", {}).items()
        if verdict == "allow"
    ]
    if any(settings["allow_from"] for settings in ended):
        return {**checked["expect"], "allow": []}
    blocks = _read([entry for settings in ended for entry in settings["allow"]])
    known = [
        address
        for address in checked["expect"]["allow"]
        if not any(
            block in blocks.get(length, ()) for length, block in _cidr.around(address).items()
        )
    ]
    return {**checked["expect"], "allow": known}


def groups(checked, lists, path):
    """
    Return the blocks of a rule set, ``(site, action, blocks)`` in the order of the sites' names.

    checked
        settings of the right shape, with every setting in them
    lists
        the content in bytes of each file that an ``allow_from`` or ``deny_from`` names

    The action is what follows the colon in a ``.rules`` file; the blocks are as of `_cidr.blocks`.
    Raises SaltInvocationError with a line for each address that is none, each block that is claimed
    twice, each address that would not get what is expected, and for a rule set that would admit
    everyone or nobody without saying so.
    """
    found, wrong = _weighed(checked, lists, path)
    _check.refuse_all(wrong)
    return found


def without(groups, denied):
    """
    Return the blocks of a rule set with some denied in a hurry, whatever the sites say.

    denied
        blocks as of `_cidr.blocks`; also what is inside of one of them is denied
    """
    if not denied:
        return groups
    kept = [
        (site, action, {n: _outside(same_length, denied) for n, same_length in blocks.items()})
        for site, action, blocks in groups
    ]
    kept = [
        (site, action, {n: same_length for n, same_length in blocks.items() if same_length})
        for site, action, blocks in kept
    ]
    return [*kept, (_HURRY, "deny", denied)]


def unless(expect, denied):
    """Return whose verdict is to be tried, without those who are denied in a hurry."""
    return {**expect, "allow": _outside(expect["allow"], denied)}


def _outside(blocks, denied):
    """Return those blocks that are in none of some others."""
    known = {length: set(same_length) for length, same_length in denied.items()}
    return [
        block
        for block in blocks
        if not any(
            holder in known.get(length, ())
            for length, holder in _cidr.around(block.partition("/")[0]).items()
            if length <= int(block.partition("/")[2] or 128)
        )
    ]


def text(name, groups, default, path):
    """
    Return the text of the ``.rules`` file, longest prefix first, the default last.

    Its head names the version that writes it.  No other version writes the file anew for that: it
    goes by the settings that the file is sealed with.

    default
        ``deny`` or ``allow``: what happens to an address that no site names
    path
        the pillar path that the head of the file tells its reader to edit
    """
    parts = [
        f"# Written by Salt from the settings of {path}; change them there."
        f" (ftpgw {_version.VERSION})\n"
        f"# Which rule decides for an address? salt-call tcprules.check {name} ADDRESS\n"
    ]
    heading = None
    # tcprules keeps the first record of a key, so a longer prefix must come before a shorter one.
    for length in range(128, 0, -1):
        for site, action, blocks in _of_length(groups, length):
            for first in range(0, len(blocks), _PAGE):
                if first or site != heading:
                    parts.append(f"\n# {site}\n")
                rules = _cidr.rules(blocks[first : first + _PAGE])
                parts.append(f":{action}\n".join([*rules, ""]))
                heading = site
    return "".join([*parts, f"\n# default\n:{default}\n"])


def outline(groups):
    """Return what a rule set says, in the form of a change where there was no rule set before."""
    changes = {}
    for site, action, blocks in groups:
        longest_first = [blocks[length] for length in sorted(blocks, reverse=True)]
        named = _few(list(chain.from_iterable(longest_first)))
        changes.setdefault(site, {})[f"none -> {action}"] = named
    return changes


def records(groups):
    """Return how many records the cdb of a rule set has."""
    return 1 + sum(
        _cidr.keys(same_length) for _, _, blocks in groups for same_length in blocks.values()
    )


def _weighed(checked, lists, path):
    """Return the blocks of a rule set, and all that is wrong; without lists, as far as it shows."""
    found, wrong = [], []
    for site, settings in sorted(checked["sites"].items()):
        for verdict in _VERDICTS:
            where = f"{path}:sites:{site}:{verdict}"
            blocks, refused = _blocks(settings, verdict, lists, where)
            wrong += refused
            if blocks:
                env = settings["env"] if verdict == "allow" else {}
                found.append((site, _rules.action(verdict, env), blocks))
    wrong += _no_single_addresses(checked["expect"], f"{path}:expect")
    is_whole = not wrong and (lists is not None or not _has_files(checked))
    wrong += _claimed_twice(found, f"{path}:sites")
    any_allow = any(action != "deny" for _, action, _ in found)
    any_allow |= any(verdict == "allow" for _, verdict in checked.get("ended", ()))
    wrong += _admitting(checked, any_allow if is_whole else _may_allow(checked), path)
    if is_whole and not wrong:
        wrong += _unexpected(found, checked, path)
    return found, wrong


def _blocks(settings, verdict, lists, path):
    """Return the blocks that a site allows or denies, and a line for each address that is none."""
    files = {
        f"{path}_from: {file}": _addresslist.lines(lists[file])
        for file in ([] if lists is None else settings[f"{verdict}_from"])
    }
    try:
        entries = chain(settings[verdict], filter(None, chain.from_iterable(files.values())))
        return _read(list(entries)), []
    except SaltInvocationError:
        # Only now is it worth knowing where every address came from.
        placed = [(path, entry) for entry in settings[verdict]]
        for file, lines in files.items():
            placed += [(f"{file} line {n}", line) for n, line in enumerate(lines, 1) if line]
        judged = [(where, entry, _problem(_read, [entry])) for where, entry in placed]
        wrong = [f"{where}: {problem}" for where, _, problem in judged if problem]
        good = [entry for _, entry, problem in judged if not problem]
        return _read(good), _few(wrong, f"{path}: ")


def _read(entries):
    """Return the blocks of addresses; raise for the first that is none or that nobody may name."""
    if ":" in "".join(entries):
        entries = [_tcpserver.known(entry) for entry in entries]
    found = _cidr.blocks(entries)
    if 0 in found:
        raise SaltInvocationError(
            f"{found[0][0]} is everyone (everyone else is what 'default' is for)"
        )
    return found


def _problem(read, value):
    try:
        read(value)
    except SaltInvocationError as error:
        return str(error)
    return None


def _no_single_addresses(expect, path):
    for verdict, entries in expect.items():
        for entry in entries:
            problem = _problem(lambda entry: _cidr.address(_tcpserver.known(entry)), entry)
            if problem:
                yield f"{path}:{verdict}: {problem}"


def _claimed_twice(groups, path):
    """Name the blocks that two groups claim: the longest prefix would not decide between them."""
    found = []
    for length in range(129):
        same_length = _of_length(groups, length)
        claimed = {}
        for site, action, blocks in same_length if same_length[1:] else ():
            for block in sorted(claimed.keys() & blocks):
                other, other_action = claimed[block]
                found.append(
                    f"{path}: {block} stands in {other} ({other_action}) and in {site} ({action})"
                    " (keep it in one of them; a range counts as its blocks)"
                )
            claimed.update(dict.fromkeys(blocks, (site, action)))
    return _few(found, f"{path}: ")


def _admitting(checked, any_allow, path):
    listed = "listed" if any_allow else "nobody"
    admits = "everyone" if checked["default"] == "allow" else listed
    if checked["admits"] != admits:
        yield (
            f"{path}:admits: these rules admit {_ADMITS[admits]}"
            f" (if that is meant, set 'admits: {admits}')"
        )


def _may_allow(checked):
    return any(site["allow"] or site["allow_from"] for site in checked["sites"].values())


def _has_files(checked):
    return any(site["allow_from"] or site["deny_from"] for site in checked["sites"].values())


def _unexpected(groups, checked, path):
    """Name the rule and the site that decide for an address otherwise than is expected."""
    for verdict, addresses in expected(checked).items():
        for address in addresses:
            action, rule, site = _decide(groups, checked["default"], address)
            if not action.startswith(verdict):
                yield (
                    f"{path}:expect:{verdict}: {address} would get {rule}:{action}"
                    f" of site {site} (the old rules stand)"
                )


def _decide(groups, default, address):
    """Return the action, the rule and the site of the longest prefix that holds an address."""
    for length, block in _cidr.around(address).items():
        for site, action, blocks in _of_length(groups, length):
            if block in blocks:
                return action, _cidr.rules([block])[0], site
    return default, "", "default"


def _of_length(groups, length):
    return [(site, action, blocks[length]) for site, action, blocks in groups if length in blocks]


def _few(texts, before=""):
    """Return some texts; of many the first ones, and how many more there are."""
    more = len(texts) - _NAMED
    return texts if more <= 0 else [*texts[:_NAMED], f"{before}and {more} more"]

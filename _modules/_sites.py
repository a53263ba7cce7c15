"""
A set of rules as pillar declares it: sites, each with the addresses it allows and denies.
"""

import difflib
import re
from itertools import chain
from reprlib import repr as short

import _addresslist
import _cidr
import _rules
import _tcpserver
from salt.exceptions import SaltInvocationError

_SETTINGS = {
    "state": "present",
    "sites": {},
    "default": "deny",
    "admits": "listed",
    "expect": {},
}
_SITE = {"allow": [], "deny": [], "allow_from": [], "deny_from": [], "env": {}}
# How many rules stand below one heading: whoever a search leads to a rule soon sees its site.
_PAGE = 1000

# How many blocks of a site a change names before it only counts them.
_NAMED = 10
_ADMITS = {
    "everyone": "everyone but those denied, by default",
    "nobody": "nobody, for no site allows an address",
    "listed": "only the addresses that a site allows",
}


def settings(settings, pillar):
    """
    Check the settings of a rule set and fill in the defaults.

    settings
        A mapping, see docs/rules.md.

    pillar
        The pillar path with which errors begin.

    Returns a new mapping with every setting in it.

    Raises SaltInvocationError for the first setting that is wrong.
    """
    checked = {**_SETTINGS, **_mapping(settings, pillar, _SETTINGS)}
    _choice(checked["state"], f"{pillar}:state", ["present", "absent"])
    _choice(checked["default"], f"{pillar}:default", ["deny", "allow"])
    _choice(checked["admits"], f"{pillar}:admits", ["listed", "everyone", "nobody"])
    checked["sites"] = _sites(checked["sites"], f"{pillar}:sites")
    checked["expect"] = _expect(checked["expect"], f"{pillar}:expect")
    if checked["state"] == "present":
        _check_admits(checked, _may_allow(checked["sites"]), pillar)
    return checked


def groups(checked, lists, pillar):
    """
    Return the blocks of a rule set, grouped by site and by action.

    checked
        Settings as ``sites.settings`` returns them.

    lists
        The content in bytes of each file that an ``allow_from`` or ``deny_from`` names.

    pillar
        The pillar path with which errors begin.

    Returns a list of ``(site, action, blocks)`` in the order of the sites' names; the action is
    what follows the colon in a ``.rules`` file, the blocks are as ``cidr.blocks`` returns them.

    Raises SaltInvocationError for an address that is none, for a block that is claimed twice, and
    for a rule set that would admit everyone or nobody without saying so.
    """
    found = []
    for site, settings in sorted(checked["sites"].items()):
        for verdict in ("deny", "allow"):
            blocks = _blocks(settings, verdict, lists, f"{pillar}:sites:{site}")
            if blocks:
                env = settings["env"] if verdict == "allow" else {}
                action = _rules.action(verdict, env)
                found.append((site, action, blocks))
    for length in range(129):
        _check_claims(_of_length(found, length), pillar)
    _check_admits(checked, any(action != "deny" for _, action, _ in found), pillar)
    return found


def text(name, groups, default, pillar):
    """
    Return the text of the ``.rules`` file, longest prefix first, the default last.

    name
        The name of the rule set.

    groups
        Its blocks, as ``sites.groups`` returns them.

    default
        ``deny`` or ``allow``: what happens to an address that no site names.

    pillar
        The pillar path that the head of the file tells its reader to edit.
    """
    parts = [
        f"# Written by Salt from the settings of {pillar}; change them there.\n"
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
    """
    Return what a rule set says, in the form of a change where there was no rule set before.

    groups
        Its blocks, as ``sites.groups`` returns them.
    """
    changes = {}
    for site, action, blocks in groups:
        lengths = sorted(blocks, reverse=True)
        named = [block for length in lengths for block in blocks[length][:_NAMED]][:_NAMED]
        more = sum(map(len, blocks.values())) - len(named)
        named += [f"and {more} more"] if more else []
        changes.setdefault(site, {})[f"none -> {action}"] = named
    return changes


def records(groups):
    """
    Return how many records the cdb of a rule set has.

    groups
        Its blocks, as ``sites.groups`` returns them.
    """
    return 1 + sum(
        _cidr.keys(same_length) for _, _, blocks in groups for same_length in blocks.values()
    )


def check_expected(groups, checked, pillar):
    """
    Refuse a rule set that would not do to an address what is expected of it.

    groups
        Its blocks, as ``sites.groups`` returns them.

    checked
        Its settings, as ``sites.settings`` returns them.

    pillar
        The pillar path with which errors begin.

    Raises SaltInvocationError, naming the rule and the site that decide.
    """
    for verdict, addresses in checked["expect"].items():
        for address in addresses:
            action, rule, site = _decide(groups, checked["default"], address)
            if not action.startswith(verdict):
                raise SaltInvocationError(
                    f"{pillar}:expect:{verdict}: {address} would get {rule}:{action}"
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


def _blocks(settings, verdict, lists, pillar):
    files = {
        f"{pillar}:{verdict}_from: {file}": _addresslist.lines(lists[file])
        for file in settings[f"{verdict}_from"]
    }
    entries = chain(settings[verdict], *files.values())
    try:
        return _addresses(filter(None, entries), f"{pillar}:{verdict}_from")
    except SaltInvocationError:
        # Only now is it worth knowing where every line came from.
        for file, lines in files.items():
            for number, line in enumerate(lines, 1):
                _addresses([line] if line else [], f"{file} line {number}")
        raise


def _addresses(entries, where):
    found = _placed(where, lambda: _cidr.blocks(map(_tcpserver.known, entries)))
    if 0 in found:
        raise SaltInvocationError(
            f"{where}: {found[0][0]} is everyone (everyone else is what 'default' is for)"
        )
    return found


def _placed(where, function, *args):
    """Call a function, and say where the wrong setting stands if there is one."""
    try:
        return function(*args)
    except SaltInvocationError as error:
        raise SaltInvocationError(f"{where}: {error}")


def _check_claims(groups, pillar):
    """Refuse a block that two groups claim: the longest prefix would not decide between them."""
    claimed = {}
    for site, action, blocks in groups if len(groups) > 1 else ():
        for block in sorted(claimed.keys() & blocks):
            other, other_action = claimed[block]
            raise SaltInvocationError(
                f"{pillar}:sites: {block} stands in {other} ({other_action}) and in {site}"
                f" ({action}) (keep it in one of them; a range counts as its blocks)"
            )
        claimed.update(dict.fromkeys(blocks, (site, action)))


def _check_admits(checked, any_allow, pillar):
    listed = "listed" if any_allow else "nobody"
    admits = "everyone" if checked["default"] == "allow" else listed
    if checked["admits"] != admits:
        raise SaltInvocationError(
            f"{pillar}:admits: these rules admit {_ADMITS[admits]}"
            f" (if that is meant, set 'admits: {admits}')"
        )


def _may_allow(sites):
    return any(site["allow"] or site["allow_from"] for site in sites.values())


def _sites(sites, pillar):
    for name in _mapping(sites, pillar):
        # The name becomes a comment in the .rules file, where "default" is ours.
        if not _is_word(name) or name == "default":
            raise SaltInvocationError(f"{pillar}: {name!r} is no name for a site (a word, quoted)")
    return {name: _site(value, f"{pillar}:{name}") for name, value in sites.items()}


def _is_word(name):
    return isinstance(name, str) and re.fullmatch(r"\w[\w .@+-]*", name)


def _site(value, pillar):
    given = _mapping(value, pillar, _SITE)
    if not given:
        raise SaltInvocationError(
            f"{pillar}: is empty (give it allow, deny, allow_from or deny_from)"
        )
    site = {**_SITE, **given}
    for verdict in ("allow", "deny"):
        site[verdict] = _texts(site[verdict], f"{pillar}:{verdict}")
        site[f"{verdict}_from"] = _files(site[f"{verdict}_from"], f"{pillar}:{verdict}_from")
        _addresses(site[verdict], f"{pillar}:{verdict}")
    site["env"] = _environment(site["env"], f"{pillar}:env")
    return site


def _environment(env, pillar):
    for name, value in _mapping(env, pillar).items():
        if not isinstance(name, str) or not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
            raise SaltInvocationError(f"{pillar}: {str(name)!r} is no name for a variable")
        if not isinstance(value, str) or not value.isprintable():
            raise SaltInvocationError(f"{pillar}:{name}: expected text, not {short(value)}")
        _placed(f"{pillar}:{name}", _rules.action, "allow", {name: value})
    return env


def _expect(value, pillar):
    expect = {"allow": [], "deny": [], **_mapping(value, pillar, ["allow", "deny"])}
    for verdict, entries in expect.items():
        for entry in _texts(entries, f"{pillar}:{verdict}"):
            _placed(f"{pillar}:{verdict}", _tcpserver.known, entry)
            _placed(f"{pillar}:{verdict}", _cidr.address, entry)
    return expect


def _files(value, pillar):
    files = _texts([value] if isinstance(value, str) else value, pillar)
    for file in files:
        if not file.startswith(("salt://", "/")):
            raise SaltInvocationError(f"{pillar}: {file!r} is neither salt://... nor /...")
    return files


def _texts(value, pillar):
    if not isinstance(value, list):
        raise SaltInvocationError(f"{pillar}: expected a list, not {short(value)}")
    for entry in value:
        if not isinstance(entry, str):
            raise SaltInvocationError(f"{pillar}: expected text, not {short(entry)} (quote it)")
    return value


def _choice(value, pillar, choices):
    if value not in choices:
        raise SaltInvocationError(f"{pillar}: expected {' or '.join(choices)}, not {short(value)}")


def _mapping(value, pillar, known=None):
    if not isinstance(value, dict):
        raise SaltInvocationError(f"{pillar}: expected a mapping, not {short(value)}")
    for key in value:
        if known is not None and key not in known:
            close = difflib.get_close_matches(str(key), known, 1)
            hint = f" (did you mean '{close[0]}'?)" if close else ""
            raise SaltInvocationError(f"{pillar}: unknown setting {str(key)!r}{hint}")
    return value

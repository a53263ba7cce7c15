"""Who is touched, where it stops, and what is told, with minions that are made up."""

import _rollout
import pytest
from _minions import Answer

WELL = Answer("good", {"problems": [], "version": "1.0.0"})


class World:
    """
    Minions that answer what a test says; `touched` are those whose states were applied.

    Those `remembered` are held against an old pillar, until they are asked for that of now.
    """

    def __init__(self, **answers):
        self.answers, self.touched, self.asked, self.said = answers, [], [], []
        self.remembered, self.remembers = set(), True

    def ask(self, ids, function, *arguments, **settings):
        what = "test" if settings.get("test") else function
        self.asked += [(what, one) for one in ids]
        for one in ids:
            if what == "state.apply":
                self.touched.append(one)
            if what == "saltutil.refresh_pillar" and f"{one} {what}" not in self.answers:
                self.remembered.discard(one)
            if what == "ftpgw.health" and one in self.remembered:
                yield one, Answer("bad", {"problems": ["of an old pillar"]})
            else:
                yield one, self.answers.get(f"{one} {what}", self.usual(what))

    def usual(self, what):
        states = {
            "tcprules_|-r_|-ftp_|-managed": {"__id__": "r", "result": None, "changes": {"x": "y"}}
        }
        if what in ("test", "state.apply"):
            return Answer("good", states)
        if what == "tcprules.history":
            return Answer("good", [{"number": 0, "since": len(self.touched) * self.remembers}])
        return WELL if what == "ftpgw.health" else Answer("good", True)

    def rollout(self, test=False, revert=None, wave=2, cached=False):
        ids = [f"gw{n}" for n in range(1, 7)]
        change = _rollout.Rollout(
            ids, ["gw5", "gw2"], wave, "x", revert, cached, self.ask, self.said.append
        )
        change.run(test)
        return change


def failing(text, **more):
    states = {
        "test_|-s_|-s_|-nop": {"__id__": "rules", "result": False, "comment": text, "changes": {}}
    }
    return Answer("bad", states | more)


def test_all_of_them_in_order():
    world = World()
    change = world.rollout()
    assert change.stopped is None
    assert world.touched == ["gw5", "gw2", "gw1", "gw3", "gw4", "gw6"]
    assert change.table() == ["new  gw1 to gw6  changed"]
    assert world.said[-1] == "wave 4 of 4: gw4, gw6"
    # Each wave is probed before the next one begins.
    asked = [one for one in world.asked if one[0] in ("state.apply", "ftpgw.health")]
    assert asked[:4] == [
        ("state.apply", "gw5"),
        ("ftpgw.health", "gw5"),
        ("state.apply", "gw2"),
        ("ftpgw.health", "gw2"),
    ]


@pytest.mark.parametrize(
    ("one", "touched"),
    [
        ("gw5", ["gw5"]),
        ("gw2", ["gw5", "gw2"]),
        ("gw1", ["gw5", "gw2", "gw1", "gw3"]),
        ("gw6", ["gw5", "gw2", "gw1", "gw3", "gw4", "gw6"]),
    ],
)
@pytest.mark.parametrize(
    ("what", "answer", "row"),
    [
        ("state.apply", failing("poison"), "between  {}  failed: rules: poison"),
        ("state.apply", Answer("silent"), "between  {}  no answer (it may still be at work)"),
        (
            "ftpgw.health",
            Answer("bad", {"problems": ["a: b", "c"]}),
            "new  {}  changed, then not well: a: b (and 1 more)",
        ),
        ("ftpgw.health", Answer("silent"), "new  {}  changed, then not well: no answer"),
    ],
)
def test_the_first_failure_stops_it(one, touched, what, answer, row):
    world = World(**{f"{one} {what}": answer})
    change = world.rollout()
    assert change.stopped.startswith("in wave ")
    assert world.touched == touched
    assert " ".join(change.table()[0].split()) == " ".join(row.format(one).split())
    assert {one for one, (has, _) in change.stands.items() if has == "old"} == set(
        change.ids
    ) - set(touched)


@pytest.mark.parametrize(
    ("what", "answer", "told"),
    [
        ("test", Answer("silent"), "no answer"),
        ("test", failing("ftpgw:rules: no"), "rules: ftpgw:rules: no"),
    ],
)
def test_nothing_begins_unless_all_would_go_well(what, answer, told):
    world = World(**{f"gw4 {what}": answer})
    change = world.rollout()
    assert change.stopped == "before anything was touched"
    assert world.touched == []
    assert change.stands["gw4"] == ("old", told)


def test_a_master_that_keeps_pillar_is_asked_for_that_of_now_first():
    world = World()
    assert world.rollout(cached=True).stopped is None
    assert world.asked[:7] == [
        *(("saltutil.refresh_pillar", f"gw{number}") for number in range(1, 7)),
        ("test", "gw1"),
    ]
    world = World(**{"gw4 saltutil.refresh_pillar": Answer("silent")})
    change = world.rollout(cached=True)
    assert (change.stopped, world.touched) == ("before anything was touched", [])
    assert change.stands["gw4"] == ("old", "no answer")
    assert ("test", "gw1") not in world.asked


def test_who_only_remembers_an_old_pillar_is_well():
    """It is asked again with that of now, and nobody else is asked for it."""
    world = World(**{"gw1 test": Answer("good", {})})
    world.remembered = {"gw1", "gw5"}
    change = world.rollout()
    assert change.stopped is None
    refreshed = [one for what, one in world.asked if what == "saltutil.refresh_pillar"]
    assert refreshed == ["gw5", "gw1"]
    world = World(**{"gw1 saltutil.refresh_pillar": Answer("bad", "ERROR: no master")})
    world.remembered = {"gw1"}
    assert world.rollout().stands["gw1"] == ("new", "changed, then not well: no master")


def test_only_who_would_change_is_touched_and_all_are_probed():
    world = World(**{"gw5 test": Answer("good", {}), "gw1 test": Answer("good", {})})
    change = world.rollout()
    assert world.touched == ["gw2", "gw3", "gw4", "gw6"]
    assert change.table() == [
        "new  gw2 to gw4, gw6  changed",
        "new  gw1, gw5         nothing to change",
    ]
    assert {one for what, one in world.asked if what == "ftpgw.health"} == set(change.ids)


def test_one_that_had_nothing_to_change_and_is_not_well_fails_it():
    world = World(**{"gw1 test": Answer("good", {}), "gw1 ftpgw.health": Answer("bad", "ERROR: x")})
    change = world.rollout()
    assert change.stopped == "by those that had nothing to change"
    assert change.table()[0] == "new  gw1         nothing to change, then not well: x"


def test_a_rehearsal_shows_equal_changes_once_and_touches_nobody():
    world = World(**{"gw1 test": Answer("good", {})})
    change = world.rollout(test=True)
    assert (change.stopped, world.touched) == (None, [])
    assert change.rehearsal() == [
        "gw2 to gw6: would change",
        "  r",
        "    x: y",
        "gw1: nothing to change",
    ]


def test_who_fails_gets_the_rules_back_that_it_had_changed():
    changed = {"tcprules_|-r_|-ftp_|-managed": {"result": True, "changes": {"x": "y"}}}
    world = World(**{"gw3 state.apply": failing("no", **changed)})
    change = world.rollout(revert="2h")
    assert [one for what, one in world.asked if what == "tcprules.revert"] == ["gw3"]
    assert change.stands["gw3"][1] == "failed: rules: no; its rules ftp of before are back for 2h"
    world = World(**{"gw3 state.apply": failing("no")})
    assert world.rollout(revert="2h").stands["gw3"][1] == "failed: rules: no"


def test_who_had_these_settings_before_gets_no_older_ones():
    """A file that was edited, or a day that has passed: number 1 is of weeks ago, say."""
    changed = {"tcprules_|-r_|-ftp_|-managed": {"result": True, "changes": {"x": "y"}}}
    world = World(**{"gw3 state.apply": failing("no", **changed)})
    world.remembers = False
    change = world.rollout(revert="2h")
    assert not [one for what, one in world.asked if what == "tcprules.revert"]
    told = "failed: rules: no; its rules ftp are of the settings of before"
    assert change.stands["gw3"] == ("between", told)


def test_old_modules_are_asked_for_what_they_know():
    unknowing = Answer("unknowing", "'x' is not available.")
    world = World(
        **{
            "gw1 ftpgw.health": unknowing,
            "gw1 daemontools.problems": Answer("bad", ["a: b"]),
            "gw2 ftpgw.health": unknowing,
            "gw2 daemontools.problems": unknowing,
        }
    )
    found = _rollout.healths(world.ask, ["gw1", "gw2", "gw3"])
    assert {one: about for one, *about in found} == {
        "gw1": [["a: b"], None],
        "gw2": [["does not know daemontools.problems (apply the formula there first)"], None],
        "gw3": [[], "1.0.0"],
    }

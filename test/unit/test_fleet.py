"""What all gateways answered, as tables."""

import _fleet
from _minions import Answer


def test_those_in_trouble_come_first():
    problems = {"gw1": [], "gw2": ["a", "b"], "gw10": ["no answer"], "gw3": ["c"]}
    versions = {"gw1": "1.1.0", "gw2": "1.0.0", "gw10": None, "gw3": "1.1.0"}
    assert _fleet.status(problems, versions) == [
        "4 gateways: 1 without an answer, 2 in trouble, 1 well",
        "  gw10  no answer",
        "  gw2   a (and 1 more)",
        "  gw3   c",
        "  gw1   well",
        "version 1.1.0: gw1, gw3",
        "version 1.0.0: gw2",
    ]
    assert _fleet.status({"gw1": []}, {"gw1": None})[-1] == "version not told: gw1"
    assert "no accepted minion" in _fleet.status({}, {})[0]


def test_who_admits_an_address():
    allow = {"ftp": {"verdict": "allow", "site": "acme", "rule": "9.9.9.:allow"}}
    nobody = {"ftp": {"verdict": "deny", "site": None, "rule": None}}
    answers = {"gw1": Answer("good", allow), "gw2": Answer("good", allow)}
    answers |= {"gw3": Answer("good", nobody), "gw4": Answer("silent"), "gw5": Answer("good", {})}
    assert _fleet.admits(answers) == (
        [
            "verdict   rule set  site  rule          gateways",
            "allow     ftp       acme  9.9.9.:allow  gw1, gw2",
            "deny      ftp                           gw3",
            "no rules                                gw5",
            "gw4: no answer",
        ],
        True,
    )


def test_equal_differences_stand_once_the_rarest_first():
    states = {"x": {"__id__": "rules", "result": None, "changes": {"acme": "more"}}}
    answers = {one: Answer("good", states) for one in ("gw1", "gw2")}
    answers |= {"gw3": Answer("good", {}), "gw4": Answer("good", {}), "gw5": Answer("good", {})}
    answers["gw6"] = Answer("silent")
    lines, differs = _fleet.drift(answers)
    assert differs
    assert lines == [
        "gw6:",
        "  no answer",
        "gw1, gw2:",
        "  rules",
        "    acme: more",
        "gw3 to gw5: as declared",
    ]
    assert _fleet.drift({"gw3": Answer("good", {})}) == (["gw3: as declared"], False)


DIGESTS = {"gw1": {"ftp": "a"}, "gw2": {"ftp": "b"}, "gw3": {"ftp": "a"}, "gw4": {}}


class TestCompare:
    """By what rules mean, and for whom."""

    def compare(self, text, digests=DIGESTS):
        asked = []

        def ask(ids, function, *arguments, **settings):
            asked.append((ids, function))
            told = {
                "tcprules.dump": text,
                "tcprules.diff": {"acme": {"deny -> allow": ["9.9.9.9"]}},
            }
            yield ids[0], Answer("good", told[function])

        answers = {one: Answer("good", told) for one, told in digests.items()}
        return *_fleet.compare(answers, ask), asked

    def test_one_of_each_other_group_is_asked_for_whom(self):
        lines, differs, asked = self.compare(["9.9.9.9:allow", ":deny"])
        assert differs
        assert lines == [
            "ftp: gw1, gw3: the most",
            "ftp: gw2: differ from gw1",
            "  acme: deny -> allow: 9.9.9.9",
            "ftp: gw4: no such rules",
        ]
        assert asked == [(["gw1"], "tcprules.dump"), (["gw2"], "tcprules.diff")]

    def test_where_all_mean_the_same_nobody_is_asked(self):
        digests = {one: {"ftp": "a"} for one in ("gw1", "gw2")}
        assert self.compare([], digests) == (["ftp: gw1, gw2: the same"], False, [])

    def test_long_rules_are_not_sent_around(self):
        lines, _, asked = self.compare(["9.9.9.9:allow"] * 50_000)
        assert "too long to be sent around" in lines[2]
        assert len(asked) == 1

    def test_who_does_not_answer_is_told_of(self):
        answers = {"gw1": Answer("good", {"ftp": "a"}), "gw2": Answer("silent")}
        assert _fleet.compare(answers, None) == (["gw2: no answer", "ftp: gw1: the same"], True)

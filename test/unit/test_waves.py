"""In which order gateways are changed."""

import _waves
import pytest

GATEWAYS = [f"gw{n}" for n in range(1, 11)]


def test_canaries_come_one_by_one_in_their_order_then_waves():
    assert _waves.order(GATEWAYS, ["gw7", "gw1"], 3) == [
        ["gw7"],
        ["gw1"],
        ["gw2", "gw3", "gw4"],
        ["gw5", "gw6", "gw8"],
        ["gw9", "gw10"],
    ]


@pytest.mark.parametrize(
    ("wave", "sizes"),
    [("10%", [1] * 10), ("25%", [3, 3, 3, 1]), ("100%", [10]), ("1%", [1] * 10), ("40", [10])],
)
def test_a_part_is_one_of_all_and_at_least_one(wave, sizes):
    assert list(map(len, _waves.order(GATEWAYS, [], wave))) == sizes


def test_a_canary_that_has_nothing_to_change_is_none():
    assert _waves.order(["gw1", "gw2"], ["gw9", "gw2"], 5) == [["gw2"], ["gw1"]]


@pytest.mark.parametrize(
    ("ids", "canaries", "wave", "said"),
    [
        ([], [], "10%", "no accepted minion"),
        (GATEWAYS, ["gw1", "gwl"], "10%", "canaries: gwl: not among"),
        (GATEWAYS, ["gw1", "gw1"], "10%", "only once"),
        (GATEWAYS, "gw1", "10%", "must be a list"),
        (GATEWAYS, [["gw1"], 7, None], "10%", "not among"),
        *(
            (GATEWAYS, [], wave, "wave: must be")
            for wave in ("0", "0%", "101%", "x", -1, True, 1.5)
        ),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(ids, canaries, wave, said):
    assert said in _waves.problem(ids, canaries, wave)


def test_any_other_is_not():
    for wave in (1, "5", "10%", "100%"):
        assert _waves.problem(GATEWAYS, ["gw3", "gw1"], wave) is None
    assert _waves.problem(["7", "8"], [7], 1) is None

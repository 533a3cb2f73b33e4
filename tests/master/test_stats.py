"""Statistics of a job: what adds up over its rounds."""

from yarnml.events.console import summary
from yarnml.events.events import Outcome
from yarnml.master.stats import phases


def test_the_wait_for_others_is_told_apart_from_the_exchange() -> None:
    """A worker that waits for a slower one has the longer all-reduce by just that; nothing is lost or added."""
    slow = {"read": 1.0, "compute": 6.0, "exchange": 1.0, "update": 2.0}
    quick = {"read": 1.0, "compute": 2.0, "exchange": 5.0, "update": 2.0}
    average = phases([slow, quick])
    assert average == {"read": 1.0, "compute": 4.0, "exchange": 1.0, "update": 2.0, "wait": 2.0}
    assert sum(average.values()) == sum(slow.values()) == sum(quick.values())


def test_the_summary_says_where_a_step_s_time_went() -> None:
    """The phases of the steps are shares of one another; what came before the steps is none of them."""
    seconds = {"until_updated": 50.0, "total": 90.0, "read": 1.0, "compute": 6.0, "exchange": 3.0}
    outcome = Outcome("job", 3, 1, {}, seconds, "there")
    lines = summary(outcome).splitlines()
    assert "time        90.0 s, first update after 50.0 s" in lines
    assert "a step      read 10 %, compute 60 %, exchange 30 %" in lines
    assert "a step" not in summary(Outcome("job", 0, 0, {}, {"total": 1.0}, "there"))

"""A worker's part in a look at data."""

from yarnml.control.commands import DescribeColumns, from_ipc
from yarnml.control.reports import ColumnsDescribed
from yarnml.data.look.survey import count_columns
from yarnml.data.shards import groups_of_shard
from yarnml.worker.progress import ProgressTracker
from yarnml.worker.tasks import Tasks


def describe_columns(command: DescribeColumns, tasks: Tasks, tracker: ProgressTracker) -> ColumnsDescribed:
    """Count the columns of this worker's groups, whichever these are: counts add up to the same."""
    shards = [groups_of_shard(command.dataset, command.shards, shard) for shard in tasks.shards]
    places = [place for groups in shards for place in groups]
    last = {groups[-1] for groups in shards if groups}

    def count(place: tuple[int, int]) -> None:
        tracker.finish_batch()
        if place in last:
            tracker.finish_task()

    return ColumnsDescribed(count_columns(command.dataset, places, from_ipc(command.stored), command.guessed, count))

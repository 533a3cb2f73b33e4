"""Submit a job: check it, bring it to the cluster, and show it until it ends."""

import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import yaml

from yarnml.clusters.yarn.application import JOB_FILE, Login, check_paths, specification, tag_of
from yarnml.clusters.yarn.capacity.queues import UnknownToYarn
from yarnml.clusters.yarn.edge.admission import check_admission, describe_time_limit
from yarnml.clusters.yarn.edge.client import Yarn, connected, home
from yarnml.clusters.yarn.edge.encryption import advice_on_cipher
from yarnml.clusters.yarn.edge.follow import follow
from yarnml.clusters.yarn.edge.keep_alive import Turn, kept_alive
from yarnml.clusters.yarn.edge.register import register
from yarnml.clusters.yarn.observe.status import Application
from yarnml.clusters.yarn.packaging.provision import VARIABLES, Provision, plan
from yarnml.errors import Interrupted
from yarnml.events.events import Event, Listener, Submitted
from yarnml.job.base import BaseJob
from yarnml.job.load import AnyJob
from yarnml.job.spec import Job
from yarnml.storage import hadoop_config
from yarnml.storage.security import identity, keytab

Note = Callable[[str], None]
"""A function that hears a remark for the user."""


class SubmitOptions(NamedTuple):
    """The ways to submit a job.

    ``restart``: forget its checkpoints.
    ``detach``: don't wait for its end.
    ``unless_running``: follow the application that leads it already, where there is one.
    ``keep_alive``: how often it is submitted again when its delegation tokens end.
    ``login``: by which the command and the job's master log in; None for the user's ticket.
    """

    restart: bool = False
    detach: bool = False
    unless_running: bool = False
    keep_alive: int = 0
    login: Login | None = None


def submit_job(job: AnyJob, say: Listener, note: Note, options: SubmitOptions) -> None:
    """Send a job to YARN and, unless detached, show it until it ends."""
    login = options.login
    with keytab.used(Path(login.keytab), login.principal) if login else nullcontext():
        again = options._replace(restart=False, unless_running=True)
        applications: list[str] = []

        def tell(event: Event) -> None:
            if isinstance(event, Submitted):
                applications.append(event.application)
            say(event)

        def follow(turn: Turn) -> None:
            if turn is Turn.SAME and applications:
                with connected() as yarn:
                    follow_to_end(yarn, applications[-1], say)
            else:
                _submit_once(job, tell, note, options if turn is Turn.FIRST else again)

        if options.keep_alive:
            kept_alive(follow, options.keep_alive, note)
        else:
            follow(Turn.FIRST)


def _submit_once(job: AnyJob, say: Listener, note: Note, options: SubmitOptions) -> None:
    """Send a job to YARN, or find the application that leads it, and follow it to its end unless detached."""
    check_paths(job)
    with connected() as yarn:
        memory_limits = check_admission(job)
        running = yarn.applications(tag_of(job)) if options.unless_running else []
        sent = running[0] if running else _send(yarn, job, memory_limits, say, note, options)
        if sent is None:
            return
        say(Submitted(sent.id, sent.url))
        if not options.detach:
            follow_to_end(yarn, sent.id, say)
        elif isinstance(job, Job):
            note(f"`yarnml top {sent.id}` and `yarnml attach {sent.id}` show it; its history is in {job.folder}.")


def _send(
    yarn: Yarn,
    job: AnyJob,
    memory_limits: Mapping[str, int],
    say: Listener,
    note: Note,
    options: SubmitOptions,
) -> Application | None:
    """Check a job once more and send it; None where it has nothing left to do."""
    submission = yarn.prepare(job, note, restart=options.restart)
    if submission.outcome:
        say(submission.outcome)
    if not submission.provision:
        return None
    if advice := advice_on_cipher(hadoop_config.configuration()):
        note(advice)
    with suppress(UnknownToYarn):
        if not options.login and (text := describe_time_limit(job)):
            note(text)
    yarn.refuse_second(job)  # again: to pack may take minutes
    with tempfile.TemporaryDirectory(prefix="yarnml-") as folder:  # has secrets, so it goes at once
        sent = yarn.send(
            job,
            build_application(job, folder, submission.home, submission.provision, memory_limits, options.login),
        )
    if isinstance(job, Job):
        register(sent.id, job.folder)
    return sent


def print_application(job: BaseJob) -> str:
    """The Skein application that would be sent, as YAML; nothing is packed, stored or sent."""
    check_paths(job)
    provision, _ = plan(job, home())
    # The cluster is not asked for the largest container that it has, so the application has every larger size.
    memory_limits = dict.fromkeys(("worker", "reducer"), sys.maxsize)
    kerberos = hadoop_config.configuration().wants_kerberos
    application = specification(job, JOB_FILE, home(), provision, memory_limits, kerberos=kerberos)
    return yaml.dump(application, Dumper=_ReadableDumper, sort_keys=False, width=120)


def build_application(
    job: BaseJob,
    folder: str,
    home: str,
    provision: Provision,
    memory_limits: Mapping[str, int] = {},
    login: Login | None = None,
) -> dict[str, Any]:
    """The Skein application of a job, with the job and its variables written into ``folder`` for Skein to upload.

    The folder, as Skein's own on HDFS, is the user's alone.

    ``memory_limits``: by role, the MiB of the largest container that can be had.
    """
    job_file = Path(folder) / JOB_FILE
    job_file.write_bytes(msgspec.json.encode(job))
    if provision.secret:
        job_file.with_name(VARIABLES).write_text(provision.secret, encoding="utf-8")
    kerberos = hadoop_config.configuration().wants_kerberos
    service = identity.login_user() if identity.proxied() else ""
    return specification(job, str(job_file), home, provision, memory_limits, login, kerberos=kerberos, service=service)


def follow_to_end(yarn: Yarn, application: str, say: Listener, *, foreign: bool = False) -> None:
    """Follow a job; Ctrl-C leaves it running."""
    try:
        outcome = follow(yarn, application, say, foreign=foreign)
    except KeyboardInterrupt:
        raise Interrupted(
            f"only watching; {application} goes on. `yarnml attach {application}` shows it again, "
            f"`yarnml kill {application}` ends it."
        ) from None
    if outcome:
        say(outcome)


class _ReadableDumper(yaml.SafeDumper):
    """YAML for people: scripts as they are, nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_ReadableDumper.add_representer(str, _represent_text)

"""Every Redis key, spelled here and nowhere else, with the rule that ends its life.

A key either has a time to live or an owner that outlives nothing: the indexes are owned by the
records they name (``trim`` drops what an expired record leaves behind), the event stream by its own
length. One server, not a cluster: scripts build the keys of one host or session themselves, from
the stems given here.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Put before every key, so that one server can serve several installations.
DEFAULT_PREFIX = "cq:"


@dataclass(frozen=True)
class Keys:
    """The keys of one installation."""

    prefix: str = DEFAULT_PREFIX

    # -- sessions ------------------------------------------------------------------------------

    def session(self, session_id: str) -> str:
        """Hash, a field per part of the record. No TTL until settled, then the retention time."""
        return f"{self.prefix}session:{session_id}"

    @property
    def ids(self) -> str:
        """Sorted set of all ids at score 0, for prefixes. Owned by the records."""
        return f"{self.prefix}ids"

    @property
    def live(self) -> str:
        """Sorted set: id by time of creation, of sessions not ended. Owned by the records."""
        return f"{self.prefix}live"

    @property
    def ended(self) -> str:
        """Sorted set: id by time of creation, of ended sessions. Owned by the records."""
        return f"{self.prefix}ended"

    @property
    def unsettled(self) -> str:
        """Sorted set: id by time of end, results Celery has not delivered. Owned by the records."""
        return f"{self.prefix}unsettled"

    @property
    def queued(self) -> str:
        """Sorted set: id by time of creation, of sessions no host has. Owned by the records."""
        return f"{self.prefix}queued"

    @property
    def names(self) -> str:
        """Hash: name to id, of live sessions. A field goes with the end of its session."""
        return f"{self.prefix}names"

    @property
    def ended_names(self) -> str:
        """Sorted set at score 0 of ``<name> <time of end> <id>``. Owned by the records."""
        return f"{self.prefix}ended-names"

    def host_sessions(self, host: str) -> str:
        """Set of a host's ids that have not ended; gone with the last. Owned by the records."""
        return f"{self.prefix}host-sessions:{host}"

    # -- whose turn it is ----------------------------------------------------------------------

    @property
    def parked(self) -> str:
        """Sorted set: id by time, of queued sessions that wait for it. Owned by the records."""
        return f"{self.prefix}parked"

    def line(self, line: str) -> str:
        """Sorted set: id by time of creation, of those that wait and are alike to limits and
        hosts; gone with the last. Owned by the records."""
        return f"{self.prefix}line:{line}"

    def lines(self, turn: str) -> str:
        """Sorted set: an owner's lines at a priority by their first's time of creation; gone with
        the last. Owned by the records."""
        return f"{self.prefix}lines:{turn}"

    def turns(self, priority: str) -> str:
        """Sorted set: owner by the virtual time of the next turn; gone when nobody waits."""
        return f"{self.prefix}turns:{priority}"

    def turns_over(self, priority: str) -> str:
        """Sorted set: the same of owners of whom nobody waits; gone when nobody waits at all."""
        return f"{self.prefix}turns-over:{priority}"

    @property
    def clocks(self) -> str:
        """Hash: priority to its virtual time, while somebody waits there."""
        return f"{self.prefix}turn-clocks"

    @property
    def freed(self) -> str:
        """List: when places became free, the last 50. TTL: an hour after the last."""
        return f"{self.prefix}freed"

    # -- limits --------------------------------------------------------------------------------

    @property
    def limits(self) -> str:
        """Hash: the fleet's limits by name. No TTL: a field goes when somebody removes it."""
        return f"{self.prefix}limits"

    def limit_sessions(self, name: str) -> str:
        """Set of ids that have a place and are counted by the limit. Owned by the records."""
        return f"{self.prefix}limit-sessions:{name}"

    def limit_rate(self, name: str) -> str:
        """The time up to which its rate is used up. TTL: until then."""
        return f"{self.prefix}limit-rate:{name}"

    @property
    def shares(self) -> str:
        """Hash: owner to weight. No TTL: a field goes when somebody removes it."""
        return f"{self.prefix}shares"

    @property
    def configured(self) -> str:
        """Hash: host to what its configuration last said of limits and shares. No TTL: one for
        each host that ever said something."""
        return f"{self.prefix}configured"

    @property
    def exhausted(self) -> str:
        """Sorted set: account by the time its quota is renewed. ``trim`` drops those renewed."""
        return f"{self.prefix}exhausted"

    # -- quorums -------------------------------------------------------------------------------

    def quorum(self, group: str) -> str:
        """Hash: how many of a group succeeded, and since when that is enough. TTL: a week after
        none of the group lives any more."""
        return f"{self.prefix}quorum:{group}"

    def quorum_live(self, group: str) -> str:
        """Set of ids of a group that have not ended; gone with the last. Owned by the records."""
        return f"{self.prefix}quorum-live:{group}"

    @property
    def quorums(self) -> str:
        """Sorted set: group by when it had enough, while some of it live. Owned by the records."""
        return f"{self.prefix}quorums"

    # -- flows ---------------------------------------------------------------------------------

    def flow(self, flow_id: str) -> str:
        """Hash: a flow's record. No TTL until it is over, then the retention time."""
        return f"{self.prefix}flow:{flow_id}"

    def flow_log(self, flow_id: str) -> str:
        """List: what became known of a flow. TTL: as :meth:`flow`."""
        return f"{self.prefix}flow-log:{flow_id}"

    def flow_outcomes(self, flow_id: str) -> str:
        """Hash: run to its outcome. TTL: as :meth:`flow`."""
        return f"{self.prefix}flow-outcomes:{flow_id}"

    @property
    def flows(self) -> str:
        """Sorted set: id by time of creation, of all flows. Owned by the records."""
        return f"{self.prefix}flows"

    @property
    def live_flows(self) -> str:
        """Set of ids of flows that are not over. Owned by the records."""
        return f"{self.prefix}live-flows"

    # -- rules ---------------------------------------------------------------------------------

    def rule(self, name: str) -> str:
        """Hash: how far a rule has read, what it remembers, what became of it. TTL: a month after
        it last moved on, as the next three."""
        return f"{self.prefix}rule:{name}"

    def rule_jobs(self, name: str) -> str:
        """Hash: what a rule still has to do, by id; gone with the last. TTL: the rule's."""
        return f"{self.prefix}rule-jobs:{name}"

    def rule_due(self, name: str) -> str:
        """Sorted set: id of what is to be done here by when. TTL: the rule's."""
        return f"{self.prefix}rule-due:{name}"

    def rule_due_outward(self, name: str) -> str:
        """Sorted set: the same of what others do. TTL: the rule's."""
        return f"{self.prefix}rule-due-outward:{name}"

    # -- shared context ------------------------------------------------------------------------

    def context(self, space: str) -> str:
        """Hash: key to entry. TTL: the space's, renewed by every write, as the next three."""
        return f"{self.prefix}context:{space}"

    def context_meta(self, space: str) -> str:
        """Hash: the number of its last write, its sizes, how long it lasts. TTL: the space's."""
        return f"{self.prefix}context-meta:{space}"

    def context_log(self, space: str) -> str:
        """List: its last writes, the oldest first. TTL: the space's."""
        return f"{self.prefix}context-log:{space}"

    def context_expiring(self, space: str) -> str:
        """Sorted set: key by when it expires. TTL: the space's."""
        return f"{self.prefix}context-expiring:{space}"

    @property
    def contexts(self) -> str:
        """Sorted set: space by when it expires. TTL: the longest of theirs."""
        return f"{self.prefix}contexts"

    # -- mailboxes -----------------------------------------------------------------------------

    def mail(self, address: str) -> str:
        """Stream: the messages in a mailbox. TTL: twice their expiry after the last was sent."""
        return f"{self.prefix}mail:{address}"

    def mail_hands(self, address: str) -> str:
        """Hash: id to who has it in hand; the bytes of all. TTL: as :meth:`mail`."""
        return f"{self.prefix}mail-hands:{address}"

    def mail_dead(self, address: str) -> str:
        """Stream: its last dead letters. TTL: as long, after the last."""
        return f"{self.prefix}mail-dead:{address}"

    def mail_sent(self, address: str, sender: str, key: str) -> str:
        """What a sender's own id was given. TTL: an hour."""
        return f"{self.prefix}mail-sent:{address}:{sender}:{key}"

    def mail_read(self, address: str) -> str:
        """Stem: who acknowledged the message whose id follows. TTL: ten minutes."""
        return f"{self.prefix}mail-read:{address}:"

    def mail_weight(self, sender: str) -> str:
        """Bytes of a sender's messages that wait anywhere. TTL: as :meth:`mail`."""
        return f"{self.prefix}mail-weight:{sender}"

    @property
    def mailboxes(self) -> str:
        """Sorted set: address by time, of mailboxes in which there is something. TTL: as they."""
        return f"{self.prefix}mailboxes"

    # -- what waits for a person ---------------------------------------------------------------

    def approval(self, approval_id: str) -> str:
        """Hash: an approval and its version. TTL: the retention time after its last change, as the
        next three."""
        return f"{self.prefix}approval:{approval_id}"

    def approval_current(self, session_id: str) -> str:
        """The id of what a session's terminal asked last. TTL: as :meth:`approval`."""
        return f"{self.prefix}approval-current:{session_id}"

    @property
    def approvals(self) -> str:
        """Sorted set: approval by since when it waits. TTL: as :meth:`approval`."""
        return f"{self.prefix}approvals"

    @property
    def approvals_waiting(self) -> str:
        """Sorted set: the same, of those that wait now. TTL: as :meth:`approval`."""
        return f"{self.prefix}approvals-waiting"

    # -- families ------------------------------------------------------------------------------

    def family(self, session_id: str) -> str:
        """Sorted set: the sessions that a session has begun, by time. TTL: a month after the
        last."""
        return f"{self.prefix}family:{session_id}"

    # -- events --------------------------------------------------------------------------------

    @property
    def events(self) -> str:
        """The one stream of events. No TTL: bounded by its length."""
        return f"{self.prefix}events"

    # -- hosts, leases, chords -----------------------------------------------------------------

    @property
    def hosts(self) -> str:
        """Set of names of announced hosts. TTL: the longest of its members' announcements."""
        return f"{self.prefix}hosts"

    def host(self, host: str) -> str:
        """A host's description, JSON. TTL: as announced."""
        return f"{self.prefix}host:{host}"

    def health(self, host: str) -> str:
        """Hash: a host's last heartbeat, and how punctual they are. TTL: a day after the last."""
        return f"{self.prefix}health:{host}"

    @property
    def heard(self) -> str:
        """Sorted set: host by time of its last heartbeat. TTL: a day after the last of all."""
        return f"{self.prefix}heard"

    def lease(self, name: str) -> str:
        """The holder of a lease. TTL: as taken or last renewed."""
        return f"{self.prefix}lease:{name}"

    @property
    def chords(self) -> str:
        """Sorted set: chord body id by time first watched. TTL: retention after the last watch."""
        return f"{self.prefix}chords"

    @property
    def chord_members(self) -> str:
        """Hash: chord body id to a member's id. TTL: with :attr:`chords`."""
        return f"{self.prefix}chord-members"

    # -- for the leak check --------------------------------------------------------------------

    def is_owned(self, key: str) -> bool:
        """Whether the key may be without a TTL by the rules above (settled sessions aside)."""
        fixed = {
            self.ids,
            self.live,
            self.ended,
            self.unsettled,
            self.queued,
            self.names,
            self.ended_names,
            self.events,
            self.parked,
            self.clocks,
            self.limits,
            self.shares,
            self.configured,
            self.exhausted,
            self.quorums,
            self.flows,
            self.live_flows,
        }
        stems = (
            *(self.session(""), self.host_sessions(""), self.line(""), self.lines("")),
            *(self.turns(""), self.turns_over(""), self.limit_sessions("")),
            *(self.quorum(""), self.quorum_live("")),
            *(self.flow(""), self.flow_log(""), self.flow_outcomes("")),
        )
        return key in fixed or key.startswith(stems)


#: Keys that Celery, kombu and redbeat keep below the same prefix without a TTL, by their stems, and
#: what bounds each. Their others (results, group counts, locks) have a TTL.
CELERYS = {
    "_kombu.binding": "which queues there are: one entry a queue, so one a host",
    "unacked": "messages that are being worked on; gone with their acknowledgement",
    "redbeat:": "the schedule: one entry for each of its lines",
    "coders": "the control queue's messages; gone when there are none, each expires",
    "host.": "a host's messages; gone when there are none, each expires",
    "celery@": "a worker's mailbox; gone when there is nothing in it",
}


def ended_name(name: str, ended_at: float, session_id: str) -> str:
    """A member of :attr:`Keys.ended_names`: sorts by name, then by time of end."""
    return f"{ended_name_stem(name, ended_at)}{session_id}"


def id_of_ended_name(member: str) -> str:
    """The id in a member of :attr:`Keys.ended_names`; names and times hold no spaces, ids may."""
    return member.split(" ", 2)[2]


def ended_name_stem(name: str, ended_at: float | None = None) -> str:
    """What all members of a name begin with, or those of a name and a time of end."""
    return f"{name} " if ended_at is None else f"{name} {ended_at:020.6f} "

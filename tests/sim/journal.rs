//! The journal: all events of a run, in order. The oracle uses nothing else.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::ahead::Ranges;

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Entry {
    /// Microseconds since the start, on the simulated clock.
    pub(crate) at: u64,
    /// The member of the group; a restarted service is another member.
    pub(crate) member: usize,
    pub(crate) what: What,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum What {
    /// The group gives a partition to the member, which reads it from `from`.
    Assigned {
        assignment: u64,
        partition: i32,
        from: i64,
        /// What was committed ahead of it.
        ahead: Ranges,
    },
    /// The member has been notified that the assignment ends.
    Told { assignment: u64, lost: bool },
    /// The group has removed the member.
    Taken { assignment: u64 },
    /// The member gave the assignment back.
    Released { assignment: u64 },
    /// The member got a record.
    Read {
        assignment: u64,
        offset: i64,
        size: usize,
    },
    /// The member learned that it has read the partition up to an offset.
    Passed { assignment: u64, offset: i64 },
    /// A handler began. `number` is from the event.
    Begun {
        assignment: u64,
        offset: i64,
        attempt: u32,
        token: u64,
        number: i64,
    },
    /// A handler ended.
    Ended { token: u64, how: How },
    /// A handler has published an event itself, and the publication succeeded.
    Published { token: u64 },
    /// A message was passed to the publisher.
    Sent { message: Sent },
    /// The broker has a message.
    Delivered { message: Sent },
    /// The broker refused a message.
    Refused { message: Sent },
    /// The member requested the commit of an offset.
    CommitAsked {
        assignment: u64,
        offset: i64,
        ahead: Ranges,
    },
    /// The group has it.
    Committed {
        assignment: u64,
        offset: i64,
        ahead: Ranges,
    },
    /// A retry topic, or at last the dead-letter topic, has the record of a partition and an offset, at this offset of its own.
    Waits {
        topic: usize,
        at: i64,
        place: (i32, i64),
    },
    /// Everything written so far is committed, and the members are told to stop. Later records are left to others: the
    /// dead letter of an assignment that has ended may come late.
    Done,
    /// Everything delivered and committed since the last of these was in one transaction.
    Together,
    /// The group begins or ends to refuse commits.
    CommitsFail(bool),
    /// The member is told to stop, or gets the reason why it must.
    Stopping,
    /// The publisher has ended: later messages are lost.
    Unpublished,
    /// The member left its group.
    Left,
    /// The member stopped, by itself or as requested; `None` if it failed.
    Stopped { drained: Option<bool> },
    /// The member was killed and lost all its memory.
    Crashed,
}

/// How a handler ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum How {
    /// It succeeded with this number of replies.
    Done(u64),
    Skipped,
    DeadLetter,
    /// It failed or panicked, and will be retried.
    Failed,
    /// It returned a fatal failure.
    Fatal,
    /// It was dropped.
    Dropped,
}

/// A message, by its origin.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Sent {
    /// The `number`-th reply of an attempt.
    Reply { token: u64, number: u64 },
    /// An event that a handler published itself.
    Aside { token: u64 },
    /// The dead letter of a record.
    Letter { assignment: u64, offset: i64 },
}

/// A number that two runs share only if all that happened is the same.
pub(crate) fn hash(journal: &[Entry]) -> u64 {
    // Its keys are constant.
    let mut hasher = DefaultHasher::new();
    journal.hash(&mut hasher);
    hasher.finish()
}

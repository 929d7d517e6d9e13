//! What happened in a run, in its order: all that the oracle looks at.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::ahead::Ranges;

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Entry {
    /// Microseconds since the start, on the simulated clock.
    pub(crate) at: u64,
    /// Which member of the group; a service that is started again is another member.
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
    /// The member has been told that the assignment ends.
    Told { assignment: u64, lost: bool },
    /// The group no longer counts on the member.
    Taken { assignment: u64 },
    /// The member gave the assignment back.
    Released { assignment: u64 },
    /// The member was given a record.
    Read {
        assignment: u64,
        offset: i64,
        size: usize,
    },
    /// The member was told that it has read the partition up to an offset.
    Passed { assignment: u64, offset: i64 },
    /// A handler began. `number` is what the event says of itself.
    Begun {
        assignment: u64,
        offset: i64,
        attempt: u32,
        token: u64,
        number: i64,
    },
    /// A handler ended.
    Ended { token: u64, how: How },
    /// A handler has published an event besides, and was told that it is well.
    Published { token: u64 },
    /// A message was given to the publisher.
    Sent { message: Sent },
    /// The broker has a message.
    Delivered { message: Sent },
    /// The broker refused a message.
    Refused { message: Sent },
    /// The member asked for an offset to be committed.
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
    /// All that was written so far is committed, and the members are told to stop. What is written from now on is left to others: the
    /// letter of an assignment that has ended may come late.
    Done,
    /// All that was delivered and committed since the last of these came together, in a transaction.
    Together,
    /// The group refuses commits, or does so no longer.
    CommitsFail(bool),
    /// The member is told to stop, or learns why it must.
    Stopping,
    /// The publisher has ended: whatever it is given from now on arrives nowhere.
    Unpublished,
    /// The member left its group.
    Left,
    /// The member stopped by itself or as it was told; `None` if it failed.
    Stopped { drained: Option<bool> },
    /// The member is gone with all that it had in memory.
    Crashed,
}

/// How a handler ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum How {
    /// It succeeded with so many replies.
    Done(u64),
    Skipped,
    DeadLetter,
    /// It failed or panicked, and will be tried again.
    Failed,
    /// It asked the service to stop.
    Fatal,
    /// It was dropped.
    Dropped,
}

/// A message, by what it was made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Sent {
    /// The `number`-th reply of an attempt.
    Reply { token: u64, number: u64 },
    /// What a handler published besides.
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

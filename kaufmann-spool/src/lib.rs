//! A durable queue: in memory first, on the disk when needed. What it accepts is delivered, despite crashes, power cuts, full disks and
//! outages of the consumer.
//!
//! It does not depend on Kafka: an [`Entry`] has a topic, a key, headers and a payload. Many threads [append](Spool::append); one
//! [`Reader`] reads in order, delivers, and [reports each delivery](Spool::delivered).
//!
//! ```
//! use std::time::Duration;
//! use kaufmann_spool::{Entry, Mode, Options, Promise, Spool};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let mut options = Options::default();
//! options.mode = Mode::Overflow;
//! let spool = Spool::open(folder.path(), options)?;
//!
//! // There is no reader yet, so it goes to the disk.
//! let entry = Entry { topic: "orders".into(), payload: Some(b"1 book".to_vec()), ..Entry::default() };
//! assert_eq!(spool.append(entry, Duration::from_secs(5))?, Promise::Stored);
//!
//! let mut reader = spool.reader().expect("the first one");
//! let (id, entry) = reader.read(Duration::from_secs(5))?.expect("what was appended");
//! assert_eq!(entry.topic, "orders");
//! spool.delivered(id); // it is not read again
//! # Ok(())
//! # }
//! ```
//!
//! # Promises
//!
//! [`Spool::append`] returns which promise was kept:
//!
//! - [`Promise::Stored`]: the entry is on the disk, after an `fsync`. It will be read, by a later process if need be.
//! - [`Promise::Delivered`]: the reader has reported it as delivered. It never needed the disk.
//!
//! An error means that neither holds; only after [`AppendError::Unanswered`] it is unknown.
//!
//! | mode | `append` returns when | costs |
//! |---|---|---|
//! | [`Mode::Always`] | the entry is on the disk | an `fsync`, shared by all that wait for it |
//! | [`Mode::Overflow`] | the entry is delivered, or on the disk | memory only, while entries are delivered within [`Options::spill_after`] |
//!
//! With [`Mode::Overflow`] entries go to the disk when the oldest one waits for longer than `spill_after` (1 s), when memory is
//! half full, when there is no reader, while the consumer is [away](Spool::set_away), and when the spool is closed. Once the reader
//! has read all that is on the disk, new entries stay in memory again.
//!
//! Entries are read in the order in which they were appended, from memory and disk alike, and after a restart too. An entry can be read
//! twice: after a crash, those delivered within the last [`Options::position_interval`] (200 ms), and those in flight. An entry that
//! cannot be delivered is [parked](Spool::park) with those that follow it on its key; all others continue.
//!
//! # Limits
//!
//! [`Options::max_memory`], [`Options::max_bytes`], [`Options::max_age`], [`Options::keep_free`]: if one is reached, `append` waits
//! until its deadline, then returns [`AppendError::SpoolFull`], which names the limit. An accepted entry is never dropped.
//! The use of memory does not depend on the size or age of the backlog on the disk; opening reads only the position and the newest
//! segment.
//!
//! # Faults
//!
//! | fault | what happens |
//! |---|---|
//! | the process dies, or the power fails | what was stored is there; an unconfirmed batch is cut off where it is not whole |
//! | a write or an `fsync` fails | nothing of that batch is confirmed; it is retried in a new segment until its callers' deadlines |
//! | the disk is full, or read-only | stored entries stay and are delivered; new ones stay in memory or are refused; it recovers when the fault is fixed |
//! | the folder is moved away or unmounted | the same, until it is back |
//! | the folder is deleted | it is created again; what was in it is counted as lost and listed ([`Damage`]) |
//! | bytes in the middle are damaged, a page is bad | what can be read is read; the rest is kept in a file, counted, and listed |
//! | the position is damaged | delivery starts again from the oldest segment |
//! | another process uses the folder | [`OpenError::Taken`], before anything is touched |
//! | `fsync` fails, or rights are missing | [`OpenError`] with a remedy, before anything is accepted |
//! | a network mount, `tmpfs`, a container's layer, little space | a [note](Spool::notes) when it is opened, a [`Finding`] of [`check()`] |
//!
//! [`Spool::snapshot`] has the numbers for metrics, [`Spool::trouble`] the current fault. [`Spool::check`] makes the checks that are possible
//! while it runs, [`check()`] those without opening the spool.
//!
//! # On disk
//!
//! ```text
//! folder/
//!   00000000000000000000-0000000000-5b73158d.spool   a segment: its first entry's number, attempt, salt
//!   position                                         which entries are delivered; replaced by a rename
//!   damaged-00000000000000000042.bytes               bytes that could not be read as entries
//!   lock                                             keeps other processes out
//!   parked/                                          the same for the parked entries
//! ```
//!
//! Segments have a fixed size and are allocated before they are used. Entries are written in *batches*: one write and one
//! `fdatasync` for all that wait ([`mod@frame`]). After a failed write, or in a new process, a segment is not written to again:
//! the next batch begins a new segment, whose name has the number it continues with. So a segment counts only up to the first
//! number of the next one, and what a failed write has left is never read. The position ([`mod@position`]) may be outdated: what was
//! delivered shortly before a crash is delivered again.
//!
//! # Requirements of a producer without loss, and their tests
//!
//! | requirement | how | test |
//! |---|---|---|
//! | fast | in memory no I/O; on disk one `fsync` for all that wait | `while_entries_are_delivered_they_never_touch_the_disk`, `entries_that_wait_while_a_write_is_under_way_share_the_next_sync` |
//! | caching | memory, then disk, in one order | `memory_half_full_sends_entries_to_the_disk_and_they_come_in_order`, `once_all_on_the_disk_is_read_entries_stay_in_memory_again` |
//! | concurrent | callers share a queue of pointers; payloads are encoded by the writer | `what_is_stored_comes_in_its_keys_order_however_often_the_process_is_killed` |
//! | without loss | nothing is confirmed before its `fsync` | `what_is_stored_is_there_after_any_power_cut_and_nothing_comes_twice_or_out_of_order`, `any_call_may_fail_once_and_nothing_that_is_stored_is_missing` |
//! | able to handle every answer | delivered, refused (parked), or none (it comes again) | `a_second_reader_gets_what_the_first_has_not_reported`, `no_key_loses_its_order_or_an_entry_whatever_is_refused_and_whenever_the_process_dies` |
//! | able to handle partial answers | entries are reported one by one, in any order | `no_key_loses_its_order_or_a_stored_entry_on_its_way_through_memory_and_disk` |
//! | simple | append, read, delivered, park; one folder, no database | the example above |
//! | without special cases | a fault at any call ends in the same two states: stored, or refused with a reason | `each_kind_of_call_may_fail_for_a_while_and_the_spool_recovers` |

mod check;
mod delivered;
mod entry;
mod error;
pub mod files;
pub mod frame;
mod log;
mod options;
mod parked;
pub mod position;
mod queue;
mod scan;
mod snapshot;
mod spool;
mod ticket;

pub use check::{Check, Finding, Verdict, check};
pub use entry::{Decode, Encode, Entry, EntryError};
pub use error::{AppendError, OpenError};
#[doc(hidden)]
pub use log::{Appender, Cursor, Log, Read};
pub use options::{Mode, Options};
pub use parked::Parked;
pub use scan::Damage;
pub use snapshot::Snapshot;
pub use spool::{Id, Message, Reader, Spool};
pub use ticket::{Promise, Ticket};

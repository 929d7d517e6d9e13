//! A durable queue: memory first, the disk when it must. What is accepted is delivered, through crashes, power cuts, full disks and
//! outages of whoever it is delivered to.
//!
//! It knows nothing of Kafka: an [`Entry`] has a topic, a key, headers and a payload. Many threads [append](Spool::append), one
//! [`Reader`] reads in order, delivers, and reports [what is delivered](Spool::delivered).
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
//! // Nobody reads yet, so it goes to the disk.
//! let entry = Entry { topic: "orders".into(), payload: Some(b"1 book".to_vec()), ..Entry::default() };
//! assert_eq!(spool.append(entry, Duration::from_secs(5))?, Promise::Stored);
//!
//! let mut reader = spool.reader().expect("the first one");
//! let (id, entry) = reader.read(Duration::from_secs(5))?.expect("what was appended");
//! assert_eq!(entry.topic, "orders");
//! spool.delivered(id); // from here on it does not come again
//! # Ok(())
//! # }
//! ```
//!
//! # What is promised
//!
//! [`Spool::append`] returns which promise was kept:
//!
//! - [`Promise::Stored`]: the entry is on the disk, after an `fsync`. It will be read, also by a later process.
//! - [`Promise::Delivered`]: the reader has reported it as delivered. It never needed the disk.
//!
//! An error means that neither holds. Only [`AppendError::Unanswered`] leaves it open.
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
//! Entries come in the order in which they were appended, wherever they are, also after a restart. An entry can come twice: after a
//! crash, what was delivered within the last [`Options::position_interval`] (200 ms), and what was in flight. What cannot be
//! delivered is [parked](Spool::park) with what follows it on its key; everything else goes on.
//!
//! # Bounds
//!
//! [`Options::max_memory`], [`Options::max_bytes`], [`Options::max_age`], [`Options::keep_free`]: where one is reached, `append` waits
//! until its deadline, then returns [`AppendError::SpoolFull`], which names the bound. Nothing that was accepted is ever dropped.
//! Memory depends neither on how much is on the disk nor on how long it has been there; opening reads the position and the newest
//! segment.
//!
//! # What can go wrong
//!
//! | fault | what happens |
//! |---|---|
//! | the process dies, or the power goes | what was stored is there; a batch that was not confirmed is cut off where it is not whole |
//! | a write or an `fsync` fails | nothing of that batch is confirmed; it is written again to a new segment until its callers' deadlines |
//! | the disk is full, or read-only | what is stored stays and is delivered; new entries stay in memory or are refused; it goes on by itself when the fault is over |
//! | the folder is moved away or unmounted | the same, until it is back |
//! | the folder is deleted | it is made again; what was in it is counted as lost and named ([`Damage`]) |
//! | bytes in the middle are damaged, a page is bad | what can be read is read; the rest is kept in a file, counted, and named |
//! | the position is damaged | delivery begins again with the oldest segment |
//! | another process uses the folder | [`OpenError::Taken`], before anything is touched |
//! | `fsync` does not work, no rights | [`OpenError`] with a remedy, before anything is accepted |
//! | a network mount, `tmpfs`, a container's layer, little space | a [note](Spool::notes) at the opening, a [`Finding`] of [`check()`] |
//!
//! [`Spool::snapshot`] has the numbers for metrics, [`Spool::trouble`] the fault that lasts, [`Spool::check`] what can be checked while
//! it runs, [`check()`] the same without opening the spool.
//!
//! # On disk
//!
//! ```text
//! folder/
//!   00000000000000000000-0000000000-5b73158d.spool   a segment: its first entry's number, attempt, salt
//!   position                                         what is delivered; replaced by a rename
//!   damaged-00000000000000000042.bytes               bytes that could not be read as entries
//!   lock                                             keeps other processes out
//!   parked/                                          the same, for what is parked
//! ```
//!
//! Segments have a fixed size and are allocated before they are used. Entries are written in *batches*: one write and one
//! `fdatasync` for all that wait ([`mod@frame`]). A segment is never written again once a write to it has failed or the process has
//! ended: the next batch begins a new segment, under the number that it continues with. So a segment counts only up to the first
//! number of the next one, and what a failed write has left is never read. The position ([`mod@position`]) may be behind: what was
//! delivered shortly before a crash is delivered again.
//!
//! # What a producer that never loses must do, and the test of it
//!
//! | it must be | how | test |
//! |---|---|---|
//! | fast | in memory no I/O; on disk one `fsync` for all that wait | `while_entries_are_delivered_they_never_touch_the_disk`, `entries_that_wait_while_a_write_is_under_way_share_the_next_sync` |
//! | caching | memory, then disk, in one order | `memory_half_full_sends_entries_to_the_disk_and_they_come_in_order`, `once_all_on_the_disk_is_read_entries_stay_in_memory_again` |
//! | concurrent | callers share a queue of pointers; payloads are encoded by the writer | `what_is_stored_comes_in_its_keys_order_however_often_the_process_is_killed` |
//! | without loss | nothing is confirmed before its `fsync` | `what_is_stored_is_there_after_any_power_cut_and_nothing_comes_twice_or_out_of_order`, `any_call_may_fail_once_and_nothing_that_is_stored_is_missing` |
//! | able to handle every answer | delivered, refused (parked), or none (it comes again) | `a_second_reader_gets_what_the_first_has_not_reported`, `no_key_loses_its_order_or_an_entry_whatever_is_refused_and_whenever_the_process_dies` |
//! | able to handle partial answers | entries are reported one by one, in any order | `no_key_loses_its_order_or_a_stored_entry_on_its_way_through_memory_and_disk` |
//! | simple | append, read, delivered, park; one folder, no database | the example above |
//! | without special cases | a fault at any call ends in the same two states: stored, or refused with a reason | `each_kind_of_call_may_fail_for_a_while_and_the_spool_goes_on_by_itself` |

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
pub use entry::{Encode, Entry, EntryError, Kept};
pub use error::{AppendError, OpenError};
#[doc(hidden)]
pub use log::{Appender, Cursor, Log, Read};
pub use options::{Mode, Options};
pub use parked::Parked;
pub use scan::Damage;
pub use snapshot::Snapshot;
pub use spool::{Id, Message, Reader, Spool};
pub use ticket::{Promise, Ticket};

//! A durable queue on disk. An entry that is [stored](Spool::store) survives crashes, power cuts and full disks, and comes back
//! in the order in which it was stored, until it is [delivered](Spool::delivered).
//!
//! It knows nothing of Kafka: an [`Entry`] has a topic, a key, headers and a payload; delivering it is the reader's work.
//!
//! ```
//! use std::time::Duration;
//! use kaufmann_spool::{Entry, Options, Spool};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let spool = Spool::open(folder.path(), Options::default())?;
//! let entry = Entry { topic: "orders".into(), payload: Some(b"1 book".to_vec()), ..Entry::default() };
//! spool.store(&entry, Duration::from_secs(5))?; // on the disk from here on
//!
//! let mut reader = spool.reader().expect("the first one");
//! let (id, entry) = reader.read(Duration::from_secs(5))?.expect("what was stored");
//! assert_eq!(entry.topic, "orders");
//! spool.delivered(id); // now it need not come again
//! # Ok(())
//! # }
//! ```
//!
//! What cannot be delivered is [parked](Spool::park) with what follows it on its key, and everything else goes on.
//!
//! # On disk
//!
//! A folder holds *segments*, files of a fixed size that are allocated before they are used. Entries are written in *batches*:
//! one write and one `fdatasync` for all that wait ([`mod@frame`]). A segment is named after the number of its first entry, and
//! never written again once a write to it has failed or the process has ended: the next batch begins a new one, under the
//! number that it continues with. So an entry counts only as far as the next segment begins, and what an abandoned write has
//! left behind is never read.
//!
//! Which entries are delivered is a file of its own, replaced by a rename ([`mod@position`]). It may be behind: what was
//! delivered shortly before a crash is delivered again.
//!
//! # What can go wrong
//!
//! | fault | what becomes of it |
//! |---|---|
//! | the process dies, or the power goes | what was stored is there; a batch that was not confirmed is cut off, as far as it is not whole |
//! | a write or an `fsync` fails | nothing of that batch is confirmed; it is written again to a new segment until the caller's time is over |
//! | the disk is full | what is stored stays, new entries wait, and go on by themselves when there is room |
//! | bytes in the middle are damaged | what can be read is read; the rest is set aside in a file, counted, and named ([`Damage`]) |
//! | the position is damaged | delivery begins anew with the oldest segment |
//! | another process uses the folder | [`OpenError`], before anything is touched |

mod delivered;
mod entry;
mod error;
pub mod files;
pub mod frame;
mod log;
mod options;
mod parked;
pub mod position;
mod scan;
mod spool;
mod ticket;

pub use entry::{Entry, EntryError, Kept};
pub use error::{OpenError, StoreError};
#[doc(hidden)]
pub use log::{Appender, Cursor, Log, Read};
pub use options::Options;
pub use parked::Parked;
pub use scan::Damage;
pub use spool::{Id, Reader, Spool, Status};
pub use ticket::Ticket;

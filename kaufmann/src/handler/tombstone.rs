//! Tombstones: records of a key without a payload, which say that what the key names is gone.

use std::fmt;
use std::marker::PhantomData;

use crate::handler::event::{Event, EventInfo};
use crate::handler::failure::Failure;
use crate::handler::outcome::{Outgoing, Publishable};
use crate::record::MessageHeaders;
use crate::record::Record;

/// An event whose schema has the attribute `key`, so that it has tombstones. Implemented by `kaufmann-codegen`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no tombstones: its schema names no key",
    label = "nothing says which `{Self}` would be gone",
    note = "give the record in the `.avsc` file the attribute `\"key\": \"…\"`, the path of the field that the records are keyed by"
)]
pub trait Keyed: Event {
    /// The type of the field that is the key.
    type Key: Clone + fmt::Debug + PartialEq + Send + Sync + 'static;

    /// Reads a record's key; `None` if it is none of this type.
    fn read_key(key: &[u8]) -> Option<Self::Key>;

    /// Appends the bytes of a key, as [`Event::key`] does.
    fn write_key(key: &Self::Key, out: &mut Vec<u8>);
}

/// That the event of a key is gone: a record with the key and no payload, which compaction keeps instead of all earlier ones.
///
/// A handler with `tombstone` takes one. A handler returns one, and [`Context::publish`](crate::Context::publish) and
/// [`Producer::publish`](crate::Producer::publish) take one, like an event: it goes to the event's topic, with the event's name in
/// `ce_type`.
///
/// ```
/// # mod events { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/handler/macros/example.rs")); }
/// # use events::user;
/// use kaufmann::{Failure, Tombstone, handler};
///
/// /// Whoever is deleted is gone from the topic of those who were created.
/// #[handler(event = "user.delete")]
/// async fn delete(event: user::Delete) -> Result<Tombstone<user::Create>, Failure> {
///     Ok(Tombstone::new(event.email))
/// }
///
/// #[handler(event = "user.create", tombstone)]
/// async fn forget(gone: Tombstone<user::Create>) -> Result<(), Failure> {
///     println!("{} is gone", gone.key());
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub struct Tombstone<E: Keyed> {
    key: E::Key,
    event: PhantomData<fn() -> E>,
}

impl<E: Keyed> Tombstone<E> {
    /// The tombstone of a key.
    pub fn new(key: impl Into<E::Key>) -> Self {
        Self {
            key: key.into(),
            event: PhantomData,
        }
    }

    /// Which one is gone.
    #[must_use]
    pub fn key(&self) -> &E::Key {
        &self.key
    }

    /// Which one is gone.
    #[must_use]
    pub fn into_key(self) -> E::Key {
        self.key
    }
}

impl<E: Keyed> Publishable for Tombstone<E> {
    const INFO: &'static EventInfo = E::INFO;

    fn outgoing(&self) -> Outgoing {
        let mut key = Vec::new();
        E::write_key(&self.key, &mut key);
        Outgoing {
            info: E::INFO,
            datum: Vec::new(),
            tombstone: true,
            key: Some(key),
            partition: None,
            headers: MessageHeaders::default(),
        }
    }
}

impl<E: Keyed> Clone for Tombstone<E> {
    fn clone(&self) -> Self {
        Self::new(self.key.clone())
    }
}

impl<E: Keyed> PartialEq for Tombstone<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<E: Keyed> fmt::Debug for Tombstone<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tombstone").field(&self.key).finish()
    }
}

/// What a handler with `tombstone` takes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the payload of a tombstone handler",
    label = "expected `Tombstone<…>` of an event with a key",
    note = "a tombstone has a key and no payload: take `Tombstone<user::Profile>`, or leave `tombstone` out to handle the event itself"
)]
pub trait TombstonePayload: Sized + Send {
    /// The event that is gone.
    type Event: Event;

    /// Reads the record's key.
    ///
    /// # Errors
    ///
    /// A dead letter if the record has no such key.
    fn read(record: &Record) -> Result<Self, Failure>;
}

impl<E: Keyed> TombstonePayload for Tombstone<E> {
    type Event = E;

    fn read(record: &Record) -> Result<Self, Failure> {
        let field = E::INFO.key.unwrap_or_default();
        let Some(key) = record.key() else {
            let text = format!(
                "a tombstone of `{}` without a key: nothing says which one is gone",
                E::NAME
            );
            return Err(Failure::new(text).dead_letter());
        };
        E::read_key(key).map(Self::new).ok_or_else(|| {
            let text = format!(
                "the key of a tombstone of `{}` is no value of its field `{field}`: {}",
                E::NAME,
                key.escape_ascii()
            );
            Failure::new(text).dead_letter()
        })
    }
}

/// How generated code reads keys.
pub mod keys {
    use std::str::FromStr;

    /// A key that is a text. What begins with a zero is no text but a schema registry's frame.
    #[must_use]
    pub fn text(key: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(key).ok()?;
        (!text.starts_with('\0')).then(|| text.to_owned())
    }

    /// A key that is the text of something.
    #[must_use]
    pub fn parsed<T: FromStr>(key: &[u8]) -> Option<T> {
        std::str::from_utf8(key).ok()?.parse().ok()
    }

    /// A key of as many bytes.
    #[must_use]
    pub fn array<const N: usize>(key: &[u8]) -> Option<[u8; N]> {
        key.try_into().ok()
    }
}

//! Tombstones: records with a key and no payload, which mark what the key names as deleted.

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
    label = "a tombstone of `{Self}` would have no key",
    note = "give the record in the `.avsc` file the attribute `\"key\": \"…\"`, the path of the field that is the records' key"
)]
pub trait Keyed: Event {
    /// The type of the field that is the key.
    type Key: Clone + fmt::Debug + PartialEq + Send + Sync + 'static;

    /// Reads a record's key; `None` if it is not of this type.
    fn read_key(key: &[u8]) -> Option<Self::Key>;

    /// Appends the bytes of a key, as [`Event::key`] does.
    fn write_key(key: &Self::Key, out: &mut Vec<u8>);
}

/// The deletion of a key: a record with the key and no payload, which compaction keeps instead of all earlier records of the key.
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
/// /// Deletes the user's record from the topic of created users.
/// #[handler(event = "user.delete")]
/// async fn delete(event: user::Delete) -> Result<Tombstone<user::Create>, Failure> {
///     Ok(Tombstone::new(event.email))
/// }
///
/// #[handler(event = "user.create", tombstone)]
/// async fn forget(tombstone: Tombstone<user::Create>) -> Result<(), Failure> {
///     println!("{} is deleted", tombstone.key());
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

    /// The deleted key.
    #[must_use]
    pub fn key(&self) -> &E::Key {
        &self.key
    }

    /// The deleted key.
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

/// The payload of a handler with `tombstone`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the payload of a tombstone handler",
    label = "expected `Tombstone<…>` of an event with a key",
    note = "a tombstone has a key and no payload: take `Tombstone<user::Profile>`, or leave `tombstone` out to handle the event itself"
)]
pub trait TombstonePayload: Sized + Send {
    /// The event whose key is deleted.
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
            let text = format!("a tombstone of `{}` has no key that says what to delete", E::NAME);
            return Err(Failure::new(text).dead_letter());
        };
        E::read_key(key).map(Self::new).ok_or_else(|| {
            let text = format!(
                "the key of a tombstone of `{}` is not a value of its field `{field}`: {}",
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

    /// Reads a key that is a text. Bytes that begin with a zero are a schema registry's frame, not a text.
    #[must_use]
    pub fn text(key: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(key).ok()?;
        (!text.starts_with('\0')).then(|| text.to_owned())
    }

    /// Reads a key that is the text form of a value.
    #[must_use]
    pub fn parsed<T: FromStr>(key: &[u8]) -> Option<T> {
        std::str::from_utf8(key).ok()?.parse().ok()
    }

    /// Reads a key of exactly `N` bytes.
    #[must_use]
    pub fn array<const N: usize>(key: &[u8]) -> Option<[u8; N]> {
        key.try_into().ok()
    }
}

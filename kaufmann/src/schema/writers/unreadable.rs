//! Ids that cannot be read: when a registry's answer is final, and how long that is kept. Pure: the time is given.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::record::wire::SchemaKey;
use crate::schema::registry::RegistryErrorKind;

/// After how many answers "no such schema" the answer is final. A registry that replicates another may know an id a little later
/// than the records that carry it; the waits between the answers are those of `retry`.
const FINAL_UNKNOWN: u32 = 6;

/// The upper bound of ids that are kept.
const MAX_KEPT: usize = 10_000;

/// Why ids cannot be read, each until it is looked up again.
#[derive(Debug)]
pub(super) struct UnreadableIds {
    of: HashMap<SchemaKey, Unreadable>,
    holds: Duration,
}

#[derive(Debug)]
struct Unreadable {
    reason: Arc<str>,
    until: Instant,
}

impl UnreadableIds {
    pub(super) fn new(holds: Duration) -> Self {
        Self {
            of: HashMap::new(),
            holds,
        }
    }

    /// Why this id cannot be read, if a new look-up is not due yet.
    pub(super) fn of(&self, key: SchemaKey, now: Instant) -> Option<Arc<str>> {
        let unreadable = self.of.get(&key).filter(|unreadable| now < unreadable.until)?;
        Some(Arc::clone(&unreadable.reason))
    }

    /// Whether an answer of this kind is final for an id, after `unknown` answers that the registry does not know it. For an id
    /// that has had a final answer before, one more is enough.
    pub(super) fn is_final(&self, key: SchemaKey, kind: RegistryErrorKind, unknown: u32) -> bool {
        match kind {
            RegistryErrorKind::Refused => true,
            RegistryErrorKind::Unknown => unknown + 1 >= FINAL_UNKNOWN || self.of.contains_key(&key),
            _ => false,
        }
    }

    /// Remembers why an id cannot be read.
    pub(super) fn keep(&mut self, key: SchemaKey, reason: Arc<str>, now: Instant) {
        if self.of.len() >= MAX_KEPT && !self.of.contains_key(&key) {
            self.of.retain(|_, unreadable| now < unreadable.until);
        }
        if self.of.len() < MAX_KEPT || self.of.contains_key(&key) {
            let until = now + self.holds;
            self.of.insert(key, Unreadable { reason, until });
        }
    }

    /// Forgets an id that can be read after all.
    pub(super) fn forget(&mut self, key: SchemaKey) {
        self.of.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use RegistryErrorKind::{Refused, Unauthorized, Unavailable, Unknown};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const ID: SchemaKey = SchemaKey::Id(5);

    #[test]
    fn only_the_registrys_own_answer_is_final_and_unknown_only_the_sixth_time() {
        let unreadable = UnreadableIds::new(MINUTE);
        for (kind, unknown, expected) in [
            (Refused, 0, true),
            (Unknown, 0, false),
            (Unknown, 4, false),
            (Unknown, 5, true),
            (Unauthorized, 100, false),
            (Unavailable, 100, false),
        ] {
            assert_eq!(
                unreadable.is_final(ID, kind, unknown),
                expected,
                "{kind:?} {unknown}"
            );
        }
    }

    #[test]
    fn a_final_answer_holds_for_a_while_and_is_then_confirmed_by_one_answer() {
        let (mut unreadable, now) = (UnreadableIds::new(MINUTE), Instant::now());
        unreadable.keep(ID, "no".into(), now);
        assert_eq!(unreadable.of(ID, now + MINUTE / 2).as_deref(), Some("no"));
        assert_eq!(unreadable.of(SchemaKey::Id(6), now), None);
        assert_eq!(unreadable.of(ID, now + MINUTE), None);
        assert!(unreadable.is_final(ID, Unknown, 0));
        assert!(!unreadable.is_final(ID, Unavailable, 0));
        unreadable.forget(ID);
        assert!(!unreadable.is_final(ID, Unknown, 0));
    }

    #[test]
    fn the_ids_that_are_kept_are_bounded() {
        let (mut unreadable, now) = (UnreadableIds::new(MINUTE), Instant::now());
        let keep = |unreadable: &mut UnreadableIds, ids: std::ops::Range<usize>, now| {
            for id in ids {
                unreadable.keep(SchemaKey::Id(id as u32), "no".into(), now);
            }
        };
        keep(&mut unreadable, 0..2 * MAX_KEPT, now);
        assert_eq!(unreadable.of.len(), MAX_KEPT);
        keep(&mut unreadable, MAX_KEPT..MAX_KEPT + 7, now + 2 * MINUTE);
        assert_eq!(unreadable.of.len(), 7);
    }
}

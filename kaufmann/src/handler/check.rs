//! The macros' checks that run in constant evaluation: by then names and types are known, and a failing check is a compile
//! error at the tokens that called it.

use super::HandlerEntry;
use super::limits::Limits;
use crate::handler::event::EventInfo;
use message::Message;

mod message;

/// What `service!` knows of a handler in its list.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    pub(super) event: Option<&'static EventInfo>,
    pub(super) tombstone: bool,
    pub(super) index: usize,
    pub(super) returns: &'static [&'static EventInfo],
    pub(super) emits: &'static [&'static EventInfo],
    pub(super) limits: Limits,
}

impl Listed {
    /// The table's entry.
    #[must_use]
    pub const fn entry(self, path: &'static str) -> HandlerEntry {
        HandlerEntry {
            path,
            event: self.event,
            tombstone: self.tombstone,
            returns: self.returns,
            emits: self.emits,
            limits: self.limits,
        }
    }

    /// The entry as the checks see it; `at` is its index in the list as written.
    #[must_use]
    pub const fn place(self, at: usize, path: &'static str) -> Placed {
        Placed {
            at,
            path,
            event: self.event,
            tombstone: self.tombstone,
            index: self.index,
        }
    }
}

/// An entry of a list, for the checks.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    at: usize,
    path: &'static str,
    event: Option<&'static EventInfo>,
    tombstone: bool,
    index: usize,
}

/// The event of a handler that has an error of its own; the checks skip it, so that no second error follows from that one.
pub const POISON: EventInfo = EventInfo {
    name: "",
    full_name: "",
    aliases: &[],
    schema: "",
    fingerprint: 0,
    topic: None,
    key: None,
    defined_at: "",
    samples: &[],
    lock: None,
    callback: None,
};

/// Checks that the payload is the event that the attribute declares.
///
/// # Panics
///
/// If it is another event.
#[track_caller]
pub const fn declared(handler: &str, name: &str, payload: &EventInfo) {
    if !same(name, payload.name) {
        let message = Message::new("handler `")
            .add(handler)
            .add("` declares event `")
            .add(name);
        let message = message
            .add("`, but its payload is the event `")
            .add(payload.name)
            .add("`");
        panic!("{}", message.text());
    }
}

/// The payload's event, or [`POISON`] if [`declared`] panics.
#[must_use]
pub const fn or_poison(name: &str, payload: &'static EventInfo) -> &'static EventInfo {
    if same(name, payload.name) {
        payload
    } else {
        &POISON
    }
}

/// For each entry the index in `list` of an earlier one with the same event, else `usize::MAX`.
///
/// `PLACES` is the length of the list as written, `SLOTS` that of a hash table by `Event::INDEX`; names are compared only
/// where indices are equal, as the events may come from several schema folders.
#[must_use]
pub const fn earlier<const PLACES: usize, const SLOTS: usize>(list: &[Placed]) -> [usize; PLACES] {
    let mut earlier = [usize::MAX; PLACES];
    let mut slots = [usize::MAX; SLOTS];
    let mut catch_all = usize::MAX;
    let mut i = 0;
    while i < list.len() {
        match list[i].event {
            None if catch_all == usize::MAX => catch_all = i,
            None => earlier[list[i].at] = catch_all,
            Some(event) if event.name.is_empty() => {}
            Some(_) => {
                let mut slot = list[i].index % SLOTS;
                while slots[slot] != usize::MAX && !list[i].is_as(&list[slots[slot]]) {
                    slot = (slot + 1) % SLOTS;
                }
                if slots[slot] == usize::MAX {
                    slots[slot] = i;
                } else {
                    earlier[list[i].at] = slots[slot];
                }
            }
        }
        i += 1;
    }
    earlier
}

/// Checks that no entry before the one at `at` takes the same records.
///
/// # Panics
///
/// If an earlier one does.
#[track_caller]
pub const fn listed_once(list: &[Placed], earlier: &[usize], at: usize) {
    if earlier[at] == usize::MAX {
        return;
    }
    let first = &list[earlier[at]];
    let mut i = 0;
    while list[i].at != at {
        i += 1;
    }
    let second = &list[i];
    let message = if same(first.path, second.path) {
        Message::new("handler `").add(first.path).add("` is listed twice")
    } else if let Some(event) = first.event {
        let what = if first.tombstone {
            "the tombstone of `"
        } else {
            "event `"
        };
        let message = Message::new(what)
            .add(event.name)
            .add("` is handled by both `")
            .add(first.path);
        message.add("` and `").add(second.path).add("`")
    } else {
        let message = Message::new("`").add(first.path).add("` and `").add(second.path);
        message.add("` are both catch-all handlers; a service has at most one")
    };
    panic!("{}", message.text());
}

/// Checks that an entry of `ignore` has no handler.
///
/// # Panics
///
/// If it has one.
#[track_caller]
pub const fn not_handled(list: &[Placed], ignored: &EventInfo, index: usize) {
    let mut i = 0;
    while i < list.len() {
        if list[i].handles(index, ignored) {
            let message = Message::new("event `")
                .add(ignored.name)
                .add("` is ignored, but `")
                .add(list[i].path);
            panic!("{}", message.add("` handles it; remove one of the two").text());
        }
        i += 1;
    }
}

/// Checks that each event of `all` has a handler of its own or is ignored. A catch-all does not count.
///
/// # Panics
///
/// If an event has no handler and is not ignored.
#[track_caller]
pub const fn exhaustive<const N: usize>(all: &[&str; N], list: &[Placed], ignored: &[(&EventInfo, usize)]) {
    let mut seen = [false; N];
    let mut i = 0;
    while i < list.len() {
        if let Some(event) = list[i].event {
            if event.name.is_empty() {
                return;
            }
            if !list[i].tombstone {
                mark(&mut seen, all, list[i].index, event);
            }
        }
        i += 1;
    }
    i = 0;
    while i < ignored.len() {
        mark(&mut seen, all, ignored[i].1, ignored[i].0);
        i += 1;
    }
    let missing = missing(&seen, all);
    if !missing.is_empty() {
        panic!(
            "{}",
            missing
                .add("; list a handler, or add the event's type to `ignore`")
                .text()
        );
    }
}

/// How many events without a handler are named in one error.
const NAMED: usize = 5;

const fn missing(seen: &[bool], all: &[&str]) -> Message {
    let mut message = Message::new("");
    let mut count = 0;
    let mut i = 0;
    while i < seen.len() {
        if !seen[i] {
            if count < NAMED {
                let lead = if count == 0 { "no handler for `" } else { ", `" };
                message = message.add(lead).add(all[i]).add("`");
            } else if count == NAMED {
                message = message.add(", …");
            }
            count += 1;
        }
        i += 1;
    }
    message
}

const fn mark(seen: &mut [bool], all: &[&str], index: usize, event: &EventInfo) {
    if index < seen.len() && same(all[index], event.name) {
        seen[index] = true;
    }
}

impl Placed {
    /// Whether it takes this event itself.
    const fn handles(&self, index: usize, event: &EventInfo) -> bool {
        !self.tombstone && self.is_of(index, event)
    }

    const fn is_of(&self, index: usize, event: &EventInfo) -> bool {
        match self.event {
            Some(handled) => self.index == index && same(handled.name, event.name),
            None => false,
        }
    }

    /// Whether it takes the same records as another.
    const fn is_as(&self, other: &Self) -> bool {
        match other.event {
            Some(event) => self.tombstone == other.tombstone && self.is_of(other.index, event),
            None => false,
        }
    }
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests;

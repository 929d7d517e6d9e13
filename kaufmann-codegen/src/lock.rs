//! The lock: the registered versions of each event, and what a changed schema breaks.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use kaufmann_avro::lock::{self, Current, Lock, State};
use kaufmann_avro::model::{Attributes, Kind, Node, TypeId};
use kaufmann_avro::resolve::Typed;

use crate::check::Event;
use crate::error::{Error, ErrorKind};
use crate::load::display;
use crate::model::Types;

/// The folder below `OUT_DIR` that Cargo watches while there is no lock.
const EXPECTED: &str = "kaufmann-lock";

/// Reads the lock; `None` if there is no such file.
pub(crate) fn load(path: &Path, errors: &mut Vec<Error>) -> Option<Lock> {
    let name = display(path);
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            let action = "read the lock";
            let reason = error.to_string();
            errors.push(Error::whole(name, ErrorKind::Io { action, reason }));
            return None;
        }
    };
    match Lock::parse(&text) {
        Ok(lock) => Some(lock),
        Err(wrong) => {
            errors.push(Error {
                path: name,
                line: wrong.line,
                column: wrong.column,
                kind: ErrorKind::Lock(wrong.kind.to_string()),
            });
            None
        }
    }
}

/// Compares the events with the lock, and sets the locked versions of each; returns the names of locked events without a
/// schema.
pub(crate) fn check(
    types: &Types,
    lock: &Lock,
    events: &mut [Event],
    errors: &mut Vec<Error>,
) -> Vec<String> {
    let model = &types.model;
    // Invalid types are not compared: they are errors already.
    let sound = |event: &&Event| !types.unsound.contains(&event.root);
    let nodes = events.iter().filter(sound).map(|event| node(types, event.root));
    let nodes = nodes.collect::<Vec<_>>();
    let current = events
        .iter()
        .filter(sound)
        .zip(&nodes)
        .map(|(event, node)| Current {
            event: &event.name,
            schema: Typed { model, node },
        });
    let current = current.collect::<Vec<_>>();
    let mut removed = Vec::new();
    for checked in lock::check(lock, &current) {
        match checked.state {
            State::Broken(breaks) => errors.extend(breaks.iter().map(|found| {
                let kind = ErrorKind::Incompatible(found.to_string());
                Error::at(model, found.finding.at(), kind)
            })),
            State::Gone(_) => removed.push(checked.event.to_owned()),
            State::New | State::Unchanged(_) | State::Changed(_) => {}
        }
    }
    for event in events {
        let declared = event.level;
        event.locked = lock.event(&event.name).cloned().map(|mut locked| {
            locked.level = declared.unwrap_or(locked.level);
            locked
        });
    }
    removed
}

/// The warning about an event that is locked but has no schema.
pub(crate) fn removed(path: &Path, event: &str) -> String {
    format!(
        "{}: `{event}` is locked, but no schema defines it any more; restore its schema, or run `schema reset {event}` \
         if it was removed on purpose",
        display(path)
    )
}

fn node(types: &Types, id: TypeId) -> Node {
    Node {
        kind: Kind::Named(id),
        logical: None,
        attributes: Attributes::default(),
        at: types.model.get(id).at,
    }
}

/// The path that Cargo watches to notice that a missing lock is created.
///
/// A missing file cannot be watched as such: Cargo would run the build script every time. Nor can its folder: every
/// source file is below that. So Cargo watches a separate folder with a link to the lock's path. It follows links, and ignores
/// those without a target. Where links are not supported, a new lock is noticed when the build script runs next.
pub(crate) fn expected(path: &Path, out_dir: &Path) -> Option<String> {
    let folder = out_dir.join(EXPECTED);
    expect(path, &folder).ok().map(|()| display(&folder))
}

fn expect(path: &Path, folder: &Path) -> io::Result<()> {
    let place = std::path::absolute(path)?;
    let link = folder.join("lock");
    fs::create_dir_all(folder)?;
    if fs::read_link(&link).ok().as_deref() != Some(place.as_path()) {
        drop(fs::remove_file(&link));
        symlink(&place, &link)?;
    }
    // The folder has just been modified, which must not trigger a build.
    fs::File::open(folder)?.set_modified(SystemTime::UNIX_EPOCH)
}

#[cfg(unix)]
fn symlink(place: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(place, link)
}

#[cfg(windows)]
fn symlink(place: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(place, link)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

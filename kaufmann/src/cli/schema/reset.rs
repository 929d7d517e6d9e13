//! `schema reset EVENT`: accepts a break.

use std::io::{self, BufRead, IsTerminal, Write};

use kaufmann_avro::compatibility::Level;
use kaufmann_avro::lock::Version;

use super::Known;
use super::file::LockFile;
use super::report::{EventReport, State};
use crate::base::error::{Error, ErrorKind};

/// Drops the locked versions of an event, after confirmation. `known` is the event in this program, if it has it; since a break
/// fails the build, that is often the previous program.
pub(super) fn reset(
    event: &str,
    yes: bool,
    file: &LockFile,
    known: Option<&Known>,
) -> Result<Vec<EventReport>, Error> {
    let mut lock = file.read_or(None)?;
    let names: Vec<_> = lock.events().map(|(name, _)| name.to_owned()).collect();
    let Some(locked) = lock.event_mut(event) else {
        let meant =
            kaufmann_avro::suggest::closest(event, &names).map(|meant| format!("; did you mean `{meant}`?"));
        let text = format!(
            "the lock {} has no event `{event}`{}",
            file.shown(),
            meant.unwrap_or_default()
        );
        return Err(Error::new(ErrorKind::Usage, text));
    };
    let count = locked.versions().count();
    if !yes {
        confirm(event, count)?;
    }
    let same = known
        .and_then(|known| locked.version_of((&known.schema).into()))
        .map(Version::number);
    locked.reset();
    let mut report = EventReport::new(event, &locked.subject, State::Reset);
    report.level = Some(locked.level.as_str());
    report.notes.push(format!(
        "{count} version{} dropped; the history starts again with version {}",
        if count == 1 { "" } else { "s" },
        locked.since
    ));
    report.notes.push(
        "this program may be unable to read earlier records, and earlier builds to read what it writes"
            .to_owned(),
    );
    if let Some(same) = same {
        report.notes.push(format!(
            "this program's schema is still version {same}: change the schema and build before `schema register {event}`, which \
             otherwise puts version {same} back into the lock"
        ));
    }
    if locked.level != Level::None {
        report.notes.push(format!(
            "the level in the registry is still {}: lower it for the subject `{}` there before `schema register {event}`",
            locked.level, locked.subject
        ));
    }
    file.write(&lock)?;
    Ok(vec![report])
}

fn confirm(event: &str, count: usize) -> Result<(), Error> {
    let refused = |text: String| Err(Error::new(ErrorKind::Usage, text));
    if !io::stdin().is_terminal() {
        return refused(format!(
            "`schema reset {event}` drops {count} locked versions; confirm with --yes, since there is no terminal to ask on"
        ));
    }
    let mut out = io::stderr();
    _ = write!(
        out,
        "Drop the {count} locked versions of `{event}`? Earlier records and services may break. [y/N] "
    );
    _ = out.flush();
    let mut answer = String::new();
    _ = io::stdin().lock().read_line(&mut answer);
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => refused("nothing was reset".to_owned()),
    }
}

//! Options that the commands on a cluster share.

use clap::{Arg, ArgAction};

use crate::base::error::{Error, ErrorKind};

/// `--dev` for a command that refuses it with a reason ([`refuse_dev`]).
pub(super) fn no_dev() -> Arg {
    Arg::new("dev").long("dev").action(ArgAction::SetTrue).hide(true)
}

/// Refuses `--dev`, if it is given.
pub(super) fn refuse_dev(dev: bool, why: &str) -> Result<(), Error> {
    match dev {
        true => Err(Error::new(ErrorKind::Usage, why)),
        false => Ok(()),
    }
}

/// A duration such as `2s`.
pub(super) fn duration(text: &str) -> Result<std::time::Duration, String> {
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

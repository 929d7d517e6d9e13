//! `--dev` in a program that is built without the feature `dev`.

use crate::base::error::{Error, ErrorKind};
use crate::config::Config;
use crate::handler::Service;

/// Refuses `--dev`.
#[allow(
    clippy::extra_unused_type_parameters,
    reason = "the same signature as with the feature `dev`"
)]
pub(super) fn point_to_dev<V: Service>(_: &mut Config, dev: bool) -> Result<(), Error> {
    if dev {
        let text = "--dev needs kaufmann's feature `dev`, without which this program is built; leave it out";
        return Err(Error::new(ErrorKind::Usage, text));
    }
    Ok(())
}

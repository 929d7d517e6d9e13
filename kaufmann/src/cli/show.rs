//! `config`: the configuration that holds.

use crate::config::Effective;
use crate::error::Error;
use crate::handler::Service;

/// How to print it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Toml,
    Json,
}

pub(super) fn print<V: Service>(effective: &Effective, format: Format) -> Result<(), Error> {
    match format {
        Format::Json => super::say(&format_args!("{:#}", effective.to_json())),
        Format::Toml => {
            super::say(&format_args!(
                "# {}: the configuration that holds; secrets are not shown",
                V::NAME
            ));
            super::say(&effective.to_toml().trim_end());
        }
    }
    Ok(())
}

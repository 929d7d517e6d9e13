//! `config`: the configuration that holds.

use crate::base::error::Error;
use crate::config::Effective;
use crate::handler::Service;

/// How to print it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Toml,
    Json,
}

pub(super) fn print<V: Service>(effective: &Effective, format: Format) -> Result<(), Error> {
    let text = match format {
        Format::Json => format!("{:#}", effective.to_json()),
        Format::Toml => format!(
            "# {}: the configuration that holds; secrets are not shown\n{}",
            V::NAME,
            effective.to_toml().trim_end()
        ),
    };
    super::say(&text).or_else(super::unread)
}

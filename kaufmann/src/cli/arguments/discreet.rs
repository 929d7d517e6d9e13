//! Keeps secrets out of the command line's errors: a value that was not quoted continues in the next argument.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue};

use crate::config::is_secret;
use crate::config::keys::KEYS;
use crate::config::kind::Kind;

/// Removes from an error the argument that it quotes, if that may be a part of a secret.
pub(super) fn discreet(mut error: clap::Error, given: &[OsString]) -> clap::Error {
    if !bears_secret(given) {
        return error;
    }
    for kind in [
        ContextKind::InvalidArg,
        ContextKind::InvalidSubcommand,
        ContextKind::InvalidValue,
    ] {
        let is_flag = matches!(
            (kind, error.get(kind)),
            (ContextKind::InvalidArg, Some(ContextValue::String(text))) if text.starts_with("--") || text.starts_with(['<', '['])
        );
        if error.get(kind).is_some() && !is_flag {
            let hidden = "(not shown: put a secret with blanks in quotes)";
            error.insert(kind, ContextValue::String(hidden.to_owned()));
            error.remove(ContextKind::Suggested);
            error.remove(ContextKind::SuggestedSubcommand);
            error.remove(ContextKind::SuggestedValue);
        }
    }
    error
}

/// Whether one of the arguments is the value of a setting that is a secret, or may be one.
fn bears_secret(given: &[OsString]) -> bool {
    let texts: Vec<_> = given.iter().map(|argument| argument.to_string_lossy()).collect();
    texts.iter().enumerate().any(|(at, text)| {
        let Some(flag) = text.strip_prefix("--") else {
            return false;
        };
        let (flag, value) = match flag.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (flag, texts.get(at + 1).map(AsRef::as_ref)),
        };
        let key = KEYS.iter().find(|key| key.flag() == flag);
        key.is_some_and(|key| match (key.kind, value) {
            (Kind::Secret | Kind::Free, _) => true,
            (Kind::Pairs(_), Some(value)) => is_secret(value.split('=').next().unwrap_or_default()),
            _ => false,
        })
    })
}

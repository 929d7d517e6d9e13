//! Colours, on a terminal only.

use std::fmt;
use std::io::IsTerminal;

/// The style of a text on a terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Colour {
    #[cfg(feature = "dev")]
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
    Yellow = 33,
    Cyan = 36,
}

/// Colours texts if `colours` is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Paint {
    pub(crate) colours: bool,
}

impl Paint {
    /// For standard output: colours if it is a terminal and `NO_COLOR` is not set.
    pub(crate) fn stdout() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
        Self {
            colours: std::io::stdout().is_terminal() && !plain,
        }
    }

    pub(crate) fn paint(self, colour: Colour, text: &str) -> String {
        if self.colours {
            format!("\x1b[{}m{text}\x1b[0m", colour as u8)
        } else {
            text.to_owned()
        }
    }

    /// A line about a failure.
    pub(crate) fn failed(self, text: impl fmt::Display) -> String {
        format!("{} {text}", self.paint(Colour::Red, "✗"))
    }
}

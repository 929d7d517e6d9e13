//! The package's own dev-dependency on itself turns every feature on.

mod dates;
mod decimals;
mod durations;

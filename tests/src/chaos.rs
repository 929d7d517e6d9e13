//! What the service under faults and its oracle share: how its handlers behave, and the journal in which they say what they
//! have done.

mod conduct;
mod dice;
mod journal;

pub use conduct::{Conduct, Manners};
pub use dice::Dice;
pub use journal::{Entry, Journal, Step};

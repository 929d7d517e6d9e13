//! `did you mean …?`: the one way in which errors suggest a name for a misspelt one.

use std::fmt;

/// The candidate that `wanted` is most likely a misspelling of; the first of several that are equally likely.
///
/// Case does not count. A third of the letters may be wrong, or one of a short name, but never all of them.
pub fn closest<S: AsRef<str>>(wanted: &str, candidates: impl IntoIterator<Item = S>) -> Option<S> {
    let folded = wanted.to_lowercase();
    let allowed = (folded.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&folded, &candidate.as_ref().to_lowercase()), candidate))
        .filter(|(distance, candidate)| {
            *distance <= allowed && *distance < candidate.as_ref().chars().count()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be inserted, deleted, replaced or swapped with the next to turn one text into the other.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    strsim::osa_distance(a, b)
}

/// Displays as ``, did you mean `x`?``, or as nothing if there is no suggestion.
#[derive(Clone, Copy, Debug)]
pub struct Hint<S>(pub Option<S>);

impl<S: AsRef<str>> fmt::Display for Hint<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(suggestion) => write!(f, ", did you mean `{}`?", suggestion.as_ref()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Hint, closest};

    #[test]
    fn a_misspelling_is_recognised_whatever_its_case() {
        assert_eq!(closest("strng", ["int", "string"]), Some("string"));
        assert_eq!(closest("String", ["int", "string"]), Some("string"));
        assert_eq!(closest("integer", ["int", "string"]), None);
        assert_eq!(closest("x", ["y"]), None);
    }

    #[test]
    fn the_nearest_candidate_is_suggested_and_of_equals_the_first() {
        assert_eq!(closest("adress", ["dress", "address"]), Some("dress"));
        assert_eq!(closest("addres", ["dress", "address"]), Some("address"));
    }

    #[test]
    fn a_hint_without_a_suggestion_is_empty() {
        assert_eq!(Hint(Some("name")).to_string(), ", did you mean `name`?");
        assert_eq!(Hint(None::<String>).to_string(), "");
    }
}

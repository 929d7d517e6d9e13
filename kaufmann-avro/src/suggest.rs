//! `did you mean …?`

/// The candidate that `wanted` is most likely a misspelling of.
pub fn closest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = wanted.to_lowercase();
    let allowed = (folded.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::osa_distance(&folded, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_misspelling_is_recognised_whatever_its_case() {
        assert_eq!(closest("strng", ["int", "string"]), Some("string"));
        assert_eq!(closest("String", ["int", "string"]), Some("string"));
        assert_eq!(closest("integer", ["int", "string"]), None);
        assert_eq!(closest("x", ["y"]), None);
    }
}

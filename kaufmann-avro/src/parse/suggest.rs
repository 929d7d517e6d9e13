//! `did you mean …?`

/// The candidate that `wanted` is most likely a misspelling of.
pub(crate) fn closest<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
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

/// The primitive type that has this name in other languages.
pub(super) fn elsewhere(name: &str) -> Option<&'static str> {
    Some(match name.to_lowercase().as_str() {
        "bool" => "boolean",
        "integer" | "short" | "int8" | "int16" | "int32" | "i32" | "uint16" => "int",
        "bigint" | "int64" | "i64" | "uint32" => "long",
        "float32" | "f32" => "float",
        "float64" | "f64" | "number" => "double",
        "str" | "text" | "char" | "varchar" => "string",
        "binary" | "blob" => "bytes",
        _ => return None,
    })
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

//! Schemas are parsed, and what comes of them agrees with itself.

use kaufmann_avro::compatibility::check;
use kaufmann_avro::resolve::Plan;
use kaufmann_avro::{Schema, Source, parse_partial};

/// The input is the text of a schema.
pub fn schema(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let path = "fuzzed.avsc";
    let ours = parse_partial(&[Source { path, text }]);
    for error in &ours.errors {
        assert!(error.to_string().starts_with(path), "{error}");
    }
    let Ok(schema) = Schema::parse(text) else {
        assert!(!ours.errors.is_empty(), "what is ours may be a writer's");
        return;
    };
    let (canonical, identity) = (schema.canonical(), schema.identity());
    let whole = Schema::parse(&schema.model.to_json(&schema.root)).expect("what is written is a schema");
    assert_eq!(
        (whole.canonical(), whole.identity()),
        (canonical.clone(), identity.clone())
    );
    // Both forms follow the specification's, which cannot say that a type within a namespace has none.
    let types = &schema.model.types;
    if types
        .iter()
        .all(|named| named.name.namespace.is_empty() == types[0].name.namespace.is_empty())
    {
        let again = |text: &str| Schema::parse(text).expect("what is written is a schema");
        assert_eq!(again(&canonical).canonical(), canonical);
        assert_eq!(again(&canonical).fingerprint(), schema.fingerprint());
        assert_eq!(again(&identity).identity(), identity);
    }

    assert_eq!(check(&schema, &schema), []);
    if let Ok(plan) = Plan::new(&schema, &schema) {
        assert!(plan.is_same());
    }
}

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::case::{is_keyword, pascal, snake};
use super::{Requested, unique};

/// Names that are likely to collide, or to be keywords.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z_][A-Za-z0-9_]{0,6}",
        "[aA_][bB_]?[12_]{0,2}",
        prop_oneof![
            Just("self"),
            Just("Self"),
            Just("super"),
            Just("crate"),
            Just("gen"),
            Just("_")
        ]
        .prop_map(str::to_owned),
    ]
}

fn identifier(name: &str) -> bool {
    is_keyword(name) || syn::parse_str::<syn::Ident>(name).is_ok()
}

proptest! {
    #[test]
    fn names_are_identifiers_and_unique(names in proptest::collection::btree_set(name(), 1..12)) {
        for (casing, separator) in [(pascal as fn(&str) -> String, ""), (snake, "_")] {
            let requested = names.iter().map(|name| Requested::cased(name, casing(name))).collect();
            let found = unique(requested, separator, &mut BTreeSet::new());
            for name in &found {
                prop_assert!(identifier(name), "{}", name);
            }
            prop_assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), names.len());
        }
    }

    #[test]
    fn the_order_of_the_fields_does_not_matter(
        names in proptest::collection::btree_set(name(), 1..12).prop_map(|names| names.into_iter().collect::<Vec<_>>()),
    ) {
        let named = |names: &[String]| {
            let requested = names.iter().map(|name| Requested::cased(name, snake(name))).collect();
            let found = unique(requested, "_", &mut BTreeSet::new());
            names.iter().cloned().zip(found).collect::<BTreeSet<_>>()
        };
        let reversed = names.iter().rev().cloned().collect::<Vec<_>>();
        prop_assert_eq!(named(&names), named(&reversed));
    }
}

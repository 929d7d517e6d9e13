//! What the check finds, and what it lets pass.

use crate::floors;
use crate::modules::Modules;

const FLOORS: &[&[&str]] = &[&["low"], &["left", "right"], &["high"]];

/// What breaks the rule in a crate of these files, which has the modules of `FLOORS`.
fn broken(files: &[(&str, &str)]) -> Vec<String> {
    let declared = "mod high; mod left; mod low; mod right;";
    let text_of = |file: &str| match files.iter().find(|(name, _)| *name == file) {
        Some((_, text)) => Some((*text).to_owned()),
        None if file == "lib.rs" => Some(declared.to_owned()),
        None => FLOORS
            .concat()
            .iter()
            .any(|name| file == format!("{name}.rs"))
            .then(String::new),
    };
    floors::check(&Modules::read("lib.rs", &text_of), "lib.rs", FLOORS)
}

fn up(place: &str, from: &str, path: &str, to: &str) -> String {
    format!(
        "{place}: `{from}` imports `{path}`, but `{to}` is on a floor above; a module imports only from its own floor or \
         below: move the item down, or the module up"
    )
}

#[test]
fn an_import_from_above_is_named_with_its_place() {
    assert_eq!(
        broken(&[
            ("low.rs", "//! Low.\n\nuse crate::high::Item;\n"),
            ("high.rs", "pub struct Item;")
        ]),
        [up("low.rs:3", "low", "crate::high::Item", "high")]
    );
}

#[test]
fn imports_from_below_and_from_the_same_floor_pass() {
    let high = "use std::fmt; use crate::left; use crate::low::Item; fn of(item: Item) { left::take(item) }";
    let left = "use crate::{low::{self, Item}, right::one}; pub fn take(item: Item) { low::drop(one(item)) }";
    assert_eq!(broken(&[("high.rs", high), ("left.rs", left)]), [""; 0]);
}

#[test]
fn each_path_of_a_group_counts() {
    let left = "use crate::{\n    low::{Item, Other},\n    high::{self as top, inner::{Deep, Deeper}},\n};";
    let high = "pub mod inner;";
    assert_eq!(
        broken(&[("left.rs", left), ("high.rs", high), ("high/inner.rs", "")]),
        [up("left.rs:3", "left", "crate::high", "high")]
    );
}

#[test]
fn a_path_within_code_counts() {
    let code = [
        "fn f() {\n    crate::high::run();\n}",
        "fn f() -> Vec<\n    super::high::Item> { Vec::new() }",
        "fn f() {\n    use crate::high::run as start; start();\n}",
        "impl S {\n    fn f(&self) { self.0.map(crate::high::Item::new) }\n}",
        "fn f() { println!(\"{}\",\n    crate::high::NAME) }",
        "struct S {\n    field: Option<crate::high::Item> }",
        "macro_rules! low { () => {\n    $crate::high::run() } }",
    ];
    for text in code {
        let found = broken(&[("low.rs", text)]);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        assert!(
            found[0].starts_with("low.rs:2: `low` imports"),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn what_is_only_text_or_only_for_tests_or_other_crates_passes() {
    let text = r##"
        //! See [`crate::high::Item`].
        // use crate::high::Item;
        /// Like `crate::high::run`.
        const TEXT: &str = "crate::high::run()";
        const RAW: &str = r#"use crate::high::Item;"#;
        #[cfg(test)] use crate::high::Item;
        #[cfg(test)] mod checks { use crate::high::Item; }
        #[cfg(all(test, feature = "x"))] fn of() { crate::high::run() }
        mod tests;
        fn f() {
            #[cfg(test)] crate::high::run();
            #[cfg(test)] { crate::high::run() }
            ::high::run();
            <T as Trait>::high::run();
            quote! { crate::high::run() };
        }
        struct S { #[cfg(test)] field: crate::high::Item, other: u8 }
        pub(in crate::high) struct T;
        #[macro_export] macro_rules! exported { () => { $crate::high::run() } }
    "##;
    assert_eq!(broken(&[("low.rs", text)]), [""; 0]);
}

#[test]
fn code_for_tests_and_for_a_feature_counts() {
    let text = "#[cfg(any(test, feature = \"testing\"))]\nuse crate::high::Item;";
    assert_eq!(broken(&[("low.rs", text)]).len(), 1);
}

#[test]
fn files_of_one_floor_that_import_each_other_are_named_with_both_places() {
    let (left, right) = ("use crate::right::Item;", "\nfn f() { crate::left::run() }");
    assert_eq!(
        broken(&[("left.rs", left), ("right.rs", right)]),
        [
            "the modules import each other in a circle: `left` imports `crate::right::Item` (left.rs:1), `right` imports \
          `crate::left::run` (right.rs:2); move what both need into one below"
        ]
    );
}

#[test]
fn files_of_one_module_that_import_each_other_are_found_at_any_depth() {
    let files = [
        ("high.rs", "mod a; mod b; mod c;"),
        ("high/a.rs", "use super::b::Item; pub struct Own;"),
        ("high/b.rs", "use crate::high::c;"),
        ("high/c.rs", "mod deep;"),
        ("high/c/deep.rs", "use super::super::a::Own;"),
    ];
    let found = broken(&files);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with(
            "the modules of `high` import each other in a circle: `a` imports `super::b::Item` (high/a.rs:1), `b` imports \
             `crate::high::c` (high/b.rs:1), `c` imports `super::super::a::Own` (high/c/deep.rs:1)"
        ),
        "{found:?}"
    );
}

#[test]
fn a_module_and_the_modules_within_it_may_import_each_other() {
    let files = [
        ("high.rs", "mod a; use self::a::Item; pub struct Own;"),
        ("high/a.rs", "use super::Own; pub struct Item(Own);"),
    ];
    assert_eq!(broken(&files), [""; 0]);
}

#[test]
fn a_re_export_hides_no_import() {
    let low = "use crate::left::Item;";
    for left in ["pub use crate::high::Item;", "pub(crate) use crate::high::*;"] {
        assert_eq!(
            broken(&[
                ("low.rs", low),
                ("left.rs", left),
                ("high.rs", "pub struct Item;")
            ]),
            [
                up(
                    "left.rs:1",
                    "left",
                    &left[left.find("crate::").unwrap()..left.len() - 1].replace("::*", ""),
                    "high"
                ),
                up("low.rs:1", "low", "crate::left::Item", "high"),
            ]
        );
    }
    let lib = "mod high; mod left; mod low; mod right; pub use high::Item;";
    assert_eq!(
        broken(&[
            ("lib.rs", lib),
            ("low.rs", "use crate::Item;"),
            ("high.rs", "pub struct Item;")
        ]),
        [up("low.rs:1", "low", "crate::Item", "high")]
    );
}

#[test]
fn an_item_of_the_root_is_above_every_floor() {
    let lib = "mod high; mod left; mod low; mod right; pub struct Item;";
    assert_eq!(
        broken(&[("lib.rs", lib), ("high.rs", "use crate::Item;")]),
        [
            "high.rs:1: `crate::Item` is an item of the crate's root, which is above every floor; move it into a module"
        ]
    );
}

#[test]
fn an_exported_macro_counts_where_it_is_defined() {
    let high = "#[macro_export] macro_rules! run { () => {} }";
    assert_eq!(
        broken(&[("high.rs", high), ("low.rs", "fn f() { crate::run!() }")]),
        [up("low.rs:1", "low", "crate::run", "high")]
    );
}

#[test]
fn every_module_is_on_one_floor_and_every_floor_names_modules() {
    let lib = "mod high; mod left; mod low; mod other;";
    assert_eq!(
        broken(&[("lib.rs", lib), ("other.rs", "")]),
        [
            "`other` must be on one floor; put it above all modules that it imports",
            "the floors name `right`, but there is no such module"
        ]
    );
}

#[test]
fn a_module_that_the_root_declares_in_place_may_re_export_from_above() {
    let declared = "mod high; mod left { mod inner; pub use crate::high::Item; } mod low; mod right;";
    let files = |inner| {
        [
            ("lib.rs", declared),
            ("high.rs", "pub struct Item;"),
            ("left/inner.rs", inner),
        ]
    };
    assert_eq!(broken(&files("")), Vec::<String>::new());
    assert_eq!(
        broken(&files("use crate::high::Item;")),
        [up("left/inner.rs:1", "left", "crate::high::Item", "high")]
    );
}

//! Compares expansions with expected ones: `tests/expand/<case>.in.rs` expands to `<case>.rs`.
//!
//! `KAUFMANN_BLESS=1` writes the expansions of now as the expected ones.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::ToTokens as _;
use syn::{Attribute, Item, Meta};

use crate::{error_class, handler, main_fn, service};

#[test]
fn expansions_are_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expand");
    let bless = std::env::var_os("KAUFMANN_BLESS").is_some();
    let mut wrong = Vec::new();
    for case in cases(&folder) {
        let expansion = expand(&read(&folder.join(format!("{case}.in.rs"))));
        let golden = folder.join(format!("{case}.rs"));
        if bless {
            fs::write(&golden, expansion).expect("the folder of the cases can be written");
        } else if !golden.exists() || read(&golden) != expansion {
            wrong.push(format!("--- {case} expands to\n{expansion}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nKAUFMANN_BLESS=1 accepts this",
        wrong.join("\n")
    );
}

fn cases(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a directory entry").path());
    let name = |path: PathBuf| Some(path.file_name()?.to_str()?.strip_suffix(".in.rs")?.to_owned());
    let mut cases: Vec<String> = paths.filter_map(name).collect();
    cases.sort();
    assert!(!cases.is_empty(), "{} has no cases", folder.display());
    cases
}

/// Expands the last item of a case, as the compiler would, and formats the result.
fn expand(input: &str) -> String {
    let mut file = syn::parse_file(input).expect("a case is a file of Rust");
    let expansion = match file.items.pop().expect("a case has an item") {
        Item::Fn(mut function) => {
            let attribute = function.attrs.remove(0);
            let (name, arguments) = attribute_parts(&attribute);
            match name.as_str() {
                "handler" => handler::expand(arguments, &function.into_token_stream()),
                "main" => main_fn::expand(arguments, &function.into_token_stream()),
                name => panic!("no macro `{name}`"),
            }
        }
        Item::Macro(call) => service::expand(call.mac.tokens),
        Item::Enum(mut error) => {
            error.attrs.remove(0);
            error_class::expand(error.into_token_stream())
        }
        other => panic!("no macro on {}", other.into_token_stream()),
    };
    let file: syn::File = syn::parse2(expansion).expect("an expansion is Rust");
    prettyplease::unparse(&file)
}

fn attribute_parts(attribute: &Attribute) -> (String, TokenStream) {
    let arguments = match &attribute.meta {
        Meta::List(list) => list.tokens.clone(),
        Meta::Path(_) | Meta::NameValue(_) => TokenStream::new(),
    };
    (attribute.path().to_token_stream().to_string(), arguments)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

//! A source file: which names it has, and where to insert modules and functions.

use syn::spanned::Spanned;
use syn::{Attribute, File, Item, UseTree};

use super::insert::{Insertion, line_end};
use crate::error::Error;

/// A parsed source.
pub(super) struct RustFile<'t> {
    text: &'t str,
    items: File,
}

/// What a name means in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Named {
    /// `mod name;`
    File,
    Other,
}

impl<'t> RustFile<'t> {
    /// Parses a source; `path` is for the error.
    pub(super) fn read(path: &str, text: &'t str) -> Result<Self, Error> {
        let items = syn::parse_file(text).map_err(|error| {
            let at = error.span().start();
            Error::new(format!(
                "{path}:{}:{}: {error}; fix this first",
                at.line,
                at.column + 1
            ))
        })?;
        Ok(Self { text, items })
    }

    /// What a name means at the top level of the file.
    pub(super) fn named(&self, name: &str) -> Option<Named> {
        let is_module = |item: &&Item| matches!(item, Item::Mod(module) if module.content.is_none() && module.ident == name);
        if self.items.items.iter().any(|item| is_module(&item)) {
            return Some(Named::File);
        }
        let imported = self.imports().into_iter().any(|(_, local)| local == name);
        let defined = self.items.items.iter().filter_map(identifier);
        (imported || defined.into_iter().any(|ident| ident == name)).then_some(Named::Other)
    }

    /// The name under which a path is imported.
    pub(super) fn imported(&self, path: &str) -> Option<String> {
        let mut imports = self.imports().into_iter();
        imports.find_map(|(whole, local)| (whole == path).then_some(local))
    }

    /// The path before an imported name: `std::sync::` for `Arc`. Paths of the package's modules begin with `crate::`.
    pub(super) fn origin(&self, name: &str) -> Option<String> {
        let suffix = format!("::{name}");
        let mut imports = self.imports().into_iter();
        let whole = imports.find_map(|(whole, local)| (local == name).then_some(whole))?;
        let before = whole.strip_suffix(&suffix)?;
        let first = before.split("::").next().unwrap_or(before);
        Some(match first {
            "self" => format!("crate{}::", &before["self".len()..]),
            _ if first != "crate" && self.named(first).is_some() => format!("crate::{before}::"),
            _ => format!("{before}::"),
        })
    }

    fn imports(&self) -> Vec<(String, String)> {
        let mut imports = Vec::new();
        for item in &self.items.items {
            if let Item::Use(item) = item {
                leaves(&item.tree, "", &mut imports);
            }
        }
        imports
    }

    /// Declares a module: in order among the others, or at the top.
    pub(super) fn declare_module(&self, name: &str) -> Insertion {
        let is_plain = |item: &&Item| matches!(item, Item::Mod(module) if module.attrs.is_empty() && module.content.is_none());
        let name_of = |item: &Item| identifier(item).unwrap_or_default();
        let items = &self.items.items;
        if let Some(first) = items.iter().position(|item| is_plain(&item)) {
            // rustfmt sorts adjacent declarations.
            let together = items[first..].iter().take_while(is_plain);
            let mut together = together.peekable();
            let mut last = &items[first];
            while let Some(module) = together.next() {
                if name_of(module).as_str() > name {
                    let at = module.span().byte_range().start;
                    let text = format!("mod {name};\n");
                    return Insertion { at, text };
                }
                last = module;
                let is_next = |next: &&&Item| next.span().start().line == module.span().end().line + 1;
                if together.peek().filter(|next| is_next(next)).is_none() {
                    break;
                }
            }
            let at = line_end(self.text, last.span().byte_range().end);
            let text = format!("\nmod {name};");
            return Insertion { at, text };
        }
        let inner = self.items.attrs.last();
        match inner.map(|attribute| line_end(self.text, attribute.span().byte_range().end)) {
            Some(at) => Insertion {
                at,
                text: format!("\n\nmod {name};"),
            },
            None => Insertion {
                at: 0,
                text: format!("mod {name};\n\n"),
            },
        }
    }

    /// Inserts a function after all items, but before the tests.
    pub(super) fn append(&self, function: &str) -> Insertion {
        let mut items = self.items.items.iter();
        let tests =
            items.find(|item| matches!(item, Item::Mod(module) if module.attrs.iter().any(is_for_tests)));
        match tests {
            Some(tests) => Insertion {
                at: tests.span().byte_range().start,
                text: format!("{function}\n"),
            },
            None => {
                let end = self.text.trim_end().len();
                let space = if end == 0 { "" } else { "\n\n" };
                Insertion {
                    at: end,
                    text: format!("{space}{}", function.trim_end()),
                }
            }
        }
    }
}

fn is_for_tests(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute
            .parse_args::<syn::Ident>()
            .is_ok_and(|argument| argument == "test")
}

/// Collects the full path and the local name of each import of a `use`.
fn leaves(tree: &UseTree, before: &str, found: &mut Vec<(String, String)>) {
    let join = |name: &str| match before {
        "" => name.to_owned(),
        before => format!("{before}::{name}"),
    };
    match tree {
        UseTree::Path(path) => leaves(&path.tree, &join(&path.ident.to_string()), found),
        UseTree::Name(name) if name.ident == "self" => {
            let local = before.rsplit("::").next().unwrap_or(before);
            found.push((before.to_owned(), local.to_owned()));
        }
        UseTree::Name(name) => found.push((join(&name.ident.to_string()), name.ident.to_string())),
        UseTree::Rename(rename) => found.push((join(&rename.ident.to_string()), rename.rename.to_string())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, before, found)),
        UseTree::Glob(_) => {}
    }
}

fn identifier(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Mod(item) => &item.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::insert::insert;
    use super::*;

    #[test]
    fn a_module_is_declared_in_order_or_at_the_top() {
        for (before, after) in [
            (
                "mod a;\nmod c;\n\nfn f() {}\n",
                "mod a;\nmod b;\nmod c;\n\nfn f() {}\n",
            ),
            (
                "mod a; // first\n\nmod c;\n",
                "mod a; // first\nmod b;\n\nmod c;\n",
            ),
            ("//! Docs.\n\npub mod c;\n", "//! Docs.\n\nmod b;\npub mod c;\n"),
            (
                "//! Docs.\n#![allow(x)] // y\n\nfn f() {}\n",
                "//! Docs.\n#![allow(x)] // y\n\nmod b;\n\nfn f() {}\n",
            ),
            ("fn f() {}\n", "mod b;\n\nfn f() {}\n"),
            (
                "#[cfg(test)]\nmod tests;\nmod a;\n",
                "#[cfg(test)]\nmod tests;\nmod a;\nmod b;\n",
            ),
        ] {
            let file = RustFile::read("f.rs", before).unwrap();
            assert_eq!(insert(before, vec![file.declare_module("b")]), after);
        }
    }

    #[test]
    fn a_function_is_inserted_after_the_others_and_before_the_tests() {
        for (before, after) in [
            ("", "fn g() {}"),
            ("fn f() {}\n\n", "fn f() {}\n\nfn g() {}\n\n"),
            (
                "fn f() {}\n\n#[cfg(test)]\nmod tests {}\n",
                "fn f() {}\n\nfn g() {}\n\n#[cfg(test)]\nmod tests {}\n",
            ),
        ] {
            let file = RustFile::read("f.rs", before).unwrap();
            assert_eq!(insert(before, vec![file.append("fn g() {}\n")]), after);
        }
    }

    #[test]
    fn an_import_is_found_by_its_path_and_its_local_name() {
        let text = "use kaufmann::{Context, Failure as Fail, handler, publish::{self}};\nmod a;\nmod b {}\nstruct C;\n";
        let file = RustFile::read("f.rs", text).unwrap();
        for (path, local) in [
            ("kaufmann::Context", Some("Context")),
            ("kaufmann::Failure", Some("Fail")),
            ("kaufmann::publish", Some("publish")),
            ("kaufmann::Record", None),
        ] {
            assert_eq!(file.imported(path).as_deref(), local, "{path}");
        }
        assert_eq!(file.named("a"), Some(Named::File));
        for name in ["b", "C", "Fail"] {
            assert_eq!(file.named(name), Some(Named::Other), "{name}");
        }
        assert_eq!(file.named("Failure"), None);
    }

    #[test]
    fn a_syntax_error_is_reported_with_file_line_and_column() {
        let error = RustFile::read("src/main.rs", "fn f() {\n    let = 1;\n}\n")
            .err()
            .unwrap();
        assert!(error.to_string().starts_with("src/main.rs:2:9: "), "{error}");
    }
}

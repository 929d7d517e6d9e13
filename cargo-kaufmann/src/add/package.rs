//! The package of the current folder: its sources and its services.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use toml::de::{DeTable, DeValue};

use super::list::{List, lists};
use crate::error::Error;

/// The maximum width of a line, unless the package's rustfmt sets another.
const WIDTH: usize = 100;

/// A package that depends on kaufmann.
pub(super) struct Package {
    pub(super) root: PathBuf,
    /// The name of its library, if it has one.
    library: String,
    pub(super) sources: Vec<Source>,
}

/// A Rust source below `src`.
pub(super) struct Source {
    /// Relative to the package, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl Package {
    /// The package of the current folder or the nearest folder above.
    pub(super) fn around_here() -> Result<Self, Error> {
        let here = std::env::current_dir().map_err(|error| Error::io("find", Path::new("."), &error))?;
        let root = here.ancestors().find(|folder| folder.join("Cargo.toml").exists());
        let root = root.ok_or_else(|| {
            Error::new(format!(
                "no Cargo.toml in {} or above; go to the folder of a service, or create one with `cargo kaufmann new`",
                here.display()
            ))
        })?;
        let manifest = root.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).map_err(|error| Error::io("read", &manifest, &error))?;
        let name = package_name(&manifest, &text)?;
        let mut sources = Vec::new();
        read(&root.join("src"), "src", &mut sources)?;
        Ok(Self {
            root: root.to_owned(),
            library: name.replace('-', "_"),
            sources,
        })
    }

    /// A source by its path.
    pub(super) fn source(&self, path: &str) -> Option<&Source> {
        self.sources.iter().find(|source| source.path == path)
    }

    /// The service of this name, or the only one.
    pub(super) fn service(&self, name: Option<&str>) -> Result<(&Source, List), Error> {
        let (mut found, mut broken) = (Vec::new(), None);
        for source in &self.sources {
            for list in lists(tokens(&source.path, &source.text)?) {
                match list {
                    Ok(list) => found.push((source, list)),
                    Err((line, why)) => broken = broken.or(Some(format!("{}:{line}: {why}", source.path))),
                }
            }
        }
        let all: Vec<_> = found
            .iter()
            .map(|(source, list)| format!("{} ({}:{})", list.name, source.path, list.line))
            .collect();
        if let Some(name) = name {
            found.retain(|(_, list)| list.name == name);
        }
        let text = match (found.len(), name) {
            (1, _) => return Ok(found.remove(0)),
            (0, _) if all.is_empty() => match broken {
                Some(broken) => format!("{broken}; fix this first"),
                None => {
                    "no source in src has a `kaufmann::service!`, which lists the handlers; add one to src/main.rs".to_owned()
                }
            },
            (0, Some(name)) => format!("no service is named `{name}`; available: {}", all.join(", ")),
            _ => format!(
                "the package has several services; choose one with --service: {}",
                all.join(", ")
            ),
        };
        Err(Error::new(text))
    }

    /// The module of the generated types, as a source names it.
    pub(super) fn events(&self, source: &Source) -> Result<String, Error> {
        let mut holders = Vec::new();
        for source in &self.sources {
            if calls(tokens(&source.path, &source.text)?, "include_events") {
                holders.push(source.path.as_str());
            }
        }
        let is_program = source.path == "src/main.rs" || source.path.starts_with("src/bin/");
        if is_program && !holders.contains(&source.path.as_str()) && holders.contains(&"src/lib.rs") {
            return Ok(format!("{}::events", self.library));
        }
        let own = holders.iter().find(|holder| **holder == source.path);
        match own.or(holders.first()) {
            Some(holder) => Ok(format!("{}::events", module(holder))),
            None => Err(Error::new(format!(
                "no source has `kaufmann::include_events!();`, which includes the generated types; add it to {}",
                source.path
            ))),
        }
    }

    /// The maximum width of a line, as the package's rustfmt.toml sets it.
    pub(super) fn width(&self) -> usize {
        let names = ["rustfmt.toml", ".rustfmt.toml"];
        let files = self
            .root
            .ancestors()
            .flat_map(|folder| names.map(|name| folder.join(name)));
        let text = files.filter_map(|file| fs::read_to_string(file).ok()).next();
        text.and_then(|text| number(&text, "max_width")).unwrap_or(WIDTH)
    }
}

/// An integer in a TOML file.
fn number(text: &str, key: &str) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    match table.get_ref().get(key)?.get_ref() {
        DeValue::Integer(number) => number.as_str().parse().ok(),
        _ => None,
    }
}

/// The name of a package that depends on kaufmann.
fn package_name(manifest: &Path, text: &str) -> Result<String, Error> {
    let refuse = |why: &str| Err(Error::new(format!("{} {why}", manifest.display())));
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => return refuse(&format!("is not valid TOML: {}", error.message())),
    };
    let table = table.get_ref();
    let Some(DeValue::Table(package)) = table.get("package").map(toml::Spanned::get_ref) else {
        return refuse("is a workspace without a package; go to the folder of a service in it");
    };
    let depends = match table.get("dependencies").map(toml::Spanned::get_ref) {
        Some(DeValue::Table(dependencies)) => dependencies.contains_key("kaufmann"),
        _ => false,
    };
    if !depends {
        return refuse("does not depend on `kaufmann`; `cargo kaufmann new` creates a package that does");
    }
    match package.get("name").map(toml::Spanned::get_ref) {
        Some(DeValue::String(name)) => Ok(name.to_string()),
        _ => refuse("has no `package.name`"),
    }
}

fn read(folder: &Path, path: &str, sources: &mut Vec<Source>) -> Result<(), Error> {
    let unreadable = |error| Error::io("read the folder", folder, &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        names.push(
            entry
                .map_err(unreadable)?
                .file_name()
                .to_string_lossy()
                .into_owned(),
        );
    }
    names.sort();
    for name in names {
        let (entry, path) = (folder.join(&name), format!("{path}/{name}"));
        if entry.is_dir() {
            read(&entry, &path, sources)?;
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&entry).map_err(|error| Error::io("read", &entry, &error))?;
            sources.push(Source { path, text });
        }
    }
    Ok(())
}

/// The module path of a file.
fn module(path: &str) -> String {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    match inner.trim_end_matches("/mod") {
        "main" | "lib" => "crate".to_owned(),
        inner if inner.starts_with("bin/") => "crate".to_owned(),
        inner => format!("crate::{}", inner.replace('/', "::")),
    }
}

/// The tokens of a source. A byte order mark is refused, because it would shift every position.
pub(super) fn tokens(path: &str, text: &str) -> Result<TokenStream, Error> {
    if text.starts_with('\u{feff}') {
        return Err(Error::new(format!(
            "{path} begins with a byte order mark; save it without one"
        )));
    }
    text.parse().map_err(|error: proc_macro2::LexError| {
        let at = error.span().start();
        Error::new(format!(
            "{path}:{}:{}: this is not valid Rust; fix it first",
            at.line,
            at.column + 1
        ))
    })
}

/// Whether a macro of this name is called.
fn calls(tokens: TokenStream, name: &str) -> bool {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let is_call = tokens.windows(2).any(|pair| {
        matches!(pair, [TokenTree::Ident(ident), TokenTree::Punct(bang)] if ident == name && bang.as_char() == '!')
    });
    is_call
        || tokens.into_iter().any(|token| match token {
            TokenTree::Group(group) => calls(group.stream(), name),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_width_is_that_of_rustfmt() {
        assert_eq!(number("max_width = 110\n", "max_width"), Some(110));
        for text in ["", "max_width = \"no\"", "="] {
            assert_eq!(number(text, "max_width"), None, "{text}");
        }
    }

    #[test]
    fn a_module_path_follows_from_the_file() {
        for (path, expected) in [
            ("src/main.rs", "crate"),
            ("src/bin/x.rs", "crate"),
            ("src/a/b.rs", "crate::a::b"),
            ("src/a/mod.rs", "crate::a"),
        ] {
            assert_eq!(module(path), expected);
        }
    }
}

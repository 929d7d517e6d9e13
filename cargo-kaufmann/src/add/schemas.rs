//! The schemas of a package: their folder, as the build script sets it, and their events.

use std::fs;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::package::{Package, tokens};
use crate::error::Error;

/// The schemas of a package.
pub(super) struct Schemas<'p> {
    package: &'p Package,
    folder: String,
    pub(super) codegen: kaufmann_codegen::Config,
    prefix: Option<String>,
}

impl<'p> Schemas<'p> {
    /// Reads the settings of the schemas from the build script.
    pub(super) fn of(package: &'p Package) -> Result<Self, Error> {
        let path = package.root.join("build.rs");
        let text = fs::read_to_string(&path).map_err(|error| {
            Error::new(format!(
                "cannot read {}: {error}; a service needs a build script that calls `kaufmann_codegen::compile(\"schemas\")`",
                path.display()
            ))
        })?;
        let tokens = tokens("build.rs", &text)?;
        let folder = argument(tokens.clone(), "compile").unwrap_or_else(|| "schemas".to_owned());
        let prefix = argument(tokens, "strip_prefix");
        let mut codegen = kaufmann_codegen::Config::new().without_lock();
        if let Some(prefix) = &prefix {
            codegen = codegen.strip_prefix(prefix);
        }
        Ok(Self {
            package,
            folder,
            codegen,
            prefix,
        })
    }

    /// Refuses an event that exists already.
    pub(super) fn check_new(&self, event: &str) -> Result<(), Error> {
        let path = format!("{}.avsc", self.path(event));
        if self.package.root.join(&path).exists() {
            return Err(Error::new(format!(
                "{path} exists already; write its handler by hand, or choose another name"
            )));
        }
        let folder = self.package.root.join(&self.folder);
        if !folder.exists() {
            return Ok(());
        }
        let generated = self.codegen.generate(&folder).map_err(|errors| {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            Error::new(format!("fix the schemas first:\n{}", errors.join("\n")))
        })?;
        match generated.events.iter().any(|known| known == event) {
            true => Err(Error::new(format!(
                "the event `{event}` exists already, in another file of {}; write its handler by hand, or choose another name",
                self.folder
            ))),
            false => Ok(()),
        }
    }

    /// The path of an event's schema, without the extension.
    pub(super) fn path(&self, event: &str) -> String {
        let prefix = self.prefix.as_ref().map(|prefix| format!("{prefix}."));
        let short = prefix
            .and_then(|prefix| event.strip_prefix(&prefix))
            .unwrap_or(event);
        format!("{}/{}", self.folder, short.replace('.', "/"))
    }
}

/// The string argument of the first call of this function.
fn argument(tokens: TokenStream, function: &str) -> Option<String> {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let here = tokens.windows(2).find_map(|pair| match pair {
        [TokenTree::Ident(ident), TokenTree::Group(group)]
            if ident == function && group.delimiter() == Delimiter::Parenthesis =>
        {
            syn::parse2::<syn::LitStr>(group.stream()).ok()
        }
        _ => None,
    });
    here.map(|text| text.value()).or_else(|| {
        let mut groups = tokens.into_iter().filter_map(|token| match token {
            TokenTree::Group(group) => Some(group.stream()),
            _ => None,
        });
        groups.find_map(|group| argument(group, function))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_script_sets_the_schemas_folder_and_the_stripped_prefix() {
        let script =
            "fn main() { kaufmann_codegen::Config::new().strip_prefix(\"com.example\").compile(\"avro\"); }";
        let tokens: TokenStream = script.parse().unwrap();
        assert_eq!(argument(tokens.clone(), "compile").as_deref(), Some("avro"));
        assert_eq!(
            argument(tokens.clone(), "strip_prefix").as_deref(),
            Some("com.example")
        );
        assert_eq!(argument(tokens, "lock"), None);
    }
}

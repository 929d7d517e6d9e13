//! The modules of a crate, as its sources declare them: what each defines, and which paths it names.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use syn::{Attribute, Expr, Item, ItemMacro, ItemMod, Lit, Meta};

use crate::paths::{self, Named};

/// A module's path below the crate's root; the root's is empty.
pub(crate) type ModulePath = Vec<String>;

/// The modules of a crate, without its tests.
#[derive(Default)]
pub(crate) struct Modules(pub(crate) BTreeMap<ModulePath, Module>);

/// What a module holds, without what the modules within it hold.
#[derive(Default)]
pub(crate) struct Module {
    /// The names of its items.
    definitions: BTreeSet<String>,
    /// What its `use` declarations bring in: the name, and the path that it stands for.
    imports: BTreeMap<String, Vec<String>>,
    /// The paths of its `use …::*`.
    globs: Vec<Vec<String>>,
    /// The paths in its code.
    pub(crate) mentions: Vec<Mention>,
}

/// A path, and where it is.
pub(crate) struct Mention {
    pub(crate) segments: Vec<String>,
    pub(crate) file: String,
    pub(crate) line: usize,
}

impl Modules {
    /// Reads the modules from the crate's root file on. `text_of` returns the text of a file of the source folder.
    ///
    /// Left out are what stands under `#[cfg(test)]`, modules called `tests`, and exported macros, whose paths other
    /// crates resolve.
    pub(crate) fn read(root: &str, text_of: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut reader = Reader {
            modules: Self::default(),
            text_of,
        };
        let text = text_of(root).unwrap_or_else(|| panic!("there is no file `{root}`"));
        reader.file(&[], root, &text);
        reader.modules
    }

    /// The module that holds what `segments` name in the module `from`; none if that is in another crate.
    ///
    /// Re-exports are followed to the definition.
    pub(crate) fn holder(&self, from: &[String], segments: &[String]) -> Option<ModulePath> {
        self.follow(from, segments, 16)
    }

    fn follow(&self, from: &[String], segments: &[String], steps: usize) -> Option<ModulePath> {
        let steps = steps.checked_sub(1)?;
        let (first, mut rest) = segments.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.to_vec(),
            "super" => from[..from.len().checked_sub(1)?].to_vec(),
            _ => match self.child(from, first) {
                Some(child) => child,
                None => {
                    let import = self.0[from].imports.get(first)?;
                    if import.first() == Some(first) {
                        return None;
                    }
                    let whole: Vec<_> = import.iter().chain(rest).cloned().collect();
                    return self.follow(from, &whole, steps);
                }
            },
        };
        while let Some((name, after)) = rest.split_first() {
            if name == "super" {
                at.pop()?;
            } else if let Some(child) = self.child(&at, name) {
                at = child;
            } else {
                return Some(self.item(&at, name, after, steps));
            }
            rest = after;
        }
        Some(at)
    }

    /// The module that holds the item that is called `name` in the module `at`.
    fn item(&self, at: &[String], name: &String, after: &[String], steps: usize) -> ModulePath {
        let module = &self.0[at];
        let import = module.imports.get(name);
        if let Some(import) = import.filter(|_| !module.definitions.contains(name)) {
            let whole: Vec<_> = import.iter().chain(after).cloned().collect();
            return self.follow(at, &whole, steps).unwrap_or_else(|| at.to_vec());
        }
        let through = |glob: &Vec<String>| {
            let target = self.follow(at, glob, steps)?;
            let there = &self.0[&target];
            let has = there.definitions.contains(name) || there.imports.contains_key(name);
            has.then(|| self.item(&target, name, after, steps))
        };
        let globs = module.globs.iter().filter(|_| !module.definitions.contains(name));
        globs.filter_map(through).next().unwrap_or_else(|| at.to_vec())
    }

    fn child(&self, of: &[String], name: &str) -> Option<ModulePath> {
        let child: ModulePath = of.iter().cloned().chain([name.to_owned()]).collect();
        self.0.contains_key(&child).then_some(child)
    }
}

struct Reader<'a> {
    modules: Modules,
    text_of: &'a dyn Fn(&str) -> Option<String>,
}

impl Reader<'_> {
    fn file(&mut self, path: &[String], file: &str, text: &str) {
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        self.items(path, file, parsed.items);
    }

    fn items(&mut self, path: &[String], file: &str, items: Vec<Item>) {
        self.module(path);
        for item in items {
            match item {
                item if is_for_tests(attributes(&item)) => {}
                Item::Mod(module) if module.ident == "tests" => {}
                Item::Mod(module) => self.child(path, file, module),
                Item::Macro(exported) if has(&exported.attrs, "macro_export") => {
                    self.exported(path, &exported);
                }
                item => self.item(path, file, &item),
            }
        }
    }

    fn item(&mut self, path: &[String], file: &str, item: &Item) {
        let module = self.module(path);
        module.definitions.extend(name(item));
        for named in paths::in_tokens(item.to_token_stream()) {
            let Named {
                segments,
                line,
                name,
                glob,
            } = named;
            // A `use` within a function brings nothing into the module.
            if matches!(item, Item::Use(_)) {
                module.globs.extend(glob.then(|| segments.clone()));
                module.imports.extend(name.map(|name| (name, segments.clone())));
            }
            module.mentions.push(Mention {
                segments,
                file: file.to_owned(),
                line,
            });
        }
    }

    /// An exported macro is at the crate's root, wherever it is defined.
    fn exported(&mut self, path: &[String], exported: &ItemMacro) {
        let Some(name) = exported.ident.as_ref().map(ToString::to_string) else {
            return;
        };
        self.module(path).definitions.insert(name.clone());
        if !path.is_empty() {
            let whole = ["crate"]
                .map(str::to_owned)
                .into_iter()
                .chain(path.iter().cloned());
            let whole = whole.chain([name.clone()]).collect();
            self.module(&[]).imports.insert(name, whole);
        }
    }

    fn child(&mut self, parent: &[String], file: &str, module: ItemMod) {
        let path: ModulePath = parent.iter().cloned().chain([module.ident.to_string()]).collect();
        if let Some((_, items)) = module.content {
            return self.items(&path, file, items);
        }
        let below = path.join("/");
        let usual = [format!("{below}.rs"), format!("{below}/mod.rs")];
        let given = path_attribute(&module.attrs).map(|given| match file.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{given}"),
            None => given,
        });
        let found = given
            .iter()
            .chain(&usual)
            .find_map(|file| Some((file, (self.text_of)(file)?)));
        let (file, text) = found.unwrap_or_else(|| panic!("{file}: there is no `{}`", usual[0]));
        self.file(&path, file, &text);
    }

    fn module(&mut self, path: &[String]) -> &mut Module {
        self.modules.0.entry(path.to_vec()).or_default()
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && paths::holds_only_in_tests(list.tokens.clone()),
        _ => false,
    })
}

fn has(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident(name))
}

fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

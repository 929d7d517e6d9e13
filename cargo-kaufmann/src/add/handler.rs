//! The handler: its name, its file, and its source.

use std::collections::BTreeSet;

use super::file::{Named, RustFile};
use super::insert::insert;
use super::list::List;
use super::package::{Package, Source};
use super::request::Request;
use super::schemas::Schemas;
use super::state::from_the_root;
use crate::error::Error;
use crate::names;
use crate::plan::Plan;
use crate::template::{HANDLER, fill};

/// A handler to add.
pub(super) struct Handler<'p> {
    pub(super) function: String,
    event: String,
    /// The module of its payload.
    events: String,
    payload: String,
    source: &'p Source,
    list: List,
    /// Its module below the crate root; `None` if it goes into the file of the list.
    module: Option<String>,
    /// The maximum width of a line.
    width: usize,
}

impl<'p> Handler<'p> {
    pub(super) fn of(request: &Request, package: &'p Package, schemas: &Schemas<'_>) -> Result<Self, Error> {
        let (source, list) = package.service(request.service.as_deref())?;
        let names = schemas.codegen.rust_names(&request.event);
        let mut events = package.events(source)?;
        for module in &names.modules {
            events += "::";
            events += &identifier(module, "choose another namespace")?;
        }
        let is_root = ["src/main.rs", "src/lib.rs"].contains(&source.path.as_str());
        let module = match (&request.module, names.modules.last()) {
            (Some(_), _) if !is_root => {
                return Err(Error::new(format!(
                    "{} declares its service in a module, so its handlers go there; remove --module",
                    source.path
                )));
            }
            (Some(module), _) => Some(module.clone()),
            (None, Some(module)) if is_root => Some(module.clone()),
            _ => None,
        };
        Ok(Self {
            function: identifier(&names.function, "choose another name")?,
            event: request.event.clone(),
            events,
            payload: names.type_name,
            source,
            list,
            module,
            width: package.width(),
        })
    }

    /// Adds the handler and its entry in the list to the plan; returns the handler's file.
    pub(super) fn add_to(&self, package: &Package, plan: &mut Plan) -> Result<String, Error> {
        let root = RustFile::read(&self.source.path, &self.source.text)?;
        let state = &self.source.text[self.list.state.clone()];
        let list = format!("the handlers of `{}`", self.list.name);
        let Some(module) = &self.module else {
            self.check_free(&root, &self.source.path)?;
            let function = self.text(state, |path| root.imported(path));
            let mut insertions = self.list.insert(&self.source.text, &self.function);
            insertions.push(root.append(&function));
            let text = insert(&self.source.text, insertions);
            let what = format!("`{}`, also in {list}", self.function);
            plan.change(&self.source.path, text, what);
            return Ok(self.source.path.clone());
        };
        let state = from_the_root(state, &root)?;
        let ident = identifier(module, "choose another module with --module")?;
        let entry = format!("{ident}::{}", self.function);
        let mut insertions = self.list.insert(&self.source.text, &entry);
        let mut what = format!("`{entry}` in {list}");
        match root.named(&ident) {
            Some(Named::File) => {}
            Some(Named::Other) => {
                return Err(Error::new(format!(
                    "`{module}` is not a module with its own file in {}; choose another module for the handler with --module",
                    self.source.path
                )));
            }
            None => {
                insertions.push(root.declare_module(&ident));
                what = format!("`mod {ident};`, {what}");
            }
        }
        let file = self.add_to_module(module, &state, package, plan)?;
        plan.change(&self.source.path, insert(&self.source.text, insertions), what);
        Ok(file)
    }

    /// Adds the function to the file of a module below the crate root.
    fn add_to_module(
        &self,
        module: &str,
        state: &str,
        package: &Package,
        plan: &mut Plan,
    ) -> Result<String, Error> {
        let path = format!("src/{module}.rs");
        let known = package
            .source(&path)
            .or_else(|| package.source(&format!("src/{module}/mod.rs")));
        let Some(source) = known else {
            plan.create(&path, self.new_file(module, state));
            return Ok(path);
        };
        let file = RustFile::read(&source.path, &source.text)?;
        self.check_free(&file, &source.path)?;
        let function = self.text(state, |path| file.imported(path));
        let text = insert(&source.text, vec![file.append(&function)]);
        plan.change(&source.path, text, format!("`{}`", self.function));
        Ok(source.path.clone())
    }

    fn check_free(&self, file: &RustFile<'_>, path: &str) -> Result<(), Error> {
        match file.named(&self.function) {
            None => Ok(()),
            Some(_) => Err(Error::new(format!(
                "`{}` exists already in {path}; choose another name for the event, or another module with --module",
                self.function
            ))),
        }
    }

    /// A new file for the handler.
    fn new_file(&self, module: &str, state: &str) -> String {
        let mut paths = vec![self.events.as_str()];
        paths.extend(is_plain(state).then_some(state));
        let mut uses: BTreeSet<String> = paths.iter().map(|path| format!("use {path};\n")).collect();
        uses.insert("use kaufmann::{Context, Failure, handler};\n".to_owned());
        let last = |path: &str| path.rsplit("::").next().unwrap_or(path).to_owned();
        let function = self.text(state, |path| {
            (path.starts_with("kaufmann::") || paths.contains(&path)).then(|| last(path))
        });
        let uses: String = uses.into_iter().collect();
        format!("//! Handlers of the `{module}` events.\n\n{uses}\n{function}")
    }

    /// The function; imported paths are written by their local names.
    fn text(&self, state: &str, imported: impl Fn(&str) -> Option<String>) -> String {
        let call = |path: &str| imported(path).unwrap_or_else(|| path.to_owned());
        let payload = format!("{}::{}", call(&self.events), self.payload);
        let context = format!("&{}<{}>", call("kaufmann::Context"), call(state));
        let failure = call("kaufmann::Failure");
        let function = &self.function;
        let one_line =
            format!("pub async fn {function}(_event: {payload}, _cx: {context}) -> Result<(), {failure}>");
        let signature = match one_line.len() + " {".len() <= self.width {
            true => one_line,
            false => format!(
                "pub async fn {function}(\n    _event: {payload},\n    _cx: {context},\n) -> Result<(), {failure}>"
            ),
        };
        let values = [
            ("event", self.event.as_str()),
            ("handler", &call("kaufmann::handler")),
            ("signature", &signature),
            ("Failure", &failure),
        ];
        fill(HANDLER, &values)
    }
}

fn identifier(name: &str, remedy: &str) -> Result<String, Error> {
    names::identifier(name)
        .ok_or_else(|| Error::new(format!("`{name}` is not a valid name in Rust; {remedy}")))
}

/// Whether a type is a path that can be imported.
fn is_plain(ty: &str) -> bool {
    ty.contains("::")
        && ty
            .chars()
            .all(|char| char.is_alphanumeric() || "_:".contains(char))
}

//! `add`: an event and its handler in a package that is there.

// What is there.
mod file;
mod list;
mod package;
mod schemas;
mod state;

// What is put to it.
mod handler;
mod insert;

use crate::error::Error;
use crate::names;
use crate::plan::Plan;
use crate::template::{HANDLED, PUBLISHED, SAMPLES, fill};
use handler::Handler;
use package::Package;
use schemas::Schemas;

/// What is to be added.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) event: String,
    pub(crate) service: Option<String>,
    pub(crate) module: Option<String>,
    pub(crate) no_handler: bool,
}

/// Adds it, and tells what was made and changed.
pub(crate) fn run(request: &Request, dry_run: bool) -> Result<String, Error> {
    let (namespace, name) = names::event(&request.event)?;
    let package = Package::around_here()?;
    let schemas = Schemas::of(&package)?;
    schemas.check_new(&request.event)?;
    let path = schemas.path(&request.event);
    let mut plan = Plan::new(&package.root);
    let topic = namespace.rsplit('.').next().unwrap_or(namespace);
    let values = [
        ("event", request.event.as_str()),
        ("namespace", namespace),
        ("name", name),
        ("topic", topic),
    ];
    let next = if request.no_handler {
        plan.make(format!("{path}.avsc"), fill(PUBLISHED, &values));
        format!("say in {path}.avsc what it holds and to which topic it goes, and return it from a handler")
    } else {
        plan.make(format!("{path}.avsc"), fill(HANDLED, &values));
        plan.make(format!("{path}.samples.json"), fill(SAMPLES, &values));
        let handler = Handler::of(request, &package, &schemas)?;
        let file = handler.place(&package, &mut plan)?;
        format!(
            "say in {path}.avsc what it holds, give samples of it, write `{}` in {file}",
            handler.function
        )
    };
    if !dry_run {
        plan.write()?;
    }
    let mut text = plan.report(dry_run);
    if !dry_run {
        text += &format!("\nNext: {next}; then\n  cargo test\n  cargo run -- dev\n");
    }
    Ok(text)
}

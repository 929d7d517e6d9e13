//! `add`: adds an event and its handler to an existing package.

mod request;

// Reading the package.
mod file;
mod list;
mod package;
mod schemas;
mod state;

// Changing it.
mod handler;
mod insert;

use crate::error::Error;
use crate::names;
use crate::plan::Plan;
use crate::template::{HANDLED, PUBLISHED, SAMPLES, fill};
use handler::Handler;
use package::Package;
use schemas::Schemas;

pub(crate) use request::Request;

/// Adds the event, and returns a report of the files that were created and changed.
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
        plan.create(format!("{path}.avsc"), fill(PUBLISHED, &values));
        format!("write the fields and the topic into {path}.avsc, and return the event from a handler")
    } else {
        plan.create(format!("{path}.avsc"), fill(HANDLED, &values));
        plan.create(format!("{path}.samples.json"), fill(SAMPLES, &values));
        let handler = Handler::of(request, &package, &schemas)?;
        let file = handler.add_to(&package, &mut plan)?;
        format!(
            "write the fields into {path}.avsc, samples into {path}.samples.json, and the handler `{}` in {file}",
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

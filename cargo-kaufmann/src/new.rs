//! `new`: creates a package in a new folder.

mod dependency;
mod workspace;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::names;
use crate::plan::Plan;
use crate::template::{SERVICE, fill};

pub(crate) use dependency::Dependency;

/// The arguments of `new`.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) folder: PathBuf,
    pub(crate) name: Option<String>,
    pub(crate) dependency: Dependency,
}

/// Creates the package, and returns a report of the files.
pub(crate) fn run(request: &Request, dry_run: bool) -> Result<String, Error> {
    let plan = plan(request)?;
    let around = workspace::around(&request.folder);
    if !dry_run {
        plan.write()?;
        if let Some(around) = &around {
            around.write()?;
        }
    }
    let folder = request.folder.display();
    let mut text = plan.report(dry_run);
    if let Some(around) = around {
        text += &around.report(dry_run);
    }
    if !dry_run {
        text += &format!(
            "\nNext:\n  cd {folder}\n  cargo test\n  cargo run -- dev\n  cargo kaufmann add user.create\n"
        );
    }
    Ok(text)
}

fn plan(request: &Request) -> Result<Plan, Error> {
    let package = match &request.name {
        Some(name) => name.clone(),
        None => folder_name(&request.folder)?,
    };
    names::check_package(&package)?;
    check_empty(&request.folder)?;
    let kaufmann = request.dependency.on("kaufmann", &request.folder)?;
    let codegen = request.dependency.on("kaufmann-codegen", &request.folder)?;
    let values = [
        ("package", package.as_str()),
        ("service", &names::service(&package)),
        ("kaufmann", &kaufmann),
        ("codegen", &codegen),
    ];
    let mut plan = Plan::new(&request.folder);
    for (path, text) in SERVICE {
        plan.create(path, fill(text, &values));
    }
    Ok(plan)
}

/// The folder's name, also if it is given as `.`.
fn folder_name(folder: &Path) -> Result<String, Error> {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().map(|name| name.to_string_lossy().into_owned());
    name.ok_or_else(|| {
        Error::new(format!(
            "the folder {} has no name that the package could take; set one with --name",
            folder.display()
        ))
    })
}

/// Refuses a folder that is not empty; a `.git` in it is allowed.
fn check_empty(folder: &Path) -> Result<(), Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("read the folder", folder, &error)),
    };
    let mut names: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .filter(|name| name != ".git")
        .collect();
    names.sort();
    match names.first() {
        None => Ok(()),
        Some(first) => Err(Error::new(format!(
            "{} is not empty: it contains `{first}`; choose a new folder",
            folder.display()
        ))),
    }
}

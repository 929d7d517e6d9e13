//! From a folder to the texts of its schemas and samples, in a fixed order.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};

/// How a schema's file name ends.
const SCHEMA: &str = ".avsc";
/// How the name of a file with samples ends.
const SAMPLES: &str = ".samples.json";

/// The files of a folder.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    /// The schemas, sorted by path.
    pub(crate) schemas: Vec<Text>,
    /// The files with samples, sorted by path.
    pub(crate) samples: Vec<Text>,
    /// Every folder and every file with schemas or samples, including those that could not be read.
    pub(crate) watched: Vec<String>,
}

/// A file.
#[derive(Debug)]
pub(crate) struct Text {
    /// Its path: the folder's as given, then `/` and the path below it.
    pub(crate) path: String,
    /// Its content; bytes that are not UTF-8 are U+FFFD, and an error.
    pub(crate) text: String,
}

impl Text {
    /// `user/create` of `user/create.avsc` and of `user/create.samples.json`.
    pub(crate) fn stem(&self) -> &str {
        let path = &self.path;
        path.strip_suffix(SCHEMA)
            .or_else(|| path.strip_suffix(SAMPLES))
            .unwrap_or(path)
    }
}

impl Folder {
    /// Drops the samples and their errors.
    pub(crate) fn drop_samples(&mut self, errors: &mut Vec<Error>) {
        self.samples.clear();
        errors.retain(|error| !error.path.ends_with(SAMPLES));
    }

    /// Whether there is a schema of this stem, even if it could not be read.
    pub(crate) fn has_schema(&self, stem: &str) -> bool {
        self.watched
            .iter()
            .any(|path| path.strip_suffix(SCHEMA) == Some(stem))
    }
}

/// Reads a folder and all folders below it. Hidden entries (`.git`) are left out.
pub(crate) fn load(root: &Path) -> (Folder, Vec<Error>) {
    let mut folder = Folder::default();
    let mut errors = Vec::new();
    let path = display(root);
    match fs::metadata(root) {
        Ok(found) if found.is_dir() => walk(root, &path, &mut Vec::new(), &mut folder, &mut errors),
        Ok(_) => errors.push(Error::whole(path.as_str(), ErrorKind::NotAFolder)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let package = std::env::current_dir().map_or_else(|_| ".".to_owned(), |path| display(&path));
            errors.push(Error::whole(path.as_str(), ErrorKind::MissingFolder { package }));
        }
        Err(error) => errors.push(unreadable(&path, "open the folder", &error)),
    }
    if errors.is_empty() && folder.schemas.is_empty() {
        errors.push(Error::whole(path, ErrorKind::EmptyFolder));
    }
    (folder, errors)
}

/// `above` holds the real paths of the folders on the way down, so that a link to one of them does not recurse for ever.
fn walk(dir: &Path, path: &str, above: &mut Vec<PathBuf>, folder: &mut Folder, errors: &mut Vec<Error>) {
    folder.watched.push(path.to_owned());
    let names = fs::canonicalize(dir).and_then(|real| Ok((real, names(dir)?)));
    let (real, names) = match names {
        Ok(found) => found,
        Err(error) => return errors.push(unreadable(path, "read the folder", &error)),
    };
    if above.contains(&real) {
        return;
    }
    above.push(real);
    for name in names {
        let (entry, path) = (dir.join(&name), format!("{path}/{name}"));
        if name.starts_with('.') {
            continue;
        }
        let list = match (name.ends_with(SCHEMA), name.ends_with(SAMPLES)) {
            _ if entry.is_dir() => {
                walk(&entry, &path, above, folder, errors);
                continue;
            }
            (true, _) => &mut folder.schemas,
            (_, true) => &mut folder.samples,
            _ => continue,
        };
        folder.watched.push(path.clone());
        match read(&entry, &path) {
            Ok((text, error)) => {
                errors.extend(error);
                list.push(Text { path, text });
            }
            Err(error) => errors.push(error),
        }
    }
    above.pop();
}

fn names(dir: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)? {
        // A name that is not UTF-8 has neither suffix, or its lossy form cannot be opened, which is reported.
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// The text; if some of it is not UTF-8, a lossy text, so that the rest is checked too, and the error.
fn read(file: &Path, path: &str) -> Result<(String, Option<Error>), Error> {
    let bytes = fs::read(file).map_err(|error| unreadable(path, "read the file", &error))?;
    let Err(found) = std::str::from_utf8(&bytes) else {
        return Ok((String::from_utf8_lossy(&bytes).into_owned(), None));
    };
    let (valid, rest) = bytes.split_at(found.valid_up_to());
    let kind = ErrorKind::NotUtf8 {
        byte: rest.first().copied().unwrap_or_default(),
    };
    let error = after(path, &String::from_utf8_lossy(valid), kind);
    // UTF-16 has a null in every second place.
    let text = String::from_utf8_lossy(&bytes).replace('\0', "");
    Ok((text, Some(error)))
}

/// An error at the end of the valid text.
fn after(path: &str, valid: &str, kind: ErrorKind) -> Error {
    let line = valid.matches('\n').count() + 1;
    let column = valid.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    Error {
        path: path.to_owned(),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
        kind,
    }
}

fn unreadable(path: &str, action: &'static str, error: &io::Error) -> Error {
    Error::whole(
        path,
        ErrorKind::Io {
            action,
            reason: error.to_string(),
        },
    )
}

/// A path with `/` between its parts on every system, without one at its end.
pub(crate) fn display(path: &Path) -> String {
    let text = path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
    match text.trim_end_matches('/') {
        "" => text,
        trimmed => trimmed.to_owned(),
    }
}

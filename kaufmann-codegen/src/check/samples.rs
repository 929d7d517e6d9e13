//! Samples beside the schemas: each must be a payload of its event.

use std::collections::BTreeMap;

use kaufmann_avro::json::encode_json;
use kaufmann_avro::model::{Definition, Kind, Model, TypeId};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind};
use crate::load::{Folder, Text};
use crate::model::{self, Types};

use super::Event;

/// Adds the samples of every file to its event.
pub(super) fn samples(types: &Types, folder: &Folder, events: &mut [Event], errors: &mut Vec<Error>) {
    let stems = folder
        .schemas
        .iter()
        .map(Text::stem)
        .enumerate()
        .map(|(file, stem)| (stem, file));
    let stems = stems.collect::<BTreeMap<_, _>>();
    let roots = types.roots().collect::<Vec<_>>();
    for file in &folder.samples {
        if !folder.has_schema(file.stem()) {
            let name = file.stem().rsplit('/').next().unwrap_or_default();
            let kind = ErrorKind::OrphanSamples {
                schema: format!("{name}.avsc"),
            };
            errors.push(Error::whole(file.path.as_str(), kind));
            continue;
        }
        let schema = stems.get(file.stem());
        let mut tops = roots.iter().filter(|(_, top)| Some(top) == schema);
        let root = tops.next().map(|(root, _)| *root);
        if tops.next().is_some() {
            let what =
                "the schema beside them is a union of several; give each event a file of its own".to_owned();
            errors.push(Error::whole(
                file.path.as_str(),
                ErrorKind::SamplesOfNoEvent { what },
            ));
            continue;
        }
        if let Some(root) = root.filter(|root| wants_none(&types.model, *root)) {
            let what = format!("`{}` is not an event", types.model.get(root).name);
            let kind = ErrorKind::SamplesOfNoEvent { what };
            errors.push(Error::whole(file.path.as_str(), kind));
            continue;
        }
        let Some(samples) = split(file, errors) else {
            continue;
        };
        let Some(root) = root.filter(|root| !types.unsound.contains(root)) else {
            continue;
        };
        // Why a record is not an event is reported already.
        match events.iter_mut().find(|event| event.root == root) {
            Some(event) => {
                let right = checked(types, file, &samples, root, &event.name, errors);
                event.samples.extend(right);
            }
            None => {
                let name = types.model.get(root).name.to_string();
                checked(types, file, &samples, root, &name, errors);
            }
        }
    }
}

fn wants_none(model: &Model, root: TypeId) -> bool {
    let named = model.get(root);
    let no_record = !matches!(named.definition, Definition::Record(_));
    no_record
        || named
            .attributes
            .get("event")
            .is_some_and(|attribute| attribute.value == false)
}

/// The samples of a file.
fn split<'a>(file: &'a Text, errors: &mut Vec<Error>) -> Option<Vec<&'a RawValue>> {
    let error = match serde_json::from_str(text(file)) {
        Ok(samples) => return Some(samples),
        Err(error) => error,
    };
    let message = match error.classify() {
        Category::Data => "this is not an array".to_owned(),
        _ => error
            .to_string()
            .split(" at line ")
            .next()
            .unwrap_or_default()
            .to_owned(),
    };
    let kind = ErrorKind::SamplesSyntax(message);
    errors.push(located(file, error.line(), error.column().max(1), kind));
    None
}

fn text(file: &Text) -> &str {
    file.text.strip_prefix('\u{feff}').unwrap_or(&file.text)
}

/// The samples that are payloads of the event.
fn checked(
    types: &Types,
    file: &Text,
    samples: &[&RawValue],
    root: TypeId,
    event: &str,
    errors: &mut Vec<Error>,
) -> Vec<String> {
    let mut right = Vec::new();
    let file_of_root = types.model.files.get(types.model.get(root).at.file);
    let tops = file_of_root.map_or(&[][..], |file| model::tops(&file.root));
    let Some(top) = tops.iter().find(|top| top.kind == Kind::Named(root)) else {
        return right;
    };
    for (index, sample) in samples.iter().enumerate() {
        let checked = serde_json::from_str(sample.get()).map_err(|error| (String::new(), error.to_string()));
        let checked = checked.and_then(|value| {
            encode_json(&types.model, top, &value, &mut Vec::new())
                .map_err(|error| (error.path().to_owned(), error.to_string()))
        });
        match checked {
            Ok(()) => right.push(compact(sample.get())),
            Err((path, reason)) => {
                let (line, column) = position(text(file), descend(sample, &path).get());
                let kind = ErrorKind::Sample {
                    number: index + 1,
                    event: event.to_owned(),
                    reason,
                };
                errors.push(located(file, line, column, kind));
            }
        }
    }
    right
}

fn located(file: &Text, line: usize, column: usize, kind: ErrorKind) -> Error {
    let narrow = |number| u32::try_from(number).unwrap_or(u32::MAX);
    Error {
        path: file.path.clone(),
        line: narrow(line),
        column: narrow(column),
        kind,
    }
}

/// The value at a path such as `address.street[2]`, or the last one on the path that exists.
fn descend<'a>(sample: &'a RawValue, path: &str) -> &'a RawValue {
    let mut value = sample;
    for segment in path
        .split(['.', '['])
        .map(|segment| segment.trim_end_matches(']'))
    {
        let next = match segment.parse::<usize>() {
            Ok(index) => serde_json::from_str::<Vec<&RawValue>>(value.get())
                .ok()
                .and_then(|values| values.get(index).copied()),
            Err(_) => serde_json::from_str::<BTreeMap<String, &RawValue>>(value.get())
                .ok()
                .and_then(|values| values.get(segment).copied()),
        };
        let Some(next) = next else { break };
        value = next;
    }
    value
}

/// Line and column of a part of the text.
fn position(text: &str, part: &str) -> (usize, usize) {
    let before = &text[..part.as_ptr().addr() - text.as_ptr().addr()];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    (line, column)
}

/// The same JSON without the space between its tokens; numbers and the order of keys stay as they are.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut quoted, mut escaped) = (false, false);
    for char in json.chars() {
        if quoted || !char.is_ascii_whitespace() {
            out.push(char);
        }
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
    }
    out
}

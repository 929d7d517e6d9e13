//! kaufmann's rules beyond Avro's: which records are events, their topics, their keys.

mod callback;
mod key;
mod parts;
mod samples;
mod warnings;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use kaufmann_avro::compatibility::Level;
use kaufmann_avro::lock::LockedEvent;
use kaufmann_avro::model::{Attribute, Definition, Kind, Model, NamedType, Node, TypeId};
use kaufmann_avro::suggest::{Hint, closest};
use serde_json::Value;

use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::load::Folder;
use crate::model::{self, Shape, Types};
use crate::naming;

pub(crate) use self::callback::{Callback, CallbackKind};
pub(crate) use self::key::{Key, KeyKind, single};
pub(crate) use self::warnings::warnings;

/// The attributes of a record that kaufmann reads.
const ATTRIBUTES: [&str; 5] = ["event", "topic", "key", "compatibility", "owner"];

/// The longest fixed that is generated: it is an array by value.
const MAX_FIXED: usize = 1 << 16;

/// How many arrays, maps and unions a field's type may nest.
const MAX_LEVELS: usize = 16;

/// An event.
#[derive(Debug)]
pub(crate) struct Event {
    /// Its name.
    pub(crate) name: String,
    /// Its record.
    pub(crate) root: TypeId,
    /// The topic it is published to.
    pub(crate) topic: Option<String>,
    /// Its key.
    pub(crate) key: Option<Key>,
    /// The field with the topic for the reply, if it has one.
    pub(crate) callback: Option<Callback>,
    /// The compatibility level that its schema declares.
    pub(crate) level: Option<Level>,
    /// Its locked versions, with the effective level; set when it is compared with the lock.
    pub(crate) locked: Option<LockedEvent>,
    /// Samples of its payload, one JSON text each.
    pub(crate) samples: Vec<String>,
    /// Whether it is a field of other types, so that no service must handle it.
    pub(crate) part: bool,
}

/// Finds the events, sorted by name, and adds further errors to those of the earlier stages.
pub(crate) fn check(
    types: &Types,
    folder: &Folder,
    config: &Config,
    dir: &str,
    errors: &mut Vec<Error>,
) -> Vec<Event> {
    // The types of a file with an error are uncertain.
    let failed = errors
        .iter()
        .map(|error| error.path.clone())
        .collect::<BTreeSet<_>>();
    options(types, config, dir, errors);
    tops(types, &failed, errors);
    for file in &types.model.files {
        branches(types, &file.root, errors);
    }
    repeats(types, &failed, errors);
    let mut events = BTreeMap::<String, Event>::new();
    let parts = parts::parts(types);
    let roots = types.roots().map(|(id, _)| id).collect::<HashSet<_>>();
    for (index, named) in types.model.types.iter().enumerate() {
        let id = TypeId(index);
        fixed(types, named, errors);
        // A missing part is an error already.
        if !types.unsound.contains(&id) {
            values(types, named, errors);
        }
        depth(types, id, errors);
        let top = roots.contains(&id) && matches!(named.definition, Definition::Record(_));
        let Some(name) = name(&types.model, named, top, errors) else {
            continue;
        };
        owner(&types.model, named, errors);
        let event = Event {
            root: id,
            topic: topic(&types.model, named, errors),
            key: key::key(types, id, errors),
            callback: callback::callback(types, id),
            level: level(&types.model, named, errors),
            locked: None,
            samples: Vec::new(),
            part: parts.contains(&id),
            name: name.clone(),
        };
        if let Some(first) = events.get(&name) {
            let first = types.model.get(first.root);
            let first = types.model.locate(first.at);
            let kind = ErrorKind::DuplicateEvent { name, first };
            errors.push(Error::at(&types.model, named.at, kind));
        } else {
            events.insert(name, event);
        }
    }
    let mut events = events.into_values().collect::<Vec<_>>();
    samples::samples(types, folder, &mut events, errors);
    events
}

/// Files that define the same event at their tops must give it the same attributes.
fn repeats(types: &Types, failed: &BTreeSet<String>, errors: &mut Vec<Error>) {
    let tops = types.roots().collect::<HashSet<_>>();
    let sound = |named: &NamedType| !failed.contains(&types.model.files[named.at.file].path);
    for (id, repeat) in &types.repeats {
        let kept = types.model.get(*id);
        if !tops.contains(&(*id, repeat.at.file)) || !sound(kept) || !sound(repeat) {
            continue;
        }
        let value = |named: &NamedType, key| named.attributes.get(key).map(|found| found.value.clone());
        for attribute in ATTRIBUTES {
            let (first, second) = (value(kept, attribute), value(repeat, attribute));
            if first != second {
                let or_none = |value: Option<Value>| value.map_or("missing".to_owned(), |v| format!("`{v}`"));
                let (first, second) = (or_none(first), or_none(second));
                let at = types.model.locate(kept.at);
                let kind = ErrorKind::DifferentAttribute {
                    name: kept.name.to_string(),
                    difference: format!("its attribute `{attribute}` is {second} here, but {first} at {at}"),
                };
                errors.push(Error::at(&types.model, repeat.at, kind));
            }
        }
    }
}

/// The event's name, if the type is one.
fn name(model: &Model, named: &NamedType, top: bool, errors: &mut Vec<Error>) -> Option<String> {
    let attribute = named.attributes.get("event");
    match attribute.map(|attribute| (&attribute.value, attribute)) {
        None => top.then(|| named.name.to_string()),
        Some((Value::Bool(false), _)) => None,
        Some((_, attribute)) if !top => {
            let what = not_an_event(named);
            errors.push(Error::at(model, attribute.at, ErrorKind::NotAnEvent { what }));
            None
        }
        Some((Value::Bool(true), _)) => Some(named.name.to_string()),
        Some((Value::String(name), _)) if is_event_name(name) => Some(name.clone()),
        Some((_, attribute)) => {
            let expected = "a name of printable ASCII without spaces, such as `\"user.create\"`, or `false`";
            errors.push(malformed(model, attribute, "event", expected));
            None
        }
    }
}

fn not_an_event(named: &NamedType) -> String {
    let name = &named.name;
    match named.definition {
        Definition::Record(_) => format!("`{name}` is defined inside another type"),
        Definition::Enum { .. } => format!("`{name}` is an enum"),
        Definition::Fixed { .. } => format!("`{name}` is a fixed"),
    }
}

fn is_event_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn topic(model: &Model, named: &NamedType, errors: &mut Vec<Error>) -> Option<String> {
    let attribute = named.attributes.get("topic")?;
    match &attribute.value {
        Value::String(topic) if is_topic(topic) => Some(topic.clone()),
        _ => {
            let expected = "a topic's name: 1 to 249 of the characters a-z, A-Z, 0-9, `.`, `_` and `-`";
            errors.push(malformed(model, attribute, "topic", expected));
            None
        }
    }
}

/// Whether the broker accepts the name.
fn is_topic(topic: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=249).contains(&topic.len()) && topic.bytes().all(legal) && topic != "." && topic != ".."
}

fn level(model: &Model, named: &NamedType, errors: &mut Vec<Error>) -> Option<Level> {
    let attribute = named.attributes.get("compatibility")?;
    let level = attribute.value.as_str().and_then(|level| level.parse().ok());
    if level.is_none() {
        let expected = "one of the levels NONE, BACKWARD, FORWARD, FULL, BACKWARD_TRANSITIVE, FORWARD_TRANSITIVE and \
                        FULL_TRANSITIVE";
        errors.push(malformed(model, attribute, "compatibility", expected));
    }
    level
}

/// The owner is only checked here: the `schema` commands read it from the schema itself.
fn owner(model: &Model, named: &NamedType, errors: &mut Vec<Error>) {
    let Some(attribute) = named.attributes.get("owner") else {
        return;
    };
    if attribute
        .value
        .as_str()
        .is_none_or(|owner| owner.trim().is_empty())
    {
        let expected = "the name of the service that publishes the event, such as `\"orders\"`";
        errors.push(malformed(model, attribute, "owner", expected));
    }
}

fn malformed(model: &Model, attribute: &Attribute, name: &'static str, expected: &'static str) -> Error {
    let found = match &attribute.value {
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    };
    Error::at(
        model,
        attribute.at,
        ErrorKind::Attribute {
            attribute: name,
            found,
            expected,
        },
    )
}

/// The top of each file must define a type that has a name, or be a union of such.
fn tops(types: &Types, failed: &BTreeSet<String>, errors: &mut Vec<Error>) {
    let files = types.model.files.iter().enumerate();
    let files = files.filter(|(_, file)| !failed.contains(&file.path));
    for (index, top) in
        files.flat_map(|(index, file)| model::tops(&file.root).iter().map(move |top| (index, top)))
    {
        let what = match &top.kind {
            Kind::Named(_) if types.defined_by(index, top).is_some() => continue,
            Kind::Named(id) => {
                let named = types.model.get(*id);
                let (name, at) = (named.name.to_string(), types.model.locate(named.at));
                let kind = ErrorKind::OnlyRefers { name, at };
                errors.push(Error::at(&types.model, top.at, kind));
                continue;
            }
            Kind::Array(_) => "an array",
            Kind::Map(_) => "a map",
            _ => "a primitive type",
        };
        errors.push(Error::at(&types.model, top.at, ErrorKind::Unnamed { what }));
    }
}

/// An enum without symbols and a union without branches have no values, so no useful Rust type.
fn values(types: &Types, named: &NamedType, errors: &mut Vec<Error>) {
    match &named.definition {
        Definition::Enum { symbols, .. } if symbols.is_empty() => {
            let what = format!("the enum `{}` has no symbols", named.name);
            errors.push(Error::at(&types.model, named.at, ErrorKind::NoValues { what }));
        }
        Definition::Record(fields) => fields
            .iter()
            .for_each(|field| branches(types, &field.node, errors)),
        _ => {}
    }
}

fn branches(types: &Types, node: &Node, errors: &mut Vec<Error>) {
    match &node.kind {
        Kind::Array(inner) | Kind::Map(inner) => branches(types, inner, errors),
        Kind::Union(all) if all.is_empty() => {
            let what = "the union has no branches".to_owned();
            errors.push(Error::at(&types.model, node.at, ErrorKind::NoValues { what }));
        }
        Kind::Union(all) => all.iter().for_each(|branch| branches(types, branch, errors)),
        _ => {}
    }
}

fn fixed(types: &Types, named: &NamedType, errors: &mut Vec<Error>) {
    if let Definition::Fixed { size } = named.definition
        && size > MAX_FIXED
    {
        let kind = ErrorKind::FixedSize {
            name: named.name.to_string(),
            size,
            limit: MAX_FIXED,
        };
        errors.push(Error::at(&types.model, named.at, kind));
    }
}

/// Every level of a field's type is a level of the generated expressions, and the compiler limits these.
fn depth(types: &Types, id: TypeId, errors: &mut Vec<Error>) {
    let named = types.model.get(id);
    let Definition::Record(fields) = &named.definition else {
        return;
    };
    for (field, shape) in fields.iter().zip(&types.fields[id.0]) {
        if levels(types, shape) > MAX_LEVELS {
            let kind = ErrorKind::TooDeep {
                field: field.name.clone(),
                limit: MAX_LEVELS,
            };
            errors.push(Error::at(&types.model, field.at, kind));
        }
    }
}

fn levels(types: &Types, shape: &Shape) -> usize {
    match shape {
        Shape::Array(inner)
        | Shape::Map(inner)
        | Shape::Single(inner)
        | Shape::Optional { some: inner, .. } => levels(types, inner) + 1,
        Shape::Union(id) => {
            let variants = types.union(*id).variants.iter();
            variants
                .map(|variant| levels(types, &variant.shape) + 1)
                .max()
                .unwrap_or(1)
        }
        _ => 0,
    }
}

/// The options of the build script must name types that exist.
fn options(types: &Types, config: &Config, dir: &str, errors: &mut Vec<Error>) {
    // An unknown name may be that of a type that could not be read.
    let complete = errors.is_empty();
    let mut wrong = |option, reason| errors.push(Error::whole(dir, ErrorKind::Option { option, reason }));
    let names = types.model.types.iter().map(|named| &named.name);
    if let Some(prefix) = &config.strip_prefix
        && complete
        && names
            .clone()
            .all(|name| naming::strip(&name.namespace, prefix).is_none())
    {
        wrong(
            "strip_prefix",
            format!("names `{prefix}`, but no namespace begins with it"),
        );
    }
    let names = names.map(ToString::to_string).collect::<Vec<_>>();
    for (target, derives) in &config.derives {
        if target != "*" && complete && !names.contains(target) {
            let hint = Hint(closest(target, &names));
            wrong(
                "derive",
                format!("names the type `{target}`, which no schema defines{hint}"),
            );
        }
        for derive in derives
            .split(',')
            .map(str::trim)
            .filter(|derive| !derive.is_empty())
        {
            if syn::parse_str::<syn::Path>(derive).is_err() {
                wrong(
                    "derive",
                    format!("has `{derive}`, which is not the path of a derive"),
                );
            }
        }
    }
}

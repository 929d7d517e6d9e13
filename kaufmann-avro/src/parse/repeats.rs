//! Types that are defined more than once: the definitions must be equal, except for docs and attributes.
//!
//! A complete schema from a registry includes its types, so several files may define the same one. Definitions are compared
//! one by one, their references by name, so cycles do not matter.

use super::build::Built;
use super::error::{Errors, SchemaErrorKind};
use crate::model::{Definition, Field, Kind, Location, Model, NamedType, Node, Symbol};

/// Reports the definitions that differ from the kept one, and adds the aliases of the equal ones to it.
pub(super) fn check(built: &mut Built, errors: &mut Errors<'_>) {
    let Built {
        model,
        broken,
        repeats,
        ..
    } = built;
    for repeat in repeats {
        let (id, named) = (repeat.id, &repeat.named);
        let kept = model.get(id);
        let (name, first) = (named.name.to_string(), errors.place(kept.at));
        let comparable = repeat.whole && !broken.contains(&id);
        let found = comparable.then(|| difference(model, kept, named)).flatten();
        if let Some(difference) = found {
            let difference = difference.text(errors);
            let kind = SchemaErrorKind::DifferentType {
                name,
                first,
                difference,
            };
            errors.push(named.at, kind);
        } else if repeat.again {
            errors.push(named.at, SchemaErrorKind::DuplicateType { name, first });
        } else if comparable {
            join_aliases(&mut model.types[id.0], named);
        }
    }
}

/// The difference of two definitions, with both positions.
struct Difference {
    of: String,
    first: (String, Location),
    second: (String, Location),
}

impl Difference {
    fn text(&self, errors: &Errors<'_>) -> String {
        let Self { of, first, second } = self;
        format!(
            "{of} {} at {}, but {} at {}",
            first.0,
            errors.place(first.1),
            second.0,
            errors.place(second.1)
        )
    }
}

fn differ(
    of: impl Into<String>,
    first: (impl Into<String>, Location),
    second: (impl Into<String>, Location),
) -> Option<Difference> {
    Some(Difference {
        of: of.into(),
        first: (first.0.into(), first.1),
        second: (second.0.into(), second.1),
    })
}

/// The first difference of two definitions of one name.
fn difference(model: &Model, first: &NamedType, second: &NamedType) -> Option<Difference> {
    let (at, other) = (first.at, second.at);
    match (&first.definition, &second.definition) {
        (Definition::Record(ours), Definition::Record(theirs)) => {
            fields(model, (ours, at), (theirs, other)).or_else(|| aliases(ours, theirs))
        }
        (
            Definition::Enum {
                symbols: ours,
                default,
            },
            Definition::Enum {
                symbols: theirs,
                default: other_default,
            },
        ) => symbols((ours, at), (theirs, other)).or_else(|| {
            let text = |default: &Option<String>| or_missing(default.as_deref());
            let pair = (text(default), text(other_default));
            (pair.0 != pair.1)
                .then(|| differ("its default is", (pair.0, at), (pair.1, other)))
                .flatten()
        }),
        (Definition::Fixed { size }, Definition::Fixed { size: other_size }) => {
            if size != other_size {
                return differ(
                    "its size is",
                    (size.to_string(), at),
                    (other_size.to_string(), other),
                );
            }
            let text = |named: &NamedType| or_missing(named.logical);
            let pair = (text(first), text(second));
            (pair.0 != pair.1)
                .then(|| differ("its logical type is", (pair.0, at), (pair.1, other)))
                .flatten()
        }
        (ours, theirs) => differ("it is", (kind(ours), at), (kind(theirs), other)),
    }
}

fn or_missing(value: Option<impl std::fmt::Display>) -> String {
    value.map_or("missing".to_owned(), |value| format!("`{value}`"))
}

fn kind(definition: &Definition) -> &'static str {
    match definition {
        Definition::Record(_) => "a record",
        Definition::Enum { .. } => "an enum",
        Definition::Fixed { .. } => "a fixed",
    }
}

fn fields(model: &Model, ours: (&[Field], Location), theirs: (&[Field], Location)) -> Option<Difference> {
    let named = |fields: &[Field], name: &str| fields.iter().any(|field| field.name == name);
    if let Some(field) = ours.0.iter().find(|field| !named(theirs.0, &field.name)) {
        let of = format!("the field `{}` is", field.name);
        return differ(of, ("defined", field.at), ("missing", theirs.1));
    }
    if let Some(field) = theirs.0.iter().find(|field| !named(ours.0, &field.name)) {
        let of = format!("the field `{}` is", field.name);
        return differ(of, ("missing", ours.1), ("defined", field.at));
    }
    (1..)
        .zip(ours.0.iter().zip(theirs.0))
        .find_map(|(place, pair)| field(model, place, pair))
}

fn field(model: &Model, place: usize, (ours, theirs): (&Field, &Field)) -> Option<Difference> {
    let quoted = |text: &str| format!("`{text}`");
    if ours.name != theirs.name {
        let of = format!("field {place} is");
        return differ(
            of,
            (quoted(&ours.name), ours.at),
            (quoted(&theirs.name), theirs.at),
        );
    }
    if let Some((one, other)) = unequal(&ours.node, &theirs.node) {
        let of = format!("the type of the field `{}` is", ours.name);
        let text = |node: &Node| quoted(&model.describe(node));
        return differ(of, (text(one), one.at), (text(other), other.at));
    }
    if ours.default != theirs.default {
        let text = |field: &Field| or_missing(field.default.as_ref());
        let of = format!("the default of the field `{}` is", ours.name);
        return differ(of, (text(ours), ours.at), (text(theirs), theirs.at));
    }
    None
}

/// The innermost parts of two types that differ.
fn unequal<'m>(ours: &'m Node, theirs: &'m Node) -> Option<(&'m Node, &'m Node)> {
    let same = match (&ours.kind, &theirs.kind) {
        (Kind::Array(ours), Kind::Array(theirs)) | (Kind::Map(ours), Kind::Map(theirs)) => {
            return unequal(ours, theirs);
        }
        (Kind::Union(ours), Kind::Union(theirs)) if ours.len() == theirs.len() => {
            let order = |(ours, theirs): &(&Node, &Node)| {
                std::mem::discriminant(&ours.kind) == std::mem::discriminant(&theirs.kind)
            };
            let pairs = || ours.iter().zip(theirs);
            // If the branches differ, the whole union is shown.
            if pairs().all(|pair| order(&pair)) {
                return pairs().find_map(|(ours, theirs)| unequal(ours, theirs));
            }
            false
        }
        // Both definitions refer to types of the same model.
        (ours, theirs) => ours == theirs,
    };
    (!same || ours.logical != theirs.logical).then_some((ours, theirs))
}

fn symbols(ours: (&[Symbol], Location), theirs: (&[Symbol], Location)) -> Option<Difference> {
    let pairs = (1..).zip(ours.0.iter().zip(theirs.0));
    for (place, (one, other)) in pairs {
        if one.name != other.name {
            let (one, other) = (
                (format!("`{}`", one.name), one.at),
                (format!("`{}`", other.name), other.at),
            );
            return differ(format!("symbol {place} is"), one, other);
        }
    }
    let of = |symbol: &Symbol| format!("the symbol `{}` is", symbol.name);
    match (ours.0.get(theirs.0.len()), theirs.0.get(ours.0.len())) {
        (Some(more), _) => differ(of(more), ("defined", more.at), ("missing", theirs.1)),
        (_, Some(more)) => differ(of(more), ("missing", ours.1), ("defined", more.at)),
        _ => None,
    }
}

/// An alias must belong to one field only, also when the aliases of both definitions are merged.
fn aliases(ours: &[Field], theirs: &[Field]) -> Option<Difference> {
    let owns =
        |field: &Field, name: &str| field.name == name || field.aliases.iter().any(|alias| alias == name);
    let of = |field: &Field| (format!("of the field `{}`", field.name), field.at);
    theirs.iter().find_map(|field| {
        field.aliases.iter().find_map(|alias| {
            let owner = ours
                .iter()
                .find(|other| other.name != field.name && owns(other, alias))?;
            differ(format!("`{alias}` is a name"), of(owner), of(field))
        })
    })
}

/// Adds the aliases of an equal definition: the type reads whatever either could read.
fn join_aliases(kept: &mut NamedType, other: &NamedType) {
    add(&mut kept.aliases, &other.aliases);
    let (Definition::Record(ours), Definition::Record(theirs)) = (&mut kept.definition, &other.definition)
    else {
        return;
    };
    for (field, other) in ours.iter_mut().zip(theirs) {
        add(&mut field.aliases, &other.aliases);
    }
}

fn add<T: PartialEq + Clone>(all: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
}

#[cfg(test)]
mod tests;

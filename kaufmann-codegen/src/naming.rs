//! From schema names to Rust names: cased, never a keyword, and unique in their module or type.

mod case;

use std::collections::{BTreeMap, BTreeSet};

use kaufmann_avro::model::{Definition, Name, TypeId};

pub(crate) use self::case::is_keyword;
use self::case::{pascal, snake};
use crate::config::Config;
use crate::model::{Shape, Types, Union, UnionId};

/// The Rust names of a record, unless another name takes them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RustNames {
    /// The modules of its type below the module of all events, outermost first.
    pub modules: Vec<String>,
    /// Its type.
    pub type_name: String,
    /// A function of the same name, such as its handler.
    pub function: String,
}

impl Config {
    /// The Rust names of a record with this full name: `user.create` is `events::user::Create`. If two schemas would get the same
    /// name, one of them gets a number, which this cannot know.
    ///
    /// ```
    /// let names = kaufmann_codegen::Config::new().strip_prefix("com.example").rust_names("com.example.shop.orderPlaced");
    /// assert_eq!(names.modules, ["shop"]);
    /// assert_eq!((&*names.type_name, &*names.function), ("OrderPlaced", "order_placed"));
    /// ```
    #[must_use]
    pub fn rust_names(&self, full_name: &str) -> RustNames {
        RustNames::new(full_name, self.strip_prefix.as_deref())
    }
}

impl RustNames {
    /// The names of a full name, without those of other schemas. `prefix` is taken from the beginning of the namespace.
    pub(crate) fn new(full_name: &str, prefix: Option<&str>) -> Self {
        let (namespace, simple) = full_name.rsplit_once('.').unwrap_or(("", full_name));
        let name = Name {
            namespace: namespace.to_owned(),
            simple: simple.to_owned(),
        };
        Self {
            modules: stripped(&name, prefix)
                .iter()
                .map(|segment| snake(segment))
                .collect(),
            type_name: pascal(simple),
            function: snake(simple),
        }
    }
}

/// The Rust names of everything.
#[derive(Debug)]
pub(crate) struct Names {
    types: Vec<TypeNames>,
    unions: Vec<UnionNames>,
}

/// The Rust names of a named type.
#[derive(Debug, Default)]
pub(crate) struct TypeNames {
    /// The modules, outermost first.
    pub(crate) module: Vec<String>,
    /// The owned type.
    pub(crate) owned: String,
    /// The borrowed type of a record.
    pub(crate) borrowed: String,
    /// A record's fields, or an enum's variants.
    pub(crate) members: Vec<String>,
}

/// The Rust names of a union's enum, which is in the module of its record.
#[derive(Debug, Default)]
pub(crate) struct UnionNames {
    /// The owned type.
    pub(crate) owned: String,
    /// The borrowed type.
    pub(crate) borrowed: String,
    /// The variants.
    pub(crate) variants: Vec<String>,
}

impl Names {
    /// Names everything. `prefix` is taken from the beginning of namespaces.
    pub(crate) fn new(types: &Types, prefix: Option<&str>) -> Self {
        let namespaces = types
            .model
            .types
            .iter()
            .map(|named| stripped(&named.name, prefix));
        let namespaces = namespaces.collect::<Vec<_>>();
        let modules = modules(&namespaces);
        let mut names = Self {
            types: types
                .model
                .types
                .iter()
                .map(|named| members(&named.definition))
                .collect(),
            unions: types.unions.iter().map(|union| variants(types, union)).collect(),
        };
        for (names, namespace) in names.types.iter_mut().zip(&namespaces) {
            names.module = modules.get(namespace).cloned().unwrap_or_default();
        }
        for module in modules.values().chain([&Vec::new()]).collect::<BTreeSet<_>>() {
            names.name_types(types, module);
        }
        names
    }

    /// The names of a type.
    pub(crate) fn get(&self, id: TypeId) -> &TypeNames {
        &self.types[id.0]
    }

    /// The names of a union's enum.
    pub(crate) fn union(&self, id: UnionId) -> &UnionNames {
        &self.unions[id.0]
    }

    /// Names the types of one module: those of the schemas first, then what is derived from them.
    fn name_types(&mut self, types: &Types, module: &[String]) {
        let mut taken = BTreeSet::new();
        let here = (0..self.types.len()).filter(|index| self.types[*index].module == module);
        let here = here.collect::<Vec<_>>();
        let requested = here.iter().map(|index| {
            let name = &types.model.types[*index].name;
            Requested {
                original: name.simple.clone(),
                order: name.to_string(),
                name: pascal(&name.simple),
            }
        });
        let owned = unique(requested.collect(), "", &mut taken);
        for (index, name) in here.iter().zip(owned) {
            self.types[*index].owned = name;
        }
        let borrowed = here
            .iter()
            .map(|index| Requested::derived(format!("{}Ref", stem(&self.types[*index].owned))));
        let borrowed = unique(borrowed.collect(), "", &mut taken);
        for (index, name) in here.iter().zip(borrowed) {
            self.types[*index].borrowed = name;
        }
        self.name_unions(types, module, &mut taken);
    }

    fn name_unions(&mut self, types: &Types, module: &[String], taken: &mut BTreeSet<String>) {
        let here = types.unions.iter().enumerate();
        let here = here
            .filter(|(_, union)| self.get(union.record).module == module)
            .collect::<Vec<_>>();
        let owned = here.iter().map(|(_, union)| {
            let record = self.get(union.record);
            let field = &record.members[union.field];
            Requested::derived(format!(
                "{}{}{}",
                stem(&record.owned),
                stem(&pascal(field)),
                union.suffix
            ))
        });
        let owned = unique(owned.collect(), "", taken);
        let borrowed = owned.iter().map(|name| Requested::derived(format!("{name}Ref")));
        let borrowed = unique(borrowed.collect(), "", taken);
        for ((index, _), (owned, borrowed)) in here.into_iter().zip(owned.into_iter().zip(borrowed)) {
            self.unions[index].owned = owned;
            self.unions[index].borrowed = borrowed;
        }
    }
}

/// A requested name.
struct Requested {
    /// The original name: one that is unchanged takes precedence over those changed by casing.
    original: String,
    /// The order among the others.
    order: String,
    /// The name.
    name: String,
}

impl Requested {
    fn derived(name: String) -> Self {
        Self {
            original: name.clone(),
            order: name.clone(),
            name,
        }
    }

    fn cased(original: &str, name: String) -> Self {
        Self {
            original: original.to_owned(),
            order: original.to_owned(),
            name,
        }
    }
}

/// Gives each its requested name if it is free, else the first free one with a number from 2. The result does not depend on
/// the order of the requests.
fn unique(requested: Vec<Requested>, separator: &str, taken: &mut BTreeSet<String>) -> Vec<String> {
    let mut order = (0..requested.len()).collect::<Vec<_>>();
    order.sort_by_key(|index| {
        let requested = &requested[*index];
        (requested.original != requested.name, &requested.order)
    });
    let mut names = requested
        .into_iter()
        .map(|requested| requested.name)
        .collect::<Vec<_>>();
    order.retain(|index| !taken.insert(names[*index].clone()));
    for index in order {
        let numbered = (2_u32..).map(|number| format!("{}{separator}{number}", stem(&names[index])));
        let mut free = numbered.filter(|name| taken.insert(name.clone()));
        if let Some(free) = free.next() {
            names[index] = free;
        }
    }
    names
}

/// A name to which something is appended; `self_` has its underscore only to be no keyword.
fn stem(name: &str) -> &str {
    name.trim_end_matches('_')
}

/// The segments of a namespace that become modules.
fn stripped(name: &Name, prefix: Option<&str>) -> Vec<String> {
    let namespace = prefix
        .and_then(|prefix| strip(&name.namespace, prefix))
        .unwrap_or(&name.namespace);
    namespace
        .split('.')
        .filter(|segment| !segment.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What follows `prefix` in a namespace that begins with its segments.
pub(crate) fn strip<'a>(namespace: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = namespace.strip_prefix(prefix)?;
    if rest.is_empty() {
        Some(rest)
    } else {
        rest.strip_prefix('.')
    }
}

/// The path of modules for every namespace and for those around it.
fn modules(namespaces: &[Vec<String>]) -> BTreeMap<Vec<String>, Vec<String>> {
    let all = namespaces
        .iter()
        .flat_map(|path| (0..=path.len()).map(|end| path[..end].to_vec()));
    let all = all.collect::<BTreeSet<_>>();
    let mut modules = BTreeMap::<Vec<String>, Vec<String>>::new();
    // A set is sorted, so parents come before their children.
    for parent in &all {
        let above = modules.entry(parent.clone()).or_default().clone();
        let below = all
            .iter()
            .filter(|path| path.len() == parent.len() + 1 && path.starts_with(parent));
        let below = below.collect::<Vec<_>>();
        let requested = below.iter().filter_map(|path| path.last());
        let requested = requested.map(|segment| Requested::cased(segment, snake(segment)));
        let names = unique(requested.collect(), "_", &mut BTreeSet::new());
        for (path, name) in below.into_iter().zip(names) {
            modules.insert(path.clone(), above.iter().cloned().chain([name]).collect());
        }
    }
    modules
}

fn members(definition: &Definition) -> TypeNames {
    let members = match definition {
        Definition::Record(fields) => {
            let requested = fields
                .iter()
                .map(|field| Requested::cased(&field.name, snake(&field.name)));
            unique(requested.collect(), "_", &mut BTreeSet::new())
        }
        Definition::Enum { symbols, .. } => {
            let requested = symbols
                .iter()
                .map(|symbol| Requested::cased(&symbol.name, pascal(&symbol.name)));
            unique(requested.collect(), "", &mut BTreeSet::new())
        }
        Definition::Fixed { .. } => Vec::new(),
    };
    TypeNames {
        members,
        ..TypeNames::default()
    }
}

/// Variants have the short names of their types; those that clash are qualified by the namespace.
fn variants(types: &Types, union: &Union) -> UnionNames {
    let short = |shape: &Shape| match named(types, shape) {
        Some(name) => pascal(&name.simple),
        None => kind(shape).to_owned(),
    };
    let shorts = union
        .variants
        .iter()
        .map(|variant| short(&variant.shape))
        .collect::<Vec<_>>();
    let requested = union.variants.iter().zip(&shorts).map(|(variant, short)| {
        let clashes = shorts.iter().filter(|other| *other == short).count() > 1;
        let name = match named(types, &variant.shape) {
            Some(name) if clashes => pascal(&name.to_string().replace('.', "_")),
            _ => short.clone(),
        };
        Requested {
            original: name.clone(),
            order: format!("{:04}", variant.index),
            name,
        }
    });
    let variants = unique(requested.collect(), "", &mut BTreeSet::new());
    UnionNames {
        variants,
        ..UnionNames::default()
    }
}

fn named<'a>(types: &'a Types, shape: &Shape) -> Option<&'a Name> {
    match shape {
        Shape::Record(id) | Shape::Enum(id) | Shape::Fixed(id) => Some(&types.model.get(*id).name),
        _ => None,
    }
}

fn kind(shape: &Shape) -> &'static str {
    match shape {
        Shape::Null => "Null",
        Shape::Boolean => "Boolean",
        Shape::Int => "Int",
        Shape::Long => "Long",
        Shape::Float => "Float",
        Shape::Double => "Double",
        Shape::Bytes => "Bytes",
        Shape::String => "String",
        Shape::Array(_) => "Array",
        Shape::Map(_) => "Map",
        Shape::Logical(logical, _) => logical.rust_name(),
        Shape::Record(_) | Shape::Enum(_) | Shape::Fixed(_) => "Named",
        Shape::Single(_) | Shape::Optional { .. } | Shape::Union(_) => "Union",
    }
}

#[cfg(test)]
mod tests;

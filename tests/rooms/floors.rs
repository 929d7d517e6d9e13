//! The rule: a module imports only what is on its own floor or below, and modules beside each other do not import each
//! other in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::modules::{ModulePath, Modules};

/// An import from one module into another beside it, or below one beside it.
struct Import {
    place: String,
    path: String,
}

/// For each pair of modules beside each other, the first import from the one to the other.
type Imports = BTreeMap<(String, String), Import>;

/// What breaks the rule, one text each. `floors` are the modules at the crate's root, the lowest floor first; the root is
/// above them all.
///
/// What the root's file itself holds is the crate's face: a module that it only declares may re-export from any floor, so that a
/// public path need not be where the item is.
///
/// A module and the modules within it count as one for those beside it. Between a module and those within it anything
/// goes: the one is the face of the others.
pub(crate) fn check(modules: &Modules, root: &str, floors: &[&[&str]]) -> Vec<String> {
    let mut broken = listed(modules, floors);
    let mut by_parent: BTreeMap<ModulePath, Imports> = BTreeMap::new();
    for (from, module) in &modules.0 {
        for mention in module.mentions.iter().filter(|mention| mention.file != root) {
            let Some(to) = modules.holder(from, &mention.segments) else {
                continue;
            };
            let place = format!("{}:{}", mention.file, mention.line);
            let path = mention.segments.join("::");
            let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if let (Some(a), Some(b)) = (from.get(common), to.get(common)) {
                let imports = by_parent.entry(from[..common].to_vec()).or_default();
                let pair = (a.clone(), b.clone());
                imports.entry(pair).or_insert(Import { place, path });
            } else if to.is_empty() && !from.is_empty() {
                broken.push(format!(
                    "{place}: `{path}` is an item of the crate's root, which is above every floor; move it into a module"
                ));
            }
        }
    }
    for (parent, mut imports) in by_parent {
        if parent.is_empty() {
            broken.extend(upward(&mut imports, floors));
        }
        broken.extend(circles(&parent, &imports));
    }
    broken
}

/// Modules on no floor or on several, and floors that name what is not there.
fn listed(modules: &Modules, floors: &[&[&str]]) -> Vec<String> {
    let all = modules.0.keys().filter(|path| path.len() == 1);
    let all: BTreeSet<_> = all.map(|path| path[0].as_str()).collect();
    let named = floors.concat();
    let on_one = |name: &&str| named.iter().filter(|other| *other == name).count() == 1;
    let off = all.iter().filter(|name| !on_one(name));
    let off =
        off.map(|name| format!("`{name}` must be on one floor; put it above all modules that it imports"));
    let absent = named.iter().filter(|name| !all.contains(**name));
    let absent = absent.map(|name| format!("the floors name `{name}`, but there is no such module"));
    off.chain(absent).collect()
}

/// Takes out the imports that go up, each with its text.
fn upward(imports: &mut Imports, floors: &[&[&str]]) -> Vec<String> {
    let floor = |name: &str| floors.iter().position(|floor| floor.contains(&name));
    let up = imports.extract_if(.., |(from, to), _| floor(from) < floor(to));
    up.map(|((from, to), Import { place, path })| {
        format!(
            "{place}: `{from}` imports `{path}`, but `{to}` is on a floor above; a module imports only from its own floor \
             or below: move the item down, or the module up"
        )
    })
    .collect()
}

/// A shortest circle for each set of modules that import each other.
fn circles(parent: &[String], imports: &Imports) -> Vec<String> {
    let mut texts = Vec::new();
    let mut seen = BTreeSet::new();
    for start in imports.keys().map(|(from, _)| from) {
        let Some(circle) = circle(start, imports).filter(|_| !seen.contains(start)) else {
            continue;
        };
        let step = |pair: &[&String]| {
            let Import { place, path } = &imports[&(pair[0].clone(), pair[1].clone())];
            format!("`{}` imports `{path}` ({place})", pair[0])
        };
        let steps: Vec<_> = circle.windows(2).map(step).collect();
        let within = if parent.is_empty() {
            String::new()
        } else {
            format!(" of `{}`", parent.join("::"))
        };
        texts.push(format!(
            "the modules{within} import each other in a circle: {}; move what both need into one below",
            steps.join(", ")
        ));
        seen.extend(circle);
    }
    texts
}

/// A shortest way from a module back to it, with the module at both ends.
fn circle<'a>(start: &'a String, imports: &'a Imports) -> Option<Vec<&'a String>> {
    let next = |from: &'a String| imports.keys().filter(move |(a, _)| a == from).map(|(_, b)| b);
    let mut ways = VecDeque::from([vec![start]]);
    let mut reached = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for to in next(way[way.len() - 1]) {
            let longer = [&way[..], &[to]].concat();
            if to == start {
                return Some(longer);
            }
            if reached.insert(to) {
                ways.push_back(longer);
            }
        }
    }
    None
}

//! The workspace around a new package: adds the package to its members, as `cargo new` does.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::Error;

/// A workspace, and the change of its manifest.
#[derive(Debug)]
pub(super) struct Around {
    manifest: PathBuf,
    change: Change,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Change {
    /// The manifest with the package among its members, by this path.
    Add { path: String, text: String },
    /// The package is a member already, by this pattern.
    Has(String),
    /// The package is excluded by this pattern.
    Excluded(String),
    /// The manifest cannot be edited.
    Unreadable,
}

/// The workspace around a folder.
pub(super) fn around(folder: &Path) -> Option<Around> {
    let folder = std::path::absolute(folder).ok()?;
    folder.ancestors().skip(1).find_map(|root| {
        let manifest = root.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).ok()?;
        let path = folder
            .strip_prefix(root)
            .ok()?
            .to_string_lossy()
            .replace('\\', "/");
        let path = path.trim_end_matches("/.").to_owned();
        Some(Around {
            change: change(&text, &path)?,
            manifest,
        })
    })
}

impl Around {
    pub(super) fn write(&self) -> Result<(), Error> {
        let Change::Add { text, .. } = &self.change else {
            return Ok(());
        };
        fs::write(&self.manifest, text).map_err(|error| Error::io("write", &self.manifest, &error))
    }

    pub(super) fn report(&self, dry_run: bool) -> String {
        let manifest = self.manifest.display();
        match &self.change {
            Change::Add { path, .. } => {
                let changed = if dry_run { "would change" } else { "changed" };
                format!("{changed}  {manifest}: `{path}` is a member of the workspace\n")
            }
            Change::Has(pattern) => {
                format!("\nIt is a member of the workspace in {manifest}, by `{pattern}`.\n")
            }
            Change::Excluded(pattern) => {
                format!("\nIt is not a member of the workspace in {manifest}, which excludes `{pattern}`.\n")
            }
            Change::Unreadable => format!(
                "\nIt is inside a workspace: add it to `members` in {manifest}, or Cargo will not build it.\n"
            ),
        }
    }
}

/// The change of a manifest; `None` if it has no workspace.
fn change(text: &str, path: &str) -> Option<Change> {
    let Ok(table) = DeTable::parse(text) else {
        let has_workspace = text
            .lines()
            .any(|line| line.trim_start().starts_with("[workspace"));
        return has_workspace.then_some(Change::Unreadable);
    };
    let workspace = table.get_ref().get("workspace")?;
    let DeValue::Table(workspace_table) = workspace.get_ref() else {
        return Some(Change::Unreadable);
    };
    if let Some(pattern) = strings(workspace_table.get("exclude"))
        .into_iter()
        .find(|(pattern, _)| {
            path == pattern
                || path
                    .strip_prefix(pattern.as_str())
                    .is_some_and(|rest| rest.starts_with('/'))
        })
    {
        return Some(Change::Excluded(pattern.0));
    }
    let members = workspace_table.get("members");
    let listed = strings(members);
    if let Some((pattern, _)) = listed.iter().find(|(pattern, _)| covers(pattern, path)) {
        return Some(Change::Has(pattern.clone()));
    }
    let text = match members {
        Some(members) => with_member(
            text,
            members.span(),
            listed.last().map(|(_, span)| span.clone()),
            path,
        ),
        None => with_members(text, path),
    };
    Some(text.map_or(Change::Unreadable, |text| Change::Add {
        path: path.to_owned(),
        text,
    }))
}

/// The strings of a list, each with its byte range.
fn strings(list: Option<&Spanned<DeValue<'_>>>) -> Vec<(String, Range<usize>)> {
    let Some(DeValue::Array(items)) = list.map(Spanned::get_ref) else {
        return Vec::new();
    };
    let text = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
        DeValue::String(text) => Some((text.trim_end_matches('/').to_owned(), item.span())),
        _ => None,
    };
    items.iter().filter_map(text).collect()
}

/// Whether a pattern of Cargo matches a path: `*` is any part of a name.
fn covers(pattern: &str, path: &str) -> bool {
    let (patterns, parts): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
    patterns.len() == parts.len()
        && patterns
            .iter()
            .zip(parts)
            .all(|(pattern, part)| covers_part(pattern, part))
}

fn covers_part(pattern: &str, part: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == part,
        Some((before, after)) => part.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len())
                .filter(|at| rest.is_char_boundary(*at))
                .any(|at| covers_part(after, &rest[at..]))
        }),
    }
}

/// The manifest with one more member, laid out as the last one.
fn with_member(text: &str, list: Range<usize>, last: Option<Range<usize>>, path: &str) -> Option<String> {
    let item = format!("\"{path}\"");
    let end = list
        .end
        .checked_sub(1)
        .filter(|end| text.get(*end..list.end) == Some("]"))?;
    let (at, new) = match last {
        None => (end, item),
        Some(last) => {
            let line = text[..last.start].rfind('\n').map_or(0, |at| at + 1);
            let before = &text[line..last.start];
            let new = if line > list.start && before.trim().is_empty() {
                format!(",\n{before}{item}")
            } else {
                format!(", {item}")
            };
            // Before a trailing comma.
            (last.end, new)
        }
    };
    Some(format!("{}{new}{}", &text[..at], &text[at..]))
}

/// The manifest with a new list of members.
fn with_members(text: &str, path: &str) -> Option<String> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        let head = line.split('#').next().unwrap_or_default().trim();
        if head == "[workspace]" {
            let newline = if line.ends_with('\n') { "" } else { "\n" };
            return Some(format!(
                "{}{newline}members = [\"{path}\"]\n{}",
                &text[..at],
                &text[at..]
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(text: &str) -> String {
        match change(text, "services/accounts") {
            Some(Change::Add { text, .. }) => {
                assert_eq!(
                    change(&text, "services/accounts"),
                    Some(Change::Has("services/accounts".to_owned())),
                    "{text}"
                );
                text
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_package_becomes_a_member_in_the_layout_of_the_list() {
        for (before, after) in [
            (
                "[workspace]\nmembers = []\n",
                "[workspace]\nmembers = [\"services/accounts\"]\n",
            ),
            (
                "[workspace]\nmembers = [\"a\", 'b'] # ours\n",
                "[workspace]\nmembers = [\"a\", 'b', \"services/accounts\"] # ours\n",
            ),
            (
                "[workspace]\nmembers = [\n    \"a\", # first\n    \"b\",\n]\n",
                "[workspace]\nmembers = [\n    \"a\", # first\n    \"b\",\n    \"services/accounts\",\n]\n",
            ),
            (
                "[workspace]\nmembers = [\n  \"a\"\n]\n",
                "[workspace]\nmembers = [\n  \"a\",\n  \"services/accounts\"\n]\n",
            ),
            (
                "[package]\nname = \"a\"\n\n[workspace] # all\nresolver = \"3\"\n",
                "[package]\nname = \"a\"\n\n[workspace] # all\nmembers = [\"services/accounts\"]\nresolver = \"3\"\n",
            ),
            ("[workspace]", "[workspace]\nmembers = [\"services/accounts\"]\n"),
        ] {
            assert_eq!(added(before), after);
        }
    }

    #[test]
    fn a_package_that_is_a_member_or_excluded_changes_nothing() {
        let of = |list: &str| change(&format!("[workspace]\n{list}\n"), "services/accounts");
        for pattern in ["services/accounts", "services/*", "*/acc*s"] {
            let has = Some(Change::Has(pattern.to_owned()));
            assert_eq!(of(&format!("members = [\"{pattern}\"]")), has);
        }
        for pattern in ["services/x*", "*", "accounts"] {
            assert!(
                matches!(
                    of(&format!("members = [\"{pattern}\"]")),
                    Some(Change::Add { .. })
                ),
                "{pattern}"
            );
        }
        for pattern in ["services", "services/accounts"] {
            let excluded = Some(Change::Excluded(pattern.to_owned()));
            assert_eq!(of(&format!("exclude = [\"{pattern}\"]")), excluded);
        }
        assert_eq!(change("[package]\nname = \"a\"\n", "b"), None);
        assert_eq!(
            change("[workspace\nmembers = []\n", "b"),
            Some(Change::Unreadable)
        );
        assert_eq!(
            change("workspace = { resolver = \"3\" }\n", "b"),
            Some(Change::Unreadable)
        );
    }
}

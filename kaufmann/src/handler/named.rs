//! Defaults from a service's name and its schemas: the group, the topics.

use crate::config::Loader;
use crate::handler::Service;

impl Loader {
    /// Sets the defaults of the group and the topics from a service: its name in kebab case, and the topics named by the schemas
    /// of the events that it handles.
    #[must_use]
    pub fn service<V: Service>(self) -> Self {
        let named = V::HANDLERS
            .iter()
            .filter_map(|entry| entry.event?.topic)
            .map(str::to_owned);
        let mut topics: Vec<_> = named.collect();
        topics.sort();
        topics.dedup();
        self.defaults(kebab(V::NAME), topics)
    }
}

/// Whether a service has this name: its own, in either spelling, or its group's.
#[cfg(feature = "registry")]
pub(crate) fn is_service<V: Service>(config: &crate::config::Config, name: &str) -> bool {
    name == V::NAME || name == kebab(V::NAME) || name == config.group
}

/// `OrderBook` → `order-book`.
fn kebab(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 4);
    let mut before = None;
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().copied().enumerate() {
        let next_is_small = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        let starts = letter.is_uppercase()
            && before
                .is_some_and(|before: char| before.is_lowercase() || before.is_numeric() || next_is_small);
        if starts {
            kebab.push('-');
        }
        kebab.extend(
            letter
                .to_lowercase()
                .map(|letter| if letter == '_' { '-' } else { letter }),
        );
        before = Some(letter);
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_names_its_group_in_kebab_case() {
        for (name, group) in [
            ("Accounts", "accounts"),
            ("OrderBook", "order-book"),
            ("HTTPGate2Go", "http-gate2-go"),
        ] {
            assert_eq!(kebab(name), group);
        }
    }
}

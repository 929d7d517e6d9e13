//! Limits of dead letters for single topics and handlers: `[dead_letter.topics.NAME]`, `[dead_letter.handlers."PATH"]`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::kind::Kind;
use super::{DeadLetterConfig, OnLimit};

/// The keys of these tables.
const NAMES: [&str; 4] = ["max_share", "max_consecutive", "window", "on_limit"];

/// `dead_letter` as changed by one of its tables, and the table's mistakes: each a key and what is wrong.
pub(crate) fn changed(
    config: &DeadLetterConfig,
    table: &BTreeMap<String, String>,
) -> (DeadLetterConfig, Vec<(String, String)>) {
    let mut changed = config.clone();
    let mut mistakes = Vec::new();
    for (name, text) in table {
        if let Err(what) = set(&mut changed, name, text) {
            mistakes.push((name.clone(), what));
        }
    }
    (changed, mistakes)
}

/// All mistakes in these tables, each as `` `dead_letter.topics.shop.window` is … ``.
pub(crate) fn mistakes(config: &DeadLetterConfig) -> Vec<String> {
    let topics = config.topics.iter().map(|(name, table)| ("topics", name, table));
    let handlers = config
        .handlers
        .iter()
        .map(|(name, table)| ("handlers", name, table));
    let of = |(key, name, table): (&str, &String, &BTreeMap<String, String>)| {
        let (_, mistakes) = changed(config, table);
        let prefix = format!("dead_letter.{key}.{name}");
        let text = move |(own, what): (String, String)| format!("`{prefix}.{own}` {what}");
        mistakes.into_iter().map(text).collect::<Vec<_>>()
    };
    topics.chain(handlers).flat_map(of).collect()
}

fn set(config: &mut DeadLetterConfig, name: &str, text: &str) -> Result<(), String> {
    let read = |kind: Kind| {
        let value = kind.parse(text);
        value.map_err(|mismatch| format!("is {}, expected {}", mismatch.found, mismatch.expected))
    };
    let count = |min| {
        let value = read(Kind::Count {
            min,
            max: super::kind::MOST,
        })?;
        Ok::<_, String>(
            value
                .as_u64()
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or(u32::MAX),
        )
    };
    match name {
        "max_share" => config.max_share = read(Kind::Number { min: 0.0, max: 1.0 })?.as_f64().unwrap_or(1.0),
        "max_consecutive" => config.max_consecutive = count(0)?,
        "window" => config.window = count(1)?,
        "on_limit" => {
            let value: Value = read(Kind::Choice(&["stop", "hold_topic"]))?;
            config.on_limit = if value == "stop" {
                OnLimit::Stop
            } else {
                OnLimit::HoldTopic
            };
        }
        _ => {
            let meant = kaufmann_avro::suggest::closest(name, NAMES);
            let hint = meant
                .map(|meant| format!("did you mean `{meant}`? "))
                .unwrap_or_default();
            return Err(format!("is unknown; {hint}there are `{}`", NAMES.join("`, `")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        let entry = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        entries.iter().map(entry).collect()
    }

    #[test]
    fn a_table_changes_what_it_names_and_leaves_the_rest() {
        let config = DeadLetterConfig::default();
        let own = table(&[
            ("max_consecutive", "7"),
            ("max_share", "0.9"),
            ("on_limit", "hold_topic"),
        ]);
        let (changed, mistakes) = changed(&config, &own);
        assert_eq!(mistakes, []);
        assert_eq!((changed.max_consecutive, changed.max_share), (7, 0.9));
        assert_eq!(
            (changed.window, changed.on_limit),
            (config.window, OnLimit::HoldTopic)
        );
    }

    #[test]
    fn mistakes_name_their_key() {
        let mut config = DeadLetterConfig::default();
        let topics = table(&[("max_share", "2"), ("windows", "5")]);
        config.topics.insert("shop".to_owned(), topics);
        config
            .handlers
            .insert("a::b".to_owned(), table(&[("on_limit", "pause")]));
        let texts = mistakes(&config);
        assert_eq!(texts.len(), 3, "{texts:?}");
        assert!(
            texts[0].starts_with("`dead_letter.topics.shop.max_share` is "),
            "{texts:?}"
        );
        assert!(
            texts[1].contains("`dead_letter.topics.shop.windows` is unknown; did you mean `window`?"),
            "{texts:?}"
        );
        assert!(
            texts[2].starts_with("`dead_letter.handlers.a::b.on_limit` is "),
            "{texts:?}"
        );
    }
}

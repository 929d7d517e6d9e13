//! Filters records. Pure.

use serde_json::Value;

/// The records to show; an empty field admits all.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct Filter {
    pub(super) events: Vec<String>,
    pub(super) keys: Vec<String>,
    /// Fields that must all have these values.
    pub(super) fields: Vec<Field>,
}

/// A field and its value: `customer.name=ada`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Field {
    path: Vec<String>,
    value: String,
}

impl Field {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((path, value)) if !path.is_empty() => Ok(Self {
                path: path.split('.').map(str::to_owned).collect(),
                value: value.to_owned(),
            }),
            _ => Err("expected FIELD=VALUE, such as customer=ada or address.city=Paris".to_owned()),
        }
    }

    fn holds(&self, payload: &Value) -> bool {
        let found = self.path.iter().try_fold(payload, |value, name| match value {
            Value::Array(items) => items.get(name.parse::<usize>().ok()?),
            _ => value.get(name),
        });
        let printed = match found {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => return false,
        };
        printed == self.value
    }
}

impl Filter {
    pub(super) fn admits_key(&self, key: Option<&str>) -> bool {
        self.keys.is_empty() || key.is_some_and(|key| self.keys.iter().any(|wanted| wanted == key))
    }

    pub(super) fn admits(&self, event: Option<&str>, payload: Option<&Value>) -> bool {
        let is_wanted = |event: &str| self.events.iter().any(|wanted| wanted == event);
        let event_fits = self.events.is_empty() || event.is_some_and(is_wanted);
        let fields_fit = self
            .fields
            .iter()
            .all(|field| payload.is_some_and(|payload| field.holds(payload)));
        event_fits && fields_fit
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(field: &str, payload: &Value) -> bool {
        Field::parse(field).unwrap().holds(payload)
    }

    #[test]
    fn a_field_is_found_by_its_path_and_compared_as_it_is_printed() {
        let payload = json!({"id": 7, "by": {"name": "ada", "tags": ["x", "y"]}, "note": null, "ok": true});
        assert!(holds("id=7", &payload) && holds("by.name=ada", &payload) && holds("by.tags.1=y", &payload));
        assert!(holds("note=null", &payload) && holds("ok=true", &payload));
        assert!(
            !holds("id=07", &payload) && !holds("by.age=7", &payload) && !holds("by.name.x=ada", &payload)
        );
    }

    #[test]
    fn an_empty_filter_admits_all_and_each_condition_must_hold() {
        let none = Filter::default();
        assert!(none.admits(None, None) && none.admits_key(None));
        let some = Filter {
            events: vec!["a".to_owned(), "b".to_owned()],
            keys: vec!["k".to_owned()],
            fields: vec![Field::parse("id=7").unwrap()],
        };
        assert!(some.admits(Some("b"), Some(&json!({"id": 7}))));
        assert!(!some.admits(Some("c"), Some(&json!({"id": 7}))) && !some.admits(Some("a"), None));
        assert!(some.admits_key(Some("k")) && !some.admits_key(None));
        assert!(Field::parse("=x").is_err() && Field::parse("x").is_err());
    }
}

//! Valid records of the generator's fixtures, as their own writer and as another one writes them.

use kaufmann::EventInfo;
use kaufmann_avro::Schema;
use kaufmann_avro::json::encode_json;
use serde_json::{Value, json};

/// The samples of an event and its schema.
pub(crate) struct Samples {
    pub(crate) reader: Schema,
    /// A schema with the fields in the opposite order, and one more that no reader has.
    pub(crate) writer: Schema,
    /// What the reader's own writer makes of them.
    pub(crate) direct: Vec<Vec<u8>>,
    /// What the other writer makes of them.
    pub(crate) evolved: Vec<Vec<u8>>,
}

impl Samples {
    pub(crate) fn of(info: &EventInfo) -> Self {
        let reader = Schema::parse(info.schema).unwrap();
        let writer = Schema::parse(&changed(info.schema)).unwrap();
        let samples = info
            .samples
            .iter()
            .map(|text| serde_json::from_str(text).unwrap());
        let samples = samples.collect::<Vec<Value>>();
        let written = |schema: &Schema| {
            let encoded = samples.iter().map(|sample| {
                let mut bytes = Vec::new();
                encode_json(&schema.model, &schema.root, sample, &mut bytes).unwrap();
                bytes
            });
            encoded.collect::<Vec<_>>()
        };
        let (direct, evolved) = (written(&reader), written(&writer));
        assert!(!direct.is_empty(), "{} has no samples", info.name);
        Self {
            reader,
            writer,
            direct,
            evolved,
        }
    }
}

fn changed(schema: &str) -> String {
    let mut schema: Value = serde_json::from_str(schema).unwrap();
    let fields = schema["fields"].as_array_mut().unwrap();
    // A type is defined where it is met first, wherever that is.
    fields.reverse();
    let gone = json!({"type": "map", "values": {"type": "array", "items": ["null", "string"]}});
    let default = json!({"a": ["b", null, ""], "c": []});
    fields.insert(0, json!({"name": "gone", "type": gone, "default": default}));
    schema.to_string()
}

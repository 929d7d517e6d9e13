//! Valid records of the generator's fixtures, encoded by their own schema and by another writer's.

use kaufmann::EventInfo;
use kaufmann_avro::Schema;
use kaufmann_avro::json::encode_json;
use serde_json::{Value, json};

/// The samples of an event and its schema.
pub(crate) struct Samples {
    pub(crate) reader: Schema,
    /// A writer's schema: the fields in the opposite order, and one more that the reader does not have.
    pub(crate) writer: Schema,
    /// The samples, encoded by the reader's own schema.
    pub(crate) direct: Vec<Vec<u8>>,
    /// The samples, encoded by the writer's schema.
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
    // A type is defined at its first occurrence, whichever field that is.
    fields.reverse();
    let skipped = json!({"type": "map", "values": {"type": "array", "items": ["null", "string"]}});
    let default = json!({"a": ["b", null, ""], "c": []});
    fields.insert(0, json!({"name": "skipped", "type": skipped, "default": default}));
    schema.to_string()
}

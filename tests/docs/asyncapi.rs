//! The output of `asyncapi` is valid by the AsyncAPI specification's own JSON schema.

use std::fs;

use serde_json::{Value, json};

use super::root;

fn read(path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(root().join(path)).unwrap()).unwrap()
}

/// The errors that the specification's schema finds in a document.
fn mistakes(document: &Value) -> Vec<String> {
    let schema = read("tests/docs/asyncapi/3.0.0.json");
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mistakes = validator.iter_errors(document);
    mistakes
        .map(|mistake| format!("{}: {mistake}", mistake.instance_path()))
        .collect()
}

#[test]
fn the_documents_of_the_quickstart_and_of_a_service_with_everything_are_valid() {
    for path in [
        "examples/quickstart/asyncapi.json",
        "kaufmann/src/cli/asyncapi/snapshots/asyncapi.json",
    ] {
        assert_eq!(mistakes(&read(path)), [""; 0], "{path}");
    }
}

#[test]
fn the_schema_finds_invalid_asyncapi() {
    let good = read("examples/quickstart/asyncapi.json");
    for (pointer, wrong) in [
        ("/asyncapi", json!("2.6.0")),
        ("/operations/orders.placed/action", json!("consume")),
        ("/channels/shop/bindings/kafka/partitions", json!("many")),
        (
            "/components/messages/shop.order_placed/bindings/kafka/schemaIdLocation",
            json!("footer"),
        ),
        ("/servers/broker-1/protocol", json!(7)),
    ] {
        let mut document = good.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[name] = wrong;
        assert_ne!(mistakes(&document), [""; 0], "{pointer} is not looked at");
    }
}

/// AsyncAPI's own JSON schema does not check payloads in other formats.
#[test]
fn the_payloads_are_avro_schemas() {
    let document = read("examples/quickstart/asyncapi.json");
    let messages = document["components"]["messages"].as_object().unwrap();
    let mut count = 0;
    for payload in messages.values().filter_map(|message| message.get("payload")) {
        assert_eq!(
            payload["schemaFormat"],
            "application/vnd.apache.avro;version=1.12.0"
        );
        kaufmann_avro::Schema::parse(&payload["schema"].to_string()).unwrap();
        count += 1;
    }
    assert_eq!(count, 5);
}

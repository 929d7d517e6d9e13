//! The expected code of the fixtures, compiled and run: it is free of warnings, and what it writes and reads is what the
//! schema-driven codec of kaufmann-avro, which shares nothing with it, writes and reads.
#![deny(
    warnings,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    rust_2018_idioms,
    clippy::all
)]
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

#[path = "roundtrip/any.rs"]
mod any;
#[path = "roundtrip/evolved.rs"]
mod evolved;

use std::fmt::Debug;

use kaufmann::event::Body;
use kaufmann::{Event, Keyed, Payload};
use kaufmann_avro::json::encode_json;
use kaufmann_avro::resolve::Plan;
use kaufmann_avro::{Encode, Schema, decode};
use serde::Serialize;
use serde::de::DeserializeOwned;

macro_rules! fixtures {
    ($($case:ident)*) => {
        $(
            mod $case {
                include!(concat!("fixtures/", stringify!($case), "/expected.rs"));
            }
        )*

        const FIXTURES: &[&str] = &[$(stringify!($case)),*];
    };
}

fixtures! {
    aliases attributes callback collections collisions defaults defined_alike depth derives docs enums everything_at_once fixed
    keywords locked logical minimal nested no_namespace primitives recursion references samples_off std_names strip_prefix tops unions wide words
}

#[test]
fn every_sample_survives_both_forms_and_equals_the_schema_driven_encoding() {
    let (mut checked, mut evolved) = (0, 0);
    macro_rules! check {
        ($($borrowed:ty,)*) => {
            $(
                checked += 1;
                evolved += check::<<$borrowed as Payload>::Event, $borrowed>();
            )*
        };
    }
    check! {
        attributes::user::UserCreateRef<'_>,
        attributes::keys::k1::Key1Ref<'_>,
        attributes::keys::k2::Key2Ref<'_>,
        attributes::keys::k3::Key3Ref<'_>,
        attributes::keys::k4::Key4Ref<'_>,
        attributes::keys::k5::Key5Ref<'_>,
        attributes::keys::k6::Key6Ref<'_>,
        attributes::keys::k7::Key7Ref<'_>,
        attributes::keys::k8::Key8Ref<'_>,
        collections::collections::AllRef<'_>,
        collisions::a::user_events_2::UserCreated2Ref<'_>,
        aliases::acct::HelloRef<'_>,
        defaults::defaults::AllRef<'_>,
        defaults::defaults::SomeRef<'_>,
        defined_alike::shop::PlacedRef<'_>,
        depth::x::ARef<'_>,
        enums::enums::ChangedRef<'_>,
        fixed::fixed::MadeRef<'_>,
        keywords::self_::crate_::r#fn::str::TypeRef<'_>,
        logical::logical::AllRef<'_>,
        minimal::user::CreateRef<'_>,
        nested::shop::order::PlacedRef<'_>,
        no_namespace::CreateRef<'_>,
        primitives::primitives::AllRef<'_>,
        primitives::primitives::NumbersRef<'_>,
        primitives::primitives::EmptyRef<'_>,
        recursion::recursion::ListRef<'_>,
        recursion::recursion::TreeRef<'_>,
        recursion::recursion::ExpressionRef<'_>,
        recursion::recursion::PersonRef<'_>,
        recursion::recursion::NumbersRef<'_>,
        references::r#ref::FirstRef<'_>,
        std_names::std_names::AllRef<'_>,
        unions::unions::AllRef<'_>,
        words::words::AllRef<'_>,
        words::words::deep::MembersRef<'_>,
    }
    assert_eq!(
        checked,
        files_with_samples(),
        "a fixture's samples are not in the list above"
    );
    assert!(
        evolved > 150,
        "only {evolved} samples could be written by other writers"
    );
}

/// How many events of the fixtures have samples.
fn files_with_samples() -> usize {
    let cases = FIXTURES.iter().filter(|case| **case != "samples_off");
    let events = cases.flat_map(|case| std::fs::read_dir(format!("tests/fixtures/{case}")).unwrap());
    let names = events.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.ends_with(".samples.json")).count()
}

/// Checks the samples of an event; returns how many could be written by other writers.
fn check<E, P>() -> usize
where
    E: Event + Clone + Debug + PartialEq + Serialize + DeserializeOwned,
    P: Payload<Event = E>,
    for<'r> P::At<'r>: Encode + Debug + Into<E>,
{
    let name = E::INFO.defined_at;
    let schema = Schema::parse(E::INFO.schema).unwrap();
    assert_eq!(schema.fingerprint(), E::INFO.fingerprint, "{name}");
    assert!(!E::INFO.samples.is_empty(), "{name} has no samples");
    let mut evolved = 0;
    for sample in E::INFO.samples {
        let sample = serde_json::from_str(sample).unwrap();
        let mut expected = Vec::new();
        encode_json(&schema.model, &schema.root, &sample, &mut expected).unwrap();

        let owned = decode::<E>(&expected).unwrap();
        assert_eq!(encoded(&owned), expected, "{name} {owned:?}");
        let borrowed = P::decode(Body::new(&expected)).unwrap();
        assert_eq!(encoded(&borrowed), expected, "{name} {borrowed:?}");
        // NaN is not equal to itself, but looks the same.
        assert_eq!(format!("{:?}", borrowed.into()), format!("{owned:?}"), "{name}");

        let json = serde_json::to_string(&owned).unwrap();
        let again = serde_json::from_str::<E>(&json).unwrap();
        assert_eq!(encoded(&again), expected, "{name} {json}");
        let mut taken = Vec::new();
        encode_json(
            &schema.model,
            &schema.root,
            &serde_json::from_str(&json).unwrap(),
            &mut taken,
        )
        .unwrap();
        assert_eq!(taken, expected, "{name} {json}");
        assert_nothing_else_decodes::<E, P>(&expected);
        assert_both_forms_agree_on_damage::<E, P>(&expected);
        evolved += evolved::check::<E, P>(&schema, &expected);
    }
    any::check::<E, P>(&schema);
    evolved
}

fn encoded(value: &impl Encode) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out);
    out
}

/// Less than all bytes, or one more, are an error.
fn assert_nothing_else_decodes<E: Event, P: Payload<Event = E>>(bytes: &[u8]) {
    for end in 0..bytes.len() {
        assert!(decode::<E>(&bytes[..end]).is_err());
        assert!(P::decode(Body::new(&bytes[..end])).is_err());
    }
    let longer = [bytes, &[0]].concat();
    assert!(decode::<E>(&longer).is_err());
    assert!(P::decode(Body::new(&longer)).is_err());
}

/// Whatever becomes of a byte, nothing panics, and one form decodes exactly what the other does.
fn assert_both_forms_agree_on_damage<E, P>(bytes: &[u8])
where
    E: Event + Debug,
    P: Payload<Event = E>,
    for<'r> P::At<'r>: Debug + Into<E>,
{
    for at in 0..bytes.len() {
        for damage in [
            0x00,
            0x01,
            0x02,
            0x03,
            0x7f,
            0x80,
            0xff,
            bytes[at] ^ 0x01,
            bytes[at] ^ 0x80,
        ] {
            let mut damaged = bytes.to_vec();
            damaged[at] = damage;
            let owned = decode::<E>(&damaged).map(|owned| format!("{owned:?}"));
            let borrowed = P::decode(Body::new(&damaged)).map(|borrowed| format!("{:?}", borrowed.into()));
            match (owned, borrowed) {
                (Ok(owned), Ok(borrowed)) => assert_eq!(owned, borrowed),
                (Err(owned), Err(borrowed)) => assert_eq!(owned.to_string(), borrowed.to_string()),
                (owned, borrowed) => panic!("{owned:?} but {borrowed:?} of {damaged:?}"),
            }
        }
    }
}

#[test]
fn every_fixture_that_compiles_is_here() {
    let mut expected = std::fs::read_dir("tests/fixtures")
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("expected.rs").exists())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect::<Vec<_>>();
    expected.sort();
    assert_eq!(FIXTURES, expected);
}

#[test]
fn a_writers_field_whose_name_is_none_is_read_by_its_alias() {
    use aliases::acct::{Hello, HelloRef};

    let writer = r#"{"type": "record", "name": "acct.old-hello", "fields": [
        {"name": "detail-type", "type": "string"}, {"name": "id", "type": "string"}]}"#;
    let (writer, reader) = (
        Schema::parse(writer).unwrap(),
        Schema::parse(Hello::SCHEMA).unwrap(),
    );
    let mut bytes = Vec::new();
    let value = serde_json::json!({"id": "1", "detail-type": "dt"});
    encode_json(&writer.model, &writer.root, &value, &mut bytes).unwrap();
    let plan = Plan::new(&writer, &reader).unwrap();
    let read = HelloRef::decode(Body::resolved(&bytes, &plan)).unwrap();
    assert_eq!((read.id, read.detail_type), ("1", Some("dt")));
}

#[test]
fn parts_of_others_are_events_that_no_service_must_handle() {
    use defined_alike::shop::{Address, Customer};

    assert_eq!((Address::NAME, Address::INDEX), ("shop.Address", usize::MAX));
    assert_eq!(defined_alike::ALL[Customer::INDEX], "shop.Customer");
    assert!(!defined_alike::ALL.contains(&"shop.Address"));
}

#[test]
fn the_default_of_a_record_is_that_of_its_schema() {
    use defaults::defaults::{All, Some};

    // The only sample has no fields, so that all of them are the schema's defaults.
    let schema = Schema::parse(All::SCHEMA).unwrap();
    let mut expected = Vec::new();
    encode_json(&schema.model, &schema.root, &serde_json::json!({}), &mut expected).unwrap();
    assert_eq!(encoded(&All::default()), expected);
    assert_eq!(encoded(&All::new()), expected);

    let some = Some::new(1, "b".to_owned());
    assert_eq!(some.status, "new");
    assert_eq!(
        serde_json::from_str::<Some>(r#"{"a": 1, "b": "b"}"#).unwrap(),
        some
    );
}

#[test]
fn a_key_is_the_text_of_its_field_or_its_raw_bytes() {
    fn key<E: Event>() -> Option<Vec<u8>> {
        let schema = Schema::parse(E::INFO.schema).unwrap();
        let sample = serde_json::from_str(E::INFO.samples[0]).unwrap();
        let mut bytes = Vec::new();
        encode_json(&schema.model, &schema.root, &sample, &mut bytes).unwrap();
        let mut out = Vec::new();
        decode::<E>(&bytes).unwrap().key(&mut out).then_some(out)
    }
    /// The key, read as that of a tombstone and written again.
    fn again<E: Keyed>() -> Option<Vec<u8>> {
        let key = key::<E>().unwrap();
        let mut out = Vec::new();
        E::write_key(&E::read_key(&key).unwrap(), &mut out);
        assert_eq!(out, key);
        assert_eq!(E::read_key(b"\0\0\0\0\x01\xff no key"), None);
        Some(key)
    }
    use attributes::{keys, user};

    let uuid = b"6ba7b810-9dad-11d1-80b4-00c04fd430c8".to_vec();
    assert_eq!(again::<user::UserCreate>(), Some(b"k1".to_vec()));
    assert_eq!(key::<keys::k1::Key1>(), Some(vec![1, 2]));
    assert_eq!(
        keys::k1::Key1::read_key(&[1, 2]),
        Some(vec![1, 2]),
        "any bytes are a key of bytes"
    );
    assert_eq!(again::<keys::k2::Key2>(), Some(b"-12".to_vec()));
    assert_eq!(again::<keys::k3::Key3>(), Some(b"A_B".to_vec()));
    assert_eq!(again::<keys::k4::Key4>(), Some(b"xy".to_vec()));
    assert_eq!(again::<keys::k5::Key5>(), Some(uuid.clone()));
    assert_eq!(again::<keys::k6::Key6>(), Some(uuid));
    assert_eq!(again::<keys::k7::Key7>(), Some(b"77".to_vec()));
    assert_eq!(again::<keys::k8::Key8>(), Some(b"s".to_vec()));
    assert_eq!(key::<minimal::user::Create>(), None);
}

#[test]
fn an_event_knows_its_name_its_place_and_its_attributes() {
    use attributes::user::{Same, UserCreate};

    let info = UserCreate::INFO;
    assert_eq!((info.name, info.full_name), ("user.create", "user.UserCreate"));
    assert_eq!(info.aliases, ["user.UserMade", "old.UserMade"]);
    assert_eq!((info.topic, info.key), (Some("users"), Some("user.id.value")));
    assert_eq!(info.defined_at, "tests/fixtures/attributes/a.avsc:1:28");
    assert_eq!(attributes::ALL[UserCreate::INDEX], "user.create");
    assert_eq!(attributes::ALL[<Same as Event>::INDEX], "user.Same");
    assert!(attributes::ALL.is_sorted());
    assert!(!attributes::ALL.contains(&"user.NoEvent"));
}

#[test]
fn the_last_of_equal_keys_wins_in_the_owned_map_only() {
    use collections::collections::{All, AllRef};

    // Every field but `counts`, which has the key `a` twice, is empty.
    let bytes = [0, 0, 0, 0, 0, 4, 2, b'a', 2, 2, b'a', 4, 0, 0, 0, 0, 0];
    let borrowed = decode::<AllRef<'_>>(&bytes).unwrap();
    assert_eq!(borrowed.counts, [("a", 1), ("a", 2)]);
    let owned = decode::<All>(&bytes).unwrap();
    assert_eq!(
        owned.counts.into_iter().collect::<Vec<_>>(),
        [("a".to_owned(), 2)]
    );
    assert_eq!(borrowed.to_owned().counts["a"], 2);
}

#[test]
fn nesting_beyond_the_limit_is_an_error_and_no_overflow() {
    use recursion::recursion::{Expression, List, Tree};

    // A list's node is an empty string and the branch of another node.
    assert!(decode::<List>(&[0, 2].repeat(1_000_000)).is_err());
    // A tree's node has one child, and so on.
    assert!(decode::<Tree>(&[2].repeat(1_000_000)).is_err());
    // An expression's left side is the third branch.
    assert!(decode::<Expression>(&[4].repeat(1_000_000)).is_err());
}

#[test]
fn variants_come_from_their_values_where_only_one_fits() {
    use unions::unions::{AllPlain, AllRecords, AllThree, Cash};

    assert_eq!(AllPlain::from(true), AllPlain::Boolean(true));
    assert_eq!(AllThree::from("x".to_owned()), AllThree::String("x".to_owned()));
    assert_eq!(
        AllRecords::from(Cash { cents: 1 }),
        AllRecords::Cash(Cash { cents: 1 })
    );
    let json = serde_json::to_string(&AllRecords::Cash(Cash { cents: 1 })).unwrap();
    assert_eq!(json, r#"{"unions.Cash":{"cents":1}}"#);
}

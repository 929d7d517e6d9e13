//! Benchmarks of kaufmann's generated codecs, of one written by hand, and of other crates.
//!
//! `cargo run --release -p codecs [ROUNDS]` prints a table for each kind of work and each size. Every contender runs in every
//! round. Measured is the thread's CPU time, so that other processes matter little; ratios are taken within a round.

mod by_hand;
mod measure;
mod peers;

kaufmann::include_events!();

use std::hint::black_box;

use anyhow::{Context, Result, ensure};
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use kaufmann::types::TimestampMillis;
use kaufmann_avro::resolve::{self, Plan};
use kaufmann_avro::{Encode, Schema, json};
use prost::Message;

use events::bench::{Address, Basket, BasketRef, Line, Status};
use measure::{Contender, measure};

const EVOLVED: &str = include_str!("../evolved.avsc");

fn main() -> Result<()> {
    let rounds = std::env::args().nth(1).map_or(Ok(101), |text| text.parse());
    let rounds = rounds.context("the argument is the number of rounds")?;
    for (size, lines) in [("small", 2), ("large", 60)] {
        Sample::new(lines)?.run(size, rounds)?;
    }
    Ok(())
}

/// The data of one size.
struct Sample {
    basket: Basket,
    serde: peers::Basket,
    proto: peers::ProtoBasket,
    bytes: Vec<u8>,
    evolved: Vec<u8>,
    proto_bytes: Vec<u8>,
    plan: Plan,
    apache: apache_avro::Schema,
    apache_writer: apache_avro::Schema,
    fast: serde_avro_fast::Schema,
    fast_writer: serde_avro_fast::Schema,
}

impl Sample {
    fn new(lines: usize) -> Result<Self> {
        let basket = basket(lines);
        let serde = peers::Basket::from(&basket);
        let proto = peers::ProtoBasket::from(&basket);
        let mut bytes = Vec::new();
        basket.encode(&mut bytes);

        let parse = |text| Schema::parse(text).map_err(|errors| anyhow::anyhow!("{errors:?}"));
        let (writer, reader) = (parse(EVOLVED)?, parse(Basket::SCHEMA)?);
        let plan = Plan::new(&writer, &reader).map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
        let mut value = json::decode_json(&reader.model, &reader.root, &bytes)?;
        value["channel"] = "the shop around the corner".into();
        value["payment"] = serde_json::json!({"method": "invoice", "cents": 4_711});
        let mut evolved = Vec::new();
        json::encode_json(&writer.model, &writer.root, &value, &mut evolved)?;

        let sample = Self {
            proto_bytes: proto.encode_to_vec(),
            apache: apache_avro::Schema::parse_str(Basket::SCHEMA)?,
            apache_writer: apache_avro::Schema::parse_str(EVOLVED)?,
            fast: Basket::SCHEMA.parse()?,
            fast_writer: EVOLVED.parse()?,
            basket,
            serde,
            proto,
            bytes,
            evolved,
            plan,
        };
        sample.check()?;
        Ok(sample)
    }

    /// Checks that all contenders decode and encode the same.
    fn check(&self) -> Result<()> {
        let mut by_hand = Vec::new();
        by_hand::encode(&self.basket, &mut by_hand);
        ensure!(by_hand == self.bytes, "the hand-written encoder differs");
        ensure!(
            by_hand::decode(&self.bytes)? == self.basket,
            "the hand-written decoder differs"
        );
        ensure!(
            by_hand::decode_borrowed(&self.bytes)?.to_owned() == self.basket,
            "the borrowed type differs"
        );
        ensure!(
            resolve::decode::<Basket>(&self.evolved, &self.plan)? == self.basket,
            "the plan differs"
        );
        let fast: peers::Basket = serde_avro_fast::from_datum_slice(&self.evolved, &self.fast_writer)?;
        ensure!(
            format!("{fast:?}") == format!("{:?}", self.serde),
            "serde_avro_fast differs"
        );
        let mut config = serde_avro_fast::ser::SerializerConfig::new(&self.fast);
        let fast = serde_avro_fast::to_datum_vec(&self.serde, &mut config)?;
        ensure!(fast == self.bytes, "serde_avro_fast writes otherwise");
        let apache = GenericDatumWriter::builder(&self.apache)
            .build()?
            .write_ser_to_vec(&self.serde)?;
        ensure!(apache == self.bytes, "apache-avro writes otherwise");
        let reader = GenericDatumReader::builder(&self.apache).build()?;
        let apache: peers::Basket = reader.read_deser(&mut &self.bytes[..])?;
        ensure!(
            format!("{apache:?}") == format!("{:?}", self.serde),
            "apache-avro differs"
        );
        ensure!(
            peers::ProtoBasket::decode(&self.proto_bytes[..])? == self.proto,
            "prost differs"
        );
        Ok(())
    }

    fn run(&self, size: &str, rounds: usize) -> Result<()> {
        let title = |work: &str, bytes: &[u8]| format!("{work}, {size}: {} bytes", bytes.len());
        measure(&title("decode, owned", &self.bytes), rounds, &mut self.owned()?)?;
        measure(
            &title("decode, borrowed", &self.bytes),
            rounds,
            &mut self.borrowed(),
        )?;
        measure(
            &title("decode of an evolved writer", &self.evolved),
            rounds,
            &mut self.resolved()?,
        )?;
        measure(
            &title("encode into a reused buffer", &self.bytes),
            rounds,
            &mut self.encode()?,
        )
    }

    fn owned(&self) -> Result<Vec<Contender<'_>>> {
        let reader = GenericDatumReader::builder(&self.apache).build()?;
        let reader2 = GenericDatumReader::builder(&self.apache).build()?;
        Ok(vec![
            Contender::new("kaufmann", || {
                Ok(drop(black_box(kaufmann_avro::decode::<Basket>(black_box(
                    &self.bytes,
                ))?)))
            }),
            Contender::new("by hand", || {
                Ok(drop(black_box(by_hand::decode(black_box(&self.bytes))?)))
            }),
            Contender::new("serde_avro_fast", || {
                let basket: peers::Basket =
                    serde_avro_fast::from_datum_slice(black_box(&self.bytes), &self.fast)?;
                Ok(drop(black_box(basket)))
            }),
            Contender::new("apache-avro, serde", move || {
                Ok(drop(black_box(
                    reader.read_deser::<peers::Basket>(&mut black_box(&self.bytes[..]))?,
                )))
            }),
            Contender::new("apache-avro, Value", move || {
                let value = reader2.read_value(&mut black_box(&self.bytes[..]))?;
                Ok(drop(black_box(apache_avro::from_value::<peers::Basket>(&value)?)))
            }),
            Contender::new("prost", || {
                Ok(drop(black_box(peers::ProtoBasket::decode(black_box(
                    &self.proto_bytes[..],
                ))?)))
            }),
        ])
    }

    fn borrowed(&self) -> Vec<Contender<'_>> {
        vec![
            Contender::new("kaufmann", || {
                Ok(drop(black_box(kaufmann_avro::decode::<BasketRef<'_>>(
                    black_box(&self.bytes),
                )?)))
            }),
            Contender::new("by hand", || {
                Ok(drop(black_box(by_hand::decode_borrowed(black_box(&self.bytes))?)))
            }),
            Contender::new("serde_avro_fast", || {
                let basket: peers::BasketRef<'_> =
                    serde_avro_fast::from_datum_slice(black_box(&self.bytes), &self.fast)?;
                Ok(drop(black_box(basket)))
            }),
        ]
    }

    fn resolved(&self) -> Result<Vec<Contender<'_>>> {
        let reader = GenericDatumReader::builder(&self.apache_writer)
            .reader_schema(&self.apache)
            .build()?;
        Ok(vec![
            Contender::new("kaufmann, the own writer", || {
                Ok(drop(black_box(kaufmann_avro::decode::<Basket>(black_box(
                    &self.bytes,
                ))?)))
            }),
            Contender::new("kaufmann", || {
                Ok(drop(black_box(resolve::decode::<Basket>(
                    black_box(&self.evolved),
                    &self.plan,
                )?)))
            }),
            Contender::new("kaufmann, borrowed", || {
                Ok(drop(black_box(resolve::decode::<BasketRef<'_>>(
                    black_box(&self.evolved),
                    &self.plan,
                )?)))
            }),
            Contender::new("serde_avro_fast, by name", || {
                let basket: peers::Basket =
                    serde_avro_fast::from_datum_slice(black_box(&self.evolved), &self.fast_writer)?;
                Ok(drop(black_box(basket)))
            }),
            Contender::new("apache-avro, Value, resolved", move || {
                let value = reader.read_value(&mut black_box(&self.evolved[..]))?;
                Ok(drop(black_box(apache_avro::from_value::<peers::Basket>(&value)?)))
            }),
        ])
    }

    fn encode(&self) -> Result<Vec<Contender<'_>>> {
        let writer = GenericDatumWriter::builder(&self.apache).build()?;
        let mut config = serde_avro_fast::ser::SerializerConfig::new(&self.fast);
        let buffer = || Vec::with_capacity(2 * self.bytes.len());
        let (mut own, mut hand, mut fast, mut apache, mut proto) =
            (buffer(), buffer(), buffer(), buffer(), buffer());
        Ok(vec![
            Contender::new("kaufmann", move || {
                own.clear();
                black_box(&self.basket).encode(&mut own);
                black_box(&own);
                Ok(())
            }),
            Contender::new("by hand", move || {
                hand.clear();
                by_hand::encode(black_box(&self.basket), &mut hand);
                black_box(&hand);
                Ok(())
            }),
            Contender::new("serde_avro_fast", move || {
                fast.clear();
                serde_avro_fast::to_datum(black_box(&self.serde), &mut fast, &mut config)?;
                black_box(&fast);
                Ok(())
            }),
            Contender::new("apache-avro, serde", move || {
                apache.clear();
                writer.write_ser(&mut apache, black_box(&self.serde))?;
                black_box(&apache);
                Ok(())
            }),
            Contender::new("prost", move || {
                proto.clear();
                black_box(&self.proto).encode(&mut proto)?;
                black_box(&proto);
                Ok(())
            }),
        ])
    }
}

fn basket(lines: usize) -> Basket {
    let line = |index: usize| Line {
        sku: format!("SKU-{:05}", index * 37),
        name: [
            "Straight razor",
            "Café crème, 250 g",
            "A teapot with a long description",
        ][index % 3]
            .to_owned(),
        count: index as i32 % 7 + 1,
        cents: 199 + 1_000 * index as i64,
        discount: index.is_multiple_of(3).then_some(0.15),
    };
    let label = |index: usize| (format!("label-{index}"), format!("value of {index}"));
    Basket {
        id: "7b4e92f0-577f-4c07-8a6b-b56175bf8b39".to_owned(),
        customer: "customer-4711".to_owned(),
        status: Status::Paid,
        address: Address {
            street: "Große Bergstraße 12".to_owned(),
            city: "Hamburg".to_owned(),
            lat: 53.55,
            lon: 9.93,
        },
        lines: (0..lines).map(line).collect(),
        labels: (0..lines.min(8)).map(label).collect(),
        note: Some("Leave it with the neighbours.".to_owned()),
        at: TimestampMillis(1_795_219_200_000),
    }
}

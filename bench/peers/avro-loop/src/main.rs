//! The loop as people write it: `StreamConsumer`, and serde through apache-avro's `Value`.
//!
//! `avro-loop` has the writer's schema built in and strips Confluent's frame by hand; `avro-converter-loop` leaves both to
//! schema_registry_converter, which looks the id up in a registry and caches the schema.

use anyhow::{Context, Result, bail, ensure};
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::{Schema, from_value};
use bench_checks::{Checks, Contend, Kind, Order, Purchased, SCHEMA_ID};
use clap::Parser;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::{ClientConfig, Message};
use schema_registry_converter::async_impl::avro::AvroDecoder;
use schema_registry_converter::async_impl::schema_registry::SrSettings;

const SCHEMA: &str = include_str!("../../../schemas/purchased.avsc");

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    contend: Contend,
}

fn main() -> Result<()> {
    let contend = Cli::parse().contend;
    ensure!(contend.kind == Kind::Drain, "this loop only drains");
    let checks = Checks::new(&contend, Order::Key);
    let runtime = tokio::runtime::Runtime::new()?;
    match contend.name.as_str() {
        "avro-loop" => runtime.block_on(by_datum(&contend, &checks))?,
        "avro-converter-loop" => runtime.block_on(by_converter(&contend, &checks))?,
        other => bail!("there is no contender `{other}`"),
    }
    checks.print(&contend)
}

async fn by_datum(contend: &Contend, checks: &Checks) -> Result<()> {
    let schema = Schema::parse_str(SCHEMA)?;
    let reader = GenericDatumReader::builder(&schema).build()?;
    let consumer = consumer(contend)?;
    while !checks.is_done() {
        let message = consumer.recv().await?;
        let payload = message.payload().context("the record has no payload")?;
        ensure!(
            payload.len() > 5 && payload[0] == 0 && payload[1..5] == SCHEMA_ID.to_be_bytes(),
            "the record has another schema"
        );
        let event: Purchased = from_value(&reader.read_value(&mut &payload[5..])?)?;
        checks.handle(event.sequence, event.amount_cents);
        consumer.store_offset_from_message(&message)?;
    }
    Ok(())
}

async fn by_converter(contend: &Contend, checks: &Checks) -> Result<()> {
    let registry = contend.registry.clone().context("`--registry` is missing")?;
    let decoder = AvroDecoder::new(SrSettings::new(registry));
    let consumer = consumer(contend)?;
    while !checks.is_done() {
        let message = consumer.recv().await?;
        let decoded = decoder.decode(message.payload()).await?;
        let event: Purchased = apache_avro_of_converter::from_value(&decoded.value)?;
        checks.handle(event.sequence, event.amount_cents);
        consumer.store_offset_from_message(&message)?;
    }
    Ok(())
}

fn consumer(contend: &Contend) -> Result<StreamConsumer> {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", &contend.brokers)
        .set("group.id", &contend.group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "true")
        .set("enable.auto.offset.store", "false")
        .set("fetch.queue.backoff.ms", "5")
        .create()?;
    consumer.subscribe(&[&contend.topic])?;
    Ok(consumer)
}

//! The memory of a service whose topic is compressed well.

use anyhow::{Context, Result};
use kaufmann_tests::rig::Rig;

use crate::shop::Shop;

crate::tests![well_compressed_batches_take_no_more_memory_than_documented];

const PARTITIONS: i32 = 4;
const RECORDS: i64 = 200;
/// The size of a record, unpacked.
const SIZE: usize = 1_000_000;
const MIB: u64 = 1 << 20;
/// The service's `max_bytes`.
const BUDGET: u64 = 16 * MIB;
/// Prefetched from a partition with that budget: unpacked, and compressed in one fetch.
const QUEUED: u64 = 512 << 10;
const PACKED: u64 = 32 << 10;
/// The process itself, handlers, and memory kept by allocators.
const PROCESS: u64 = 120 * MIB;

fn well_compressed_batches_take_no_more_memory_than_documented(rig: &Rig) -> Result<()> {
    let shop = Shop::open(rig, "packed", PARTITIONS)?;
    let mut record = shop.cancelled("ada", &" ".repeat(SIZE), 0)?;
    for partition in 0..PARTITIONS {
        record.partition = partition;
        let records = vec![record.clone(); 20];
        for _ in 0..RECORDS / 20 {
            shop.client.produce_packed(&shop.topic, &records, "gzip")?;
        }
    }
    let unpacked = u64::try_from(RECORDS)? * SIZE as u64;
    let packed = shop.servers.kafka.log_size(&shop.topic, 0)?;
    let partitions = u64::try_from(PARTITIONS)?;
    // A partition has at most all its records, and one batch more than a fetch takes.
    let ahead = (QUEUED + PACKED * unpacked / packed + SIZE as u64).min(unpacked);
    let said = BUDGET + partitions * ahead + PROCESS;
    assert!(
        said < partitions * unpacked / 2,
        "the bound shows nothing: {said} of {unpacked} bytes in each partition, packed to {packed}"
    );

    let mut service = shop
        .service()
        .with_env("KAUFMANN_MAX_BYTES", "16MiB")
        .with_env("KAUFMANN_MAX_IN_FLIGHT", "4")
        .start()?;
    shop.wait_committed().with_context(|| service.tail())?;
    let peak = service.peak_memory()?;
    let logs = service.logs();
    service.stop_cleanly()?;
    assert!(
        peak < said,
        "{} MiB of {} MiB that are said",
        peak / MIB,
        said / MIB
    );
    assert!(logs.contains("the prefetch takes at most"), "{logs}");
    Ok(())
}

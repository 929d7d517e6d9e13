//! What is measured.

use bench_checks::Kind;
use serde::Serialize;

/// A topic and what is done with it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Workload {
    pub(crate) name: String,
    /// Which table it is in; those of one table stand together.
    pub(crate) table: Table,
    pub(crate) kind: Kind,
    pub(crate) records: u64,
    pub(crate) keys: u64,
    pub(crate) partitions: i32,
    pub(crate) in_flight: usize,
    /// How long a handler sleeps or computes, in microseconds.
    pub(crate) work: u64,
    /// How many bytes a payload has at least.
    pub(crate) payload: usize,
    /// How many events the records are of.
    pub(crate) handlers: u32,
    /// How many replies may wait for the broker.
    pub(crate) outstanding: usize,
    /// The producer's `linger.ms`.
    pub(crate) linger: u64,
    /// How many records a second are written while they are handled.
    pub(crate) rate: u64,
    /// The contenders, each with its name in `bench contend` or in `peers`.
    pub(crate) contenders: Vec<&'static str>,
}

/// What a table shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Table {
    /// Records a second and CPU, beside the fastest loop by hand.
    Drain,
    /// Time beside the ideal.
    Sleep,
    /// A row a workload: time by the ideal.
    Grid,
    /// When the other keys were done.
    Slow,
    /// Deliveries a second and CPU.
    Reply,
    /// How late records were that are written while they are handled.
    Live,
    /// The time to the first record.
    Start,
    /// A row a workload: time per record.
    Growth,
}

impl Table {
    /// Whether several workloads share one.
    pub(crate) fn is_shared(self) -> bool {
        matches!(self, Self::Grid | Self::Growth)
    }
}

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Extent {
    /// The drain and one sleeping workload.
    Quick,
    /// A choice of each kind.
    Full,
    /// Everything.
    All,
}

/// The workloads; `records` is the size of the drain.
pub(crate) fn all(records: u64, extent: Extent) -> Vec<Workload> {
    let mut all = vec![drain(records), sleep_10ms()];
    if extent == Extent::Quick {
        return all;
    }
    all.extend(other_drains(records));
    all.extend(grid(extent));
    all.extend([cpu("cpu-50us", 50, 40_000), cpu("cpu-1ms", 1_000, 2_000)]);
    all.push(slow_key());
    all.extend(replies());
    all.extend(live());
    all.push(start());
    all.extend(growth());
    all
}

/// What the check of CI compares: small, and as much as makes a ratio.
pub(crate) fn of_check() -> [Workload; 2] {
    let drain = Workload {
        contenders: vec!["kaufmann", "loop"],
        ..drain(1_000_000)
    };
    let sleep = Workload {
        contenders: vec!["kaufmann"],
        records: 10_000,
        ..sleep_10ms()
    };
    [drain, sleep]
}

fn drain(records: u64) -> Workload {
    Workload {
        name: "drain".to_owned(),
        table: Table::Drain,
        kind: Kind::Drain,
        records,
        keys: 1000,
        partitions: 4,
        in_flight: 50,
        work: 0,
        payload: 0,
        handlers: 1,
        outstanding: 10_000,
        linger: 5,
        rate: 1,
        contenders: vec![
            "kaufmann",
            "kaufmann-ref",
            "kaufmann-partition",
            "kaufmann-none",
            "loop",
            "loop-large",
            "loop-default",
            "batch",
            "avro-loop",
            "avro-converter-loop",
            "ruststream",
            "ruststream-keys",
            "parallel-consumer",
        ],
    }
}

fn other_drains(records: u64) -> [Workload; 3] {
    let some = vec![
        "kaufmann",
        "kaufmann-ref",
        "loop",
        "batch",
        "avro-loop",
        "ruststream",
        "parallel-consumer",
    ];
    let like = |name: &str, partitions, records, payload| Workload {
        name: name.to_owned(),
        partitions,
        records,
        payload,
        contenders: some.clone(),
        ..drain(0)
    };
    [
        like("drain-1-partition", 1, records, 0),
        like("drain-1kb", 4, records / 2, 1_000),
        like("drain-10kb", 4, records / 10, 10_000),
    ]
}

fn sleep_10ms() -> Workload {
    Workload {
        name: "sleep-10ms".to_owned(),
        table: Table::Sleep,
        kind: Kind::Sleep,
        records: 20_000,
        keys: 100,
        in_flight: 100,
        work: 10_000,
        contenders: vec![
            "kaufmann",
            "kaufmann-ref",
            "kaufmann-none",
            "spawn",
            "ruststream-keys",
            "parallel-consumer",
        ],
        ..drain(0)
    }
}

/// Sleeping handlers: times, keys and partitions. Each has a second of work for as many handlers as can run.
fn grid(extent: Extent) -> Vec<Workload> {
    let mut all = Vec::new();
    for partitions in [1, 4] {
        for millis in [1, 10, 100] {
            for keys in [Some(10), Some(100), None] {
                let chosen = match (partitions, millis, keys) {
                    (4, 10, _) | (4, _, Some(100)) => true,
                    _ => (partitions, millis, keys) == (1, 10, Some(100)),
                };
                if chosen || extent == Extent::All {
                    all.push(sleep(partitions, millis, keys));
                }
            }
        }
    }
    all
}

fn sleep(partitions: i32, millis: u64, keys: Option<u64>) -> Workload {
    let records = 1_000 / millis * keys.unwrap_or(100).min(100);
    let called = keys.map_or_else(|| "unique".to_owned(), |keys| keys.to_string());
    Workload {
        name: format!("grid-{millis}ms-{called}-keys-{partitions}p"),
        table: Table::Grid,
        records,
        keys: keys.unwrap_or(records),
        partitions,
        work: millis * 1_000,
        contenders: vec!["kaufmann", "spawn", "ruststream-keys", "parallel-consumer"],
        ..sleep_10ms()
    }
}

fn cpu(name: &str, micros: u64, records: u64) -> Workload {
    Workload {
        name: name.to_owned(),
        table: Table::Grid,
        kind: Kind::Cpu,
        records,
        keys: 1_000,
        work: micros,
        contenders: vec![
            "kaufmann",
            "loop",
            "spawn",
            "ruststream-keys",
            "parallel-consumer",
        ],
        ..sleep_10ms()
    }
}

fn slow_key() -> Workload {
    Workload {
        name: "slow-key".to_owned(),
        table: Table::Slow,
        kind: Kind::Slow,
        records: 5_000,
        partitions: 1,
        work: 200_000,
        contenders: vec!["kaufmann", "spawn", "ruststream-keys", "parallel-consumer"],
        ..sleep_10ms()
    }
}

fn replies() -> Vec<Workload> {
    let like = |name: &str, kind, records, outstanding, linger, contenders: &[&'static str]| Workload {
        name: name.to_owned(),
        table: Table::Reply,
        kind,
        records,
        outstanding,
        linger,
        contenders: contenders.to_vec(),
        in_flight: 100,
        ..drain(0)
    };
    let replies = ["kaufmann", "kaufmann-once", "pipeline", "pipeline-envelope"];
    let publish = |name, records, outstanding, linger| Workload {
        keys: 1,
        partitions: 1,
        ..like(
            name,
            Kind::Publish,
            records,
            outstanding,
            linger,
            &["kaufmann", "by-hand"],
        )
    };
    vec![
        like("reply", Kind::Reply, 500_000, 10_000, 5, &replies),
        like("reply-1000", Kind::Reply, 200_000, 1_000, 5, &replies),
        like("reply-linger-0", Kind::Reply, 500_000, 10_000, 0, &replies),
        publish("publish-one", 5_000, 1, 0),
        publish("publish-1000", 200_000, 1_000, 5),
    ]
}

/// Records that are written while they are handled, for some seconds: without work, and with one slow key.
fn live() -> [Workload; 3] {
    let like = |name: &str, rate, work, contenders: &[&'static str]| Workload {
        name: name.to_owned(),
        table: Table::Live,
        kind: Kind::Live,
        records: rate * 14,
        keys: 100,
        rate,
        work,
        contenders: contenders.to_vec(),
        ..drain(0)
    };
    let loops = ["kaufmann", "loop", "loop-default", "ruststream"];
    [
        like("live-1000", 1_000, 0, &loops),
        like("live-10000", 10_000, 0, &loops),
        Workload {
            in_flight: 100,
            ..like(
                "live-slow-key",
                100,
                200_000,
                &["kaufmann", "loop", "spawn", "ruststream-keys"],
            )
        },
    ]
}

fn start() -> Workload {
    Workload {
        name: "start".to_owned(),
        table: Table::Start,
        records: 1_000,
        contenders: vec!["kaufmann", "loop", "ruststream", "parallel-consumer"],
        ..drain(0)
    }
}

/// One thing grows, the rest stays.
fn growth() -> Vec<Workload> {
    let like = |name: String, records, keys, partitions| Workload {
        name: format!("growth-{name}"),
        table: Table::Growth,
        records,
        keys,
        partitions,
        contenders: vec!["kaufmann", "kaufmann-ref", "loop"],
        ..drain(0)
    };
    let mut all = Vec::new();
    for records in [10_000, 100_000, 1_000_000, 10_000_000] {
        all.push(like(format!("{records}-records"), records, 1_000, 4));
    }
    for keys in [1, 100, 10_000, 1_000_000] {
        all.push(like(format!("{keys}-keys"), 1_000_000, keys, 1));
    }
    for partitions in [1, 16, 256] {
        all.push(like(
            format!("{partitions}-partitions"),
            1_000_000,
            1_024,
            partitions,
        ));
    }
    if cfg!(feature = "many") {
        all.push(Workload {
            handlers: 300,
            contenders: vec!["kaufmann"],
            ..like("300-handlers".to_owned(), 1_000_000, 1_000, 4)
        });
    }
    all
}

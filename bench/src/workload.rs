//! The workloads.

use bench_checks::Kind;
use serde::Serialize;

/// A topic and what is done with it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Workload {
    pub(crate) name: String,
    /// Its table; workloads of one table follow one another.
    pub(crate) table: Table,
    pub(crate) kind: Kind,
    pub(crate) records: u64,
    pub(crate) keys: u64,
    pub(crate) partitions: i32,
    pub(crate) in_flight: usize,
    /// How long a handler sleeps or computes, in microseconds.
    pub(crate) work: u64,
    /// The least length of a payload, in bytes.
    pub(crate) payload: usize,
    /// The number of event types among the records.
    pub(crate) handlers: u32,
    /// How many replies may wait for the broker.
    pub(crate) outstanding: usize,
    /// The producer's `linger.ms`.
    pub(crate) linger: u64,
    /// How many records a second are written while they are handled.
    pub(crate) rate: u64,
    /// How many processes of a contender share the work.
    pub(crate) instances: usize,
    /// `live` and `window`: how many of the first seconds are not counted.
    pub(crate) warm_up: u64,
    /// `window`: how many seconds are counted.
    pub(crate) seconds: u64,
    /// How many rounds the full run has.
    pub(crate) rounds: usize,
    /// The contenders, each with its name in `bench contend` or in `peers`.
    pub(crate) contenders: Vec<&'static str>,
}

/// What a table shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Table {
    /// Records a second and CPU, beside the fastest loop by hand.
    Drain,
    /// Time relative to the ideal.
    Sleep,
    /// A row for each workload: time relative to the ideal.
    Grid,
    /// When the other keys were done.
    Slow,
    /// Deliveries a second and CPU.
    Reply,
    /// Latency of records that are written while they are handled.
    Live,
    /// The time to the first record.
    Start,
    /// A row for each workload: time per record.
    Growth,
    /// A row for each workload: memory.
    Memory,
    /// A row for each workload: records a second.
    Instances,
}

impl Table {
    /// Whether several workloads share one.
    pub(crate) fn is_shared(self) -> bool {
        matches!(self, Self::Grid | Self::Growth | Self::Memory | Self::Instances)
    }
}

/// How much is measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Extent {
    /// The drain and one sleeping workload.
    Quick,
    /// A selection of each kind.
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
    all.extend(backlog());
    all.extend(instances());
    all
}

impl Workload {
    /// The same workload, so small that it shows only that it works.
    pub(crate) fn small(self) -> Self {
        let (warm_up, seconds) = (2, 1);
        let records = match self.kind {
            Kind::Live => self.rate * (warm_up + seconds),
            Kind::Slow => 4 * self.keys,
            Kind::Window => self.records / 5,
            Kind::Drain | Kind::Sleep | Kind::Cpu | Kind::Reply | Kind::Publish => {
                (self.records / 100).clamp(500, 10_000).min(self.records)
            }
        };
        Self {
            records,
            keys: self.keys.min(records),
            warm_up,
            seconds,
            rounds: 1,
            ..self
        }
    }

    /// The estimated seconds of a run, before the first.
    pub(crate) fn guess(&self, contender: &str) -> f64 {
        let records = self.records as f64;
        let work = self.work as f64 / 1e6;
        let serial = work * records / self.keys as f64;
        let java = contender == "parallel-consumer";
        let at_rate = |a_second: f64| records / if java { a_second / 10.0 } else { a_second };
        let run = match self.kind {
            Kind::Live => records / self.rate as f64,
            Kind::Window => (self.warm_up + self.seconds) as f64,
            Kind::Slow => serial,
            Kind::Sleep | Kind::Cpu => serial.max(work * records / 50.0) * 2.0,
            Kind::Drain => at_rate(800_000.0),
            Kind::Reply => at_rate(150_000.0),
            Kind::Publish => records / 50_000.0 * (1_000.0 / self.outstanding as f64).min(20.0),
        };
        1.0 + run
    }
}

/// The workloads of `bench check`: just large enough for stable ratios.
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
        instances: 1,
        warm_up: 4,
        seconds: 6,
        rounds: 5,
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

fn other_drains(records: u64) -> [Workload; 6] {
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
        rounds: 3,
        contenders: some.clone(),
        ..drain(0)
    };
    let of_keys = |name: &str, keys| Workload {
        keys,
        contenders: vec!["kaufmann", "loop", "loop-large"],
        ..like(name, 1, records, 0)
    };
    [
        like("drain-1-partition", 1, records, 0),
        of_keys("drain-10-keys", 10),
        of_keys("drain-100-keys", 100),
        of_keys("drain-unique-keys", records),
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
        rounds: 2,
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

/// Sleeping handlers: times, keys and partitions. Each workload has a second of work for as many handlers as can run. Peers are
/// slow in some of them and run over a selection only.
fn grid(extent: Extent) -> Vec<Workload> {
    let mut all = Vec::new();
    for partitions in [1, 4] {
        for millis in [1, 5, 10, 100] {
            for keys in [Some(10), Some(100), None] {
                let is_chosen = match keys {
                    Some(100) => millis != 10,
                    _ => partitions == 4 && millis != 10,
                };
                if is_chosen || extent == Extent::All {
                    all.push(sleep(partitions, millis, keys));
                }
            }
        }
    }
    // Fewer handlers at once than keys: the order in which keys get their turn decides the total time.
    all.extend(
        [(1, 50), (10, 20), (10, 50), (10, 100)].map(|(millis, in_flight)| {
            let like = sleep(4, millis, Some(100));
            Workload {
                name: format!("{}-{in_flight}-in-flight", like.name),
                in_flight,
                contenders: vec!["kaufmann", "spawn"],
                ..like
            }
        }),
    );
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
        rounds: 1,
        contenders: match keys {
            Some(100) => vec!["kaufmann", "spawn", "ruststream-keys", "parallel-consumer"],
            _ => vec!["kaufmann", "spawn"],
        },
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
        records: 2_000,
        partitions: 1,
        work: 200_000,
        rounds: 1,
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
        rounds: 3,
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
fn live() -> [Workload; 4] {
    let like = |name: &str, rate, work, contenders: &[&'static str]| Workload {
        name: name.to_owned(),
        table: Table::Live,
        kind: Kind::Live,
        records: rate * 11,
        keys: 100,
        rate,
        work,
        rounds: 3,
        contenders: contenders.to_vec(),
        ..drain(0)
    };
    let loops = ["kaufmann", "loop", "ruststream"];
    let beside_slow = ["kaufmann", "loop", "spawn", "ruststream-keys"];
    let slow = |name, rate, keys| Workload {
        in_flight: 100,
        keys,
        ..like(name, rate, 200_000, &beside_slow)
    };
    [
        like("live-1000", 1_000, 0, &loops),
        like("live-10000", 10_000, 0, &loops),
        // The slow key has one record a second, or four.
        slow("live-slow-key", 100, 100),
        slow("live-slow-key-2000", 2_000, 500),
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

/// One parameter grows, the others are fixed.
fn growth() -> Vec<Workload> {
    let like = |name: String, records, keys, partitions| Workload {
        name: format!("growth-{name}"),
        table: Table::Growth,
        records,
        keys,
        partitions,
        rounds: 2,
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

/// Handlers that sleep, and more records than they handle: memory must not grow with the backlog.
fn backlog() -> [Workload; 2] {
    [100_000, 1_000_000].map(|records| Workload {
        name: format!("backlog-{records}"),
        table: Table::Memory,
        payload: 1_000,
        contenders: vec!["kaufmann", "loop", "loop-large", "spawn"],
        ..window(records)
    })
}

/// One, two and four processes of one group.
fn instances() -> [Workload; 3] {
    [1, 2, 4].map(|instances| Workload {
        name: format!("instances-{instances}"),
        table: Table::Instances,
        instances,
        contenders: vec!["kaufmann"],
        ..window(80_000 * instances as u64)
    })
}

fn window(records: u64) -> Workload {
    Workload {
        kind: Kind::Window,
        records,
        partitions: 8,
        in_flight: 50,
        work: 10_000,
        rounds: 1,
        ..drain(0)
    }
}

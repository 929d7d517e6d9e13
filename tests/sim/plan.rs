//! The plan of a run, made from its seed.

use std::time::Duration;

use fastrand::Rng;
use kaufmann::Config;
use kaufmann::config::{Delivery, Ordering};

/// A whole run.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) settings: Settings,
    pub(crate) instances: usize,
    /// The log of each partition.
    pub(crate) partitions: Vec<Vec<Item>>,
    /// The faults, in order of time.
    pub(crate) faults: Vec<(Duration, Fault)>,
}

/// The service's configuration. The oracle uses it, too.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Settings {
    pub(crate) ordering: Ordering,
    pub(crate) delivery: Delivery,
    /// Whether the handler takes several events at once.
    pub(crate) batches: bool,
    pub(crate) shards: usize,
    pub(crate) max_in_flight: usize,
    pub(crate) max_unsettled: usize,
    pub(crate) max_bytes: usize,
    pub(crate) max_outstanding: usize,
    /// Of a transaction.
    pub(crate) max_records: usize,
    pub(crate) commit_interval: Duration,
    pub(crate) revoke_deadline: Duration,
    pub(crate) shutdown_deadline: Duration,
    pub(crate) retry: Duration,
    pub(crate) commit_ahead: bool,
    /// How long records wait in the retry topics, each of one partition.
    pub(crate) retry_topics: &'static [Duration],
}

/// A record in a log.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) offset: i64,
    pub(crate) key: Option<u8>,
    pub(crate) kind: Kind,
    /// When it is written.
    pub(crate) at: Duration,
    /// Bytes that only make it larger.
    pub(crate) padding: usize,
    /// What its handler does, attempt by attempt, in whichever member; after the last it succeeds.
    pub(crate) acts: Vec<Act>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// An event that a handler takes.
    Event,
    /// An event without a handler.
    Ignored,
    Tombstone,
    /// No frame, an unknown id, a truncated datum.
    Unframed,
    UnknownSchema,
    Truncated,
}

impl Kind {
    pub(crate) fn is_unwanted(self) -> bool {
        matches!(self, Self::Ignored | Self::Tombstone)
    }

    pub(crate) fn is_poison(self) -> bool {
        matches!(self, Self::Unframed | Self::UnknownSchema | Self::Truncated)
    }
}

/// One attempt of a handler.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Act {
    /// How long it blocks its thread.
    pub(crate) burn: Duration,
    /// How long it then awaits; `None`: it does not.
    pub(crate) wait: Option<Duration>,
    /// Whether it publishes an event before it ends.
    pub(crate) publish: bool,
    pub(crate) end: End,
}

/// How an attempt ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// With this number of replies.
    Done(u64),
    Fail,
    FailAfter(Duration),
    Panic,
    DeadLetter,
    Skip,
    Fatal,
    /// It waits until it is cancelled, at most this long, and succeeds.
    Hang(Duration),
}

/// A fault.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// The group moves a partition to the service in this slot, perhaps its current owner.
    Move {
        partition: usize,
        to: usize,
    },
    /// The group takes a partition away and notifies its member after a while.
    Lose {
        partition: usize,
        to: usize,
        told_after: Duration,
    },
    /// A service is killed, and started again.
    Crash {
        slot: usize,
        down: Duration,
    },
    /// A service is stopped, and started again.
    Stop {
        slot: usize,
        down: Duration,
    },
    CommitsFail(Duration),
    /// The broker refuses this share of the messages of one kind.
    Refuse {
        letters: bool,
        percent: u8,
        time: Duration,
    },
    /// The broker answers late.
    Hold(Duration),
    /// The producer's queue is full.
    Full(Duration),
    RegistryDown(Duration),
    /// A service's producer can no longer deliver.
    ProducerEnds {
        slot: usize,
    },
    /// One message in this many is larger than its topic allows, until the limit is raised. Only in transactions, as all that follow.
    TooLarge {
        every: u64,
        time: Duration,
    },
    /// A topic accepts nothing. `silent`: no message is refused, but the transaction fails.
    TopicClosed {
        letters: bool,
        silent: bool,
        time: Duration,
    },
    /// Transactions must be aborted after their offsets were sent.
    TransactionsFail(Duration),
}

impl Settings {
    pub(crate) fn config(&self) -> Config {
        let mut config = Config::default();
        config.group = "sim".into();
        config.ordering = self.ordering;
        config.delivery = self.delivery;
        config.max_in_flight = self.max_in_flight;
        config.max_unsettled = self.max_unsettled;
        config.max_bytes = self.max_bytes;
        config.publish.max_outstanding = self.max_outstanding;
        config.commit_interval = self.commit_interval;
        config.revoke_deadline = self.revoke_deadline;
        config.shutdown_deadline = self.shutdown_deadline;
        config.commit_ahead = self.commit_ahead;
        config.exactly_once.interval = self.commit_interval;
        config.exactly_once.max_records = self.max_records;
        config.retry.initial = self.retry;
        config.retry.max = self.retry * 8;
        if !self.retry_topics.is_empty() {
            config.retry.max_attempts = 1;
            config.retry.topics.delays = self.retry_topics.to_vec();
        }
        // The only randomness in the runtime.
        config.retry.jitter = 0.0;
        // Even whole partitions of dead letters must not stop the service here.
        (config.dead_letter.max_share, config.dead_letter.max_consecutive) = (1.0, 0);
        config.registry.register = true;
        config
    }
}

impl Plan {
    /// Where a log ends. After its last record there may be offsets without one, as transactions leave them.
    pub(crate) fn end(&self, partition: usize) -> i64 {
        let last = self.partitions[partition].last();
        last.map_or(0, |item| item.offset + 1) + partition as i64 % 3
    }

    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let settings = settings(&mut rng);
        let instances = rng.usize(1..4);
        let span = Duration::from_millis(rng.u64(200..8_000));
        let trouble = rng.u8(0..40);
        let partitions: Vec<_> = (0..rng.usize(1..5))
            .map(|_| log(&mut rng, span, trouble))
            .collect();
        let mut faults: Vec<_> = (0..rng.usize(0..14))
            .map(|_| {
                (
                    within(&mut rng, span),
                    fault(&mut rng, partitions.len(), instances),
                )
            })
            .collect();
        faults.sort_by_key(|(at, _)| *at);
        Self {
            seed,
            settings,
            instances,
            partitions,
            faults,
        }
    }
}

/// Additional random faults of transactions.
pub(crate) fn transactional_faults(rng: &mut Rng) -> Vec<(Duration, Fault)> {
    let mut faults = Vec::new();
    for _ in 0..rng.usize(0..6) {
        let time = Duration::from_millis(pick(rng, &[20, 300, 3_000, 20_000]));
        let fault = match rng.u8(0..8) {
            0..4 => Fault::TooLarge {
                every: rng.u64(1..12),
                time,
            },
            4..6 => Fault::TopicClosed {
                letters: rng.u8(0..4) == 0,
                silent: rng.bool(),
                time,
            },
            _ => Fault::TransactionsFail(time),
        };
        faults.push((within(rng, Duration::from_secs(5)), fault));
    }
    faults
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())]
}

fn within(rng: &mut Rng, span: Duration) -> Duration {
    Duration::from_micros(rng.u64(0..=span.as_micros() as u64))
}

fn settings(rng: &mut Rng) -> Settings {
    let millis = |rng: &mut Rng, from: &[u64]| Duration::from_millis(pick(rng, from));
    Settings {
        ordering: pick(
            rng,
            &[
                Ordering::Key,
                Ordering::Key,
                Ordering::Key,
                Ordering::Partition,
                Ordering::None,
            ],
        ),
        delivery: Delivery::AtLeastOnce,
        batches: false,
        shards: rng.usize(1..5),
        max_in_flight: pick(rng, &[1, 2, 3, 7, 50]),
        max_unsettled: pick(rng, &[1, 2, 5, 20, 100, 4096]),
        max_bytes: pick(rng, &[1, 500, 3_000, 20_000, 64 << 20]),
        max_outstanding: pick(rng, &[1, 2, 10, 10_000]),
        max_records: pick(rng, &[1, 2, 10, 10_000]),
        commit_interval: millis(rng, &[10, 20, 50, 300, 1_000]),
        revoke_deadline: millis(rng, &[0, 20, 100, 500, 3_000]),
        shutdown_deadline: millis(rng, &[0, 20, 100, 1_000, 5_000]),
        retry: millis(rng, &[1, 5, 50]),
        commit_ahead: rng.u8(0..3) == 0,
        retry_topics: &[],
    }
}

fn log(rng: &mut Rng, span: Duration, trouble: u8) -> Vec<Item> {
    let keys = rng.u8(1..9);
    let gaps = rng.bool();
    let live = rng.u8(0..100);
    let padding = pick(rng, &[0, 0, 100, 5_000]);
    let mut offset = if rng.u8(0..4) == 0 { rng.i64(1..1_000) } else { 0 };
    let mut at = Duration::ZERO;
    let mut items = Vec::new();
    for _ in 0..rng.usize(1..60) {
        // A transaction marker, or compacted records.
        if gaps && rng.u8(0..5) == 0 {
            offset += pick(rng, &[1, 1, 2, 70, 10_000]);
        }
        if rng.u8(0..100) < live {
            at = at.max(within(rng, span));
        }
        let kind = match rng.u8(0..100) {
            0..88 => Kind::Event,
            88..92 => Kind::Ignored,
            92..95 => Kind::Tombstone,
            95..97 => Kind::Unframed,
            97..98 => Kind::UnknownSchema,
            _ => Kind::Truncated,
        };
        items.push(Item {
            offset,
            key: (rng.u8(0..12) > 0).then(|| rng.u8(0..keys)),
            kind,
            at,
            padding: rng.usize(0..=padding),
            acts: acts(rng, trouble),
        });
        offset += 1;
    }
    items
}

fn acts(rng: &mut Rng, trouble: u8) -> Vec<Act> {
    let mut acts = vec![act(rng, trouble)];
    while rng.u8(0..100) < trouble && acts.len() < 6 {
        acts.push(act(rng, trouble));
    }
    acts
}

fn act(rng: &mut Rng, trouble: u8) -> Act {
    let replies = rng.u64(0..10).saturating_sub(7);
    let end = if rng.u8(0..100) >= trouble {
        End::Done(replies)
    } else {
        match rng.u8(0..32) {
            0..12 => End::Fail,
            12..14 => End::FailAfter(Duration::from_millis(rng.u64(0..400))),
            14..20 => End::Panic,
            20..24 => End::DeadLetter,
            24..27 => End::Skip,
            27..28 => End::Fatal,
            28..30 => End::Hang(Duration::from_secs(20)),
            _ => End::Done(2),
        }
    };
    Act {
        burn: if rng.u8(0..10) == 0 {
            Duration::from_micros(rng.u64(0..400))
        } else {
            Duration::ZERO
        },
        wait: match rng.u8(0..10) {
            0..5 => None,
            5..9 => Some(Duration::from_millis(rng.u64(0..20))),
            _ => Some(Duration::from_millis(rng.u64(0..1_500))),
        },
        publish: rng.u8(0..25) == 0,
        end,
    }
}

fn fault(rng: &mut Rng, partitions: usize, instances: usize) -> Fault {
    let partition = rng.usize(..partitions);
    let (slot, to) = (rng.usize(..instances), rng.usize(..instances));
    let short = Duration::from_millis(rng.u64(0..600));
    let long = Duration::from_millis(rng.u64(0..3_000));
    match rng.u8(0..100) {
        0..30 => Fault::Move { partition, to },
        30..48 => Fault::Lose {
            partition,
            to,
            told_after: short,
        },
        48..58 => Fault::Crash { slot, down: short },
        58..68 => Fault::Stop { slot, down: short },
        68..76 => Fault::CommitsFail(long),
        76..86 => Fault::Refuse {
            letters: rng.bool(),
            percent: pick(rng, &[20, 60, 100]),
            time: long,
        },
        86..91 => Fault::Hold(long),
        91..95 => Fault::Full(short),
        95..98 => Fault::RegistryDown(long),
        _ => Fault::ProducerEnds { slot },
    }
}

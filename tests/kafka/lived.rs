//! Two versions of a service in parallel, on a real broker and a real registry: a new field, a renamed field, an enum that
//! has grown, an int that has become a long. The new service replays what the old one wrote; the old one reads on.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use kaufmann::config::RegistryConfig;
use kaufmann::publish::KafkaPublisher;
use kaufmann::registry::{RegistryErrorKind, RestRegistry, SchemaRegistry};
use kaufmann::source::KafkaSource;
use kaufmann::{Config, Context, Event, Failure, Runtime, Service, handler, service};
use kaufmann_tests::rig::{Client, Record, Registry, Rig, wait_until};
use tokio::sync::oneshot;

use crate::shop::DEADLINE;

#[allow(
    missing_docs,
    dead_code,
    unreachable_pub,
    clippy::all,
    reason = "generated for the product, and not all of it is used"
)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/lived.rs"));
}

use generated::{v1, v2};

crate::tests![two_versions_of_a_service_read_each_others_events_as_far_as_their_schemas_allow];

const TOPIC: &str = "lived.events";

/// The events that a service saw.
struct Seen<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Seen<T> {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn push(&self, event: T) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    /// Waits until there are this many, and returns them sorted by `key`.
    fn wait(&self, count: usize, key: impl Fn(&T) -> String) -> Result<Vec<T>> {
        let seen = || self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        wait_until(&format!("{count} events should be handled"), DEADLINE, || {
            Ok((seen().len() >= count).then_some(()))
        })?;
        let mut seen = seen();
        ensure!(
            seen.len() == count,
            "{} events were handled, not {count}",
            seen.len()
        );
        seen.sort_by_key(key);
        Ok(seen)
    }
}

impl<T> Clone for Seen<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

mod old {
    use super::{Context, Failure, Seen, handler, service, v1};

    #[derive(Clone, PartialEq, Debug)]
    pub(super) enum Saw {
        Parcel(v1::lived::Parcel),
        Weighed(v1::lived::Weighed),
    }

    #[handler(event = "lived.parcel")]
    async fn parcel(event: v1::lived::Parcel, cx: &Context<Seen<Saw>>) -> Result<(), Failure> {
        cx.state.push(Saw::Parcel(event));
        Ok(())
    }

    #[handler(event = "lived.weighed")]
    async fn weighed(event: v1::lived::Weighed, cx: &Context<Seen<Saw>>) -> Result<(), Failure> {
        cx.state.push(Saw::Weighed(event));
        Ok(())
    }

    service! {
        /// The old version of the service.
        pub(super) struct Parcels {
            state: Seen<Saw>,
            handlers: [parcel, weighed],
        }
    }
}

mod new {
    use super::{Context, Failure, Seen, handler, service, v2};

    #[derive(Clone, PartialEq, Debug)]
    pub(super) enum Saw {
        Parcel(v2::lived::Parcel),
        Weighed(v2::lived::Weighed),
    }

    #[handler(event = "lived.parcel")]
    async fn parcel(event: v2::lived::Parcel, cx: &Context<Seen<Saw>>) -> Result<(), Failure> {
        cx.state.push(Saw::Parcel(event));
        Ok(())
    }

    #[handler(event = "lived.weighed")]
    async fn weighed(event: v2::lived::Weighed, cx: &Context<Seen<Saw>>) -> Result<(), Failure> {
        cx.state.push(Saw::Weighed(event));
        Ok(())
    }

    service! {
        /// The new version of the service.
        pub(super) struct Parcels {
            state: Seen<Saw>,
            handlers: [parcel, weighed],
        }
    }
}

fn two_versions_of_a_service_read_each_others_events_as_far_as_their_schemas_allow(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let client = servers.client()?;
    client.create_topic(TOPIC, 3, &[])?;
    for group in ["lived.old", "lived.new"] {
        client.create_topic(&format!("{group}.dead-letter"), 1, &[])?;
    }
    let registry = Registry::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let _entered = runtime.enter();
    let stage = Stage {
        runtime: &runtime,
        client: &client,
        registry: &registry,
        brokers: servers.kafka.brokers(),
        asked: RestRegistry::new(&registry_config(&registry))?,
    };

    // The registry accepts the parcel's change at the strictest level, and the wider number only at a level that lets old readers break.
    registry.set_level("FULL")?;
    let (parcel_1, weighed_1) = (
        stage.register::<v1::lived::Parcel>()?,
        stage.register::<v1::lived::Weighed>()?,
    );
    let parcel_2 = stage.register::<v2::lived::Parcel>()?;
    let refused = stage
        .register::<v2::lived::Weighed>()
        .err()
        .context("FULL lets an int become a long")?;
    let refused = refused.downcast::<kaufmann::registry::RegistryError>()?;
    assert_eq!(
        (refused.kind(), refused.subject()),
        (RegistryErrorKind::Refused, Some("lived.weighed"))
    );
    registry.set_level("BACKWARD")?;
    let weighed_2 = stage.register::<v2::lived::Weighed>()?;

    let (of_old, of_new) = (Seen::new(), Seen::new());
    let old = stage.start::<old::Parcels>("lived.old", of_old.clone())?;
    let before = [
        stage.record("a", parcel_1, &parcel_v1("a", "ada", v1::lived::State::Packed)),
        stage.record("b", parcel_1, &parcel_v1("b", "bob", v1::lived::State::Sent)),
        stage.record(
            "c",
            weighed_1,
            &v1::lived::Weighed {
                id: "c".to_owned(),
                grams: 700,
            },
        ),
    ];
    client.produce(TOPIC, &before)?;
    of_old.wait(3, |saw| format!("{saw:?}"))?;

    // The new version starts, and reads the earlier records.
    let new = stage.start::<new::Parcels>("lived.new", of_new.clone())?;
    let replayed = of_new.wait(3, by_id)?;
    assert_eq!(
        replayed,
        [
            new::Saw::Parcel(parcel_v2("a", "ada", v2::lived::State::Packed, false)),
            new::Saw::Parcel(parcel_v2("b", "bob", v2::lived::State::Sent, false)),
            new::Saw::Weighed(v2::lived::Weighed {
                id: "c".to_owned(),
                grams: 700
            }),
        ]
    );

    // The new version writes; the old one still runs.
    let ship = v2::lived::Weighed {
        id: "f".to_owned(),
        grams: 5_000_000_000,
    };
    let after = [
        stage.record(
            "d",
            parcel_2,
            &parcel_v2("d", "dora", v2::lived::State::Returned, true),
        ),
        stage.record(
            "e",
            parcel_2,
            &parcel_v2("e", "eve", v2::lived::State::Sent, false),
        ),
        stage.record("f", weighed_2, &ship),
    ];
    client.produce(TOPIC, &after)?;
    let seen = of_new.wait(6, by_id)?;
    assert_eq!(
        seen[3..],
        [
            new::Saw::Parcel(parcel_v2("d", "dora", v2::lived::State::Returned, true)),
            new::Saw::Parcel(parcel_v2("e", "eve", v2::lived::State::Sent, false)),
            new::Saw::Weighed(ship),
        ]
    );
    let seen = of_old.wait(5, |saw| match saw {
        old::Saw::Parcel(parcel) => parcel.id.clone(),
        old::Saw::Weighed(weighed) => weighed.id.clone(),
    })?;
    // It does not know the new name, so its field has the default, nor the new symbol, which becomes the enum's default.
    assert_eq!(
        seen[3..],
        [
            old::Saw::Parcel(parcel_v1("d", "nobody", v1::lived::State::Elsewhere)),
            old::Saw::Parcel(parcel_v1("e", "nobody", v1::lived::State::Sent)),
        ]
    );
    for group in ["lived.old", "lived.new"] {
        client.wait_committed(group, TOPIC, DEADLINE)?;
    }
    old.stop(&runtime)?;
    new.stop(&runtime)?;

    // A record it cannot read is dead-lettered, with the reason.
    let letters = client.read("lived.old.dead-letter")?;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].value, after[2].value);
    let reason = letters[0].header("kaufmann-error").unwrap_or_default();
    assert!(
        reason.contains("at `grams`: the writer's `long` cannot be read as `int`"),
        "{reason}"
    );
    assert_eq!(client.read("lived.new.dead-letter")?, []);
    Ok(())
}

/// The environment of both services.
struct Stage<'a> {
    runtime: &'a tokio::runtime::Runtime,
    client: &'a Client,
    registry: &'a Registry,
    brokers: String,
    asked: RestRegistry,
}

/// A service that runs.
struct Running {
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<kaufmann::Finished, kaufmann::Error>>,
}

impl Stage<'_> {
    fn register<E: Event>(&self) -> Result<u32> {
        Ok(self
            .runtime
            .block_on(self.asked.register(E::INFO.full_name, E::INFO.schema))?)
    }

    fn record<E: Event>(&self, key: &str, id: u32, event: &E) -> Record {
        let mut bytes = vec![0];
        bytes.extend_from_slice(&id.to_be_bytes());
        event.encode(&mut bytes);
        Record::new(Some(key), Some(bytes))
    }

    fn start<V: Service>(&self, group: &str, state: V::State) -> Result<Running> {
        let mut config = Config::default();
        config.brokers = vec![self.brokers.clone()];
        config.group = group.to_owned();
        config.topics = vec![TOPIC.to_owned()];
        config.registry = registry_config(self.registry);
        self.client.end_offsets(TOPIC)?;
        let running = Runtime::<V>::builder(state)
            .config(&config)
            .source(KafkaSource::new(&config)?)
            .publisher(KafkaPublisher::new(&config)?)
            .registry(RestRegistry::new(&config.registry)?);
        let (stop, stopped) = oneshot::channel();
        let task = self.runtime.spawn(running.run(async move { _ = stopped.await }));
        Ok(Running { stop, task })
    }
}

impl Running {
    fn stop(self, runtime: &tokio::runtime::Runtime) -> Result<()> {
        drop(self.stop);
        let finished = runtime.block_on(self.task)??;
        ensure!(
            finished.drained,
            "it ended with work unfinished: {:?}",
            finished.blocked
        );
        Ok(())
    }
}

fn registry_config(registry: &Registry) -> RegistryConfig {
    let mut config = RegistryConfig::default();
    config.url = vec![registry.url()];
    config
}

fn by_id(saw: &new::Saw) -> String {
    match saw {
        new::Saw::Parcel(parcel) => parcel.id.clone(),
        new::Saw::Weighed(weighed) => weighed.id.clone(),
    }
}

fn parcel_v1(id: &str, to: &str, state: v1::lived::State) -> v1::lived::Parcel {
    v1::lived::Parcel {
        id: id.to_owned(),
        to: to.to_owned(),
        state,
    }
}

fn parcel_v2(id: &str, recipient: &str, state: v2::lived::State, fragile: bool) -> v2::lived::Parcel {
    v2::lived::Parcel {
        id: id.to_owned(),
        recipient: recipient.to_owned(),
        state,
        fragile,
    }
}

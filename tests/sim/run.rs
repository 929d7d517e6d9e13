//! One run: the services of a plan, their faults, and the quiet time at the end in which everything must finish.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kaufmann::{__private::Simulation, Builder, Error, Finished, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::broker::Producer;
use crate::double::Double;
use crate::group::{Group, GroupSource};
use crate::journal::{Entry, What};
use crate::plan::{Fault, Plan};
use crate::service::{Member, Registry, Simulated, SimulatedBatches};
use crate::world::World;

/// How long everything may take without faults; far more than the slowest handlers together need.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// The time of day when a run begins.
const NOON: SystemTime = SystemTime::UNIX_EPOCH;

/// Runs a plan and returns its journal.
pub(crate) fn run(plan: &Plan, double: Double) -> Vec<Entry> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = World::new(plan.clone(), double);
        live(&world).await;
        world.assert_alive();
        world.journal()
    })
}

async fn live(world: &World) {
    let registry = Registry::new(world);
    let group = Group::new(world, &registry);
    let slots: Vec<_> = (0..world.plan().instances)
        .map(|slot| Slot::start(world, &group, &registry, slot))
        .collect();
    for at in arrivals(world.plan()) {
        let group = group.clone();
        world.after(at, move || group.wake_all());
    }
    for (at, fault) in &world.plan().faults {
        tokio::time::sleep_until(world.when(*at)).await;
        happen(world, &group, &slots, fault);
    }
    let end = world.elapsed() + PATIENCE;
    while !group.is_done() && world.elapsed() < end {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    if group.is_done() {
        world.note(0, What::Done);
    }
    // In the quiet time everything is given back cleanly.
    for slot in slots {
        drop(slot.orders);
        slot.supervisor.await.unwrap();
    }
}

fn arrivals(plan: &Plan) -> Vec<Duration> {
    let mut arrivals: Vec<_> = plan.partitions.iter().flatten().map(|item| item.at).collect();
    arrivals.sort();
    arrivals.dedup();
    arrivals
}

fn happen(world: &World, group: &Group, slots: &[Slot], fault: &Fault) {
    let until = |time: &Duration| tokio::time::Instant::now() + *time;
    match fault {
        Fault::Move { partition, to } => group.move_to(*partition, *to),
        Fault::Lose {
            partition,
            to,
            told_after,
        } => group.lose(*partition, *to, *told_after),
        Fault::Crash { slot, down } => slots[*slot].order(Order::Crash(*down)),
        Fault::Stop { slot, down } => slots[*slot].order(Order::Stop(*down)),
        Fault::ProducerEnds { slot } => slots[*slot].order(Order::EndProducer),
        Fault::CommitsFail(time) => {
            world.weather().commits_fail = until(time);
            world.note(0, What::CommitsFail(true));
            let calm = world.clone();
            world.after(*time, move || calm.note(0, What::CommitsFail(false)));
        }
        Fault::Refuse {
            letters,
            percent,
            time,
        } => {
            let refused = (until(time), *percent);
            if *letters {
                world.weather().letters_refused = refused;
            } else {
                world.weather().replies_refused = refused;
            }
        }
        Fault::Hold(time) => world.weather().held = until(time),
        Fault::TooLarge { every, time } => world.weather().too_large = (until(time), *every),
        Fault::TopicClosed {
            letters,
            silent,
            time,
        } => {
            let closed = (until(time), *silent);
            if *letters {
                world.weather().letters_closed = closed;
            } else {
                world.weather().replies_closed = closed;
            }
        }
        Fault::TransactionsFail(time) => world.weather().transactions_fail = until(time),
        Fault::Full(time) => world.weather().full = until(time),
        Fault::RegistryDown(time) => world.weather().registry_down = until(time),
    }
}

/// A slot in which services run, one after another.
struct Slot {
    orders: mpsc::UnboundedSender<Order>,
    supervisor: JoinHandle<()>,
}

/// An action on the service in a slot.
enum Order {
    Crash(Duration),
    Stop(Duration),
    EndProducer,
}

impl Slot {
    fn start(world: &World, group: &Group, registry: &Registry, slot: usize) -> Self {
        let (orders, received) = mpsc::unbounded_channel();
        let supervisor = Supervisor {
            world: world.clone(),
            group: group.clone(),
            registry: registry.clone(),
            slot,
            orders: received,
        };
        Self {
            orders,
            supervisor: tokio::spawn(supervisor.run()),
        }
    }

    fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
    }
}

struct Supervisor {
    world: World,
    group: Group,
    registry: Registry,
    slot: usize,
    orders: mpsc::UnboundedReceiver<Order>,
}

/// A service that runs.
struct Service {
    member: usize,
    producer: Producer,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<Finished, Error>>,
}

impl Supervisor {
    async fn run(mut self) {
        while let Some(down) = self.serve().await {
            tokio::time::sleep(down).await;
        }
    }

    /// Runs one service to its end, and returns the wait before the next one; `None`: there is none.
    async fn serve(&mut self) -> Option<Duration> {
        let mut service = self.start();
        let mut down = Some(Duration::from_millis(10));
        loop {
            let order = tokio::select! {
                biased;
                ended = &mut service.running => {
                    let drained = ended.unwrap().ok().map(|finished| finished.drained);
                    self.world.note(service.member, What::Stopped { drained });
                    // Its undelivered messages are lost.
                    service.producer.crash();
                    self.group.stopped(self.slot, service.member);
                    return down;
                }
                order = self.orders.recv(), if down.is_some() => order,
            };
            match order {
                Some(Order::Crash(down)) => {
                    service.producer.crash();
                    self.world.note(service.member, What::Crashed);
                    service.running.abort();
                    _ = service.running.await;
                    self.group.crashed(self.slot, service.member);
                    return Some(down);
                }
                Some(Order::Stop(time)) => {
                    down = Some(time);
                    self.world.note(service.member, What::Stopping);
                    service.stop.take().map(|stop| stop.send(()));
                }
                Some(Order::EndProducer) => service.producer.end(),
                None => {
                    down = None;
                    self.world.note(service.member, What::Stopping);
                    service.stop.take().map(|stop| stop.send(()));
                }
            }
        }
    }

    fn start(&self) -> Service {
        let world = &self.world;
        let (member, source) = self.group.join(self.slot);
        let producer = Producer::new(world, &self.group, member);
        let settings = world.double().settings(world.plan().settings);
        let (stop, stopped) = oneshot::channel::<()>();
        let state = Member {
            world: world.clone(),
            member,
        };
        let running = if settings.batches {
            self.spawn(
                Runtime::<SimulatedBatches>::builder(state),
                source,
                &producer,
                stopped,
            )
        } else {
            self.spawn(Runtime::<Simulated>::builder(state), source, &producer, stopped)
        };
        Service {
            member,
            producer,
            stop: Some(stop),
            running,
        }
    }

    fn spawn<V: kaufmann::Service>(
        &self,
        builder: Builder<V>,
        source: GroupSource,
        producer: &Producer,
        stopped: oneshot::Receiver<()>,
    ) -> JoinHandle<Result<Finished, Error>> {
        let world = &self.world;
        let settings = world.double().settings(world.plan().settings);
        let chance = world.clone();
        let service = builder
            .config(&settings.config())
            .source(source)
            .publisher(producer.clone())
            .registry(self.registry.clone())
            .simulation(Simulation {
                shards: settings.shards,
                hash_seed: world.plan().seed,
                others_first: Arc::new(move || {
                    chance.step();
                    // The task that asks ends, and the run with it.
                    chance.assert_alive();
                    chance.chance(1, 6)
                }),
                wall_clock: Some((world.when(Duration::ZERO).into_std(), NOON)),
            })
            .run(async { _ = stopped.await });
        tokio::spawn(service)
    }
}

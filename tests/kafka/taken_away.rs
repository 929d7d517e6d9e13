//! A resource of a service with transactions is removed while it runs: the service goes on with everything that does not need it, and with the
//! rest when it is back; or it ends with a remedy.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use kaufmann_tests::rig::{Kafka, Record, Rig, Running, Servers, Service, wait_until};
use rustix::process::Signal;

use crate::exactly_once::exactly_once;
use crate::shop::{DEADLINE, Shop, order_id};

crate::tests![
    a_deleted_reply_topic_delays_its_messages_until_it_is_created_again,
    a_reply_topic_without_the_right_to_write_delays_its_messages_until_the_right_is_granted,
    a_revoked_right_on_the_group_is_named_and_waited_for,
    a_revoked_right_on_the_transactional_id_ends_the_service_with_the_right_to_grant,
    a_cluster_without_transactions_is_named_and_waited_for,
];

const CUSTOMERS: i64 = 6;
/// How often the service may end while a topic refuses its messages.
const RESTARTS: usize = 5;

/// A service that has answered orders, on a broker with rights.
struct Scene {
    servers: Arc<Servers>,
    kafka: Kafka,
    shop: Shop,
    program: Service,
    service: Running,
    /// How often the service ended and was started again.
    restarts: usize,
    /// How many orders were written.
    written: i64,
}

impl Scene {
    fn open(rig: &Rig, name: &str) -> Result<Self> {
        let servers = rig.servers()?;
        let kafka = Kafka::start_with_authorizer()?;
        let shop = Shop::plan(&servers, &kafka, name)?;
        shop.create_topics(&[&shop.topic, &shop.replies, &shop.dead_letters], 2)?;
        let program = exactly_once(shop.service(), name);
        let mut scene = Self {
            service: program.start()?,
            servers,
            kafka,
            shop,
            program,
            restarts: 0,
            written: 0,
        };
        scene.order(40)?;
        scene.committed()?;
        Ok(scene)
    }

    fn order(&mut self, count: i64) -> Result<()> {
        let orders = (self.written..self.written + count).map(|sequence| {
            let mut order = self.shop.placed(&customer(sequence), sequence)?;
            order.partition = i32::try_from(sequence % 2)?;
            Ok(order)
        });
        self.shop.produce(&orders.collect::<Result<Vec<_>>>()?)?;
        self.written += count;
        Ok(())
    }

    fn committed(&mut self) -> Result<()> {
        let tail = || self.service.tail();
        self.shop.wait_committed().with_context(tail)?;
        Ok(())
    }

    /// Starts the service again if it ended because there can be no more transactions, as its supervisor would.
    ///
    /// librdkafka ends a transaction on the broker also if none of its partitions could be added. If the broker's answer to that overtakes
    /// the transaction's offsets, the broker does not know the transaction, and librdkafka takes its answer as fatal.
    fn supervise(&mut self) -> Result<()> {
        let Err(ended) = self.service.assert_running() else {
            return Ok(());
        };
        let logs = self.service.logs();
        ensure!(
            logs.contains("InvalidTransactionalState") && logs.contains("restart the service"),
            ended
        );
        ensure!(self.service.wait(DEADLINE)?.code() == Some(70), "{logs}");
        self.restarts += 1;
        ensure!(self.restarts <= RESTARTS, "{logs}");
        self.service = self.program.start()?;
        Ok(())
    }

    /// Waits until all orders are committed.
    fn committed_under_supervision(&mut self) -> Result<()> {
        let ends = self.shop.client.end_offsets(&self.shop.topic)?;
        wait_until("all orders should be committed", DEADLINE, || {
            self.supervise()?;
            let committed = self.shop.client.committed(&self.shop.group, &self.shop.topic)?;
            Ok((committed == ends).then_some(()))
        })
        .with_context(|| self.service.tail())
    }

    fn deny(&self, kind: &str, name: &str) -> Result<()> {
        self.servers.foreign.deny(&self.kafka.brokers(), kind, name)
    }

    /// Records without a reply are committed: unreadable records become dead letters.
    fn goes_on(&mut self) -> Result<()> {
        let before = self.shop.letters()?.len();
        let poison = Record::new(Some("nobody"), Some(b"{}".to_vec()));
        self.shop.produce(&[poison.clone(), poison])?;
        wait_until("the letters should be there", DEADLINE, || {
            self.supervise()?;
            Ok((self.shop.letters()?.len() == before + 2).then_some(()))
        })
        .with_context(|| self.service.tail())
    }

    /// All orders from one on are confirmed once, those of each customer in their order.
    fn all_confirmed_since(&self, first: i64) -> Result<()> {
        let confirmed = self.shop.confirmed()?;
        for own in 0..CUSTOMERS {
            let expected: Vec<String> = (first..self.written)
                .filter(|sequence| sequence % CUSTOMERS == own)
                .map(|sequence| order_id(&customer(sequence), sequence))
                .collect();
            let prefix = format!("{}-", customer(own));
            let of_customer = confirmed.iter().filter(|id| id.starts_with(&prefix));
            assert!(of_customer.eq(&expected), "{own}: {confirmed:?}");
        }
        Ok(())
    }

    fn ends_with(&mut self, code: i32, text: &str) -> Result<()> {
        let status = self.service.wait(DEADLINE)?;
        assert_eq!(status.code(), Some(code), "{}", self.service.tail());
        assert!(self.service.logs().contains(text), "{}", self.service.logs());
        Ok(())
    }
}

fn customer(sequence: i64) -> String {
    format!("c{}", sequence % CUSTOMERS)
}

fn a_deleted_reply_topic_delays_its_messages_until_it_is_created_again(rig: &Rig) -> Result<()> {
    let mut scene = Scene::open(rig, "deleted")?;
    let first = scene.written;
    scene.shop.client.delete_topic(&scene.shop.replies)?;
    scene.order(40)?;
    scene.service.wait_log(
        "topic `deleted.confirmations` does not exist; create it",
        DEADLINE,
    )?;
    scene.goes_on()?;
    scene.shop.create_topics(&[&scene.shop.replies], 2)?;
    scene.order(40)?;
    scene.committed()?;
    scene.all_confirmed_since(first)?;
    scene.service.stop_cleanly()
}

fn a_reply_topic_without_the_right_to_write_delays_its_messages_until_the_right_is_granted(
    rig: &Rig,
) -> Result<()> {
    let mut scene = Scene::open(rig, "denied")?;
    let replies = scene.shop.replies.clone();
    scene.deny("TOPIC", &replies)?;
    scene.order(40)?;
    scene.service.wait_log("messages cannot be delivered", DEADLINE)?;
    scene.goes_on()?;
    scene
        .servers
        .foreign
        .deny_no_longer(&scene.kafka.brokers(), "TOPIC", &replies)?;
    scene.order(40)?;
    scene.committed_under_supervision()?;
    scene.all_confirmed_since(0)?;
    scene.service.stop_cleanly()
}

fn a_revoked_right_on_the_group_is_named_and_waited_for(rig: &Rig) -> Result<()> {
    let mut scene = Scene::open(rig, "expelled")?;
    scene.deny("GROUP", "expelled")?;
    scene.order(40)?;
    scene.service.wait_log(
        "the service's principal lacks `Read` on the group; allow it",
        DEADLINE,
    )?;
    scene
        .servers
        .foreign
        .deny_no_longer(&scene.kafka.brokers(), "GROUP", "expelled")?;
    scene.committed()?;
    scene.all_confirmed_since(0)?;
    let logs = scene.service.logs();
    let said = |level| logs.matches(level).count();
    let count = said("\"level\":\"WARN\"") + said("\"level\":\"ERROR\"");
    assert!(count < 10, "{count} lines\n{logs}");
    scene.service.stop_cleanly()
}

fn a_revoked_right_on_the_transactional_id_ends_the_service_with_the_right_to_grant(rig: &Rig) -> Result<()> {
    let mut scene = Scene::open(rig, "outlawed")?;
    scene.deny("TRANSACTIONAL_ID", "outlawed")?;
    scene.order(40)?;
    scene.ends_with(
        70,
        "the service's principal lacks `Write` or `Describe` on the transactional id `outlawed`; allow it with kafka-acls.sh --add",
    )
}

fn a_cluster_without_transactions_is_named_and_waited_for(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let kafka = Kafka::start_without_transactions()?;
    let shop = Shop::plan(&servers, &kafka, "uncoordinated")?;
    shop.create_topics(&[&shop.topic, &shop.replies, &shop.dead_letters], 1)?;
    shop.produce(&[shop.placed("ada", 0)?])?;
    let mut service = exactly_once(shop.service(), "uncoordinated").start()?;
    // Twice: the line is repeated while it lasts, at growing intervals.
    let said = |service: &Running| {
        let logs = service.logs();
        logs.matches("`transaction.state.log.replication.factor`").count()
    };
    wait_until("the missing coordinator should be named twice", DEADLINE, || {
        service.assert_running()?;
        Ok((said(&service) == 2).then_some(()))
    })
    .with_context(|| service.tail())?;
    let warnings = service.logs().matches("\"level\":\"WARN\"").count();
    assert!(warnings <= 4, "{warnings} warnings\n{}", service.logs());
    let status = service.stop(Signal::TERM)?;
    assert_eq!(status.code(), Some(0), "{}", service.tail());
    Ok(())
}

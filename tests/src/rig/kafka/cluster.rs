//! Several nodes that are one cluster, with ways in that can be cut.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, ensure};

use super::{Kafka, Plan, QUICK_GROUPS, START_DEADLINE, with_free_ports};
use crate::rig::{Client, Network, TcpProxy, fetch, free_port, wait_until};

/// A cluster on loopback: each node is a broker and a controller, each topic is on all of them.
pub struct Cluster {
    nodes: Vec<Mutex<Kafka>>,
    brokers: String,
    doors: Vec<Door>,
    folder: PathBuf,
}

/// A way into a cluster with a network of its own: whoever comes by it reaches all nodes by it, and is told of no other.
pub struct Door {
    /// One a node.
    proxies: Vec<TcpProxy>,
}

impl Cluster {
    /// Starts so many nodes behind so many doors, and waits until they know each other.
    ///
    /// # Errors
    ///
    /// If Java or the jars are missing, or a node does not come up.
    pub fn start(nodes: usize, doors: usize) -> Result<Self> {
        ensure!(nodes > 0, "a cluster has at least one node");
        let cache = fetch::fetch()?;
        with_free_ports(|| {
            let mut doors: Vec<_> = (0..doors).map(|_| Door { proxies: Vec::new() }).collect();
            let controllers = (0..nodes).map(|_| free_port()).collect::<Result<Vec<_>>>()?;
            let mut cluster = Vec::new();
            for id in 1..=nodes {
                let mut plan = Plan {
                    id,
                    port: free_port()?,
                    controllers: controllers.clone(),
                    doors: Vec::new(),
                    heap: "320m",
                    settings: &QUICK_GROUPS,
                };
                for door in &mut doors {
                    let own = free_port()?;
                    let proxy = TcpProxy::start(own)?;
                    plan.doors.push((own, proxy.port()));
                    door.proxies.push(proxy);
                }
                cluster.push(Kafka::format(&cache, &plan)?);
            }
            // A node answers only when most of them are there.
            cluster.iter_mut().try_for_each(Kafka::launch)?;
            cluster.iter_mut().try_for_each(Kafka::wait_ready)?;
            let folder = cluster[0].folder().to_owned();
            let brokers: Vec<_> = cluster.iter().map(Kafka::brokers).collect();
            let cluster = Self {
                nodes: cluster.into_iter().map(Mutex::new).collect(),
                brokers: brokers.join(","),
                doors,
                folder,
            };
            cluster.wait_whole()?;
            Ok(cluster)
        })
    }

    /// `host:port` of each node, separated by commas: the way in that always works.
    #[must_use]
    pub fn brokers(&self) -> &str {
        &self.brokers
    }

    /// A folder that is removed with the cluster.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many nodes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.nodes.len()
    }

    /// A way in that can be cut.
    #[must_use]
    pub fn door(&self, number: usize) -> &Door {
        &self.doors[number]
    }

    /// A client by the way that always works.
    ///
    /// # Errors
    ///
    /// If librdkafka refuses its settings.
    pub fn client(&self) -> Result<Client> {
        Client::new(self.brokers.clone())
    }

    /// Ends a node as a power cut does; nodes are counted from 1.
    pub fn kill(&self, node: usize) {
        self.with(node, Kafka::kill);
    }

    /// Starts a node again.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn restart(&self, node: usize) -> Result<()> {
        self.with(node, Kafka::restart)
    }

    /// Starts a node again, and does not wait until it answers.
    ///
    /// # Errors
    ///
    /// If there is no Java.
    pub fn launch(&self, node: usize) -> Result<()> {
        self.with(node, Kafka::launch)
    }

    /// Whether a node takes connections.
    #[must_use]
    pub fn listens(&self, node: usize) -> bool {
        self.with(node, |kafka| kafka.listens())
    }

    /// Waits until all nodes answer.
    ///
    /// # Errors
    ///
    /// If one does not.
    pub fn wait_ready(&self) -> Result<()> {
        (1..=self.nodes.len()).try_for_each(|node| self.with(node, Kafka::wait_ready))
    }

    fn with<T>(&self, node: usize, act: impl FnOnce(&mut Kafka) -> T) -> T {
        act(&mut self.nodes[node - 1]
            .lock()
            .unwrap_or_else(PoisonError::into_inner))
    }

    fn wait_whole(&self) -> Result<()> {
        let client = self.client()?;
        wait_until("all nodes should be brokers", START_DEADLINE, || {
            Ok((client.brokers_known() == self.nodes.len()).then_some(()))
        })
    }
}

impl Door {
    /// `host:port` of each node, as seen from here.
    #[must_use]
    pub fn brokers(&self) -> String {
        let brokers = self
            .proxies
            .iter()
            .map(|proxy| format!("127.0.0.1:{}", proxy.port()));
        brokers.collect::<Vec<_>>().join(",")
    }

    /// The network from now on.
    pub fn set(&self, network: Network) {
        self.proxies.iter().for_each(|proxy| proxy.set(network));
    }

    /// Closes the brokers' halves of all connections.
    pub fn half_close(&self) {
        self.proxies.iter().for_each(TcpProxy::half_close);
    }
}

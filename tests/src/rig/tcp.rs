//! A network with a bad day: forwards TCP connections, slows them down, lets them stall, cuts them.

use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// What becomes of what is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Network {
    /// It arrives.
    Works,
    /// Each piece of it arrives this much later.
    Slow(Duration),
    /// Nothing arrives, and nobody is told: what is sent is kept until the network works again. New connections are
    /// accepted, and stall, too.
    Stalls,
    /// Connections are reset, new ones as soon as they are accepted.
    Cut,
}

/// A proxy on loopback in front of a port of loopback. It ends on drop, with all its connections.
pub struct TcpProxy {
    runtime: Option<Runtime>,
    network: watch::Sender<Network>,
    /// Counts how often the servers' halves were closed.
    closed: watch::Sender<u64>,
    port: u16,
}

/// What the tasks of a connection listen to.
#[derive(Clone)]
struct Weather {
    network: watch::Receiver<Network>,
    closed: watch::Receiver<u64>,
}

/// Why a connection ends.
enum End {
    /// By itself.
    Closed,
    /// Somebody cut it.
    Cut,
}

impl TcpProxy {
    /// Starts a proxy in front of this port.
    ///
    /// # Errors
    ///
    /// If there is no port for it.
    pub fn start(upstream: u16) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let (network, watched) = watch::channel(Network::Works);
        let (closed, closings) = watch::channel(0);
        let weather = Weather {
            network: watched,
            closed: closings,
        };
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let port = listener.local_addr()?.port();
        runtime.spawn(accept(listener, upstream, weather));
        Ok(Self {
            runtime: Some(runtime),
            network,
            closed,
            port,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The network from now on.
    pub fn set(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Closes the servers' halves of all connections: clients read the end, and may go on sending, which nobody reads.
    pub fn half_close(&self) {
        self.closed.send_modify(|count| *count += 1);
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, upstream: u16, weather: Weather) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(connection(client, upstream, weather.clone()));
    }
}

async fn connection(client: TcpStream, upstream: u16, mut weather: Weather) {
    weather.closed.mark_unchanged();
    let works = *weather.network.borrow() != Network::Cut;
    let server = match works {
        true => TcpStream::connect(("127.0.0.1", upstream)).await.ok(),
        false => None,
    };
    let Some(server) = server else {
        reset(&client);
        return;
    };
    // Small pieces must not wait for each other's acknowledgement; a failure only makes them slower.
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let (client_reads, client_writes) = client.into_split();
    let (server_reads, server_writes) = server.into_split();
    let there = Direction {
        from: client_reads,
        to: server_writes,
        weather: weather.clone(),
        closes: false,
    };
    let back = Direction {
        from: server_reads,
        to: client_writes,
        weather,
        closes: true,
    };
    // A direction that has ended leaves the other open until its sender closes it, or both are cut.
    tokio::join!(there.forward(), back.forward());
}

/// Lets the peer see a reset instead of an end.
fn reset(stream: &TcpStream) {
    // It fails only for a stream that is gone already.
    let _ = stream.set_zero_linger();
}

/// One direction of a connection.
struct Direction {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    weather: Weather,
    /// Whether it is the one that [`TcpProxy::half_close`] closes.
    closes: bool,
}

impl Direction {
    /// Moves bytes until the connection ends.
    async fn forward(mut self) {
        let end = self.pump().await;
        match end {
            End::Cut => reset(self.to.as_ref()),
            End::Closed => {
                // It fails only if the peer has closed it, too.
                let _ = self.to.shutdown().await;
            }
        }
    }

    async fn pump(&mut self) -> End {
        let mut piece = vec![0; 64 << 10];
        loop {
            let read = tokio::select! {
                read = self.from.read(&mut piece) => read,
                end = disturbed(&mut self.weather, self.closes) => return end,
            };
            let Ok(length @ 1..) = read else {
                return End::Closed;
            };
            if let Some(end) = passage(&mut self.weather).await {
                return end;
            }
            if self.to.write_all(&piece[..length]).await.is_err() {
                return End::Closed;
            }
        }
    }
}

/// Returns when the connection is cut, or this half of it closed.
async fn disturbed(weather: &mut Weather, closes: bool) -> End {
    let Weather { network, closed } = weather;
    let cut = network.wait_for(|network| *network == Network::Cut);
    tokio::select! {
        _ = cut => End::Cut,
        _ = closed.changed(), if closes => End::Closed,
    }
}

/// Waits until a piece may pass; `Some` if it never may.
async fn passage(weather: &mut Weather) -> Option<End> {
    loop {
        let network = *weather.network.borrow_and_update();
        match network {
            Network::Works => return None,
            Network::Slow(delay) => {
                tokio::time::sleep(delay).await;
                return None;
            }
            Network::Cut => return Some(End::Cut),
            // The proxy itself is gone when it cannot change any more.
            Network::Stalls => {
                if weather.network.changed().await.is_err() {
                    return Some(End::Cut);
                }
            }
        }
    }
}

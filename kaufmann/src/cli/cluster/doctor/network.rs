//! Checks that addresses accept connections. It sends nothing.

use std::fmt;
use std::io::ErrorKind;
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long all addresses together may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// librdkafka's default port.
const PORT: u16 = 9092;

/// Why an address cannot be reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Unreachable {
    NoName,
    Refused,
    Silent,
    Other(String),
}

/// Tries all addresses in parallel, each on its own thread, since a name server may be slow for one of them.
pub(super) fn reach(addresses: &[String]) -> Vec<Result<(), Unreachable>> {
    let deadline = Instant::now() + PATIENCE;
    let (sender, receiver) = mpsc::channel();
    for (index, address) in addresses.iter().enumerate() {
        let (sender, address) = (sender.clone(), address.clone());
        let try_one = move || _ = sender.send((index, connect(&address)));
        if std::thread::Builder::new()
            .name("kaufmann-doctor".to_owned())
            .spawn(try_one)
            .is_err()
        {
            break;
        }
    }
    drop(sender);
    let mut found = vec![Err(Unreachable::Silent); addresses.len()];
    while let Ok((index, reached)) = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    {
        found[index] = reached;
    }
    found
}

fn connect(address: &str) -> Result<(), Unreachable> {
    let (host, port) = split(address);
    let resolved = (host, port).to_socket_addrs().map_err(|_| Unreachable::NoName)?;
    let mut last = Unreachable::NoName;
    for socket in resolved {
        match TcpStream::connect_timeout(&socket, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(error) => {
                last = match error.kind() {
                    ErrorKind::ConnectionRefused => Unreachable::Refused,
                    ErrorKind::TimedOut => Unreachable::Silent,
                    _ => Unreachable::Other(error.to_string()),
                }
            }
        }
    }
    Err(last)
}

/// Host and port of `host`, `host:port` or `[v6]:port`.
fn split(address: &str) -> (&str, u16) {
    let parts = address
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = match parts {
        Some((host, port)) if !host.is_empty() && (!host.contains(':') || host.ends_with(']')) => {
            (host, port)
        }
        _ => (address, PORT),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName => f.write_str("the host name does not resolve here"),
            Self::Refused => f.write_str("the connection is refused"),
            Self::Silent => f.write_str("no answer"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn addresses_have_a_port_or_kafkas() {
        assert_eq!(split("kafka:9093"), ("kafka", 9093));
        assert_eq!(split("kafka"), ("kafka", 9092));
        assert_eq!(split("[::1]:9093"), ("::1", 9093));
        assert_eq!(split("[::1]"), ("::1", 9092));
    }

    #[test]
    fn an_open_port_and_a_closed_one_are_distinguished() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap().to_string();
        let found = reach(&[open, "127.0.0.1:1".to_owned()]);
        assert_eq!(found, [Ok(()), Err(Unreachable::Refused)]);
    }
}

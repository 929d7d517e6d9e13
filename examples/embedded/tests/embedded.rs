//! Runs the service and the server together, to their shared shutdown.

use embedded::events::page;
use embedded::{App, Database, Store, Views, serve};
use kaufmann::publish::MemoryPublisher;
use kaufmann::registry::EmbeddedRegistry;
use kaufmann::source::{MemoryFeed, MemoryRecord, memory};
use kaufmann::{BoxError, Builder, Config, Event, Outgoing, Runtime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

struct Parts {
    service: Builder<Views>,
    feed: MemoryFeed,
    store: Store,
    schema: u32,
    _folder: tempfile::TempDir,
}

fn parts() -> Result<Parts, BoxError> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(&Database {
        file: folder.path().join("views.sqlite"),
        connections: 2,
    })?;
    let registry = EmbeddedRegistry::new();
    let schema = registry.add(page::Viewed::NAME, page::Viewed::INFO.schema)?;
    let mut config = Config::default();
    config.group = "views".to_owned();
    config.topics = vec!["views".to_owned()];
    let (source, feed) = memory();
    feed.assign("views", 0);
    let service = Runtime::<Views>::builder(App { store: store.clone() })
        .config(&config)
        .source(source)
        .publisher(MemoryPublisher::new())
        .registry(registry);
    Ok(Parts {
        service,
        feed,
        store,
        schema,
        _folder: folder,
    })
}

fn view(schema: u32, page: &str, id: &str) -> MemoryRecord {
    let event = page::Viewed {
        page: page.to_owned(),
    };
    let mut payload = vec![0];
    payload.extend(schema.to_be_bytes());
    payload.extend(Outgoing::new(&event).datum);
    MemoryRecord::new(payload).key(page).header("ce_id", id)
}

async fn get(address: std::net::SocketAddr, path: &str) -> Result<String, BoxError> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn service_and_server_share_one_state_and_end_in_order() -> Result<(), BoxError> {
    let Parts {
        service,
        feed,
        store,
        schema,
        _folder,
    } = parts()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let program = tokio::spawn(serve(service, store.clone(), listener, async {
        _ = stopped.await;
    }));
    // The second record repeats the first one.
    for id in ["1", "1", "2"] {
        feed.push("views", 0, view(schema, "home", id));
    }
    while feed.committed("views", 0) != Some(3) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let answer = get(address, "/views/home").await?;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n2"),
        "{answer}"
    );

    // A record that was read before the shutdown is handled and committed.
    feed.push("views", 0, view(schema, "home", "3"));
    while store.views("home".to_owned()).await? < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    _ = stop.send(());
    program.await??;
    assert_eq!(feed.committed("views", 0), Some(4));
    assert!(feed.is_closed() && TcpStream::connect(address).await.is_err());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_fails_ends_the_server_too() -> Result<(), BoxError> {
    let Parts { store, _folder, .. } = parts()?;
    // It has no source.
    let service = Runtime::<Views>::builder(App { store: store.clone() });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let error = serve(service, store, listener, std::future::pending())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("no source"), "{error}");
    assert!(TcpStream::connect(address).await.is_err());
    Ok(())
}

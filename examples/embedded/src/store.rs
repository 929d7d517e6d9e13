//! The counts, in SQLite: a connection pool that never blocks a thread of the handlers.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use kaufmann::BoxError;
use rusqlite::{Connection, params};
use serde::Deserialize;
use tokio::sync::Semaphore;

/// The table `[app.database]`.
#[derive(Deserialize)]
#[serde(default)]
pub struct Database {
    /// The file.
    pub file: PathBuf,
    /// How many queries run at once.
    pub connections: usize,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            file: "views.sqlite".into(),
            connections: 4,
        }
    }
}

/// A pool of connections.
#[derive(Clone)]
pub struct Store {
    idle: Arc<Mutex<Vec<Connection>>>,
    free: Arc<Semaphore>,
}

impl Store {
    /// Opens the connections.
    pub fn open(database: &Database) -> Result<Self, BoxError> {
        let connections = database.connections.max(1);
        let open = || {
            let connection = Connection::open(&database.file)?;
            connection.execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000;
                 CREATE TABLE IF NOT EXISTS views (event TEXT PRIMARY KEY, page TEXT NOT NULL);",
            )?;
            Ok(connection)
        };
        let idle: Result<Vec<_>, rusqlite::Error> = (0..connections).map(|_| open()).collect();
        Ok(Self {
            idle: Arc::new(Mutex::new(idle?)),
            free: Arc::new(Semaphore::new(connections)),
        })
    }

    /// Records a view, once for each event.
    pub async fn add(&self, page: String, event: String) -> Result<(), BoxError> {
        self.with(move |connection| {
            let insert = "INSERT OR IGNORE INTO views (event, page) VALUES (?1, ?2)";
            connection.execute(insert, params![event, page]).map(drop)
        })
        .await
    }

    /// How often a page was viewed.
    pub async fn views(&self, page: String) -> Result<u64, BoxError> {
        self.with(move |connection| {
            let count = "SELECT count(*) FROM views WHERE page = ?1";
            connection.query_row(count, [page], |row| row.get::<_, i64>(0))
        })
        .await
        .map(i64::unsigned_abs)
    }

    /// Waits for a connection and uses it on a thread that may block. SQL on a thread of the runtime would delay every
    /// handler that shares the thread.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, BoxError> {
        let place = Arc::clone(&self.free).acquire_owned().await?;
        let idle = Arc::clone(&self.idle);
        let done = tokio::task::spawn_blocking(move || {
            let connections = || idle.lock().unwrap_or_else(PoisonError::into_inner);
            let connection = connections().pop().ok_or("a connection was lost to a panic")?;
            let done = work(&connection);
            connections().push(connection);
            drop(place);
            done.map_err(BoxError::from)
        });
        done.await?
    }
}

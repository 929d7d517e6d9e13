//! Who has which account: a projection of the events that the service `Accounts` publishes.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use kaufmann::{Context, Failure, handler};
use rusqlite::{Connection, params};

use crate::events::account::Changed;

kaufmann::service! {
    /// Keeps the last state of each account.
    pub struct Directory {
        state: Projection,
        handlers: [changed],
    }
}

/// Stores an account's state, unless a later one is stored. So events that are delivered twice, or read again from the beginning, change
/// nothing.
#[handler(event = "account.changed")]
pub async fn changed(account: Changed, cx: &Context<Projection>) -> Result<(), Failure> {
    cx.state.put(&account)?;
    Ok(())
}

/// The last state of each account.
pub struct Projection(Mutex<Connection>);

impl Projection {
    /// The projection in this file.
    pub fn open(file: impl AsRef<Path>) -> Result<Self, rusqlite::Error> {
        let connection = Connection::open(file)?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS account (
                 id TEXT PRIMARY KEY, version INTEGER NOT NULL, owner TEXT NOT NULL, balance_cents INTEGER NOT NULL,
                 email TEXT NOT NULL
             ) STRICT;",
        )?;
        Ok(Self(Mutex::new(connection)))
    }

    fn put(&self, account: &Changed) -> Result<(), rusqlite::Error> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connection.execute(
            "INSERT INTO account (id, version, owner, balance_cents, email) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO UPDATE SET version = excluded.version, owner = excluded.owner,
                 balance_cents = excluded.balance_cents, email = excluded.email
             WHERE excluded.version > version",
            params![
                account.account_id,
                account.version,
                account.owner,
                account.balance_cents,
                account.email
            ],
        )?;
        Ok(())
    }

    /// The e-mail address of an account's owner.
    pub fn email(&self, account_id: &str) -> Result<String, rusqlite::Error> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connection.query_row("SELECT email FROM account WHERE id = ?1", [account_id], |row| {
            row.get(0)
        })
    }

    /// The whole projection, byte for byte.
    pub fn bytes(&self) -> Result<Vec<u8>, rusqlite::Error> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows = connection.prepare(
            "SELECT json_array(id, version, owner, balance_cents, email) || char(10) FROM account ORDER BY id",
        )?;
        let lines = rows
            .query_map([], |row| row.get::<_, String>(0))?
            .collect::<Result<Vec<_>, _>>()?;
        Ok(lines.concat().into_bytes())
    }
}

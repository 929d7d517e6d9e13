//! The accounts in SQLite, with the commands that were carried out.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kaufmann::Record;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::events::account::{Changed, Reason};

/// The accounts.
pub struct Ledger(Mutex<Connection>);

/// The answer to a command: the account's current state, or the reason why it was declined.
pub type Answer = Result<Changed, Reason>;

impl Ledger {
    /// The accounts in this file.
    pub fn open(file: impl AsRef<Path>) -> Result<Self, rusqlite::Error> {
        let connection = Connection::open(file)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE IF NOT EXISTS account (
                 id TEXT PRIMARY KEY, owner TEXT NOT NULL, email TEXT NOT NULL,
                 balance_cents INTEGER NOT NULL CHECK (balance_cents >= 0), version INTEGER NOT NULL
             ) STRICT;
             CREATE TABLE IF NOT EXISTS carried_out (
                 event_id TEXT PRIMARY KEY, refused TEXT, at INTEGER NOT NULL
             ) STRICT;",
        )?;
        Ok(Self(Mutex::new(connection)))
    }

    /// Carries out the record's command once: one transaction changes the account and marks the command as carried out. The record may
    /// come again, because the service crashed before the commit of its offset, or because its producer sent it twice. Then the
    /// answer is returned again, since the earlier one may not have been published.
    pub fn once(
        &self,
        record: &Record,
        account_id: &str,
        carry_out: impl FnOnce(&Transaction<'_>) -> Result<Option<Reason>, rusqlite::Error>,
    ) -> Result<Answer, rusqlite::Error> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction()?;
        let id = record.event_id();
        let known = "SELECT refused FROM carried_out WHERE event_id = ?1";
        let known = transaction
            .query_row(known, [&id], |row| row.get::<_, Option<String>>(0))
            .optional()?;
        let refused = match known {
            Some(refused) => refused.as_deref().map(reason),
            None => {
                let refused = carry_out(&transaction)?;
                transaction.execute(
                    "INSERT INTO carried_out (event_id, refused, at) VALUES (?1, ?2, ?3)",
                    params![
                        id,
                        refused.map(|reason| reason.as_str()),
                        record.timestamp().unwrap_or(0)
                    ],
                )?;
                refused
            }
        };
        let answer = match refused {
            None => Ok(account(&transaction, account_id)?),
            Some(reason) => Err(reason),
        };
        transaction.commit()?;
        Ok(answer)
    }

    /// Forgets the commands of records before this time, in milliseconds since the Unix epoch. Choose one before the topic's retention.
    pub fn forget(&self, before: i64) -> Result<usize, rusqlite::Error> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connection.execute("DELETE FROM carried_out WHERE at < ?1", [before])
    }

    /// All accounts, one line each.
    pub fn dump(&self) -> Result<Vec<String>, rusqlite::Error> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rows = connection.prepare(
            "SELECT id || ' ' || owner || ' ' || email || ' ' || balance_cents || ' ' || version FROM account ORDER BY id",
        )?;
        rows.query_map([], |row| row.get(0))?.collect()
    }
}

fn reason(text: &str) -> Reason {
    let known = [Reason::NoAccount, Reason::TooLittleMoney, Reason::Taken];
    known
        .into_iter()
        .find(|reason| reason.as_str() == text)
        .unwrap_or(Reason::Other)
}

fn account(transaction: &Transaction<'_>, id: &str) -> Result<Changed, rusqlite::Error> {
    let sql = "SELECT version, owner, balance_cents, email FROM account WHERE id = ?1";
    transaction.query_row(sql, [id], |row| {
        Ok(Changed {
            account_id: id.to_owned(),
            version: row.get(0)?,
            owner: row.get(1)?,
            balance_cents: row.get(2)?,
            email: row.get(3)?,
        })
    })
}

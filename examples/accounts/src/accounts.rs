//! Handlers of the commands to accounts.

use kaufmann::{Context, HandlerError, handler};
use rusqlite::{OptionalExtension, Transaction, params};

use crate::events::account::{Changed, Declined, Deposit, Open, Reason, Withdraw};
use crate::ledger::{Answer, Ledger};

kaufmann::service! {
    /// Keeps accounts: takes commands, publishes their results.
    pub struct Accounts {
        state: Ledger,
        handlers: [open, deposit, withdraw],
    }
}

/// Why a command failed. A declined command has not failed: it has an answer.
#[derive(Debug, thiserror::Error, HandlerError)]
pub enum Trouble {
    /// A retry may succeed.
    #[retry]
    #[error("the database failed")]
    Database(#[from] rusqlite::Error),
    /// The sender has a bug; a retry would fail in the same way.
    #[dead_letter]
    #[error("an amount of {0} cents")]
    Amount(i64),
}

/// The result of a command: the account's new state, or a refusal. Both are published, also to the topic that the command names.
type Published = (Option<Changed>, Option<Declined>);

/// Opens an account.
#[handler(event = "account.open")]
pub async fn open(command: Open, cx: &Context<Ledger>) -> Result<Published, Trouble> {
    let Open {
        account_id,
        owner,
        email,
    } = command;
    let answer = cx.state.once(cx.record(), &account_id, |transaction| {
        let made = transaction.execute(
            "INSERT OR IGNORE INTO account (id, owner, email, balance_cents, version) VALUES (?1, ?2, ?3, 0, 1)",
            params![account_id, owner, email],
        )?;
        Ok((made == 0).then_some(Reason::Taken))
    })?;
    Ok(published(answer, account_id))
}

/// Puts money into an account.
#[handler(event = "account.deposit")]
pub async fn deposit(command: Deposit, cx: &Context<Ledger>) -> Result<Published, Trouble> {
    let Deposit { account_id, cents } = command;
    let cents = amount(cents)?;
    let answer = cx.state.once(cx.record(), &account_id, |transaction| {
        book(transaction, &account_id, cents)
    })?;
    Ok(published(answer, account_id))
}

/// Takes money from an account, if there is enough.
#[handler(event = "account.withdraw")]
pub async fn withdraw(command: Withdraw, cx: &Context<Ledger>) -> Result<Published, Trouble> {
    let Withdraw { account_id, cents } = command;
    let cents = amount(cents)?;
    let answer = cx.state.once(cx.record(), &account_id, |transaction| {
        book(transaction, &account_id, -cents)
    })?;
    Ok(published(answer, account_id))
}

fn amount(cents: i64) -> Result<i64, Trouble> {
    if cents > 0 {
        Ok(cents)
    } else {
        Err(Trouble::Amount(cents))
    }
}

/// Adds to a balance, unless that would make it negative.
fn book(transaction: &Transaction<'_>, id: &str, cents: i64) -> Result<Option<Reason>, rusqlite::Error> {
    let sql = "SELECT balance_cents FROM account WHERE id = ?1";
    let balance: Option<i64> = transaction.query_row(sql, [id], |row| row.get(0)).optional()?;
    match balance.map(|balance| balance.checked_add(cents)) {
        None => Ok(Some(Reason::NoAccount)),
        Some(Some(balance)) if balance >= 0 => {
            let sql = "UPDATE account SET balance_cents = ?2, version = version + 1 WHERE id = ?1";
            transaction.execute(sql, params![id, balance])?;
            Ok(None)
        }
        Some(Some(_)) => Ok(Some(Reason::TooLittleMoney)),
        Some(None) => Ok(Some(Reason::Other)),
    }
}

fn published(answer: Answer, account_id: String) -> Published {
    match answer {
        Ok(changed) => (Some(changed), None),
        Err(reason) => (None, Some(Declined { account_id, reason })),
    }
}

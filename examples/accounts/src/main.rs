//! The service that keeps the accounts.

use accounts::accounts::Accounts;
use accounts::ledger::Ledger;

#[kaufmann::main(Accounts)]
async fn start() -> Result<Ledger, kaufmann::BoxError> {
    let file = std::env::var("ACCOUNTS_DB").unwrap_or_else(|_| "accounts.db".into());
    Ok(Ledger::open(file)?)
}

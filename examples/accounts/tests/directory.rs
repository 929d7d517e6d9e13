//! Tests of the projection, fed with the events that the other service publishes.

use accounts::accounts::Accounts;
use accounts::directory::{Directory, Projection};
use accounts::events::account::{Changed, Deposit, Open};
use accounts::ledger::Ledger;
use kaufmann::Event;
use kaufmann::testing::Kit;

fn directory() -> Kit<Directory> {
    Kit::new(Projection::open(":memory:").unwrap())
}

/// The service that keeps the accounts, with a history of three of them.
fn history() -> Kit<Accounts> {
    let mut accounts = Kit::<Accounts>::new(Ledger::open(":memory:").unwrap());
    for (number, owner) in (1..).zip(["Ada", "Grace", "Edsger"]) {
        let account_id = format!("a-{number}");
        accounts.given(Open {
            account_id: account_id.clone(),
            owner: owner.into(),
            email: format!("{}@example.org", owner.to_lowercase()),
        });
        accounts.given(Deposit {
            account_id,
            cents: number,
        });
    }
    accounts.then_handled();
    accounts
}

#[test]
fn the_directory_follows_the_accounts() {
    let mut directory = directory();
    directory.given_published(&mut history()).then_handled();
    assert_eq!(directory.state().email("a-2").unwrap(), "grace@example.org");
}

#[test]
fn the_same_history_makes_the_same_projection_byte_for_byte() {
    let mut accounts = history();
    let mut first = directory();
    first.given_published(&mut accounts).then_handled();
    let bytes = first.state().bytes().unwrap();
    assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 3);

    // Rebuilt from the beginning, then with every event twice.
    let mut rebuilt = directory();
    rebuilt.given_published(&mut accounts).then_handled();
    assert_eq!(rebuilt.state().bytes().unwrap(), bytes);
    rebuilt.redelivered();
    assert_eq!(rebuilt.state().bytes().unwrap(), bytes);

    // Events of different accounts in any order, as from several partitions.
    for seed in 0..10 {
        let mut other = directory();
        other
            .given_published(&mut accounts)
            .in_another_order(seed)
            .then_handled();
        assert_eq!(other.state().bytes().unwrap(), bytes, "seed {seed}");
    }
}

#[test]
fn an_account_in_the_first_version_without_an_address_is_read() {
    let first_version = Changed::INFO.lock.unwrap().versions[0].schema;
    let mut directory = directory();
    directory
        .given_json(
            first_version,
            r#"{"account_id": "a-1", "version": 7, "owner": "Ada", "balance_cents": 5}"#,
        )
        .then_handled();
    assert_eq!(directory.state().email("a-1").unwrap(), "");
}

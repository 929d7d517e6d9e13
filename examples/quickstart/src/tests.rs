//! Tests of the whole service without a broker: its records are decoded, handled, retried, answered and committed.

use kaufmann::testing::Kit;

use crate::Shop;
use crate::events::{customer, shop};
use crate::ledger::Ledger;

fn order(order_id: &str, customer: &str, amount_cents: i64) -> shop::OrderPlaced {
    shop::OrderPlaced {
        order_id: order_id.into(),
        customer: customer.into(),
        amount_cents,
        sequence: 7,
    }
}

#[test]
fn each_order_is_confirmed_with_its_customers_total() {
    Kit::<Shop>::new(Ledger::default())
        .given(order("o-1", "ada", 1_000))
        .then(|confirmed: shop::OrderConfirmed| assert_eq!(confirmed.total_cents, 1_000))
        .and_message(|message| assert_eq!(&*message.topic, "confirmations"))
        .given(order("o-2", "grace", 70))
        .then(|confirmed: shop::OrderConfirmed| assert_eq!(confirmed.total_cents, 70))
        .given(order("o-3", "ada", 250))
        .then(|confirmed: shop::OrderConfirmed| assert_eq!(confirmed.total_cents, 1_250))
        .then_nothing_else();
}

#[test]
fn an_order_that_comes_twice_counts_once() {
    Kit::<Shop>::new(Ledger::default())
        .given(order("o-1", "ada", 1_000))
        .then_idempotent(async |ledger| ledger.account("ada"));
}

#[test]
fn a_negative_amount_is_a_dead_letter_at_once() {
    Kit::<Shop>::new(Ledger::default())
        .given(order("o-1", "ada", -1))
        .then_dead_letter("cannot cost less than nothing")
        .then_retried(0)
        .then_none::<shop::OrderConfirmed>();
}

#[test]
fn the_account_follows_the_customers_events() {
    let mut kit = Kit::<Shop>::new(Ledger::default());
    kit.given(customer::Registered {
        customer: "ada".into(),
        email: "ada@example.org".into(),
        sequence: 0,
    })
    .given(customer::AddressChanged {
        customer: "ada".into(),
        street: "Dorset Street 1".into(),
        city: "London".into(),
        sequence: 1,
    })
    .given(order("o-1", "ada", 1_000))
    .given(shop::OrderCancelled {
        order_id: "o-1".into(),
        customer: "ada".into(),
        reason: None,
        sequence: 2,
    })
    .then_handled();
    let ada = kit.state().account("ada").unwrap();
    assert_eq!(
        (&*ada.email, &*ada.address),
        ("ada@example.org", "Dorset Street 1, London")
    );
    assert!(ada.orders.is_empty());
}

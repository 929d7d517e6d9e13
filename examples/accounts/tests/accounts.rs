//! Tests of the service `Accounts`, from commands to published events.

use accounts::accounts::Accounts;
use accounts::events::account::{Changed, Declined, Deposit, Open, Reason, Withdraw};
use accounts::ledger::Ledger;
use kaufmann::Config;
use kaufmann::testing::Kit;

fn kit() -> Kit<Accounts> {
    Kit::new(Ledger::open(":memory:").unwrap())
}

fn open(account_id: &str) -> Open {
    Open {
        account_id: account_id.into(),
        owner: "Ada".into(),
        email: "ada@example.org".into(),
    }
}

fn deposit(account_id: &str, cents: i64) -> Deposit {
    Deposit {
        account_id: account_id.into(),
        cents,
    }
}

fn withdraw(account_id: &str, cents: i64) -> Withdraw {
    Withdraw {
        account_id: account_id.into(),
        cents,
    }
}

#[test]
fn each_change_publishes_the_whole_account() {
    kit()
        .given(open("a-1"))
        .given(deposit("a-1", 500))
        .given(withdraw("a-1", 120))
        .then(|changed: Changed| assert_eq!((changed.version, changed.balance_cents), (1, 0)))
        .then(|changed: Changed| assert_eq!((changed.version, changed.balance_cents), (2, 500)))
        .then(|changed: Changed| {
            assert_eq!((changed.version, changed.balance_cents), (3, 380));
            assert_eq!((&*changed.owner, &*changed.email), ("Ada", "ada@example.org"));
        })
        .then_nothing_else();
}

#[test]
fn what_cannot_be_done_is_declined() {
    let mut kit = kit();
    kit.given(open("a-1")).then_handled();
    kit.given(withdraw("a-1", 1))
        .then(|declined: Declined| assert_eq!(declined.reason, Reason::TooLittleMoney))
        .then_none::<Changed>();
    kit.given(deposit("a-2", 1))
        .then(|declined: Declined| assert_eq!(declined.reason, Reason::NoAccount));
    kit.given(Open {
        owner: "Grace".into(),
        ..open("a-1")
    })
    .then(|declined: Declined| assert_eq!(declined.reason, Reason::Taken));
}

#[test]
fn an_invalid_amount_is_a_dead_letter() {
    kit()
        .given(deposit("a-1", 0))
        .then_dead_letter("an amount of 0 cents")
        .then_retried(0)
        .then_nothing_else();
}

#[test]
fn commands_may_come_again() {
    kit()
        .given(open("a-1"))
        .given(deposit("a-1", 500))
        .then_idempotent(async |ledger| ledger.dump().unwrap());
}

#[test]
fn a_refusal_stays_one_when_its_command_comes_again() {
    let mut kit = kit();
    kit.given(open("a-1"))
        .given(withdraw("a-1", 100))
        .with_headers([("ce_id", "w-1")])
        .then(|declined: Declined| assert_eq!(declined.reason, Reason::TooLittleMoney));
    // There is enough now, but the sender already has the refusal.
    kit.given(deposit("a-1", 100)).then_handled();
    kit.given(withdraw("a-1", 100))
        .with_headers([("ce_id", "w-1")])
        .then(|declined: Declined| assert_eq!(declined.reason, Reason::TooLittleMoney))
        .then_none::<Changed>();
}

#[test]
fn a_command_that_its_producer_sends_twice_is_carried_out_once() {
    let mut kit = kit();
    kit.given(open("a-1")).then_handled();
    kit.given(deposit("a-1", 500))
        .with_headers([("ce_id", "d-1")])
        .given(deposit("a-1", 500))
        .with_headers([("ce_id", "d-1")])
        .then_handled();
    assert_eq!(kit.state().dump().unwrap(), ["a-1 Ada ada@example.org 500 2"]);
}

#[test]
fn an_answer_goes_to_the_topic_that_the_command_names_too() {
    let mut config = Config::default();
    config.publish.reply_to = kaufmann::config::ReplyTo::Both;
    config.publish.callback_topics = vec!["replies.*".into()];
    Kit::<Accounts>::with_config(&config, Ledger::open(":memory:").unwrap())
        .given(open("a-1"))
        .with_headers([("kaufmann-callback-topic", "replies.shop")])
        .then(|_: Changed| ())
        .and_message(|message| assert_eq!(&*message.topic, "accounts"))
        .then(|_: Changed| ())
        .and_message(|message| assert_eq!(&*message.topic, "replies.shop"))
        .then_nothing_else();
}

#[test]
fn old_commands_are_forgotten() {
    let mut kit = kit();
    kit.given(open("a-1")).then_handled();
    let forgotten = kit.state().forget(i64::MAX).unwrap();
    assert_eq!(forgotten, 1);
}

//! Every class, on variants and on structs.
#![deny(warnings)]

use std::time::Duration;

use kaufmann::{Class, Failure, HandlerError};

#[derive(Debug, thiserror::Error, HandlerError)]
pub enum Charge {
    #[error("the database is away")]
    #[retry]
    Database(#[from] std::io::Error),
    #[error("too many requests")]
    #[retry_after("1m 30s")]
    Busy,
    #[error("there is no card {number}")]
    #[dead_letter]
    NoCard { number: u32 },
    #[error("charged before")]
    #[skip]
    Again(),
    #[error("the key is wrong")]
    #[fatal]
    Key,
}

#[derive(Debug, thiserror::Error, HandlerError)]
#[error("no")]
#[skip]
pub struct No;

#[derive(Debug, thiserror::Error, HandlerError)]
#[error("{0:?}")]
#[dead_letter]
pub struct Generic<T: std::fmt::Debug>(T);

#[derive(Debug, thiserror::Error, HandlerError)]
pub enum Never {}

fn main() {
    let class = |error: Charge| Failure::of(error).class();
    assert_eq!(class(Charge::Database(std::io::Error::other("x"))), Class::Retry { after: None });
    assert_eq!(class(Charge::Busy), Class::Retry { after: Some(Duration::from_secs(90)) });
    assert_eq!(class(Charge::NoCard { number: 1 }), Class::DeadLetter);
    assert_eq!(class(Charge::Again()), Class::Skip);
    assert_eq!(class(Charge::Key), Class::Fatal);
    assert_eq!(Failure::of(No).class(), Class::Skip);
    assert_eq!(Failure::of(Generic(1)).class(), Class::DeadLetter);
    assert_eq!(Failure::of(Charge::NoCard { number: 7 }).to_string(), "there is no card 7");
    let _: fn(Never) -> Failure = Failure::of;
}

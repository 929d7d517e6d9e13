//! The type that the peers decode into: the same for all, with all fields, even if the handler reads one.

use serde::Deserialize;

/// `schemas/purchased.avsc`.
#[derive(Debug, Deserialize)]
pub struct Purchased {
    pub id: String,
    pub sequence: i64,
    pub customer: String,
    pub email: String,
    pub product: String,
    pub amount_cents: i64,
    pub street: String,
    pub city: String,
    pub country: String,
    pub note: Option<String>,
    pub occurred_at: i64,
}

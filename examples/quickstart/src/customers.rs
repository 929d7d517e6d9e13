//! Handlers of customers.

use crate::events::customer;
use crate::ledger::Ledger;
use kaufmann::{Context, Failure, handler};

/// Opens an account.
#[handler(event = "customer.registered")]
pub async fn registered(event: customer::Registered, cx: &Context<Ledger>) -> Result<(), Failure> {
    cx.state.open(&event.customer, event.email);
    Ok(())
}

/// Stores a new address. The event is borrowed from the record, so only what is stored is copied.
#[handler(event = "customer.address_changed")]
pub async fn address_changed(
    event: customer::AddressChangedRef<'_>,
    cx: &Context<Ledger>,
) -> Result<(), Failure> {
    cx.state
        .move_to(event.customer, format!("{}, {}", event.street, event.city));
    Ok(())
}

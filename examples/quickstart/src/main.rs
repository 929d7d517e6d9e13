//! A shop's ledger: keeps what each customer has ordered, and confirms every order.

mod customers;
mod ledger;
mod orders;

kaufmann::include_events!(); // mod events { … }, made by build.rs from schemas/

use ledger::Ledger;

kaufmann::service! {
    /// Keeps what each customer has ordered, and confirms every order.
    pub struct Shop {
        state: Ledger,
        handlers: [customers::registered, customers::address_changed, orders::placed, orders::cancelled],
    }
}

#[kaufmann::main(Shop)]
async fn start() -> Result<Ledger, kaufmann::BoxError> {
    Ok(Ledger::default()) // a real service would connect to its database here
}

#[cfg(test)]
mod tests;

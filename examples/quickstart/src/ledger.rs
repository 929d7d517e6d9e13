//! The service's state: one ledger, in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known of each customer.
///
/// A record may be handled twice, after a crash for instance, so everything here may be done twice.
#[derive(Default)]
pub struct Ledger(Mutex<HashMap<String, Account>>);

/// What is known of one customer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// Where they get mail.
    pub email: String,
    /// Where they live.
    pub address: String,
    /// Their orders and what each costs, in cents.
    pub orders: HashMap<String, i64>,
}

impl Ledger {
    /// Takes an order down and gives what all orders of the customer cost, in cents.
    pub fn place(&self, customer: &str, order: &str, cents: i64) -> i64 {
        let mut accounts = self.accounts();
        let account = accounts.entry(customer.to_owned()).or_default();
        account.orders.insert(order.to_owned(), cents);
        account.orders.values().sum()
    }

    /// Strikes an order out.
    pub fn cancel(&self, customer: &str, order: &str) {
        if let Some(account) = self.accounts().get_mut(customer) {
            account.orders.remove(order);
        }
    }

    /// Opens an account.
    pub fn open(&self, customer: &str, email: String) {
        self.accounts().entry(customer.to_owned()).or_default().email = email;
    }

    /// Takes a new address down.
    pub fn move_to(&self, customer: &str, address: String) {
        self.accounts().entry(customer.to_owned()).or_default().address = address;
    }

    /// What is known of a customer.
    #[cfg(test)]
    pub fn account(&self, customer: &str) -> Option<Account> {
        self.accounts().get(customer).cloned()
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<String, Account>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

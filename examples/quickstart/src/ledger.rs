//! The service's state: one ledger, in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The accounts of all customers.
///
/// A record may be handled twice, for instance after a crash, so all methods are idempotent.
#[derive(Default)]
pub struct Ledger(Mutex<HashMap<String, Account>>);

/// One customer's account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// Where they get mail.
    pub email: String,
    /// Where they live.
    pub address: String,
    /// Their orders, with the price of each in cents.
    pub orders: HashMap<String, i64>,
}

impl Ledger {
    /// Records an order and returns the total of the customer's orders, in cents.
    pub fn place(&self, customer: &str, order: &str, cents: i64) -> i64 {
        let mut accounts = self.accounts();
        let account = accounts.entry(customer.to_owned()).or_default();
        account.orders.insert(order.to_owned(), cents);
        account.orders.values().sum()
    }

    /// Removes an order.
    pub fn cancel(&self, customer: &str, order: &str) {
        if let Some(account) = self.accounts().get_mut(customer) {
            account.orders.remove(order);
        }
    }

    /// Opens an account.
    pub fn open(&self, customer: &str, email: String) {
        self.accounts().entry(customer.to_owned()).or_default().email = email;
    }

    /// Stores a new address.
    pub fn move_to(&self, customer: &str, address: String) {
        self.accounts().entry(customer.to_owned()).or_default().address = address;
    }

    /// A customer's account.
    #[cfg(test)]
    pub fn account(&self, customer: &str) -> Option<Account> {
        self.accounts().get(customer).cloned()
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<String, Account>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

service! {
    /// Keeps the account projection current.
    pub struct Accounts {
        state: App,
        handlers: [users::create, billing::charge],
        exhaustive: events,
        ignore: [user::Audited],
    }
}

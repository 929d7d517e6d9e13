service! {
    struct Accounts {
        state: App,
        handlers: [#[cfg(feature = "billing")] charge, create],
    }
}

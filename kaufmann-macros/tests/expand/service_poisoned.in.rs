service! {
    struct Accounts {
        state: App,
        handler: [create],
    }
}

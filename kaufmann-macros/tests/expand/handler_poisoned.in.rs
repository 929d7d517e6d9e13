#[handler(event = "user.create", topic = "users")]
fn create<T>(event: T) {}

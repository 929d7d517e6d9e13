//! A service as a program has it, with the lints of a strict one.
#![deny(warnings, missing_docs, unreachable_pub)]

#[allow(missing_docs, unreachable_pub, dead_code)]
#[path = "../../support/events.rs"]
mod events;

mod users {
    use super::App;
    use super::events::user;
    use kaufmann::{Context, Failure, handler};

    #[handler(event = "user.create", emits = [user::Audited])]
    pub(crate) async fn create(event: user::Create, cx: &Context<App>) -> Result<user::Created, Failure> {
        Ok(user::Created { id: event.id + cx.state.offset, email: event.email })
    }

    #[handler(event = "user.delete")]
    pub(crate) async fn delete(user::DeleteRef { id, email }: user::DeleteRef<'_>) -> Result<(), Failure> {
        let _ = (id, email);
        Ok(())
    }
}

/// What the handlers share.
#[derive(Debug)]
pub struct App {
    offset: i64,
}

kaufmann::service! {
    /// Keeps the account projection current.
    #[derive(Debug, Clone, Copy)]
    pub struct Accounts {
        state: App,
        handlers: [users::create, users::delete],
        exhaustive: events,
        ignore: [events::user::Created, events::user::Audited],
    }
}

#[allow(dead_code)] // The `main` of this case must be one that ends by itself.
mod program {
    use super::{Accounts, App};

    #[kaufmann::main(Accounts)]
    async fn start(_config: &kaufmann::Config) -> Result<App, kaufmann::BoxError> {
        Ok(App { offset: 1 })
    }
}

fn main() {
    let paths: Vec<_> = <Accounts as kaufmann::Service>::HANDLERS.iter().map(|entry| entry.path).collect();
    assert_eq!(paths, ["users::create", "users::delete"]);
    let emitted: Vec<_> = kaufmann::emitted::<Accounts>().iter().map(|info| info.name).collect();
    assert_eq!(emitted, ["user.created", "user.audited"]);
}

//! `start` with and without the configuration, with different errors.
#![deny(warnings)]
#![allow(dead_code)] // The `main` of this case must be one that ends by itself.

pub struct App;

kaufmann::service! {
    pub struct Accounts {
        state: App,
        handlers: [],
    }
}

mod with_config {
    #[kaufmann::main(super::Accounts)]
    async fn start(config: &kaufmann::Config) -> Result<super::App, String> {
        let _ = config;
        Ok(super::App)
    }
}

mod without_config {
    #[kaufmann::main(crate::Accounts)]
    async fn start() -> Result<super::App, kaufmann::BoxError> {
        "1".parse::<u32>()?;
        Ok(super::App)
    }
}

mod infallible {
    type Started<T> = Result<T, std::convert::Infallible>;

    #[kaufmann::main(crate::Accounts)]
    pub async fn start<'c>(_: &'c kaufmann::Config) -> Started<crate::App> {
        // Not `Send`, and need not be.
        let rc = std::rc::Rc::new(1);
        std::future::ready(()).await;
        drop(rc);
        Ok(crate::App)
    }
}

fn main() {}

//! The service that keeps the directory.

use accounts::directory::{Directory, Projection};

#[kaufmann::main(Directory)]
async fn start() -> Result<Projection, kaufmann::BoxError> {
    let file = std::env::var("DIRECTORY_DB").unwrap_or_else(|_| "directory.db".into());
    Ok(Projection::open(file)?)
}

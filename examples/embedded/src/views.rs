//! What happens to pages.

use kaufmann::{Context, Failure, handler};

use crate::App;
use crate::events::page;

/// Counts a view. The event's id makes one of a record that comes twice.
#[handler(event = "page.viewed")]
pub async fn viewed(event: page::Viewed, cx: &Context<App>) -> Result<(), Failure> {
    let id = cx.record().event_id();
    cx.state.store.add(event.page, id).await?;
    Ok(())
}

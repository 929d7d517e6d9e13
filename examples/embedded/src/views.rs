//! Handlers of page views.

use kaufmann::{Context, Failure, handler};

use crate::App;
use crate::events::page;

/// Counts a view. A record that comes twice has the same event id, and counts once.
#[handler(event = "page.viewed")]
pub async fn viewed(event: page::Viewed, cx: &Context<App>) -> Result<(), Failure> {
    let id = cx.record().event_id();
    cx.state.store.add(event.page, id).await?;
    Ok(())
}

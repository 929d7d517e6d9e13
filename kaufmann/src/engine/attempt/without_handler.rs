//! Attempts that run no handler: the look-up of a schema, and the end of records that no handler can take, or none any more.

use std::sync::Arc;

use super::finish::{End, Finish, Retry};
use super::start::{Exhausted, Start, WithoutHandler};
use super::unhandled::{postpone, unhandled};
use super::{batch, event_name, handler_path};
use crate::engine::link::Link;
use crate::handler::failure_kind::FailureKind;
use crate::handler::observer::Settled;
use crate::publish::dead_letter::Reason;
use crate::record::Record;
use crate::record::wire::SchemaKey;
use crate::schema::registry::{RegistryError, RegistryErrorKind};
use crate::schema::writers::{NoWriter, Route};

/// Does what must be done without a handler.
pub(super) async fn without_handler(
    link: &Arc<Link>,
    what: WithoutHandler,
    record: &Record,
    attempt: u32,
) -> Finish {
    match what {
        WithoutHandler::LookUp(key, unknown) => look_up(link, key, unknown, record, attempt).await.into(),
        WithoutHandler::Undecodable(reason) => undecodable(link, reason, record, attempt).await.into(),
        WithoutHandler::Exhausted(exhausted) => end_exhausted(link, exhausted, record, attempt).await.into(),
        WithoutHandler::Conclude(conclusion) => batch::conclude(link, &conclusion).await,
    }
}

/// Finds the handler by the writer's schema.
async fn look_up(link: &Arc<Link>, key: SchemaKey, unknown: u32, record: &Record, attempt: u32) -> End {
    let reason = match link.schemas.writer(key, unknown).await {
        Ok(writer) => match link.schemas.route(&writer, record) {
            Route::Handler(handler, plan) => return End::Found(handler, plan),
            Route::Unwanted => {
                link.schemas.pass_over(Some(&writer), record);
                link.observe(record, None, Settled::Unwanted);
                return End::Settled;
            }
            Route::Undecodable(reason) => reason,
        },
        Err(NoWriter::Final(reason)) => reason,
        Err(NoWriter::NotYet(error)) => return look_up_again(key, unknown, &error).into(),
    };
    let again = WithoutHandler::LookUp(key, unknown).into();
    unhandled(link, record, undecodable_reason(&reason, attempt), again).await
}

/// A look-up that failed for now is repeated, for as long as it takes.
fn look_up_again(key: SchemaKey, unknown: u32, error: &RegistryError) -> Retry {
    let more = u32::from(error.kind() == RegistryErrorKind::Unknown);
    Retry::of(
        WithoutHandler::LookUp(key, unknown + more).into(),
        FailureKind::Failed,
        format!("the writer's schema ({key}) is unavailable: {error}"),
    )
}

async fn undecodable(link: &Arc<Link>, reason: Arc<str>, record: &Record, attempt: u32) -> End {
    let given = undecodable_reason(&reason, attempt);
    unhandled(link, record, given, WithoutHandler::Undecodable(reason).into()).await
}

fn undecodable_reason(reason: &str, attempt: u32) -> Reason {
    Reason {
        class: FailureKind::Undecodable,
        error: reason.to_owned(),
        event: None,
        handler: None,
        attempts: attempt,
        cut_short: false,
    }
}

/// Moves a record to the next retry topic, or ends it if there is none.
async fn end_exhausted(link: &Arc<Link>, exhausted: Arc<Exhausted>, record: &Record, attempt: u32) -> End {
    let reason = Reason {
        class: exhausted.class,
        error: exhausted.error.clone(),
        event: exhausted.handler.and_then(|handler| event_name(link, handler)),
        handler: exhausted.handler.and_then(|handler| handler_path(link, handler)),
        attempts: attempt,
        cut_short: exhausted.cut_short,
    };
    if let Some(topic) = link.outbound.retries().next(record) {
        return postpone(link, record, &reason, topic).await;
    }
    let again = match exhausted.handler {
        Some(handler) => Start::Handler(handler, exhausted.plan.clone()),
        None => WithoutHandler::Exhausted(exhausted).into(),
    };
    unhandled(link, record, reason, again).await
}

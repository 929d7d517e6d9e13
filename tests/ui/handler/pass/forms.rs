//! Every form that a handler may have.
#![deny(warnings)]

#[path = "../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Batch, Context, Failure, Outcome, Record, handler};

pub struct App {
    pub offset: i64,
}

type AppContext = Context<App>;
type Handled<T = ()> = Result<T, Failure>;

async fn pause() {}

#[handler(event = "user.create")]
pub async fn owned(event: user::Create, cx: &Context<App>) -> Result<(), Failure> {
    let _ = event.id + cx.state.offset;
    pause().await;
    let _ = event.email;
    Ok(())
}

#[handler(event = "user.create")]
pub async fn borrowed(event: user::CreateRef<'_>, cx: &Context<App>) -> Handled {
    let email: &str = event.email;
    pause().await;
    let _ = (email, cx.record().offset());
    Ok(())
}

#[handler(event = "user.create")]
pub async fn named_lifetimes<'r, 'c>(event: user::CreateRef<'r>, cx: &'c Context<App>) -> Handled
where
    'r: 'c,
{
    let _ = (event.email, cx.state.offset);
    Ok(())
}

#[handler(event = "user.create")]
pub async fn without_context(event: user::CreateRef<'_>) -> Handled<user::Created> {
    Ok(user::Created { id: event.id, email: event.email.to_owned() })
}

#[handler(event = "user.create")]
pub async fn patterns(
    user::Create { id, mut email }: user::Create,
    Context { state, .. }: &Context<App>,
) -> Handled<Option<user::Created>> {
    email.push('!');
    Ok((id > state.offset).then_some(user::Created { id, email }))
}

#[handler(event = "user.create")]
pub async fn alias_of_the_context(mut event: user::Create, cx: &AppContext) -> Handled<Vec<user::Created>> {
    event.id += cx.state.offset;
    Ok(vec![user::Created { id: event.id, email: event.email }])
}

#[handler(event = "user.create")]
pub async fn two_events(event: user::Create) -> Handled<(user::Created, Option<user::Audited>)> {
    Ok((user::Created { id: event.id, email: event.email }, None))
}

#[handler(event = "user.create", emits = [user::Audited, user::Delete])]
pub async fn outcome(_event: user::Create) -> Outcome {
    Outcome::done()
}

#[handler(event = "user.create")]
pub async fn outcome_in_a_result(event: user::Create) -> Handled<Outcome> {
    let number: i64 = event.email.parse()?;
    if number == 0 {
        return Err("zero is no number".into());
    }
    Ok(Outcome::done())
}

#[handler(event = "user.create")]
pub async fn boxed_error(
    event: user::Create,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let _: i64 = event.email.parse()?;
    Ok(())
}

#[handler(catch_all)]
pub async fn any(record: Record, cx: &Context<App>) -> Handled {
    let _ = (record.offset(), cx.state.offset);
    Ok(())
}

#[handler(catch_all)]
pub async fn any_borrowed(record: &Record) -> Handled {
    pause().await;
    let _ = record.payload();
    Ok(())
}

#[handler(event = "user.create", batch = 100)]
pub async fn several(events: Vec<user::Create>, cx: &Context<App>) -> Handled {
    let _ = (events.len(), cx.state.offset);
    Ok(())
}

#[handler(event = "user.create", batch = 100, linger = "50ms", timeout = "5s", max_in_flight = 2)]
pub async fn several_borrowed(events: Vec<user::CreateRef<'_>>) -> Handled {
    pause().await;
    let _ = events.first().map(|event| event.email);
    Ok(())
}

#[handler(event = "user.create", batch = 100, emits = [user::Created])]
pub async fn each_with_its_outcome(batch: Batch<user::Create>, cx: &AppContext) -> Handled<Vec<Outcome>> {
    pause().await;
    let each = batch.into_iter().map(|item| {
        let _ = (item.record().offset() + cx.state.offset, item.attempt());
        Outcome::done().and_publish(user::Created { id: item.event.id, email: item.event.email })
    });
    Ok(each.collect())
}

#[handler(event = "user.create", batch = 100)]
pub async fn each_borrowed(batch: Batch<user::CreateRef<'_>>) -> Handled {
    pause().await;
    let _ = batch.iter().map(|item| item.event.email.len()).sum::<usize>();
    Ok(())
}

type Several = Vec<user::Create>;

#[handler(event = "user.create", batch = 100)]
pub async fn alias_of_several(events: Several) -> Handled {
    drop(events);
    Ok(())
}

// Names that the expansion could be using.
#[handler(event = "user.create")]
pub async fn event(event: user::Create, cx: &Context<App>) -> Handled {
    let _ = (event, cx);
    Ok(())
}

#[handler(event = "user.delete")]
pub async fn cx(_: user::Delete, _: &Context<App>) -> Handled {
    Ok(())
}

#[handler(event = "user.delete")]
pub async fn into(_: user::Delete, _: &Context<App>) -> Handled {
    Ok(())
}

#[handler(event = "user.delete")]
pub async fn r#move(_: user::Delete) -> Handled {
    Ok(())
}

#[cfg(any())]
#[handler(event = "user.delete")]
pub async fn compiled_out(_: user::Nothing) -> Handled {
    Ok(())
}

#[handler(event = "user.delete")]
#[deprecated]
pub async fn deprecated(_: user::Delete) -> Handled {
    Ok(())
}

macro_rules! handlers {
    ($($name:ident: $event:ty = $text:literal),*) => {$(
        #[handler(event = $text)]
        pub async fn $name(event: $event, cx: &Context<App>) -> Result<(), Failure> {
            let _ = (event.id, cx.state.offset);
            Ok(())
        }
    )*};
}
handlers!(from_a_macro: user::Audited = "user.audited", another: user::CreatedRef<'_> = "user.created");

fn main() {
    // The functions are what they were.
    let event = user::Create { id: 1, email: String::new() };
    drop(owned(event.clone(), &Context::detached(App { offset: 1 })));
    drop(several(vec![event.clone()], &Context::detached(App { offset: 1 })));
    drop(each_with_its_outcome([event].into_iter().collect(), &Context::detached(App { offset: 1 })));
    drop(without_context(user::CreateRef { id: 1, email: "" }));
}

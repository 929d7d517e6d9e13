//! Lists of every length, with entries compiled out, and made by a macro.
#![deny(warnings)]

#[path = "../../support/events.rs"]
mod events;

use events::user;
use kaufmann::{Context, Failure, HandlerEntry, Service, handler};

pub struct App;

mod users {
    pub mod inner {
        use crate::{Context, Failure, handler, user};

        #[handler(event = "user.create")]
        pub async fn create(event: user::Create, cx: &Context<crate::App>) -> Result<(), Failure> {
            let _ = (event, cx);
            Ok(())
        }
    }
}

#[handler(event = "user.delete")]
pub async fn delete(_: user::Delete) -> Result<(), Failure> {
    Ok(())
}

/// Its future is far over the size that is kept in the table.
#[handler(event = "user.created")]
pub async fn big(event: user::CreatedRef<'_>, cx: &Context<App>) -> Result<(), Failure> {
    let bytes = [event.id as u8; 100_000];
    std::future::ready(()).await;
    let _ = (bytes, cx, event.email);
    Ok(())
}

#[handler(catch_all)]
pub async fn rest(_: &kaufmann::Record) -> Result<(), Failure> {
    Ok(())
}

kaufmann::service! {
    struct Nothing {
        state: (),
        handlers: [],
    }
}

kaufmann::service! {
    pub(crate) struct Some {
        handlers: [users::inner::create, #[cfg(any())] gone::away, delete, crate::big, rest,],
        state: App,
    }
}

// A handler without a context runs with any state.
kaufmann::service! {
    struct Other {
        state: u32,
        handlers: [delete, #[cfg(all())] rest],
        exhaustive: events,
        ignore: [user::Audited, user::Created, #[cfg(all())] user::Create],
    }
}

/// A module with events of its own, which have the same places as those of the other one.
mod many {
    use kaufmann::__private::avro::resolve::{DecodeResolved, Step};
    use kaufmann::__private::avro::{Cursor, Decode, DecodeError, Encode};
    use kaufmann::__private::{Body, Event, EventInfo, POISON, Payload};
    use kaufmann::{Failure, handler};

    macro_rules! many {
        ($service:ident: $($name:ident $event:ident $text:literal $index:literal),*) => {
            $(
                pub struct $event;

                impl Encode for $event {
                    fn encode(&self, _: &mut Vec<u8>) {}
                }

                impl<'a> DecodeResolved<'a> for $event {
                    fn decode_resolved(_: &mut Cursor<'a>, _: Step<'_>) -> Result<Self, DecodeError> {
                        Ok(Self)
                    }
                }

                impl<'a> Decode<'a> for $event {
                    fn decode(_: &mut Cursor<'a>) -> Result<Self, DecodeError> {
                        Ok(Self)
                    }
                }

                impl Event for $event {
                    const INFO: &'static EventInfo = &EventInfo { name: $text, ..POISON };
                    const INDEX: usize = $index;
                }

                impl Payload for $event {
                    type Event = Self;
                    type At<'r> = Self;

                    fn decode(body: Body<'_>) -> Result<Self, DecodeError> {
                        body.decode()
                    }
                }

                #[handler(event = $text)]
                pub async fn $name(_: $event) -> Result<(), Failure> {
                    Ok(())
                }
            )*

            kaufmann::service! {
                pub struct $service {
                    state: crate::App,
                    handlers: [$($name,)* crate::delete, crate::rest],
                }
            }
        };
    }

    many!(Many: a A "a" 0, b B "b" 1, c C "c" 2, d D "d" 3, e E "e" 4, f F "f" 5, g G "g" 6, h H "h" 7, i I "i" 8,
        j J "j" 9, k K "k" 10, l L "l" 11, m M "m" 12, n N "n" 13, o O "o" 14, p P "p" 15, q Q "q" 16);
}

fn names(entries: &[HandlerEntry]) -> Vec<&'static str> {
    entries.iter().map(|entry| entry.event.map_or("*", |event| event.name)).collect()
}

fn main() {
    assert!(Nothing::HANDLERS.is_empty());
    let _ = (Nothing, Some, Other, many::Many);
    assert_eq!(names(Some::HANDLERS), ["user.create", "user.delete", "user.created", "*"]);
    assert_eq!(Some::HANDLERS[0].path, "users::inner::create");
    assert_eq!(names(Other::HANDLERS), ["user.delete", "*"]);
    assert_eq!(many::Many::HANDLERS.len(), 19);
    assert_eq!(Some::NAME, "Some");

    // One big handler does not make the table's future big.
    let cx = Context::detached(App);
    assert!(size_of_val(&Some::dispatch(0, &cx)) < 1024);
    assert!(size_of_val(&many::Many::dispatch(18, &cx)) < 1024);
}

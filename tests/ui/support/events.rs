//! Four events in the shape in which `kaufmann-codegen` writes them, so that these cases need no build script.

#![allow(dead_code)]

pub const ALL: [&str; 4] = ["user.audited", "user.create", "user.created", "user.delete"];

pub mod user {
    use kaufmann::__private::avro::{Cursor, Decode, DecodeError, Encode, encode};
    use kaufmann::__private::{Body, Event, EventInfo, Payload};

    macro_rules! event {
        ($owned:ident, $borrowed:ident, $name:literal, $index:literal) => {
            #[derive(Debug, Clone, PartialEq)]
            pub struct $owned {
                pub id: i64,
                pub email: String,
            }

            #[derive(Debug, Clone, PartialEq)]
            pub struct $borrowed<'a> {
                pub id: i64,
                pub email: &'a str,
            }

            impl Encode for $owned {
                fn encode(&self, out: &mut Vec<u8>) {
                    encode::long(out, self.id);
                    encode::string(out, &self.email);
                }
            }

            impl<'a> Decode<'a> for $owned {
                fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
                    Ok(Self { id: cursor.long()?, email: cursor.string()?.to_owned() })
                }
            }

            impl<'a> Decode<'a> for $borrowed<'a> {
                fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
                    Ok(Self { id: cursor.long()?, email: cursor.string()? })
                }
            }

            impl Event for $owned {
                const INFO: &'static EventInfo =
                    &EventInfo { name: $name, full_name: $name, ..kaufmann::__private::POISON };
                const INDEX: usize = $index;
            }

            impl Payload for $owned {
                type Event = Self;
                type At<'r> = Self;

                fn decode(body: Body<'_>) -> Result<Self, DecodeError> {
                    body.decode()
                }
            }

            impl Payload for $borrowed<'_> {
                type Event = $owned;
                type At<'r> = $borrowed<'r>;

                fn decode(body: Body<'_>) -> Result<$borrowed<'_>, DecodeError> {
                    body.decode()
                }
            }
        };
    }

    event!(Audited, AuditedRef, "user.audited", 0);
    event!(Create, CreateRef, "user.create", 1);
    event!(Created, CreatedRef, "user.created", 2);
    event!(Delete, DeleteRef, "user.delete", 3);
}

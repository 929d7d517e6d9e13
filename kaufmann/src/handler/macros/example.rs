// Events for the examples in this module's documentation, as `kaufmann-codegen` would generate them.
pub mod user {
    use kaufmann::__private::avro::resolve::{DecodeResolved, Step};
    use kaufmann::__private::avro::{Cursor, Decode, DecodeError, Encode, encode};
    use kaufmann::__private::{Body, Event, EventInfo, Keyed, POISON, Payload};

    macro_rules! event {
        ($owned:ident, $borrowed:ident, $name:literal, $index:literal) => {
            #[derive(Clone, Debug, PartialEq)]
            pub struct $owned {
                pub email: String,
            }

            pub struct $borrowed<'a> {
                pub email: &'a str,
            }

            impl Encode for $owned {
                fn encode(&self, out: &mut Vec<u8>) {
                    encode::string(out, &self.email);
                }
            }

            impl<'a> DecodeResolved<'a> for $owned {
                fn decode_resolved(cursor: &mut Cursor<'a>, _: Step<'_>) -> Result<Self, DecodeError> {
                    Decode::decode(cursor)
                }
            }

            impl<'a> Decode<'a> for $owned {
                fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
                    Ok(Self { email: cursor.string()?.to_owned() })
                }
            }

            impl<'a> DecodeResolved<'a> for $borrowed<'a> {
                fn decode_resolved(cursor: &mut Cursor<'a>, _: Step<'_>) -> Result<Self, DecodeError> {
                    Decode::decode(cursor)
                }
            }

            impl<'a> Decode<'a> for $borrowed<'a> {
                fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
                    Ok(Self { email: cursor.string()? })
                }
            }

            impl Event for $owned {
                const INFO: &'static EventInfo = &EventInfo {
                    name: $name,
                    full_name: $name,
                    schema: concat!(
                        r#"{"type": "record", "name": ""#,
                        $name,
                        r#"", "fields": [{"name": "email", "type": "string"}]}"#
                    ),
                    topic: Some("users"),
                    key: Some("email"),
                    ..POISON
                };
                const INDEX: usize = $index;

                fn key(&self, out: &mut Vec<u8>) -> bool {
                    out.extend_from_slice(self.email.as_bytes());
                    true
                }
            }

            impl Keyed for $owned {
                type Key = String;

                fn read_key(key: &[u8]) -> Option<String> {
                    kaufmann::__private::keys::text(key)
                }

                fn write_key(key: &String, out: &mut Vec<u8>) {
                    out.extend_from_slice(key.as_bytes());
                }
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

    event!(Create, CreateRef, "user.create", 0);
    event!(Created, CreatedRef, "user.created", 1);
    event!(Delete, DeleteRef, "user.delete", 2);
}

pub const ALL: [&str; 3] = ["user.create", "user.created", "user.delete"];

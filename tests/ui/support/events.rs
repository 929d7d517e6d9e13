//! Four events in the shape in which `kaufmann-codegen` writes them, so that these cases need no build script.

#![allow(dead_code)]

pub const ALL: [&str; 4] = ["user.audited", "user.create", "user.created", "user.delete"];

pub mod user {
    use kaufmann::__private::avro::resolve::{DecodeResolved, Step};
    use kaufmann::__private::avro::{Cursor, Decode, DecodeError, Encode, encode};
    use kaufmann::__private::{Body, Event, EventInfo, Keyed, POISON, Payload};

    macro_rules! codec {
        ($owned:ident, $borrowed:ident) => {
            impl Encode for $owned {
                fn encode(&self, out: &mut Vec<u8>) {
                    encode::long(out, self.id);
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
                    Ok(Self { id: cursor.long()?, email: cursor.string()?.to_owned() })
                }
            }

            impl<'a> DecodeResolved<'a> for $borrowed<'a> {
                fn decode_resolved(cursor: &mut Cursor<'a>, _: Step<'_>) -> Result<Self, DecodeError> {
                    Decode::decode(cursor)
                }
            }

            impl<'a> Decode<'a> for $borrowed<'a> {
                fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
                    Ok(Self { id: cursor.long()?, email: cursor.string()? })
                }
            }
        };
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct Audited {
        pub id: i64,
        pub email: String,
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct AuditedRef<'a> {
        pub id: i64,
        pub email: &'a str,
    }

    impl Event for Audited {
        const INFO: &'static EventInfo = &EventInfo { name: "user.audited", full_name: "user.audited", ..POISON };
        const INDEX: usize = 0;
    }

    impl Payload for Audited {
        type Event = Self;
        type At<'r> = Self;

        fn decode(body: Body<'_>) -> Result<Self, DecodeError> {
            body.decode()
        }
    }

    impl Payload for AuditedRef<'_> {
        type Event = Audited;
        type At<'r> = AuditedRef<'r>;

        fn decode(body: Body<'_>) -> Result<AuditedRef<'_>, DecodeError> {
            body.decode()
        }
    }

    codec!(Audited, AuditedRef);

    #[derive(Debug, Clone, PartialEq)]
    pub struct Create {
        pub id: i64,
        pub email: String,
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct CreateRef<'a> {
        pub id: i64,
        pub email: &'a str,
    }

    impl Event for Create {
        const INFO: &'static EventInfo = &EventInfo { name: "user.create", full_name: "user.create", ..POISON };
        const INDEX: usize = 1;
    }

    impl Keyed for Create {
        type Key = i64;

        fn read_key(key: &[u8]) -> Option<i64> {
            kaufmann::__private::keys::parsed(key)
        }

        fn write_key(key: &i64, out: &mut Vec<u8>) {
            out.extend_from_slice(key.to_string().as_bytes());
        }
    }

    impl Payload for Create {
        type Event = Self;
        type At<'r> = Self;

        fn decode(body: Body<'_>) -> Result<Self, DecodeError> {
            body.decode()
        }
    }

    impl Payload for CreateRef<'_> {
        type Event = Create;
        type At<'r> = CreateRef<'r>;

        fn decode(body: Body<'_>) -> Result<CreateRef<'_>, DecodeError> {
            body.decode()
        }
    }

    codec!(Create, CreateRef);

    #[derive(Debug, Clone, PartialEq)]
    pub struct Created {
        pub id: i64,
        pub email: String,
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct CreatedRef<'a> {
        pub id: i64,
        pub email: &'a str,
    }

    impl Event for Created {
        const INFO: &'static EventInfo = &EventInfo { name: "user.created", full_name: "user.created", ..POISON };
        const INDEX: usize = 2;
    }

    impl Payload for Created {
        type Event = Self;
        type At<'r> = Self;

        fn decode(body: Body<'_>) -> Result<Self, DecodeError> {
            body.decode()
        }
    }

    impl Payload for CreatedRef<'_> {
        type Event = Created;
        type At<'r> = CreatedRef<'r>;

        fn decode(body: Body<'_>) -> Result<CreatedRef<'_>, DecodeError> {
            body.decode()
        }
    }

    codec!(Created, CreatedRef);

    #[derive(Debug, Clone, PartialEq)]
    pub struct Delete {
        pub id: i64,
        pub email: String,
    }

    #[derive(Debug, Clone, PartialEq)]
    pub struct DeleteRef<'a> {
        pub id: i64,
        pub email: &'a str,
    }

    impl Event for Delete {
        const INFO: &'static EventInfo = &EventInfo { name: "user.delete", full_name: "user.delete", ..POISON };
        const INDEX: usize = 3;
    }

    impl Payload for Delete {
        type Event = Self;
        type At<'r> = Self;

        fn decode(body: Body<'_>) -> Result<Self, DecodeError> {
            body.decode()
        }
    }

    impl Payload for DeleteRef<'_> {
        type Event = Delete;
        type At<'r> = DeleteRef<'r>;

        fn decode(body: Body<'_>) -> Result<DeleteRef<'_>, DecodeError> {
            body.decode()
        }
    }

    codec!(Delete, DeleteRef);
}

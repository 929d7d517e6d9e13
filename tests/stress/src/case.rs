//! The generated types, behind functions of the same signatures.

use std::fmt::Debug;

use kaufmann::event::Body;
use kaufmann::{Event, Payload};
use kaufmann_avro::{Encode, decode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::datum::Datum;
use crate::events;

/// An event.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// The path of its schema.
    pub defined_at: &'static str,
    /// Its schema, self-contained.
    pub schema: &'static str,
    /// Decodes into the owned type and encodes.
    pub owned: Again,
    /// Decodes into the borrowed type and encodes.
    pub borrowed: Again,
    /// Decodes into the owned type, converts to JSON and back, and encodes.
    pub json: Again,
    /// The debug output of the owned type, and of the borrowed one converted to it.
    pub looks: Looks,
}

/// Re-encodes a datum, or returns the decoder's error.
pub type Again = fn(&[u8]) -> Result<Vec<u8>, String>;

/// The debug output of both types, or the decoder's error.
pub type Looks = fn(&[u8]) -> Result<(String, String), String>;

macro_rules! cases {
    ($($borrowed:ty,)*) => {
        /// All events.
        pub const CASES: &[Case] = &[$(Case::of::<<$borrowed as Payload>::Event, $borrowed>(),)*];
    };
}

cases! {
    events::unions::top::First,
    events::unions::top::Second,
    events::NoNamespaceRef<'_>,
    events::alloc::OptionRef<'_>,
    events::attributes::Aliases,
    events::attributes::ByteOrderMarkRef<'_>,
    events::attributes::CommentedRef<'_>,
    events::attributes::JavaRef<'_>,
    events::attributes::OrderRef<'_>,
    events::attributes::RenamedRef<'_>,
    events::attributes::TopWrapped,
    events::attributes::WrappedRef<'_>,
    events::core::OptionRef<'_>,
    events::core::kaufmann::std::OptionRef<'_>,
    events::crate_::OptionRef<'_>,
    events::deep::Arrays,
    events::deep::MapsRef<'_>,
    events::deep::OptionalsRef<'_>,
    events::deep::RecordsRef<'_>,
    events::deep::SinglesRef<'_>,
    events::deep::UnionsRef<'_>,
    events::defaults::CollectionsRef<'_>,
    events::defaults::Logical,
    events::defaults::NamedRef<'_>,
    events::defaults::PrimitivesRef<'_>,
    events::defaults::RecordsRef<'_>,
    events::defaults::RecursiveRef<'_>,
    events::defaults::SomeWithoutRef<'_>,
    events::defaults::UnionsRef<'_>,
    events::docs::UnicodeRef<'_>,
    events::kaufmann::OptionRef<'_>,
    events::logical::Decimals,
    events::logical::Every,
    events::logical::InCollectionsRef<'_>,
    events::logical::MisfitsRef<'_>,
    events::logical::OnEveryBaseRef<'_>,
    events::logical::OnEveryComplexRef<'_>,
    events::names::Casing,
    events::names::FailureRef<'_>,
    events::names::KeywordsRef<'_>,
    events::names::MethodsRef<'_>,
    events::names::ModulesRef<'_>,
    events::names::Symbols,
    events::names::UserRef2<'_>,
    events::names::r#type::r#fn::KeywordTypes,
    events::recursive::BehindRef<'_>,
    events::recursive::Copies,
    events::recursive::DeepRef<'_>,
    events::recursive::ExpressionRef<'_>,
    events::recursive::JsonRef<'_>,
    events::recursive::List,
    events::recursive::PingRef<'_>,
    events::recursive::SingleUnionRef<'_>,
    events::recursive::TreeRef<'_>,
    events::recursive::TrieRef<'_>,
    events::recursive::knot::ARef<'_>,
    events::recursive::knot::BRef<'_>,
    events::recursive::knot::CRef<'_>,
    events::same::Same3Ref<'_>,
    events::self_::OptionRef<'_>,
    events::serde::OptionRef<'_>,
    events::shared::InvoiceRef<'_>,
    events::shared::OrderRef<'_>,
    events::shared::outer::Namespaces,
    events::sizes::ArraysRef<'_>,
    events::sizes::Empty,
    events::sizes::FixedRef<'_>,
    events::sizes::Large,
    events::sizes::MapsRef<'_>,
    events::sizes::Nothing,
    events::sizes::NumbersRef<'_>,
    events::sizes::One,
    events::std::OptionRef<'_>,
    events::std::option::OptionRef<'_>,
    events::super_::OptionRef<'_>,
    events::underscore::OptionRef<'_>,
    events::underscore_2::OptionRef<'_>,
    events::unions::CollectionsRef<'_>,
    events::unions::EmptyRecordsRef<'_>,
    events::unions::EveryKindRef<'_>,
    events::unions::Fixed,
    events::unions::Logical,
    events::unions::NamedRef<'_>,
    events::unions::NullAnywhereRef<'_>,
    events::unions::SameShortNameRef<'_>,
    events::unions::SharedRef<'_>,
    events::unions::SingleRef<'_>,
    events::unions::Wide,
    events::wide::DefaultsRef<'_>,
    events::wide::FieldsRef<'_>,
    events::wide::Symbols,
    events::wide::long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_long_namespace::VeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongVeryLongRef<'_>,
}

impl Case {
    const fn of<E, P>() -> Self
    where
        E: Event + Debug + Serialize + DeserializeOwned,
        P: Payload<Event = E>,
        for<'r> P::At<'r>: Encode + Debug + Into<E>,
    {
        Self {
            name: E::INFO.name,
            defined_at: E::INFO.defined_at,
            schema: E::INFO.schema,
            owned: |bytes| Ok(encoded(&owned::<E>(bytes)?)),
            borrowed: |bytes| Ok(encoded(&borrowed::<P>(bytes)?)),
            json: |bytes| {
                let json = serde_json::to_string(&owned::<E>(bytes)?).map_err(|error| error.to_string())?;
                let again = serde_json::from_str::<E>(&json).map_err(|error| format!("{error} in {json}"))?;
                Ok(encoded(&again))
            },
            looks: |bytes| {
                let into_owned: E = borrowed::<P>(bytes)?.into();
                Ok((format!("{:?}", owned::<E>(bytes)?), format!("{into_owned:?}")))
            },
        }
    }

    /// Decodes a datum in all of its forms, as both types and through JSON, and encodes it again.
    ///
    /// # Errors
    ///
    /// If a result differs, or if bytes that are not a datum were decoded.
    pub fn check(&self, datum: &Datum) -> Result<(), String> {
        for bytes in [&datum.plain, &datum.blocks] {
            for (form, again) in [("owned", self.owned), ("borrowed", self.borrowed)] {
                equal(&format!("{form}, from {bytes:?}"), &again(bytes)?, &datum.plain)?;
            }
            // NaN is not equal to itself, but its debug output is.
            let (owned, borrowed) = (self.looks)(bytes)?;
            equal("as the borrowed form has it", &borrowed, &owned)?;
        }
        if !datum.beyond_json {
            equal("through JSON", &(self.json)(&datum.plain)?, &datum.plain)?;
        }
        let longer = [&datum.plain[..], &[0]].concat();
        let wrong = [
            Some(&longer[..]),
            datum.plain.split_last().map(|(_, shorter)| shorter),
        ];
        for bytes in wrong.into_iter().flatten() {
            for again in [self.owned, self.borrowed] {
                if again(bytes).is_ok() {
                    return Err(format!("{bytes:?} is a datum too, and so is {:?}", datum.plain));
                }
            }
        }
        Ok(())
    }
}

fn owned<E: Event>(bytes: &[u8]) -> Result<E, String> {
    decode::<E>(bytes).map_err(|error| format!("the owned form: {error}"))
}

fn borrowed<P: Payload>(bytes: &[u8]) -> Result<P::At<'_>, String> {
    P::decode(Body::new(bytes)).map_err(|error| format!("the borrowed form: {error}"))
}

fn encoded(value: &impl Encode) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out);
    out
}

fn equal<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: {found:?} instead of {expected:?}"))
}

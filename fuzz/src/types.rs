//! Generated types that have everything a schema can have: fixtures of the generator.

macro_rules! fixtures {
    ($($case:ident)*) => {$(
        pub(crate) mod $case {
            include!(concat!("../../kaufmann-codegen/tests/fixtures/", stringify!($case), "/expected.rs"));
        }
    )*};
}

fixtures! { collections defaults depth enums fixed logical nested primitives recursion unions }

/// Calls a function for the type with this number: its type arguments are the owned type, to be inferred, and the borrowed
/// one. Whatever this module has must be in scope.
macro_rules! with_type {
    ($number:expr, $function:ident($($argument:expr),*)) => {
        match $number {
            0 => $function::<_, collections::collections::AllRef<'_>>($($argument),*),
            1 => $function::<_, defaults::defaults::AllRef<'_>>($($argument),*),
            2 => $function::<_, depth::x::ARef<'_>>($($argument),*),
            3 => $function::<_, enums::enums::ChangedRef<'_>>($($argument),*),
            4 => $function::<_, fixed::fixed::MadeRef<'_>>($($argument),*),
            5 => $function::<_, logical::logical::AllRef<'_>>($($argument),*),
            6 => $function::<_, nested::shop::order::PlacedRef<'_>>($($argument),*),
            7 => $function::<_, primitives::primitives::AllRef<'_>>($($argument),*),
            8 => $function::<_, unions::unions::AllRef<'_>>($($argument),*),
            9 => $function::<_, recursion::recursion::ListRef<'_>>($($argument),*),
            10 => $function::<_, recursion::recursion::TreeRef<'_>>($($argument),*),
            11 => $function::<_, recursion::recursion::ExpressionRef<'_>>($($argument),*),
            12 => $function::<_, recursion::recursion::PersonRef<'_>>($($argument),*),
            _ => $function::<_, recursion::recursion::NumbersRef<'_>>($($argument),*),
        }
    };
}
pub(crate) use with_type;

/// How many types there are.
#[cfg(test)]
pub(crate) const TYPES: u8 = 14;

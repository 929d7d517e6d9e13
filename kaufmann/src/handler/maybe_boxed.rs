//! A handler's future, boxed if it is big.

use std::future::Future;
use std::pin::Pin;

/// The largest future, in bytes, that is stored inside the table's. A table has one future type, as big as its biggest
/// handler's, and every event moves it: above this size moving costs more than allocating.
pub const LIMIT: usize = 1024;

/// The size of the future that a handler with a context returns.
pub const fn future_size<F, A, B, Fut>(_: &F) -> usize
where
    F: Fn(A, B) -> Fut,
{
    size_of::<Fut>()
}

/// The size of the future that a handler without a context returns.
pub const fn future_size1<F, A, Fut>(_: &F) -> usize
where
    F: Fn(A) -> Fut,
{
    size_of::<Fut>()
}

/// Builds a future, boxed or not.
///
/// It takes a closure, and the boxed form is never inlined, so that a big future is not first built in the caller's frame.
#[derive(Debug)]
pub struct MaybeBoxed<const BOXED: bool>;

impl MaybeBoxed<true> {
    /// The future in a box.
    #[inline(never)]
    pub fn build<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
        Box::pin(make())
    }
}

impl MaybeBoxed<false> {
    /// The future itself.
    #[inline(always)]
    pub fn build<F: Future>(make: impl FnOnce() -> F) -> F {
        make()
    }
}

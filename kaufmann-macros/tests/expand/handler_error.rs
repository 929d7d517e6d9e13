#[automatically_derived]
impl<E> ::kaufmann::__private::HandlerError for Charge<E>
where
    Self: ::core::error::Error + ::core::marker::Send + ::core::marker::Sync + 'static,
{
    #[allow(unreachable_code)]
    fn into_failure(self) -> ::kaufmann::__private::Failure {
        let class = match &self {
            Self::Database { .. } => {
                ::kaufmann::__private::Class::Retry {
                    after: ::core::option::Option::None,
                }
            }
            Self::Busy { .. } => {
                ::kaufmann::__private::Class::Retry {
                    after: ::core::option::Option::Some(
                        ::core::time::Duration::new(60u64, 500000000u32),
                    ),
                }
            }
            Self::NoCard { .. } => ::kaufmann::__private::Class::DeadLetter,
        };
        ::kaufmann::__private::classed(self, class)
    }
}

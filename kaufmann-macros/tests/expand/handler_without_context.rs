async fn r#delete(user::Delete { id }: user::Delete) -> Result<(), Failure> {
    remove(id).await
}
#[doc(hidden)]
#[allow(non_camel_case_types)]
struct r#delete {}
#[automatically_derived]
impl ::kaufmann::__private::HandlerInfo for r#delete {
    const EVENT: ::core::option::Option<&'static ::kaufmann::__private::EventInfo> = ::core::option::Option::Some(
        ::kaufmann::__private::or_poison(
            "user.delete",
            <<user::Delete as ::kaufmann::__private::Payload>::Event as ::kaufmann::__private::Event>::INFO,
        ),
    );
    const INDEX: usize = <<user::Delete as ::kaufmann::__private::Payload>::Event as ::kaufmann::__private::Event>::INDEX;
    const RETURNS: &'static [&'static ::kaufmann::__private::EventInfo] = <Result<
        (),
        Failure,
    > as ::kaufmann::__private::Returned>::EMITS;
    const EMITS: &'static [&'static ::kaufmann::__private::EventInfo] = &[];
}
#[automatically_derived]
#[allow(deprecated)]
impl<
    __S: ::core::marker::Send + ::core::marker::Sync,
> ::kaufmann::__private::Handler<__S> for r#delete {
    async fn handle(
        __cx: &::kaufmann::__private::Context<__S>,
    ) -> ::kaufmann::__private::Outcome {
        let __into_outcome = <Result<
            (),
            Failure,
        > as ::kaufmann::__private::Returned>::into_outcome;
        match <user::Delete as ::kaufmann::__private::Payload>::decode(
            __cx.record().body(),
        ) {
            ::core::result::Result::Ok(__event) => {
                __into_outcome(
                    ::kaufmann::__private::MaybeBoxed::<
                        {
                            ::kaufmann::__private::future_size1(&r#delete)
                                > ::kaufmann::__private::LIMIT
                        },
                    >::build(move || r#delete(__event))
                        .await,
                )
            }
            ::core::result::Result::Err(__error) => {
                ::kaufmann::__private::undecodable(__error)
            }
        }
    }
}
#[allow(non_upper_case_globals)]
const __KAUFMANN_CHECK_delete: () = ::kaufmann::__private::declared(
    "delete",
    "user.delete",
    <<user::Delete as ::kaufmann::__private::Payload>::Event as ::kaufmann::__private::Event>::INFO,
);

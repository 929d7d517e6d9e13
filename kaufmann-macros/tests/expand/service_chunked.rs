struct Long;
const _: () = {
    type __State = ();
    #[automatically_derived]
    impl ::kaufmann::__private::Service for Long
    where
        for<'__a> __State: ::kaufmann::__private::SharedState,
    {
        type State = ();
        const NAME: &'static str = "Long";
        const ABOUT: &'static str = "";
        const VERSION: &'static str = match ::core::option_env!("CARGO_PKG_VERSION") {
            ::core::option::Option::Some(version) => version,
            ::core::option::Option::None => "",
        };
        const HANDLERS: &'static [::kaufmann::__private::HandlerEntry] = &[
            <h0 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h0"),
            <h1 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h1"),
            <h2 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h2"),
            <h3 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h3"),
            <h4 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h4"),
            <h5 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h5"),
            <h6 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h6"),
            <h7 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h7"),
            <h8 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h8"),
            <h9 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h9"),
            <h10 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h10"),
            <h11 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h11"),
            <h12 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h12"),
            <h13 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h13"),
            <h14 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h14"),
            <h15 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h15"),
            <h16 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h16"),
            <h17 as ::kaufmann::__private::Handler<__State>>::LISTED.entry("h17"),
        ];
        const LIST: &'static [::kaufmann::__private::Placed] = &[
            <h0 as ::kaufmann::__private::Handler<__State>>::LISTED.place(0usize, "h0"),
            <h1 as ::kaufmann::__private::Handler<__State>>::LISTED.place(1usize, "h1"),
            <h2 as ::kaufmann::__private::Handler<__State>>::LISTED.place(2usize, "h2"),
            <h3 as ::kaufmann::__private::Handler<__State>>::LISTED.place(3usize, "h3"),
            <h4 as ::kaufmann::__private::Handler<__State>>::LISTED.place(4usize, "h4"),
            <h5 as ::kaufmann::__private::Handler<__State>>::LISTED.place(5usize, "h5"),
            <h6 as ::kaufmann::__private::Handler<__State>>::LISTED.place(6usize, "h6"),
            <h7 as ::kaufmann::__private::Handler<__State>>::LISTED.place(7usize, "h7"),
            <h8 as ::kaufmann::__private::Handler<__State>>::LISTED.place(8usize, "h8"),
            <h9 as ::kaufmann::__private::Handler<__State>>::LISTED.place(9usize, "h9"),
            <h10 as ::kaufmann::__private::Handler<__State>>::LISTED
                .place(10usize, "h10"),
            <h11 as ::kaufmann::__private::Handler<__State>>::LISTED
                .place(11usize, "h11"),
            <h12 as ::kaufmann::__private::Handler<__State>>::LISTED
                .place(12usize, "h12"),
            <h13 as ::kaufmann::__private::Handler<__State>>::LISTED
                .place(13usize, "h13"),
            <h14 as ::kaufmann::__private::Handler<__State>>::LISTED
                .place(14usize, "h14"),
            <h15 as ::kaufmann::__private::Handler<__State>>::LISTED
                .place(15usize, "h15"),
            <h16 as ::kaufmann::__private::Handler<__State>>::LISTED
                .place(16usize, "h16"),
            <h17 as ::kaufmann::__private::Handler<__State>>::LISTED
                .place(17usize, "h17"),
        ];
        async fn dispatch(
            __handler: u32,
            __cx: &::kaufmann::__private::Context<__State>,
        ) -> ::kaufmann::__private::Outcome {
            async fn __chunk0(
                __handler: u32,
                __cx: &::kaufmann::__private::Context<__State>,
            ) -> ::kaufmann::__private::Outcome
            where
                for<'__a> __State: ::kaufmann::__private::SharedState,
            {
                match __handler {
                    0 => {
                        <h0 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    1 => {
                        <h1 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    2 => {
                        <h2 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    3 => {
                        <h3 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    4 => {
                        <h4 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    5 => {
                        <h5 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    6 => {
                        <h6 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    7 => {
                        <h7 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    8 => {
                        <h8 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    9 => {
                        <h9 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    10 => {
                        <h10 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    11 => {
                        <h11 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    12 => {
                        <h12 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    13 => {
                        <h13 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    14 => {
                        <h14 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    15 => {
                        <h15 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    _ => ::kaufmann::__private::no_such_handler(__handler),
                }
            }
            async fn __chunk1(
                __handler: u32,
                __cx: &::kaufmann::__private::Context<__State>,
            ) -> ::kaufmann::__private::Outcome
            where
                for<'__a> __State: ::kaufmann::__private::SharedState,
            {
                match __handler {
                    16 => {
                        <h16 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    17 => {
                        <h17 as ::kaufmann::__private::Handler<__State>>::handle(__cx)
                            .await
                    }
                    _ => ::kaufmann::__private::no_such_handler(__handler),
                }
            }
            match __handler / 16 {
                0 => __chunk0(__handler, __cx).await,
                1 => __chunk1(__handler, __cx).await,
                _ => ::kaufmann::__private::no_such_handler(__handler),
            }
        }
    }
    const __LIST: &[::kaufmann::__private::Placed] = <Long as ::kaufmann::__private::Service>::LIST;
    const __EARLIER: [usize; 18usize] = ::kaufmann::__private::earlier::<
        18usize,
        37usize,
    >(__LIST);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 0usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 1usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 2usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 3usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 4usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 5usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 6usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 7usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 8usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 9usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 10usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 11usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 12usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 13usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 14usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 15usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 16usize);
    const _: () = ::kaufmann::__private::listed_once(__LIST, &__EARLIER, 17usize);
};

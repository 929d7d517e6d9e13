service! {
    struct Long {
        state: (),
        handlers: [
            h0, h1, h2, h3, h4, h5, h6, h7, h8,
            h9, h10, h11, h12, h13, h14, h15, h16, h17,
        ],
    }
}

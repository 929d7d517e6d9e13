//! A text that is built in a constant, where `panic!` takes one `&str` and formats nothing.

/// The text; parts that do not fit are left out.
#[derive(Clone, Copy)]
pub(super) struct Message {
    bytes: [u8; Self::CAPACITY],
    len: usize,
}

impl Message {
    const CAPACITY: usize = 2048;

    pub(super) const fn new(text: &str) -> Self {
        Self {
            bytes: [0; Self::CAPACITY],
            len: 0,
        }
        .add(text)
    }

    /// Appends `text` whole, or not at all, so that the bytes stay UTF-8.
    pub(super) const fn add(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        if self.len + text.len() > Self::CAPACITY {
            return self;
        }
        let mut i = 0;
        while i < text.len() {
            self.bytes[self.len + i] = text[i];
            i += 1;
        }
        self.len += text.len();
        self
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) const fn text(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}

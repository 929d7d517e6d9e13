//! The payloads for `publish`: JSON, `@file` or `-`; any number, one after another.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};

use serde_json::Value;
use tokio::sync::mpsc;

use crate::base::error::{Error, ErrorKind};
use crate::cli::payload::unique::Unique;
use crate::cli::signals::Signals;

/// How many payloads are read ahead.
const READ_AHEAD: usize = 1_000;

/// The payloads, in order. A separate thread reads them, because a person may be typing.
pub(super) struct Payloads(mpsc::Receiver<serde_json::Result<Value>>);

impl Payloads {
    /// Opens the argument: JSON, `@file` or `-`.
    pub(super) fn open(given: &str) -> Result<Self, Error> {
        let reader: Box<dyn Read + Send> = match given.strip_prefix('@') {
            Some(path) => Box::new(BufReader::new(file(path)?)),
            None if given == "-" => Box::new(BufReader::new(io::stdin())),
            None => Box::new(Cursor::new(given.to_owned())),
        };
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        let read = move || {
            for value in serde_json::Deserializer::from_reader(Unmarked::new(reader)).into_iter::<Unique>() {
                let is_last = value.is_err();
                if sender.blocking_send(value.map(|Unique(value)| value)).is_err() || is_last {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("kaufmann-payloads".to_owned())
            .spawn(read)
            .map_err(|error| {
                Error::new(
                    ErrorKind::Internal,
                    "the thread that reads the payloads cannot be started",
                )
                .caused_by(error)
            })?;
        Ok(Self(receiver))
    }

    /// The next payload; `None` after the last, or after a signal.
    pub(super) async fn next(&mut self, signals: &Signals) -> Option<serde_json::Result<Value>> {
        tokio::select! {
            biased;
            () = signals.first() => None,
            value = self.0.recv() => value,
        }
    }
}

/// Opens a file by its path.
fn file(path: &str) -> Result<File, Error> {
    let refused = |text: String| Error::new(ErrorKind::Usage, text);
    if path.is_empty() {
        return Err(refused(
            "`@` needs a file's name; give the payload as @FILE, as JSON, or as - for standard input"
                .to_owned(),
        ));
    }
    let unreadable =
        |error: io::Error| refused(format!("cannot read the payload from {path}")).caused_by(error);
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(refused(format!(
            "cannot read the payload from {path}: it is a folder; name a file"
        )));
    }
    Ok(file)
}

/// Skips the byte order mark that some editors put before UTF-8, and reports UTF-16 as an error.
struct Unmarked<R> {
    reader: R,
    /// The first bytes, read to look for a mark; `None` before that.
    begin: Option<Cursor<Vec<u8>>>,
}

impl<R: Read> Unmarked<R> {
    fn new(reader: R) -> Self {
        Self { reader, begin: None }
    }

    /// Reads no further than the bytes match a mark: otherwise a person typing would have to type more before the first payload is read.
    fn look(&mut self) -> io::Result<Vec<u8>> {
        const UTF_8: [u8; 3] = [0xef, 0xbb, 0xbf];
        let mut begin = Vec::new();
        let mut byte = [0];
        while begin.len() < UTF_8.len() && UTF_8.starts_with(&begin) {
            match self.reader.read(&mut byte) {
                Ok(0) => break,
                Ok(_) => begin.push(byte[0]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        match begin.first() {
            // UTF-8 begins with neither.
            Some(0xff | 0xfe) => {
                let text = "its byte order mark is that of UTF-16; save it as UTF-8";
                Err(io::Error::new(io::ErrorKind::InvalidData, text))
            }
            _ if begin == UTF_8 => Ok(Vec::new()),
            _ => Ok(begin),
        }
    }
}

impl<R: Read> Read for Unmarked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.begin.is_none() {
            self.begin = Some(Cursor::new(self.look()?));
        }
        match &mut self.begin {
            Some(begin) if begin.position() < begin.get_ref().len() as u64 => begin.read(buffer),
            _ => self.reader.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unmarked(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        Unmarked::new(bytes).read_to_end(&mut read)?;
        Ok(read)
    }

    #[test]
    fn only_a_mark_of_utf_8_is_skipped() {
        assert_eq!(unmarked(b"\xef\xbb\xbf{}").unwrap(), b"{}");
        for whole in [
            &b""[..],
            b"1",
            b"{}",
            b"\xef",
            b"\xef\xbb",
            b"\xef\xbb{}",
            b"{}\xef\xbb\xbf",
        ] {
            assert_eq!(unmarked(whole).unwrap(), whole);
        }
    }

    #[test]
    fn utf_16_is_reported() {
        for begin in [b"\xff\xfe{\0", b"\xfe\xff\0{"] {
            let error = unmarked(begin).unwrap_err();
            assert!(error.to_string().contains("that of UTF-16"), "{error}");
        }
    }

    #[test]
    fn a_typed_payload_is_read_before_more_is_typed() {
        /// Returns one byte per read, and panics on a read beyond its end.
        struct Typed(&'static [u8]);
        impl Read for Typed {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let (first, rest) = self.0.split_first().expect("a read beyond what was typed");
                buffer[0] = *first;
                self.0 = rest;
                Ok(1)
            }
        }
        let mut values =
            serde_json::Deserializer::from_reader(Unmarked::new(Typed(b"7\n"))).into_iter::<Value>();
        assert_eq!(values.next().unwrap().unwrap(), 7);
    }

    #[test]
    fn payloads_are_read_up_to_the_first_that_has_a_key_twice() {
        let mut payloads = Payloads::open("{\"a\": 1}\n{\"a\": 1, \"a\": 2}\n{}").unwrap();
        let mut next = || payloads.0.blocking_recv();
        assert_eq!(next().unwrap().unwrap(), serde_json::json!({"a": 1}));
        let error = next().unwrap().unwrap_err().to_string();
        assert!(
            error.contains("duplicate key `a`") && error.contains("line 2"),
            "{error}"
        );
        assert!(next().is_none());
    }

    #[test]
    fn a_file_with_a_mark_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("event.json");
        std::fs::write(&path, "\u{feff}{}").unwrap();
        let mut payloads = Payloads::open(&format!("@{}", path.display())).unwrap();
        assert_eq!(
            payloads.0.blocking_recv().unwrap().unwrap(),
            serde_json::json!({})
        );
    }

    #[test]
    fn a_path_that_is_not_a_file_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: &str, text: &str| {
            let error = Payloads::open(path).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains(text), "{error}");
        };
        refused("@", "`@` needs a file's name");
        refused(
            &format!("@{}/", folder.path().display()),
            "it is a folder; name a file",
        );
        refused(
            &format!("@{}/@", folder.path().display()),
            "cannot read the payload from ",
        );
    }
}

//! The evidence of a scene: the handlers' journal, and the published messages.

use std::path::PathBuf;

use anyhow::{Context, Result};
use kaufmann_tests::chaos::{Entry, Journal, Step};
use kaufmann_tests::rig::{Datum, Record};

use super::Scene;
use crate::oracle::{History, Reply};
use crate::workload::NUMBER;

impl Scene {
    /// How often handlers have begun so far.
    pub(super) fn attempts(&self) -> Result<usize> {
        let journal = self.journal()?;
        Ok(journal.iter().filter(|entry| entry.step == Step::Begun).count())
    }

    /// The handlers' journal so far.
    pub(crate) fn journal(&self) -> Result<Vec<Entry>> {
        let path = self.journal_path();
        if path.exists() {
            Journal::read(&path)
        } else {
            Ok(Vec::new())
        }
    }

    /// The file of the handlers' journal.
    pub(super) fn journal_path(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// Copies the journal to where it can be read after the test, to investigate a verdict.
    pub(super) fn keep(&self, history: &History) -> Result<String> {
        let kept = std::env::temp_dir().join(format!("{}.journal", self.group));
        std::fs::copy(self.journal_path(), &kept)?;
        Ok(format!(
            "{} records were written; the journal is kept in {}",
            history.written.len(),
            kept.display()
        ))
    }

    /// The published messages.
    pub(super) fn replies(&self) -> Result<Vec<Reply>> {
        let records = self.client.read(&self.replies)?;
        let reply = |record: &Record| {
            let payload = record.value.as_deref().context("a reply is null")?;
            let datum = &mut Datum::unframed(payload)?;
            Ok(Reply {
                number: Datum::read_long(datum)?,
                key: Datum::read_text(datum)?.into(),
                id: record.header("ce_id").context("a reply has no id")?,
            })
        };
        records.iter().map(reply).collect()
    }

    /// The numbers of the dead letters.
    pub(super) fn dead_letters(&self) -> Result<Vec<i64>> {
        let records = self.client.read(&self.letters)?;
        let number = |record: &Record| {
            let number = record.header(NUMBER).context("a letter has lost its headers")?;
            Ok(number.parse()?)
        };
        records.iter().map(number).collect()
    }
}

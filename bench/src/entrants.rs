//! Who runs: the contenders of this program, the peers, and those that the command line adds.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use crate::arguments::Run;
use crate::peers;
use crate::workload::{Extent, Workload};

/// A contender and the command that starts it.
#[derive(Clone)]
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) program: Vec<String>,
}

/// A contender that is built into this program.
pub(crate) fn own(name: &str) -> Result<Contender> {
    let own = std::env::current_exe()?.to_string_lossy().into_owned();
    Ok(Contender {
        name: name.to_owned(),
        program: vec![own, "contend".to_owned(), name.to_owned()],
    })
}

/// The commands of the peers; `None` for a peer whose build failed.
#[derive(Default)]
pub(crate) struct Builds(BTreeMap<&'static str, Option<Vec<String>>>);

impl Builds {
    pub(crate) fn contenders(
        &mut self,
        run: &Run,
        extent: Extent,
        workload: &Workload,
    ) -> Result<Vec<Contender>> {
        let wanted = |name: &str| match run.contender.is_empty() {
            true => !peers::is_peer(name) || (extent > Extent::Quick && !run.no_peers),
            false => run.contender.iter().any(|wanted| wanted == name),
        };
        let mut all = Vec::new();
        for &name in workload.contenders.iter().filter(|name| wanted(name)) {
            if !peers::is_peer(name) {
                all.push(own(name)?);
            } else if let Some(program) = self.peer(name) {
                let (name, program) = (name.to_owned(), program.clone());
                all.push(Contender { name, program });
            }
        }
        for with in &run.with {
            let (name, command) = with.split_once('=').context("`--with` takes NAME=COMMAND")?;
            let program: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
            ensure!(!program.is_empty(), "`--with {with}` names no program");
            let name = name.to_owned();
            all.push(Contender { name, program });
        }
        Ok(all)
    }

    fn peer(&mut self, name: &'static str) -> Option<&Vec<String>> {
        let built = self.0.entry(name).or_insert_with(|| {
            eprintln!("building {name}");
            peers::program(name)
                .inspect_err(|error| eprintln!("WITHOUT {name}: {error:#}"))
                .ok()
        });
        built.as_ref()
    }
}

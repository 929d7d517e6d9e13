//! Which changes are compatible: a registry's answers compared with ours, for all pairs that Java has answered.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kaufmann_avro::Schema;
use kaufmann_avro::compatibility::check;
use kaufmann_tests::rig::Rig;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::task::JoinSet;

crate::tests![the_registry_and_ours_agree_except_for_the_listed_pairs];

const PAIRS: &str = include_str!("../../kaufmann-avro/tests/vectors/compatibility.jsonl");
/// How many pairs are requested at once.
const AT_ONCE: usize = 16;

/// Where they differ. The registry has an error for this record that contains itself in a map, and no verdict; Java's Avro
/// and ours call the pair compatible (an int is promoted to a double).
const LISTED: [&str; 1] = [concat!(
    "NoOpinion, ours []\n",
    r#"  writer {"fields":[{"name":"m","type":{"type":"map","values":"M"}},{"name":"i","type":"int"}],"name":"M","type":"record"}"#,
    "\n",
    r#"  reader {"fields":[{"name":"i","type":"double"},{"name":"m","type":{"type":"map","values":"M"}}],"name":"M","type":"record"}"#,
)];

/// The registry's answer for a pair.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Verdict {
    Compatible,
    Incompatible,
    /// It does not accept one of the schemas.
    NoOpinion,
}

fn the_registry_and_ours_agree_except_for_the_listed_pairs(rig: &Rig) -> Result<()> {
    let url = rig.servers()?.registry.url();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let pairs = PAIRS
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<Vec<Value>, _>>()?;
    let verdicts = runtime.block_on(ask_for_all(&url, &pairs))?;
    let mut differences = Vec::new();
    for (pair, verdict) in pairs.iter().zip(&verdicts) {
        let parse = |of: &str| Schema::parse(&pair[of].to_string()).expect("the vectors' schemas are valid");
        let findings = check(&parse("writer"), &parse("reader"));
        let ours = match findings.is_empty() {
            true => Verdict::Compatible,
            false => Verdict::Incompatible,
        };
        if *verdict != ours {
            differences.push(format!(
                "{verdict:?}, ours {findings:?}\n  writer {}\n  reader {}",
                pair["writer"], pair["reader"]
            ));
        }
    }
    let unlisted = differences
        .iter()
        .filter(|difference| !LISTED.contains(&difference.as_str()));
    let unlisted = unlisted.cloned().collect::<Vec<_>>();
    ensure!(
        unlisted.is_empty(),
        "{} of {}:\n{}",
        unlisted.len(),
        pairs.len(),
        unlisted.join("\n")
    );
    ensure!(
        differences.len() == LISTED.len(),
        "a difference that is listed is none"
    );
    let compatible = verdicts.iter().filter(|verdict| **verdict == Verdict::Compatible);
    ensure!(compatible.count() > 200, "the registry refuses nearly all pairs");
    Ok(())
}

/// Asks for every pair; the pairs of one writer share a subject.
async fn ask_for_all(url: &str, pairs: &[Value]) -> Result<Vec<Verdict>> {
    let client = Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(60))
        .build()?;
    let mut writers = BTreeMap::<String, Vec<(usize, String)>>::new();
    for (index, pair) in pairs.iter().enumerate() {
        let readers = writers.entry(pair["writer"].to_string()).or_default();
        readers.push((index, pair["reader"].to_string()));
    }
    let mut verdicts = vec![Verdict::NoOpinion; pairs.len()];
    let mut asking = JoinSet::new();
    let mut writers = writers.into_iter().enumerate();
    loop {
        while asking.len() < AT_ONCE
            && let Some((number, (writer, readers))) = writers.next()
        {
            let subject = Subject {
                client: client.clone(),
                url: url.to_owned(),
                name: format!("compatibility-{number}"),
            };
            asking.spawn(async move { subject.ask(&writer, &readers).await });
        }
        let Some(answers) = asking.join_next().await else {
            return Ok(verdicts);
        };
        for (index, verdict) in answers?? {
            verdicts[index] = verdict;
        }
    }
}

/// A subject whose only version is a writer's schema.
struct Subject {
    client: Client,
    url: String,
    name: String,
}

impl Subject {
    /// Registers the writer's schema, and asks for each reader's whether it may follow.
    async fn ask(&self, writer: &str, readers: &[(usize, String)]) -> Result<Vec<(usize, Verdict)>> {
        let (url, name) = (&self.url, &self.name);
        let versions = self.client.post(format!("{url}/subjects/{name}/versions"));
        let registered = versions.json(&json!({ "schema": writer })).send().await?;
        if !registered.status().is_success() {
            return Ok(Vec::new());
        }
        let level = self.client.put(format!("{url}/config/{name}"));
        let level = level.json(&json!({ "compatibility": "BACKWARD" })).send().await?;
        ensure!(level.status().is_success(), "{name}: {}", level.text().await?);
        let mut verdicts = Vec::new();
        for (index, reader) in readers {
            verdicts.push((*index, self.verdict(reader).await?));
        }
        Ok(verdicts)
    }

    async fn verdict(&self, reader: &str) -> Result<Verdict> {
        let (url, name) = (&self.url, &self.name);
        let latest = self
            .client
            .post(format!("{url}/compatibility/subjects/{name}/versions/latest"));
        let answer = latest.json(&json!({ "schema": reader })).send().await?;
        if !answer.status().is_success() {
            return Ok(Verdict::NoOpinion);
        }
        let answer: Value = answer.json().await?;
        Ok(
            match answer["is_compatible"].as_bool().context("it does not say")? {
                true => Verdict::Compatible,
                false => Verdict::Incompatible,
            },
        )
    }
}

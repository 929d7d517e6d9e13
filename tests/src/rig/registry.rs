//! Apicurio, a registry that speaks the Confluent API, as a Java process.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use super::process::Process;
use super::{block_on, fetch, free_port, java, wait_until};

const START_DEADLINE: Duration = Duration::from_secs(180);
const API: &str = "/apis/ccompat/v7";

/// A registry on loopback that keeps its schemas in memory. It is killed on drop.
pub struct Registry {
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl Registry {
    /// Starts an empty registry, and waits until it answers.
    ///
    /// # Errors
    ///
    /// If Java or the jars are missing, or the registry does not come up.
    pub fn start() -> Result<Self> {
        Self::start_from(&fetch::fetch()?)
    }

    pub(super) fn start_from(cache: &Path) -> Result<Self> {
        // Between finding a free port and taking it, somebody else may take it.
        for _ in 0..3 {
            match Self::start_on(cache, free_port()?) {
                Err(error) if format!("{error:#}").contains("already in use") => {}
                started => return started,
            }
        }
        bail!("found no port for the registry in three attempts")
    }

    /// The base URL of the server.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The URL of the Confluent API.
    #[must_use]
    pub fn url(&self) -> String {
        confluent_api(&self.origin())
    }

    /// Registers a schema, and returns its id.
    ///
    /// # Errors
    ///
    /// If the registry refuses it.
    pub fn register(&self, subject: &str, schema: &str) -> Result<i32> {
        self.register_with(subject, schema, &serde_json::json!([]))
    }

    /// The same for a schema that refers to others, as the Confluent API names them.
    ///
    /// # Errors
    ///
    /// If the registry refuses it.
    pub fn register_with(&self, subject: &str, schema: &str, references: &serde_json::Value) -> Result<i32> {
        let url = format!("{}/subjects/{subject}/versions", self.url());
        block_on(async {
            let answer = http()?
                .post(url)
                .json(&serde_json::json!({ "schema": schema, "references": references }))
                .send()
                .await?;
            let status = answer.status();
            let body: serde_json::Value = answer.json().await?;
            let id = body["id"].as_i64().filter(|_| status.is_success());
            Ok(i32::try_from(
                id.with_context(|| format!("{subject}: {status} {body}"))?,
            )?)
        })
    }

    /// Sets the level of compatibility of all subjects.
    ///
    /// # Errors
    ///
    /// If the registry refuses it.
    pub fn set_level(&self, level: &str) -> Result<()> {
        let url = format!("{}/config", self.url());
        let body = serde_json::json!({ "compatibility": level });
        block_on(async {
            let answer = http()?.put(url).json(&body).send().await?;
            ensure!(answer.status().is_success(), "{level}: {}", answer.text().await?);
            Ok(())
        })
    }

    /// The versions of a subject, as the registry lists them; `null` if there is no such subject.
    ///
    /// # Errors
    ///
    /// If the registry does not answer.
    pub fn versions(&self, subject: &str) -> Result<serde_json::Value> {
        let url = format!("{}/subjects/{subject}/versions", self.url());
        block_on(async {
            let answer = http()?.get(url).send().await?;
            if answer.status() == reqwest::StatusCode::NOT_FOUND {
                return Ok(serde_json::Value::Null);
            }
            Ok(answer.json().await?)
        })
    }

    fn start_on(cache: &Path, port: u16) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("kaufmann-registry-").tempdir()?;
        let mut command = java("512m", folder.path());
        command
            .args([
                "-Dquarkus.http.host=127.0.0.1".to_owned(),
                format!("-Dquarkus.http.port={port}"),
                "-jar".to_owned(),
            ])
            .arg(cache.join("registry/apicurio-registry-app-3.0.9-runner.jar"))
            .current_dir(folder.path());
        let process = Process::spawn("registry", &mut command, &folder)?;
        let mut registry = Self {
            _process: process,
            _folder: folder,
            port,
        };
        let subjects = format!("{}/subjects", registry.url());
        let process = &mut registry._process;
        wait_until("the registry should answer", START_DEADLINE, || {
            ensure!(process.exited()?.is_none(), "the registry ended at its start");
            let answer = block_on(async { Ok(http()?.get(&subjects).send().await?.status()) });
            Ok(answer.is_ok_and(|status| status.is_success()).then_some(()))
        })
        .with_context(|| process.tail())?;
        Ok(registry)
    }
}

/// Where a server such as [`Registry::origin`] has the Confluent API.
pub(super) fn confluent_api(origin: &str) -> String {
    format!("{origin}{API}")
}

/// A client that ignores the proxies of the environment: everything is on loopback.
pub(super) fn http() -> Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()?)
}

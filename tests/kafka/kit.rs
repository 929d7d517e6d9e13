//! The quickstart's own tests, run on a cluster through the kit's switch.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use kaufmann_tests::rig::Rig;

crate::tests![the_quickstarts_tests_hold_on_a_cluster_and_leave_nothing_there];

fn the_quickstarts_tests_hold_on_a_cluster_and_leave_nothing_there(rig: &Rig) -> Result<()> {
    let servers = rig.servers()?;
    let test = std::env::current_exe()?;
    // <target>/<profile>/deps/<test>
    let target = test
        .ancestors()
        .nth(3)
        .context("the test is not in a target folder")?;
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args([
            "test",
            "--quiet",
            "-p",
            "quickstart",
            "--bin",
            "quickstart",
            "--target-dir",
        ])
        .arg(target)
        .args(["--", "tests::"])
        .env("KAUFMANN_TEST_BROKERS", servers.kafka.brokers())
        .env("KAUFMANN_TEST_REGISTRY_URL", servers.registry.url())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .context("cannot run cargo")?;
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    ensure!(said.contains("5 passed"), "{said}");
    let left: Vec<_> = servers
        .client()?
        .topics()?
        .into_iter()
        .filter(|topic| topic.starts_with("kaufmann-test-"))
        .collect();
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

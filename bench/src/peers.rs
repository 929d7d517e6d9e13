//! The peers in `peers`, each a program of its own that is built when it is wanted, if its toolchain is there.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// What is in one folder of `peers`.
struct Peer {
    folder: &'static str,
    /// The contenders that its program plays, each given as its first argument.
    contenders: &'static [&'static str],
}

const ALL: [Peer; 1] = [Peer {
    folder: "parallel-consumer",
    contenders: &["parallel-consumer"],
}];

/// Whether a contender is a peer.
pub(crate) fn is_peer(name: &str) -> bool {
    ALL.iter().any(|peer| peer.contenders.contains(&name))
}

/// Builds a contender's program and gives the command that starts it.
pub(crate) fn program(name: &str) -> Result<Vec<String>> {
    let peer = ALL.iter().find(|peer| peer.contenders.contains(&name));
    let peer = peer.with_context(|| format!("no peer is called {name}"))?;
    let mut program = maven(peer.folder)?;
    program.push(name.to_owned());
    Ok(program)
}

/// Classes and what they need, in the folder's `target`.
fn maven(folder: &str) -> Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(folder);
    let mut build = Command::new("mvn");
    build
        .args(["--batch-mode", "--quiet", "package"])
        .current_dir(&folder);
    succeed(&mut build)?;
    let target = folder.join("target");
    let classes = format!("{0}/classes:{0}/lib/*", target.display());
    Ok(["java", "-Xmx1g", "-cp", &classes, "bench.Main"]
        .map(str::to_owned)
        .to_vec())
}

fn succeed(build: &mut Command) -> Result<()> {
    let program = build.get_program().to_string_lossy().into_owned();
    let output = build
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        bail!(
            "{program} failed:\n{}{}",
            said(&output.stdout),
            said(&output.stderr)
        );
    }
    Ok(())
}

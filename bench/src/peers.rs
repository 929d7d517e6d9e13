//! The peers: programs in `bench/peers`, each built when it is first needed, if its toolchain is installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// One folder of `peers`.
struct Peer {
    folder: &'static str,
    /// The contenders of its program, which takes the name as its first argument.
    contenders: &'static [&'static str],
    toolchain: Toolchain,
}

#[derive(PartialEq, Eq)]
enum Toolchain {
    /// A member of this workspace.
    Cargo,
    /// Java: the classes and their libraries are in `target`.
    Maven,
}

const ALL: [Peer; 3] = [
    Peer {
        folder: "avro-loop",
        contenders: &["avro-loop", "avro-converter-loop"],
        toolchain: Toolchain::Cargo,
    },
    Peer {
        folder: "ruststream",
        contenders: &["ruststream", "ruststream-keys"],
        toolchain: Toolchain::Cargo,
    },
    Peer {
        folder: "parallel-consumer",
        contenders: &["parallel-consumer"],
        toolchain: Toolchain::Maven,
    },
];

/// Whether a contender is a peer.
pub(crate) fn is_peer(name: &str) -> bool {
    ALL.iter().any(|peer| peer.contenders.contains(&name))
}

/// Builds a peer's program and returns the command that starts it.
pub(crate) fn program(name: &str) -> Result<Vec<String>> {
    let peer = ALL.iter().find(|peer| peer.contenders.contains(&name));
    let peer = peer.with_context(|| format!("no peer is called {name}"))?;
    let mut program = match peer.toolchain {
        Toolchain::Cargo => cargo(peer.folder)?,
        Toolchain::Maven => maven(peer.folder)?,
    };
    program.push(name.to_owned());
    Ok(program)
}

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Builds beside this program, with the same profile. All Rust peers are built at once: one by one, Cargo would build their shared
/// dependencies again with each peer's features.
fn cargo(folder: &str) -> Result<Vec<String>> {
    let own = std::env::current_exe()?;
    let out = own.parent().context("this program's path has no folder")?;
    let target = out.parent().context("this program is not in a target folder")?;
    let profile = match out.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let package = |folder: &str| format!("bench-{folder}");
    let mut build = Command::new("cargo");
    build
        .args(["build", "--quiet", "--profile", profile, "--target-dir"])
        .arg(target)
        .current_dir(home());
    for peer in ALL.iter().filter(|peer| peer.toolchain == Toolchain::Cargo) {
        build.args(["--package", &package(peer.folder)]);
    }
    succeed(&mut build)?;
    Ok(vec![out.join(package(folder)).to_string_lossy().into_owned()])
}

fn maven(folder: &str) -> Result<Vec<String>> {
    let folder = home().join("peers").join(folder);
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
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        bail!(
            "{program} failed:\n{}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
    }
    Ok(())
}

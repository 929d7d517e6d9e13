//! A real folder: processes that are killed, a file system that is full, locks, rights, and a large backlog.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use kaufmann_spool::{AppendError, Check, Entry, OpenError, Options, Spool, Verdict};

const PATIENCE: Duration = Duration::from_secs(30);
/// Tells this program that it is the process that is killed, and where its spool is.
const CHILD: &str = "KAUFMANN_SPOOL_CHILD";
const KEYS: u64 = 5;

fn options() -> Options {
    let mut options = Options::default();
    options.segment_bytes = 16 << 10;
    options.keep_free = 0;
    options.position_interval = Duration::from_millis(5);
    options
}

fn entry(thread: u64, content: u64) -> Entry {
    Entry {
        topic: "orders".to_owned(),
        key: Some(format!("{thread}").into_bytes()),
        payload: Some(content.to_le_bytes().repeat(5)),
        ..Entry::default()
    }
}

fn read(entry: &Entry) -> (u64, u64) {
    let key = entry
        .key
        .as_deref()
        .and_then(|key| std::str::from_utf8(key).ok()?.parse().ok());
    let payload = entry.payload.as_deref().unwrap_or_default();
    assert_eq!(payload.len(), 40);
    let content = payload.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    (key.expect("a key"), content.expect("a payload"))
}

/// Not a test of its own: what is killed. It stores entries from several threads, each with a key, and prints each that is stored;
/// it reads and delivers others, and prints these before it delivers them.
#[test]
fn child() {
    let Ok(folder) = std::env::var(CHILD) else { return };
    let spool = Spool::open(&folder, options()).expect("opens");
    let begin: u64 = std::env::var("BEGIN").expect("BEGIN").parse().expect("a number");
    let out = |line: String| {
        // One write a line, so that a kill leaves whole lines but for the last one.
        let _ = std::io::stdout().lock().write_all(line.as_bytes());
    };
    std::thread::scope(|scope| {
        for thread in 0..KEYS {
            let spool = &spool;
            scope.spawn(move || {
                for content in begin.. {
                    match spool.append(entry(thread, content), PATIENCE) {
                        Ok(_) => out(format!("\nstored {thread} {content} .\n")),
                        Err(error) => out(format!("\nfailed {error}\n")),
                    }
                }
            });
        }
        let mut reader = spool.reader().expect("the only one");
        let mut dice = Rng::new();
        let mut held = Vec::new();
        while let Ok(Some((number, entry))) = reader.read(PATIENCE) {
            let (thread, content) = read(&entry);
            out(format!("\ncame {thread} {content} .\n"));
            held.push(number);
            // Deliveries are late, and not always in order.
            if held.len() > 20 {
                spool.delivered(held.swap_remove(dice.usize(..held.len())));
            }
        }
    });
}

fn start(folder: &Path, begin: u64) -> Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, folder)
        .env("BEGIN", begin.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this program starts")
}

/// The lines that a child has printed, by key.
#[derive(Default)]
struct Printed {
    stored: BTreeMap<u64, Vec<u64>>,
    came: BTreeMap<u64, Vec<u64>>,
}

impl Printed {
    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let (list, words) = match words[..] {
            ["stored", ref rest @ ..] => (&mut self.stored, rest),
            ["came", ref rest @ ..] => (&mut self.came, rest),
            ["failed", ..] => panic!("{line}"),
            _ => return,
        };
        // A line without its end was cut by the kill.
        if let [key, content, "."] = words {
            let key = key.parse().expect("a key");
            list.entry(key)
                .or_default()
                .push(content.parse().expect("a number"));
        }
    }
}

#[test]
fn what_is_stored_comes_in_its_keys_order_however_often_the_process_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut dice = Rng::with_seed(7);
    let mut printed = Printed::default();
    let rounds = std::env::var("KAUFMANN_SPOOL_KILLS").map_or(40, |text| text.parse().expect("a number"));
    for round in 0..rounds {
        let mut child = start(folder.path(), round * 1_000_000);
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut left = dice.u32(1..400);
        while left > 0 {
            let line = lines
                .next()
                .expect("it goes on until it is killed")
                .expect("text");
            left -= u32::from(line.starts_with("stored"));
            printed.line(&line);
        }
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        for line in lines {
            printed.line(&line.expect("text"));
        }
    }
    let spool = Spool::open(folder.path(), options()).expect("opens");
    let mut reader = spool.reader().expect("the only one");
    while let Some((_, entry)) = reader.read(Duration::from_millis(100)).expect("the disk works") {
        let (key, content) = read(&entry);
        printed.came.entry(key).or_default().push(content);
    }
    assert_eq!(spool.snapshot().lost, 0);
    for (key, stored) in &printed.stored {
        let came = &printed.came[key];
        let missing: Vec<_> = stored.iter().filter(|content| !came.contains(content)).collect();
        assert!(
            missing.is_empty(),
            "stored and missing, of key {key}: {missing:?}"
        );
        assert!(first_times(came).is_sorted(), "the order of key {key}");
    }
}

/// Each number once, where it came first.
fn first_times(came: &[u64]) -> Vec<u64> {
    let mut seen = std::collections::BTreeSet::new();
    came.iter()
        .copied()
        .filter(|content| seen.insert(*content))
        .collect()
}

#[test]
fn a_folder_belongs_to_one_process_until_that_ends_however_it_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = start(folder.path(), 0);
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    while !lines
        .next()
        .expect("it goes on")
        .expect("text")
        .starts_with("stored")
    {}
    let error = Spool::open(folder.path(), options()).expect_err("taken");
    assert!(matches!(error, OpenError::Taken(_)), "{error}");
    assert!(
        error.to_string().contains(&*folder.path().to_string_lossy()),
        "{error}"
    );
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let spool = Spool::open(folder.path(), options()).expect("free again");
    let error = Spool::open(folder.path(), options()).expect_err("taken by this process");
    assert!(matches!(error, OpenError::Taken(_)), "{error}");
    drop(spool);
}

#[test]
fn a_folder_that_cannot_be_created_or_is_a_file_is_refused_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("written");
    for path in [file.clone(), file.join("below")] {
        let error = Spool::open(&path, options()).expect_err("a file");
        assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
    }
}

#[test]
fn a_folder_that_is_moved_away_refuses_entries_until_it_is_back() {
    let parent = tempfile::tempdir().expect("a folder");
    let (path, elsewhere) = (parent.path().join("spool"), parent.path().join("elsewhere"));
    let spool = Spool::open(&path, options()).expect("opens");
    spool.append(entry(0, 0), PATIENCE).expect("stored");
    fs::rename(&path, &elsewhere).expect("moved");
    let refused = |text: &str| {
        loop {
            // The write before may still be under way.
            let error = spool
                .append(entry(0, 9), Duration::from_millis(20))
                .expect_err("gone");
            if error.to_string().contains(text) {
                break;
            }
        }
    };
    refused("no longer at its path; mount or move it back");
    assert!(spool.check().iter().any(|finding| finding.check == Check::Folder));
    fs::create_dir(&path).expect("another one");
    refused("another folder is at the path");
    fs::remove_dir(&path).expect("removed");
    fs::rename(&elsewhere, &path).expect("moved back");
    spool.append(entry(0, 1), PATIENCE).expect("stored");
    assert_eq!(spool.trouble(), None);
    let mut reader = spool.reader().expect("the only one");
    for expected in 0..2 {
        let (_, came) = reader
            .read(PATIENCE)
            .expect("it can be read")
            .expect("it is there");
        assert_eq!(read(&came), (0, expected));
    }
    assert_eq!(spool.snapshot().lost, 0);
}

#[test]
fn a_folder_that_is_deleted_is_created_again_and_its_entries_are_counted_as_lost() {
    let parent = tempfile::tempdir().expect("a folder");
    let path = parent.path().join("spool");
    let spool = Spool::open(&path, options()).expect("opens");
    for content in 0..3 {
        spool.append(entry(0, content), PATIENCE).expect("stored");
    }
    fs::remove_dir_all(&path).expect("removed");
    spool
        .append(entry(0, 3), PATIENCE)
        .expect("stored in a new folder");
    let error = Spool::open(&path, options()).expect_err("locked again");
    assert!(matches!(error, OpenError::Taken(_)), "{error}");
    let mut reader = spool.reader().expect("the only one");
    let (_, came) = reader
        .read(PATIENCE)
        .expect("it can be read")
        .expect("it is there");
    assert_eq!(read(&came), (0, 3));
    assert_eq!(spool.snapshot().lost, 3);
    assert_eq!(spool.damages()[0].lost, 0..3);
}

#[test]
fn a_folder_without_rights_is_refused_with_a_remedy_and_check_names_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).expect("changed");
    // Root may write everywhere, so another user tries.
    let ran = Command::new("unshare")
        .args(["--user", "--map-user=1000"])
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", "without_rights", "--nocapture"])
        .env("KAUFMANN_SPOOL_FORBIDDEN", folder.path())
        .output()
        .expect("`unshare` of util-linux");
    let text = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && text.contains("refused"), "{text}");
}

/// Not a test of its own: what runs as a user without rights.
#[test]
fn without_rights() {
    let Ok(folder) = std::env::var("KAUFMANN_SPOOL_FORBIDDEN") else {
        return;
    };
    let error = Spool::open(&folder, options())
        .expect_err("no rights")
        .to_string();
    assert!(
        error.contains(&folder) && error.contains("the right to write"),
        "{error}"
    );
    let findings = kaufmann_spool::check(&folder, &options());
    assert_eq!(
        (findings[0].check, findings[0].verdict),
        (Check::Folder, Verdict::Bad)
    );
    println!("refused: {error}");
}

#[test]
fn a_check_reports_each_point_with_its_remedy_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = options();
    let bad = |options: &Options| -> Vec<Check> {
        let findings = kaufmann_spool::check(folder.path(), options);
        let bad = findings.iter().filter(|finding| finding.remedy.is_some());
        bad.map(|finding| finding.check)
            .filter(|check| *check != Check::FileSystem)
            .collect()
    };
    assert_eq!(bad(&options), []);
    let left: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|file| file.expect("a file").file_name())
        .collect();
    assert_eq!(left, ["lock"]);
    options.max_bytes = u64::MAX / 2;
    assert_eq!(bad(&options), [Check::FreeSpace]);
    options.keep_free = u64::MAX / 2;
    assert_eq!(bad(&options), [Check::FreeSpace]);
    options.segment_bytes = 1;
    assert_eq!(bad(&options), [Check::Options, Check::FreeSpace]);
    let spool = Spool::open(folder.path(), self::options()).expect("opens");
    assert_eq!(bad(&self::options()), [Check::Lock]);
    assert_eq!(spool.trouble(), None);
}

#[test]
fn only_the_owner_may_read_what_is_stored() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a/b");
    let spool = Spool::open(&path, options()).expect("opens");
    spool.append(entry(0, 0), PATIENCE).expect("stored");
    assert_eq!(
        fs::metadata(&path).expect("there").permissions().mode() & 0o777,
        0o700
    );
    for file in fs::read_dir(&path).expect("a folder") {
        let file = file.expect("a file");
        if file.file_name() != "lock" {
            assert_eq!(
                file.metadata().expect("there").permissions().mode() & 0o077,
                0,
                "{file:?}"
            );
        }
    }
}

#[test]
fn a_large_backlog_is_opened_at_once_and_read_in_bounded_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = Options::default();
    options.segment_bytes = 8 << 20;
    options.keep_free = 0;
    let large = Entry {
        topic: "orders".to_owned(),
        payload: Some(vec![7; 256 << 10]),
        ..Entry::default()
    };
    let spool = Spool::open(folder.path(), options.clone()).expect("opens");
    let tickets: Vec<_> = (0..1_000)
        .map(|_| {
            loop {
                match spool.offer(large.clone()) {
                    Ok(ticket) => break ticket,
                    Err(AppendError::SpoolFull { .. }) => std::thread::yield_now(),
                    Err(error) => panic!("{error}"),
                }
            }
        })
        .collect();
    for ticket in tickets {
        ticket.wait(PATIENCE).expect("stored");
    }
    drop(spool);
    let reads = Arc::new(Counting::new(folder.path()));
    let spool = Spool::open_on(
        Arc::clone(&reads) as Arc<dyn kaufmann_spool::files::Files>,
        options,
    )
    .expect("opens");
    assert_eq!(spool.snapshot().depth, 1_000);
    let read = reads.read();
    assert!(
        read <= 9 << 20,
        "opening reads the newest segment at most: {read} bytes of 256 MB"
    );
    let mut reader = spool.reader().expect("the only one");
    reader
        .read(PATIENCE)
        .expect("the disk works")
        .expect("it is there");
    let read = reads.read() - read;
    assert!(read <= 3 << 20, "an entry costs its batch: {read} bytes");
}

/// A folder that counts what is read.
#[derive(Debug)]
struct Counting {
    disk: kaufmann_spool::files::disk::Disk,
    read: Arc<std::sync::atomic::AtomicU64>,
}

impl Counting {
    fn new(path: &Path) -> Self {
        Self {
            disk: kaufmann_spool::files::disk::Disk::open(path).expect("opens"),
            read: Arc::default(),
        }
    }

    fn read(&self) -> u64 {
        self.read.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn counted(&self, file: Arc<dyn kaufmann_spool::files::File>) -> Arc<dyn kaufmann_spool::files::File> {
        Arc::new(CountingFile {
            file,
            read: Arc::clone(&self.read),
        })
    }
}

#[derive(Debug)]
struct CountingFile {
    file: Arc<dyn kaufmann_spool::files::File>,
    read: Arc<std::sync::atomic::AtomicU64>,
}

impl kaufmann_spool::files::Files for Counting {
    fn list(&self) -> std::io::Result<Vec<String>> {
        self.disk.list()
    }
    fn create(&self, name: &str, size: u64) -> std::io::Result<Arc<dyn kaufmann_spool::files::File>> {
        Ok(self.counted(self.disk.create(name, size)?))
    }
    fn open(&self, name: &str) -> std::io::Result<Arc<dyn kaufmann_spool::files::File>> {
        Ok(self.counted(self.disk.open(name)?))
    }
    fn rename(&self, from: &str, to: &str) -> std::io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, name: &str) -> std::io::Result<()> {
        self.disk.remove(name)
    }
    fn sync(&self) -> std::io::Result<()> {
        self.disk.sync()
    }
    fn folder(&self, name: &str) -> std::io::Result<Arc<dyn kaufmann_spool::files::Files>> {
        self.disk.folder(name)
    }
    fn free(&self) -> std::io::Result<u64> {
        self.disk.free()
    }
    fn check(&self) -> std::io::Result<()> {
        self.disk.check()
    }
    fn kind(&self) -> std::io::Result<kaufmann_spool::files::FileSystem> {
        self.disk.kind()
    }
}

impl kaufmann_spool::files::File for CountingFile {
    fn read_at(&self, to: &mut [u8], at: u64) -> std::io::Result<usize> {
        let len = self.file.read_at(to, at)?;
        self.read
            .fetch_add(len as u64, std::sync::atomic::Ordering::Relaxed);
        Ok(len)
    }
    fn write_at(&self, bytes: &[u8], at: u64) -> std::io::Result<()> {
        self.file.write_at(bytes, at)
    }
    fn sync(&self) -> std::io::Result<()> {
        self.file.sync()
    }
    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.file.set_len(len)
    }
    fn size(&self) -> std::io::Result<u64> {
        self.file.size()
    }
    fn exists(&self) -> std::io::Result<bool> {
        self.file.exists()
    }
}

/// Not a test of its own: what runs on a file system of one megabyte.
#[test]
fn cramped() {
    let Ok(folder) = std::env::var("KAUFMANN_SPOOL_CRAMPED") else {
        return;
    };
    let mut options = options();
    options.segment_bytes = 64 << 10;
    let spool = Spool::open(&folder, options).expect("opens");
    let notes = spool.notes().join("\n");
    assert!(
        notes.contains("in memory (tmpfs)") && notes.contains("`max_bytes`"),
        "{notes}"
    );
    let mut stored = 0;
    // Beyond what the spool looks at in advance, others fill the disk too.
    let error = loop {
        match spool.append(entry(0, stored), Duration::from_millis(200)) {
            Ok(_) => stored += 1,
            Err(error) => break error,
        }
        if stored == 2_000 {
            let rest = vec![0; 4 << 20];
            let filled = fs::File::create(Path::new(&folder).join("others"))
                .and_then(|mut file| file.write_all(&rest));
            assert!(filled.is_err(), "the disk is full now");
        }
    };
    assert!(matches!(error, AppendError::SpoolFull { .. }), "{error}");
    assert!(stored >= 2_000, "{stored}: {error}");
    let mut reader = spool.reader().expect("the only one");
    for expected in 0..stored {
        let (number, came) = reader
            .read(PATIENCE)
            .expect("it can be read")
            .expect("it is there");
        assert_eq!(read(&came), (0, expected));
        spool.delivered(number);
    }
    fs::remove_file(Path::new(&folder).join("others")).expect("removed");
    spool
        .append(entry(0, stored), PATIENCE)
        .expect("there is room again");
    assert_eq!(spool.snapshot().lost, 0);
    println!("cramped: {stored} stored");
}

#[test]
fn on_a_full_file_system_stored_entries_stay_and_the_spool_accepts_again_when_there_is_space() {
    let folder = tempfile::tempdir().expect("a folder");
    // A mount of its own in a namespace of its own, which ends with the process.
    let script = "mount -t tmpfs -o size=1m tmpfs \"$KAUFMANN_SPOOL_CRAMPED\" && exec \"$0\" --exact cramped --nocapture";
    let ran = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .arg(std::env::current_exe().expect("this program"))
        .env("KAUFMANN_SPOOL_CRAMPED", folder.path())
        .output()
        .expect("`unshare` of util-linux");
    let text = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && text.contains(" stored\n"), "{text}");
}

//! A folder in memory whose calls can fail and whose power can be cut.
//!
//! Writes are visible at once, and on the "disk" only after a `sync`. A [power cut](Model::cut_power) keeps some of the sectors that
//! were not synced and loses the others; it keeps the first few of the names that were created, changed or removed since the folder was
//! synced. A `sync` that fails has written some of the sectors, and forgets that the others are not written: that is what Linux does.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{File, FileSystem, Files};

/// The unit that is written whole or not at all.
const SECTOR: usize = 64;

/// A call of the file layer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Call {
    /// The names are listed.
    List,
    /// A file is created.
    Create,
    /// A file is opened.
    Open,
    /// A file is renamed.
    Rename,
    /// A file is removed.
    Remove,
    /// The folder is synced.
    SyncFolder,
    /// The free bytes are requested.
    Free,
    /// A file is read.
    Read,
    /// A file is written.
    Write,
    /// A file is synced.
    Sync,
    /// A file is truncated or extended.
    SetLen,
    /// A file's length is requested.
    Size,
    /// The folder is checked.
    Check,
}

/// Decides whether a call fails, given the call and its number since the folder was created.
pub type Faults = Box<dyn FnMut(Call, u64) -> Option<ErrorKind> + Send>;

/// A folder in memory.
#[derive(Clone, Debug)]
pub struct Model {
    world: Arc<Mutex<World>>,
    /// The prefix of all names in it.
    folder: String,
    /// Handles from before a power cut fail.
    life: u64,
}

struct World {
    life: u64,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// Changes of names since the folder was synced.
    changes: Vec<Change>,
    files: Vec<Content>,
    /// Files that have lost a name since the folder was synced.
    unnamed: Vec<usize>,
    faults: Option<Faults>,
    calls: u64,
    capacity: u64,
    dice: u64,
}

#[derive(Clone, Debug)]
enum Change {
    Link(String, usize),
    Rename(String, String),
    Unlink(String),
}

#[derive(Clone, Debug, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// The sectors that differ from what is durable.
    dirty: Vec<usize>,
    /// Bytes that cannot be read.
    bad: Range<u64>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("names", &self.names)
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}

impl Model {
    /// An empty folder. What a power cut keeps follows from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let world = World {
            life: 0,
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            changes: Vec::new(),
            files: Vec::new(),
            unnamed: Vec::new(),
            faults: None,
            calls: 0,
            capacity: u64::MAX,
            dice: seed,
        };
        Self {
            world: Arc::new(Mutex::new(world)),
            folder: String::new(),
            life: 0,
        }
    }

    /// Lets calls fail from now on; with `None`, no more.
    pub fn fail(&self, faults: Option<Faults>) {
        self.world().faults = faults;
    }

    /// Sets the most bytes of all files.
    pub fn set_capacity(&self, bytes: u64) {
        self.world().capacity = bytes;
    }

    /// How many calls were made.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.world().calls
    }

    /// Cuts the power, and returns the folder as it is afterwards.
    #[must_use]
    pub fn cut_power(&self) -> Self {
        let mut world = self.world();
        world.life += 1;
        world.faults = None;
        let changed = world.changes.len() as u64;
        let keep = world.roll(changed + 1);
        let mut changes = std::mem::take(&mut world.changes);
        changes.truncate(usize::try_from(keep).unwrap_or_default());
        let mut names = std::mem::take(&mut world.durable_names);
        for change in changes {
            apply(&mut names, change);
        }
        world.names = names.clone();
        world.durable_names = names;
        for index in 0..world.files.len() {
            let kept = world.keep_some(index);
            let content = &mut world.files[index];
            content.now.clone_from(&kept);
            content.durable = kept;
            content.dirty.clear();
        }
        Self {
            world: Arc::clone(&self.world),
            folder: self.folder.clone(),
            life: world.life,
        }
    }

    /// Kills the process, and returns the folder as it is afterwards: with everything that was written.
    #[must_use]
    pub fn kill(&self) -> Self {
        let mut world = self.world();
        world.life += 1;
        world.faults = None;
        Self {
            world: Arc::clone(&self.world),
            folder: self.folder.clone(),
            life: world.life,
        }
    }

    /// Changes a file's bytes without a call.
    ///
    /// # Panics
    ///
    /// If there is no such file.
    pub fn damage(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut world = self.world();
        let index = world.names[&self.path(name)];
        let content = &mut world.files[index];
        change(&mut content.now);
        content.durable = content.now.clone();
        content.dirty.clear();
    }

    /// Makes bytes of a file unreadable.
    ///
    /// # Panics
    ///
    /// If there is no such file.
    pub fn break_bytes(&self, name: &str, bytes: Range<u64>) {
        let mut world = self.world();
        let index = world.names[&self.path(name)];
        world.files[index].bad = bytes;
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, call: Call) -> Result<MutexGuard<'_, World>> {
        let mut world = self.world();
        world.check(call, self.life)?;
        Ok(world)
    }
}

impl Change {
    fn name(&self) -> &str {
        match self {
            Self::Link(name, _) | Self::Rename(name, _) | Self::Unlink(name) => name,
        }
    }
}

fn apply(names: &mut BTreeMap<String, usize>, change: Change) {
    match change {
        Change::Link(name, file) => {
            names.insert(name, file);
        }
        Change::Rename(from, to) => {
            if let Some(file) = names.remove(&from) {
                names.insert(to, file);
            }
        }
        Change::Unlink(name) => {
            names.remove(&name);
        }
    }
}

impl Content {
    /// Makes all bytes durable.
    fn bring_to_disk(&mut self) {
        self.durable.resize(self.now.len(), 0);
        for sector in self.dirty.drain(..) {
            let from = (sector * SECTOR).min(self.now.len());
            let to = (from + SECTOR).min(self.now.len());
            self.durable[from..to].copy_from_slice(&self.now[from..to]);
        }
    }
}

impl World {
    /// Frees the bytes of files that have no name, neither now nor on the disk.
    fn free_unnamed(&mut self) {
        for index in std::mem::take(&mut self.unnamed) {
            let mut named = self.names.values().chain(self.durable_names.values());
            if named.all(|other| *other != index) {
                self.files[index] = Content::default();
            }
        }
    }

    /// A number below `below`.
    fn roll(&mut self, below: u64) -> u64 {
        // SplitMix64.
        self.dice = self.dice.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % below.max(1)
    }

    fn check(&mut self, call: Call, life: u64) -> Result<()> {
        if life != self.life {
            return Err(Error::other("the process that had this handle is dead"));
        }
        self.calls += 1;
        let number = self.calls;
        match self.faults.as_mut().and_then(|faults| faults(call, number)) {
            Some(kind) => Err(kind.into()),
            None => Ok(()),
        }
    }

    fn change(&mut self, change: Change) {
        if let Change::Unlink(name) | Change::Rename(_, name) = &change {
            self.unnamed.extend(self.names.get(name));
        }
        apply(&mut self.names, change.clone());
        self.changes.push(change);
    }

    fn used(&self) -> u64 {
        self.names
            .values()
            .map(|file| self.files[*file].now.len() as u64)
            .sum()
    }

    /// The content on the disk if some of the dirty sectors were written.
    fn keep_some(&mut self, index: usize) -> Vec<u8> {
        let content = self.files[index].clone();
        let mut kept = content.durable;
        if content.now.len() != kept.len() && self.roll(2) == 0 {
            kept.resize(content.now.len(), 0);
        }
        for sector in content.dirty {
            if self.roll(2) == 0 {
                let from = (sector * SECTOR).min(kept.len()).min(content.now.len());
                let to = (from + SECTOR).min(kept.len()).min(content.now.len());
                kept[from..to].copy_from_slice(&content.now[from..to]);
            }
        }
        kept
    }
}

impl Files for Model {
    fn list(&self) -> Result<Vec<String>> {
        let world = self.call(Call::List)?;
        let within = world.names.keys().filter(|name| self.has(name));
        Ok(within.map(|name| name[self.folder.len()..].to_owned()).collect())
    }

    fn create(&self, name: &str, size: u64) -> Result<Arc<dyn File>> {
        let mut world = self.call(Call::Create)?;
        let name = self.path(name);
        if world.names.contains_key(&name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        if world.used() + size > world.capacity {
            return Err(ErrorKind::StorageFull.into());
        }
        let zeros = vec![0; usize::try_from(size).unwrap_or_default()];
        world.files.push(Content {
            now: zeros.clone(),
            durable: zeros,
            dirty: Vec::new(),
            bad: 0..0,
        });
        let index = world.files.len() - 1;
        world.change(Change::Link(name, index));
        Ok(self.handle(index))
    }

    fn open(&self, name: &str) -> Result<Arc<dyn File>> {
        let world = self.call(Call::Open)?;
        let index = world
            .names
            .get(&self.path(name))
            .copied()
            .ok_or(ErrorKind::NotFound)?;
        Ok(self.handle(index))
    }

    fn rename(&self, from: &str, to: &str) -> Result<()> {
        let mut world = self.call(Call::Rename)?;
        let from = self.path(from);
        if !world.names.contains_key(&from) {
            return Err(ErrorKind::NotFound.into());
        }
        world.change(Change::Rename(from, self.path(to)));
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<()> {
        let mut world = self.call(Call::Remove)?;
        let name = self.path(name);
        if !world.names.contains_key(&name) {
            return Err(ErrorKind::NotFound.into());
        }
        world.change(Change::Unlink(name));
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        let mut world = self.call(Call::SyncFolder)?;
        for change in std::mem::take(&mut world.changes) {
            if self.has(change.name()) {
                apply(&mut world.durable_names, change);
            } else {
                world.changes.push(change);
            }
        }
        if world.changes.is_empty() {
            world.free_unnamed();
        }
        Ok(())
    }

    fn folder(&self, name: &str) -> Result<Arc<dyn Files>> {
        let folder = self.path(name) + "/";
        Ok(Arc::new(Self {
            folder,
            ..self.clone()
        }))
    }

    fn free(&self) -> Result<u64> {
        let world = self.call(Call::Free)?;
        Ok(world.capacity - world.used().min(world.capacity))
    }

    fn check(&self) -> Result<()> {
        self.call(Call::Check).map(drop)
    }

    fn kind(&self) -> Result<FileSystem> {
        Ok(FileSystem::Unknown(0))
    }
}

impl Model {
    /// Whether a file is in this folder itself, not in one within it.
    fn has(&self, path: &str) -> bool {
        path.strip_prefix(&*self.folder)
            .is_some_and(|name| !name.contains('/'))
    }

    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }

    fn handle(&self, index: usize) -> Arc<dyn File> {
        Arc::new(Handle {
            model: self.clone(),
            index,
        })
    }
}

#[derive(Debug)]
struct Handle {
    model: Model,
    index: usize,
}

impl File for Handle {
    fn read_at(&self, to: &mut [u8], at: u64) -> Result<usize> {
        let world = self.model.call(Call::Read)?;
        let Content { now: bytes, bad, .. } = &world.files[self.index];
        if at < bad.end && bad.start < at + to.len() as u64 {
            return Err(ErrorKind::Other.into());
        }
        let from = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
        let len = to.len().min(bytes.len() - from);
        to[..len].copy_from_slice(&bytes[from..from + len]);
        Ok(len)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> Result<()> {
        let mut world = self.model.world();
        let checked = world.check(Call::Write, self.model.life);
        if world.life != self.model.life {
            return checked;
        }
        // A failed write has written a part.
        let len = match &checked {
            Ok(()) => bytes.len(),
            Err(_) => usize::try_from(world.roll(bytes.len() as u64)).unwrap_or_default(),
        };
        let from = usize::try_from(at).unwrap_or(usize::MAX);
        let content = &mut world.files[self.index];
        if content.now.len() < from + len {
            content.now.resize(from + len, 0);
        }
        content.now[from..from + len].copy_from_slice(&bytes[..len]);
        if len > 0 {
            content.dirty.extend(from / SECTOR..=(from + len - 1) / SECTOR);
            content.dirty.sort_unstable();
            content.dirty.dedup();
        }
        checked
    }

    fn sync(&self) -> Result<()> {
        let mut world = self.model.world();
        let checked = world.check(Call::Sync, self.model.life);
        if world.life != self.model.life {
            return checked;
        }
        if checked.is_err() {
            world.files[self.index].durable = world.keep_some(self.index);
            world.files[self.index].dirty.clear();
        } else {
            world.files[self.index].bring_to_disk();
        }
        checked
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let mut world = self.model.call(Call::SetLen)?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        world.files[self.index].now.resize(len, 0);
        Ok(())
    }

    fn size(&self) -> Result<u64> {
        Ok(self.model.call(Call::Size)?.files[self.index].now.len() as u64)
    }

    fn exists(&self) -> Result<bool> {
        let world = self.model.world();
        Ok(world.names.values().any(|index| *index == self.index))
    }
}

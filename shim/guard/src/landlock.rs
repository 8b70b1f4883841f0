//! Landlock (landlock(7)): a wall of the kernel's own around files, behind mounts and filters.
//!
//! The process denies itself all that the kernel's version of Landlock can deny, but for reading
//! the files its policy names and connecting to the sockets it is left. It holds for the calling thread and for every thread that one
//! starts later, cannot be taken off, and asks nobody's mounts, owners or system call numbers.
//!
//! The kernel tells nothing of it afterwards, so that it holds is proven by trying.

mod rights;

use std::os::fd::OwnedFd;

use landlock::{
    CompatLevel, Compatible, PathBeneath, RestrictionStatus, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus,
};
use lazaret_protocol::Landlock;
use rustix::fs::{FileType, Mode, OFlags, fstat, open};

pub use rights::{PARTS, Part};

/// Opened before, and no more afterwards. Both are in every container, and no policy grants them.
const WITNESSES: [Witness; 2] = [
    Witness {
        path: "/proc/self/status",
        writing: false,
    },
    Witness {
        path: "/dev/null",
        writing: true,
    },
];

struct Witness {
    path: &'static str,
    writing: bool,
}

/// Why Landlock does not hold this process.
#[derive(Debug, thiserror::Error)]
pub enum LandlockError {
    /// The kernel's is another one than the bundle was made for.
    #[error("the kernel has ABI `{found}`, the bundle is for ABI `{expected}` (0 is none)")]
    Abi {
        /// What the settings say.
        expected: u32,
        /// What the kernel says.
        found: u32,
    },
    /// A path that is to be readable cannot be looked at.
    #[error("no rule can be made for `{path}`")]
    Path {
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The kernel did not take the rules.
    #[error("the kernel did not take the rules")]
    Rules(#[from] RulesetError),
    /// The kernel took the rules in part.
    #[error("the kernel took only a part of the rules")]
    Partly,
    /// Nothing can be proven by a file that could not be opened before either.
    #[error("`{path}` cannot be opened for {verb} even without it, so nothing is proven")]
    NoWitness {
        /// The path.
        path: &'static str,
        /// What was tried, as `reading`.
        verb: &'static str,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// What must be denied is not.
    #[error("`{path}` can be opened for {verb} all the same: {outcome}")]
    NotEnforced {
        /// The path.
        path: &'static str,
        /// What was tried, as `reading`.
        verb: &'static str,
        /// What came of it.
        outcome: String,
    },
}

/// The ABI of this kernel's Landlock, 0 where it has none or was started without.
#[must_use]
pub fn abi() -> u32 {
    /// `LANDLOCK_CREATE_RULESET_VERSION` (linux/landlock.h).
    const VERSION: libc::c_uint = 1;
    let (no_rules, no_bytes) = (std::ptr::null::<libc::c_void>(), 0_usize);
    #[expect(unsafe_code, reason = "no crate tells the number without acting on it")]
    // SAFETY: with this flag the kernel reads no memory of ours: it wants a null pointer and a
    // size of zero, and returns a number or an error (landlock_create_ruleset(2)).
    let number = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            no_rules,
            no_bytes,
            VERSION,
        )
    };
    u32::try_from(number).unwrap_or(0)
}

/// Restricts the calling thread and all it starts later, and proves by trying that it holds.
/// Where the settings say that the kernel has no Landlock, and it has none, nothing is done.
///
/// # Errors
///
/// [`LandlockError`]; then the process must not go on, since some of it may hold.
pub fn restrict(rules: &Landlock) -> Result<(), LandlockError> {
    let found = abi();
    if found != rules.abi {
        return Err(LandlockError::Abi {
            expected: rules.abi,
            found,
        });
    }
    if found == 0 {
        return Ok(());
    }
    for witness in WITNESSES {
        witness.open().map_err(|source| LandlockError::NoWitness {
            path: witness.path,
            verb: witness.verb(),
            source,
        })?;
    }
    if enforce(rules)?.ruleset != RulesetStatus::FullyEnforced {
        return Err(LandlockError::Partly);
    }
    WITNESSES.iter().try_for_each(Witness::is_refused)
}

fn enforce(rules: &Landlock) -> Result<RestrictionStatus, LandlockError> {
    let denied = rights::Denied::by(rules.abi);
    // What the kernel has no word for is an error, never left out.
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(denied.files)?;
    if !denied.network.is_empty() {
        ruleset = ruleset.handle_access(denied.network)?;
    }
    if !denied.scopes.is_empty() {
        ruleset = ruleset.scope(denied.scopes)?;
    }
    let mut ruleset = ruleset.create()?;
    for path in &rules.readable {
        let (file, kind) = look(path)?;
        ruleset = ruleset.add_rule(PathBeneath::new(file, rights::reading(kind.is_dir())))?;
    }
    let connecting = rights::connecting() & denied.files;
    // A version without a word for sockets denies none of those that files stand for.
    for path in rules.sockets.iter().filter(|_| !connecting.is_empty()) {
        let (file, _) = look(path)?;
        ruleset = ruleset.add_rule(PathBeneath::new(file, connecting))?;
    }
    if rules.abi >= rights::LOGS {
        // A plugin must not be able to fill the host's audit log.
        ruleset = ruleset.log_same_exec(false)?;
    }
    Ok(ruleset.restrict_self()?)
}

fn look(path: &str) -> Result<(OwnedFd, FileType), LandlockError> {
    let failed = |errno: rustix::io::Errno| LandlockError::Path {
        path: path.to_owned(),
        source: errno.into(),
    };
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::empty()).map_err(failed)?;
    let kind = FileType::from_raw_mode(fstat(&file).map_err(failed)?.st_mode);
    Ok((file, kind))
}

impl Witness {
    fn verb(&self) -> &'static str {
        if self.writing { "writing" } else { "reading" }
    }

    fn open(&self) -> std::io::Result<()> {
        let mut options = fs_err::OpenOptions::new();
        options.read(!self.writing).write(self.writing);
        options.open(self.path).map(drop)
    }

    fn is_refused(&self) -> Result<(), LandlockError> {
        let outcome = match self.open() {
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => return Ok(()),
            Err(error) => error.to_string(),
            Ok(()) => "it was opened".to_owned(),
        };
        Err(LandlockError::NotEnforced {
            path: self.path,
            verb: self.verb(),
            outcome,
        })
    }
}

//! Making directories, renaming.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use lazaret_protocol::{ActError, Failure};
use rustix::fs::{Dir, Mode, OFlags, RenameFlags, fstat, mkdirat, renameat, renameat_with};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::below::{Spot, check_plain, open_below};
use super::remove::none_within;
use super::write::own;
use super::{Place, Target, failed};

/// The mode every directory gets: its owner changes it, everybody looks into it.
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);

/// Makes a directory; with `parents`, those above it as well.
pub(super) fn make_directory(target: &Target<'_>, parents: bool) -> Result<(), ActError> {
    if !parents {
        return make(&Spot::of(target)?);
    }
    for depth in 1..=target.below.len() {
        let above = Target {
            place: target.place,
            path: target.path,
            below: target.below[..depth].to_vec(),
        };
        let spot = Spot::of(&above)?;
        match spot.look()? {
            Some(found) if found.is_directory() => {}
            Some(_) => return Err(spot.failed(Errno::NOTDIR)),
            None => make(&spot)?,
        }
    }
    Ok(())
}

fn make(spot: &Spot<'_>) -> Result<(), ActError> {
    let failed = |errno| spot.failed(errno);
    if spot.place.file.is_some() {
        return Err(failed(Errno::NOTDIR));
    }
    if spot.look()?.is_some() {
        return Err(failed(Errno::EXIST));
    }
    spot.place.quota.take(spot.place.path().as_str(), 0, 1)?;
    mkdirat(&spot.directory, spot.name, Mode::RWXU).map_err(failed)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let made = open_below(&spot.directory, spot.name, flags).map_err(failed)?;
    if !is_new(&made).map_err(failed)? {
        return Err(failed(Errno::AGAIN));
    }
    own(spot.place, &made, DIRECTORY_MODE).map_err(failed)
}

/// Whether this may be the directory just made: another put in its place is not given away. There
/// is no call that makes one and opens it, so what can still be put there is an empty directory of
/// the engine's own that nobody else may look into: nothing is lost with it.
pub(super) fn is_new(directory: &OwnedFd) -> Result<bool, Errno> {
    let stat = fstat(directory)?;
    // Set-group-id comes from the one above.
    if stat.st_uid != geteuid().as_raw() || stat.st_mode & 0o5777 != Mode::RWXU.as_raw_mode() {
        return Ok(false);
    }
    for entry in Dir::read_from(directory)? {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Gives a plain file or a directory another name below the same grant.
pub(super) fn rename(
    from: &Target<'_>,
    to: &Target<'_>,
    places: &[Arc<Place>],
) -> Result<(), ActError> {
    // What is granted by itself stays where it is.
    none_within(from, places)?;
    none_within(to, places)?;
    if !std::ptr::eq(from.place, to.place) {
        let message = format!(
            "`{}` and `{}` are not below the same grant",
            from.path, to.path
        );
        return Err(failed(Failure::Other, message));
    }
    let (old, new) = (Spot::of(from)?, Spot::of(to)?);
    let moved = old.look()?.ok_or_else(|| old.failed(Errno::NOENT))?;
    if !moved.is_directory() {
        check_plain(&moved.stat, &old)?;
    }
    let failed = |errno| new.failed(errno);
    match new.look()? {
        Some(there) if moved.is_directory() => {
            // Only an empty directory is replaced by one (rename(2)).
            if !there.is_directory() {
                return Err(failed(Errno::NOTDIR));
            }
            renameat(&old.directory, old.name, &new.directory, new.name)
        }
        Some(there) => {
            check_plain(&there.stat, &new)?;
            renameat(&old.directory, old.name, &new.directory, new.name)
        }
        None => renameat_with(
            &old.directory,
            old.name,
            &new.directory,
            new.name,
            RenameFlags::NOREPLACE,
        ),
    }
    .map_err(failed)
}

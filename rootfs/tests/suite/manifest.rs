//! A manifest that was tampered with is refused as a whole.

use std::os::unix::fs::symlink;

use lazaret_rootfs::{MANIFEST, ManifestError, VerifyError, verify};

use crate::verify::{built, rewrite};

#[test]
fn a_manifest_that_was_edited_is_refused() {
    let (_home, target) = built();
    let path = target.join(MANIFEST);
    let text = fs_err::read_to_string(&path).expect("read");
    let edited = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        rewrite(&path, |bytes| *bytes = text.replacen(from, to, 1).into());
        verify(&target).expect_err("edited")
    };
    let error = edited("\"tree/etc/hosts\"", "\"tree/etc/ghosts\"");
    assert!(
        matches!(
            error,
            VerifyError::Manifest(ManifestError::DigestMismatch { .. })
        ),
        "{error:?}"
    );
    let error = edited("\"mode\": \"0555\"", "\"mode\": \"4555\"");
    assert!(
        matches!(
            error,
            VerifyError::Manifest(ManifestError::Malformed { .. })
        ),
        "{error:?}"
    );
    let error = edited("\"kind\": \"file\"", "\"kind\": \"symbolic_link\"");
    assert!(
        matches!(
            error,
            VerifyError::Manifest(ManifestError::Malformed { .. })
        ),
        "{error:?}"
    );
    let error = edited("lazaret-rootfs/v1", "lazaret-rootfs/v9");
    assert!(
        matches!(
            error,
            VerifyError::Manifest(ManifestError::OtherFormat { .. })
        ),
        "{error:?}"
    );
    rewrite(&path, |bytes| bytes.resize(2 << 20, b' '));
    let error = verify(&target).expect_err("too large");
    assert!(
        matches!(error, VerifyError::Manifest(ManifestError::TooLarge { .. })),
        "{error:?}"
    );
}

#[test]
fn a_manifest_that_is_a_link_is_refused() {
    let (home, target) = built();
    let elsewhere = home.path().join("elsewhere");
    fs_err::rename(target.join(MANIFEST), &elsewhere).expect("rename");
    symlink(&elsewhere, target.join(MANIFEST)).expect("link");
    let error = verify(&target).expect_err("a link");
    assert!(
        matches!(error, VerifyError::Manifest(ManifestError::Read(_))),
        "{error:?}"
    );
}

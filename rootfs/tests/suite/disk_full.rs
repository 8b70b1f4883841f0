//! A build that runs out of space leaves what was there.
//!
//! The test starts itself again under a limit on the size of files, which fails a write half way
//! as a full disk does, and needs no root.

use std::{env, process::Command};

use crate::fixtures::{names, shim};
use lazaret_rootfs::{Contents, build, verify};

/// The directory to build in, for the run under the limit.
const UNDER_LIMIT: &str = "LAZARET_TEST_BUILD_IN";

/// Size of the earlier build's shim and of the one that is too large, in bytes.
const SHIM_BYTES: [usize; 2] = [1000, 3 << 20];

#[test]
fn nothing_half_made_stays() {
    if let Some(home) = env::var_os(UNDER_LIMIT) {
        let home = std::path::PathBuf::from(home);
        let contents = Contents::new(&home.join("large")).expect("static");
        for target in ["rootfs", "new"] {
            let error = build(&contents, &home.join(target)).expect_err("no space");
            let cause = std::error::Error::source(&error)
                .expect("a cause")
                .to_string();
            assert!(cause.contains("File too large"), "{cause}");
        }
        return;
    }

    let [small, large] = SHIM_BYTES;
    let (home, shim) = shim(small);
    let target = home.path().join("rootfs");
    let before = build(&Contents::new(&shim).expect("static"), &target).expect("build");
    fs_err::write(
        home.path().join("large"),
        crate::fixtures::static_elf(large),
    )
    .expect("write");

    // In blocks of 512 or 1024 bytes: 1 or 2 MiB. The signal would end the process.
    let script =
        "trap '' XFSZ; ulimit -f 2048; exec \"$0\" --exact disk_full::nothing_half_made_stays";
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(env::current_exe().expect("a test runs from a file"))
        .env(UNDER_LIMIT, home.path())
        .output()
        .expect("start a shell");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");

    assert_eq!(names(home.path()), ["large", "rootfs", "shim"]);
    assert_eq!(verify(&target).expect("as before"), before);
}

//! The OCI image layout holds the same as the tree.

use std::{io::Read, path::Path};

use lazaret_rootfs::{Contents, OCI, TREE, build};
use serde_json::Value;

use crate::fixtures::{shim, snapshot};

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs_err::read(path).expect("read")).expect("JSON")
}

fn blob(directory: &Path, descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"].as_str().expect("a digest");
    let name = digest.strip_prefix("sha256:").expect("SHA-256");
    let bytes = fs_err::read(directory.join(OCI).join("blobs/sha256").join(name)).expect("blob");
    assert_eq!(descriptor["size"], bytes.len());
    bytes
}

#[test]
fn the_layer_holds_the_tree_with_fixed_metadata() {
    let (home, shim) = shim(100);
    let target = home.path().join("rootfs");
    build(&Contents::new(&shim).expect("static"), &target).expect("build");
    let index = json(&target.join("oci/index.json"));
    let manifest: Value =
        serde_json::from_slice(&blob(&target, &index["manifests"][0])).expect("JSON");
    let config: Value = serde_json::from_slice(&blob(&target, &manifest["config"])).expect("JSON");
    assert_eq!(config["config"]["Entrypoint"][0], "/lazaret/shim");
    assert_eq!(config["config"]["User"], "1000:1000");
    assert_eq!(config["os"], "linux");
    assert_eq!(
        config["rootfs"]["diff_ids"][0],
        manifest["layers"][0]["digest"]
    );
    let layout = json(&target.join("oci/oci-layout"));
    assert_eq!(layout["imageLayoutVersion"], "1.0.0");

    let layer = blob(&target, &manifest["layers"][0]);
    let mut tree = snapshot(&target.join(TREE));
    tree.remove("");
    let mut previous = String::new();
    for entry in tar::Archive::new(&layer[..])
        .entries()
        .expect("a tar archive")
    {
        let mut entry = entry.expect("entry");
        let path = entry.path().expect("path").display().to_string();
        let path = path.trim_end_matches('/').to_owned();
        assert!(previous < path, "`{previous}` before `{path}`");
        let header = entry.header();
        let owner = (header.uid().expect("uid"), header.gid().expect("gid"));
        assert_eq!(
            (owner, header.mtime().expect("time")),
            ((0, 0), 0),
            "{path}"
        );
        let (mode, _, bytes) = tree.remove(&path).expect("also in the tree");
        assert_eq!(header.mode().expect("mode"), mode & 0o7777, "{path}");
        assert_eq!(header.entry_type().is_dir(), mode & 0o170_000 == 0o040_000);
        let mut content = vec![];
        entry.read_to_end(&mut content).expect("content");
        assert!(content == bytes, "{path}");
        previous = path;
    }
    assert!(tree.is_empty(), "not in the layer: {:?}", tree.keys());
}

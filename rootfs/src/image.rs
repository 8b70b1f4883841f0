//! The root file system as an [OCI image
//! layout](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md) with one
//! uncompressed layer, for container hosts that take images.

use std::{io, path::Path};

use serde::Serialize;

use crate::{
    Contents, Digest, PLUGIN_ID, SHIM_PATH,
    contents::Node,
    digest::HashingWriter,
    executable::THIS_MACHINE,
    manifest::{Entry, Mode},
    write,
};

const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: &'static str,
    digest: Digest,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<Platform>,
}

#[derive(Serialize)]
struct Platform {
    architecture: &'static str,
    os: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u8,
    media_type: &'static str,
    manifests: [Descriptor; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageManifest {
    schema_version: u8,
    media_type: &'static str,
    config: Descriptor,
    layers: [Descriptor; 1],
}

#[derive(Serialize)]
struct Image {
    #[serde(flatten)]
    platform: Platform,
    config: Execution,
    rootfs: Layers,
}

/// How the container starts. The specification writes these names with capitals.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Execution {
    user: String,
    entrypoint: [&'static str; 1],
    working_dir: &'static str,
}

#[derive(Serialize)]
struct Layers {
    r#type: &'static str,
    diff_ids: [Digest; 1],
}

fn platform() -> Platform {
    let (_, architecture) = THIS_MACHINE;
    Platform {
        architecture,
        os: "linux",
    }
}

/// Writes the layout into a new directory. Gives what it wrote, by path below `directory`.
pub(crate) fn write(contents: &Contents, directory: &Path) -> io::Result<Vec<(String, Entry)>> {
    let mut written = Vec::new();
    for below in ["", "blobs", "blobs/sha256"] {
        fs_err::create_dir(directory.join(below))?;
        let entry = Entry::Directory {
            mode: Mode::Execute,
        };
        written.push((below.to_owned(), entry));
    }
    let mut file = |path: String, bytes: Vec<u8>| {
        write::file(&directory.join(&path), Mode::Read, &bytes)?;
        let (size, sha256) = (bytes.len() as u64, Digest::of(&bytes));
        written.push((path, file_entry(size, sha256)));
        io::Result::Ok((size, sha256))
    };

    let (layer_path, layer) = write_layer(contents, &directory.join("blobs/sha256"))?;
    let image = Image {
        platform: platform(),
        config: Execution {
            user: format!("{PLUGIN_ID}:{PLUGIN_ID}"),
            entrypoint: [SHIM_PATH],
            working_dir: "/",
        },
        rootfs: Layers {
            r#type: "layers",
            diff_ids: [layer.digest],
        },
    };
    let layer_entry = file_entry(layer.size, layer.digest);
    let mut blob = |media_type, bytes: Vec<u8>| {
        let (size, digest) = file(blob_path(&Digest::of(&bytes)), bytes)?;
        io::Result::Ok(Descriptor {
            media_type,
            digest,
            size,
            platform: None,
        })
    };
    let config = blob(CONFIG, json(&image))?;
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: MANIFEST,
        config,
        layers: [layer],
    };
    let mut manifest = blob(MANIFEST, json(&manifest))?;
    manifest.platform = Some(platform());
    let index = Index {
        schema_version: 2,
        media_type: INDEX,
        manifests: [manifest],
    };
    file("index.json".into(), json(&index))?;
    file(
        "oci-layout".into(),
        br#"{"imageLayoutVersion":"1.0.0"}"#.into(),
    )?;
    written.push((layer_path, layer_entry));
    Ok(written)
}

/// Writes the layer under its digest, which is known only when it is written.
fn write_layer(contents: &Contents, blobs: &Path) -> io::Result<(String, Descriptor)> {
    let unnamed = blobs.join("layer");
    let file = write::create(&unnamed)?;
    let (file, digest, size) = append_all(contents, HashingWriter::new(file))?.finish();
    write::seal(&file, Mode::Read.bits())?;
    fs_err::rename(&unnamed, blobs.join(digest.hexadecimal()))?;
    let descriptor = Descriptor {
        media_type: LAYER,
        digest,
        size,
        platform: None,
    };
    Ok((blob_path(&digest), descriptor))
}

fn append_all<W: io::Write>(contents: &Contents, writer: W) -> io::Result<W> {
    let mut archive = tar::Builder::new(writer);
    for (path, node) in contents.nodes() {
        let (name, kind, mode, bytes) = match node {
            Node::Directory => (
                format!("{path}/"),
                tar::EntryType::Directory,
                Mode::Execute,
                &[][..],
            ),
            Node::File { mode, bytes } => {
                (path.to_owned(), tar::EntryType::Regular, *mode, &bytes[..])
            }
        };
        let mut header = tar::Header::new_ustar();
        header.set_path(name)?;
        header.set_entry_type(kind);
        header.set_mode(mode.bits());
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        archive.append(&header, bytes)?;
    }
    archive.into_inner()
}

fn file_entry(size: u64, sha256: Digest) -> Entry {
    Entry::File {
        mode: Mode::Read,
        size,
        sha256,
    }
}

fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hexadecimal())
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("structs of text and numbers")
}

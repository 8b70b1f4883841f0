//! The web platform: Deno's extension crates with their scripts, which are read when a plugin first
//! looks at what they make.

use std::borrow::Cow;
use std::sync::Arc;

use super::fetch;
use deno_core::{Extension, OpDecl};
use deno_web::{BlobStore, InMemoryBroadcastChannel};

include!(concat!(env!("OUT_DIR"), "/scripts.rs"));

/// Ops the platform's scripts call, sorted. Nothing they do leaves the process.
pub(super) const OPS: &[&str] = &[
    "op_base64_atob",
    "op_base64_btoa",
    "op_base64_decode",
    "op_base64_encode_from_buffer",
    "op_blob_clone_part",
    "op_blob_create_object_url",
    "op_blob_create_part",
    "op_blob_from_object_url",
    "op_blob_read_part",
    "op_blob_remove_part",
    "op_blob_revoke_object_url",
    "op_blob_slice_part",
    "op_cancel_handle",
    "op_close",
    "op_compression_finish",
    "op_compression_new",
    "op_compression_write",
    "op_decode",
    "op_defer",
    "op_deserialize",
    "op_destructure_error",
    "op_encode",
    "op_encode_binary_string",
    "op_encoding_decode",
    "op_encoding_decode_single",
    "op_encoding_decode_utf8",
    "op_encoding_decode_utf8_ascii_only",
    "op_encoding_encode_into",
    "op_encoding_encode_into_fallback",
    "op_encoding_new_decoder",
    "op_encoding_normalize_label",
    "op_is_any_array_buffer",
    "op_is_array_buffer",
    "op_is_array_buffer_view",
    "op_is_data_view",
    "op_is_date",
    "op_is_map",
    "op_is_promise",
    "op_is_set",
    "op_is_shared_array_buffer",
    "op_is_string_object",
    "op_is_typed_array",
    "op_load_ext_script",
    "op_message_port_create_entangled",
    "op_message_port_post_message",
    "op_message_port_post_message_raw",
    "op_message_port_recv_message",
    "op_message_port_recv_message_sync",
    "op_now",
    "op_serialize",
    "op_str_byte_length",
    "op_structured_clone",
    "op_time_origin",
    "op_try_close",
    "op_url_get_serialization",
    "op_url_parse",
    "op_url_parse_search_params",
    "op_url_parse_with_base",
    "op_url_reparse",
    "op_url_stringify_search_params",
    "op_urlpattern_parse",
    "op_urlpattern_process_match_input",
];

/// The extensions, without what draws or parses pages, takes locks or talks to other contexts.
pub(super) fn extensions() -> Vec<Extension> {
    let blobs = Arc::new(BlobStore::default());
    let web = deno_web::deno_web::init(blobs, None, false, InMemoryBroadcastChannel::default());
    vec![with(deno_webidl::deno_webidl::init()), with(web)]
}

/// The extension with the ops that are needed, and without its scripts, which are all in [`LAZY`].
fn with(extension: Extension) -> Extension {
    let needed = |op: &&OpDecl| {
        [OPS, fetch::OPS]
            .iter()
            .any(|all| all.binary_search(&op.name).is_ok())
    };
    Extension {
        ops: extension.ops.iter().filter(needed).copied().collect(),
        lazy_loaded_js_files: Cow::Borrowed(&[]),
        lazy_loaded_esm_files: Cow::Borrowed(&[]),
        objects: Cow::Borrowed(&[]),
        ..extension
    }
}

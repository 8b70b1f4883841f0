//! AES (FIPS 197) in the modes of Web Cryptography: CBC and CTR (SP 800-38A), GCM (SP 800-38D), and
//! key wrapping (RFC 3394).

use aes::cipher::array::ArraySize;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::consts::{U12, U13, U14, U15, U16};
use aes::cipher::{
    BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, BlockSizeUser,
    KeyInit, KeyIvInit, StreamCipher,
};
use aes::{Aes128, Aes192, Aes256};
use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{AesGcm, TagSize};
use aes_kw::AesKw;

use super::error::{Bytes, CryptoError};

/// It is not said what was wrong: padding, tag or length.
const UNREADABLE: CryptoError = CryptoError::Operation("the data could not be decrypted");
const NO_IV: CryptoError = CryptoError::Operation("the initialization vector has a wrong length");

/// What is to be done with the data.
pub(super) struct Task<'a> {
    pub(super) encrypt: bool,
    pub(super) key: &'a [u8],
    /// The initialization vector or first counter block; none for key wrapping.
    pub(super) iv: &'a [u8],
    /// What GCM authenticates besides.
    pub(super) additional: &'a [u8],
    /// Bits of GCM's tag, or of CTR's counter.
    pub(super) bits: u32,
    pub(super) data: &'a [u8],
}

pub(super) fn run(mode: &str, task: &Task<'_>) -> Bytes {
    match task.key.len() {
        16 => with::<Aes128>(mode, task),
        24 => with::<Aes192>(mode, task),
        32 => with::<Aes256>(mode, task),
        _ => Err(CryptoError::Operation(
            "a key of AES has 128, 192 or 256 bits",
        )),
    }
}

fn with<C>(mode: &str, task: &Task<'_>) -> Bytes
where
    C: KeyInit + BlockCipherEncrypt + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16>,
{
    match mode {
        "AES-CBC" => cbc::<C>(task),
        "AES-CTR" => match task.bits {
            32 => counter::<ctr::Ctr32BE<C>>(task),
            64 => counter::<ctr::Ctr64BE<C>>(task),
            128 => counter::<ctr::Ctr128BE<C>>(task),
            _ => Err(CryptoError::NotSupported(
                "a counter has 32, 64 or 128 bits",
            )),
        },
        "AES-GCM" => match task.iv.len() {
            12 => gcm::<C, U12>(task),
            16 => gcm::<C, U16>(task),
            _ => Err(CryptoError::NotSupported(
                "an initialization vector of AES-GCM has 12 or 16 bytes",
            )),
        },
        "AES-KW" => key_wrap::<C>(task),
        _ => Err(CryptoError::NotSupported("unknown mode")),
    }
}

fn cbc<C>(task: &Task<'_>) -> Bytes
where
    C: KeyInit + BlockCipherEncrypt + BlockCipherDecrypt,
{
    if task.encrypt {
        let cipher = cbc::Encryptor::<C>::new_from_slices(task.key, task.iv);
        let cipher = cipher.map_err(|_| NO_IV)?;
        Ok(cipher.encrypt_padded_vec::<Pkcs7>(task.data))
    } else {
        let cipher = cbc::Decryptor::<C>::new_from_slices(task.key, task.iv);
        let cipher = cipher.map_err(|_| NO_IV)?;
        cipher
            .decrypt_padded_vec::<Pkcs7>(task.data)
            .map_err(|_| UNREADABLE)
    }
}

fn counter<M: KeyIvInit + StreamCipher>(task: &Task<'_>) -> Bytes {
    let mut cipher = M::new_from_slices(task.key, task.iv).map_err(|_| NO_IV)?;
    let mut data = task.data.to_vec();
    cipher
        .try_apply_keystream(&mut data)
        .map_err(|_| CryptoError::Operation("more data than the counter has blocks"))?;
    Ok(data)
}

fn gcm<C, N>(task: &Task<'_>) -> Bytes
where
    C: KeyInit + BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
    N: ArraySize,
{
    match task.bits {
        96 => sealed::<C, N, U12>(task),
        104 => sealed::<C, N, U13>(task),
        112 => sealed::<C, N, U14>(task),
        120 => sealed::<C, N, U15>(task),
        128 => sealed::<C, N, U16>(task),
        32 | 64 => Err(CryptoError::NotSupported("a tag has 96 bits at least")),
        _ => Err(CryptoError::Operation(
            "a tag has 96 to 128 whole bytes of bits",
        )),
    }
}

fn sealed<C, N, T>(task: &Task<'_>) -> Bytes
where
    C: KeyInit + BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
    N: ArraySize,
    T: TagSize,
{
    let cipher = AesGcm::<C, N, T>::new_from_slice(task.key).map_err(|_| UNREADABLE)?;
    let nonce = task.iv.try_into().map_err(|_| NO_IV)?;
    let payload = Payload {
        msg: task.data,
        aad: task.additional,
    };
    match task.encrypt {
        true => cipher
            .encrypt(nonce, payload)
            .map_err(|_| CryptoError::Operation("too much data")),
        false => cipher.decrypt(nonce, payload).map_err(|_| UNREADABLE),
    }
}

fn key_wrap<C>(task: &Task<'_>) -> Bytes
where
    C: KeyInit + BlockCipherEncrypt + BlockCipherDecrypt + BlockSizeUser<BlockSize = U16>,
{
    let cipher = AesKw::<C>::new_from_slice(task.key).map_err(|_| UNREADABLE)?;
    // RFC 3394 wraps two blocks of eight bytes at least.
    const UNEVEN: CryptoError =
        CryptoError::Operation("AES-KW wraps a multiple of 8 bytes, and 16 at least");
    if task.encrypt {
        if task.data.len() < 16 {
            return Err(UNEVEN);
        }
        let mut wrapped = vec![0; task.data.len() + aes_kw::IV_LEN];
        cipher
            .wrap_key(task.data, &mut wrapped)
            .map_err(|_| UNEVEN)?;
        Ok(wrapped)
    } else {
        let length = task.data.len().checked_sub(aes_kw::IV_LEN);
        let length = length.filter(|length| *length >= 16).ok_or(UNREADABLE)?;
        let mut unwrapped = vec![0; length];
        cipher
            .unwrap_key(task.data, &mut unwrapped)
            .map_err(|_| UNREADABLE)?;
        Ok(unwrapped)
    }
}

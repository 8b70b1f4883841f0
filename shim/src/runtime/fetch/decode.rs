//! Answers that a server packed (RFC 9110, section 8.4), unpacked as they are read: each read makes
//! as many bytes as were asked for and no more, however many are packed into few.

use std::io::{self, BufRead, ErrorKind, Read};

use brotli_decompressor::Decompressor;
use bytes::{Buf, Bytes};
use flate2::bufread::{MultiGzDecoder, ZlibDecoder};
use hyper::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, RANGE};

/// What is asked for where a plugin asks for nothing.
const UNDERSTOOD: HeaderValue = HeaderValue::from_static("gzip, deflate, br");

/// A part is to be had as it is.
const AS_IT_IS: HeaderValue = HeaderValue::from_static("identity");

/// The most that is unpacked at once, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// How much packed brotli is read ahead, in bytes.
const AHEAD_BYTES: usize = 4096;

/// Asks for what is understood here. Whether an answer to these fields is to be unpacked.
pub(super) fn accept(fields: &mut HeaderMap) -> bool {
    let part = fields.contains_key(RANGE);
    let usual = if part { AS_IT_IS } else { UNDERSTOOD };
    let asked = fields.entry(ACCEPT_ENCODING).or_insert(usual);
    !part && *asked != AS_IT_IS
}

/// Unpacks an answer.
pub(super) enum Decoder {
    Gzip(MultiGzDecoder<Source>),
    Zlib(ZlibDecoder<Source>),
    Brotli(Box<Decompressor<Source>>),
}

impl Decoder {
    /// The one for an answer with these fields; none where it is not packed in one of the ways
    /// that are understood, and in that one alone.
    pub(super) fn of(fields: &HeaderMap) -> Option<Self> {
        let mut named = fields.get_all(CONTENT_ENCODING).iter();
        let (first, None) = (named.next()?, named.next()) else {
            return None;
        };
        let source = Source::default();
        match first.to_str().ok()?.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip(MultiGzDecoder::new(source))),
            "deflate" => Some(Self::Zlib(ZlibDecoder::new(source))),
            "br" => Some(Self::Brotli(Box::new(Decompressor::new(
                source,
                AHEAD_BYTES,
            )))),
            _ => None,
        }
    }

    /// The next bytes, so many at the most and none at the end; `None` where it needs to be given
    /// more first.
    pub(super) fn next(&mut self, limit: usize) -> io::Result<Option<Bytes>> {
        let mut piece = vec![0; limit.min(PIECE_BYTES)];
        let read = match self {
            Self::Gzip(decoder) => decoder.read(&mut piece),
            Self::Zlib(decoder) => decoder.read(&mut piece),
            Self::Brotli(decoder) => decoder.read(&mut piece),
        };
        match read {
            Ok(read) => {
                piece.truncate(read);
                Ok(Some(piece.into()))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives it what comes next, when it has used up what it was given before; `None` is the end.
    pub(super) fn give(&mut self, bytes: Option<Bytes>) {
        let source = match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Zlib(decoder) => decoder.get_mut(),
            Self::Brotli(decoder) => decoder.get_mut(),
        };
        source.ended = bytes.is_none();
        source.bytes = bytes.unwrap_or_default();
    }
}

/// What has come and is not unpacked yet.
#[derive(Default)]
pub(super) struct Source {
    bytes: Bytes,
    ended: bool,
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.bytes.is_empty() && !self.ended {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(&self.bytes)
    }

    fn consume(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    /// `hello, hello, hello` by `brotli`.
    const BROTLI: &[u8] =
        b"\x1b\x12\x00\xf8\x8d\x94\x6e\xde\x44\x09\x52\x86\x96\x6c\x2c\x6f\x11\x4f\x24\xd0\x71\x00";

    fn named(coding: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(coding))])
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    /// All of it, given in pieces of so many bytes and read in pieces of so many.
    fn unpacked(
        coding: &'static str,
        packed: &[u8],
        [given, read]: [usize; 2],
    ) -> io::Result<Vec<u8>> {
        let mut decoder = Decoder::of(&named(coding)).expect(coding);
        let mut pieces = packed.chunks(given);
        let mut all = Vec::new();
        loop {
            match decoder.next(read)? {
                None => decoder.give(pieces.next().map(Bytes::copy_from_slice)),
                Some(piece) if piece.is_empty() => return Ok(all),
                Some(piece) => {
                    assert!(piece.len() <= read);
                    all.extend_from_slice(&piece);
                }
            }
        }
    }

    #[test]
    fn what_is_packed_comes_out_whole_in_whatever_pieces() {
        let text = b"hello, hello, hello";
        let twice = [gzip(b"hello, "), gzip(b"hello, hello")].concat();
        for pieces in [[1, 1], [3, 7], [1000, 1000]] {
            for (coding, packed) in [
                ("gzip", gzip(text)),
                ("x-gzip", gzip(text)),
                ("GZIP", twice.clone()),
                ("deflate", zlib(text)),
                ("br", BROTLI.to_vec()),
            ] {
                let all = unpacked(coding, &packed, pieces);
                assert_eq!(all.expect(coding), text, "{coding} {pieces:?}");
            }
        }
    }

    #[test]
    fn a_bomb_makes_no_more_at_once_than_is_asked_for() {
        let packed = gzip(&vec![0; 64 << 20]);
        assert!(packed.len() < 100_000);
        let mut decoder = Decoder::of(&named("gzip")).expect("known");
        decoder.give(Some(packed.into()));
        let piece = decoder.next(usize::MAX).expect("right").expect("bytes");
        assert_eq!(piece.len(), PIECE_BYTES);
    }

    #[test]
    fn what_is_broken_or_cut_is_an_error() {
        let whole = gzip(b"hello");
        for packed in [&whole[..5], &whole[..whole.len() - 1], b"not packed at all"] {
            assert!(unpacked("gzip", packed, [4, 4]).is_err());
        }
        assert!(unpacked("deflate", b"not packed at all", [4, 4]).is_err());
        assert!(unpacked("br", &BROTLI[..9], [4, 4]).is_err());
        assert!(unpacked("br", &[0xff; 40], [4, 4]).is_err());
    }

    #[test]
    fn only_one_known_coding_is_unpacked_and_asked_for() {
        for coding in ["identity", "zstd", "gzip, br", ""] {
            assert!(Decoder::of(&named(coding)).is_none(), "{coding}");
        }
        let mut twice = named("gzip");
        twice.append(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert!(Decoder::of(&twice).is_none());
        let mut fields = HeaderMap::new();
        assert!(accept(&mut fields));
        assert_eq!(fields[ACCEPT_ENCODING], UNDERSTOOD);
        let mut part = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-1"))]);
        assert!(!accept(&mut part));
        assert_eq!(part[ACCEPT_ENCODING], AS_IT_IS);
        let mut own = HeaderMap::from_iter([(ACCEPT_ENCODING, AS_IT_IS)]);
        assert!(!accept(&mut own));
    }
}

//! Packets with descriptors over a `SOCK_SEQPACKET` socket (unix(7)).

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags,
    SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg,
    sendmsg, socketpair,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest packet in bytes, below the kernel's default send buffer (`net.core.wmem_default`).
pub const MAX_PACKET_BYTES: usize = 160 * 1024;

/// The most descriptors beside one packet.
const MAX_DESCRIPTORS: usize = 4;

/// Why a packet did not travel.
#[derive(Debug, thiserror::Error)]
pub enum PacketError {
    /// The other end is gone.
    #[error("the other end closed the socket")]
    Closed,
    /// The packet is larger than both ends accept.
    #[error("packet of {bytes} bytes exceeds the limit of {limit}")]
    TooLarge {
        /// Its size, or the size received before it was cut.
        bytes: usize,
        /// [`MAX_PACKET_BYTES`].
        limit: usize,
    },
    /// More descriptors came than any verb has, or some were lost.
    #[error("packet with unexpected descriptors")]
    Descriptors,
    /// The bytes are no message.
    #[error("packet is no valid message")]
    Malformed(#[source] serde_json::Error),
    /// The message cannot be written down.
    #[error("failed to encode message")]
    Encode(#[source] serde_json::Error),
    /// The system call failed.
    #[error("failed to {verb} a packet")]
    Socket {
        /// `send` or `receive`.
        verb: &'static str,
        /// Why.
        #[source]
        source: Errno,
    },
}

/// A message and the descriptors that came with it.
#[derive(Debug)]
pub struct Packet<M> {
    /// The message.
    pub message: M,
    /// In the order sent; closed on exec.
    pub descriptors: Vec<OwnedFd>,
}

/// One end of the socket between engine and launcher.
#[derive(Debug)]
pub struct PacketSocket(OwnedFd);

impl PacketSocket {
    /// Two connected ends, closed on exec.
    ///
    /// # Errors
    /// Those of socketpair(2).
    pub fn pair() -> std::io::Result<(Self, Self)> {
        let (one, other) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        Ok((Self(one), Self(other)))
    }

    /// Takes over a descriptor that is such a socket.
    pub fn from_descriptor(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// The descriptor, to hand to another process.
    pub fn into_descriptor(self) -> OwnedFd {
        self.0
    }

    /// Sends one message, waiting for room in the other end's queue.
    ///
    /// # Errors
    /// [`PacketError`]; nothing was sent then.
    pub fn send<M: Serialize>(
        &self,
        message: &M,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), PacketError> {
        let bytes = serde_json::to_vec(message).map_err(PacketError::Encode)?;
        if bytes.len() > MAX_PACKET_BYTES {
            return Err(PacketError::TooLarge {
                bytes: bytes.len(),
                limit: MAX_PACKET_BYTES,
            });
        }
        // The space below is rounded up, so that it may have room for one more.
        if descriptors.len() > MAX_DESCRIPTORS {
            return Err(PacketError::Descriptors);
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors))
        {
            return Err(PacketError::Descriptors);
        }
        let sent = loop {
            match sendmsg(
                &self.0,
                &[IoSlice::new(&bytes)],
                &mut ancillary,
                SendFlags::NOSIGNAL,
            ) {
                Err(Errno::INTR) => {}
                other => break other,
            }
        };
        match sent {
            Ok(_) => Ok(()),
            Err(Errno::PIPE | Errno::CONNRESET) => Err(PacketError::Closed),
            Err(source) => Err(PacketError::Socket {
                verb: "send",
                source,
            }),
        }
    }

    /// Waits for one message.
    ///
    /// # Errors
    /// [`PacketError`]; after anything but [`PacketError::Malformed`] the socket is of no use.
    pub fn receive<M: DeserializeOwned>(&self) -> Result<Packet<M>, PacketError> {
        let mut bytes = vec![0_u8; MAX_PACKET_BYTES];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            let result = recvmsg(
                &self.0,
                &mut [IoSliceMut::new(&mut bytes)],
                &mut ancillary,
                RecvFlags::CMSG_CLOEXEC,
            );
            match result {
                Err(Errno::INTR) => {}
                Err(Errno::CONNRESET) => return Err(PacketError::Closed),
                Err(source) => {
                    return Err(PacketError::Socket {
                        verb: "receive",
                        source,
                    });
                }
                Ok(received) => break received,
            }
        };
        let descriptors: Vec<OwnedFd> = ancillary
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
                _ => None,
            })
            .flatten()
            .collect();
        if received.bytes == 0 {
            return Err(PacketError::Closed);
        }
        if received.flags.contains(ReturnFlags::TRUNC) {
            return Err(PacketError::TooLarge {
                bytes: received.bytes,
                limit: MAX_PACKET_BYTES,
            });
        }
        if received.flags.contains(ReturnFlags::CTRUNC) || descriptors.len() > MAX_DESCRIPTORS {
            return Err(PacketError::Descriptors);
        }
        bytes.truncate(received.bytes);
        let message = serde_json::from_slice(&bytes).map_err(PacketError::Malformed)?;
        Ok(Packet {
            message,
            descriptors,
        })
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_and_descriptors_arrive_together() {
        let (one, other) = PacketSocket::pair().unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        one.send(&"hello", &[reader.as_fd()]).unwrap();
        drop(reader);
        let packet = other.receive::<String>().unwrap();
        assert_eq!(packet.message, "hello");
        std::io::Write::write_all(&mut &writer, b"x").unwrap();
        drop(writer);
        let received = packet.descriptors.into_iter().next().unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut std::fs::File::from(received), &mut text).unwrap();
        assert_eq!(text, "x");
    }

    #[test]
    fn a_packet_over_the_limit_is_refused_by_both_ends() {
        let (one, other) = PacketSocket::pair().unwrap();
        let large = "x".repeat(MAX_PACKET_BYTES);
        assert!(matches!(
            one.send(&large, &[]),
            Err(PacketError::TooLarge { .. })
        ));
        let raw = vec![b'1'; MAX_PACKET_BYTES + 1];
        rustix::net::send(&one, &raw, SendFlags::empty()).unwrap();
        assert!(matches!(
            other.receive::<u64>(),
            Err(PacketError::TooLarge { .. })
        ));
    }

    #[test]
    fn too_many_descriptors_are_refused() {
        let (one, other) = PacketSocket::pair().unwrap();
        let (reader, _writer) = std::io::pipe().unwrap();
        let many = [reader.as_fd(); MAX_DESCRIPTORS + 1];
        assert!(matches!(one.send(&1, &many), Err(PacketError::Descriptors)));
        drop(one);
        assert!(matches!(other.receive::<u64>(), Err(PacketError::Closed)));
    }

    #[test]
    fn bytes_that_are_no_message_are_malformed() {
        let (one, other) = PacketSocket::pair().unwrap();
        rustix::net::send(&one, b"{", SendFlags::empty()).unwrap();
        assert!(matches!(
            other.receive::<String>(),
            Err(PacketError::Malformed(_))
        ));
    }
}

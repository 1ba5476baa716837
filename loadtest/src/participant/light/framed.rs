//! Packets over TCP, each behind its length (RFC 4571), for networks that let no UDP through.

use std::io;
use std::net::{IpAddr, SocketAddr};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

/// Carries what comes to a socket of this machine over a connection, and back; ends when this is
/// dropped.
pub(super) struct Carrier {
    task: JoinHandle<()>,
}

impl Carrier {
    /// To there, from this address; gives where to send to instead. It connects meanwhile.
    pub(super) fn open(to: SocketAddr, from: Option<IpAddr>) -> io::Result<(Self, SocketAddr)> {
        let here = from.filter(|from| from.is_ipv4() == to.is_ipv4());
        let near = std::net::UdpSocket::bind((here.unwrap_or(LOOPBACK), 0))?;
        near.set_nonblocking(true)?;
        let near = UdpSocket::from_std(near)?;
        let address = near.local_addr()?;
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(here) = here {
            socket.bind((here, 0).into())?;
        }
        let task = tokio::spawn(async move {
            // One that does not come about or ends carries nothing, which is seen by whoever measures.
            if let Ok(stream) = socket.connect(to).await {
                let _ = carry(near, stream).await;
            }
        });
        Ok((Self { task }, address))
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(near: UdpSocket, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut participant, mut inbox) = (None, BytesMut::new());
    let mut datagram = [0; MAX_DATAGRAM];
    loop {
        tokio::select! {
            received = near.recv_from(&mut datagram) => {
                let (length, from) = received?;
                participant = Some(from);
                let mut frame = BytesMut::with_capacity(2 + length);
                frame.put_u16(length as u16);
                frame.put_slice(&datagram[..length]);
                stream.write_all(&frame).await?;
            }
            read = stream.read_buf(&mut inbox) => {
                if read? == 0 {
                    return Ok(());
                }
                while let Some(length) = frame_length(&inbox) {
                    inbox.advance(2);
                    let datagram = inbox.split_to(length);
                    if let Some(participant) = participant {
                        near.send_to(&datagram, participant).await?;
                    }
                }
            }
        }
    }
}

/// Length of the first datagram, once it is whole.
fn frame_length(inbox: &[u8]) -> Option<usize> {
    let length = usize::from(u16::from_be_bytes(*inbox.first_chunk()?));
    (inbox.len() >= 2 + length).then_some(length)
}

const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// Longer than any that is sent here.
const MAX_DATAGRAM: usize = 2_048;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn datagrams_go_both_ways_behind_their_lengths() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = server.local_addr().unwrap();
        let (_carrier, near) = Carrier::open(to, None).unwrap();
        let participant = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        participant.send_to(b"check", near).await.unwrap();
        let (mut stream, _) = server.accept().await.unwrap();
        let mut frame = [0; 7];
        stream.read_exact(&mut frame).await.unwrap();
        assert_eq!(&frame, b"\0\x05check");
        // Cut anywhere, and two at once.
        stream.write_all(b"\0\x02o").await.unwrap();
        stream.write_all(b"k\0\x03all").await.unwrap();
        for expected in [&b"ok"[..], b"all"] {
            let mut datagram = [0; 9];
            let received = timeout(Duration::from_secs(10), participant.recv(&mut datagram));
            let length = received.await.unwrap().unwrap();
            assert_eq!(&datagram[..length], expected);
        }
    }
}

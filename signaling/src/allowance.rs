//! Bounds what a connection may send before it has shown that it has a place here. A WebSocket cannot be
//! told another bound once it is open, so the bytes are counted below it.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes may still come from a connection. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Allowance(Arc<AtomicUsize>);

impl Allowance {
    /// Any number of bytes.
    pub(crate) fn unlimited() -> Self {
        Self(Arc::new(AtomicUsize::new(UNLIMITED)))
    }

    /// So many from now on. What is read at once may go beyond it.
    pub(crate) fn limit(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    /// Any number from now on.
    pub(crate) fn lift(&self) {
        self.0.store(UNLIMITED, Ordering::Relaxed);
    }

    fn is_used_up(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    fn take(&self, bytes: usize) {
        let left = self.0.load(Ordering::Relaxed);
        if left != UNLIMITED {
            self.0.store(left.saturating_sub(bytes), Ordering::Relaxed);
        }
    }
}

const UNLIMITED: usize = usize::MAX;

/// The error of reading on when nothing more may come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UsedUp;

impl fmt::Display for UsedUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("more bytes than may come")
    }
}

impl std::error::Error for UsedUp {}

/// True for the error that [`Counted`] gives then.
pub(crate) fn is_used_up(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<UsedUp>())
}

/// A connection of which is read what its allowance lets in.
pub(crate) struct Counted<S> {
    pub(crate) stream: S,
    pub(crate) allowance: Allowance,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.allowance.is_used_up() {
            return Poll::Ready(Err(io::Error::other(UsedUp)));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.allowance.take(buffer.filled().len() - before);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn no_more_is_read_than_was_allowed_until_it_is_lifted() {
        let (mut far, near) = tokio::io::duplex(64);
        let allowance = Allowance::unlimited();
        let mut counted = Counted { stream: near, allowance: allowance.clone() };
        let mut bytes = [0; 4];
        far.write_all(b"headbodymore").await.unwrap();
        counted.read_exact(&mut bytes).await.unwrap();
        allowance.limit(4);
        counted.read_exact(&mut bytes).await.unwrap();
        let error = counted.read_exact(&mut bytes).await.unwrap_err();
        assert!(is_used_up(&error) && !is_used_up(&io::Error::other("another")));
        counted.write_all(b"said all the same").await.unwrap();
        allowance.lift();
        counted.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"more");
    }
}

//! Connections with deadlines. The HTTP parser limits only the time of the first head. A client
//! that pipelines requests without reading responses would fill the memory, and one that sends a
//! later head or an unused body slowly would occupy a connection for ever. So each connection
//!
//! - is not read while a response waits for its client, and only a little at a time,
//! - is closed if its client reads nothing for ten seconds,
//! - is closed if a request gets no response within thirty seconds.

use std::fmt;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use actix_http::body::MessageBody;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_server::ServerBuilder;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config,
};
use actix_web::Error;
use actix_web::dev::AppConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// The maximum time for the head of the first request.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);

/// The maximum time without the client reading a waiting response.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// The maximum time from the first byte of a request to the first byte of its response. Longer than
/// any response takes.
pub const EXCHANGE_DEADLINE: Duration = Duration::from_secs(30);

/// The number of bytes read before the requests in them are answered. Most requests fit. The
/// shortest fit no more often than responses are written at a time, so that requests of a slow
/// reader do not pile up.
const TURN: usize = 2 * 1024;

/// The interval of deadline checks. One timer per connection, not per request; it counts checks, so
/// that no request reads the clock.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Serves HTTP/1.1 on `listener`, with an application of `factory` per worker.
///
/// # Errors
/// If the listener is unusable.
pub fn listen<F, I, S, B>(
    builder: ServerBuilder,
    listener: TcpListener,
    factory: F,
) -> io::Result<ServerBuilder>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let address = listener.local_addr()?;
    let stopping = builder.graceful_shutdown_signal();
    builder.listen(format!("http-{address}"), listener, move || {
        let stopping = stopping.clone();
        let app = factory().into_factory().map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .client_request_timeout(HEAD_DEADLINE)
            .local_addr(address)
            .finish(map_config(app, |()| AppConfig::default()));
        let guard = |io: TcpStream| async {
            let peer: Option<SocketAddr> = io.peer_addr().ok();
            Ok((Guarded::new(io), Protocol::Http1, peer))
        };
        fn_service(guard).and_then(http)
    })
}

/// A connection with deadlines; see the module.
struct Guarded {
    io: TcpStream,
    /// `true` if a response waits for the client to read it.
    owing: bool,
    /// The time during which the client reads nothing.
    stalled: Waiting,
    /// The time since a request began without a response.
    asking: Waiting,
    /// The number of bytes read in this turn.
    read: usize,
    look: Pin<Box<Sleep>>,
    /// The task that the timer wakes.
    woken: Option<Waker>,
}

/// The number of checks that found the client waiting, if it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Not,
    Since(u32),
}

impl Waiting {
    fn begin(&mut self) {
        if *self == Self::Not {
            *self = Self::Since(0);
        }
    }

    /// Counts another check. Returns `true` after `deadline`: the first check may come right after
    /// the start.
    fn is_over(&mut self, deadline: Duration) -> bool {
        match self {
            Self::Not => false,
            Self::Since(looks) => {
                *looks += 1;
                LOOK_EVERY * looks.saturating_sub(1) >= deadline
            }
        }
    }
}

impl Guarded {
    fn new(io: TcpStream) -> Self {
        Self {
            io,
            owing: false,
            stalled: Waiting::Not,
            asking: Waiting::Not,
            read: 0,
            look: Box::pin(tokio::time::sleep(LOOK_EVERY)),
            woken: None,
        }
    }

    /// Fails once a deadline has passed. Until then the timer wakes the task for the next check.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        // The timer already knows this task: registering it again would cost as much as the rest of
        // this file.
        let is_told = self.woken.as_ref().is_some_and(|woken| woken.will_wake(context.waker()));
        if is_told && !self.look.is_elapsed() {
            return Ok(());
        }
        while self.look.as_mut().poll(context).is_ready() {
            if self.stalled.is_over(WRITE_DEADLINE) || self.asking.is_over(EXCHANGE_DEADLINE) {
                return Err(ErrorKind::TimedOut.into());
            }
            self.look.as_mut().reset(Instant::now() + LOOK_EVERY);
        }
        self.woken = Some(context.waker().clone());
        Ok(())
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read >= TURN {
            // First answer the requests read so far.
            self.read = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if !self.owing {
            let mut room = [MaybeUninit::uninit(); TURN];
            let (_, room) = room.split_at_mut(TURN.saturating_sub(buffer.remaining()));
            let mut part = ReadBuf::uninit(room);
            if let Poll::Ready(done) = Pin::new(&mut self.io).poll_read(context, &mut part) {
                if !part.filled().is_empty() {
                    buffer.put_slice(part.filled());
                    self.read += part.filled().len();
                    self.asking.begin();
                }
                return Poll::Ready(done);
            }
            self.read = 0;
        }
        // The write that completes the response wakes the task.
        self.check(context)?;
        Poll::Pending
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = Pin::new(&mut self.io).poll_write(context, bytes) {
            let was_owing = self.owing;
            self.owing = written.as_ref().is_ok_and(|count| *count < bytes.len());
            (self.stalled, self.asking) = (Waiting::Not, Waiting::Not);
            if was_owing && !self.owing {
                // Read the rest now.
                context.waker().wake_by_ref();
            }
            return Poll::Ready(written);
        }
        self.owing = true;
        self.stalled.begin();
        self.check(context)?;
        Poll::Pending
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_shutdown(context))?;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::{Instant, timeout};

    use super::{EXCHANGE_DEADLINE, Guarded, WRITE_DEADLINE};

    async fn pair() -> (TcpStream, Guarded) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (client, Guarded::new(server))
    }

    /// SEC-8: a client that reads no responses is cut off. (Paused time advances immediately.)
    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_nothing_is_cut() {
        let (_client, mut server) = pair().await;
        let began = Instant::now();
        let endless = async { while server.write_all(&[0; 8192]).await.is_ok() {} };
        endless.await;
        assert!(
            began.elapsed() >= WRITE_DEADLINE && began.elapsed() < 2 * WRITE_DEADLINE,
            "{:?}",
            began.elapsed()
        );
    }

    /// SEC-8: a request that never completes is cut off, however slowly it arrives.
    #[tokio::test(start_paused = true)]
    async fn a_request_that_trickles_is_cut() {
        let (mut client, mut server) = pair().await;
        let began = Instant::now();
        let trickle = tokio::spawn(async move {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        });
        let error = loop {
            if let Err(error) = server.read_u8().await {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert!(began.elapsed() >= EXCHANGE_DEADLINE && began.elapsed() < 2 * EXCHANGE_DEADLINE);
        trickle.abort();
    }

    /// An idle keep-alive connection is not slow, nor is one that responds now and then.
    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_left_alone() {
        let (mut client, mut server) = pair().await;
        for _ in 0..3 {
            client.write_all(b"question").await.unwrap();
            let mut question = [0; 8];
            server.read_exact(&mut question).await.unwrap();
            server.write_all(b"answer").await.unwrap();
            assert!(timeout(Duration::from_hours(1), server.read_u8()).await.is_err());
        }
    }

    /// SEC-3: while responses wait to be read, no further requests are read.
    #[tokio::test(start_paused = true)]
    async fn nothing_is_read_while_answers_wait() {
        let (mut client, mut server) = pair().await;
        client.write_all(b"questions").await.unwrap();
        let full = timeout(WRITE_DEADLINE / 2, async {
            while server.write_all(&[0; 8192]).await.is_ok() {}
        });
        assert!(full.await.is_err());
        assert!(timeout(WRITE_DEADLINE / 10, server.read_u8()).await.is_err());
        // Once they are read, reading goes on.
        let taking = tokio::spawn(async move {
            let mut taken = vec![0; 65_536];
            while client.read(&mut taken).await.is_ok_and(|count| count > 0) {}
        });
        server.write_all(b"more").await.unwrap();
        assert_eq!(server.read_u8().await.unwrap(), b'q');
        taking.abort();
    }
}

//! A wire between a node and its database that can be cut.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Passes bytes on, until it is cut.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    mode: AtomicU8,
    connections: Mutex<Vec<TcpStream>>,
}

const PASSING: u8 = 0;
/// Connections are closed, as when the database has stopped.
const CUT: u8 = 1;
/// Connections stay open, and nothing comes through, as when a cable was pulled. What was open then
/// never works again.
const SILENT: u8 = 2;

impl Proxy {
    /// A way to `target`.
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state =
            Arc::new(State { mode: AtomicU8::new(PASSING), connections: Mutex::new(Vec::new()) });
        let accepting = Arc::clone(&state);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                accepting.accept(near, target);
            }
        });
        Self { address, state }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes all connections, and every new one.
    pub fn cut(&self) {
        self.state.mode.store(CUT, Ordering::SeqCst);
        self.state.close_all();
    }

    /// Swallows everything.
    pub fn fall_silent(&self) {
        self.state.mode.store(SILENT, Ordering::SeqCst);
    }

    /// New connections work; those from before do not.
    pub fn restore(&self) {
        self.state.mode.store(PASSING, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
    }
}

impl State {
    fn accept(self: &Arc<Self>, near: TcpStream, target: SocketAddr) {
        match self.mode.load(Ordering::SeqCst) {
            CUT => drop(near),
            SILENT => self.connections.lock().unwrap().push(near),
            _ => {
                let Ok(far) = TcpStream::connect(target) else {
                    return;
                };
                let mut connections = self.connections.lock().unwrap();
                connections.extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                drop(connections);
                self.pass(near.try_clone().unwrap(), far.try_clone().unwrap());
                self.pass(far, near);
            }
        }
        // It may have been cut meanwhile.
        if self.mode.load(Ordering::SeqCst) == CUT {
            self.close_all();
        }
    }

    fn pass(self: &Arc<Self>, mut from: TcpStream, mut to: TcpStream) {
        let state = Arc::clone(self);
        from.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            let mut is_dead = false;
            loop {
                let read = from.read(&mut buffer);
                is_dead |= state.mode.load(Ordering::SeqCst) == SILENT;
                match read {
                    Ok(_) if is_dead => {}
                    Ok(length @ 1..) if to.write_all(&buffer[..length]).is_ok() => {}
                    Err(error)
                        if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    _ => break,
                }
                if is_dead {
                    // Open for ever, and deaf.
                    return;
                }
            }
            to.shutdown(Shutdown::Both).ok();
        });
    }

    fn close_all(&self) {
        for connection in self.connections.lock().unwrap().drain(..) {
            connection.shutdown(Shutdown::Both).ok();
        }
    }
}

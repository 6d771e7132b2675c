//! Adds `X-Request-Id` to every response. It is generated here and never taken from the caller, so
//! that no caller can inject text into the log or make two requests look like one.

use std::cell::RefCell;
use std::fmt;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage as _, HttpRequest};
use pin_project_lite::pin_project;

use crate::random::{self, Random};

/// The name of the header.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request: 128 random bits in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; 32]);

impl RequestId {
    fn generate(random: &dyn Random) -> Self {
        Self::encode(random::bytes(random))
    }

    fn encode(bytes: [u8; 16]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |value: u8| DIGITS.get(usize::from(value & 0xf)).copied().unwrap_or(b'0');
        let mut id = [b'0'; 32];
        for (pair, byte) in id.chunks_exact_mut(2).zip(bytes) {
            if let [high, low] = pair {
                *high = digit(byte >> 4);
                *low = digit(byte);
            }
        }
        Self(id)
    }

    /// The id of `request`. Most requests never need it before the response: it is then generated
    /// with the header.
    #[must_use]
    pub fn of(request: &HttpRequest, random: &dyn Random) -> Self {
        *request.extensions_mut().get_or_insert_with(|| Self::generate(random))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or_default())
    }
}

/// Gives each request an id, and each answer its header.
#[derive(Debug, Clone)]
pub struct RequestIds(pub Arc<dyn Random>);

impl<S, B> Transform<S, ServiceRequest> for RequestIds
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Transform = RequestIdService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(RequestIdService { service, ids: Rc::new(IdSource::new(Arc::clone(&self.0))) }))
    }
}

/// The ids of a worker. Many are made at once, in one allocation, because a draw of randomness costs
/// about the same for any length.
#[derive(Debug)]
struct IdSource {
    random: Arc<dyn Random>,
    /// The texts of the ids that are left.
    left: RefCell<Bytes>,
}

/// The number of ids that are made at once.
const BATCH: usize = 16;

impl IdSource {
    fn new(random: Arc<dyn Random>) -> Self {
        Self { random, left: RefCell::default() }
    }

    /// The text of a new id.
    fn next(&self) -> Bytes {
        let mut left = self.left.borrow_mut();
        if left.is_empty() {
            let mut drawn = [[0; 16]; BATCH];
            self.random.fill(drawn.as_flattened_mut());
            *left = Bytes::from(drawn.map(|bytes| RequestId::encode(bytes).0).concat());
        }
        let end = left.len().min(size_of::<RequestId>());
        left.split_to(end)
    }
}

/// See [`RequestIds`].
#[derive(Debug)]
pub struct RequestIdService<S> {
    service: S,
    ids: Rc<IdSource>,
}

impl<S, B> Service<ServiceRequest> for RequestIdService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
{
    type Response = ServiceResponse<B>;
    type Error = Error;
    type Future = RequestIdFuture<S::Future>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.service.poll_ready(context)
    }

    fn call(&self, request: ServiceRequest) -> Self::Future {
        RequestIdFuture { inner: self.service.call(request), ids: Rc::clone(&self.ids) }
    }
}

pin_project! {
    /// The answer of the inner service, with the header.
    pub struct RequestIdFuture<F> {
        #[pin]
        inner: F,
        ids: Rc<IdSource>,
    }
}

impl<F, B> Future for RequestIdFuture<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
{
    type Output = Result<ServiceResponse<B>, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut answer = ready!(this.inner.poll(context))?;
        let asked_for = answer.request().extensions().get::<RequestId>().copied();
        let id = match asked_for {
            Some(id) => HeaderValue::from_bytes(&id.0),
            None => HeaderValue::from_maybe_shared(this.ids.next()),
        };
        if let Ok(value) = id {
            answer.headers_mut().insert(HEADER, value);
        }
        Poll::Ready(Ok(answer))
    }
}

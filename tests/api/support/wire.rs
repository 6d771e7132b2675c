//! Requests byte by byte, for what an HTTP client would never send.

use std::io::ErrorKind;
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::support::answer::Answer;
use crate::support::app::TestApp;

/// For an answer that should come at once.
const PATIENCE: Duration = Duration::from_secs(4);

impl TestApp {
    /// Sends these bytes and waits for one answer, with the connection still open. No answer when
    /// the server closes it without one.
    pub async fn raw(&self, request: impl AsRef<[u8]>) -> Option<Answer> {
        exchange(self.address(), request.as_ref(), false).await
    }

    /// Sends these bytes and then nothing more, for ever.
    pub async fn raw_and_hang_up(&self, request: impl AsRef<[u8]>) -> Option<Answer> {
        exchange(self.address(), request.as_ref(), true).await
    }

    /// Sends these bytes and listens on: the first answer, and whether the server then closed the
    /// connection without answering anything else.
    pub async fn raw_to_the_end(&self, request: impl AsRef<[u8]>) -> (Option<Answer>, bool) {
        let stream = TcpStream::connect(self.address()).await.unwrap();
        write(&stream, request.as_ref()).await;
        let mut received = Vec::new();
        let until_closed = async { while read_some(&stream, &mut received).await {} };
        let is_closed =
            actix_web::rt::time::timeout(Duration::from_secs(1), until_closed).await.is_ok();
        let answers = received.windows(9).filter(|bytes| bytes == b"HTTP/1.1 ").count();
        (parse(&received), is_closed && answers < 2)
    }

    /// A POST to the token endpoint with header lines and a body as they stand.
    pub async fn raw_token(&self, header_lines: &[&[u8]], body: &[u8]) -> Answer {
        let mut request = b"POST /oauth/token HTTP/1.1\r\nHost: test\r\n".to_vec();
        for line in header_lines {
            request.extend_from_slice(line);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        request.extend_from_slice(body);
        self.raw(&request).await.unwrap()
    }
}

async fn exchange(address: &str, request: &[u8], hang_up: bool) -> Option<Answer> {
    let talk = async {
        let stream = TcpStream::connect(address).await.unwrap();
        write(&stream, request).await;
        let stream = if hang_up {
            let stream = stream.into_std().unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            TcpStream::from_std(stream).unwrap()
        } else {
            stream
        };
        read(&stream).await
    };
    let answer = actix_web::rt::time::timeout(PATIENCE, talk).await;
    answer.expect("there is no answer, and the connection stays open")
}

/// The server may answer and close before it has read everything: that is no error here.
async fn write(stream: &TcpStream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        stream.writable().await.unwrap();
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

async fn read(stream: &TcpStream) -> Option<Answer> {
    let mut received = Vec::new();
    while read_some(stream, &mut received).await {
        if let Some(answer) = parse(&received) {
            return Some(answer);
        }
    }
    None
}

/// Waits for more; false when the server has closed the connection.
async fn read_some(stream: &TcpStream, received: &mut Vec<u8>) -> bool {
    stream.readable().await.unwrap();
    let mut chunk = [0; 4096];
    match stream.try_read(&mut chunk) {
        Ok(0) => false,
        Ok(count) => {
            received.extend_from_slice(&chunk[..count]);
            true
        }
        Err(error) => error.kind() == ErrorKind::WouldBlock,
    }
}

/// An answer, once it is whole. All answers of this server say their length.
fn parse(received: &[u8]) -> Option<Answer> {
    let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&received[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status: u16 = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    let length: usize = headers.get("content-length")?.to_str().unwrap().parse().unwrap();
    let body = received.get(end + 4..end + 4 + length)?;
    Some(Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() })
}

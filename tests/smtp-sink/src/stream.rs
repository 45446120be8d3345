//! A connection, in clear text or encrypted, read line by line.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// No command line is longer, and no line of a mail (RFC 5321, section 4.5.3.1, has 998 and CRLF for the latter).
const LONGEST_LINE: u64 = 12 * 1024;

enum Wire {
    Clear(TcpStream),
    Encrypted(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(buffer),
            Self::Encrypted(stream) => stream.read(buffer),
        }
    }
}

/// What a client sends line by line. Bytes that came early, as in pipelining, wait in the buffer.
pub(crate) struct Stream {
    reader: BufReader<Wire>,
}

impl Stream {
    pub(crate) fn clear(stream: TcpStream) -> Self {
        Self { reader: BufReader::new(Wire::Clear(stream)) }
    }

    /// Encrypts from here on. What was sent in clear text beyond this point is dropped (RFC 3207, section 4.2).
    pub(crate) fn encrypt(self, config: &Arc<ServerConfig>) -> io::Result<Self> {
        let Wire::Clear(stream) = self.reader.into_inner() else {
            return Err(io::Error::other("already encrypted"));
        };
        let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        let wire = Wire::Encrypted(Box::new(StreamOwned::new(connection, stream)));
        Ok(Self { reader: BufReader::new(wire) })
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.reader.get_ref(), Wire::Encrypted(_))
    }

    /// The next line without its CRLF; `None` when the client has gone.
    pub(crate) fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        (&mut self.reader).take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(Some(line.to_vec())),
            None if line.is_empty() => Ok(None),
            None => Err(io::Error::new(io::ErrorKind::InvalidData, "a line without CRLF, or too long")),
        }
    }

    /// Reads until the client goes, and answers nothing.
    pub(crate) fn ignore(&mut self) -> io::Result<()> {
        io::copy(&mut self.reader, &mut io::sink()).map(drop)
    }

    pub(crate) fn write(&mut self, text: &str) -> io::Result<()> {
        match self.reader.get_mut() {
            Wire::Clear(stream) => stream.write_all(text.as_bytes()),
            Wire::Encrypted(stream) => stream.write_all(text.as_bytes()).and_then(|()| stream.flush()),
        }
    }
}

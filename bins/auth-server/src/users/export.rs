//! `users export`.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use auth_service::AuthService;

use super::BrokenOff;
use crate::new_file::NewFile;
use crate::progress::Progress;

/// Writes all users to `path`, a file that isn't there yet, or to standard output; returns how many they are.
pub(crate) async fn export(service: &AuthService, path: Option<&Path>) -> Result<u64, BrokenOff> {
    let Some(path) = path else { return write_all(service, &mut io::stdout().lock(), BrokenOff::Output).await };
    let in_file = |error| BrokenOff::File { path: path.to_owned(), error };
    let mut file = NewFile::begin(path).map_err(in_file)?;
    let users = write_all(service, &mut BufWriter::new(&mut file), in_file).await?;
    file.finish().map_err(in_file)?;
    Ok(users)
}

async fn write_all(
    service: &AuthService,
    out: &mut impl Write,
    unwritable: impl Fn(io::Error) -> BrokenOff,
) -> Result<u64, BrokenOff> {
    let (mut users, mut after, progress) = (0, None, Progress::new("exported", None));
    loop {
        let page = service.export_users(after).await?;
        if page.last.is_none() {
            break;
        }
        out.write_all(&page.lines).map_err(&unwritable)?;
        users += page.users;
        after = page.last;
        progress.advance(page.users);
    }
    progress.finish();
    out.flush().map_err(&unwritable)?;
    Ok(users)
}

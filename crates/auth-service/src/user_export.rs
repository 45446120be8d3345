//! All users as lines, for another database or system. They hold what people sign in with: hashes, and the secrets of second
//! factors as they are.

use auth_core::UserId;
use auth_persistence::{nested_transaction, user};
use zeroize::Zeroizing;

use crate::fault::Fault;
use crate::service::AuthService;
use crate::user_record::StoredUser;

/// Users of one page.
const PAGE: u32 = 500;

/// Lines, and where the next ones begin.
pub struct UserPage {
    /// A line for each user, in the order of their ids; each with its end.
    pub lines: Zeroizing<Vec<u8>>,
    /// How many there are.
    pub users: u64,
    /// The last of them, to go on after; `None`: there was nobody left.
    pub last: Option<UserId>,
}

impl AuthService {
    /// The lines of the users whose ids follow `after`, some hundred at most; from the first on without `after`. Who signs up
    /// or changes something meanwhile may be in it or not.
    ///
    /// # Errors
    ///
    /// [`Fault`], also when the secret of a second factor can't be opened: then no line of the page is told.
    pub async fn export_users(&self, after: Option<UserId>) -> Result<UserPage, Fault> {
        let handle = self.inner().handle();
        let users = self
            .inner()
            .database
            .read(move |conn| {
                nested_transaction(conn, |conn| {
                    let users = user::page_by_id(conn, after, PAGE)?;
                    StoredUser::load(&handle, conn, users)
                })
            })
            .await
            .map_err(Fault::from)?;
        let mut lines = Zeroizing::new(Vec::new());
        users.iter().try_for_each(|user| user.write(&mut lines)).map_err(Fault::internal)?;
        Ok(UserPage { lines, users: users.len() as u64, last: users.last().map(|stored| stored.user.id) })
    }
}

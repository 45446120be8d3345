//! Handlers that want a role.

use std::fmt;
use std::marker::PhantomData;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use auth_core::{ErrorCode, Role};

use crate::guard::{Guard, Verdict, guarded};
use crate::{CurrentUser, Problem};

/// Which roles [`RequireRole`] lets in.
pub trait RequiredRole: 'static {
    /// Whether a user of this role gets in.
    fn admits(role: Role) -> bool;
}

/// The role `admin`, for [`RequireRole`].
#[derive(Clone, Copy, Debug)]
pub enum Admin {}

impl RequiredRole for Admin {
    fn admits(role: Role) -> bool {
        role == Role::Admin
    }
}

/// A user whose access token says a role that `R` lets in; 403 `forbidden` for other users.
///
/// With our key ring in process a demotion refuses the older tokens within a second; with a remote issuer they are
/// good until they expire, unless [`Confirmed`](crate::Confirmed) asks.
pub struct RequireRole<R>(pub CurrentUser, PhantomData<fn() -> R>);

impl<R> Clone for RequireRole<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), PhantomData)
    }
}

impl<R> fmt::Debug for RequireRole<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequireRole").field(&self.0).finish()
    }
}

impl<R> AsRef<CurrentUser> for RequireRole<R> {
    fn as_ref(&self) -> &CurrentUser {
        &self.0
    }
}

impl<R: RequiredRole> Guard for RequireRole<R> {
    fn admit(user: CurrentUser) -> Result<Self, Problem> {
        if R::admits(user.role()) {
            return Ok(Self(user, PhantomData));
        }
        Err(Problem::new(ErrorCode::Forbidden).caused_by(format_args!("the user {} has no such role", user.id())))
    }
}

impl<R: RequiredRole> FromRequest for RequireRole<R> {
    type Error = Problem;
    type Future = Verdict<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        guarded(request)
    }
}

/// A user whose access token says `admin`: [`RequireRole`] of [`Admin`] under a shorter name.
///
/// The claim is good for guarding routes; a server that has the database at hand should still look there before it
/// changes other people's accounts.
#[derive(Clone, Debug)]
pub struct AdminUser(pub CurrentUser);

impl AsRef<CurrentUser> for AdminUser {
    fn as_ref(&self) -> &CurrentUser {
        &self.0
    }
}

impl Guard for AdminUser {
    fn admit(user: CurrentUser) -> Result<Self, Problem> {
        RequireRole::<Admin>::admit(user).map(|admin| Self(admin.0))
    }
}

impl FromRequest for AdminUser {
    type Error = Problem;
    type Future = Verdict<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        guarded(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Bench;

    /// Users, and no admins.
    enum Customer {}

    impl RequiredRole for Customer {
        fn admits(role: Role) -> bool {
            role == Role::User
        }
    }

    /// REQ-16
    #[actix_web::test]
    async fn each_extractor_lets_in_whom_it_names() {
        let bench = Bench::new();
        let user = bench.token(|_| {});
        let admin = bench.token(|grant| grant.role = Role::Admin);
        assert!(bench.ask_with::<AdminUser>(&admin).await.is_ok());
        assert!(bench.ask_with::<RequireRole<Admin>>(&admin).await.is_ok());
        assert!(bench.ask_with::<RequireRole<Customer>>(&user).await.is_ok());
        assert_eq!(bench.ask_with::<AdminUser>(&user).await.unwrap_err().code(), ErrorCode::Forbidden);
        assert_eq!(bench.ask_with::<RequireRole<Admin>>(&user).await.unwrap_err().code(), ErrorCode::Forbidden);
        assert_eq!(bench.ask_with::<RequireRole<Customer>>(&admin).await.unwrap_err().code(), ErrorCode::Forbidden);
        assert_eq!(bench.ask::<AdminUser>(&[]).await.unwrap_err().code(), ErrorCode::NotAuthenticated);
        assert_eq!(bench.ask::<RequireRole<Customer>>(&[]).await.unwrap_err().code(), ErrorCode::NotAuthenticated);
    }
}

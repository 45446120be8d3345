"""Who makes the calls of a run: an admin those under /admin, users made on the way all others.

Calls that sign out, delete the account or end sessions make a token useless for those that follow, so each token is asked
after before it is lent, and replaced by that of a new user. A caller who was refused for want of one would test nothing.
"""

import itertools
import os

import requests
import schemathesis

SERVER = os.environ["GATEHOUSE_URL"]
ADMIN_ID = os.environ["GATEHOUSE_ADMIN_ID"]
ADMIN = os.environ["GATEHOUSE_ADMIN_EMAIL"]
PASSWORD = os.environ["GATEHOUSE_PASSWORD"]

_numbers = itertools.count(1)


def _tokens(path, **body):
    answer = requests.post(SERVER + path, json=body, timeout=60)
    answer.raise_for_status()
    return answer.json()["access_token"]


def _is_good(token):
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(SERVER + "/auth/verify", headers=headers, timeout=60).status_code == 204


class _Caller:
    """A token that is good when it is lent."""

    token = None

    def get(self, case, context):
        if self.token is None or not _is_good(self.token):
            self.token = self.sign_in()
        return self.token

    def set(self, case, data, context):
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}


@schemathesis.auth(refresh_interval=None).apply_to(path_regex="^/admin/")
class Admin(_Caller):
    def sign_in(self):
        return _tokens("/auth/login", identifier=ADMIN, password=PASSWORD)


@schemathesis.auth(refresh_interval=None).skip_for(path_regex="^/admin/")
class User(_Caller):
    def sign_in(self):
        return _tokens("/auth/register", email=f"caller{next(_numbers)}@example.org", password=PASSWORD)


@schemathesis.hook
def filter_case(context, case):
    """The admin is nobody's target: without one, the calls under /admin would be refused alike."""
    return (case.path_parameters or {}).get("id") != ADMIN_ID or case.method.upper() == "GET"

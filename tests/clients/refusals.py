"""What is asked of refusals beyond their status and shape: the code is one that the document tells for this call and status,
and a request that keeps to the document is refused only for what no schema can say."""

import schemathesis

# Which tokens there are, which addresses the operator has listed.
BEYOND_ANY_SCHEMA = {
    "token_invalid_or_expired",
    "oauth_state_invalid",
    "oauth_denied",
    "redirect_not_allowed",
}

# Lists of passwords and of reserved names, other fields, other bytes: rules of the values themselves. Bounds of length and
# the like are in the schema, so they have no place here.
FIELDS_BEYOND_ANY_SCHEMA = {
    "weak_password",
    "breached_password",
    "password_unchanged",
    "invalid_email",
    "invalid_username",
    "invalid_display_name",
    "invalid_avatar_url",
    "invalid_cursor",
    "invalid_app_state",
    # Times before the year 365.
    "invalid_premium_until",
    "invalid_from",
    "invalid_to",
}

# They want one of two fields, and generators make poor types of a schema that says so.
ONE_OF_TWO = {"disableTotp", "replaceBackupCodes", "reauthenticate"}


@schemathesis.check
def refusal_is_told(ctx, response, case):
    if _content_type(response) != "application/problem+json":
        return
    told = case.operation.definition.raw["responses"].get(str(response.status_code))
    # An answer of another status than those that are told is another check's matter.
    if told is None:
        return
    problem = response.json()
    assert problem["status"] == response.status_code, "the status in the body is another one"
    assert problem["request_id"] == response.headers["x-request-id"][0], "the id in the body is another one"
    code = problem["error_code"]
    assert f"`{code}`" in told["description"], f"`{code}` is not told at {case.operation.label}, {response.status_code}"
    if response.status_code in (400, 413, 415, 422) and case.meta and case.meta.generation.mode.is_positive:
        _check_reason(problem, case.operation.definition.raw["operationId"])


def _check_reason(problem, operation):
    if problem["error_code"] != "validation_failed":
        assert problem["error_code"] in BEYOND_ANY_SCHEMA, f"{problem['error_code']}, though the document allows it"
        return
    for error in problem["errors"]:
        known = error["code"] in FIELDS_BEYOND_ANY_SCHEMA
        one_of_two = operation in ONE_OF_TWO and error["code"] == "required"
        assert known or one_of_two, f"{error['field']}: {error['code']}, though the document allows it"


def _content_type(response):
    return (response.headers.get("content-type") or [""])[0]

"""What schemathesis.toml adds to the tool: who calls, and what refusals have to keep to."""

import callers  # noqa: F401
import refusals  # noqa: F401

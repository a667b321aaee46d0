"""What can go wrong between a client and the API.

ApiError
├── Refused             the API answered with a problem
├── Unreachable         no usable answer: whether the API acted is unknown, and the same call may be repeated
├── VerificationFailed  what the API gave to sign is not what it says, or not what was asked for
└── Misused             a command that cannot be carried out as given
"""

from collections.abc import Mapping
from typing import Any

__all__ = ["ApiError", "Misused", "Refused", "Unreachable", "VerificationFailed"]


class ApiError(Exception):
    """Base of what the client side raises on purpose."""

    exit_code = 1
    """As `docs` of the command line list them."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Refused(ApiError):
    """The API's problem, as it came."""

    def __init__(self, problem: Mapping[str, Any], exit_code: int) -> None:
        super().__init__(str(problem["code"]), str(problem["detail"]))
        self.problem = dict(problem)
        self.exit_code = exit_code


class Unreachable(ApiError):
    """`api-unreachable` or `api-answer-unusable`."""

    exit_code = 75


class VerificationFailed(ApiError):
    """`digest-mismatch` or `message-mismatch`: do not sign."""

    exit_code = 7


class Misused(ApiError):
    """Options or files that do not go together."""

    exit_code = 2

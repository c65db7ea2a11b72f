"""Tokens, as ``Authorization: Bearer TOKEN`` or ``X-API-Key: TOKEN``."""

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from testproject.accounts.models import ApiKey, Organization


class TokenAuthentication(BaseAuthentication):
    """Make the token's organization ``request.user``, and its key ``request.auth``."""

    def authenticate(self, request: Request) -> tuple[Organization, ApiKey] | None:
        token = presented_token(request)
        if token is None:
            return None
        api_key = ApiKey.of_token(token)
        if api_key is None:
            raise AuthenticationFailed("The API key is not valid")
        return api_key.organization, api_key

    def authenticate_header(self, request: Request) -> str:
        # Its presence turns "not authenticated" into 401; without one DRF says 403.
        return "Bearer"


def presented_token(request: Request) -> str | None:
    """Read the token; a caller that sends both headers is judged by ``Authorization``."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.headers.get("X-API-Key", "").strip() or None

"""requests-oauthlib with PyJWT does everything that an application does with its provider, and
exits with 0 when every step holds. With CLIENT_SECRET it is a web application, without it a
public client. Everything about the provider but its issuer comes from discovery.
"""

import os
import secrets
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import jwt
import requests
from oauthlib.oauth2 import InvalidGrantError
from requests_oauthlib import OAuth2Session

from browser import Browser

# The tests' server speaks plain HTTP on loopback.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

ISSUER = os.environ["ISSUER"]
CLIENT_ID = os.environ["CLIENT_ID"]
SECRET = os.environ.get("CLIENT_SECRET") or None
EMAIL = os.environ["EMAIL"]
PASSWORD = os.environ["PASSWORD"]
REDIRECT_URI = os.environ["REDIRECT_URI"]
POST_LOGOUT_URI = os.environ["POST_LOGOUT_URI"]
SCOPES = ["openid", "profile", "email", "offline_access"]

browser = Browser()
provider = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=30).json()
keys = jwt.PyJWKClient(provider["jwks_uri"])
# RFC 6749 2.3.1: form-encoded before Basic, which requests leaves to its caller.
auth = (quote_plus(CLIENT_ID), quote_plus(SECRET)) if SECRET else None


def step(name):
    print("web:" if SECRET else "public:", name, flush=True)


def verify(token, nonce=None, access_token=None):
    """Checks an ID token with the published keys; gives its claims."""
    decoded = jwt.decode_complete(
        token,
        keys.get_signing_key_from_jwt(token),
        algorithms=provider["id_token_signing_alg_values_supported"],
        audience=CLIENT_ID,
        issuer=ISSUER,
        options={"require": ["exp", "iat", "iss", "sub", "aud"]},
    )
    claims = decoded["payload"]
    if nonce:
        assert claims["nonce"] == nonce
    if access_token and "at_hash" in claims:
        algorithm = jwt.get_algorithm_by_name(decoded["header"]["alg"])
        digest = algorithm.compute_hash_digest(access_token.encode())
        half = digest[: len(digest) // 2]
        assert jwt.utils.base64url_encode(half).decode() == claims["at_hash"]
    return claims


def login(**extra):
    session = OAuth2Session(CLIENT_ID, redirect_uri=REDIRECT_URI, scope=SCOPES, pkce="S256")
    nonce = secrets.token_urlsafe(16)
    url, _ = session.authorization_url(provider["authorization_endpoint"], nonce=nonce, **extra)
    back = browser.authorize(url, EMAIL, PASSWORD)
    assert back.startswith(REDIRECT_URI + "?"), back
    answer = parse_qs(urlsplit(back).query)
    # RFC 9207: the answer says who gave it.
    assert answer["iss"] == [ISSUER], answer
    if "error" in answer:
        return answer["error"][0], None, None
    token = session.fetch_token(
        provider["token_endpoint"],
        authorization_response=back,
        client_secret=SECRET,
        auth=auth,
        include_client_id=not SECRET,
        timeout=30,
    )
    return session, token, verify(token["id_token"], nonce, token["access_token"])


def post(endpoint, **data):
    if not SECRET:
        data["client_id"] = CLIENT_ID
    answer = requests.post(provider[endpoint], data=data, auth=auth, timeout=30)
    assert answer.status_code == 200, (endpoint, answer.status_code, answer.text)
    return answer


assert provider["issuer"] == ISSUER
step("discovered")

session, token, claims = login()
assert claims["sid"] and token["expires_in"] > 0
step("signed in, ID token verified")

_, again, repeated = login(prompt="none")
assert repeated["sub"] == claims["sub"]
step("signed in again without a page")

me = session.get(provider["userinfo_endpoint"], timeout=30).json()
assert me["sub"] == claims["sub"] and me["email"] == EMAIL, me
step("userinfo")

client = {} if SECRET else {"client_id": CLIENT_ID}
fresh = session.refresh_token(provider["token_endpoint"], auth=auth, timeout=30, **client)
assert fresh["refresh_token"] != token["refresh_token"]
assert verify(fresh["id_token"], access_token=fresh["access_token"])["sub"] == claims["sub"]
step("refreshed")

if SECRET:
    seen = post("introspection_endpoint", token=fresh["access_token"]).json()
    assert seen["active"] is True and seen["client_id"] == CLIENT_ID, seen
    step("introspected")

post("revocation_endpoint", token=fresh["refresh_token"], token_type_hint="refresh_token")
try:
    session.refresh_token(
        provider["token_endpoint"], fresh["refresh_token"], auth=auth, timeout=30, **client
    )
    raise AssertionError("a revoked refresh token still works")
except InvalidGrantError:
    pass
if SECRET:
    # The grant's access tokens go along with it.
    seen = post("introspection_endpoint", token=fresh["access_token"]).json()
    assert seen == {"active": False}, seen
step("revoked")

state = secrets.token_urlsafe(16)
logout = {
    "id_token_hint": again["id_token"],
    "post_logout_redirect_uri": POST_LOGOUT_URI,
    "state": state,
}
out = browser.visit(provider["end_session_endpoint"] + "?" + urlencode(logout))
assert out.left == f"{POST_LOGOUT_URI}?state={state}", (out.url, out.left)
error, _, _ = login(prompt="none")
assert error == "login_required", error
step("logged out")

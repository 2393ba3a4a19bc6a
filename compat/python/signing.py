"""Signs what schemathesis sends: the HMAC is made over the very bytes that leave, or over the room a form is for."""

import hashlib
import hmac
import os

import requests.auth
import schemathesis


class Signed(requests.auth.AuthBase):
    def __call__(self, request):
        form = str(request.headers.get("Content-Type", "")).startswith("multipart/")
        body = request.headers.get("Room-Id", b"") if form else request.body or b""
        if isinstance(body, str):
            body = body.encode()
        secret = os.environ["PLENUM_SECRET"].encode()
        request.headers["API-KEY"] = os.environ["PLENUM_KEY"]
        request.headers["HASH-SIGNATURE"] = hmac.new(secret, body, hashlib.sha256).hexdigest()
        return request


schemathesis.auth.set_from_requests(Signed())

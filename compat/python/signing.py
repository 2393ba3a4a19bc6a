"""Signs what schemathesis sends: the HMAC is made over the very bytes that leave."""

import hashlib
import hmac
import os

import requests.auth
import schemathesis


class Signed(requests.auth.AuthBase):
    def __call__(self, request):
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        secret = os.environ["PLENUM_SECRET"].encode()
        request.headers["API-KEY"] = os.environ["PLENUM_KEY"]
        request.headers["HASH-SIGNATURE"] = hmac.new(secret, body, hashlib.sha256).hexdigest()
        return request


schemathesis.auth.set_from_requests(Signed())

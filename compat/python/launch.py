"""Signs an LTI 1.1 launch with oauthlib. Reads {url, key, secret, fields} from stdin, writes the signed fields as JSON."""

import json
import sys
from urllib.parse import parse_qsl, urlencode

from oauthlib.oauth1 import SIGNATURE_TYPE_BODY, Client

wish = json.load(sys.stdin)
client = Client(wish["key"], client_secret=wish["secret"], signature_type=SIGNATURE_TYPE_BODY)
_, _, body = client.sign(
    wish["url"],
    http_method="POST",
    body=urlencode(wish["fields"]),
    headers={"Content-Type": "application/x-www-form-urlencoded"},
)
json.dump(dict(parse_qsl(body, keep_blank_values=True)), sys.stdout)

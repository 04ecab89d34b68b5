"""A mail server that keeps nothing: prints each mail as a line of JSON, until its input closes.

Recipients with "refused" in their address are refused for good, those with "later" the first time.
"""

import email
import json
import sys

from aiosmtpd.controller import Controller


class Sink:
    def __init__(self):
        self.put_off = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if "refused" in address:
            return "550 there is nobody of that name"
        if "later" in address and address not in self.put_off:
            self.put_off.add(address)
            return "451 come again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content)
        parts = {p.get_content_type(): p.get_payload(decode=True).decode() for p in mail.walk() if not p.is_multipart()}
        headers = {name: str(email.header.make_header(email.header.decode_header(mail[name] or ""))) for name in ("From", "To", "Subject")}
        print(json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_tos, "headers": headers, "parts": parts}), flush=True)
        return "250 OK"


controller = Controller(Sink(), hostname="127.0.0.1", port=int(sys.argv[1]))
controller.start()
print("ready", flush=True)
sys.stdin.read()
controller.stop()
